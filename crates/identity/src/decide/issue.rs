//! What an access token carries, whatever it is made from: the one path for sign-in,
//! refresh, exchange, presenting an API token, and every other grant. Not here: whether
//! what it is made from may be used at all (`token::usable`, `refresh`), signing (`act`).

mod bearer;

pub use bearer::{Acting, Bearer};

use super::authority::{Authority, AuthorityInput, AuthorityRefusal, Holdings, Party, effective};
use super::claims::{ClaimsInput, Whose, build, epoch_of, render, sub_of};
use super::exchange::{Bounds, Life, LifeRefusal, life};
use crate::model::{Ceiling, Dossier, RoleDefinition};
use crate::settings::{DefaultScopes, RealmSettings, Revocation, UnknownScope};
use doorward_base::principal::{ActorLink, Epoch, MAX_ACTORS, PrincipalParts};
use doorward_base::{Audience, Principal, RoleName, Scope, TenantId, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The realm.
    pub settings: &'a RealmSettings,
    /// The tenant to act in.
    pub tenant: Option<&'a TenantId>,
    /// The role to act in.
    pub role: Option<&'a RoleName>,
    /// The API it is for.
    pub audience: Option<&'a Audience>,
    /// The scopes.
    pub scopes: Option<&'a [Scope]>,
    /// What becomes of scopes that are not held.
    pub unknown_scope: UnknownScope,
    /// The scopes when none were asked for.
    pub default_scopes: DefaultScopes,
    /// Who acts for the subject, whoever acts now first.
    pub actors: &'a [Acting<'a>],
    /// Now.
    pub now: Timestamp,
}

impl<'a> Ask<'a> {
    /// Nothing in particular: what the realm gives when nothing is said.
    #[must_use]
    pub const fn plain(settings: &'a RealmSettings, now: Timestamp) -> Self {
        Self {
            settings,
            tenant: None,
            role: None,
            audience: None,
            scopes: None,
            unknown_scope: settings.exchange.unknown_scope,
            default_scopes: settings.tokens.default_scopes,
            actors: &[],
            now,
        }
    }
}

/// How long the token shall live, and for whom it is written.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// The life asked for: a JSON number of whole seconds.
    pub asked: Option<&'a Value>,
    /// The life unless asked.
    pub ttl: Duration,
    /// The longest that can be asked for.
    pub max_ttl: Duration,
    /// Its `aud`, where that is not the API its authority is for.
    pub written_for: Option<&'a Audience>,
    /// Its `jti`.
    pub jti: &'a str,
}

impl<'a> Term<'a> {
    /// The realm's own.
    #[must_use]
    pub const fn plain(settings: &RealmSettings, jti: &'a str) -> Self {
        Self {
            asked: None,
            ttl: settings.tokens.access_ttl,
            max_ttl: settings.tokens.max_ttl,
            written_for: None,
            jti,
        }
    }
}

/// Why there is no such token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefusal {
    /// The tenant is not the subject's, an actor's, or the credential's.
    #[error("the tenant is not the subject's")]
    Tenant,
    /// The role is not held.
    #[error("the role is not held")]
    Role,
    /// The audience is not the realm's, or outside a ceiling.
    #[error("the audience is not allowed")]
    Audience,
    /// A scope lies outside the authority.
    #[error("a scope lies outside the authority")]
    Scope,
    /// The duration is not a whole number of seconds within the bounds.
    #[error("the duration is outside the bounds")]
    Duration,
    /// Less than a second is left.
    #[error("less than a second is left")]
    Expired,
    /// An actor may act no more, or there are too many.
    #[error("an actor may act no more, or the chain is too long")]
    Actor,
}

impl From<AuthorityRefusal> for IssueRefusal {
    fn from(refusal: AuthorityRefusal) -> Self {
        match refusal {
            AuthorityRefusal::Tenant => Self::Tenant,
            AuthorityRefusal::Role => Self::Role,
            AuthorityRefusal::Audience => Self::Audience,
            AuthorityRefusal::Scope => Self::Scope,
        }
    }
}

impl From<LifeRefusal> for IssueRefusal {
    fn from(refusal: LifeRefusal) -> Self {
        match refusal {
            LifeRefusal::Duration => Self::Duration,
            LifeRefusal::Expired => Self::Expired,
        }
    }
}

