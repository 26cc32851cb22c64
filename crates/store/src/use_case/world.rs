//! A realm with fixed time and seeded entropy, and short forms of what most cases do.

use crate::conformance::fixture::{all, tenant_id};
use crate::conformance::{reading, writing};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_base::claims::ClaimsTemplate;
use doorward_base::limit::{LocalLimiter, Quota};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::testing::SeededEntropy;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{
    Effects, Email, Entropy, ErrorCode, Permission, RealmName, RequestId, Scope, Secret, SessionId,
    SubjectId, TenantId, Timestamp,
};
use doorward_identity::act::mail::{MailLimit, MailPolicy, MailRates};
use doorward_identity::act::*;
use doorward_identity::decide::authority::Unnamed;
use doorward_identity::decide::refusal::Reason;
use doorward_identity::model::{
    AuditRow, Ceiling, Change, ChangeSeq, Grant, Granted, Metadata, RoleDefinition, Session,
    TokenKind,
};
use doorward_identity::port::{AuditFilter, StoreHandle};
use doorward_identity::settings::*;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const OPERATOR: Caller = Caller::Operator;
pub(crate) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A process, one of its realms, and the request at hand.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) identity: Arc<Identity>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) call: Call,
    /// What its use-cases declared.
    pub(crate) effects: Effects,
}

/// Somebody with a session.
pub(crate) struct Person {
    pub(crate) id: SubjectId,
    pub(crate) caller: Caller,
}

