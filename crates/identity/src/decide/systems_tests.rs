//! The five systems as realm settings, built by hand: their authority and the claims
//! that carry it. Tests name the ledger rows they hold.

use super::authority::{Authority, AuthorityInput, AuthorityRefusal, Holdings, effective};
use super::issue::{Ask, Bearer, IssueRefusal, Term, hold};
use super::testing::*;
use crate::model::{Ceiling, Dossier, Grant, Identifier, RoleDefinition, Subject, TokenKind};
use crate::settings::{
    DefaultScopes, ExchangeSettings, ExpiryRule, Presentation, RealmSettings, RefreshMode,
    RetentionSettings, Revocation, SessionSettings, TokenClass, TokenSettings, TokenTyp,
    UnknownScope,
};
use doorward_base::claims::ClaimsTemplate;
use doorward_base::principal::Epoch;
use doorward_base::token_format::{Shape, TokenBody, TokenFormat};
use doorward_base::{ClassName, Environment, RealmName, RoleName, Scope};
use doorward_jose::Algorithm;
use serde_json::{Map, Value, json};
use std::time::Duration;

fn realm(name: &str, algorithm: Algorithm, ttl: u64, claims: &Value) -> RealmSettings {
    RealmSettings {
        name: RealmName::new(name).unwrap(),
        issuer: format!("https://{name}.example").into(),
        tokens: TokenSettings {
            algorithm,
            typ: TokenTyp::Jwt,
            access_ttl: Duration::from_secs(ttl),
            max_ttl: Duration::from_secs(86_400),
            audiences: vec![],
            revocation: Revocation::Expiry,
            default_scopes: DefaultScopes::None,
            claims: ClaimsTemplate::parse(claims.as_object().unwrap()).unwrap(),
        },
        classes: vec![],
        exchange: ExchangeSettings {
            unknown_scope: UnknownScope::Refuse,
        },
        sessions: SessionSettings {
            absolute_ttl: Duration::from_secs(86_400),
            idle_ttl: None,
            refresh: RefreshMode::Off,
            reuse_interval: Duration::ZERO,
            min_password: 8,
        },
        roles: vec![],
        default_roles: vec![],
        default_role: None,
        externals: vec![],
        retention: RetentionSettings::default(),
    }
}

fn class(kinds: &[TokenKind], format: TokenFormat, presentations: &[Presentation]) -> TokenClass {
    TokenClass {
        name: ClassName::new("access").unwrap(),
        kinds: kinds.to_vec(),
        format,
        max_active: None,
        expiry: ExpiryRule::Optional { max: None },
        presentations: presentations.to_vec(),
        regenerate_keeps_expiry: true,
        grace: Duration::ZERO,
        create_permission: None,
    }
}

fn dxtra() -> RealmSettings {
    let claims = json!({"https://hasura.io/jwt/claims": {
        "x-hasura-allowed-roles": "{roles}",
        "x-hasura-default-role": "{role}",
        "x-hasura-user-id": "{sub}",
    }});
    let mut settings = realm("dxtra", Algorithm::HS256, 3600, &claims);
    settings.roles = vec![
        gives("dataSubject", &[]),
        gives("me", &[]),
        gives("user", &[]),
    ];
    settings.default_roles = vec![role("dataSubject")];
    settings.default_role = Some(role("dataSubject"));
    let format = TokenFormat::new("", vec![], TokenBody::Uuid).unwrap();
    settings.classes = vec![TokenClass {
        expiry: ExpiryRule::Policy(Duration::from_secs(90 * 86_400)),
        ..class(&[TokenKind::Personal], format, &[Presentation::Exchange])
    }];
    settings
}

fn heliosdb() -> RealmSettings {
    let claims = json!({
        "email": "{email}", "role": "authenticated", "tenant_id": "{tenant}", "scopes": "{scopes}",
    });
    let mut settings = realm("heliosdb", Algorithm::HS256, 3600, &claims);
    settings.roles = vec![
        gives("member", &["read", "write"]),
        gives("owner", &["read", "write", "admin"]),
    ];
    settings.tokens.default_scopes = DefaultScopes::All;
    settings.tokens.revocation = Revocation::Immediate;
    settings
}

fn witboost() -> RealmSettings {
    let mut settings = realm(
        "witboost",
        Algorithm::ES256,
        300,
        &json!({"scope": "{scope}"}),
    );
    let format = TokenFormat::new("wbat-", vec![], TokenBody::Checked).unwrap();
    settings.classes = vec![TokenClass {
        max_active: Some(1),
        ..class(
            &[TokenKind::Personal, TokenKind::Service],
            format,
            &[Presentation::Exchange, Presentation::Basic],
        )
    }];
    settings
}

