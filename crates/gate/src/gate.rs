//! The spine: every request, in the order of the stages. Not here: the stages
//! themselves (`stage`), and the listener that feeds it (`listener`).
//!
//! accept → guard → realm → path → route → verify → limit → decide → permit →
//! upstream or local target; a refusal at any point is rendered, counted, traced.

mod caller;
mod parts;
mod record;

pub use parts::{GateParts, Peer};

use crate::authority::{self, AuthorityError};
use crate::body::GateBody;
use crate::case::Case;
use crate::counters::GateCounters;
use crate::denials::DenialRings;
use crate::limit::KeyMaker;
use crate::liveness;
use crate::policy::Policies;
use crate::policy::compiled::{Limit, Realm, Target};
use crate::policy::spec::MountAccess;
use crate::proxy::upstream::Upstreams;
use crate::seldom::Seldom;
use crate::slots::Slots;
use crate::stage::decide::Permit;
use crate::stage::forwarded::{self, Client};
use crate::stage::guard;
use crate::stage::route::Found;
use crate::stage::verify::Verified;
use crate::stage::verify::cache::Caches;
use crate::stage::{Passed, Stop, cors, limit, reserved, route};
use crate::stream::{Keeper, Streams};
use arc_swap::ArcSwap;
use caller::{check_page, decide_caller};
use doorward_base::limit::InFlight;
use doorward_base::{ErrorCode, RequestId, Timestamp};
use doorward_surface::DenialLog;
use futures_util::FutureExt as _;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Request, Response, Version};
use hyper::body::Incoming;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Gate {
    pub(crate) parts: GateParts,
    policies: Arc<ArcSwap<Policies>>,
    generation: AtomicU64,
    pub(crate) keys: KeyMaker,
    caches: Caches,
    pub(crate) upstreams: Upstreams,
    denials: Arc<DenialRings>,
    counters: Arc<GateCounters>,
    unreadable: Seldom,
    in_flight: Arc<InFlight>,
    pub(crate) keeper: Arc<Keeper>,
}

/// A request that passed every stage.
pub(crate) struct Judged<'r> {
    pub(crate) target: &'r Target,
    pub(crate) permit: Permit,
    pub(crate) verified: Option<Verified>,
}

/// Where and by whom a request is judged.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'s> {
    pub(crate) realm: &'s Arc<Realm>,
    pub(crate) generation: u64,
    pub(crate) client: &'s Client,
    pub(crate) listener: Option<SocketAddr>,
    pub(crate) path: &'s str,
}

impl Gate {
    /// A gate with its first policies.
    #[must_use]
    pub fn new(parts: GateParts, policies: Policies) -> Arc<Self> {
        let policies_in_force: Arc<ArcSwap<Policies>> = Arc::default();
        let gate = Self {
            policies: Arc::clone(&policies_in_force),
            generation: AtomicU64::new(0),
            keys: KeyMaker::new(&parts.limit_seed),
            caches: Caches::new(parts.options.token_cache),
            upstreams: Upstreams::new(&parts.options),
            denials: Arc::new(DenialRings::new(parts.options.denials)),
            counters: Arc::default(),
            unreadable: Seldom::default(),
            in_flight: Arc::default(),
            keeper: Arc::new(Keeper {
                policies: policies_in_force,
                streams: Arc::clone(&parts.streams),
                revocations: Arc::clone(&parts.revocations),
                clock: Arc::clone(&parts.clock),
            }),
            parts,
        };
        gate.swap(policies);
        Arc::new(gate)
    }

    /// Puts new policies into force. A request that has begun keeps those it began
    /// with; nothing verified under the old ones is used again.
    pub fn swap(&self, mut policies: Policies) {
        policies.tie(&*self.parts.keys);
        policies.generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        self.policies.store(Arc::new(policies));
        self.parts.streams.all_look_again();
    }

