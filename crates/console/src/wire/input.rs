//! How input becomes values. A refusal names the member and never repeats its text.
//! Not here: what one endpoint alone takes.

use crate::errors::invalid;
use doorward_base::{ApiTokenId, Email, TenantId, Timestamp};
use doorward_identity::act::{OwnerRef, Placement, RegenerateToken, TokenRef};
use doorward_identity::model::{Ceiling, Grant, Granted};
use doorward_identity::port::Page;
use doorward_surface::Refusal;
use doorward_surface::extract::Json;
use doorward_surface::paging::PageRequest;
use serde::{Deserialize, Deserializer};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use utoipa::ToSchema;

/// How a token is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replacement {
    /// When the new one stops by itself (RFC 3339), where the class does not keep the old
    /// one's expiry.
    expires_at: Option<String>,
    /// Or: in how many seconds from now.
    expires_in_seconds: Option<u64>,
    /// How long the old one goes on working: at most the class's grace, and so long without.
    /// 0 ends it at once.
    overlap_seconds: Option<u64>,
}

impl Replacement {
    /// What that asks for of a token; nothing in particular without a body.
    pub(crate) fn parse(
        body: Option<Json<Self>>,
        id: ApiTokenId,
        now: Timestamp,
    ) -> Result<RegenerateToken, Refusal> {
        let (mut expires_at, mut overlap) = (None, None);
        if let Some(Json(body)) = body {
            expires_at = expiry(body.expires_at.as_deref(), body.expires_in_seconds, now)?;
            overlap = body.overlap_seconds.map(Duration::from_secs);
        }
        Ok(RegenerateToken {
            token: TokenRef::Id(id),
            expires_at,
            overlap,
        })
    }
}

/// The tenant that a personal token is to be bound to. To leave it out is not to say `null`.
#[derive(Default, Debug)]
pub(crate) enum TokenTenant {
    /// Not said: the tenant of the session that asks.
    #[default]
    Unsaid,
    /// This one; `null` names none.
    Said(Option<String>),
}

impl<'de> Deserialize<'de> for TokenTenant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Said)
    }
}

impl TokenTenant {
    /// What that is, asked for by a session of a tenant.
    pub(crate) fn of_session<'a>(&'a self, session: Option<&'a TenantId>) -> Option<&'a str> {
        match self {
            Self::Unsaid => session.map(TenantId::as_str),
            Self::Said(tenant) => tenant.as_deref(),
        }
    }
}

/// The most a new token may carry.
pub(crate) fn ceiling(
    tenant: Option<&str>,
    scopes: Option<&[String]>,
    environment: Option<&str>,
) -> Result<Ceiling, Refusal> {
    Ok(Ceiling {
        tenant: parse_some("tenant", tenant)?,
        permissions: scopes.map(|all| parse_all("scopes", all)).transpose()?,
        environment: parse_some("environment", environment)?,
        ..Ceiling::default()
    })
}

/// Where a new subject is placed.
pub(crate) fn placement(
    tenant: Option<&str>,
    roles: &[String],
    permissions: &[String],
) -> Result<Placement, Refusal> {
    Ok(Placement {
        tenant: parse_some("tenant", tenant)?,
        roles: parse_all("roles", roles)?,
        permissions: parse_all("permissions", permissions)?,
    })
}

/// A grant of exactly one of a role and a permission.
pub(crate) fn grant(
    tenant: Option<&str>,
    role: Option<&str>,
    permission: Option<&str>,
    audience: Option<&str>,
) -> Result<Grant, Refusal> {
    let granted = match (role, permission, audience) {
        (Some(role), None, None) => Granted::Role(parse("role", role)?),
        (None, Some(permission), audience) => Granted::Permission {
            permission: parse("permission", permission)?,
            audience: parse_some("audience", audience)?,
        },
        (Some(_), None, Some(_)) => {
            return Err(invalid(
                "audience",
                "only a permission is limited to an API",
            ));
        }
        _ => return Err(invalid("role, permission", "give exactly one of them")),
    };
    Ok(Grant {
        tenant: parse_some("tenant", tenant)?,
        granted,
    })
}

/// An owner: a subject's id, an e-mail address, or `tenant:ID`.
pub(crate) fn owner(name: &str, text: &str) -> Result<OwnerRef, Refusal> {
    if let Some(tenant) = text.strip_prefix("tenant:") {
        return parse(name, tenant).map(OwnerRef::Tenant);
    }
    if text.contains('@') {
        return Email::new(text)
            .map(OwnerRef::Email)
            .map_err(|error| invalid(name, error));
    }
    parse(name, text).map(OwnerRef::Subject)
}

/// A text as a value of a name's type.
pub(crate) fn parse<T>(name: &str, text: &str) -> Result<T, Refusal>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| invalid(name, error))
}

/// As [`parse`], for a member that may be absent.
pub(crate) fn parse_some<T>(name: &str, text: Option<&str>) -> Result<Option<T>, Refusal>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| parse(name, text)).transpose()
}

/// As [`parse`], for a list; sorted, without repetition.
pub(crate) fn parse_all<T>(name: &str, texts: &[String]) -> Result<Vec<T>, Refusal>
where
    T: FromStr + Ord,
    T::Err: Display,
{
    let values: Result<Vec<T>, Refusal> = texts.iter().map(|text| parse(name, text)).collect();
    let mut values = values?;
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// A page by the two query parameters.
pub(crate) fn page<K: FromStr>(
    limit: Option<&str>,
    after: Option<&str>,
) -> Result<Page<K>, Refusal> {
    let PageRequest { after, limit } =
        PageRequest::parse(limit, after).map_err(|error| invalid("limit, after", error))?;
    Ok(Page { after, limit })
}

/// A moment given as such or as seconds from now; not both.
pub(crate) fn expiry(
    at: Option<&str>,
    in_seconds: Option<u64>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    match (at, in_seconds) {
        (Some(_), Some(_)) => Err(invalid(
            "expires_at",
            "give this or `expires_in_seconds`, not both",
        )),
        (Some(text), None) => Timestamp::parse(text)
            .map(Some)
            .map_err(|error| invalid("expires_at", error)),
        (None, Some(seconds)) => Ok(Some(now.plus(Duration::from_secs(seconds)))),
        (None, None) => Ok(None),
    }
}
