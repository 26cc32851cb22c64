//! What an API token may do right now: loaded from the store, decided by `decide`. The
//! one path for exchanging it, presenting it and converting it for an upstream.

use super::facts::{load_epoch, load_owned, load_tenant_roles};
use super::look_up::{Found, Presented};
use super::work::Stop;
use crate::decide::authority::{
    Authority, AuthorityInput, AuthorityRefusal, active_tenant, effective, narrow,
};
use crate::decide::refusal::UseRefusal;
use crate::decide::token::{UseInput, usable};
use crate::model::{ApiToken, Subject};
use crate::port::Read;
use crate::settings::{DefaultScopes, Presentation, RealmSettings, UnknownScope};
use doorward_base::principal::Epoch;
use doorward_base::{Audience, ClassName, RoleName, Scope, TenantId, Timestamp};

/// What is asked of a token.
pub(super) struct Ask<'a> {
    pub(super) settings: &'a RealmSettings,
    pub(super) via: &'a Presentation,
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) role: Option<&'a RoleName>,
    pub(super) audience: Option<&'a Audience>,
    pub(super) scopes: Option<&'a [Scope]>,
    pub(super) unknown_scope: UnknownScope,
    pub(super) default_scopes: DefaultScopes,
    pub(super) now: Timestamp,
}

/// The answer.
pub(super) struct TokenAuthority {
    pub(super) owner: Subject,
    pub(super) class: ClassName,
    pub(super) tenant: Option<TenantId>,
    pub(super) audience: Option<Audience>,
    pub(super) authority: Authority,
    pub(super) scopes: Vec<Scope>,
    pub(super) epoch: Epoch,
}

/// Finds a presented token.
pub(super) async fn find_presented(
    tx: &mut dyn Read,
    presented: &Result<Presented, UseRefusal>,
) -> Result<Found, Stop<UseRefusal>> {
    match presented {
        Ok(presented) => Ok(presented.find(tx).await?.ok_or(UseRefusal::Unknown)?),
        Err(refusal) => Err(refusal.clone().into()),
    }
}

/// Loads and decides what a token may do.
pub(super) async fn load_token_authority(
    tx: &mut dyn Read,
    token: &ApiToken,
    ask: &Ask<'_>,
) -> Result<TokenAuthority, Stop<UseRefusal>> {
    let settings = ask.settings;
    let owner = tx.find_subject(token.owner).await?;
    let mut owned = load_owned(tx, token.owner).await?;
    let (class, owner) = usable(&UseInput {
        token,
        owner: owner.as_ref(),
        member_of: &owned.member_of,
        classes: &settings.classes,
        via: ask.via,
        now: ask.now,
    })?;
    let (class, owner) = (class.name.clone(), owner.clone());
    let bound = token.ceiling.tenant.as_ref();
    let tenant = active_tenant(ask.tenant, bound, &owned.member_of).map_err(refusal)?;
    owned.tenant_roles = load_tenant_roles(tx, tenant.as_ref()).await?;
    let audience = match ask.audience {
        Some(audience) if !settings.tokens.audiences.contains(audience) => {
            return Err(UseRefusal::AudienceForbidden.into());
        }
        Some(audience) => Some(audience.clone()),
        None => default_audience(settings, token),
    };
    let mut authority = effective(&AuthorityInput {
        holdings: owned.holdings(settings),
        ceilings: &[&token.ceiling],
        tenant: tenant.as_ref(),
        audience: audience.as_ref(),
        selected_role: ask.role,
        default_role: settings.default_role.as_ref(),
    })
    .map_err(refusal)?;
    let scopes = narrow(
        &mut authority,
        ask.scopes,
        ask.unknown_scope,
        ask.default_scopes,
    )
    .map_err(|_| UseRefusal::InvalidScope)?;
    let epoch = load_epoch(tx, owner.id, tenant.as_ref()).await?;
    Ok(TokenAuthority {
        owner,
        class,
        tenant,
        audience,
        authority,
        scopes,
        epoch,
    })
}

/// The realm's first audience that the token's ceiling allows.
fn default_audience(settings: &RealmSettings, token: &ApiToken) -> Option<Audience> {
    let allowed = |audience: &&Audience| {
        let ceiling = token.ceiling.audiences.as_ref();
        ceiling.is_none_or(|audiences| audiences.contains(audience))
    };
    settings.tokens.audiences.iter().find(allowed).cloned()
}

const fn refusal(refusal: AuthorityRefusal) -> UseRefusal {
    match refusal {
        AuthorityRefusal::Tenant => UseRefusal::TenantForbidden,
        AuthorityRefusal::Role => UseRefusal::RoleNotAllowed,
        AuthorityRefusal::Audience => UseRefusal::AudienceForbidden,
    }
}
