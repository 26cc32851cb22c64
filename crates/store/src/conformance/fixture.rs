//! Values to store. Each takes the numbers and texts that tell it from its like.

use doorward_base::secret::TokenDigest;
use doorward_base::{
    ApiTokenId, ChallengeId, ClassName, ClientId, Email, FactorId, IdentityId, MembershipId, Phone,
    RealmId, RealmName, RequestId, SessionId, SubjectId, TenantId, Timestamp, WebhookId,
};
use doorward_identity::model::{
    Actor, Address, ApiToken, AuditAction, AuditEvent, Ceiling, Challenge, ChallengeKind, Client,
    ClientKind, ClientSecret, ClientState, Contact, Delivery, Factor, FactorData, FactorKind,
    FactorState, Grant, Granted, HashedPassword, Identifier, Invitation, KeyPurpose, KeyRecord,
    KeyState, LinkedIdentity, MadeThrough, Membership, NewApiToken, Outcome, QueuedWebhook,
    RefreshFamily, Session, Subject, SubjectStatus, Tenant, TenantOrigin, TokenKind, TokenState,
    TokenUse, WebhookKind,
};
use doorward_identity::port::{AuditFilter, Page, StoreError, StoreHandle, TokenGroup};
use serde_json::Map;
use std::sync::Arc;

use super::writing;

/// The whole of a listing that is shorter than a page.
pub(crate) const fn all<K>() -> Page<K> {
    Page {
        after: None,
        limit: 1000,
    }
}

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

pub(crate) const fn subject_id(n: u8) -> SubjectId {
    SubjectId::from_bytes([n; 16])
}

pub(crate) const fn token_id(n: u8) -> ApiTokenId {
    ApiTokenId::from_bytes([n; 16])
}

pub(crate) const fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(crate) const fn digest(n: u8) -> TokenDigest {
    TokenDigest::from_bytes([n; 32])
}

pub(crate) fn email(n: u8) -> Email {
    Email::new(&format!("user{n}@example.org")).unwrap()
}

pub(crate) fn tenant_id(text: &str) -> TenantId {
    TenantId::new(text).unwrap()
}

pub(crate) async fn realm(store: &StoreHandle, name: &str) -> RealmId {
    let name = RealmName::new(name).unwrap();
    store.engine().open_realm(&name).await.unwrap()
}

pub(crate) fn user(n: u8) -> Subject {
    let address = if n.is_multiple_of(2) {
        Address::proven(email(n), at(n.into()))
    } else {
        Address::said(email(n))
    };
    subject(n, Identifier::user(address))
}

/// A user who is known by this alone.
pub(crate) fn known_by(n: u8, contact: Contact) -> Subject {
    subject(n, Identifier::User(contact))
}

pub(crate) fn phone(n: u8) -> Phone {
    Phone::new(&format!("+491700{n}")).unwrap()
}

/// Subject 1's name at a login, `n` there too.
pub(crate) fn identity(n: u8, of: u8) -> LinkedIdentity {
    LinkedIdentity {
        id: IdentityId::from_bytes([n; 16]),
        subject: subject_id(of),
        provider: "github".parse().unwrap(),
        sub: format!("Ünïcode \u{0} {n}").into(),
        data: Map::from_iter([("login".to_owned(), n.into())]),
        created_at: at(n.into()),
        last_used_at: None,
    }
}

pub(crate) fn service(n: u8) -> Subject {
    subject(
        n,
        Identifier::Service {
            email: email(n),
            home: None,
        },
    )
}

pub(crate) fn tenant_keys(n: u8, tenant: &str) -> Subject {
    let tenant = tenant_id(tenant);
    subject(n, Identifier::TenantKeys { tenant })
}

pub(crate) fn external(n: u8, issuer: &str, sub: &str) -> Subject {
    let (issuer, sub) = (Arc::from(issuer), Arc::from(sub));
    subject(n, Identifier::External { issuer, sub })
}

fn subject(n: u8, identifier: Identifier) -> Subject {
    Subject {
        id: subject_id(n),
        identifier,
        name: Some(format!("Subject {n}, “quoted” 'and' so on")),
        status: SubjectStatus::Active,
        user_metadata: Map::from_iter([("n".to_owned(), n.into())]),
        app_metadata: Map::new(),
        created_at: at(n.into()),
        last_sign_in_at: None,
    }
}

