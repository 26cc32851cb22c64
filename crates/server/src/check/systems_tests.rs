//! The five systems as they are shipped: the authority of their subjects and the claims
//! that carry it, from the configuration's text to the token. Tests name the ledger rows
//! they hold.

use super::tests::system;
use crate::config::{Overrides, parse};
use doorward_base::principal::Epoch;
use doorward_base::testing::SeededEntropy;
use doorward_base::token_format::Shape;
use doorward_base::{
    ApiTokenId, Email, Environment, RoleName, Scope, SubjectId, TenantId, Timestamp, Words as _,
};
use doorward_identity::decide::authority::{
    Authority, AuthorityInput, AuthorityRefusal, Holdings, effective,
};
use doorward_identity::decide::issue::{Ask, Bearer, IssueRefusal, Term, hold};
use doorward_identity::model::{
    Address, ApiToken, Ceiling, Dossier, Grant, Granted, Identifier, Metadata, Subject,
    SubjectStatus, TokenKind, TokenState,
};
use doorward_identity::settings::RealmSettings;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// What identity is told of a shipped system.
fn shipped(name: &str) -> Arc<RealmSettings> {
    Arc::clone(&system(name).settings.realms[0].identity)
}

fn subject(n: u8, identifier: Identifier) -> Subject {
    Subject {
        id: SubjectId::from_bytes([n; 16]),
        identifier,
        name: None,
        status: SubjectStatus::Active,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
        created_at: NOW,
        last_sign_in_at: None,
    }
}

fn user(n: u8) -> Subject {
    let email = Email::new(&format!("user{n}@example.org")).unwrap();
    subject(n, Identifier::user(Address::proven(email, NOW)))
}

