//! Decide: may this caller do this? A pure function over the target, the caller and
//! what the caller asks to act as; the only maker of a [`Permit`]. Not here: who the
//! caller is (`verify`), and forwarding (`proxy`).
//!
//! The order is fixed and documented: who are you (401) before may you (403); then
//! role header, tenant header, tenant required, environment, permissions, roles,
//! scopes (any, all, by method).

use super::guard::Asked;
use super::{Passed, Stop};
use crate::policy::compiled::{Realm, Route, Target, TargetKind};
use crate::policy::spec::{MountAccess, MountSpec, RouteSpec, TenantRule};
use doorward_base::claims::ClaimPlaces;
use doorward_base::principal::{Acting, CredentialId, Selected};
use doorward_base::{CredentialKind, ErrorCode, Principal, RoleName, Scope, TenantId};
use http::Method;
use std::sync::Arc;

pub(crate) const STAGE: &str = "decide";

/// The evidence that a request may go on. Forwarding takes one by value; nothing but
/// this stage makes one.
#[derive(Debug)]
pub(crate) struct Permit {
    principal: Option<Arc<Principal>>,
    credential: Option<CredentialKind>,
}

impl Permit {
    /// The caller, with the role and tenant it acts as; `None` where anyone may call.
    pub(crate) fn principal(&self) -> Option<&Arc<Principal>> {
        self.principal.as_ref()
    }

    /// The tenant of ours that the caller acts in and was not verified in. What tenants another
    /// issuer has is its to say.
    pub(crate) fn foreign_tenant(&self, verified: &Principal) -> Option<&TenantId> {
        let acting = self.principal.as_ref()?;
        let tenant = acting.tenant.as_ref()?;
        let is_ours = acting.credential != CredentialId::Foreign;
        (is_ours && verified.tenant.as_ref() != Some(tenant)).then_some(tenant)
    }

    /// The caller and how it presented itself, taken out.
    pub(crate) fn into_caller(self) -> (Option<Arc<Principal>>, Option<CredentialKind>) {
        (self.principal, self.credential)
    }
}

/// A verified caller and how it presented itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presenter<'c> {
    pub(crate) principal: &'c Arc<Principal>,
    pub(crate) kind: CredentialKind,
}

/// Judges one request.
pub(crate) fn decide(
    realm: &Realm,
    target: &Target,
    method: &Method,
    caller: Option<Presenter<'_>>,
    asked: &Asked,
) -> Passed<Permit> {
    match &target.kind {
        TargetKind::Mount(mount) => decide_mount(realm, mount, caller, asked),
        TargetKind::Route(route) => decide_route(realm, route, method, caller, asked),
    }
}

fn decide_mount(
    realm: &Realm,
    mount: &MountSpec,
    caller: Option<Presenter<'_>>,
    asked: &Asked,
) -> Passed<Permit> {
    let (kinds, caller) = match (&mount.access, caller) {
        (MountAccess::Open, _) | (MountAccess::Optional(_), None) => {
            return Ok(Permit {
                principal: None,
                credential: None,
            });
        }
        (MountAccess::Required(_), None) => return Err(missing()),
        (MountAccess::Required(kinds) | MountAccess::Optional(kinds), Some(caller)) => {
            (kinds, caller)
        }
    };
    if !kinds.contains(&caller.kind) {
        return Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "credential_kind"));
    }
    Ok(Permit {
        principal: Some(act_as(realm, caller.principal, asked)?),
        credential: Some(caller.kind),
    })
}

fn decide_route(
    realm: &Realm,
    route: &Route,
    method: &Method,
    caller: Option<Presenter<'_>>,
    asked: &Asked,
) -> Passed<Permit> {
    let spec = &route.spec;
    let Some(caller) = caller else {
        return if spec.public {
            Ok(Permit {
                principal: None,
                credential: None,
            })
        } else {
            Err(missing())
        };
    };
    if !spec.public && !spec.credentials.contains(&caller.kind) {
        return Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "credential_kind"));
    }
    let principal = act_as(realm, caller.principal, asked)?;
    let permit = |principal| Permit {
        principal: Some(principal),
        credential: Some(caller.kind),
    };
    if spec.public {
        return Ok(permit(principal));
    }
    if spec.tenant == TenantRule::Required && principal.tenant.is_none() {
        return Err(Stop::new(
            ErrorCode::TenantRequired,
            STAGE,
            "tenant_required",
        ));
    }
    check_environment(spec, &principal)?;
    check_permissions(spec, &principal)?;
    check_roles(spec, &principal)?;
    check_scopes(spec, method, &principal)?;
    Ok(permit(principal))
}

fn missing() -> Box<Stop> {
    Stop::new(ErrorCode::CredentialMissing, STAGE, "credential")
}

