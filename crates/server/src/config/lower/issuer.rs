//! Lowering whose access tokens a realm accepts: its own, and those of
//! `[[realm.NAME.issuers]]`.

use super::Lowering;
use crate::config::issuers::{Claims, Introspection, Issuer};
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::{Text, Texts};
use crate::config::value::{Span, Url};
use doorward_base::Words as _;
use doorward_base::claims::{ClaimPath, Field};
use doorward_base::egress::{EgressHost, EgressUrl};
use doorward_gate::policy::spec::{
    ClaimMap, ClaimRule, IntrospectionSpec, IssuerSpec, KeySource, RemoteSource,
};
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
            let place = path.key("issuers").index(at);
            // What holds for its subjects is said where they are.
            let login = self.login_of(realm, issuer, &place);
            issuers.extend(self.external(issuer, login, &place));
        }
        issuers
    }

    /// The issuer whose subjects these are: another one, where this is a name of it.
    fn login_of<'r>(&mut self, realm: &'r Realm, issuer: &'r Issuer, path: &KeyPath) -> &'r Issuer {
        let Some(name) = &issuer.subjects_of else {
            return issuer;
        };
        let said = [
            ("claims", issuer.claims.is_some()),
            ("tenant", issuer.tenant.is_some()),
            ("provision", issuer.provision.0 != Provision::default()),
        ];
        for (key, _) in said.iter().filter(|(_, said)| *said) {
            let message = format!("is that of {name}, whose subjects these are; write it there");
            self.wrong(&path.key(*key), message);
        }
        let mut others = realm.issuers.iter();
        let other = others.find(|other| other.issuer == *name);
        other.unwrap_or(issuer)
    }

    fn external(&mut self, issuer: &Issuer, login: &Issuer, path: &KeyPath) -> Option<IssuerSpec> {
        let keys = self.key_source(issuer, path);
        let introspection = match &issuer.introspection {
            Some(asked) => Some(self.introspection(asked, &path.key("introspection"))?),
            None => None,
        };
        let claims = login.claims.clone().unwrap_or_else(|| Claims {
            scope: "scope".parse().ok().map(|path| Texts(vec![path])),
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
        let texts = |Text(audience): &Text<_>| Clone::clone(audience);
        Some(IssuerSpec {
            issuer: Arc::from(issuer.issuer.as_str()),
            audiences: issuer.audiences.iter().map(texts).collect(),
            require: self.conditions(issuer, &path.key("require")),
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
            introspection,
            claims: ClaimMap {
                scopes: claims.scope.map_or_else(Vec::new, |Texts(paths)| paths),
                permissions: take(claims.permissions),
                roles: take(claims.roles),
                role: take(claims.role),
                tenant: take(claims.tenant),
                also: Vec::new(),
            },
            tenant: login.tenant.as_ref().map(|Text(tenant)| tenant.clone()),
            subjects_of: issuer.subjects_of.as_deref().map(Arc::from),
            is_recognised: login.provision.0 == Provision::FirstSight,
        })
    }

    fn conditions(&mut self, issuer: &Issuer, path: &KeyPath) -> Vec<ClaimRule> {
        let mut rules = Vec::with_capacity(issuer.require.len());
        for (name, accepted) in &issuer.require {
            let place = path.key(name);
            if accepted.values().is_empty() {
                self.wrong(&place, "names no value, so that no token would be accepted");
            }
            if name == "iss" {
                self.wrong(
                    &place,
                    "says nothing of which tokens: all of this issuer have it",
                );
            }
            let claim = name.parse::<ClaimPath>().map_err(|error| error.to_string());
            if let Some(claim) = self.problems.take(&place, claim) {
                rules.push(ClaimRule {
                    path: claim,
                    values: accepted.values().iter().map(Into::into).collect(),
                });
            }
        }
        rules
    }

    fn introspection(
        &mut self,
        asked: &Introspection,
        path: &KeyPath,
    ) -> Option<IntrospectionSpec> {
        let Text(url) = &asked.url;
        self.check_remote(
            url,
            &path.key("url"),
            "whoever can read it on its way has our secret",
        );
        if asked.client_id.is_empty() {
            self.wrong(&path.key("client_id"), "must not be empty");
        }
        let cache = asked
            .cache
            .map_or(Duration::from_secs(30), |Text(Span(cache))| cache);
        if cache > Duration::from_secs(300) {
            self.wrong(
                &path.key("cache"),
                "must be at most \"5m\": a token that its issuer ended is accepted for as long",
            );
        }
        let Text(secret) = &asked.client_secret;
        Some(IntrospectionSpec {
            url: url.uri().clone(),
            client_id: asked.client_id.clone(),
            client_secret: self.secret(&path.key("client_secret"), secret)?,
            cache,
        })
    }

    fn key_source(&mut self, issuer: &Issuer, path: &KeyPath) -> Option<KeySource> {
        let given = [
            ("jwks_url", issuer.jwks_url.is_some()),
            ("discovery_url", issuer.discovery_url.is_some()),
            ("keys", issuer.keys.is_some()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given);
        if let (Some((one, _)), Some((other, _))) = (given.next(), given.next()) {
            self.wrong(path, format!("has both {one} and {other}; keep one"));
            return None;
        }
        let exposed = "whoever can change the keys on their way can sign any token";
        if let Some(Text(url)) = &issuer.jwks_url {
            self.check_remote(url, &path.key("jwks_url"), exposed);
            self.check_published(issuer, path);
            return Some(KeySource::Remote(RemoteSource::Jwks(url.uri().clone())));
        }
        if let Some(Text(url)) = &issuer.discovery_url {
            self.check_remote(url, &path.key("discovery_url"), exposed);
            self.check_published(issuer, path);
            return Some(KeySource::Remote(RemoteSource::Discovery {
                url: url.uri().clone(),
                issuer: Arc::from(issuer.issuer.as_str()),
            }));
        }
        if let Some(Text(source)) = &issuer.keys {
            let place = path.key("keys");
            let text = self.secret(&place, source)?;
            // The parser's message could quote the key; it is not shown.
            let set = serde_json::from_str(text.expose())
                .map_err(|_| "what this refers to is not a JWK set in JSON");
            return self.problems.take(&place, set).map(KeySource::Static);
        }
        if issuer.introspection.is_some() {
            return Some(KeySource::Nowhere);
        }
        self.wrong(
            path,
            "has neither jwks_url nor keys; without one, or discovery_url, no token could be verified",
        );
        None
    }

    fn check_published(&mut self, issuer: &Issuer, path: &KeyPath) {
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

    fn check_remote(&mut self, url: &Url, place: &KeyPath, exposed: &str) {
        match url.as_str().parse::<EgressUrl>() {
            Ok(url) => self.check_reach(&url, place),
            Err(_) => self.wrong(
                place,
                "has a host that reads in more than one way; write a name or a usual address",
            ),
        }
        if url.is_exposed() {
            self.wrong(place, format!("must be https: {exposed}"));
        }
    }
}

impl Lowering<'_> {
    /// Says of an address what the first request would find out; of a name only that one
    /// knows what it means.
    pub(super) fn check_reach(&mut self, url: &EgressUrl, place: &KeyPath) {
        let address = match url.host() {
            EgressHost::Address(address) => *address,
            EgressHost::Name(name) if name == "localhost" => Ipv4Addr::LOCALHOST.into(),
            EgressHost::Name(_) => return,
        };
        if !self.reach.covers(address) {
            let message = format!(
                "is at {address}, which is not public; name its network in [server] egress_allow"
            );
            self.wrong(place, message);
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
        require: Vec::new(),
        introspection: None,
        tenant: None,
        subjects_of: None,
        claims: ClaimMap {
            scopes: locate(Field::Scope)
                .or_else(|| locate(Field::Scopes))
                .into_iter()
                .collect(),
            permissions: locate(Field::Permissions),
            roles: locate(Field::Roles),
            role: locate(Field::Role),
            tenant: Some(tokens.claims.locate_tenant()),
            also: tokens.claims.places(),
        },
        is_recognised: false,
    }
}
