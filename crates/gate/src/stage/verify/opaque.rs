//! Bearers of an external issuer that it alone can read: it is asked (RFC 7662), and its word
//! is believed for a while. Not here: how it is asked (the server).

use super::cache::{self, Entry, Key, Provenance};
use super::presented::Text;
use super::{Hint, Presented, STAGE, Verifier, jwt};
use crate::policy::compiled::{Issuer, Realm};
use crate::port::Facts;
use crate::stage::{Passed, Stop};
use doorward_base::{ErrorCode, Principal, Secret};
use doorward_jose::{Expectations, VerifiedClaims, digest};
use serde_json::Value;
use std::sync::Arc;

/// What no module of Basic is numbered: tells these from converted tokens and JWTs.
const OPAQUE: u32 = u32::MAX;

impl Verifier<'_> {
    pub(super) async fn opaque(
        &self,
        realm: &Realm,
        issuer: &Issuer,
        token: &Secret,
        facts: Facts,
        hint: &mut Hint,
    ) -> Passed<Arc<Principal>> {
        hint.issuer = Some(issuer.issuer.to_string());
        let key = Key {
            realm: realm.number,
            generation: self.generation,
            module: OPAQUE,
            digest: digest::sha256(token.expose().as_bytes()),
        };
        let cached = self.caches.tokens.get(&key);
        let cached = cached.filter(|entry| facts.now < entry.ends_at);
        self.counters.count_cache(cached.is_some());
        let entry = match cached {
            Some(entry) => entry,
            None => {
                let entry = Arc::new(self.ask(realm, issuer, token, facts).await?);
                self.caches.tokens.insert(key, Arc::clone(&entry));
                entry
            }
        };
        self.check_standing(realm, &entry.principal, facts.now)?;
        Ok(Arc::clone(&entry.principal))
    }

    async fn ask(
        &self,
        realm: &Realm,
        issuer: &Issuer,
        token: &Secret,
        facts: Facts,
    ) -> Passed<Entry> {
        let refuse = |code, check| Stop::new(code, STAGE, check);
        let unanswered = || refuse(ErrorCode::KeysUnavailable, "introspection");
        let introspection = issuer.introspection.as_ref().ok_or_else(unanswered)?;
        let tokens = introspection.tokens.get().ok_or_else(unanswered)?;
        // Bearers can be made up, and each is a request to somebody else.
        (self.may_ask)()?;
        let said = tokens.ask(token).await.map_err(|_| unanswered())?;
        let claims = said.ok_or_else(|| refuse(ErrorCode::TokenInvalid, "inactive"))?;
        // Another kind of token proves more than that somebody has it (RFC 9449 §7.1).
        let kind = claims.get("token_type").and_then(Value::as_str);
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(refuse(ErrorCode::TokenInvalid, "sender_constrained"));
        }
        let expected = Expectations {
            // The issuer says what is active; the end need not be told (RFC 7662 §2.2).
            require_exp: false,
            ..jwt::expectations(issuer)
        };
        let claims = VerifiedClaims::vouched(claims, &expected, facts.now)
            .map_err(|error| refuse(error.code(), error.check()))?;
        let until = facts.now.plus(introspection.spec.cache);
        let ends_at = claims.exp().plus(issuer.leeway).min(until);
        let principal = self.principal(realm, issuer, claims, facts).await?;
        Ok(Entry {
            weight: cache::weight(&principal, 0),
            principal: Arc::new(principal),
            ends_at,
            keys: Provenance::Fixed,
            kid: None,
        })
    }
}

pub(super) fn malformed() -> Box<Stop> {
    Stop::new(ErrorCode::CredentialMalformed, STAGE, "shape")
}

/// A bearer that could be an external issuer's and is no JWT: that one is asked about it, if
/// any is. Else whoever sent it got it for another purpose, and is told what to ask for.
pub(super) fn present<'r>(realm: &'r Realm, token: Text<'r>) -> Passed<Presented<'r>> {
    if let Some(issuer) = realm.introspecting() {
        return Ok(Presented::Opaque {
            issuer,
            token: Secret::new(token.into_owned()),
        });
    }
    let mut issuers = realm.external_issuers().peekable();
    if issuers.peek().is_none() {
        return Err(malformed());
    }
    let audiences: Vec<String> = issuers
        .flat_map(|issuer| issuer.audiences.iter().map(ToString::to_string))
        .collect();
    let stop = Stop::new(ErrorCode::TokenOpaque, STAGE, "opaque");
    Err(stop.between(audiences, Vec::new()))
}

/// Whether this could be a token that says nothing to us (RFC 6750 §2.1): long enough to be
/// one, and of no other parts than an encrypted one has.
pub(super) fn may_be(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (16..=4096).contains(&text.len()) && text.bytes().all(is_token)
}
