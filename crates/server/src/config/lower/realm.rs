//! Lowering `[realm.NAME]`: what identity and the gate are told, and what the wiring
//! needs beside them. The larger parts have files of their own.

use super::Lowering;
use super::expect::Expectation;
use super::form::told_at;
use super::policy::Place;
use super::server::ServerSettings;
use crate::config::problem::KeyPath;
use crate::config::realm::{Console, Dialect, Realm};
use crate::config::text::{FromText as _, Text};
use crate::config::value::Url;
use doorward_base::RealmName;
use doorward_gate::policy::spec::{ForwardAuthSpec, RealmSpec, RequireHttps, TenantHeaderSpec};
use doorward_identity::model::RoleDefinition;
use doorward_identity::settings::{Exposure, RealmSettings};
use doorward_oauth::{ExchangeMount, Resource};
use doorward_rows::settings::DataConfig;
use doorward_supabase::SupabaseMount;
use doorward_surface::setting::{Word, Wrong};
use doorward_surface::{Form, RealmParts};
use http::HeaderName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A realm, lowered.
#[derive(Clone, Debug)]
pub struct RealmConfig {
    /// What identity is told.
    pub identity: Arc<RealmSettings>,
    /// The interfaces it speaks, without repetition.
    pub dialects: Vec<Dialect>,
    /// The wire of the exchange endpoint; there if the dialect `oauth` is.
    pub exchange: Option<ExchangeMount>,
    /// The data API, if it has one.
    pub data: Option<Arc<DataConfig>>,
    /// Where Supabase Auth is spoken; there if the dialect `supabase` is.
    pub supabase: Option<SupabaseMount>,
    /// Which of the realm's own interfaces are on.
    pub console: Console,
    /// What `check` proves.
    pub expectations: Vec<Expectation>,
    /// Shared: what the process keeps of its configuration is kept once.
    gate: Arc<RealmSpec>,
}

impl RealmConfig {
    /// The realm's name.
    #[must_use]
    pub fn name(&self) -> &RealmName {
        &self.identity.name
    }

    /// The body form of its errors.
    #[must_use]
    pub fn errors(&self) -> Arc<dyn Form> {
        Arc::clone(&self.gate.errors)
    }

    /// What the realm tells everybody of whose tokens it takes, if it does.
    #[must_use]
    pub fn resource(&self) -> Option<Resource> {
        self.gate.resource_metadata.as_ref()?;
        Some(super::form::resource(&self.gate))
    }

    /// How long what is made from a credential can live on after it: access tokens, and
    /// what upstreams see instead of Basic.
    #[must_use]
    pub fn longest_life(&self) -> Duration {
        let tokens = &self.identity.tokens;
        let basic = self
            .gate
            .basic
            .as_ref()
            .map_or(Duration::ZERO, |basic| basic.ttl);
        tokens.max_ttl.max(tokens.access_ttl).max(basic)
    }

    /// What the gate is told, with this beside it.
    #[must_use]
    pub fn gate_spec(&self, place: Place) -> RealmSpec {
        let supabase = self.supabase.as_ref();
        RealmSpec {
            anonymous_keys: supabase.map_or_else(Vec::new, |one| one.anon_keys().to_vec()),
            parts: place.parts,
            mounts: place.mounts,
            built_in: place.built_in,
            ..self.gate.as_ref().clone()
        }
    }
}

/// The dialects, without repetition.
fn dialects_of(realm: &Realm) -> Vec<Dialect> {
    let mut dialects: Vec<Dialect> = realm.dialects.iter().map(|Word(d)| *d).collect();
    dialects.sort_unstable();
    dialects.dedup();
    dialects
}

/// The authorities a realm answers for.
pub(super) fn hosts_of(realm: &Realm) -> Vec<String> {
    realm.hosts.clone().unwrap_or_else(|| vec!["*".to_owned()])
}

/// The listeners it answers on; none is every one.
pub(super) fn listeners_of(realm: &Realm) -> Vec<SocketAddr> {
    let given = realm.listen.iter().flatten();
    given.map(|Text(address)| *address).collect()
}