fn flotac() -> RealmSettings {
    let claims = json!({
        "email": "{email}",
        "role": "authenticated",
        "permissions": "{permissions}",
        "user_metadata": {"*": "{user_metadata}", "company_id": "{tenant}", "role": "{role}"},
    });
    let mut settings = realm("flotac", Algorithm::HS256, 3600, &claims);
    settings.tokens.audiences = vec![audience("authenticated")];
    settings.roles = vec![
        gives("company_admin", &["customers:read", "customers:write"]),
        gives("company_user", &["customers:read"]),
    ];
    settings.default_role = Some(role("company_user"));
    let environments = ["live", "test"].map(|name| Environment::new(name).unwrap());
    let format = TokenFormat::new("flotac_api_key_", environments.to_vec(), TokenBody::Hex64);
    settings.classes = vec![class(
        &[TokenKind::Key],
        format.unwrap(),
        &[Presentation::Bearer],
    )];
    settings
}

fn hole() -> RealmSettings {
    let claims = json!({"scope": "{scope}", "permissions": "{permissions}"});
    let mut settings = realm("theholefoundation", Algorithm::RS256, 86_400, &claims);
    settings.tokens.audiences = vec![audience("https://api.theholefoundation.org")];
    settings
}

/// A subject in a realm, with what it holds.
struct Holder {
    settings: RealmSettings,
    subject: Subject,
    grants: Vec<Grant>,
    member_of: Vec<doorward_base::TenantId>,
    ceiling: Ceiling,
    tenant_roles: Vec<RoleDefinition>,
}

impl Holder {
    fn new(
        settings: RealmSettings,
        subject: Subject,
        grants: &[Grant],
        member_of: &[&str],
    ) -> Self {
        Self {
            settings,
            subject,
            grants: grants.to_vec(),
            member_of: member_of.iter().map(|name| tenant(name)).collect(),
            ceiling: Ceiling::default(),
            tenant_roles: vec![],
        }
    }

    fn authority(&self, selected: Option<&RoleName>) -> Result<Authority, AuthorityRefusal> {
        effective(&AuthorityInput {
            holdings: Holdings {
                grants: &self.grants,
                member_of: &self.member_of,
                roles: &self.settings.roles,
                tenant_roles: &self.tenant_roles,
            },
            ceilings: &[&self.ceiling],
            tenant: self.member_of.first(),
            audience: self.settings.tokens.audiences.first(),
            selected_role: selected,
            default_role: self.settings.default_role.as_ref(),
        })
    }

    /// The claims of an access token, asked for with these scopes.
    fn claims(&self, asked: Option<&[&str]>) -> Result<Map<String, Value>, &'static str> {
        let asked: Option<Vec<Scope>> = asked.map(scopes);
        let mut token = token(TokenKind::Personal, &self.subject);
        token.ceiling = self.ceiling.clone();
        let of = self.member_of.first().cloned().unwrap_or(tenant("none"));
        let roles = self.tenant_roles.iter();
        let dossier = Dossier {
            subject: self.subject.clone(),
            grants: self.grants.clone(),
            member_of: self.member_of.clone(),
            tenant_roles: roles.map(|role| (of.clone(), role.clone())).collect(),
            epochs: vec![(None, Epoch(3))],
        };
        let ask = Ask {
            scopes: asked.as_deref(),
            ..Ask::plain(&self.settings, NOW)
        };
        let held =
            hold(&dossier, Bearer::Token(&token), &ask).map_err(|refusal| match refusal {
                IssueRefusal::Scope => "invalid_scope",
                _ => "authority",
            })?;
        let term = Term::plain(&self.settings, "0af7");
        let decided = held.decide(&self.settings, &term, NOW);
        decided.map(|decided| decided.claims).map_err(|_| "life")
    }
}

const TOKEN: &str = "09090909-0909-0909-0909-090909090909";
const USER: &str = "01010101-0101-0101-0101-010101010101";

/// The claims without the ones the engine writes into every token alike.
fn own(mut claims: Map<String, Value>) -> Value {
    for name in ["iss", "sub", "iat", "exp", "jti", "dw", "aud"] {
        claims.remove(name);
    }
    Value::Object(claims)
}

/// DX-20, DX-21, DX-22.
#[test]
fn dx_20_21_22_roles_are_rendered_for_hasura() {
    let grants = ["dataSubject", "me", "user"].map(|name| has_role(name, None));
    let ada = Holder::new(dxtra(), user(1), &grants, &[]);
    assert_eq!(
        own(ada.claims(None).unwrap()),
        json!({"https://hasura.io/jwt/claims": {
            "x-hasura-allowed-roles": ["dataSubject", "me", "user"],
            "x-hasura-default-role": "dataSubject",
            "x-hasura-user-id": USER,
        }})
    );
}