/// What a bearer may do as asked.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// Through what.
    pub bearer: Bearer<'a>,
    /// Who.
    pub dossier: &'a Dossier,
    /// The active tenant.
    pub tenant: Option<TenantId>,
    /// The API the authority is for.
    pub audience: Option<Audience>,
    /// The authority, as narrowed as it is.
    pub authority: Authority,
    /// The epoch it was computed in.
    pub epoch: Epoch,
    /// Who acts, whoever acts now first.
    pub actors: Vec<ActorLink>,
    ends_at: Option<Timestamp>,
}

/// A token that was decided and not yet signed.
#[derive(Clone, Debug)]
pub struct Decided {
    /// All it says.
    pub claims: Map<String, Value>,
    /// From when until when.
    pub life: Life,
}

/// What `bearer` may do: the active tenant, the current grants, every ceiling, the role
/// and the scopes asked for, and what each actor holds itself.
///
/// # Errors
/// [`IssueRefusal`].
pub fn hold<'a>(
    dossier: &'a Dossier,
    bearer: Bearer<'a>,
    ask: &Ask<'_>,
) -> Result<Held<'a>, IssueRefusal> {
    let settings = ask.settings;
    let tenant = bearer.tenant(ask.tenant, &dossier.member_of)?;
    let audience = match ask.audience {
        Some(audience) if !settings.tokens.audiences.contains(audience) => {
            return Err(IssueRefusal::Audience);
        }
        Some(audience) => Some(audience.clone()),
        None => default_audience(settings, bearer.ceiling()),
    };
    let mut ends_at = bearer.ends_at();
    let mut actors = Vec::with_capacity(ask.actors.len());
    for actor in ask.actors {
        check_actor(actor, actors.len(), ask.now)?;
        let ends = actor.bearer.ends_at();
        ends_at = ends_at.into_iter().chain(ends).min();
        actors.push(link(actor, tenant.as_ref()));
    }
    let authority = authority_of(dossier, bearer, (tenant.as_ref(), audience.as_ref()), ask)?;
    let epoch = epoch_in(dossier, tenant.as_ref());
    Ok(Held {
        bearer,
        dossier,
        tenant,
        audience,
        authority,
        epoch,
        actors,
        ends_at,
    })
}

impl Held<'_> {
    /// What the realm's template can write of it.
    #[must_use]
    pub fn whose(&self) -> Whose<'_> {
        Whose {
            subject: &self.dossier.subject,
            authority: &self.authority,
            tenant: self.tenant.as_ref(),
            bearer: self.bearer,
            actors: &self.actors,
        }
    }

    /// The token that carries this, for as long as asked but never longer than anything
    /// it hangs on.
    ///
    /// # Errors
    /// [`IssueRefusal::Duration`] or [`IssueRefusal::Expired`].
    pub fn decide(
        &self,
        settings: &RealmSettings,
        term: &Term<'_>,
        now: Timestamp,
    ) -> Result<Decided, IssueRefusal> {
        let bounds = Bounds {
            access_ttl: term.ttl,
            max_ttl: term.max_ttl,
            ends_at: self.ends_at,
        };
        let life = life(term.asked, &bounds, now)?;
        let claims = build(
            &settings.tokens.claims,
            &ClaimsInput {
                whose: self.whose(),
                issuer: &settings.issuer,
                audience: term.written_for.or(self.audience.as_ref()),
                issued_at: life.issued_at,
                expires_at: life.expires_at,
                jti: term.jti,
                epoch: self.epoch,
                role_marks: &self.role_marks(settings),
            },
        );
        Ok(Decided { claims, life })
    }

    /// The marks of the roles that gave any of it, where the realm wants to know at once
    /// that one of them is another by now.
    fn role_marks(&self, settings: &RealmSettings) -> Vec<String> {
        if settings.tokens.revocation != Revocation::Immediate {
            return Vec::new();
        }
        let given_by = self.authority.given_by();
        let roles = settings.roles.iter();
        roles
            .filter(|known| given_by.contains(&known.role))
            .map(RoleDefinition::mark)
            .collect()
    }

    /// The caller that presents this itself, known until `ends_at`.
    #[must_use]
    pub fn principal(&self, settings: &RealmSettings, ends_at: Timestamp) -> Principal {
        let (subject, authority) = (&self.dossier.subject, &self.authority);
        Principal::new(PrincipalParts {
            sub: sub_of(subject).into(),
            subject: Some(subject.id),
            kind: subject.identifier.kind(),
            tenant: self.tenant.clone(),
            permissions: authority.permissions().to_vec(),
            roles: authority.roles().to_vec(),
            role: authority.role().cloned(),
            lost_role: authority.lost_role().cloned(),
            scopes: authority.scopes().to_vec(),
            crosses: authority.crosses(),
            credential: self.bearer.credential(),
            client: match self.bearer {
                Bearer::Session(session) => session.client,
                Bearer::Token(_) | Bearer::Client { .. } => None,
            },
            actors: self.actors.clone(),
            environment: self.bearer.environment().cloned(),
            issuer: Arc::clone(&settings.issuer),
            audience: self.audience.iter().cloned().collect(),
            expires_at: ends_at,
            epoch: self.epoch,
            claims: Arc::new(render(&settings.tokens.claims, &self.whose())),
        })
    }
}

