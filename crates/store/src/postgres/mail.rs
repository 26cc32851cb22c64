//! Claiming mail, of all realms: a mail is due whoever wants it sent.

use super::scope::{Trouble, failed};
use crate::area::mail::{COUNT, TABLE, read_count, readable};
use crate::row::Cursor;
use deadpool_postgres::ClientWrapper;
use doorward_base::Timestamp;
use doorward_identity::model::{ClaimedMail, MailCount};
use std::time::Duration;

/// Takes what is due; what another process is taking just now is its own.
pub(super) async fn claim(
    conn: &ClientWrapper,
    now: Timestamp,
    hold: Duration,
    limit: u32,
) -> Result<Vec<ClaimedMail>, Trouble> {
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
        .map_err(|error| failed(TABLE, &error))?;
    let rows = rows.iter().map(|row| Cursor::new(TABLE, row).record());
    Ok(readable(rows))
}

pub(super) async fn count(conn: &ClientWrapper) -> Result<MailCount, Trouble> {
    let row = conn.query_one(COUNT, &[]).await;
    let row = row.map_err(|error| failed(TABLE, &error))?;
    Ok(read_count(&mut Cursor::new(TABLE, &row))?)
}