/// DX-10, DX-11: the header's `typ` and the hour's life.
#[test]
fn dx_10_11_an_hour_of_life_and_typ_jwt() {
    let settings = dxtra();
    assert_eq!(settings.tokens.algorithm.as_str(), "HS256");
    assert_eq!(settings.tokens.typ.as_str(), "JWT");
    let claims = Holder::new(settings, user(1), &[], &[])
        .claims(None)
        .unwrap();
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
}

/// DX-13, DX-23: a new user holds the default roles, and one is in force.
#[test]
fn dx_13_23_a_new_user_is_a_data_subject() {
    let settings = dxtra();
    let grants: Vec<_> = settings
        .default_roles
        .iter()
        .map(|role| has_role(role.as_str(), None))
        .collect();
    let authority = Holder::new(settings, user(1), &grants, &[])
        .authority(None)
        .unwrap();
    assert_eq!(authority.role, Some(role("dataSubject")));
    assert_eq!(authority.roles, [role("dataSubject")]);
}

/// DX-24: a role that is not held cannot be selected.
#[test]
fn dx_24_a_role_not_held_is_refused() {
    let ada = Holder::new(dxtra(), user(1), &[has_role("dataSubject", None)], &[]);
    for (selected, allowed) in [
        ("dataSubject", true),
        ("user", false),
        ("admin", false),
        ("anonymous", false),
    ] {
        assert_eq!(
            ada.authority(Some(&role(selected))).is_ok(),
            allowed,
            "{selected}"
        );
    }
}

/// HD-10, HD-20, X8, X9: scopes are an array, all of them by default.
#[test]
fn hd_10_20_scopes_array_and_tenant_id() {
    let owner = Holder::new(
        heliosdb(),
        user(1),
        &[has_role("owner", Some("acme-corp"))],
        &["acme-corp"],
    );
    let claims = owner.claims(None).unwrap();
    assert_eq!(claims["sub"], USER);
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
    assert_eq!(
        own(claims),
        json!({
            "email": "user1@example.org",
            "role": "authenticated",
            "tenant_id": "acme-corp",
            "scopes": ["admin", "read", "write"],
        })
    );
    let member = Holder::new(
        heliosdb(),
        user(1),
        &[has_role("member", None)],
        &["globex"],
    );
    assert_eq!(
        member.claims(None).unwrap()["scopes"],
        json!(["read", "write"])
    );
    assert_eq!(member.claims(Some(&["admin"])), Err("invalid_scope"));
}

/// HD-20: without a tenant there is no `tenant_id` at all, not an empty one.
#[test]
fn hd_20_no_tenant_no_claim() {
    let claims = Holder::new(heliosdb(), user(1), &[], &[])
        .claims(None)
        .unwrap();
    assert_eq!(claims.get("tenant_id"), None);
}

/// WB-17, WB-19, WB-26, WB-41: scope on request only.
#[test]
fn wb_17_19_26_scope_on_request_only() {
    let governance = "service:computational-governance";
    let bot = Holder::new(witboost(), service(1), &[has(governance, None)], &[]);
    assert_eq!(
        own(bot.claims(Some(&[governance])).unwrap()),
        json!({"scope": governance})
    );
    assert_eq!(own(bot.claims(None).unwrap()), json!({}));
    let plain = Holder::new(witboost(), service(2), &[], &[]);
    assert_eq!(plain.claims(Some(&[governance])), Err("invalid_scope"));
}

/// WB-20: five minutes unless asked otherwise.
#[test]
fn wb_20_five_minutes_by_default() {
    let claims = Holder::new(witboost(), user(1), &[], &[])
        .claims(None)
        .unwrap();
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        300
    );
}

/// WB-18: the prefix.
#[test]
fn wb_18_tokens_have_the_prefix() {
    let class = &witboost().classes[0];
    let secret = class
        .format
        .mint(None, &doorward_base::testing::SeededEntropy::new(1));
    assert!(secret.expose().starts_with("wbat-"));
    assert_eq!(class.format.shape(secret.expose()), Shape::WellFormed(None));
}