/// The principal with the role and tenant that the request selects, if it may.
fn act_as(realm: &Realm, principal: &Arc<Principal>, asked: &Asked) -> Passed<Arc<Principal>> {
    if let Some(role) = &asked.role
        && !principal.may_take(role)
        && realm.anonymous_role.as_ref() != Some(role)
    {
        let stop = Stop::new(ErrorCode::RoleNotAllowed, STAGE, "role_header");
        return Err(stop.between(vec![role.to_string()], texts(&principal.roles)));
    }
    // Whoever selects a role has that one alone, and what it gives.
    let selected = asked.role.as_ref().map(|role| Selected {
        role,
        gives: realm.given_by(role),
    });
    if let (Some(tenant), Some(rule)) = (&asked.tenant, &realm.tenant_header)
        && principal.tenant.as_ref() != Some(tenant)
        && !may_cross(principal, selected.as_ref(), &rule.foreign_scope)
    {
        let mut stop = Stop::new(ErrorCode::TenantForbidden, STAGE, "tenant_header");
        if !principal.crosses && has_left(principal, selected.as_ref(), &rule.foreign_scope) {
            stop.refusal = stop.refusal.with_message(STAYS);
        }
        return Err(stop.between(vec![tenant.to_string()], texts(&principal.tenant)));
    }
    let role = selected.filter(|selected| !principal.acts_in(selected));
    let tenant = asked
        .tenant
        .as_ref()
        .filter(|tenant| principal.tenant.as_ref() != Some(tenant));
    if role.is_none() && tenant.is_none() {
        return Ok(Arc::clone(principal));
    }
    let nowhere = ClaimPlaces::default();
    let places = realm.places(principal).unwrap_or(&nowhere);
    Ok(Arc::new(principal.acting(&Acting {
        role,
        tenant,
        places,
    })))
}

/// What whoever has the scope for other tenants, and not in the whole realm, is told.
const STAYS: &str = "This credential carries what its tenant alone gave, and stays there; \
    to name another, sign in without a tenant (`\"tenant\": null`), leave that tenant, or use a \
    token that is bound to none or asks for scopes that are held in the whole realm";

/// Whether the caller may act in a tenant that is not its own: by the scope for it, if all
/// that it carries is held in the whole realm.
fn may_cross(principal: &Principal, selected: Option<&Selected<'_>>, scope: &Scope) -> bool {
    principal.crosses && has_left(principal, selected, scope)
}

/// Whether the caller has the scope, and the selected role gives it too.
fn has_left(principal: &Principal, selected: Option<&Selected<'_>>, scope: &Scope) -> bool {
    selected.is_none_or(|selected| selected.gives(scope.as_str())) && principal.has_scope(scope)
}

fn check_environment(route: &RouteSpec, principal: &Principal) -> Passed<()> {
    let Some(environment) = &principal.environment else {
        return Ok(());
    };
    if route.environments.is_empty() || route.environments.contains(environment) {
        return Ok(());
    }
    let stop = Stop::new(ErrorCode::EnvironmentForbidden, STAGE, "environment");
    Err(stop.between(texts(&route.environments), texts(&principal.environment)))
}

fn check_permissions(route: &RouteSpec, principal: &Principal) -> Passed<()> {
    if route
        .permissions
        .iter()
        .all(|needed| principal.has_permission(needed))
    {
        return Ok(());
    }
    let stop = Stop::new(ErrorCode::InsufficientPermission, STAGE, "permission");
    Err(stop.between(texts(&route.permissions), texts(&principal.permissions)))
}

/// Any role that the caller may take will do: whoever selected one may take no other.
fn check_roles(route: &RouteSpec, principal: &Principal) -> Passed<()> {
    let holds =
        |needed: &RoleName| principal.may_take(needed) || principal.role.as_ref() == Some(needed);
    if route.roles.is_empty() || route.roles.iter().any(holds) {
        return Ok(());
    }
    let stop = Stop::new(ErrorCode::RoleNotAllowed, STAGE, "role");
    Err(stop.between(texts(&route.roles), texts(&principal.roles)))
}

fn check_scopes(route: &RouteSpec, method: &Method, principal: &Principal) -> Passed<()> {
    let rule = &route.scopes;
    let any = |needed: &[Scope]| {
        needed.is_empty() || needed.iter().any(|scope| principal.has_scope(scope))
    };
    let by_method = if matches!(*method, Method::GET | Method::HEAD) {
        &rule.read
    } else {
        &rule.write
    };
    let (check, needed) = if !any(&rule.any) {
        ("scope_any", &rule.any)
    } else if !rule.all.iter().all(|scope| principal.has_scope(scope)) {
        ("scope_all", &rule.all)
    } else if !any(by_method) {
        ("scope_method", by_method)
    } else {
        return Ok(());
    };
    let mut stop = Stop::new(ErrorCode::InsufficientScope, STAGE, check);
    stop.refusal.scopes = texts(needed);
    Err(stop.between(texts(needed), texts(&principal.scopes)))
}

fn texts<'a, T: ToString + 'a>(names: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}
