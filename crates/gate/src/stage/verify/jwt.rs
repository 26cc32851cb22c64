//! Access tokens: issuer by `iss`, key by `kid`, then what jose checks; and, for each
//! use of a cached verdict, what may have changed since.

use super::cache::{self, Entry, Key, Provenance};
use super::standing::{self, Fallen};
use super::told;
use super::{Hint, STAGE, Verifier, read, rejected};
use crate::policy::compiled::{Issuer, Keys, Realm};
use crate::port::Facts;
use crate::stage::{Passed, Stop};
use doorward_base::{ErrorCode, Principal, Timestamp};
use doorward_jose::jwt::JwtError;
use doorward_jose::{Expectations, KeySet, UnverifiedJwt, VerifiedClaims, digest};
use std::sync::Arc;

impl Verifier<'_> {
    /// The principal of an access token.
    pub(super) async fn jwt(
        &self,
        realm: &Realm,
        token: &str,
        facts: Facts,
        hint: &mut Hint,
    ) -> Passed<Arc<Principal>> {
        let now = facts.now;
        // A longer token is no token, and is not even hashed.
        if token.len() > 16 * 1024 {
            return Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "length"));
        }
        let key = Key {
            realm: realm.number,
            generation: self.generation,
            module: 0,
            digest: digest::sha256(token.as_bytes()),
        };
        let cached = self
            .caches
            .tokens
            .get(&key)
            .filter(|entry| self.is_fresh(realm, entry));
        self.counters.count_cache(cached.is_some());
        let entry = match cached {
            Some(entry) => entry,
            None => {
                let entry = Arc::new(self.verify_jwt(realm, token, facts, hint).await?);
                self.caches.tokens.insert(key, Arc::clone(&entry));
                entry
            }
        };
        if now >= entry.ends_at {
            self.caches.tokens.remove(&key);
            return Err(Stop::new(ErrorCode::TokenExpired, STAGE, "expired"));
        }
        if let Err(stop) = self.check_standing(realm, &entry.principal, now) {
            hint.key = entry.kid.as_deref().map(str::to_owned);
            hint.issuer = Some(entry.principal.issuer.to_string());
            return Err(stop);
        }
        Ok(Arc::clone(&entry.principal))
    }

    /// Whether our own keys are still those the token was verified with.
    fn is_fresh(&self, realm: &Realm, entry: &Entry) -> bool {
        match &entry.keys {
            Provenance::Fixed => true,
            Provenance::Own(generation) => self.keys.own_generation(&realm.handle) == *generation,
            Provenance::Remote(keys, generation) => keys.generation() == Some(*generation),
        }
    }

    /// Whether everything that a token of ours hangs on still stands, where the realm
    /// wants to know at once: the credential, the client it was issued to, and each
    /// actor's.
    pub(super) fn check_standing(
        &self,
        realm: &Realm,
        principal: &Principal,
        now: Timestamp,
    ) -> Passed<()> {
        if principal.subject.is_none() || !realm.immediate_revocation || self.leaves_standing {
            return Ok(());
        }
        let stands = standing::check(self.revocations, &realm.handle, principal, now);
        stands.map_err(|fallen| {
            let (code, check) = match fallen {
                Fallen::Unknown => (ErrorCode::StoreUnavailable, "lease"),
                Fallen::Revoked => (ErrorCode::TokenInvalid, "revoked"),
                Fallen::Older => (ErrorCode::TokenInvalid, "epoch"),
            };
            Stop::new(code, STAGE, check)
        })
    }

    async fn verify_jwt(
        &self,
        realm: &Realm,
        token: &str,
        facts: Facts,
        hint: &mut Hint,
    ) -> Passed<Entry> {
        let jwt = UnverifiedJwt::parse(token).map_err(|error| {
            let code = if matches!(error, JwtError::Jws(_)) {
                ErrorCode::CredentialMalformed
            } else {
                ErrorCode::TokenInvalid
            };
            Stop::new(code, STAGE, error.check())
        })?;
        let mut issuers = realm.issuers.iter();
        let issuer = issuers
            .find(|known| jwt.issuer() == Some(&*known.issuer))
            .ok_or_else(|| told::of_no_issuer(realm, &jwt))?;
        hint.issuer = Some(issuer.issuer.to_string());
        hint.key = jwt.header().kid.clone();
        if !issuer.algorithms.contains(&jwt.header().alg) {
            return Err(told::of_another_algorithm(issuer, &jwt));
        }
        let (keys, provenance) = self.newest_keys(realm, issuer, hint.key.as_deref()).await?;
        // Where no audience tells them apart.
        let is_for_login = issuer.audiences.is_empty() && told::is_for_login(&jwt);
        let refuse = |error| told::refusal(issuer, token, error, facts.now);
        let claims = jwt
            .verify(&*keys, &expectations(issuer), facts.now)
            .map_err(refuse)?;
        if is_for_login {
            return Err(refuse(JwtError::Audience));
        }
        let (kid, exp) = (claims.kid().map(Into::into), claims.exp());
        let principal = self.principal(realm, issuer, claims, facts).await?;
        Ok(Entry {
            weight: cache::weight(&principal, 0),
            principal: Arc::new(principal),
            ends_at: exp.plus(issuer.leeway),
            keys: provenance,
            kid,
        })
    }

    /// The caller that verified claims speak of, and who it is here.
    pub(super) async fn principal(
        &self,
        realm: &Realm,
        issuer: &Issuer,
        claims: VerifiedClaims,
        facts: Facts,
    ) -> Passed<Principal> {
        let principal = read::principal(issuer, claims)?;
        if realm.immediate_revocation && matches!(issuer.keys, Keys::Own) {
            check_roles(realm, &principal)?;
        }
        if !issuer.is_recognised {
            return Ok(principal);
        }
        // From here on it stands and falls with what it is here.
        let asked = self.introspect.recognise(&realm.handle, &principal, facts);
        Ok(match asked.await.map_err(rejected)? {
            Some((subject, epoch)) => principal.recognised(subject, epoch),
            None => principal,
        })
    }

    /// The keys of an issuer. If the key that the token names is not among them, they are
    /// looked for again: another node, or the issuer, may have put it to use since.
    async fn newest_keys(
        &self,
        realm: &Realm,
        issuer: &Issuer,
        kid: Option<&str>,
    ) -> Passed<(Arc<KeySet>, Provenance)> {
        let known = self.keys_of(realm, issuer);
        let lacks = |keys: &KeySet| kid.is_some_and(|kid| keys.find(kid).is_none());
        if known.as_ref().is_some_and(|(keys, _)| !lacks(keys)) {
            return known.ok_or_else(unavailable);
        }
        match &issuer.keys {
            Keys::Static(_) | Keys::Nowhere => return known.ok_or_else(unavailable),
            Keys::Own => self.keys.look_again(&realm.handle).await,
            Keys::Remote(remote) => {
                if let Some(keys) = remote.keys.get() {
                    keys.look_again().await;
                }
            }
        }
        self.keys_of(realm, issuer).ok_or_else(unavailable)
    }

    fn keys_of(&self, realm: &Realm, issuer: &Issuer) -> Option<(Arc<KeySet>, Provenance)> {
        match &issuer.keys {
            Keys::Static(keys) => Some((Arc::clone(keys), Provenance::Fixed)),
            Keys::Nowhere => Some((Arc::default(), Provenance::Fixed)),
            Keys::Own => {
                let (keys, generation) = self.keys.own(&realm.handle)?;
                Some((keys, Provenance::Own(generation)))
            }
            Keys::Remote(remote) => {
                let fetcher = remote.keys.get()?;
                let (keys, generation) = fetcher.known()?;
                Some((keys, Provenance::Remote(Arc::clone(fetcher), generation)))
            }
        }
    }
}

/// What a token of this issuer must be.
pub(super) fn expectations(issuer: &Issuer) -> Expectations<'_> {
    Expectations {
        issuer: &issuer.issuer,
        // Without audiences its claim conditions say which of its tokens are for us.
        audiences: (!issuer.audiences.is_empty()).then_some(&issuer.audiences[..]),
        typ: &issuer.typ,
        leeway: issuer.leeway,
        require_exp: true,
        max_lifetime: issuer.max_lifetime,
    }
}

fn unavailable() -> Box<Stop> {
    Stop::new(ErrorCode::KeysUnavailable, STAGE, "keys")
}

/// A token is verified again whenever other policies come into force.
fn check_roles(realm: &Realm, principal: &Principal) -> Passed<()> {
    if standing::has_its_roles(realm, principal) {
        return Ok(());
    }
    Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "role_changed"))
}