impl World {
    /// The first realm of a fresh store.
    pub(crate) async fn new(store: StoreHandle) -> Self {
        Self::with(store, |_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(store: StoreHandle, change: impl FnOnce(&mut RealmSettings)) -> Self {
        let identity = identity(store, 7);
        keys::check_master(&identity).await.unwrap();
        Self::open(Arc::new(identity), "one", change).await
    }

    /// The first realm of another process.
    pub(crate) async fn of(identity: Identity) -> Self {
        Self::open(Arc::new(identity), "one", |_| {}).await
    }

    async fn open(
        identity: Arc<Identity>,
        name: &str,
        change: impl FnOnce(&mut RealmSettings),
    ) -> Self {
        let mut settings = settings(name);
        change(&mut settings);
        let call = Call {
            now: NOW,
            request: RequestId::from_bytes([9; 16]),
            peer: Some(PEER),
        };
        let id = identity.store.engine().open_realm(&settings.name).await;
        let id = id.unwrap();
        let keys = keys::ensure(&identity, id, &settings, &call).await;
        Self {
            realm: Arc::new(Realm::new(id, settings, keys.unwrap())),
            identity,
            call,
            effects: Effects::undeclared(),
        }
    }

    /// Another realm of the same process.
    pub(crate) async fn other_realm(&self, name: &str) -> Self {
        Self::open(Arc::clone(&self.identity), name, |_| {}).await
    }

    /// The same realm after a change of its configuration.
    pub(crate) fn reconfigured(&self, change: impl FnOnce(&mut RealmSettings)) -> Self {
        let mut settings = self.realm.settings.clone();
        change(&mut settings);
        let realm = Realm::new(self.realm.id, settings, self.realm.keyring());
        Self {
            realm: Arc::new(realm),
            ..self.clone()
        }
    }

    /// The same realm, so many seconds after [`NOW`].
    pub(crate) fn at(&self, seconds: u64) -> Self {
        let now = after(seconds);
        Self {
            call: Call { now, ..self.call },
            ..self.clone()
        }
    }

    pub(crate) fn ctx(&self) -> Context<'_> {
        Context {
            identity: &self.identity,
            realm: &self.realm,
            call: &self.call,
            effects: &self.effects,
        }
    }

    pub(crate) fn store(&self) -> &StoreHandle {
        &self.identity.store
    }

    pub(crate) async fn tenant(&self, id: &str) -> TenantId {
        let id = tenant_id(id);
        let new = CreateTenant {
            id: id.clone(),
            name: None,
        };
        create_tenant(self.ctx(), &OPERATOR, new).await.unwrap();
        id
    }

    /// A user of no password, with these permissions in the tenant or realm-wide.
    pub(crate) async fn user(
        &self,
        name: &str,
        tenant: Option<&str>,
        permissions: &[&str],
    ) -> SubjectId {
        let new = new_user(name, placement(tenant, permissions));
        create_user(self.ctx(), &OPERATOR, new).await.unwrap().id
    }

    /// A user with a password, a member of the tenant if one is given.
    pub(crate) async fn user_with_password(
        &self,
        name: &str,
        password: &str,
        tenant: Option<&str>,
    ) -> SubjectId {
        let new = CreateUser {
            password: Some(secret(password)),
            ..new_user(name, placement(tenant, &[]))
        };
        create_user(self.ctx(), &OPERATOR, new).await.unwrap().id
    }

    /// The same user with a session.
    pub(crate) async fn person(
        &self,
        name: &str,
        tenant: Option<&str>,
        permissions: &[&str],
    ) -> Person {
        let id = self.user(name, tenant, permissions).await;
        Person {
            id,
            caller: self.session(id, None).await,
        }
    }

    /// A session without the cost of a password.
    pub(crate) async fn session(&self, subject: SubjectId, tenant: Option<&TenantId>) -> Caller {
        let now = self.call.now;
        let id = SessionId::mint(&*self.identity.entropy, now);
        let ceiling = Ceiling {
            tenant: tenant.cloned(),
            ..Ceiling::default()
        };
        let expires_at = now.plus(Duration::from_secs(86_400));
        let session = Session::begin(id, subject, ceiling, now, expires_at);
        let (store, realm) = (self.store(), self.realm.id);
        let written = writing!(store, realm, [session], |tx| tx
            .insert_session(&session)
            .await);
        written.unwrap();
        Caller::Subject {
            subject,
            credential: CredentialId::Session(session.id),
            carries: None,
        }
    }

    pub(crate) async fn service(
        &self,
        name: &str,
        tenant: Option<&str>,
        permissions: &[&str],
    ) -> SubjectId {
        let new = CreateServiceAccount {
            email: email(name),
            name: None,
            placement: placement(tenant, permissions),
        };
        let made = create_service_account(self.ctx(), &OPERATOR, new).await;
        made.unwrap().id
    }

    /// A token made by an operator.
    pub(crate) async fn mint(&self, kind: TokenKind, owner: SubjectId) -> MintedToken {
        let new = new_token(kind, OwnerRef::Subject(owner));
        create_token(self.ctx(), &OPERATOR, new).await.unwrap()
    }

    pub(crate) async fn grant(&self, subject: SubjectId, tenant: Option<&str>, name: &str) {
        let grant = grant(tenant, name);
        let added = add_grant(self.ctx(), &OPERATOR, subject, grant).await;
        assert!(added.unwrap());
    }

    /// Every audit row, oldest first.
    pub(crate) async fn audit(&self) -> Vec<AuditRow> {
        let rows = list_audit(self.ctx(), &OPERATOR, AuditFilter::default(), all()).await;
        let mut rows = rows.unwrap().rows;
        rows.reverse();
        rows
    }

    pub(crate) async fn last_audit(&self) -> AuditRow {
        self.audit().await.pop().unwrap()
    }

    pub(crate) async fn last_change(&self) -> ChangeSeq {
        self.store().engine().last_change().await.unwrap()
    }

    pub(crate) async fn changes_after(&self, seq: ChangeSeq) -> Vec<Change> {
        let rows = self.store().engine().list_changes(seq, 1000).await.unwrap();
        rows.into_iter().map(|row| row.change).collect()
    }

    pub(crate) async fn epoch(&self, subject: SubjectId, tenant: Option<&TenantId>) -> Epoch {
        let (store, realm) = (self.store(), self.realm.id);
        let tenant = tenant.cloned();
        let epoch = reading!(store, realm, [], |tx| tx.list_epochs_of(&[subject]).await);
        let epochs = epoch.unwrap().into_iter();
        let of = epochs.filter(|(_, of, _)| *of == tenant);
        of.map(|(_, _, epoch)| epoch).next().unwrap_or(Epoch(0))
    }
}

/// A process with its own entropy, and so its own master key.
pub(crate) fn identity(store: StoreHandle, seed: u64) -> Identity {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
    let master = MasterKey::generate(&*entropy);
    Identity {
        guesses: Guesses::new(Arc::new(LocalLimiter::new(1000)), &master).unwrap(),
        refreshes: Arc::new(LocalLimiter::new(1000)),
        mail: MailPolicy {
            is_on: true,
            limit: MailLimit::new(
                Arc::new(LocalLimiter::new(1000)),
                &master,
                MailRates::usual().unwrap(),
            )
            .unwrap(),
        },
        store,
        master,
        passwords: PasswordPool::new(4, || {}),
        entropy,
        last_used: LastUsed::default(),
        strangers: Arc::default(),
    }
}

fn settings(name: &str) -> RealmSettings {
    let template = json!({"scope": "{scope}"});
    RealmSettings {
        name: RealmName::new(name).unwrap(),
        issuer: format!("https://{name}.example").into(),
        tokens: TokenSettings {
            algorithm: Algorithm::ES256,
            typ: TokenTyp::AtJwt,
            access_ttl: Duration::from_secs(300),
            max_ttl: Duration::from_secs(3600),
            audiences: vec![],
            revocation: Revocation::Expiry,
            default_scopes: DefaultScopes::None,
            claims: ClaimsTemplate::parse(template.as_object().unwrap()).unwrap(),
        },
        classes: vec![
            class(
                "access",
                &[TokenKind::Personal, TokenKind::Service],
                TokenFormat::new("pat-", vec![], TokenBody::Checked).unwrap(),
            ),
            class(
                "key",
                &[TokenKind::Key],
                TokenFormat::new("key-", vec![], TokenBody::Checked).unwrap(),
            ),
        ],
        exchange: ExchangeSettings {
            unknown_scope: UnknownScope::Refuse,
        },
        sessions: SessionSettings {
            absolute_ttl: Duration::from_secs(86_400),
            idle_ttl: None,
            refresh: RefreshMode::Off,
            reuse_interval: Duration::ZERO,
            refresh_rate: Quota::new(150, Duration::from_secs(300), 150).unwrap(),
            max_active: 200,
            min_password: 8,
            common_passwords: CommonPasswords::Refuse,
            password_change: PasswordChange::default(),
        },
        roles: vec![
            role("editor", &["read", "write"]),
            role("viewer", &["read"]),
        ],
        crossing: None,
        sign_up: SignUpSettings::default(),
        default_roles: vec![],
        default_role: None,
        externals: vec![],
        retention: RetentionSettings::default(),
        limits: Default::default(),
        exposure: Default::default(),
        notices: Default::default(),
    }
}

fn class(name: &str, kinds: &[TokenKind], format: TokenFormat) -> TokenClass {
    TokenClass {
        name: name.parse().unwrap(),
        kinds: kinds.to_vec(),
        format,
        max_active: 1000,
        max_hourly: MAX_HOURLY,
        expiry: ExpiryRule::Optional {
            ttl: None,
            max: None,
        },
        presentations: vec![Presentation::Exchange, Presentation::Basic],
        regenerate_keeps_expiry: true,
        grace: Duration::ZERO,
        create_permission: Some(
            "platform.users.service-accounts.access-tokens.edit"
                .parse()
                .unwrap(),
        ),
    }
}

fn role(name: &str, permissions: &[&str]) -> RoleDefinition {
    RoleDefinition {
        role: name.parse().unwrap(),
        permissions: permissions_of(permissions),
    }
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(crate) fn email(name: &str) -> Email {
    Email::new(&format!("{name}@example.org")).unwrap()
}

pub(crate) fn permissions_of(names: &[&str]) -> Vec<Permission> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(crate) fn placement(tenant: Option<&str>, permissions: &[&str]) -> Placement {
    Placement {
        tenant: tenant.map(tenant_id),
        roles: vec![],
        permissions: permissions_of(permissions),
    }
}

pub(crate) fn grant(tenant: Option<&str>, permission: &str) -> Grant {
    Grant {
        tenant: tenant.map(tenant_id),
        granted: Granted::Permission {
            permission: permission.parse().unwrap(),
            audience: None,
        },
    }
}

pub(crate) fn new_user(name: &str, placement: Placement) -> CreateUser {
    CreateUser {
        email: Some(email(name)),
        phone: None,
        proven: true,
        name: None,
        password: None,
        placement,
        user_metadata: Metadata::new(),
        app_metadata: Metadata::new(),
    }
}

pub(crate) fn new_token(kind: TokenKind, owner: OwnerRef) -> CreateToken {
    CreateToken {
        kind,
        owner,
        name: None,
        ceiling: Ceiling::default(),
        expires_at: None,
    }
}

/// A ceiling of these permissions, bound to the tenant if one is given.
pub(crate) fn ceiling(tenant: Option<&str>, permissions: &[&str]) -> Ceiling {
    Ceiling {
        tenant: tenant.map(tenant_id),
        permissions: Some(permissions_of(permissions)),
        ..Ceiling::default()
    }
}

/// An exchange that asks for nothing in particular.
pub(crate) fn asking(secret: &Secret) -> ExchangeRequest {
    ExchangeRequest {
        secret: secret.clone(),
        duration: None,
        scope: None,
        tenant: None,
        role: None,
        audience: None,
    }
}

pub(crate) fn signing_in(email: &str, password: &str) -> SignIn {
    SignIn {
        email: email.to_owned(),
        password: secret(password),
        tenant: None,
        unnamed: Unnamed::OnlyOne,
        role: None,
        scope: None,
        user_agent: None,
    }
}

/// Who a sign-in makes of its caller.
pub(crate) fn caller_of(signed: &SignedIn) -> Caller {
    Caller::Subject {
        subject: signed.subject.id,
        credential: CredentialId::Session(signed.session),
        carries: None,
    }
}

/// The refusal itself, where an answer of the same code would not do.
pub(crate) fn reason<T, R: Reason>(result: Result<T, Failure<R>>) -> R {
    match result {
        Err(Failure::Refused(refusal)) => refusal,
        Err(other) => panic!("it failed otherwise: {other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// The code of a refusal.
pub(crate) fn code<T, R: Reason>(result: Result<T, Failure<R>>) -> ErrorCode {
    reason(result).code()
}

/// Done, or the code of what stood against it.
pub(crate) fn outcome<T, R: Reason>(result: Result<T, Failure<R>>) -> Result<(), ErrorCode> {
    result.map(|_| ()).map_err(|failure| failure.code())
}

/// Header and claims of a JWT.
pub(crate) fn decoded(jwt: &Secret) -> (Value, Value) {
    let mut parts = jwt.expose().split('.').map(|part| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

pub(crate) fn claims(issued: &Issued) -> Value {
    decoded(&issued.jwt).1
}

pub(crate) fn scope_texts(issued: &Issued) -> Vec<&str> {
    issued.scopes.iter().map(Scope::as_str).collect()
}
