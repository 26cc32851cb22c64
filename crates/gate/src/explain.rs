//! What would become of a request: the dry run, the same routing and decision on facts
//! that are given instead of found. Not here: what became of those that were made
//! (`denials`).

use crate::cure;
use crate::policy::Policies;
use crate::policy::compiled::{Target, TargetKind};
use crate::policy::spec::CredentialKind;
use crate::stage::decide::{Presenter, decide};
use crate::stage::guard::{self, Asked};
use crate::stage::route::{self, Found};
use crate::stage::verify;
use doorward_base::{ErrorCode, Principal, RealmName, RoleName, TenantId};
use http::Method;
use std::sync::Arc;

/// A request that is not made: `doorward check` and `doorward explain --request`.
#[derive(Clone, Debug)]
pub struct DryRun<'d> {
    pub realm: &'d RealmName,
    pub method: &'d Method,
    /// The path, without a query.
    pub path: &'d str,
    /// Whether it comes by TLS.
    pub secure: bool,
    /// The caller; `None` presents no credential.
    pub principal: Option<Arc<Principal>>,
    /// How the caller presents itself.
    pub credential: CredentialKind,
    /// The role it selects.
    pub role: Option<RoleName>,
    /// The tenant it names.
    pub tenant: Option<TenantId>,
}

/// What would happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DryOutcome {
    /// The refusal; `None` is a permit.
    pub code: Option<ErrorCode>,
    /// The stage that would refuse.
    pub stage: &'static str,
    /// The check that would fail.
    pub check: &'static str,
    /// The pattern that matched.
    pub route: Option<String>,
    pub required: Vec<String>,
    pub held: Vec<String>,
    /// What would mend it, where that is known.
    pub cure: Option<&'static str>,
}

fn refused(code: ErrorCode, stage: &'static str, check: &'static str) -> DryOutcome {
    DryOutcome {
        code: Some(code),
        stage,
        check,
        route: None,
        required: Vec::new(),
        held: Vec::new(),
        cure: cure::of(code, check),
    }
}

fn has_module(target: &Target) -> bool {
    match &target.kind {
        TargetKind::Route(route) => route.basic.is_some(),
        TargetKind::Mount(_) => false,
    }
}

/// Routes and decides a request that is not made. `None` when there is no such realm.
#[must_use]
pub fn dry_run(policies: &Policies, run: &DryRun<'_>) -> Option<DryOutcome> {
    let realm = policies.named(run.realm)?;
    if !guard::allows(realm, run.secure) {
        return Some(refused(ErrorCode::HttpsRequired, "guard", "https"));
    }
    if let Some(principal) = &run.principal
        && !verify::can_arrive(realm, run.credential, principal.environment.as_ref())
    {
        return Some(refused(ErrorCode::TokenInvalid, "verify", "presentation"));
    }
    let path = match route::path_of(realm, run.path) {
        Ok(path) => path,
        Err(error) => return Some(refused(ErrorCode::PathAmbiguous, "guard", error.0)),
    };
    let target = match route::find(realm, &path, run.method) {
        Found::Target(target) => target,
        Found::Nothing { open: false, .. } if run.principal.is_none() => {
            return Some(refused(ErrorCode::CredentialMissing, "route", "credential"));
        }
        Found::Nothing { stop, .. } => {
            return Some(refused(stop.refusal.code, stop.stage, stop.check));
        }
    };
    if run.principal.is_some() && run.credential == CredentialKind::Basic && !has_module(target) {
        return Some(refused(ErrorCode::TokenInvalid, "verify", "module_off"));
    }
    let caller = run.principal.as_ref().map(|principal| Presenter {
        principal,
        kind: run.credential,
    });
    let asked = Asked {
        role: run.role.clone(),
        tenant: run.tenant.clone(),
    };
    let decided = decide(realm, target, run.method, caller, &asked);
    let route = Some(target.pattern.to_string());
    Some(match decided {
        Ok(_) => DryOutcome {
            code: None,
            stage: "decide",
            check: "permitted",
            route,
            required: Vec::new(),
            held: Vec::new(),
            cure: None,
        },
        Err(stop) => DryOutcome {
            route,
            required: stop.required,
            held: stop.held,
            ..refused(stop.refusal.code, stop.stage, stop.check)
        },
    })
}
