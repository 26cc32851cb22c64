//! Messages that wait for the realm's webhook, and the way out.

use super::StoreError;
use crate::model::QueuedWebhook;
use async_trait::async_trait;
use doorward_base::egress::EgressUrl;
use doorward_base::{Timestamp, WebhookId};

/// Looking for them.
#[async_trait]
pub trait WebhookRead: Send {
    /// Whether a message is due.
    async fn is_webhook_due(&mut self, now: Timestamp) -> Result<bool, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait WebhookWrite: Send {
    /// Puts a message there, to be delivered from now on.
    async fn put_webhook(&mut self, message: &QueuedWebhook) -> Result<(), StoreError>;
    /// Takes at most `limit` messages that are due and leaves them to the caller until
    /// `until`; the oldest first.
    async fn claim_webhooks(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<QueuedWebhook>, StoreError>;
    /// It was delivered: nothing of it stays.
    async fn end_webhook(&mut self, id: WebhookId) -> Result<(), StoreError>;
    /// It is tried again at `due`, after so many attempts.
    async fn put_webhook_off(
        &mut self,
        id: WebhookId,
        due: Timestamp,
        attempts: u32,
    ) -> Result<(), StoreError>;
    /// It is not tried any more. What it said goes; the reason, a code, stays.
    async fn bury_webhook(
        &mut self,
        id: WebhookId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Forgets at most `limit` messages that were given up before `before`, or wait and were
    /// of no use since; how many.
    async fn prune_webhooks(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Brings messages to webhooks. `server` has the adapter to the guarded way out.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Delivers one message.
    ///
    /// # Errors
    /// [`CourierError`]; it may have arrived all the same if the answer was lost.
    async fn deliver(&self, parcel: &Parcel) -> Result<(), CourierError>;
}

/// A message as it is sent: JSON with the three headers of Standard Webhooks.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Where to.
    pub url: EgressUrl,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: the second it is sent at.
    pub at: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// Why a message was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CourierError {
    /// The answer was this status, and no 2xx.
    #[error("status_{0}")]
    Answered(u16),
    /// There was no answer; the text is a code.
    #[error("{0}")]
    Failed(&'static str),
}

impl CourierError {
    /// Whether trying again later cannot help: nobody is there any more (410).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Answered(410))
    }
}
