//! Access tokens: issuer by `iss`, key by `kid`, then what jose checks; and, for each
//! use of a cached verdict, what may have changed since.

use super::cache::{Entry, Key};
use super::{Hint, STAGE, Verifier, read};
use crate::policy::compiled::{Issuer, Keys, Realm};
use crate::stage::{Passed, Stop};
use doorward_base::{ErrorCode, Principal, Timestamp};
use doorward_jose::jwt::JwtError;
use doorward_jose::{Expectations, KeySet, UnverifiedJwt, digest};
use std::sync::Arc;

impl Verifier<'_> {
    /// The principal of an access token.
    pub(super) async fn jwt(
        &self,
        realm: &Realm,
        token: &str,
        now: Timestamp,
        hint: &mut Hint,
    ) -> Passed<Arc<Principal>> {
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
                let entry = Arc::new(self.verify_jwt(realm, token, now, hint).await?);
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
        entry
            .keys
            .is_none_or(|generation| self.keys.own_generation(&realm.handle) == generation)
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
        let Some(subject) = principal.subject.filter(|_| realm.immediate) else {
            return Ok(());
        };
        let handle = &realm.handle;
        if !self.revocations.is_current(handle, now) {
            return Err(Stop::new(ErrorCode::StoreUnavailable, STAGE, "lease"));
        }
        let is_revoked = |credential| self.revocations.is_revoked(handle, &credential, now);
        if principal.credentials().any(is_revoked) {
            return Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "revoked"));
        }
        let tenant = principal.tenant.as_ref();
        let is_older = |(of, epoch)| self.revocations.epoch(handle, of, tenant) > epoch;
        let actors = principal.actors.iter();
        if std::iter::once((subject, principal.epoch))
            .chain(actors.map(|actor| (actor.subject, actor.epoch)))
            .any(is_older)
        {
            return Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "epoch"));
        }
        Ok(())
    }

    async fn verify_jwt(
        &self,
        realm: &Realm,
        token: &str,
        now: Timestamp,
        hint: &mut Hint,
    ) -> Passed<Entry> {
        let refuse = |check| Stop::new(ErrorCode::TokenInvalid, STAGE, check);
        let jwt = UnverifiedJwt::parse(token).map_err(|error| {
            let code = if matches!(error, JwtError::Jws(_)) {
                ErrorCode::CredentialMalformed
            } else {
                ErrorCode::TokenInvalid
            };
            Stop::new(code, STAGE, error.check())
        })?;
        let issuer = realm
            .issuers
            .iter()
            .find(|known| jwt.issuer() == Some(&*known.issuer))
            .ok_or_else(|| refuse("issuer"))?;
        hint.issuer = Some(issuer.issuer.to_string());
        hint.key = jwt.header().kid.clone();
        if !issuer.algorithms.contains(&jwt.header().alg) {
            return Err(refuse("algorithm"));
        }
        let (mut keys, mut generation) = self.keys_of(realm, issuer)?;
        // Another node may have put a key to use that this one has not heard of yet.
        if generation.is_some()
            && hint
                .key
                .as_ref()
                .is_some_and(|kid| keys.find(kid).is_none())
        {
            self.keys.look_again(&realm.handle).await;
            (keys, generation) = self.keys_of(realm, issuer)?;
        }
        let expected = Expectations {
            issuer: &issuer.issuer,
            audiences: &issuer.audiences,
            typ: &issuer.typ,
            leeway: issuer.leeway,
            require_exp: true,
            max_lifetime: issuer.max_lifetime,
        };
        let claims = jwt
            .verify(&*keys, &expected, now)
            .map_err(|error| Stop::new(error.code(), STAGE, error.check()))?;
        let (kid, exp) = (claims.kid().map(Into::into), claims.exp());
        let principal = read::principal(issuer, claims).map_err(refuse)?;
        Ok(Entry {
            principal: Arc::new(principal),
            ends_at: exp.plus(issuer.leeway),
            keys: generation,
            kid,
        })
    }

    fn keys_of(&self, realm: &Realm, issuer: &Issuer) -> Passed<(Arc<KeySet>, Option<u64>)> {
        let own = match &issuer.keys {
            Keys::Static(keys) => return Ok((Arc::clone(keys), None)),
            Keys::Own => self.keys.own(&realm.handle),
            Keys::Remote => None,
        };
        own.map(|(keys, generation)| (keys, Some(generation)))
            .ok_or_else(|| Stop::new(ErrorCode::KeysUnavailable, STAGE, "keys"))
    }
}
