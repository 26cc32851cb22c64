//! The outbox. Not here: claiming, which looks at all realms (each engine's `mail`).

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, json, values};
use async_trait::async_trait;
use doorward_base::{MailId, RealmId, Timestamp};
use doorward_identity::model::{ClaimedMail, MailCount, MailKind, QueuedMail};
use doorward_identity::port::{MailWrite, StoreError};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::fmt::Display;

pub(crate) const TABLE: &str = "outbox";

/// Counts what waits and what was given up.
pub(crate) const COUNT: &str = "SELECT count(due_at), count(*) - count(due_at) FROM outbox";

fn read_variables(row: &mut Cursor<'_>) -> Result<BTreeMap<String, String>, StoreError> {
    let variables = row.json("variables")?.into_iter();
    let variables = variables.map(|(name, text)| match text {
        Json::String(text) => Ok((name, text)),
        _ => Err(row.bad("variables", "one is not a text")),
    });
    variables.collect()
}

fn read_kind(row: &mut Cursor<'_>) -> Result<MailKind, StoreError> {
    let kind = MailKind::find(row.text("kind")?);
    kind.ok_or_else(|| row.bad("kind", "there is no such kind"))
}

/// As it is claimed: with its realm's number and name before it.
impl Record for ClaimedMail {
    const TABLE: &'static str = TABLE;
    const KEY: usize = 2;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            realm: RealmId(row.int("realm")?),
            realm_name: row.parse("realm")?,
            mail: QueuedMail {
                id: row.id("id")?,
                subject: row.opt_id("subject")?,
                to: row.parse("recipient")?,
                kind: read_kind(row)?,
                language: row.opt_string("language")?,
                variables: read_variables(row)?,
                sealed: row.opt_bytes("sealed")?.map(<[u8]>::to_vec),
                attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
                created_at: row.time("created_at")?,
                expires_at: row.time("expires_at")?,
            },
        })
    }
}

/// The columns `id` to `expires_at` without the reason.
fn values(mail: &QueuedMail) -> Result<[Value<'_>; 10], StoreError> {
    let variables = mail.variables.iter();
    let variables: Map<String, Json> = variables
        .map(|(name, text)| (name.clone(), text.clone().into()))
        .collect();
    Ok([
        mail.id.into(),
        mail.subject.into(),
        (&mail.to).into(),
        mail.kind.as_str().into(),
        mail.language.as_ref().into(),
        json(&variables)?.into(),
        mail.sealed.as_deref().into(),
        mail.attempts.into(),
        mail.created_at.into(),
        mail.expires_at.into(),
    ])
}

/// Those that can be read. One that cannot must not hold up the others; it comes again
/// and is told of again until somebody removes it.
pub(crate) fn readable(
    rows: impl IntoIterator<Item = Result<ClaimedMail, StoreError>>,
) -> Vec<ClaimedMail> {
    let told = |error: &StoreError| tracing::error!(%error, "a mail cannot be read");
    let read = rows.into_iter();
    let mut claimed: Vec<ClaimedMail> = read.filter_map(|row| row.inspect_err(told).ok()).collect();
    claimed.sort_unstable_by_key(|claimed| (claimed.mail.created_at, claimed.mail.id));
    claimed
}

/// What [`COUNT`] found.
pub(crate) fn read_count(row: &mut Cursor<'_>) -> Result<MailCount, StoreError> {
    Ok(MailCount {
        waiting: row.int("count")?.unsigned_abs(),
        dead: row.int("count")?.unsigned_abs(),
    })
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the mail")
}

#[async_trait]
impl<E: Engine> MailWrite for InRealm<E> {
    async fn put_mail(&mut self, mail: &QueuedMail) -> Result<(), StoreError> {
        let sql = "INSERT INTO outbox (realm, id, subject, recipient, kind, language, variables, \
             sealed, attempts, created_at, expires_at, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10) ON CONFLICT DO NOTHING";
        self.0.insert(target(&mail.id), sql, &values(mail)?).await
    }

    async fn end_mail(&mut self, id: MailId) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE realm = $1 AND id = $2";
        self.0.write(target(&id), sql, values![id]).await.map(drop)
    }

    async fn put_mail_off(&mut self, id: MailId, due: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET due_at = $3 \
                   WHERE realm = $1 AND id = $2 AND due_at IS NOT NULL";
        let values = values![id, due];
        self.0.write(target(&id), sql, values).await.map(drop)
    }

    async fn bury_mail(
        &mut self,
        id: MailId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET due_at = NULL, sealed = NULL, variables = '{}', \
                   reason = $3, failed_at = $4 WHERE realm = $1 AND id = $2";
        let values = values![id, reason, at];
        self.0.write(target(&id), sql, values).await.map(drop)
    }

    async fn prune_mail(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM outbox WHERE realm = $1 AND id IN \
                   (SELECT id FROM outbox WHERE realm = $1 AND failed_at < $2 LIMIT $3)";
        let target = target(&"those given up");
        self.0.write(target, sql, values![before, limit]).await
    }
}
