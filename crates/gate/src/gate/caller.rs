//! From a request to its verified caller, with what failures cost an address. Not here:
//! how a credential is read and verified (`stage::verify`).

use super::{Gate, Scene};
use crate::case::Case;
use crate::policy::compiled::{Realm, Target, TargetKind};
use crate::policy::spec::MountAccess;
use crate::port::Facts;
use crate::stage::decide::{self, Permit, Presenter};
use crate::stage::forwarded::Client;
use crate::stage::guard::{self, Asked};
use crate::stage::route;
use crate::stage::verify::{Presented, Verified, Verifier, exposed, origin, presented};
use crate::stage::{Passed, Stop, limit};
use doorward_base::{CredentialKind, ErrorCode, Timestamp};
use http::Method;
use http::request::Parts;

/// A browser adds a Basic credential by itself, also to what pages of other sites send.
pub(super) fn check_page(
    verified: Option<&Verified>,
    parts: &Parts,
    scene: Scene<'_>,
    case: &Case,
) -> Passed<()> {
    match verified.map(|verified| verified.kind) {
        Some(CredentialKind::Basic) => {
            origin::check_basic(parts, scene.client.secure, case.cors.as_ref())
        }
        _ => Ok(()),
    }
}

/// What a caller may do, judged as it presented itself.
pub(super) fn decide_caller(
    realm: &Realm,
    (target, method): (&Target, &Method),
    verified: Option<&Verified>,
    asked: &Asked,
) -> Passed<Permit> {
    let caller = verified.map(|verified| Presenter {
        principal: &verified.principal,
        kind: verified.kind,
    });
    decide::decide(realm, target, method, caller, asked)
}

impl Gate {
    /// The request's credential. One that cannot exist counts against the address like
    /// one that does not.
    pub(super) fn find_credential<'p>(
        &self,
        scene: Scene<'p>,
        target: Option<&'p Target>,
        parts: &'p Parts,
        now: Timestamp,
    ) -> Passed<Option<presented::Found<'p>>> {
        let Scene { realm, client, .. } = scene;
        let limiter = &*self.parts.limiter;
        let found = presented::find(realm, target, parts, client.secure);
        if let Err(stop) = &found
            && stop.refusal.code == ErrorCode::TokenInvalid
        {
            return found
                .map_err(|stop| limit::failed(stop, realm, limiter, &self.keys, client.ip, now));
        }
        found
    }

    /// The realm's rule for plain HTTP. A credential that came by it all the same is not
    /// acted on; whose it is, and that it was exposed, is told.
    pub(crate) async fn demand_https(
        &self,
        scene: Scene<'_>,
        parts: &Parts,
        case: &mut Case,
    ) -> Passed<()> {
        let refused = guard::check_https(scene.realm, parts, scene.client);
        if refused.is_ok() || !scene.realm.watches_exposure {
            return refused;
        }
        let target = route::find(scene.realm, scene.path, &parts.method).target();
        // What is presented at an open mount is the target's own business.
        let mount = target.and_then(Target::mount);
        if mount.is_some_and(|mount| mount.access == MountAccess::Open) {
            return refused;
        }
        let facts = Facts {
            now: case.now,
            request: case.request,
            peer: scene.client.ip,
        };
        // What is only taken over TLS is looked at all the same: it was sent.
        let client = Client {
            secure: true,
            ..*scene.client
        };
        let scene = Scene {
            client: &client,
            ..scene
        };
        for credential in exposed::find_all(scene.realm, target, parts) {
            let verified = self.verify(scene, target, &credential, case).await;
            let Ok(Verified {
                principal, kind, ..
            }) = verified
            else {
                continue;
            };
            let realm = &scene.realm.handle;
            let introspect = &self.parts.introspect;
            introspect.exposed(realm, &principal, kind, facts).await;
            case.principal = Some(principal);
        }
        refused
    }

    /// Verifies the caller, and first the API key that came beside its bearer. The key
    /// gives the caller nothing; one that is no good, or another tenant's, is refused.
    pub(super) async fn verify_found(
        &self,
        scene: Scene<'_>,
        target: Option<&Target>,
        found: &presented::Found<'_>,
        case: &mut Case,
    ) -> Passed<Verified> {
        let beside = match &found.beside {
            Some(key) => Some(self.verify(scene, target, key, case).await?),
            None => None,
        };
        let verified = self.verify(scene, target, &found.caller, case).await?;
        let other = beside.and_then(|beside| beside.principal.tenant.clone());
        if other.is_some() && verified.principal.tenant != other {
            let stop = Stop::new(ErrorCode::CredentialConflict, "verify", "api_key_tenant");
            return Err(stop);
        }
        Ok(verified)
    }

    /// Refuses to act in a tenant that is not there, or not any more: who may act in all of
    /// them may act in no other.
    pub(super) async fn check_tenant(
        &self,
        scene: Scene<'_>,
        verified: &Verified,
        permit: &Permit,
        case: &Case,
    ) -> Passed<()> {
        let Some(tenant) = permit.foreign_tenant(&verified.principal) else {
            return Ok(());
        };
        let facts = Facts {
            now: case.now,
            request: case.request,
            peer: scene.client.ip,
        };
        let handle = &scene.realm.handle;
        let known = self.parts.introspect.has_tenant(handle, tenant, facts);
        let is_there = known
            .await
            .map_err(|rejected| Stop::new(rejected.code, decide::STAGE, rejected.check))?;
        if is_there {
            return Ok(());
        }
        let stop = Stop::new(ErrorCode::TenantForbidden, decide::STAGE, "tenant_unknown");
        Err(stop.between(vec![tenant.to_string()], Vec::new()))
    }

    async fn verify(
        &self,
        scene: Scene<'_>,
        target: Option<&Target>,
        credential: &Presented<'_>,
        case: &mut Case,
    ) -> Passed<Verified> {
        let Scene { realm, client, .. } = scene;
        let (limiter, now) = (&*self.parts.limiter, case.now);
        let may_ask = || limit::check_failures(realm, limiter, &self.keys, client.ip, now);
        let verifier = Verifier {
            may_ask: &may_ask,
            introspect: &*self.parts.introspect,
            revocations: &*self.parts.revocations,
            minter: &*self.parts.minter,
            keys: &*self.parts.keys,
            caches: &self.caches,
            counters: &self.counters,
            generation: scene.generation,
            leaves_standing: target
                .and_then(Target::mount)
                .is_some_and(|mount| mount.asks_standing),
        };
        let route = target.and_then(|target| match &target.kind {
            TargetKind::Route(route) => Some(&**route),
            TargetKind::Mount(_) => None,
        });
        let facts = Facts {
            now,
            request: case.request,
            peer: client.ip,
        };
        let verified = verifier
            .verify(realm, route, credential, client, facts, &mut case.hint)
            .await;
        verified.map_err(|stop| match stop.refusal.code {
            ErrorCode::TokenInvalid => {
                limit::failed(stop, realm, limiter, &self.keys, client.ip, now)
            }
            _ => stop,
        })
    }
}
