//! The outbox. Claiming looks at all realms: a mail is due whoever wants it sent.

use super::scope::{Scope, Target, unavailable};
use super::tx::RealmTx;
use crate::row::mail::{MailRow, TABLE, readable, variables};
use async_trait::async_trait;
use doorward_base::{MailId, SubjectId, Timestamp};
use doorward_identity::model::{ClaimedMail, MailCount, QueuedMail};
use doorward_identity::port::{MailWrite, StoreError};
use rusqlite::{Connection, Row};
use std::time::Duration;

/// Whether a mail is due.
pub(super) fn is_due(conn: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE due_at <= ?1)")
        .and_then(|mut statement| statement.query_row([now.as_micros()], |row| row.get(0)))
        .map_err(unavailable)
}

pub(super) fn claim(
    conn: &Connection,
    now: Timestamp,
    hold: Duration,
    limit: u32,
) -> Result<Vec<ClaimedMail>, StoreError> {
    let mut statement = conn
        .prepare_cached(
            "UPDATE outbox SET due_at = ?2, attempts = attempts + 1 \
             WHERE (realm, id) IN \
                (SELECT realm, id FROM outbox WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3) \
             RETURNING realm, (SELECT name FROM realm WHERE realm.id = outbox.realm), id, \
                subject, recipient, kind, language, variables, sealed, attempts, created_at, \
                expires_at",
        )
        .map_err(unavailable)?;
    let until = now.plus(hold).as_micros();
    let rows = statement
        .query_map((now.as_micros(), until, limit), read)
        .map_err(unavailable)?;
    let rows: Vec<MailRow> = rows.collect::<Result<_, _>>().map_err(unavailable)?;
    Ok(readable(rows))
}

fn read(row: &Row<'_>) -> rusqlite::Result<MailRow> {
    Ok(MailRow {
        realm: row.get(0)?,
        realm_name: row.get(1)?,
        id: row.get(2)?,
        subject: row.get(3)?,
        recipient: row.get(4)?,
        kind: row.get(5)?,
        language: row.get(6)?,
        variables: row.get(7)?,
        sealed: row.get(8)?,
        attempts: row.get(9)?,
        created_at: row.get(10)?,
        expires_at: row.get(11)?,
    })
}

pub(super) fn count(conn: &Connection) -> Result<MailCount, StoreError> {
    conn.prepare_cached("SELECT count(due_at), count(*) - count(due_at) FROM outbox")
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                let (waiting, dead): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok(MailCount {
                    waiting: waiting.unsigned_abs(),
                    dead: dead.unsigned_abs(),
                })
            })
        })
        .map_err(unavailable)
}

fn put(scope: Scope<'_>, mail: &QueuedMail) -> Result<(), StoreError> {
    scope.write_one(
        target(&mail.id),
        "INSERT INTO outbox (realm, id, subject, recipient, kind, language, variables, sealed, \
         attempts, created_at, expires_at, due_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?10)",
        &[
            mail.id.as_bytes(),
            &mail.subject.as_ref().map(SubjectId::as_bytes),
            &mail.to.as_str(),
            &mail.kind.as_str(),
            &mail.language,
            &variables(mail)?,
            &mail.sealed,
            &mail.attempts,
            &mail.created_at.as_micros(),
            &mail.expires_at.as_micros(),
        ],
    )
}

const fn target(id: &MailId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the mail",
    }
}

#[async_trait]
impl MailWrite for RealmTx<'_> {
    async fn put_mail(&mut self, mail: &QueuedMail) -> Result<(), StoreError> {
        self.with(|scope| put(scope, mail))
    }

    async fn end_mail(&mut self, id: MailId) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox WHERE realm = ?1 AND id = ?2";
        self.with(|scope| scope.write(target(&id), sql, &[id.as_bytes()]).map(drop))
    }

    async fn put_mail_off(&mut self, id: MailId, due: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET due_at = ?3 \
                   WHERE realm = ?1 AND id = ?2 AND due_at IS NOT NULL";
        self.with(|scope| {
            let values: [&dyn rusqlite::ToSql; 2] = [id.as_bytes(), &due.as_micros()];
            scope.write(target(&id), sql, &values).map(drop)
        })
    }

    async fn bury_mail(
        &mut self,
        id: MailId,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET due_at = NULL, sealed = NULL, variables = '{}', \
                   reason = ?3, failed_at = ?4 WHERE realm = ?1 AND id = ?2";
        self.with(|scope| {
            let values: [&dyn rusqlite::ToSql; 3] = [id.as_bytes(), &reason, &at.as_micros()];
            scope.write(target(&id), sql, &values).map(drop)
        })
    }

    async fn prune_mail(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM outbox WHERE realm = ?1 AND id IN \
                   (SELECT id FROM outbox WHERE realm = ?1 AND failed_at < ?2 LIMIT ?3)";
        self.with(|scope| {
            let values: [&dyn rusqlite::ToSql; 2] = [&before.as_micros(), &limit];
            let removed = scope.write(PRUNED, sql, &values)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }
}

const PRUNED: Target<'_> = Target {
    table: TABLE,
    row: &"those given up",
    unique: "the mail",
};
