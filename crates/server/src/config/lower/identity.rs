//! Lowering what identity is told: access tokens, sessions, roles and users.

use super::Lowering;
use crate::config::issuers::Issuer;
use crate::config::limits::RateAndBurst;
use crate::config::problem::{KeyPath, unknown};
use crate::config::realm::Realm;
use crate::config::text::{FromText as _, Text, sorted};
use crate::config::value::{Rate, Span, Url};
use doorward_base::claims::ClaimsTemplate;
use doorward_base::limit::MeasureKind;
use doorward_base::{Audience, Permission, RealmName, RoleName};
use doorward_gate::policy::spec::LimitKey;
use doorward_identity::model::RoleDefinition;
use doorward_identity::settings::{
    Enrolment, ExchangeSettings, ExternalIssuer, RealmSettings, RefreshMode, SessionSettings,
    SignUpMode, SignUpSettings, TokenClass, TokenSettings,
};
use doorward_jose::alg::Algorithm;
use doorward_surface::setting::Word;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn external(issuer: &Issuer) -> ExternalIssuer {
    ExternalIssuer {
        issuer: Arc::from(issuer.issuer.as_str()),
        provision: issuer.provision.0,
    }
}

/// The limits of which a tenant may be given an amount of its own.
fn limits_of_tenants(realm: &Realm) -> BTreeMap<String, MeasureKind> {
    let limits = realm.limits.iter();
    let of_tenants = limits.filter(|(_, limit)| limit.key.0 != LimitKey::Realm);
    let kinds = of_tenants.map(|(name, limit)| {
        let kind = match (limit.rate, limit.in_flight) {
            (Some(_), _) => MeasureKind::Rate,
            (None, Some(_)) => MeasureKind::InFlight,
            (None, None) => MeasureKind::Calendar,
        };
        (name.clone(), kind)
    });
    kinds.collect()
}

/// Who may sign up, and what becomes of who does.
fn sign_up(realm: &Realm) -> SignUpSettings {
    let users = &realm.users;
    let mut enrolment: Vec<Enrolment> = users.enrolment.iter().map(|Word(way)| *way).collect();
    enrolment.sort_unstable();
    enrolment.dedup();
    let own = users.own_tenant_roles.as_ref();
    let own = own.unwrap_or(&users.default_roles);
    SignUpSettings {
        mode: users.sign_up.0,
        enrolment,
        own_tenant_roles: own.iter().map(|Text(role)| role.clone()).collect(),
    }
}

