//! Verify: from a presented credential to a principal, or a refusal. Not here: what
//! the principal may do (`decide`).

mod basic;
pub(crate) mod cache;
pub(crate) mod exposed;
mod foreign;
mod jwt;
mod opaque;
pub(crate) mod origin;
pub(crate) mod presented;
mod read;
pub(crate) mod standing;
mod told;

pub(crate) use basic::Converted;
pub(crate) use presented::Presented;

use super::forwarded::Client;
use super::{Passed, Stop};
use crate::counters::GateCounters;
use crate::policy::compiled::{Realm, Route};
use crate::policy::spec::CredentialKind;
use crate::port::{Facts, Introspect, IssuerKeys, Minter, Rejected, Revocations};
use cache::Caches;
use doorward_base::{Environment, ErrorCode, Principal, Secret};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) const STAGE: &str = "verify";

/// What verification asks of the rest.
pub(crate) struct Verifier<'v> {
    pub(crate) introspect: &'v dyn Introspect,
    pub(crate) revocations: &'v dyn Revocations,
    pub(crate) minter: &'v dyn Minter,
    pub(crate) keys: &'v dyn IssuerKeys,
    pub(crate) caches: &'v Caches,
    pub(crate) counters: &'v GateCounters,
    /// Which policies are in force.
    pub(crate) generation: u64,
    /// Whether a stranger from this address may still have others asked about a credential.
    pub(crate) may_ask: &'v (dyn Fn() -> Passed<()> + Sync),
    /// Whether the target itself asks whether the caller still stands.
    pub(crate) leaves_standing: bool,
}

/// A verified caller.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) principal: Arc<Principal>,
    pub(crate) kind: CredentialKind,
    /// What the upstream gets instead of a Basic credential.
    pub(crate) converted: Option<Arc<Converted>>,
}

/// What is known of a credential even when it is refused, for the trace.
#[derive(Debug, Default)]
pub(crate) struct Hint {
    pub(crate) class: Option<Cow<'static, str>>,
    pub(crate) issuer: Option<String>,
    pub(crate) key: Option<String>,
}

impl Verifier<'_> {
    /// Verifies `presented` for a route (`None` where no route matched or a local
    /// target asks).
    pub(crate) async fn verify(
        &self,
        realm: &Realm,
        route: Option<&Route>,
        presented: &Presented<'_>,
        client: &Client,
        facts: Facts,
        hint: &mut Hint,
    ) -> Passed<Verified> {
        match presented {
            Presented::Jwt(token) => {
                hint.class = Some("jwt".into());
                let principal = self.jwt(realm, token, facts, hint).await?;
                Ok(Verified {
                    principal,
                    kind: CredentialKind::Jwt,
                    converted: None,
                })
            }
            Presented::Opaque { issuer, token } => {
                hint.class = Some("opaque".into());
                let principal = self.opaque(realm, issuer, token, facts, hint).await?;
                Ok(Verified {
                    principal,
                    kind: CredentialKind::Jwt,
                    converted: None,
                })
            }
            Presented::ApiToken { class, token, via } => {
                hint.class = Some(class.name.to_string().into());
                self.counters.token_lookups.fetch_add(1, Ordering::Relaxed);
                let looked_up =
                    self.introspect
                        .introspect(&realm.handle, &class.name, token, via, facts);
                of_kind(CredentialKind::ApiToken, looked_up.await, facts)
            }
            Presented::Basic(encoded) => {
                hint.class = Some("basic".into());
                self.basic(realm, route, encoded, client, facts).await
            }
            Presented::Client(encoded) => {
                hint.class = Some("client".into());
                self.client(realm, encoded, client, facts).await
            }
            Presented::Session(cookie) => {
                hint.class = Some("session".into());
                let found = self.introspect.session(&realm.handle, cookie, facts);
                of_kind(CredentialKind::Session, found.await, facts)
            }
        }
    }

    /// A client by its id and secret, each form-encoded (RFC 6749 §2.3.1).
    async fn client(
        &self,
        realm: &Realm,
        encoded: &str,
        client: &Client,
        facts: Facts,
    ) -> Passed<Verified> {
        basic::check_transport(realm, client)?;
        let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "basic");
        let text = basic::decode(encoded)?;
        let (id, secret) = text.expose().split_once(':').ok_or_else(malformed)?;
        let plain = |text: &str| {
            let spaced = text.replace('+', " ");
            let decoded = percent_decode_str(&spaced).decode_utf8();
            decoded.map(Cow::into_owned).map_err(|_| malformed())
        };
        let (id, secret) = (plain(id)?, Secret::new(plain(secret)?));
        let found = self.introspect.client(&realm.handle, &id, &secret, facts);
        of_kind(CredentialKind::Client, found.await, facts)
    }
}

/// A caller that a port knew, for as long as it says.
fn of_kind(
    kind: CredentialKind,
    found: Result<Arc<Principal>, Rejected>,
    facts: Facts,
) -> Passed<Verified> {
    let principal = found.map_err(rejected)?;
    if facts.now >= principal.expires_at {
        return Err(Stop::new(ErrorCode::TokenExpired, STAGE, "expired"));
    }
    Ok(Verified {
        principal,
        kind,
        converted: None,
    })
}

/// Whether a credential of this kind can arrive in the realm at all, by any class (of
/// this environment, if it has one).
pub(crate) fn can_arrive(
    realm: &Realm,
    kind: CredentialKind,
    environment: Option<&Environment>,
) -> bool {
    let mut classes = realm.classes.iter().filter(|class| {
        environment.is_none_or(|wanted| class.format.environments().contains(wanted))
    });
    match kind {
        // Clients and sign-ins are of no class; the mounts that accept them say so.
        CredentialKind::Jwt | CredentialKind::Client | CredentialKind::Session => true,
        CredentialKind::ApiToken => {
            classes.any(|class| class.bearer || class.header.is_some() || class.query.is_some())
        }
        CredentialKind::Basic => realm.basic.is_some() && classes.any(|class| class.basic),
    }
}

pub(super) fn rejected(rejected: Rejected) -> Box<Stop> {
    Stop::new(rejected.code, STAGE, rejected.check)
}
