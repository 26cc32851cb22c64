//! Mail: the outbox, and the way out of it.

use super::StoreError;
use crate::model::{MailKind, QueuedMail};
use async_trait::async_trait;
use doorward_base::tls::TlsFault;
use doorward_base::{Email, MailId, RealmName, Secret, Timestamp};
use std::collections::BTreeMap;

/// Writing to the outbox.
#[async_trait]
pub trait MailWrite: Send {
    /// Puts a mail there, to be sent from now on.
    async fn put_mail(&mut self, mail: &QueuedMail) -> Result<(), StoreError>;
    /// It was sent: nothing of it stays.
    async fn end_mail(&mut self, id: MailId) -> Result<(), StoreError>;
    /// It is tried again at `due`.
    async fn put_mail_off(&mut self, id: MailId, due: Timestamp) -> Result<(), StoreError>;
    /// It is not tried any more. What its text said goes; the reason, a code, stays.
    async fn bury_mail(
        &mut self,
        id: MailId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Forgets at most `limit` mails that were given up before `before`; how many.
    async fn prune_mail(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Brings mail to its recipients. `outbound` has the adapters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one letter.
    ///
    /// # Errors
    /// [`MailerError`]; it may have arrived all the same if the answer was lost.
    async fn send(&self, letter: &Letter) -> Result<(), MailerError>;
}

/// A letter as a mailer gets it.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its id.
    pub id: MailId,
    /// The realm that sends it.
    pub realm: RealmName,
    /// To whom.
    pub to: Email,
    /// What about.
    pub kind: MailKind,
    /// The language wanted.
    pub language: Option<String>,
    /// What its text says, secrets included.
    pub variables: BTreeMap<String, Secret>,
    /// When it is sent.
    pub now: Timestamp,
}

/// Why a letter was not sent. The texts are codes: what a server says may repeat the
/// address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailerError {
    /// The server refused it for good, by this SMTP code.
    #[error("refused_{0}")]
    Refused(u16),
    /// The server refused it for now, by this SMTP code.
    #[error("deferred_{0}")]
    Deferred(u16),
    /// There is no server, or none that can be talked to.
    #[error("unreachable")]
    Unreachable,
    /// TLS is wanted and was not had, for this reason.
    #[error("{}", .0.code())]
    Tls(TlsFault),
    /// The server does not accept who we say we are.
    #[error("credentials")]
    Credentials,
    /// It took too long.
    #[error("timed_out")]
    TimedOut,
    /// It cannot be written: its template or its address.
    #[error("unwritable")]
    Unwritable,
}

impl MailerError {
    /// Whether trying again later cannot help.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unwritable)
    }
}