pub(crate) fn password(n: u8) -> HashedPassword {
    HashedPassword::from_phc(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${n}"))
}

pub(crate) fn tenant(id: &str) -> Tenant {
    Tenant {
        id: tenant_id(id),
        name: Some(format!("Tenant {id}")),
        origin: match id {
            "globex" => TenantOrigin::SignedUp,
            _ => TenantOrigin::Made,
        },
        created_at: at(1),
    }
}

pub(crate) fn membership(n: u8, subject: u8, tenant: &str) -> Membership {
    Membership {
        id: MembershipId::from_bytes([n; 16]),
        subject: subject_id(subject),
        tenant: tenant_id(tenant),
        created_at: at(n.into()),
    }
}

pub(crate) const fn challenge_id(n: u8) -> ChallengeId {
    ChallengeId::from_bytes([n; 16])
}

/// A challenge for the address of the same number that expires at 1,000 s.
pub(crate) fn challenge(n: u8, kind: ChallengeKind) -> Challenge {
    Challenge {
        id: challenge_id(n),
        kind,
        digest: digest(n),
        subject: None,
        address: Some(email(n).as_str().to_owned()),
        tenant: None,
        made_by: None,
        payload: Map::new(),
        attempts: 0,
        created_at: at(n.into()),
        expires_at: at(1000),
    }
}

/// The tokens of a class that a subject has and that are bound to no tenant.
pub(crate) fn group(owner: u8, class: &ClassName) -> TokenGroup<'_> {
    TokenGroup {
        owner: subject_id(owner),
        class,
        tenant: None,
    }
}

pub(crate) fn invitation(n: u8, address: u8, tenant: &str) -> Challenge {
    let roles = ["admin", "viewer"].map(|role| role.parse().unwrap());
    Challenge {
        address: Some(email(address).as_str().to_owned()),
        tenant: Some(tenant_id(tenant)),
        payload: Invitation::payload(&roles, Delivery::Mail, &MadeThrough::default()),
        ..challenge(n, ChallengeKind::Invitation)
    }
}

pub(crate) const fn factor_id(n: u8) -> FactorId {
    FactorId::from_bytes([n; 16])
}

pub(crate) fn factor(n: u8, subject: u8, kind: FactorKind) -> Factor {
    Factor {
        id: factor_id(n),
        subject: subject_id(subject),
        kind,
        state: FactorState::Unverified,
        name: None,
        data: FactorData::Public(Map::from_iter([("n".to_owned(), n.into())])),
        counter: None,
        created_at: at(n.into()),
        last_used_at: None,
    }
}

pub(crate) const fn client_id(n: u8) -> ClientId {
    ClientId::from_bytes([n; 16])
}

pub(crate) fn client(n: u8, tenant: Option<&str>) -> Client {
    Client {
        id: client_id(n),
        name: format!("Client {n}, “quoted”"),
        kind: ClientKind::Confidential,
        ceiling: Ceiling {
            tenant: tenant.map(tenant_id),
            ..Ceiling::default()
        },
        redirect_uris: Vec::new(),
        state: ClientState::Active,
        created_at: at(n.into()),
        created_by: None,
    }
}

pub(crate) const fn secret_of(n: u8) -> ClientSecret {
    ClientSecret {
        digest: digest(n),
        created_at: at(n as i64),
        expires_at: None,
        last_used_at: None,
        last_used_from: None,
    }
}

pub(crate) fn role_grant(tenant: Option<&str>, role: &str) -> Grant {
    Grant {
        tenant: tenant.map(tenant_id),
        granted: Granted::Role(role.parse().unwrap()),
    }
}

pub(crate) fn default_grant(role: &str) -> Grant {
    Grant {
        tenant: None,
        granted: Granted::Default(role.parse().unwrap()),
    }
}

pub(crate) fn permission_grant(
    tenant: Option<&str>,
    permission: &str,
    audience: Option<&str>,
) -> Grant {
    Grant {
        tenant: tenant.map(tenant_id),
        granted: Granted::Permission {
            permission: permission.parse().unwrap(),
            audience: audience.map(|audience| audience.parse().unwrap()),
        },
    }
}

