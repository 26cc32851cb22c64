//! A message that waits to be delivered to a realm's webhook. Not here: signing and
//! delivering it (`act::webhook`).

use doorward_base::{TenantId, Timestamp, WebhookId};

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebhookKind {
    /// API tokens of a tenant will stop by themselves.
    TokensExpiring,
}

impl WebhookKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::TokensExpiring];

    /// Its name in the store and in the message's `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokensExpiring => "api_token.expiring",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A message in the outbox of webhooks. It holds no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueuedWebhook {
    /// Its id, the same at each attempt: who receives it twice tells by it.
    pub id: WebhookId,
    /// Whose affairs it tells of, so that it goes with its tenant.
    pub tenant: Option<TenantId>,
    /// What about.
    pub kind: WebhookKind,
    /// The JSON text that is sent, and signed.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When it is of no use any more.
    pub expires_at: Timestamp,
}
