//! The words every crate shares: ids, names, time, secrets, the principal, the
//! claims template, the error codes, the pure rate limiter, and the port of outgoing
//! HTTP.
//!
//! Nothing here does I/O, awaits, reads a clock or draws randomness: time comes in
//! as [`Timestamp`], randomness as [`Entropy`]. It stays small and still, because a
//! change here rebuilds every crate.

#![warn(missing_docs)]

pub mod address;
pub mod authn;
pub mod claims;
pub mod code;
pub mod credential;
pub mod effect;
pub mod egress;
pub mod entropy;
pub mod escape;
pub mod fault;
pub mod id;
pub mod json;
pub mod limit;
pub mod name;
pub mod network;
pub mod principal;
pub mod secret;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod tls;
pub mod token_format;
pub mod word;

pub use address::{Email, Phone};
pub use code::ErrorCode;
pub use credential::CredentialKind;
pub use effect::{Effect, Effects};
pub use entropy::Entropy;
pub use id::{
    ApiTokenId, ChallengeId, ClientId, FactorId, IdentityId, MailId, MembershipId, RealmId,
    RequestId, SessionId, SubjectId, WebhookId,
};
pub use name::{
    Audience, ClassName, Environment, NameError, Permission, ProviderName, RealmName, RoleName,
    Scope, TenantId,
};
pub use principal::{Principal, SubjectKind};
pub use secret::Secret;
pub use time::{Clock, Timestamp};
pub use word::Words;
