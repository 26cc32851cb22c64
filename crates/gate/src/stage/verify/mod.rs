//! Verify: from a presented credential to a principal, or a refusal. Not here: what
//! the principal may do (`decide`).

mod basic;
pub(crate) mod cache;
mod jwt;
pub(crate) mod presented;
mod read;

pub(crate) use basic::Converted;
pub(crate) use presented::Presented;

use super::guard::Client;
use super::{Passed, Stop};
use crate::counters::GateCounters;
use crate::policy::compiled::{Realm, Route};
use crate::policy::spec::CredentialKind;
use crate::port::{Facts, Introspect, IssuerKeys, Minter, Rejected, Revocations};
use cache::Caches;
use doorward_base::{Environment, ErrorCode, Principal};
use std::borrow::Cow;
use std::sync::Arc;

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
                let principal = self.jwt(realm, token, facts.now, hint).await?;
                Ok(Verified {
                    principal,
                    kind: CredentialKind::Jwt,
                    converted: None,
                })
            }
            Presented::ApiToken { class, token, via } => {
                hint.class = Some(class.name.to_string().into());
                let looked_up =
                    self.introspect
                        .introspect(&realm.name, &class.name, token, via, facts);
                let principal = looked_up.await.map_err(rejected)?;
                if facts.now >= principal.expires_at {
                    return Err(Stop::new(ErrorCode::TokenExpired, STAGE, "expired"));
                }
                Ok(Verified {
                    principal,
                    kind: CredentialKind::ApiToken,
                    converted: None,
                })
            }
            Presented::Basic(encoded) => {
                hint.class = Some("basic".into());
                self.basic(realm, route, encoded, client, facts).await
            }
        }
    }
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
        CredentialKind::Jwt => true,
        CredentialKind::ApiToken => {
            classes.any(|class| class.bearer || class.header.is_some() || class.query.is_some())
        }
        CredentialKind::Basic => realm.basic.is_some() && classes.any(|class| class.basic),
    }
}

pub(super) fn rejected(rejected: Rejected) -> Box<Stop> {
    Stop::new(rejected.code, STAGE, rejected.check)
}