    /// The policies in force.
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        self.policies.load_full()
    }

    /// Peers whose `X-Forwarded-*` is believed, and behind which many clients are.
    pub(crate) fn trusted_proxies(&self) -> &[IpNet] {
        &self.parts.options.trusted_proxies
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Arc<GateCounters> {
        &self.counters
    }

    /// What was opened and goes on.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.parts.streams
    }

    /// The recent denials.
    #[must_use]
    pub fn denials(&self) -> Arc<dyn DenialLog> {
        Arc::clone(&self.denials) as Arc<dyn DenialLog>
    }

    /// Drops what was verified and is of no use any more. Called now and then: what is
    /// not presented again would stay until others need its room.
    pub fn forget_what_is_over(&self) {
        let generation = self.policies.load().generation;
        self.caches.forget(generation, self.parts.clock.now());
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<GateBody> {
        let now = self.parts.clock.now();
        let mut case = Case::new(RequestId::mint(&*self.parts.entropy, now), now, &request);
        let served = AssertUnwindSafe(self.serve(request, peer, &mut case))
            .catch_unwind()
            .await;
        let outcome = served.unwrap_or_else(|_| {
            self.counters.panics.fetch_add(1, Ordering::Relaxed);
            Err(Stop::new(ErrorCode::Internal, "gate", "panic"))
        });
        let response = match outcome {
            Ok(response) => {
                if case.permitted {
                    self.counters.permitted.fetch_add(1, Ordering::Relaxed);
                    self.note(None, &case);
                }
                response
            }
            Err(stop) => {
                // What is refused by another count would be told the room that is left in
                // the limits that it passed.
                if stop.refusal.code == ErrorCode::RateLimited && stop.stage != limit::STAGE {
                    case.note = None;
                }
                self.record(&stop, &case);
                case.render(&stop)
            }
        };
        case.complete(response)
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        case: &mut Case,
    ) -> Passed<Response<GateBody>> {
        let (mut parts, body) = request.into_parts();
        let policies = self.policies.load_full();
        let authority = authority::read(&parts).map(std::borrow::Cow::into_owned);
        let realm = authority
            .as_ref()
            .ok()
            .and_then(|authority| policies.find(authority, peer.listener));
        // Known as early as it can be: every refusal is rendered in the realm's form.
        if let Some(realm) = realm {
            case.enter(realm, &parts.headers);
        }
        peer.check()?;
        guard::screen(&parts, realm.map(|realm| &**realm))?;
        if realm.is_none() && liveness::is_asked(&parts) && may_lack_host(&parts, &authority) {
            return Ok(liveness::answer().map(GateBody::Local));
        }
        let authority =
            authority.map_err(|error| Stop::new(ErrorCode::InvalidRequest, "guard", error.0))?;
        let realm = realm.ok_or_else(|| Stop::new(ErrorCode::HostUnknown, "route", "host"))?;
        let client = self.client(&parts, peer, case.now);
        case.peer = Some(client.ip);
        let path = match route::path_of(realm, parts.uri.path()) {
            Ok(path) => Arc::<str>::from(path),
            Err(error) => {
                case.path = parts.uri.path().into();
                return Err(Stop::new(ErrorCode::PathAmbiguous, "guard", error.0));
            }
        };
        case.path = Arc::clone(&path);
        let scene = Scene {
            realm,
            generation: policies.generation,
            client: &client,
            listener: peer.listener,
            path: &path,
        };
        if self.is_forward_auth(&scene) {
            return self
                .forward_auth(&policies, scene, parts, &authority, case)
                .await;
        }
        if realm.asks_proxies_on(peer.listener) {
            return Err(Stop::new(ErrorCode::HostUnknown, "route", "listener"));
        }
        case.cors = cors::of(realm, &path, &parts);
        self.demand_https(scene, &parts, case).await?;
        if let Some(response) = cors::preflight(&parts, case.cors.as_ref()) {
            return Ok(response);
        }
        let judged = self.judge(scene, &mut parts, case).await?;
        case.permitted = true;
        self.dispatch(scene, judged, (parts, body), &authority, case)
            .await
    }

    fn client(&self, parts: &Parts, peer: Peer, now: Timestamp) -> Client {
        let trusted = &self.parts.options.trusted_proxies;
        let client = forwarded::client(&parts.headers, peer.ip, peer.secure, trusted);
        if client.unreadable && self.unreadable.is_due(now) {
            tracing::warn!(
                proxy = %peer.ip,
                "a trusted proxy wrote an X-Forwarded-For or X-Forwarded-Proto that cannot be \
                 read; the client is taken to be the last proxy that can, without TLS"
            );
        }
        client
    }

    /// Everything between the path and the permit; forward-auth runs it too.
    pub(crate) async fn judge<'r>(
        &self,
        scene: Scene<'r>,
        parts: &mut Parts,
        case: &mut Case,
    ) -> Passed<Judged<'r>> {
        // What a script of a page must not get: browsers ask the user (RFC 7617 §2).
        let of_a_page = [ORIGIN, HeaderName::from_static("x-requested-with")]
            .iter()
            .any(|name| parts.headers.contains_key(name));
        let judged = self.judge_caller(scene, parts, case).await;
        judged.map_err(|stop| {
            let takes_basic = || route::takes_basic(scene.realm, scene.path, &parts.method);
            match stop.refusal.code.status() {
                401 if !of_a_page && takes_basic() => stop.with_basic_challenge(scene.realm),
                _ => stop,
            }
        })
    }

    async fn judge_caller<'r>(
        &self,
        scene: Scene<'r>,
        parts: &mut Parts,
        case: &mut Case,
    ) -> Passed<Judged<'r>> {
        let realm = scene.realm;
        let asked = guard::take_asked(&mut parts.headers, realm);
        reserved::strip(&mut parts.headers, realm);
        let found = route::find(realm, scene.path, &parts.method);
        let target = found.target();
        if let Some(near) = found.near() {
            case.reach(near, &parts.headers);
        }
        // Refused in the form of the place that was asked for.
        let asked = asked?;
        let mount = target.and_then(Target::mount);
        if let Some(own) = mount.and_then(|mount| mount.cors.as_ref()) {
            case.varies = own.is_listed();
        }
        let skip = match &found {
            // What is presented at an open mount is the target's own business.
            Found::Target(_) => mount.is_some_and(|mount| mount.access == MountAccess::Open),
            Found::Nothing { open, .. } => *open,
        };
        let credential = if skip {
            None
        } else {
            self.find_credential(scene, target, parts, case.now)?
        };
        let verified = match &credential {
            None => None,
            Some(found) => Some(self.verify_found(scene, target, found, case).await?),
        };
        check_page(verified.as_ref(), parts, scene, case)?;
        case.principal = verified
            .as_ref()
            .map(|verified| Arc::clone(&verified.principal));
        let target = match found {
            Found::Target(target) => target,
            Found::Nothing { stop, open, .. } => {
                return Err(self.missed(scene, stop, open, case).await);
            }
        };
        self.count(scene, &target.limits, case).await?;
        let caller = verified.as_ref();
        let permit = decide_caller(realm, (target, &parts.method), caller, &asked)?;
        if let Some(verified) = caller {
            self.check_tenant(scene, verified, &permit, case).await?;
        }
        Ok(Judged {
            target,
            permit,
            verified,
        })
    }

    /// The refusal where there is no target: a stranger is asked for a credential first,
    /// and a known caller's guesses count against the realm's limits.
    async fn missed(
        &self,
        scene: Scene<'_>,
        stop: Box<Stop>,
        open: bool,
        case: &mut Case,
    ) -> Box<Stop> {
        if case.principal.is_some() {
            let counted = self.count(scene, &scene.realm.limits, case).await;
            return counted.err().unwrap_or(stop);
        }
        if open {
            return stop;
        }
        Stop::new(ErrorCode::CredentialMissing, "route", "credential")
    }

    async fn count(&self, scene: Scene<'_>, limits: &[Arc<Limit>], case: &mut Case) -> Passed<()> {
        if limits.is_empty() {
            return Ok(());
        }
        let counts = limit::Counts {
            limiter: &*self.parts.limiter,
            in_flight: &self.in_flight,
            plans: &*self.parts.plans,
            keys: &self.keys,
            reached: &self.counters.limits,
        };
        let whose = limit::Whose {
            realm: scene.realm,
            principal: case.principal.as_deref(),
            ip: scene.client.ip,
            now: case.now,
        };
        match limit::count(limits, counts, whose).await {
            Ok(counted) => {
                case.note = counted.note;
                case.observed = counted.observed;
                case.slots = Slots::of(counted.slots);
                Ok(())
            }
            Err((stop, note)) => {
                case.note = Some(note);
                Err(stop)
            }
        }
    }
}

/// Whether a request without a realm is one that names none: HTTP/1.1 and later must
/// name a host (RFC 9112 §3.2), earlier ones need not.
fn may_lack_host(parts: &Parts, authority: &Result<String, AuthorityError>) -> bool {
    authority.is_ok() || (parts.version < Version::HTTP_11 && !parts.headers.contains_key(HOST))
}
