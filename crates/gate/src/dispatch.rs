//! After the permit: to a local target, to the echo, or to an upstream. Not here: the
//! judgement (`gate`) and the upstream client (`proxy`).

use crate::body::{Capped, GateBody};
use crate::case::Case;
use crate::gate::{Gate, Judged, Scene};
use crate::listener::Held;
use crate::policy::compiled::{Realm, Target, TargetKind};
use crate::policy::spec::UpstreamSpec;
use crate::proxy::echo;
use crate::proxy::headers::{Seen, prepare};
use crate::proxy::upgrade;
use crate::proxy::upstream::{Failure, Outgoing};
use crate::stage::decide::Permit;
use crate::stage::verify::{Verified, presented};
use crate::stage::{Passed, Stop, limit};
use crate::stream::{Bond, Broken, while_it_stands};
use doorward_base::{Effects, ErrorCode};
use doorward_surface::{Context, Local, Refusal};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;

/// A local target, and how it is called.
#[derive(Clone, Copy)]
struct LocalCall<'t> {
    name: &'static str,
    target: &'t dyn Local,
    timeout: Duration,
    guessable: bool,
}

impl<'t> LocalCall<'t> {
    /// The local target of a mount, or the one that a route leads to.
    fn of(target: &'t Target) -> Option<Self> {
        match &target.kind {
            TargetKind::Mount(mount) => Some(Self {
                name: mount.name,
                target: &*mount.target,
                timeout: mount.timeout,
                guessable: mount.guessable,
            }),
            TargetKind::Route(route) => route.local.as_ref().map(|local| Self {
                name: local.name,
                target: &*local.target,
                timeout: route.spec.timeout,
                guessable: false,
            }),
        }
    }
}

impl Gate {
    /// Hands a judged request to its target.
    pub(crate) async fn dispatch(
        &self,
        scene: Scene<'_>,
        judged: Judged<'_>,
        (mut parts, body): (Parts, Incoming),
        authority: &str,
        case: &mut Case,
    ) -> Passed<Response<GateBody>> {
        let Judged {
            target,
            permit,
            verified,
        } = judged;
        let max_body = target.max_body().unwrap_or(self.parts.options.max_body);
        check_length(&parts, max_body)?;
        let held = parts.extensions.remove::<Held>();
        let body = Capped::new(body, max_body, self.parts.options.body_pace, held);
        case.read_body(&body);
        let route = target.route().map(|route| &route.spec);
        // What is presented at a mount that reads no credential is the mount's own business;
        // an upstream never gets what could have been one.
        let strips = verified.is_some() || route.is_some();
        let forwarded = forwarded_target(&parts, scene.path, |query| {
            let strips = strips && presented::is_in_query(scene.realm, route, query);
            strips.then(|| presented::strip_query(scene.realm, route, query))
        })
        .ok_or_else(|| Stop::new(ErrorCode::PathAmbiguous, "guard", "target"))?;
        let bond = self.bond(scene, verified.as_ref(), &permit);
        if let Some(local) = LocalCall::of(target) {
            parts.uri = rebuild(&parts.uri, forwarded);
            return self
                .call_local(local, (permit, bond), scene, (parts, body), case)
                .await;
        }
        let Some(route) = target.route() else {
            return Err(Stop::new(ErrorCode::Internal, "dispatch", "target"));
        };
        let websocket = upgrade::wants_websocket(&parts)?;
        let seen = Seen {
            passes_authorization: passes_authorization(scene.realm, target, &parts),
            realm: scene.realm,
            principal: permit.principal().map(|principal| &**principal),
            verified: verified.as_ref(),
            client: scene.client,
            authority,
            request: case.request,
        };
        prepare(&mut parts.headers, &seen)
            .map_err(|_| Stop::new(ErrorCode::TokenInvalid, "decide", "claim_unwritable"))?;
        let answer = if route.spec.upstream == UpstreamSpec::Echo {
            echo::answer(
                (permit, bond),
                &parts.method,
                &forwarded,
                &parts.headers,
                body,
            )
            .await
        } else {
            let outgoing = Outgoing {
                bond,
                permit,
                route,
                parts,
                target: forwarded,
                authority,
                body,
                websocket,
                slots: case.slots.clone(),
            };
            self.upstreams.forward(outgoing).await
        };
        answer.map_err(|failure| Stop::new(failure.code, "upstream", failure.check))
    }

