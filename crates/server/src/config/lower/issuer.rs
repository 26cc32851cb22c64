//! Lowering whose access tokens a realm accepts: its own, and those of
//! `[[realm.NAME.issuers]]`.

use super::Lowering;
use crate::config::issuers::{Claims, Issuer};
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::Text;
use crate::config::value::{Span, Url};
use doorward_base::Words as _;
use doorward_base::claims::{ClaimPath, Field};
use doorward_base::egress::{EgressHost, EgressUrl};
use doorward_gate::policy::spec::{ClaimMap, IssuerSpec, KeySource};
use doorward_identity::settings::{Provision, RealmSettings};
use doorward_jose::alg::Algorithm;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

impl Lowering<'_> {
    /// The realm's own issuer first, then the external ones in their order.
    pub(super) fn issuers(
        &mut self,
        realm: &Realm,
        identity: &RealmSettings,
        path: &KeyPath,
    ) -> Vec<IssuerSpec> {
        let mut issuers = vec![own(identity)];
        for (at, issuer) in realm.issuers.iter().enumerate() {
            issuers.extend(self.external(issuer, &path.key("issuers").index(at)));
        }
        issuers
    }

    fn external(&mut self, issuer: &Issuer, path: &KeyPath) -> Option<IssuerSpec> {
        let keys = self.key_source(issuer, path);
        let claims = issuer.claims.clone().unwrap_or_else(|| Claims {
            scope: "scope".parse::<ClaimPath>().ok().map(Text),
            ..Claims::default()
        });
        let take = |claim: Option<Text<ClaimPath>>| claim.map(|Text(path)| path);
        let leeway = issuer
            .leeway
            .map_or(Duration::from_secs(30), |Text(Span(leeway))| leeway);
        if leeway > Duration::from_secs(300) {
            self.wrong(
                &path.key("leeway"),
                "must be at most \"5m\": it lengthens the life of every token",
            );
        }
        Some(IssuerSpec {
            issuer: Arc::from(issuer.issuer.as_str()),
            audiences: issuer
                .audiences
                .iter()
                .map(|Text(audience)| audience.clone())
                .collect(),
            algorithms: issuer
                .algorithms
                .iter()
                .map(|Text(algorithm)| *algorithm)
                .collect(),
            typ: issuer
                .typ
                .clone()
                .unwrap_or_else(|| vec!["JWT".to_owned(), "at+jwt".to_owned()]),
            leeway,
            max_lifetime: None,
            keys: keys?,
            claims: ClaimMap {
                scopes: take(claims.scope),
                permissions: take(claims.permissions),
                roles: take(claims.roles),
                role: take(claims.role),
                tenant: take(claims.tenant),
                also: Vec::new(),
            },
            is_recognised: issuer.provision.0 == Provision::FirstSight,
        })
    }

    fn key_source(&mut self, issuer: &Issuer, path: &KeyPath) -> Option<KeySource> {
        match (&issuer.jwks_url, &issuer.keys) {
            (Some(Text(url)), None) => {
                self.check_remote(issuer, url, path);
                Some(KeySource::Jwks(url.uri().clone()))
            }
            (None, Some(Text(source))) => {
                let place = path.key("keys");
                let text = self.secret(&place, source)?;
                // The parser's message could quote the key; it is not shown.
                let set = serde_json::from_str(text.expose())
                    .map_err(|_| "what this refers to is not a JWK set in JSON");
                self.problems.take(&place, set).map(KeySource::Static)
            }
            (Some(_), Some(_)) => {
                self.wrong(path, "has both jwks_url and keys; keep one");
                None
            }
            (None, None) => {
                self.wrong(
                    path,
                    "has neither jwks_url nor keys; without one no token could be verified",
                );
                None
            }
        }
    }

    fn check_remote(&mut self, issuer: &Issuer, url: &Url, path: &KeyPath) {
        match url.as_str().parse::<EgressUrl>() {
            Ok(url) => self.check_reach(&url, &path.key("jwks_url")),
            Err(_) => self.wrong(
                &path.key("jwks_url"),
                "has a host that reads in more than one way; write a name or a usual address",
            ),
        }
        if url.is_exposed() {
            self.wrong(
                &path.key("jwks_url"),
                "must be https: whoever can change the keys on their way can sign any token",
            );
        }
        let symmetric = issuer
            .algorithms
            .iter()
            .position(|Text(alg)| alg.is_symmetric());
        if let Some(at) = symmetric {
            self.wrong(
                &path.key("algorithms").index(at),
                "a shared secret is never published under a jwks_url; give it by keys",
            );
        }
    }
}

impl Lowering<'_> {
    /// Says of an address what the first request would find out; of a name only that one
    /// knows what it means.
    pub(super) fn check_reach(&mut self, url: &EgressUrl, path: &KeyPath) {
        let address = match url.host() {
            EgressHost::Address(address) => *address,
            EgressHost::Name(name) if name == "localhost" => Ipv4Addr::LOCALHOST.into(),
            EgressHost::Name(_) => return,
        };
        if !self.reach.covers(address) {
            let message = format!(
                "is at {address}, which is not public; name its network in [server] egress_allow"
            );
            self.wrong(path, message);
        }
    }
}

/// The realm's own issuer: its claims lie where its template writes them.
fn own(identity: &RealmSettings) -> IssuerSpec {
    let tokens = &identity.tokens;
    let locate = |field| tokens.claims.locate(field);
    IssuerSpec {
        issuer: Arc::clone(&identity.issuer),
        audiences: tokens.audiences.clone(),
        // Each of our keys has its algorithm. A realm that moves to another one goes on
        // accepting what the retiring key signed.
        algorithms: Algorithm::ALL.to_vec(),
        typ: vec![tokens.typ.word().to_owned()],
        leeway: Duration::ZERO,
        // What is revoked is remembered for this long after a restart.
        max_lifetime: Some(tokens.max_ttl.max(tokens.access_ttl)),
        keys: KeySource::Own,
        claims: ClaimMap {
            scopes: locate(Field::Scope).or_else(|| locate(Field::Scopes)),
            permissions: locate(Field::Permissions),
            roles: locate(Field::Roles),
            role: locate(Field::Role),
            tenant: Some(tokens.claims.locate_tenant()),
            also: tokens.claims.places(),
        },
        is_recognised: false,
    }
}