fn authority_of(
    dossier: &Dossier,
    bearer: Bearer<'_>,
    (tenant, audience): (Option<&TenantId>, Option<&Audience>),
    ask: &Ask<'_>,
) -> Result<Authority, IssueRefusal> {
    let settings = ask.settings;
    let roles_of = |dossier: &Dossier| dossier.roles_of(tenant);
    let tenant_roles = roles_of(dossier);
    let actors_roles: Vec<_> = ask.actors.iter().map(|of| roles_of(of.dossier)).collect();
    let actors = ask.actors.iter().zip(&actors_roles);
    let actors: Vec<Party<'_>> = actors
        .map(|(actor, roles)| Party {
            holdings: holdings(actor.dossier, settings, roles),
            ceiling: actor.bearer.ceiling(),
        })
        .collect();
    let bearers = ask.actors.iter().map(|actor| actor.bearer);
    let mut bearers = bearers.chain([bearer]);
    let crossing = settings.crossing.as_ref();
    let authority = effective(&AuthorityInput {
        holdings: Holdings {
            crossing: crossing.filter(|_| bearers.all(Bearer::leaves_its_tenant)),
            ..holdings(dossier, settings, &tenant_roles)
        },
        ceilings: &[bearer.ceiling()],
        actors: &actors,
        tenant,
        audience,
        selected_role: ask.role,
        default_role: settings.default_role.as_ref(),
        scopes: ask.scopes,
        unknown_scope: ask.unknown_scope,
        default_scopes: ask.default_scopes,
    })?;
    Ok(authority)
}

fn holdings<'a>(
    dossier: &'a Dossier,
    settings: &'a RealmSettings,
    tenant_roles: &'a [RoleDefinition],
) -> Holdings<'a> {
    Holdings {
        grants: &dossier.grants,
        member_of: &dossier.member_of,
        roles: &settings.roles,
        tenant_roles,
        crossing: settings.crossing.as_ref(),
    }
}

fn check_actor(actor: &Acting<'_>, before: usize, now: Timestamp) -> Result<(), IssueRefusal> {
    let active = actor.dossier.subject.status.allows(now);
    if active && actor.bearer.is_live(now) && before < MAX_ACTORS {
        Ok(())
    } else {
        Err(IssueRefusal::Actor)
    }
}

fn link(actor: &Acting<'_>, tenant: Option<&TenantId>) -> ActorLink {
    let subject = &actor.dossier.subject;
    ActorLink {
        sub: sub_of(subject).into(),
        subject: subject.id,
        kind: subject.identifier.kind(),
        credential: actor.bearer.credential(),
        epoch: epoch_in(actor.dossier, tenant),
    }
}

/// The epoch that a token of this subject, fixed to this tenant, carries.
pub(crate) fn epoch_in(dossier: &Dossier, tenant: Option<&TenantId>) -> Epoch {
    let in_tenant = match tenant {
        Some(_) => dossier.epoch(tenant),
        None => Epoch(0),
    };
    epoch_of(dossier.epoch(None), in_tenant)
}

/// The realm's first audience that the ceiling allows.
fn default_audience(settings: &RealmSettings, ceiling: &Ceiling) -> Option<Audience> {
    let allowed = |audience: &&Audience| {
        let only = ceiling.audiences.as_ref();
        only.is_none_or(|audiences| audiences.contains(audience))
    };
    settings.tokens.audiences.iter().find(allowed).cloned()
}

#[cfg(test)]
mod tests;
