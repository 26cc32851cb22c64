//! Who may manage which client, what a client may carry, and whether one that presents a
//! secret is who it says. Not here: minting secrets and their digests (`act`).

use super::bounds::{check_ceiling, check_name};
use super::manage::{ManagementCaller, ManagementPermission, Reach};
use super::refusal::{ManageRefusal, Reason};
use crate::model::{Ceiling, ClientDossier, ClientKind, ClientSecret, ClientState, Grant, Granted};
use doorward_base::secret::TokenDigest;
use doorward_base::{Audience, ErrorCode, TenantId, Timestamp};
use std::time::Duration;

/// The most redirect URIs of one client.
pub const MAX_REDIRECT_URIS: usize = 32;
/// The most bytes of one.
pub const MAX_URI: usize = 2048;
/// How long a replaced secret goes on working unless asked otherwise.
pub const OVERLAP: Duration = Duration::from_secs(86_400);
/// The longest that can be asked for.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// How far the caller may manage clients. A client is a credential: nobody manages it
/// through another credential, only from a session.
///
/// # Errors
/// [`ManageRefusal::SessionNeeded`] or [`ManageRefusal::NotPermitted`].
pub fn handling_reach(caller: &ManagementCaller) -> Result<Reach, ManageRefusal> {
    let reach = caller.reach(ManagementPermission::ClientsEdit)?;
    caller.demand_session()?;
    Ok(reach)
}

/// Whether the caller may handle a client of this tenant (`None`: of the realm). One out
/// of reach looks like one that does not exist.
///
/// # Errors
/// [`ManageRefusal`].
pub fn may_handle(
    caller: &ManagementCaller,
    tenant: Option<&TenantId>,
) -> Result<(), ManageRefusal> {
    match (handling_reach(caller)?, tenant) {
        (Reach::Realm, _) => Ok(()),
        (reach @ Reach::Tenants(_), Some(tenant)) if reach.covers(tenant) => Ok(()),
        (Reach::Tenants(_), _) => Err(ManageRefusal::NotFound("client")),
    }
}

/// A client about to be made.
#[derive(Clone, Copy, Debug)]
pub struct CreateInput<'a> {
    /// Who asks.
    pub caller: &'a ManagementCaller,
    /// What it is called.
    pub name: &'a str,
    /// Where an authorization may return to.
    pub redirect_uris: &'a [String],
    /// The most it shall carry.
    pub ceiling: &'a Ceiling,
    /// The realm's audiences.
    pub audiences: &'a [Audience],
}

/// Decides whether it may be made, and returns its ceiling. A subject's client carries
/// what was named for it and nothing else; an operator's without a list, whatever whoever
/// it acts for may.
///
/// # Errors
/// [`ManageRefusal`].
pub fn create(input: &CreateInput<'_>) -> Result<Ceiling, ManageRefusal> {
    let tenant = input.ceiling.tenant.as_ref();
    match (handling_reach(input.caller)?, tenant) {
        (Reach::Tenants(_), None) => {
            input
                .caller
                .demand_realm(ManagementPermission::ClientsEdit)?;
        }
        (reach, Some(tenant)) if !reach.covers(tenant) => {
            return Err(ManageRefusal::NotFound("tenant"));
        }
        _ => {}
    }
    if input.name.is_empty() {
        return Err(ManageRefusal::NameInvalid);
    }
    check_name(Some(input.name))?;
    check_ceiling(input.ceiling)?;
    check_redirect_uris(input.redirect_uris)?;
    let mut ceiling = input.ceiling.clone();
    if input.caller.subject().is_some() {
        ceiling.permissions.get_or_insert_default();
        ceiling.roles.get_or_insert_default();
    }
    let foreign = |audience: &&Audience| !input.audiences.contains(audience);
    if ceiling.audiences.iter().flatten().any(|one| foreign(&one)) {
        return Err(ManageRefusal::Invalid("audience"));
    }
    may_learn(input.caller, &ceiling)?;
    Ok(ceiling)
}

