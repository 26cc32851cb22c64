//! What is written down of every event, success and failure, in the transaction
//! that decides it. Never a secret, and of persons only their ids: rows outlive them. The
//! one personal thing is the address a request came from, which goes when its subject is
//! deleted.

use doorward_base::{ApiTokenId, ErrorCode, RequestId, SessionId, SubjectId, TenantId, Timestamp};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Who did it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Actor {
    /// Somebody with access to the store, by the command line.
    Operator,
    /// A subject.
    Subject(SubjectId),
    /// Nobody known (yet).
    Anonymous,
    /// Doorward itself.
    System,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What was done. The text is stable.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum AuditAction { $($(#[$doc])* $variant,)* }

        impl AuditAction {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable text, for example `token.exchange`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The action of a stable text.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    /// A user was made.
    UserCreate = "user.create";
    /// Somebody made an account for himself, or tried to.
    SignUp = "user.sign_up";
    /// A user changed what it says about itself.
    UserUpdate = "user.update";
    /// A subject was disabled.
    SubjectDisable = "subject.disable";
    /// A subject was enabled.
    SubjectEnable = "subject.enable";
    /// A subject was banned for a time.
    SubjectBan = "subject.ban";
    /// A ban was lifted.
    SubjectUnban = "subject.unban";
    /// A subject was deleted, and what was personal of it.
    SubjectDelete = "subject.delete";
    /// An external subject was seen for the first time.
    SubjectProvision = "subject.provision";
    /// An identity at another login was linked.
    IdentityLink = "identity.link";
    /// An identity at another login was unlinked.
    IdentityUnlink = "identity.unlink";
    /// A password was set.
    PasswordSet = "password.set";
    /// A service account was made.
    ServiceAccountCreate = "service_account.create";
    /// A tenant was made.
    TenantCreate = "tenant.create";
    /// A tenant was deleted.
    TenantDelete = "tenant.delete";
    /// A tenant was given an amount of a limit, or it was taken back.
    TenantLimit = "tenant.limit";
    /// An address was invited into a tenant.
    TenantInvite = "tenant.invite";
    /// An invitation was withdrawn.
    InvitationWithdraw = "invitation.withdraw";
    /// A membership was made.
    MembershipCreate = "membership.create";
    /// A membership was ended.
    MembershipEnd = "membership.end";
    /// A role or permission was granted.
    GrantAdd = "grant.add";
    /// A role or permission was taken away.
    GrantRemove = "grant.remove";
    /// Somebody signed in, or tried to.
    SignIn = "session.sign_in";
    /// A session was refreshed, or somebody tried.
    SessionRefresh = "session.refresh";
    /// A session was carried over into another tenant.
    SessionSwitch = "session.switch";
    /// A session was ended.
    SignOut = "session.sign_out";
    /// An API token was made.
    TokenCreate = "token.create";
    /// An API token was regenerated.
    TokenRegenerate = "token.regenerate";
    /// What an API token replaced was ended before its time.
    TokenEndOverlap = "token.end_overlap";
    /// A tenant's key was made that takes over from a token of somebody who leaves.
    TokenHandOver = "token.hand_over";
    /// Somebody is told that API tokens will stop by themselves.
    TokenNotice = "token.notice";
    /// An API token was revoked.
    TokenRevoke = "token.revoke";
    /// An API token was exchanged for an access token.
    TokenExchange = "token.exchange";
    /// An API token was presented itself and refused, or converted for an upstream.
    TokenPresent = "token.present";
    /// A credential came over plain HTTP where TLS is demanded.
    CredentialExposed = "credential.exposed";
    /// A client was made.
    ClientCreate = "client.create";
    /// A client got a new secret.
    ClientRotate = "client.rotate";
    /// A client's replaced secret was ended before its time.
    ClientEndOverlap = "client.end_overlap";
    /// A client was revoked.
    ClientRevoke = "client.revoke";
    /// A client presented itself and was refused.
    ClientPresent = "client.present";
    /// A second factor was removed.
    FactorDelete = "factor.delete";
    /// Keys were made.
    KeyCreate = "key.create";
    /// Keys were rotated.
    KeyRotate = "key.rotate";
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused, with this code.
    Refused(ErrorCode),
}

/// One event.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// In which request.
    pub request: RequestId,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub action: AuditAction,
    /// How it ended.
    pub outcome: Outcome,
    /// The subject it was about.
    pub subject: Option<SubjectId>,
    /// The tenant it was about.
    pub tenant: Option<TenantId>,
    /// The API token it was about.
    pub token: Option<ApiTokenId>,
    /// The session it was about.
    pub session: Option<SessionId>,
    /// From where.
    pub peer: Option<IpAddr>,
    /// Further facts, at most 4 KiB as JSON; never a secret, never an address or a name
    /// of a person.
    pub detail: Map<String, Value>,
}

/// A stored event.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditRow {
    /// Its number, growing.
    pub seq: i64,
    /// The event.
    pub event: AuditEvent,
}
