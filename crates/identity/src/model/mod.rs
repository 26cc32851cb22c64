//! The values identity works with. They carry no wire format and no row layout:
//! dialects and stores convert at their own edge.

#![warn(missing_docs)]

mod api_token;
mod audit;
mod authority;
mod challenge;
mod change;
mod client;
mod dossier;
mod factor;
mod invitation;
mod key;
mod limit;
mod mail;
mod session;
mod subject;
mod tenant;
mod webhook;

pub use api_token::{ApiToken, NewApiToken, TokenKind, TokenLife, TokenState, TokenUse};
pub use audit::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
pub use authority::{Ceiling, Grant, Granted, RoleDefinition};
pub use challenge::{
    Challenge, ChallengeKind, Delivery, KindRow, MAX_PAYLOAD, SecretForm, slot_of,
};
pub use change::{Change, ChangeRow, ChangeSeq};
pub use client::{Client, ClientDossier, ClientKind, ClientSecret, ClientState, SecretUse};
pub use dossier::{Dossier, TokenDossier};
pub use factor::{Factor, FactorData, FactorKind, FactorState};
pub use invitation::{Invitation, MadeThrough};
pub use key::{KeyPurpose, KeyRecord, KeyState};
pub use limit::{QuotaWindow, TenantLimit};
pub use mail::{ClaimedMail, MailCount, MailDraft, MailKind, QueuedMail};
pub use session::{Device, RefreshFamily, Rotation, Session, SessionState, UserAgent};
pub use subject::{
    Address, Contact, HashedPassword, Identifier, LinkedIdentity, Mailbox, Metadata, Subject,
    SubjectStatus,
};
pub use tenant::{Membership, Tenant, TenantOrigin};
pub use webhook::{QueuedWebhook, WebhookKind};
