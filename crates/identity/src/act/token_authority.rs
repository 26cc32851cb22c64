//! What an API token may do right now: found in the store, decided by `decide`. The
//! one path for exchanging it, presenting it and converting it for an upstream.

use super::facts::{Owned, epoch_in};
use super::look_up::{Found, Presented};
use super::sign::Unsigned;
use super::work::Stop;
use crate::decide::authority::{
    Authority, AuthorityInput, AuthorityRefusal, active_tenant, effective, narrow,
};
use crate::decide::claims::{Bearer, ClaimsInput, build};
use crate::decide::exchange::{Bounds, Life, LifeRefusal, life};
use crate::decide::refusal::UseRefusal;
use crate::decide::token::{UseInput, ends_at, usable};
use crate::model::{ApiToken, Dossier, Subject};
use crate::port::Read;
use crate::settings::{DefaultScopes, Presentation, RealmSettings, UnknownScope};
use doorward_base::principal::Epoch;
use doorward_base::{Audience, ClassName, RoleName, Scope, TenantId, Timestamp};
use serde_json::Value;
use std::time::Duration;

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

impl TokenAuthority {
    /// The JWT that carries this authority, not signed yet.
    pub(super) fn into_unsigned(
        self,
        settings: &RealmSettings,
        token: &ApiToken,
        audience: &[Audience],
        life: Life,
        jti: &str,
    ) -> Unsigned {
        let claims = build(
            &settings.tokens.claims,
            &ClaimsInput {
                bearer: self.bearer(),
                issuer: &settings.issuer,
                audience,
                issued_at: life.issued_at,
                expires_at: life.expires_at,
                jti,
                session: None,
                token: Some(token.id),
                epoch: self.epoch,
                environment: token.ceiling.environment.as_ref(),
            },
        );
        Unsigned {
            claims,
            life,
            scopes: self.scopes,
            subject: self.owner.id,
            tenant: self.tenant,
        }
    }

    /// What the realm's template writes of it.
    pub(super) fn bearer(&self) -> Bearer<'_> {
        Bearer {
            subject: &self.owner,
            authority: &self.authority,
            tenant: self.tenant.as_ref(),
            scopes: &self.scopes,
        }
    }
}

/// How long a JWT made of this token lives: `asked`, or `ttl` unless asked, but never
/// longer than the token itself.
pub(super) fn life_of(
    token: &ApiToken,
    asked: Option<&Value>,
    ttl: Duration,
    max_ttl: Duration,
    now: Timestamp,
) -> Result<Life, UseRefusal> {
    let bounds = Bounds {
        access_ttl: ttl,
        max_ttl,
        ends_at: ends_at(token),
    };
    life(asked, &bounds, now).map_err(|refusal| match refusal {
        LifeRefusal::Duration => UseRefusal::DurationInvalid,
        LifeRefusal::Expired => UseRefusal::Expired,
    })
}

/// Finds a presented token and what its owner holds.
pub(super) async fn find_presented(
    tx: &mut dyn Read,
    presented: &Result<Presented, UseRefusal>,
) -> Result<(Found, Dossier), Stop<UseRefusal>> {
    match presented {
        Ok(presented) => Ok(presented
            .find_dossier(tx)
            .await?
            .ok_or(UseRefusal::Unknown)?),
        Err(refusal) => Err(refusal.clone().into()),
    }
}

/// Decides what a token may do.
pub(super) fn token_authority(
    token: &ApiToken,
    dossier: &Dossier,
    ask: &Ask<'_>,
) -> Result<TokenAuthority, UseRefusal> {
    let settings = ask.settings;
    let (class, owner) = usable(&UseInput {
        token,
        owner: Some(&dossier.subject),
        member_of: &dossier.member_of,
        classes: &settings.classes,
        via: ask.via,
        now: ask.now,
    })?;
    let (class, owner) = (class.name.clone(), owner.clone());
    let bound = token.ceiling.tenant.as_ref();
    let tenant = active_tenant(ask.tenant, bound, &dossier.member_of).map_err(refusal)?;
    let owned = Owned::of(dossier, tenant.as_ref());
    let audience = match ask.audience {
        Some(audience) if !settings.tokens.audiences.contains(audience) => {
            return Err(UseRefusal::AudienceForbidden);
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
    let epoch = epoch_in(dossier, tenant.as_ref());
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