/// Whether the caller may learn a secret of a client with this ceiling: it holds all that
/// the client carries. A client without a list carries whatever whoever it acts for may,
/// which only operators give.
///
/// # Errors
/// [`ManageRefusal::NotHeld`].
pub fn may_learn(caller: &ManagementCaller, ceiling: &Ceiling) -> Result<(), ManageRefusal> {
    if caller.subject().is_none() {
        return Ok(());
    }
    let (Some(roles), Some(permissions)) = (&ceiling.roles, &ceiling.permissions) else {
        return Err(ManageRefusal::NotHeld(
            "all that the client may carry".to_owned(),
        ));
    };
    let roles = roles.iter().cloned().map(Granted::Role);
    let permissions = permissions.iter().cloned();
    let permissions = permissions.map(|permission| Granted::Permission {
        permission,
        audience: None,
    });
    for granted in roles.chain(permissions) {
        caller.may_delegate(&Grant {
            tenant: ceiling.tenant.clone(),
            granted,
        })?;
    }
    Ok(())
}

/// Checks redirect URIs: absolute, without a fragment (RFC 6749 §3.1.2), https but for the
/// machine itself and for an application's own scheme (RFC 8252 §7).
///
/// # Errors
/// [`ManageRefusal::TooMany`] or [`ManageRefusal::Invalid`].
pub fn check_redirect_uris(uris: &[String]) -> Result<(), ManageRefusal> {
    if uris.len() > MAX_REDIRECT_URIS {
        return Err(ManageRefusal::TooMany("redirect_uris"));
    }
    if uris.iter().all(|uri| is_redirect_uri(uri)) {
        Ok(())
    } else {
        Err(ManageRefusal::Invalid("redirect_uris"))
    }
}

fn is_redirect_uri(uri: &str) -> bool {
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic());
    let plain = !uri.contains(['#', '\\', '"', '<', '>', '*']);
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
    let target = match scheme {
        "https" | "http" => {
            let authority = rest.strip_prefix("//").map(authority_of);
            let local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
            authority.is_some_and(|authority| {
                let host = host_of(authority);
                !host.is_empty() && !authority.contains('@') && (scheme == "https" || local(host))
            })
        }
        // Schemes of browsers' own run or show something; an application's own scheme is
        // its domain in reverse (RFC 8252 §7.1).
        _ => scheme.contains('.') && !rest.is_empty(),
    };
    uri.len() <= MAX_URI && printable && plain && named && target
}

fn authority_of(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Until when the secret that is replaced goes on working.
///
/// # Errors
/// [`ManageRefusal::Invalid`] for an overlap beyond [`MAX_OVERLAP`].
pub fn overlap_end(overlap: Option<Duration>, now: Timestamp) -> Result<Timestamp, ManageRefusal> {
    let overlap = overlap.unwrap_or(OVERLAP);
    if overlap > MAX_OVERLAP {
        return Err(ManageRefusal::Invalid("overlap"));
    }
    Ok(now.plus(overlap))
}

/// Why a client is not who it says. To whom presents a secret they are one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    /// No such client.
    #[error("the client is unknown")]
    Unknown,
    /// It never works again.
    #[error("the client is revoked")]
    Revoked,
    /// A public client has no secret to present.
    #[error("the client is public and has no secret")]
    Public,
    /// Its secrets are others.
    #[error("the client's secret is wrong")]
    WrongSecret,
    /// It was replaced, and the overlap is over.
    #[error("the client's secret was replaced")]
    Replaced,
}

/// One answer for all (RFC 6749 §5.2 `invalid_client`).
impl Reason for ClientRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        let name = match self {
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Public => "public",
            Self::WrongSecret => "secret",
            Self::Replaced => "replaced",
        };
        (name, ErrorCode::TokenInvalid)
    }
}

/// Checks the secret of a client: `presented` is its digests under every live digest key.
/// Returns the secret that matched. What a deleted tenant owned is dead at once.
///
/// # Errors
/// [`ClientRefusal`].
pub fn authenticate(
    found: &ClientDossier,
    presented: &[TokenDigest],
    now: Timestamp,
) -> Result<ClientSecret, ClientRefusal> {
    let client = &found.client;
    if !found.tenant_stands || matches!(client.state, ClientState::Revoked { .. }) {
        return Err(ClientRefusal::Revoked);
    }
    if client.kind == ClientKind::Public {
        return Err(ClientRefusal::Public);
    }
    let found = found
        .secrets
        .iter()
        .find(|secret| presented.contains(&secret.digest));
    match found {
        None => Err(ClientRefusal::WrongSecret),
        Some(secret) if !secret.is_live(now) => Err(ClientRefusal::Replaced),
        Some(secret) => Ok(*secret),
    }
}

#[cfg(test)]
mod tests;
