//! Lowering `[realm.NAME.notices]`.

use super::Lowering;
use crate::config::notices::Webhook;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use crate::config::text::Text;
use doorward_identity::settings::{NoticeSettings, WebhookKey, WebhookSettings};

impl Lowering<'_> {
    /// How tenants are told that their tokens will stop.
    pub(super) fn notices(&mut self, realm: &Realm, path: &KeyPath) -> NoticeSettings {
        let place = path.key("notices").key("webhook");
        let webhook = realm.notices.webhook.as_ref();
        NoticeSettings {
            mail: realm.notices.mail,
            webhook: webhook.and_then(|webhook| self.webhook(webhook, &place)),
        }
    }

    fn webhook(&mut self, webhook: &Webhook, place: &KeyPath) -> Option<WebhookSettings> {
        let Text(url) = &webhook.url;
        self.check_reach(url, &place.key("url"));
        let place = place.key("secret");
        let secret = self.secret(&place, &webhook.secret.0)?;
        let key = WebhookKey::from_text(secret.expose());
        let key = self
            .problems
            .take(&place, key.map_err(|error| error.to_string()))?;
        Some(WebhookSettings {
            url: url.clone(),
            key,
        })
    }
}