/// FL-18, FL-C2: company and role are the server's, laid over what the user wrote.
#[test]
fn fl_18_company_id_is_server_owned() {
    let mut ada = user(1);
    ada.user_metadata = json!({"company_id": "globex", "role": "company_admin", "name": "Ada"})
        .as_object()
        .unwrap()
        .clone();
    let member = Holder::new(
        flotac(),
        ada.clone(),
        &[has_role("company_user", None)],
        &["acme"],
    );
    let claims = member.claims(None).unwrap();
    assert_eq!(claims["aud"], "authenticated");
    assert_eq!(
        own(claims),
        json!({
            "email": "user1@example.org",
            "role": "authenticated",
            "permissions": ["customers:read"],
            "user_metadata": {"company_id": "acme", "role": "company_user", "name": "Ada"},
        })
    );
    // Without a company the user's own words must not show in its place (FL-24).
    let alone = Holder::new(flotac(), ada, &[], &[]).claims(None).unwrap();
    assert_eq!(alone["user_metadata"], json!({"name": "Ada"}));
}

/// FL-12, FL-13: the key's shape and its environments.
#[test]
fn fl_12_13_keys_name_their_environment() {
    let class = &flotac().classes[0];
    for name in ["live", "test"] {
        let environment = Environment::new(name).unwrap();
        let secret = class.format.mint(
            Some(&environment),
            &doorward_base::testing::SeededEntropy::new(1),
        );
        let body = secret
            .expose()
            .strip_prefix(&format!("flotac_api_key_{name}_"))
            .unwrap();
        assert_eq!(body.len(), 64);
        assert!(body.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    }
}

/// FL-19: a key carries its own permissions of its tenant, whatever the tenant's other
/// keys were given.
#[test]
fn fl_19_a_key_carries_its_tenant_and_its_own_permissions() {
    let grants = [
        has("customers:read", Some("acme")),
        has("customers:write", Some("acme")),
    ];
    let mut key = Holder::new(flotac(), key_owner(1, "acme"), &grants, &["acme"]);
    key.ceiling = up_to(&["customers:read"]);
    key.ceiling.tenant = Some(tenant("acme"));
    key.ceiling.environment = Some(Environment::new("live").unwrap());
    let claims = key.claims(None).unwrap();
    assert_eq!(claims["permissions"], json!(["customers:read"]));
    assert_eq!(claims["user_metadata"], json!({"company_id": "acme"}));
    assert_eq!(
        claims["dw"],
        json!({"k": "service", "t": TOKEN, "e": 3, "n": "live"})
    );
}

/// HO-10: a subject of another login keeps its name there; our id goes into `dw`.
#[test]
fn ho_10_an_external_subject_keeps_its_sub() {
    let external = subject(
        1,
        Identifier::External {
            issuer: "https://tenant.auth0.com/".into(),
            sub: "auth0|507f1f77bcf86cd799439011".into(),
        },
    );
    let grants = [has("read:foia", None), has("write:foia", None)];
    let ada = Holder::new(hole(), external, &grants, &[]);
    let claims = ada.claims(Some(&["read:foia"])).unwrap();
    assert_eq!(claims["sub"], "auth0|507f1f77bcf86cd799439011");
    assert_eq!(claims["aud"], "https://api.theholefoundation.org");
    assert_eq!(claims["scope"], "read:foia");
    assert_eq!(claims["permissions"], json!(["read:foia"]));
    assert_eq!(
        claims["dw"],
        json!({"k": "external", "s": USER, "t": TOKEN, "e": 3})
    );
}

/// HO-18, HO-19: holding one database scope gives no other.
#[test]
fn ho_19_there_is_no_scope_by_likeness() {
    let reader = Holder::new(hole(), user(1), &[has("read:database", None)], &[]);
    assert!(reader.claims(Some(&["read:database"])).is_ok());
    for other in [
        "admin:database",
        "write:database",
        "read:*",
        "read",
        "READ:DATABASE",
    ] {
        assert_eq!(
            reader.claims(Some(&[other])),
            Err("invalid_scope"),
            "{other}"
        );
    }
}

/// Whatever a template says, the registered claims are the engine's.
#[test]
fn registered_claims_always_win() {
    let mut ada = user(1);
    ada.user_metadata = json!({"sub": "root", "iss": "evil", "exp": 9_999_999_999_i64, "dw": {"k": "service"}, "aud": "x"})
        .as_object()
        .unwrap()
        .clone();
    let settings = realm(
        "spread",
        Algorithm::ES256,
        300,
        &json!({"*": "{user_metadata}"}),
    );
    let claims = Holder::new(settings, ada, &[], &[]).claims(None).unwrap();
    assert_eq!(claims["sub"], USER);
    assert_eq!(claims["iss"], "https://spread.example");
    assert_eq!(claims["exp"], json!(NOW.as_seconds() + 300));
    assert_eq!(claims["dw"], json!({"k": "user", "t": TOKEN, "e": 3}));
    assert_eq!(claims.get("aud"), None);
    assert_eq!(claims.get("sid"), None);
}