impl Lowering<'_> {
    pub(super) fn realm(
        &mut self,
        name: &RealmName,
        realm: &Realm,
        server: Option<&ServerSettings>,
    ) -> Option<RealmConfig> {
        let path = KeyPath::of(&["realm", name.as_str()]);
        if hosts_of(realm).is_empty() {
            self.wrong(
                &path.key("hosts"),
                "names no host, so that no request could reach the realm",
            );
        }
        let issuer = self.issuer(realm, server, &path)?;
        let classes = self.classes(realm, &path);
        let tokens = self.tokens(realm, &issuer, &path);
        let dialects = dialects_of(realm);
        let exchange = self.exchange(realm, &path);
        let data = self.data(name, realm, server, &path);
        let supabase = self.supabase(realm, &path);
        self.check_nhost(realm, &path);
        self.check_anonymous(realm, &path);
        let expectations = self.expectations(realm, &path);
        let https = require_https(realm, &issuer);
        self.check_basic(realm, https, &issuer, server, &path);
        let identity = self.identity_settings(name, realm, &issuer, tokens, classes, &path)?;
        self.check_listeners(realm, server, &path);
        self.check_selecting(realm, &path);
        let gate = self.gate(realm, &identity, server, https, &path)?;
        Some(RealmConfig {
            identity: Arc::new(identity),
            dialects,
            exchange,
            data,
            supabase,
            console: realm.console,
            expectations,
            gate: Arc::new(gate),
        })
    }

    fn gate(
        &mut self,
        realm: &Realm,
        identity: &RealmSettings,
        server: Option<&ServerSettings>,
        require_https: RequireHttps,
        path: &KeyPath,
    ) -> Option<RealmSpec> {
        let limits = self.limits(realm, path);
        let failed = self.failed_credentials(realm, path);
        let routes = self.routes(realm, &limits, path);
        let issuers = self.issuers(realm, identity, path);
        let everywhere = realm.limits.iter().filter(|(_, limit)| limit.everywhere);
        Some(RealmSpec {
            name: identity.name.clone(),
            parts: RealmParts::default(),
            hosts: hosts_of(realm),
            listeners: listeners_of(realm),
            require_https,
            errors: self.errors(realm, path),
            issuers,
            classes: super::class::gate_classes(&identity.classes),
            basic: realm.basic.as_ref().map(|basic| self.basic(basic, path)),
            roles: super::class::gate_roles(&identity.roles),
            role_header: realm.role_header.as_ref().map(|Text(name)| name.clone()),
            anonymous_role: realm.anonymous_role.as_ref().map(|Text(role)| role.clone()),
            tenant_header: realm.tenant_header.as_ref().map(|header| TenantHeaderSpec {
                header: header.header.0.clone(),
                foreign_scope: header.foreign_scope.0.clone(),
            }),
            immediate_revocation: identity.tokens.revocation
                == doorward_identity::settings::Revocation::Immediate,
            role_marks: identity.roles.iter().map(RoleDefinition::mark).collect(),
            streams_at_exp: realm.tokens.streams_at_exp.0,
            routes,
            anonymous_keys: Vec::new(),
            mounts: Vec::new(),
            built_in: Vec::new(),
            limits: everywhere
                .filter_map(|(name, _)| limits.get(name).cloned())
                .collect(),
            failed_credentials: failed?,
            legacy_limit_headers: realm.legacy_limit_headers,
            code_header: realm
                .dialects
                .contains(&Word(Dialect::Supabase))
                .then(|| HeaderName::from_static("sb-error-code")),
            watches_exposure: identity.exposure != Exposure::Ignore,
            identity: self.identity_headers(&realm.identity, path),
            cors_origins: self.cors_origins(realm, path),
            forward_auth: self.forward_auth(realm, server, path),
            resource_metadata: told_at(realm, identity),
            audited: realm.audit_access.0,
        })
    }

    /// The issuer as written, or the first listen address when only this machine can
    /// reach it.
    fn issuer(
        &mut self,
        realm: &Realm,
        server: Option<&ServerSettings>,
        path: &KeyPath,
    ) -> Option<Url> {
        if let Some(Text(issuer)) = &realm.issuer {
            return Some(issuer.clone());
        }
        let local = server?
            .listen
            .first()
            .filter(|address| address.ip().is_loopback());
        let issuer = local.and_then(|address| Url::from_text(&format!("http://{address}")).ok());
        if issuer.is_none() {
            self.wrong(
                path,
                "the key \"issuer\" is missing; only a server on a loopback address has a default for it",
            );
        }
        issuer
    }

    fn check_anonymous(&mut self, realm: &Realm, path: &KeyPath) {
        let Some(role) = &realm.anonymous_role else {
            return;
        };
        if !realm.roles.contains_key(role) {
            let message = format!("{:?} is not in [roles]", role.0.as_str());
            self.wrong(&path.key("anonymous_role"), message);
        }
    }

    /// What a dialect made of its section, or what it says is wrong with it.
    pub(super) fn owned<T>(
        &mut self,
        lowered: Result<T, Vec<Wrong>>,
        place: &KeyPath,
    ) -> Option<T> {
        lowered
            .map_err(|wrong| {
                for Wrong { key, message } in wrong {
                    self.wrong(&place.key(key), message);
                }
            })
            .ok()
    }

    fn cors_origins(&mut self, realm: &Realm, path: &KeyPath) -> Vec<String> {
        for (at, origin) in realm.cors_origins.iter().enumerate() {
            let place = path.key("cors_origins").index(at);
            match Url::from_text(origin).ok().as_ref().and_then(origin_of) {
                None => self.wrong(
                    &place,
                    format!("{origin:?} is not an origin such as \"https://app.example.com\""),
                ),
                Some(sent) if sent != *origin => self.wrong(
                    &place,
                    format!("no browser sends {origin:?}; it sends {sent:?}: write that"),
                ),
                Some(_) => {}
            }
        }
        realm.cors_origins.clone()
    }

    /// The listeners that the realm names must be there.
    fn check_listeners(&mut self, realm: &Realm, server: Option<&ServerSettings>, path: &KeyPath) {
        let Some(server) = server else { return };
        for (at, address) in listeners_of(realm).into_iter().enumerate() {
            if !server.listen.contains(&address) {
                let message = format!("{address} is not an address of [server] listen");
                self.wrong(&path.key("listen").index(at), message);
            }
        }
        if realm.listen.as_ref().is_some_and(Vec::is_empty) {
            self.wrong(
                &path.key("listen"),
                "names no address, so that no request could reach the realm",
            );
        }
    }

    fn forward_auth(
        &mut self,
        realm: &Realm,
        server: Option<&ServerSettings>,
        path: &KeyPath,
    ) -> Option<ForwardAuthSpec> {
        let forward = realm.forward_auth.as_ref()?;
        let path = path.key("forward_auth");
        self.check_path(&forward.path, &path.key("path"));
        let listener = forward.listen.map(|Text(address)| address);
        if let (Some(address), Some(server)) = (listener, server) {
            let of_realm = listeners_of(realm);
            let others = if of_realm.is_empty() {
                &server.listen
            } else {
                &of_realm
            };
            let place = path.key("listen");
            if !others.contains(&address) {
                let message = format!(
                    "{address} is not an address of [server] listen at which the realm answers"
                );
                self.wrong(&place, message);
            } else if others.iter().all(|other| *other == address) {
                let message = "is where clients come: nothing else is answered at this address; add another to [server] listen";
                self.wrong(&place, message);
            }
        }
        Some(ForwardAuthSpec {
            path: forward.path.clone(),
            trusted_only: forward.trusted_only,
            listener,
        })
    }

    fn check_path(&mut self, text: &str, place: &KeyPath) {
        let sound = text.starts_with('/')
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'*' | b'{'));
        if !sound {
            self.wrong(
                place,
                format!("{text:?} is not a plain path such as \"/oauth/exchange\""),
            );
        }
    }
}

/// What a browser sends as the `Origin` of pages at this address: scheme and host in
/// lower case, without a default port and without a path (RFC 6454 §6.2).
fn origin_of(url: &Url) -> Option<String> {
    let uri = url.uri();
    let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
    let default = if scheme == "https" { 443 } else { 80 };
    if uri.path() != "/" {
        return None;
    }
    Some(match uri.port_u16() {
        Some(port) if port != default => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

fn require_https(realm: &Realm, issuer: &Url) -> RequireHttps {
    match realm.require_https {
        Some(Word(written)) => written,
        None if issuer.uri().scheme_str() == Some("https") => RequireHttps::Reject,
        None => RequireHttps::Off,
    }
}