impl Lowering<'_> {
    /// What identity is told of the realm.
    pub(super) fn identity_settings(
        &mut self,
        name: &RealmName,
        realm: &Realm,
        issuer: &Url,
        tokens: Option<TokenSettings>,
        classes: Vec<TokenClass>,
        path: &KeyPath,
    ) -> Option<RealmSettings> {
        self.check_users(realm, path);
        let sessions = self.sessions(realm, &path.key("sessions"));
        let exchange = realm.exchange.as_ref();
        Some(RealmSettings {
            name: name.clone(),
            issuer: Arc::from(issuer.as_str()),
            tokens: tokens?,
            classes,
            exchange: ExchangeSettings {
                unknown_scope: exchange
                    .map(|exchange| exchange.unknown_scope.0)
                    .unwrap_or_default(),
            },
            sessions: sessions?,
            roles: realm
                .roles
                .iter()
                .map(|(Text(role), permissions)| RoleDefinition {
                    role: role.clone(),
                    permissions: sorted(permissions),
                })
                .collect(),
            crossing: realm.tenant_header.as_ref().and_then(|header| {
                let Text(scope) = &header.foreign_scope;
                Permission::new(scope.as_str()).ok()
            }),
            sign_up: sign_up(realm),
            default_roles: realm
                .users
                .default_roles
                .iter()
                .map(|Text(r)| r.clone())
                .collect(),
            default_role: realm
                .users
                .default_role
                .as_ref()
                .map(|Text(role)| role.clone()),
            externals: realm.issuers.iter().map(external).collect(),
            retention: self.retention(realm, path),
            limits: limits_of_tenants(realm),
            exposure: realm.exposed_credentials.0,
            notices: self.notices(realm, path),
        })
    }

    /// How sign-ins last.
    fn sessions(&mut self, realm: &Realm, path: &KeyPath) -> Option<SessionSettings> {
        let written = &realm.sessions;
        let min_password = written.min_password.unwrap_or(8);
        if !(1..=128).contains(&min_password) {
            self.wrong(&path.key("min_password"), "must be from 1 to 128");
        }
        let max_active = written.max_active.unwrap_or(200);
        if max_active == 0 {
            self.wrong(&path.key("max_active"), "must be at least 1");
        }
        let refresh = written.refresh.0;
        let half_day = Duration::from_secs(12 * 3600);
        let absolute_ttl =
            self.whole_seconds(&path.key("absolute_ttl"), written.absolute_ttl, half_day);
        let idle_ttl = written
            .idle_ttl
            .map(|idle| self.whole_seconds(&path.key("idle_ttl"), Some(idle), half_day));
        if idle_ttl.is_some() && refresh == RefreshMode::Off {
            self.wrong(
                &path.key("idle_ttl"),
                "needs refresh = \"rotate\" or \"reuse\": nothing else carries a session on",
            );
        }
        let reuse_interval = written
            .reuse_interval
            .map_or(Duration::from_secs(10), |Text(Span(interval))| interval);
        if reuse_interval > Duration::from_secs(300) {
            self.wrong(&path.key("reuse_interval"), "must be at most \"5m\"");
        }
        let refresh_rate = RateAndBurst {
            rate: written.refresh_rate.unwrap_or(Text(Rate {
                count: 150,
                per: Duration::from_secs(300),
            })),
            burst: None,
        };
        Some(SessionSettings {
            absolute_ttl,
            idle_ttl,
            refresh,
            reuse_interval,
            refresh_rate: self.quota(&refresh_rate, &path.key("refresh_rate"))?,
            max_active: u32::from(max_active),
            min_password: usize::from(min_password),
            common_passwords: written.common_passwords.0,
            password_change: written.password_change.0,
        })
    }

    /// How access tokens look.
    pub(super) fn tokens(
        &mut self,
        realm: &Realm,
        issuer: &Url,
        path: &KeyPath,
    ) -> Option<TokenSettings> {
        let (tokens, place) = (&realm.tokens, path.key("tokens"));
        let quarter_hour = Duration::from_secs(15 * 60);
        let day = Duration::from_secs(24 * 3600);
        let access_ttl =
            self.whole_seconds(&place.key("access_ttl"), tokens.access_ttl, quarter_hour);
        let max_ttl = self.whole_seconds(&place.key("max_ttl"), tokens.max_ttl, day);
        if access_ttl > max_ttl {
            self.wrong(
                &place.key("access_ttl"),
                format!(
                    "is longer than max_ttl ({}s); raise max_ttl or lower access_ttl",
                    max_ttl.as_secs()
                ),
            );
        }
        let audiences = self.audiences(realm, issuer, &place);
        let template = tokens.claims.clone().unwrap_or_else(default_claims);
        let claims = ClaimsTemplate::parse(&template);
        // After a bad template the default stands in, so that the rest is checked too.
        let claims = self
            .problems
            .take(&place.key("claims"), claims)
            .or_else(|| ClaimsTemplate::parse(&default_claims()).ok());
        Some(TokenSettings {
            algorithm: tokens
                .algorithm
                .map_or(Algorithm::ES256, |Text(algorithm)| algorithm),
            typ: tokens.typ.0,
            access_ttl,
            max_ttl,
            audiences,
            revocation: tokens.revocation.0,
            default_scopes: tokens.default_scopes.0,
            claims: claims?,
        })
    }

    fn audiences(&mut self, realm: &Realm, issuer: &Url, path: &KeyPath) -> Vec<Audience> {
        let place = path.key("audiences");
        if let Some(given) = &realm.tokens.audiences {
            if given.is_empty() {
                self.wrong(&place, "names no audience; leave it out for the issuer");
            }
            return given
                .iter()
                .map(|Text(audience)| audience.clone())
                .collect();
        }
        let own = Audience::from_text(issuer.as_str());
        self.problems.take(&place, own).into_iter().collect()
    }

    fn check_users(&mut self, realm: &Realm, path: &KeyPath) {
        let known: Vec<&str> = realm.roles.keys().map(|Text(role)| role.as_str()).collect();
        let place = path.key("users");
        let own = realm.users.own_tenant_roles.as_deref().unwrap_or_default();
        for (key, roles) in [
            ("default_roles", realm.users.default_roles.as_slice()),
            ("own_tenant_roles", own),
        ] {
            for (at, Text(role)) in roles.iter().enumerate() {
                let place = place.key(key).index(at);
                if !known.contains(&role.as_str()) {
                    self.wrong(&place, unknown("role", role.as_str(), &known));
                } else if let Some(permission) = given_to_anybody(realm, role, key) {
                    self.wrong(
                        &place,
                        format!(
                            "gives {permission} to everybody who gets it unasked; take it out of role {role:?}, and give it to whom it is for by `doorward grant add`",
                            role = role.as_str(),
                        ),
                    );
                }
            }
        }
        if !own.is_empty() && !realm.users.enrolment.contains(&Word(Enrolment::OwnTenant)) {
            let message = "no tenant of one's own is made; add \"own_tenant\" to enrolment";
            self.wrong(&place.key("own_tenant_roles"), message);
        }
        if let Some(Text(role)) = &realm.users.default_role
            && !known.contains(&role.as_str())
        {
            let text = unknown("role", role.as_str(), &known);
            self.wrong(&place.key("default_role"), text);
        }
    }
}

/// What a role would give unasked, though an operator gives it: acting in any tenant and, to
/// whoever signs up, managing others, also by making tokens for them. In a realm that nobody
/// enters by himself it is a choice to let members manage their tenants, and `check` tells it.
fn given_to_anybody<'r>(realm: &'r Realm, role: &RoleName, key: &str) -> Option<&'r str> {
    let crossing = realm.tenant_header.as_ref();
    let crossing = crossing.map(|header| header.foreign_scope.0.as_str());
    let permissions = realm.roles.get(&Text(role.clone()))?;
    let mut names = permissions.iter().map(|Text(name)| name.as_str());
    let makes: Vec<&str> = realm
        .api_tokens
        .values()
        .filter_map(|class| class.create_permission.as_ref())
        .map(|Text(name)| name.as_str())
        .collect();
    let is_open = realm.users.sign_up.0 == SignUpMode::Open;
    names.find(|name| {
        let manages = is_over_others(name, &makes);
        is_open && key == "default_roles" && manages || Some(*name) == crossing
    })
}

/// Whether a permission is for managing others, or one of these by which tokens are made for
/// them.
pub(super) fn is_over_others(name: &str, makes: &[&str]) -> bool {
    name.starts_with("platform.") || makes.contains(&name)
}

fn default_claims() -> Map<String, Value> {
    [
        ("scope", "{scope}"),
        ("tenant_id", "{tenant}"),
        ("roles", "{roles}"),
    ]
    .into_iter()
    .map(|(name, field)| (name.to_owned(), json!(field)))
    .collect()
}
