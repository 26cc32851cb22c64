//! Lowering `[[realm.NAME.route]]`. Patterns and overlaps are the gate's to judge.

use super::Lowering;
use super::data::DATA;
use super::upstream_tls::Shared;
use crate::config::form::words;
use crate::config::problem::{KeyPath, unknown};
use crate::config::realm::Realm;
use crate::config::route::Route;
use crate::config::text::{Text, sorted};
use crate::config::value::{Size, Upstream};
use doorward_gate::policy::spec::{
    AuthorizationRule, CredentialKind, LimitSpec, RouteSpec, ScopeRule, TenantRule, UpstreamSpec,
};
use doorward_surface::Wording;
use doorward_surface::setting::Word;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

impl Lowering<'_> {
    pub(super) fn routes(
        &mut self,
        realm: &Realm,
        limits: &BTreeMap<String, LimitSpec>,
        path: &KeyPath,
    ) -> Vec<RouteSpec> {
        let mut routes = Vec::with_capacity(realm.route.len());
        let mut shared = Shared::new(realm, path);
        let words = words(&realm.error_codes);
        for (at, route) in realm.route.iter().enumerate() {
            let place = path.key("route").index(at);
            self.check_route(realm, route, &place);
            self.check_credentials(route, &place);
            self.check_public(route, &place);
            self.check_limited(route, &place);
            let limits = self.route_limits(realm, route, limits, &place);
            let words = &words;
            routes.push(self.route(route, (limits, words), &mut shared, &place));
        }
        routes
    }

    fn route(
        &mut self,
        route: &Route,
        (limits, words): (Vec<LimitSpec>, &Arc<[Wording]>),
        shared: &mut Shared<'_>,
        path: &KeyPath,
    ) -> RouteSpec {
        let half_minute = Duration::from_secs(30);
        RouteSpec {
            path: route.path.clone(),
            methods: route
                .methods
                .iter()
                .map(|Text(method)| method.clone())
                .collect(),
            upstream: self.upstream(route, shared, path),
            public: route.public,
            credentials: self.credentials(route, path),
            authorization: route.authorization.0,
            jwt_query: route.jwt_query.clone(),
            ambiguous_paths: route.ambiguous_paths.0,
            scopes: ScopeRule {
                any: sorted(&route.scopes_any),
                all: sorted(&route.scopes),
                read: sorted(&route.scopes_read),
                write: sorted(&route.scopes_write),
            },
            permissions: sorted(&route.permissions),
            roles: sorted(&route.roles),
            tenant: route.tenant.0,
            environments: sorted(&route.environments),
            basic: route.basic.clone(),
            limits,
            counted: route.limited,
            errors: route.errors.as_ref().map(|Text(name)| name.form(words)),
            timeout: self.positive(&path.key("timeout"), route.timeout, half_minute),
            max_body: route.max_body.map(|Text(Size(bytes))| bytes),
        }
    }

    fn upstream(&mut self, route: &Route, shared: &mut Shared<'_>, path: &KeyPath) -> UpstreamSpec {
        if let Some(prefix) = &route.strip_prefix {
            let leads = prefix.starts_with('/') && route.path.starts_with(prefix.as_str());
            if !leads {
                self.wrong(
                    &path.key("strip_prefix"),
                    format!("{prefix:?} is not how {:?} begins", route.path),
                );
            }
        }
        match &route.upstream.0 {
            Upstream::Echo => UpstreamSpec::Echo,
            Upstream::Data => {
                self.check_local(route, path);
                UpstreamSpec::Local(DATA)
            }
            Upstream::Http(base) => UpstreamSpec::Http {
                base: base.clone(),
                strip_prefix: route.strip_prefix.clone(),
                preserve_host: route.preserve_host,
                tls: self.route_tls(route, base, shared, path),
            },
        }
    }

    /// A route to what this process has itself says nothing about the way to an upstream.
    fn check_local(&mut self, route: &Route, path: &KeyPath) {
        let said = [
            ("strip_prefix", route.strip_prefix.is_some()),
            ("preserve_host", route.preserve_host),
            ("upstream_tls", route.upstream_tls.is_some()),
        ];
        for (key, _) in said.iter().filter(|(_, said)| *said) {
            self.wrong(
                &path.key(*key),
                "belongs to an upstream, and \"builtin:data\" is none",
            );
        }
    }

    /// A route that no limit counts names none.
    fn check_limited(&mut self, route: &Route, path: &KeyPath) {
        if !route.limited && !route.limits.is_empty() {
            self.wrong(
                &path.key("limited"),
                "is false, and the route names limits of its own; remove one of the two",
            );
        }
    }

    /// What a route asks of its callers it asks of nobody if it is public.
    fn check_public(&mut self, route: &Route, path: &KeyPath) {
        let asked = [
            ("credentials", route.credentials.is_some()),
            ("permissions", !route.permissions.is_empty()),
            ("scopes", !route.scopes.is_empty()),
            ("scopes_any", !route.scopes_any.is_empty()),
            ("scopes_read", !route.scopes_read.is_empty()),
            ("scopes_write", !route.scopes_write.is_empty()),
            ("roles", !route.roles.is_empty()),
            ("tenant", route.tenant.0 != TenantRule::Optional),
            ("environments", !route.environments.is_empty()),
        ];
        for (key, _) in asked.iter().filter(|(_, asked)| route.public && *asked) {
            self.wrong(
                &path.key(*key),
                "is asked of nobody, for the route is public; remove this or public = true",
            );
        }
    }

    /// What a route says of credentials must fit together.
    fn check_credentials(&mut self, route: &Route, path: &KeyPath) {
        if route.authorization.0 == AuthorizationRule::Pass && route.basic.is_some() {
            self.wrong(
                &path.key("authorization"),
                "\"pass\" leaves Authorization to the upstream, and Basic needs it",
            );
        }
        let Some(name) = &route.jwt_query else { return };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let place = path.key("jwt_query");
        if name.is_empty() || !name.bytes().all(plain) {
            self.wrong(
                &place,
                format!("{name:?} is not a name of letters, digits, - . and _"),
            );
        }
        let accepts =
            |given: &Vec<Word<CredentialKind>>| given.contains(&Word(CredentialKind::Jwt));
        if !route.public && !route.credentials.as_ref().is_none_or(accepts) {
            self.wrong(&place, "the route accepts no access token; add \"jwt\"");
        }
    }

    fn credentials(&mut self, route: &Route, path: &KeyPath) -> Vec<CredentialKind> {
        let Some(given) = &route.credentials else {
            let basic = route.basic.is_some().then_some(CredentialKind::Basic);
            return [CredentialKind::Jwt, CredentialKind::ApiToken]
                .into_iter()
                .chain(basic)
                .collect();
        };
        let place = path.key("credentials");
        let basic = given.contains(&Word(CredentialKind::Basic));
        if given.is_empty() && !route.public {
            self.wrong(
                &place,
                "names no kind of credential; for a route open to anyone write public = true",
            );
        }
        if basic && route.basic.is_none() {
            self.wrong(&place, "\"basic\" needs the route's basic = \"MODULE\"");
        }
        if !basic && route.basic.is_some() {
            self.wrong(
                &place,
                "the route names a Basic module; add \"basic\" here or remove the module",
            );
        }
        given.iter().map(|Word(kind)| *kind).collect()
    }

    fn route_limits(
        &mut self,
        realm: &Realm,
        route: &Route,
        limits: &BTreeMap<String, LimitSpec>,
        path: &KeyPath,
    ) -> Vec<LimitSpec> {
        let known: Vec<&str> = realm.limits.keys().map(String::as_str).collect();
        for (at, name) in route.limits.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                self.wrong(
                    &path.key("limits").index(at),
                    unknown("limit", name, &known),
                );
            }
        }
        route
            .limits
            .iter()
            .filter_map(|name| limits.get(name).cloned())
            .collect()
    }

    /// What a route names must be there.
    fn check_route(&mut self, realm: &Realm, route: &Route, path: &KeyPath) {
        let modules = realm.basic.iter().flat_map(|basic| basic.modules.keys());
        let modules: Vec<&str> = modules.map(String::as_str).collect();
        if let Some(module) = &route.basic
            && !modules.contains(&module.as_str())
        {
            self.wrong(
                &path.key("basic"),
                unknown("Basic module", module, &modules),
            );
        }
        let classes = realm.api_tokens.values();
        let environments: Vec<&str> = classes
            .flat_map(|class| &class.environments)
            .map(|Text(environment)| environment.as_str())
            .collect();
        for (at, Text(environment)) in route.environments.iter().enumerate() {
            if !environments.contains(&environment.as_str()) {
                let text = unknown("environment", environment.as_str(), &environments);
                self.wrong(&path.key("environments").index(at), text);
            }
        }
        // An external issuer may name roles that the realm does not define.
        let roles: Vec<&str> = realm.roles.keys().map(|Text(role)| role.as_str()).collect();
        for (at, Text(role)) in route.roles.iter().enumerate() {
            if realm.issuers.is_empty() && !roles.contains(&role.as_str()) {
                let text = unknown("role", role.as_str(), &roles);
                self.wrong(&path.key("roles").index(at), text);
            }
        }
    }
}