    /// What a request hangs on that somebody in particular makes.
    fn bond(&self, scene: Scene<'_>, verified: Option<&Verified>, permit: &Permit) -> Option<Bond> {
        verified.map(|verified| {
            let acts_in = permit.foreign_tenant(&verified.principal).cloned();
            Bond::new(&self.keeper, scene.realm, verified, acts_in)
        })
    }

    /// Calls a local target. What it refuses is written, counted and traced as the
    /// gate's own refusals are, and a wrong credential in a body counts against the address as one in a header.
    async fn call_local(
        &self,
        local: LocalCall<'_>,
        (permit, bond): (Permit, Option<Bond>),
        scene: Scene<'_>,
        (parts, body): (Parts, Capped),
        case: &Case,
    ) -> Passed<Response<GateBody>> {
        let Scene { realm, client, .. } = scene;
        let (limiter, now) = (&*self.parts.limiter, case.now);
        let (principal, credential) = permit.into_caller();
        if local.guessable && principal.is_none() && !parts.method.is_safe() {
            limit::check_failures(realm, limiter, &self.keys, client.ip, now)?;
        }
        let context = Context {
            realm: Arc::clone(&realm.handle),
            principal,
            credential,
            request: case.request,
            now,
            peer: client.ip,
            secure: client.secure,
            effects: Effects::undeclared(),
        };
        let course = body.course();
        let request = Request::from_parts(parts, GateBody::Request(body).boxed_unsync());
        let call = local.target.call(request, context);
        let called = while_it_stands(call, local.timeout, &course, bond).await;
        let mut answer = called.map_err(|broken| match broken {
            Broken::Late => Stop::new(ErrorCode::DeadlinePassed, local.name, "deadline"),
            Broken::Ended(ended) => {
                let Failure { code, check } = ended.into();
                Stop::new(code, local.name, check)
            }
        })?;
        let Some(refusal) = answer.extensions_mut().remove::<Refusal>() else {
            return Ok(answer.map(GateBody::Local));
        };
        let stop = refused(local.name, refusal, answer.headers());
        if matches!(
            stop.refusal.code,
            ErrorCode::TokenInvalid | ErrorCode::TokenExpired | ErrorCode::SignInRefused
        ) {
            return Err(limit::failed(
                stop, realm, limiter, &self.keys, client.ip, now,
            ));
        }
        Err(stop)
    }
}

/// Whether the request's `Authorization` is none of ours, and goes on as it came.
pub(crate) fn passes_authorization(realm: &Realm, target: &Target, parts: &Parts) -> bool {
    let TargetKind::Route(route) = &target.kind else {
        return false;
    };
    let value = parts.headers.get(AUTHORIZATION);
    value.is_some_and(|value| presented::leaves_alone(realm, &route.spec, value))
}

/// What a local target refused: its own headers, such as `Allow`, are kept, except that
/// the body is written here.
fn refused(name: &'static str, refusal: Refusal, headers: &HeaderMap) -> Box<Stop> {
    let mut stop = Stop::new(refusal.code, name, refusal.code.as_str());
    stop.check = refusal.reason.unwrap_or(stop.check);
    stop.required.clone_from(&refusal.scopes);
    let own = headers
        .iter()
        .filter(|(name, _)| !matches!(**name, CONTENT_TYPE | CONTENT_LENGTH | LOCATION));
    stop.headers = own
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    stop.refusal = refusal;
    stop
}

/// A declared length beyond the cap is refused before a byte is read.
fn check_length(parts: &Parts, max_body: u64) -> Passed<()> {
    let declared = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max_body) {
        return Err(Stop::new(
            ErrorCode::BodyTooLarge,
            "guard",
            "content_length",
        ));
    }
    Ok(())
}

/// The canonical path with the query, without what `strip` takes out of it, if it
/// changes anything: parameters that carried a credential.
fn forwarded_target(
    parts: &Parts,
    path: &str,
    strip: impl Fn(&str) -> Option<String>,
) -> Option<PathAndQuery> {
    let query = parts.uri.query();
    let stripped = query.and_then(strip);
    if stripped.is_none() && parts.uri.path() == path {
        return Some(
            parts
                .uri
                .path_and_query()
                .cloned()
                .unwrap_or(PathAndQuery::from_static("/")),
        );
    }
    let query = stripped.unwrap_or_else(|| query.unwrap_or_default().to_owned());
    if query.is_empty() {
        PathAndQuery::try_from(path).ok()
    } else {
        PathAndQuery::try_from(format!("{path}?{query}")).ok()
    }
}

fn rebuild(uri: &Uri, target: PathAndQuery) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
