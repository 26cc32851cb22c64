//! HTTP Basic with an API token as the password: looked up, then converted to a
//! short-lived JWT, which is all that the upstream sees.

use super::cache::{self, Key};
use super::{STAGE, Verified, Verifier, rejected};
use crate::policy::compiled::{Module, Realm, Route};
use crate::policy::spec::{ClassSpec, CredentialKind, RequireHttps};
use crate::port::{Facts, Via};
use crate::stage::forwarded::Client;
use crate::stage::{Passed, Stop};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_base::token_format::Shape;
use doorward_base::{ErrorCode, Principal, Secret, Timestamp};
use doorward_jose::digest;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// A Basic credential, converted.
#[derive(Debug)]
pub(crate) struct Converted {
    /// The caller as the minted JWT has it.
    pub(crate) principal: Arc<Principal>,
    /// `Bearer …`, marked sensitive.
    pub(crate) authorization: HeaderValue,
    /// After this it is not handed out again.
    pub(super) fresh_until: Timestamp,
    /// What it takes in the cache, see [`cache::weight`].
    pub(super) weight: u32,
}

impl Converted {
    /// Whether it is not handed out again.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.fresh_until || now >= self.principal.expires_at
    }
}

impl Verifier<'_> {
    pub(super) async fn basic(
        &self,
        realm: &Realm,
        route: Option<&Route>,
        encoded: &str,
        client: &Client,
        facts: Facts,
    ) -> Passed<Verified> {
        let refuse = |check| Stop::new(ErrorCode::TokenInvalid, STAGE, check);
        let Some(basic) = &realm.basic else {
            return Err(refuse("basic_off"));
        };
        let Some(module) = route.and_then(|route| route.basic.as_ref()) else {
            return Err(refuse("module_off"));
        };
        check_transport(realm, client)?;
        let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "basic");
        let text = decode(encoded)?;
        let (username, token) = text.expose().split_once(':').ok_or_else(malformed)?;
        if username != basic.username {
            return Err(refuse("username"));
        }
        let class = class_of(realm, token)?;
        let key = Key {
            realm: realm.number,
            generation: self.generation,
            module: module.number,
            digest: digest::sha256(token.as_bytes()),
        };
        let converted = match self.cached(realm, &key, facts.now) {
            Some(converted) => converted,
            None => {
                let token = Secret::new(token.to_owned());
                let converted = self
                    .convert(realm, class, &token, (module, basic.ttl), facts)
                    .await?;
                self.caches.converted.insert(key, Arc::clone(&converted));
                converted
            }
        };
        Ok(Verified {
            principal: Arc::clone(&converted.principal),
            kind: CredentialKind::Basic,
            converted: Some(converted),
        })
    }

    /// A conversion that still stands. An API token dies at once in every realm, so
    /// without a current feed the store is asked again.
    fn cached(&self, realm: &Realm, key: &Key, now: Timestamp) -> Option<Arc<Converted>> {
        let found = self.caches.converted.get(key)?;
        let handle = &realm.handle;
        let principal = &found.principal;
        let epoch = principal.subject.map(|subject| {
            self.revocations
                .epoch(handle, subject, principal.tenant.as_ref())
        });
        let stands = !found.is_over(now)
            && self.revocations.is_current(handle, now)
            && !self
                .revocations
                .is_revoked(handle, &principal.credential, now)
            && epoch.is_none_or(|epoch| epoch <= principal.epoch);
        if !stands {
            self.caches.converted.remove(key);
            return None;
        }
        Some(found)
    }

    async fn convert(
        &self,
        realm: &Realm,
        class: &ClassSpec,
        token: &Secret,
        (module, ttl): (&Module, Duration),
        facts: Facts,
    ) -> Passed<Arc<Converted>> {
        let looked_up =
            self.introspect
                .introspect(&realm.handle, &class.name, token, &Via::Basic, facts);
        let principal = looked_up.await.map_err(rejected)?;
        let minted = self
            .minter
            .mint(&realm.handle, &principal, &module.scopes, ttl, facts);
        let minted = minted.await.map_err(rejected)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", minted.jwt.expose()))
            .map_err(|_| Stop::new(ErrorCode::Internal, STAGE, "minted"))?;
        authorization.set_sensitive(true);
        // The last tenth of its life is left for the upstream.
        let life = minted.expires_at.since(facts.now);
        let weight = cache::weight(&minted.principal, minted.jwt.expose().len());
        Ok(Arc::new(Converted {
            weight,
            principal: minted.principal,
            authorization,
            fresh_until: minted.expires_at.minus(life / 10),
        }))
    }
}

/// Basic sends the credential itself: by TLS, or on this machine.
pub(super) fn check_transport(realm: &Realm, client: &Client) -> Passed<()> {
    let plain_allowed = client.ip.is_loopback() && realm.require_https == RequireHttps::Off;
    if client.secure || plain_allowed {
        return Ok(());
    }
    Err(Stop::new(
        ErrorCode::HttpsRequired,
        STAGE,
        "basic_plain_http",
    ))
}

/// The text of a Basic credential (RFC 7617 §2).
pub(super) fn decode(encoded: &str) -> Passed<Secret> {
    let malformed = || Stop::new(ErrorCode::CredentialMalformed, STAGE, "basic");
    let decoded = STANDARD.decode(encoded).map_err(|_| malformed())?;
    String::from_utf8(decoded)
        .map(Secret::new)
        .map_err(|_| malformed())
}

fn class_of<'r>(realm: &'r Realm, token: &str) -> Passed<&'r ClassSpec> {
    let shape = |class: &ClassSpec| class.format.shape(token);
    let class = realm
        .classes
        .iter()
        .find(|class| matches!(shape(class), Shape::WellFormed(_)));
    match class {
        Some(class) if class.basic => Ok(class),
        Some(_) => Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "presentation")),
        None => Err(Stop::new(ErrorCode::TokenInvalid, STAGE, "shape")),
    }
}
