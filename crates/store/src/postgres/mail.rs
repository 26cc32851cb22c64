//! The outbox. Claiming looks at all realms: a mail is due whoever wants it sent.

use super::scope::{Id, Scope, Target, Trouble, failed};
use super::tx::{RealmTx, writing};
use crate::row::mail::{MailRow, TABLE, readable, variables};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::{MailId, Timestamp};
use doorward_identity::model::{ClaimedMail, MailCount, QueuedMail};
use doorward_identity::port::{MailWrite, StoreError};
use std::time::Duration;
use tokio_postgres::{Error, Row};

/// Takes what is due; what another process is taking just now is its own.
pub(super) async fn claim(
    conn: &ClientWrapper,
    now: Timestamp,
    hold: Duration,
    limit: u32,
) -> Result<Vec<ClaimedMail>, Trouble> {
    let failed = |error: Error| failed(TABLE, &error);
    let rows = conn
        .query(
            "UPDATE outbox SET due_at = $2, attempts = attempts + 1 \
             FROM (SELECT realm, id FROM outbox WHERE due_at <= $1 ORDER BY due_at LIMIT $3 \
                   FOR UPDATE SKIP LOCKED) AS due, realm \
             WHERE outbox.realm = due.realm AND outbox.id = due.id AND realm.id = due.realm \
             RETURNING outbox.realm, realm.name, outbox.id, subject, recipient, kind, language, \
                variables, sealed, attempts, outbox.created_at, expires_at",
            &[
                &now.as_micros(),
                &now.plus(hold).as_micros(),
                &i64::from(limit),
            ],
        )
        .await
        .map_err(failed)?;
    let rows: Vec<MailRow> = rows
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    Ok(readable(rows))
}

fn read(row: &Row) -> Result<MailRow, Error> {
    let Id(id) = row.try_get(2)?;
    let subject: Option<Id> = row.try_get(3)?;
    Ok(MailRow {
        realm: row.try_get(0)?,
        realm_name: row.try_get(1)?,
        id,
        subject: subject.map(|Id(subject)| subject),
        recipient: row.try_get(4)?,
        kind: row.try_get(5)?,
        language: row.try_get(6)?,
        variables: row.try_get(7)?,
        sealed: row.try_get(8)?,
        attempts: row.try_get(9)?,
        created_at: row.try_get(10)?,
        expires_at: row.try_get(11)?,
    })
}

pub(super) async fn count(conn: &ClientWrapper) -> Result<MailCount, Trouble> {
    let read = |row: Row| -> Result<MailCount, Error> {
        let (waiting, dead): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(MailCount {
            waiting: waiting.unsigned_abs(),
            dead: dead.unsigned_abs(),
        })
    };
    conn.query_one(
        "SELECT count(due_at), count(*) - count(due_at) FROM outbox",
        &[],
    )
    .await
    .and_then(read)
    .map_err(|error| failed(TABLE, &error))
}

async fn put(scope: Scope<'_>, mail: &QueuedMail) -> Result<(), Trouble> {
    scope
        .insert_one(
            target(&mail.id),
            "INSERT INTO outbox (realm, id, subject, recipient, kind, language, variables, \
             sealed, attempts, created_at, expires_at, due_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10) ON CONFLICT DO NOTHING",
            &[
                &Id::from(mail.id),
                &mail.subject.map(Id::from),
                &mail.to.as_str(),
                &mail.kind.as_str(),
                &mail.language,
                &variables(mail)?,
                &mail.sealed,
                &i64::from(mail.attempts),
                &mail.created_at.as_micros(),
                &mail.expires_at.as_micros(),
            ],
        )
        .await
}

async fn end(scope: Scope<'_>, id: MailId) -> Result<(), Trouble> {
    let sql = "DELETE FROM outbox WHERE realm = $1 AND id = $2";
    scope
        .write(target(&id), sql, &[&Id::from(id)])
        .await
        .map(drop)
}

async fn put_off(scope: Scope<'_>, id: MailId, due: Timestamp) -> Result<(), Trouble> {
    let sql = "UPDATE outbox SET due_at = $3 WHERE realm = $1 AND id = $2 AND due_at IS NOT NULL";
    scope
        .write(target(&id), sql, &[&Id::from(id), &due.as_micros()])
        .await
        .map(drop)
}

async fn bury(scope: Scope<'_>, id: MailId, reason: &str, at: Timestamp) -> Result<(), Trouble> {
    let sql = "UPDATE outbox SET due_at = NULL, sealed = NULL, variables = '{}', \
               reason = $3, failed_at = $4 WHERE realm = $1 AND id = $2";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&Id::from(id), &reason, &at.as_micros()];
    scope.write(target(&id), sql, &values).await.map(drop)
}

async fn prune(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, Trouble> {
    let sql = "DELETE FROM outbox WHERE realm = $1 AND id IN \
               (SELECT id FROM outbox WHERE realm = $1 AND failed_at < $2 LIMIT $3)";
    let target = Target {
        table: TABLE,
        row: &"those given up",
        unique: "the mail",
    };
    scope
        .write(target, sql, &[&before.as_micros(), &i64::from(limit)])
        .await
}

const fn target(id: &MailId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the mail",
    }
}

#[async_trait]
impl MailWrite for RealmTx {
    async fn put_mail(&mut self, mail: &QueuedMail) -> Result<(), StoreError> {
        writing!(self, put(mail))
    }

    async fn end_mail(&mut self, id: MailId) -> Result<(), StoreError> {
        writing!(self, end(id))
    }

    async fn put_mail_off(&mut self, id: MailId, due: Timestamp) -> Result<(), StoreError> {
        writing!(self, put_off(id, due))
    }

    async fn bury_mail(
        &mut self,
        id: MailId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, bury(id, reason, at))
    }

    async fn prune_mail(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        writing!(self, prune(before, limit))
    }
}