fn service(n: u8) -> Subject {
    let email = Email::new(&format!("bot{n}@example.org")).unwrap();
    subject(n, Identifier::Service { email, home: None })
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn role(name: &str) -> RoleName {
    name.parse().unwrap()
}

fn has_role(name: &str, of: Option<&str>) -> Grant {
    Grant {
        tenant: of.map(tenant),
        granted: Granted::Role(role(name)),
    }
}

/// A permission on every API.
fn has(name: &str, of: Option<&str>) -> Grant {
    Grant {
        tenant: of.map(tenant),
        granted: Granted::Permission {
            permission: name.parse().unwrap(),
            audience: None,
        },
    }
}

/// A live token without expiry.
fn token(owner: &Subject, ceiling: Ceiling) -> ApiToken {
    ApiToken {
        id: ApiTokenId::from_bytes([9; 16]),
        class: "access".parse().unwrap(),
        kind: TokenKind::Personal,
        owner: owner.id,
        ceiling,
        name: None,
        state: TokenState::Active,
        created_at: NOW,
        created_by: None,
        expires_at: None,
        replaces: None,
        last_used_at: None,
        last_used_from: None,
        notice_at: None,
    }
}

/// A subject in a realm, with what it holds.
struct Holder {
    settings: Arc<RealmSettings>,
    subject: Subject,
    grants: Vec<Grant>,
    member_of: Vec<TenantId>,
    ceiling: Ceiling,
}

impl Holder {
    fn new(
        settings: Arc<RealmSettings>,
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
        }
    }

    fn authority(&self, selected: Option<&RoleName>) -> Result<Authority, AuthorityRefusal> {
        effective(&AuthorityInput {
            holdings: Holdings {
                grants: &self.grants,
                member_of: &self.member_of,
                roles: &self.settings.roles,
                tenant_roles: &[],
                crossing: None,
            },
            ceilings: &[&self.ceiling],
            tenant: self.member_of.first(),
            audience: self.settings.tokens.audiences.first(),
            selected_role: selected,
            default_role: self.settings.default_role.as_ref(),
            actors: &[],
            scopes: None,
            unknown_scope: self.settings.exchange.unknown_scope,
            default_scopes: self.settings.tokens.default_scopes,
        })
    }

    /// The claims of an access token, asked for with these scopes.
    fn claims(&self, asked: Option<&[&str]>) -> Result<Map<String, Value>, &'static str> {
        let asked: Option<Vec<Scope>> =
            asked.map(|names| names.iter().map(|name| name.parse().unwrap()).collect());
        // As it is stored: of an owner of one tenant it is bound to that.
        let mut ceiling = self.ceiling.clone();
        if let [only] = &self.member_of[..] {
            ceiling.tenant.get_or_insert_with(|| only.clone());
        }
        let token = token(&self.subject, ceiling);
        let dossier = Dossier {
            subject: self.subject.clone(),
            grants: self.grants.clone(),
            member_of: self.member_of.clone(),
            tenant_roles: Vec::new(),
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
    let ada = Holder::new(shipped("dxtra"), user(1), &grants, &[]);
    assert_eq!(
        own(ada.claims(None).unwrap()),
        json!({"https://hasura.io/jwt/claims": {
            "x-hasura-allowed-roles": ["dataSubject", "me", "user"],
            "x-hasura-default-role": "dataSubject",
            "x-hasura-user-id": USER,
            "x-hasura-user-is-anonymous": "false",
        }})
    );
}

/// DX-10, DX-11: the header's `typ` and the hour's life.
#[test]
fn dx_10_11_an_hour_of_life_and_typ_jwt() {
    let settings = shipped("dxtra");
    assert_eq!(settings.tokens.algorithm.as_str(), "HS256");
    assert_eq!(settings.tokens.typ.word(), "JWT");
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
    let settings = shipped("dxtra");
    let grants: Vec<_> = settings
        .default_roles
        .iter()
        .map(|role| has_role(role.as_str(), None))
        .collect();
    let authority = Holder::new(settings, user(1), &grants, &[])
        .authority(None)
        .unwrap();
    assert_eq!(authority.role(), Some(&role("dataSubject")));
    assert_eq!(authority.roles(), [role("dataSubject"), role("me")]);
}

/// DX-24: a role that is not held cannot be selected.
#[test]
fn dx_24_a_role_not_held_is_refused() {
    let ada = Holder::new(
        shipped("dxtra"),
        user(1),
        &[has_role("dataSubject", None)],
        &[],
    );
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
        shipped("heliosdb"),
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
        shipped("heliosdb"),
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
    let claims = Holder::new(shipped("heliosdb"), user(1), &[], &[])
        .claims(None)
        .unwrap();
    assert_eq!(claims.get("tenant_id"), None);
}

/// WB-17, WB-19, WB-26, WB-41: scope on request only.
#[test]
fn wb_17_19_26_scope_on_request_only() {
    let governance = "service:computational-governance";
    let bot = Holder::new(
        shipped("witboost"),
        service(1),
        &[has(governance, None)],
        &[],
    );
    assert_eq!(
        own(bot.claims(Some(&[governance])).unwrap()),
        json!({"scope": governance})
    );
    assert_eq!(own(bot.claims(None).unwrap()), json!({}));
    let plain = Holder::new(shipped("witboost"), service(2), &[], &[]);
    assert_eq!(plain.claims(Some(&[governance])), Err("invalid_scope"));
}

/// WB-20: five minutes unless asked otherwise.
#[test]
fn wb_20_five_minutes_by_default() {
    let claims = Holder::new(shipped("witboost"), user(1), &[], &[])
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
    let settings = shipped("witboost");
    let class = &settings.classes[0];
    let secret = class.format.mint(None, &SeededEntropy::new(1));
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
        shipped("flotac"),
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
    let alone = Holder::new(shipped("flotac"), ada, &[], &[])
        .claims(None)
        .unwrap();
    assert_eq!(alone["user_metadata"], json!({"name": "Ada"}));
}

/// FL-12, FL-13: the key's shape and its environments.
#[test]
fn fl_12_13_keys_name_their_environment() {
    let settings = shipped("flotac");
    let class = &settings.classes[0];
    for name in ["live", "test"] {
        let environment = name.parse::<Environment>().unwrap();
        let secret = class
            .format
            .mint(Some(&environment), &SeededEntropy::new(1));
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
    let mut key = Holder::new(
        shipped("flotac"),
        subject(
            1,
            Identifier::TenantKeys {
                tenant: tenant("acme"),
            },
        ),
        &grants,
        &["acme"],
    );
    key.ceiling.permissions = Some(vec!["customers:read".parse().unwrap()]);
    key.ceiling.tenant = Some(tenant("acme"));
    key.ceiling.environment = Some("live".parse().unwrap());
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
    let ada = Holder::new(shipped("theholefoundation"), external, &grants, &[]);
    let claims = ada.claims(Some(&["read:foia"])).unwrap();
    assert_eq!(claims["sub"], "auth0|507f1f77bcf86cd799439011");
    assert_eq!(claims["aud"], "https://api.theholefoundation.org");
    assert_eq!(claims["scope"], "read:foia");
    assert_eq!(
        claims["dw"],
        json!({"k": "external", "s": USER, "t": TOKEN, "e": 3})
    );
}

/// HO-18, HO-19: holding one database scope gives no other.
#[test]
fn ho_19_there_is_no_scope_by_likeness() {
    let reader = Holder::new(
        shipped("theholefoundation"),
        user(1),
        &[has("read:database", None)],
        &[],
    );
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
    let text = "[realm.a]\nissuer = \"https://a.example\"\n[realm.a.tokens.claims]\n\"*\" = \"{user_metadata}\"";
    let nothing = |_: &str| None;
    let loaded = parse(
        Path::new("d.toml"),
        text.as_bytes(),
        &nothing,
        &Overrides::default(),
    );
    let settings = Arc::clone(&loaded.unwrap().settings.realms[0].identity);
    let claims = Holder::new(settings, ada, &[], &[]).claims(None).unwrap();
    assert_eq!(claims["sub"], USER);
    assert_eq!(claims["iss"], "https://a.example");
    assert_eq!(claims["exp"], json!(NOW.as_seconds() + 900));
    assert_eq!(claims["dw"], json!({"k": "user", "t": TOKEN, "e": 3}));
    assert_eq!(claims["aud"], "https://a.example");
    assert_eq!(claims.get("sid"), None);
}
