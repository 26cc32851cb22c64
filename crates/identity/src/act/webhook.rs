//! Messages to a realm's webhook on their way: signed when they are sent, tried again with
//! growing pauses under the same id, given up with a reason. Not here: what they say
//! (`notice`), and HTTP (`server`).

use super::{Identity, Realm};
use crate::model::QueuedWebhook;
use crate::port::{Courier, Parcel, StoreError};
use crate::settings::WebhookSettings;
use doorward_base::Timestamp;
use std::time::Duration;

/// How long what was claimed is left to whoever claimed it: longer than a batch takes.
const CLAIM: Duration = Duration::from_secs(120);
/// How many are claimed at once.
const BATCH: u32 = 10;
/// The pauses between attempts; after the last one a message is given up.
const PAUSES: [u64; 8] = [15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600];

/// Delivers some of what is due; how many were delivered. After the first that fails the
/// rest waits: the target is the same.
///
/// # Errors
/// [`StoreError`].
pub async fn deliver(
    identity: &Identity,
    realm: &Realm,
    courier: &dyn Courier,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let Some(target) = &realm.settings.notices.webhook else {
        return Ok(0);
    };
    let is_due = identity.store.read(realm.id, move |tx| {
        Box::pin(async move { tx.is_webhook_due(now).await })
    });
    if !is_due.await? {
        return Ok(0);
    }
    let claimed = identity.store.write(realm.id, move |tx| {
        Box::pin(async move { tx.claim_webhooks(now, now.plus(CLAIM), BATCH).await })
    });
    let (mut delivered, mut answers) = (0, true);
    for message in claimed.await? {
        let fate = if message.expires_at <= now {
            Fate::GivenUp("expired".to_owned())
        } else if answers {
            send(target, courier, &message, now).await
        } else {
            // It was not tried.
            Fate::Later(now.plus(pause(0)), message.attempts)
        };
        delivered += u64::from(fate == Fate::Delivered);
        answers = answers && !matches!(fate, Fate::Later(..));
        settle(identity, realm, &message, fate, now).await?;
    }
    Ok(delivered)
}

/// What becomes of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    Delivered,
    /// It is tried again then, after so many attempts.
    Later(Timestamp, u32),
    GivenUp(String),
}

fn pause(tried: u32) -> Duration {
    let at = usize::try_from(tried).unwrap_or(usize::MAX);
    let seconds = PAUSES.get(at).or(PAUSES.last()).copied();
    Duration::from_secs(seconds.unwrap_or_default())
}

async fn send(
    target: &WebhookSettings,
    courier: &dyn Courier,
    message: &QueuedWebhook,
    now: Timestamp,
) -> Fate {
    let id = format!("msg_{}", message.id);
    let at = now.as_micros().div_euclid(1_000_000);
    let parcel = Parcel {
        url: target.url.clone(),
        signature: target.key.sign(&id, at, &message.body),
        id,
        at,
        body: message.body.clone(),
    };
    let Err(error) = courier.deliver(&parcel).await else {
        return Fate::Delivered;
    };
    let tried = message.attempts;
    let is_last = usize::try_from(tried).is_ok_and(|tried| tried >= PAUSES.len());
    if error.is_final() || is_last {
        return Fate::GivenUp(error.to_string());
    }
    tracing::warn!(
        webhook = %message.id, kind = message.kind.as_str(), reason = %error,
        "a webhook was not delivered; it is tried again"
    );
    Fate::Later(now.plus(pause(tried)), tried.saturating_add(1))
}

async fn settle(
    identity: &Identity,
    realm: &Realm,
    message: &QueuedWebhook,
    fate: Fate,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, kind) = (message.id, message.kind.as_str());
    match &fate {
        Fate::Delivered => tracing::info!(webhook = %id, kind, "a webhook was delivered"),
        Fate::GivenUp(reason) => {
            tracing::error!(webhook = %id, kind, reason, "a webhook was given up");
        }
        Fate::Later(..) => {}
    }
    let settled = identity.store.write(realm.id, move |tx| {
        let fate = fate.clone();
        Box::pin(async move {
            match fate {
                Fate::Delivered => tx.end_webhook(id).await,
                Fate::Later(due, attempts) => tx.put_webhook_off(id, due, attempts).await,
                Fate::GivenUp(reason) => tx.bury_webhook(id, &reason, now).await,
            }
        })
    });
    settled.await
}
