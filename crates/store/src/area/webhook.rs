//! Messages that wait for the realm's webhook.

use crate::engine::{Engine, InRealm, either};
use crate::row::{Cursor, Record, Target, Value, values};
use async_trait::async_trait;
use doorward_base::{Timestamp, WebhookId};
use doorward_identity::model::{QueuedWebhook, WebhookKind};
use doorward_identity::port::{StoreError, WebhookRead, WebhookWrite};
use std::fmt::Display;

const TABLE: &str = "webhook";

impl Record for QueuedWebhook {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            tenant: row.opt_parse("tenant")?,
            kind: read_kind(row)?,
            body: row.text("body")?.to_owned(),
            attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

fn read_kind(row: &mut Cursor<'_>) -> Result<WebhookKind, StoreError> {
    let kind = WebhookKind::find(row.text("kind")?);
    kind.ok_or_else(|| row.bad("kind", "there is no such kind"))
}

/// The columns as they are read.
fn values(message: &QueuedWebhook) -> [Value<'_>; 7] {
    [
        message.id.into(),
        message.tenant.as_ref().into(),
        message.kind.as_str().into(),
        (&message.body).into(),
        message.attempts.into(),
        message.created_at.into(),
        message.expires_at.into(),
    ]
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the message")
}

#[async_trait]
impl<E: Engine> WebhookRead for InRealm<E> {
    async fn is_webhook_due(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM webhook WHERE realm = $1 AND due_at <= $2 LIMIT 1";
        let read = |row: &mut Cursor<'_>| row.id::<WebhookId>("id");
        let found = self.0.rows(TABLE, sql, values![now], read).await?;
        Ok(!found.is_empty())
    }
}

#[async_trait]
impl<E: Engine> WebhookWrite for InRealm<E> {
    async fn put_webhook(&mut self, message: &QueuedWebhook) -> Result<(), StoreError> {
        let sql = "INSERT INTO webhook (realm, id, tenant, kind, body, attempts, created_at, \
             expires_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7) \
             ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&message.id), sql, &values(message))
            .await
    }

    /// What another process is taking just now is its own.
    async fn claim_webhooks(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<QueuedWebhook>, StoreError> {
        macro_rules! claim {
            ($skip:literal) => {
                concat!(
                    "UPDATE webhook SET due_at = $3 WHERE realm = $1 AND id IN \
                     (SELECT id FROM webhook WHERE realm = $1 AND due_at <= $2 \
                      ORDER BY due_at, id LIMIT $4",
                    $skip,
                    ") RETURNING id, tenant, kind, body, attempts, created_at, expires_at"
                )
            };
        }
        let sql = either!(
            E,
            sqlite: claim!(""),
            postgres: claim!(" FOR UPDATE SKIP LOCKED"),
        );
        let values = values![now, until, limit];
        let target = target(&"those due");
        let claimed = self.0.returned(target, sql, values, QueuedWebhook::whole);
        let mut claimed = claimed.await?;
        claimed.sort_unstable_by_key(|message| (message.created_at, message.id));
        Ok(claimed)
    }

    async fn end_webhook(&mut self, id: WebhookId) -> Result<(), StoreError> {
        let sql = "DELETE FROM webhook WHERE realm = $1 AND id = $2";
        self.0.write(target(&id), sql, values![id]).await.map(drop)
    }

    async fn put_webhook_off(
        &mut self,
        id: WebhookId,
        due: Timestamp,
        attempts: u32,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE webhook SET due_at = $3, attempts = $4 \
                   WHERE realm = $1 AND id = $2 AND due_at IS NOT NULL";
        let values = values![id, due, attempts];
        self.0.write(target(&id), sql, values).await.map(drop)
    }

    async fn bury_webhook(
        &mut self,
        id: WebhookId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE webhook SET due_at = NULL, body = '', reason = $3, failed_at = $4 \
                   WHERE realm = $1 AND id = $2";
        let values = values![id, reason, at];
        self.0.write(target(&id), sql, values).await.map(drop)
    }

    async fn prune_webhooks(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM webhook WHERE realm = $1 AND id IN \
                   (SELECT id FROM webhook WHERE realm = $1 \
                    AND coalesce(failed_at, expires_at) < $2 LIMIT $3)";
        let target = target(&"those of no use");
        self.0.write(target, sql, values![before, limit]).await
    }
}