/// An active token of class `access` that expires at 1,000 s.
pub(crate) fn token(n: u8, owner: u8) -> NewApiToken {
    NewApiToken {
        token: ApiToken {
            id: token_id(n),
            class: "access".parse().unwrap(),
            kind: TokenKind::Personal,
            owner: subject_id(owner),
            ceiling: Ceiling::default(),
            name: None,
            state: TokenState::Active,
            created_at: at(n.into()),
            created_by: None,
            expires_at: Some(at(1000)),
            replaces: None,
            last_used_at: None,
            last_used_from: None,
            notice_at: None,
        },
        digest: digest(n),
        digest_key: "digest-1".to_owned(),
    }
}

/// The same, bound to a tenant.
pub(crate) fn token_in(n: u8, owner: u8, tenant: &str) -> NewApiToken {
    let mut new = token(n, owner);
    new.token.ceiling.tenant = Some(tenant_id(tenant));
    new
}

pub(crate) fn session(n: u8, subject: u8, tenant: Option<&str>) -> Session {
    let ceiling = Ceiling {
        tenant: tenant.map(tenant_id),
        ..Ceiling::default()
    };
    let (id, subject) = (session_id(n), subject_id(subject));
    Session::begin(id, subject, ceiling, at(n.into()), at(1000))
}

/// The refresh tokens of a session.
pub(crate) fn family(n: u8, number: u32) -> RefreshFamily {
    RefreshFamily {
        digest: TokenDigest::from_bytes([n; 32]),
        digest_key: "key".to_owned(),
        number,
    }
}

pub(crate) fn key(kid: &str, purpose: KeyPurpose, state: KeyState, created: i64) -> KeyRecord {
    KeyRecord {
        kid: kid.to_owned(),
        purpose,
        algorithm: "ES256".to_owned(),
        state,
        sealed: vec![0, 1, 255, 0],
        created_at: at(created),
    }
}

pub(crate) fn event(n: u8, action: AuditAction) -> AuditEvent {
    AuditEvent {
        at: at(n.into()),
        request: RequestId::from_bytes([n; 16]),
        actor: Actor::System,
        action,
        outcome: Outcome::Success,
        subject: None,
        tenant: None,
        token: None,
        session: None,
        peer: None,
        detail: Map::new(),
    }
}

/// Tenants `acme` and `globex`, users 1 and 2, in one realm.
pub(crate) async fn people(store: &StoreHandle, realm: RealmId) {
    let outcome: Result<(), StoreError> = writing!(store, realm, [], |tx| {
        for id in ["acme", "globex"] {
            tx.insert_tenant(&tenant(id)).await?;
        }
        for n in [1, 2] {
            tx.insert_subject(&user(n)).await?;
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Audit listings, each with the index that it must be read by.
pub(crate) fn audit_filters() -> Vec<(AuditFilter, &'static str)> {
    let of = |subject, tenant: Option<&str>, action: Option<AuditAction>| AuditFilter {
        subject,
        tenant: tenant.map(tenant_id),
        action: action.map(|action| action.as_str().to_owned()),
    };
    let subject = Some(subject_id(1));
    vec![
        (of(None, None, None), "audit_by_realm"),
        (of(subject, None, None), "audit_by_subject"),
        (of(None, Some("acme"), None), "audit_by_tenant"),
        (
            of(None, None, Some(AuditAction::TokenCreate)),
            "audit_by_action",
        ),
        (
            of(None, None, Some(AuditAction::TokenExchange)),
            "audit_by_realm",
        ),
        (
            of(subject, None, Some(AuditAction::TokenCreate)),
            "audit_by_subject",
        ),
        (
            of(None, Some("acme"), Some(AuditAction::TokenExchange)),
            "audit_by_tenant",
        ),
    ]
}

pub(crate) const fn webhook_id(n: u8) -> WebhookId {
    WebhookId::from_bytes([n; 16])
}

/// A message of second `n` that is of no use after 1,000 s.
pub(crate) fn webhook(n: u8, tenant: Option<&str>) -> QueuedWebhook {
    QueuedWebhook {
        id: webhook_id(n),
        tenant: tenant.map(tenant_id),
        kind: WebhookKind::TokensExpiring,
        body: format!("{{\"n\": {n}, \"é\": \"“quoted”\"}}"),
        attempts: 0,
        created_at: at(n.into()),
        expires_at: at(1000),
    }
}

/// A use of a token at a second, from nowhere in particular.
pub(crate) fn used(token: ApiTokenId, second: i64) -> TokenUse {
    TokenUse {
        token,
        at: at(second),
        from: None,
    }
}
