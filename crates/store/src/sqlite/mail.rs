//! Claiming mail, of all realms: a mail is due whoever wants it sent.

use super::scope::unavailable;
use crate::area::mail::{COUNT, TABLE, read_count, readable};
use crate::row::Cursor;
use doorward_base::Timestamp;
use doorward_identity::model::{ClaimedMail, MailCount};
use doorward_identity::port::StoreError;
use rusqlite::Connection;
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
    let claim = || {
        let mut statement = conn.prepare_cached(
            "UPDATE outbox SET due_at = ?2, attempts = attempts + 1 \
             WHERE (realm, id) IN \
                (SELECT realm, id FROM outbox WHERE due_at <= ?1 ORDER BY due_at LIMIT ?3) \
             RETURNING realm, (SELECT name FROM realm WHERE realm.id = outbox.realm), id, \
                subject, recipient, kind, language, variables, sealed, attempts, created_at, \
                expires_at",
        )?;
        let until = now.plus(hold).as_micros();
        let rows = statement.query_map((now.as_micros(), until, limit), |row| {
            Ok(Cursor::new(TABLE, row).record())
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    claim().map(readable).map_err(unavailable)
}

pub(super) fn count(conn: &Connection) -> Result<MailCount, StoreError> {
    conn.prepare_cached(COUNT)
        .and_then(|mut statement| {
            statement.query_row([], |row| Ok(read_count(&mut Cursor::new(TABLE, row))))
        })
        .map_err(unavailable)?
}
