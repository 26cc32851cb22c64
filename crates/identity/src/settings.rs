//! What a realm's configuration says to identity, already parsed. The server lowers
//! the configuration file to these values once; requests never parse configuration.

mod notice;

use crate::model::{RoleDefinition, TokenKind};
use doorward_base::claims::ClaimsTemplate;
use doorward_base::limit::{MeasureKind, Quota};
use doorward_base::token_format::TokenFormat;
use doorward_base::words;
use doorward_base::{Audience, ClassName, Permission, RealmName, RoleName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use doorward_jose::{Algorithm, WebhookKey};
pub use notice::{NoticeSettings, WebhookSettings};

/// A realm, as identity sees it.
#[derive(Clone, Debug)]
pub struct RealmSettings {
    /// Its name.
    pub name: RealmName,
    /// The `iss` of its tokens, byte for byte.
    pub issuer: Arc<str>,
    /// How its access tokens look.
    pub tokens: TokenSettings,
    /// Its classes of API tokens. A kind belongs to one class.
    pub classes: Vec<TokenClass>,
    /// How API tokens are exchanged.
    pub exchange: ExchangeSettings,
    /// How people's sign-ins last.
    pub sessions: SessionSettings,
    /// The roles it defines, sorted by name.
    pub roles: Vec<RoleDefinition>,
    /// The permission by which a caller acts in any tenant, if one does and is held
    /// realm-wide.
    pub crossing: Option<Permission>,
    /// Who may sign up, and how a membership begins.
    pub sign_up: SignUpSettings,
    /// The roles a new user is granted, realm-wide.
    pub default_roles: Vec<RoleName>,
    /// The role in force when a request selects none; must be held to count.
    pub default_role: Option<RoleName>,
    /// The logins that are not ours whose subjects may own credentials here.
    pub externals: Vec<ExternalIssuer>,
    /// How long what is over is kept.
    pub retention: RetentionSettings,
    /// The limits of which a tenant may be given an amount of its own, and what each counts.
    pub limits: BTreeMap<String, MeasureKind>,
    /// What becomes of a credential that comes over plain HTTP where TLS is demanded.
    pub exposure: Exposure,
    /// How tenants are told that their API tokens will stop by themselves.
    pub notices: NoticeSettings,
}

impl RealmSettings {
    /// What becomes of a subject of this issuer that was never seen.
    #[must_use]
    pub fn provision_of(&self, issuer: &str) -> Provision {
        let known = self.externals.iter().find(|one| &*one.issuer == issuer);
        known.map_or(Provision::Never, |one| one.provision)
    }
}

/// What becomes of a credential that comes over plain HTTP where TLS is demanded. The
/// request is refused in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Exposure {
    /// Nothing.
    Ignore,
    /// It is written down in the audit log.
    #[default]
    Flag,
    /// It is revoked too: whoever was on the way has read it.
    Revoke,
}

words!(Exposure { Ignore = "ignore", Flag = "flag", Revoke = "revoke" });

/// Who may sign up, and what becomes of who does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SignUpSettings {
    /// Who may.
    pub mode: SignUpMode,
    /// How a membership begins, beside what always begins one: a proof of the address.
    pub enrolment: Vec<Enrolment>,
    /// The roles that somebody is granted in the tenant made for him.
    pub own_tenant_roles: Vec<RoleName>,
}

impl SignUpSettings {
    /// Whether a membership begins so.
    #[must_use]
    pub fn enrols_by(&self, way: Enrolment) -> bool {
        self.enrolment.contains(&way)
    }
}

/// Who may sign up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SignUpMode {
    /// Nobody: accounts are made for people, or by an invitation's secret.
    #[default]
    Closed,
    /// Anybody.
    Open,
}

words!(SignUpMode { Closed = "closed", Open = "open" });

/// How a membership begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Enrolment {
    /// By a proof of the address, such as an invitation's secret. Always one of the ways.
    Proven,
    /// By an operator's invitation of the address that the first sign-up with it takes: it
    /// trusts whoever is first.
    InvitedAddress,
    /// Who signs up and is not invited gets a tenant of his own.
    OwnTenant,
}

words!(Enrolment {
    Proven = "proven",
    InvitedAddress = "invited_address",
    OwnTenant = "own_tenant",
});

/// A login that is not ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalIssuer {
    /// Its `iss`, byte for byte.
    pub issuer: Arc<str>,
    /// What becomes of its subjects that were never seen.
    pub provision: Provision,
}

/// What becomes of an external subject that was never seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Provision {
    /// It stays unknown: it owns nothing here.
    #[default]
    Never,
    /// It is made, with the realm's default roles.
    FirstSight,
}

words!(Provision { Never = "never", FirstSight = "first_sight" });

/// How long what is over is kept, counted from when it was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetentionSettings {
    /// Rows of the audit log.
    pub audit: Duration,
    /// Revoked and expired API tokens, and revoked clients: their names, so that the audit
    /// log can speak of them.
    pub tombstones: Duration,
    /// Sessions that ended.
    pub sessions: Duration,
    /// Challenges that expired.
    pub challenges: Duration,
    /// Mails, and messages to webhooks, that were given up, with the reason.
    pub mail: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            audit: days(400),
            tombstones: days(400),
            sessions: days(90),
            challenges: days(1),
            mail: days(30),
        }
    }
}

