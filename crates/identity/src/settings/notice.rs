//! How tenants are told, and where a realm's messages go.

use super::WebhookKey;
use doorward_base::egress::EgressUrl;

/// How tenants are told that their API tokens will stop by themselves.
#[derive(Clone, Debug, Default)]
pub struct NoticeSettings {
    /// By mail to those who may replace them, where mail is sent.
    pub mail: bool,
    /// By a message to the realm's webhook.
    pub webhook: Option<WebhookSettings>,
}

/// Where a realm's messages go.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// The address.
    pub url: EgressUrl,
    /// What they are signed with.
    pub key: WebhookKey,
}