/// How a realm's access tokens look.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The algorithm of the signing key.
    pub algorithm: Algorithm,
    /// The `typ` header: `at+jwt` (RFC 9068) or `JWT`.
    pub typ: TokenTyp,
    /// Life unless asked otherwise, whole seconds.
    pub access_ttl: Duration,
    /// The longest life that can be asked for.
    pub max_ttl: Duration,
    /// Their `aud`. The first is the default.
    pub audiences: Vec<Audience>,
    /// What becomes of access tokens whose credential is revoked.
    pub revocation: Revocation,
    /// The scopes of a token when none were asked for.
    pub default_scopes: DefaultScopes,
    /// How authority is written.
    pub claims: ClaimsTemplate,
}

/// The scopes of an access token when none were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DefaultScopes {
    /// It carries none.
    #[default]
    None,
    /// It carries every effective permission as a scope.
    All,
}

words!(DefaultScopes { None = "none", All = "all" });

/// The `typ` of access tokens; its word is the header's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenTyp {
    /// `at+jwt` (RFC 9068 §2.1).
    #[default]
    AtJwt,
    /// `JWT`, for clients and upstreams that insist.
    Jwt,
}

words!(TokenTyp { AtJwt = "at+jwt", Jwt = "JWT" });

/// What becomes of access tokens whose credential is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Revocation {
    /// They die at once.
    #[default]
    Immediate,
    /// They live to their `exp`.
    Expiry,
}

words!(Revocation { Immediate = "immediate", Expiry = "expiry" });

/// A class of API tokens.
#[derive(Clone, Debug)]
pub struct TokenClass {
    /// Its name.
    pub name: ClassName,
    /// The kinds it holds.
    pub kinds: Vec<TokenKind>,
    /// What its tokens look like.
    pub format: TokenFormat,
    /// How many an owner may have active.
    pub max_active: u32,
    /// How many may be made for an owner in an hour, whatever becomes of them.
    pub max_hourly: u32,
    /// When its tokens expire.
    pub expiry: ExpiryRule,
    /// How its tokens may be presented.
    pub presentations: Vec<Presentation>,
    /// Whether regenerating keeps the expiry of the old token.
    pub regenerate_keeps_expiry: bool,
    /// How long a regenerated token goes on working.
    pub grace: Duration,
    /// The permission that creating one for another subject takes.
    pub create_permission: Option<Permission>,
}

/// How many API tokens of a class an owner may have active, unless the class says.
pub const MAX_ACTIVE: u32 = 100;

/// How many API tokens of a class may be made for an owner in an hour, unless the class says.
pub const MAX_HOURLY: u32 = 100;

/// When a class's tokens expire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpiryRule {
    /// Always after this long; nobody chooses.
    Policy(Duration),
    /// When asked for, up to `max`; else after `ttl`, if there is one.
    Optional {
        /// The life of a token for which none is asked.
        ttl: Option<Duration>,
        /// The longest that can be asked for.
        max: Option<Duration>,
    },
    /// It must be asked for, up to `max`.
    Required {
        /// The longest that can be asked for.
        max: Option<Duration>,
    },
}

/// How a credential may arrive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Presentation {
    /// In an exchange request's body.
    Exchange,
    /// As the password of HTTP Basic (RFC 7617).
    Basic,
    /// As a bearer token (RFC 6750 §2.1).
    Bearer,
    /// In this header, lower case.
    Header(String),
    /// In this query parameter. It shows in logs; off unless a realm asks for it.
    Query(String),
}

/// How API tokens are exchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExchangeSettings {
    /// What becomes of a requested scope outside the caller's authority.
    pub unknown_scope: UnknownScope,
}

/// What becomes of a requested scope outside the caller's authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnknownScope {
    /// The exchange is refused with `invalid_scope`.
    #[default]
    Refuse,
    /// It is left out.
    Narrow,
}

words!(UnknownScope { Refuse = "refuse", Narrow = "narrow" });

/// Whether sessions have refresh tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RefreshMode {
    /// They have none.
    #[default]
    Off,
    /// A refresh token works once; each use gives the next.
    Rotate,
    /// A refresh token works for as long as its session.
    Reuse,
}

words!(RefreshMode {
    Off = "off",
    Rotate = "rotate",
    Reuse = "reuse",
});

/// How people's sign-ins last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionSettings {
    /// From sign-in to the end, whatever happens.
    pub absolute_ttl: Duration,
    /// From the last refresh to the end, unless there is another.
    pub idle_ttl: Option<Duration>,
    /// Whether sessions have refresh tokens.
    pub refresh: RefreshMode,
    /// How long after a rotation the token that was used up gives the same answer again.
    pub reuse_interval: Duration,
    /// How often one session may be refreshed.
    pub refresh_rate: Quota,
    /// How many a subject may have: one more ends the oldest.
    pub max_active: u32,
    /// The shortest password accepted, in characters.
    pub min_password: usize,
    /// What becomes of passwords that everybody tries first.
    pub common_passwords: CommonPasswords,
    /// What a person shows beside its session for another password.
    pub password_change: PasswordChange,
}

/// What a person shows beside its session for another password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PasswordChange {
    /// The one it has.
    #[default]
    CurrentPassword,
    /// Nothing, within a day of its sign-in; then the one it has.
    RecentSignIn,
}

words!(PasswordChange {
    CurrentPassword = "current_password",
    RecentSignIn = "recent_sign_in",
});

/// What becomes of passwords that everybody tries first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CommonPasswords {
    /// They are refused.
    #[default]
    Refuse,
    /// They are taken.
    Allow,
}

words!(CommonPasswords { Refuse = "refuse", Allow = "allow" });
