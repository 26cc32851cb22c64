//! Deleting subjects and tenants, and the sweep of what they left.

use super::scope::{Scope, Target, unavailable};
use super::tx::RealmTx;
use crate::row::erase::{BATCH, SETTLED};
use crate::row::subject::{PASSWORD, TABLE};
use crate::row::tenant::TENANT;
use async_trait::async_trait;
use doorward_base::{RealmId, SubjectId, TenantId, Timestamp};
use doorward_identity::port::{EraseRead, EraseWrite, StoreError};
use rusqlite::Connection;
use std::cell::Cell;

thread_local! {
    /// Whether something was swept that the write-ahead log still has. Set and taken by the
    /// writer's thread, which alone writes.
    static SWEPT: Cell<bool> = const { Cell::new(false) };
}

/// Whether something was swept since this was last asked.
pub(super) fn take_swept() -> bool {
    SWEPT.take()
}

/// Says that the write-ahead log has still something that was swept.
pub(super) fn mark_swept() {
    SWEPT.set(true);
}

/// Takes rows of one subject away, `?2`, at most `?3`.
const OF_SUBJECT: [&str; 10] = [
    "DELETE FROM challenge WHERE realm = ?1 AND id IN \
     (SELECT id FROM challenge WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM challenge WHERE realm = ?1 AND id IN \
     (SELECT id FROM challenge WHERE realm = ?1 AND made_by = ?2 LIMIT ?3)",
    "DELETE FROM factor WHERE realm = ?1 AND id IN \
     (SELECT id FROM factor WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM outbox WHERE realm = ?1 AND id IN \
     (SELECT id FROM outbox WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM identity WHERE realm = ?1 AND id IN \
     (SELECT id FROM identity WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM session WHERE realm = ?1 AND id IN \
     (SELECT id FROM session WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM membership WHERE realm = ?1 AND id IN \
     (SELECT id FROM membership WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "DELETE FROM grant_ WHERE realm = ?1 AND rowid IN \
     (SELECT rowid FROM grant_ WHERE realm = ?1 AND subject = ?2 LIMIT ?3)",
    "UPDATE audit SET peer = NULL WHERE seq IN \
     (SELECT seq FROM audit WHERE realm = ?1 AND subject = ?2 AND peer IS NOT NULL LIMIT ?3)",
    "UPDATE audit SET peer = NULL WHERE seq IN \
     (SELECT seq FROM audit WHERE realm = ?1 AND actor_subject = ?2 \
      AND subject IS NOT actor_subject AND peer IS NOT NULL LIMIT ?3)",
];

/// Tokens stay, so that the audit log can name them.
const TOKENS: &str = "UPDATE api_token SET name = NULL, state = 'revoked', \
     state_at = CASE state WHEN 'revoked' THEN state_at ELSE ?4 END \
     WHERE realm = ?1 AND id IN \
     (SELECT id FROM api_token WHERE realm = ?1 AND owner = ?2 \
      AND (name IS NOT NULL OR state <> 'revoked') LIMIT ?3)";

pub(super) fn erase_subject(
    scope: Scope<'_>,
    id: SubjectId,
    at: Timestamp,
) -> Result<(), StoreError> {
    // What waits for its addresses waits for nobody now.
    scope.write(
        target("challenge", &id),
        "DELETE FROM challenge WHERE realm = ?1 AND address IN \
         (SELECT email FROM subject WHERE realm = ?1 AND id = ?2 UNION \
          SELECT phone FROM subject WHERE realm = ?1 AND id = ?2)",
        &[id.as_bytes()],
    )?;
    scope.write_one(
        target(TABLE, &id),
        "UPDATE subject SET deleted_at = ?3, email = NULL, email_confirmed_at = NULL, \
         email_proven_at = NULL, phone = NULL, phone_confirmed_at = NULL, \
         phone_proven_at = NULL, issuer = NULL, sub = NULL, name = NULL, disabled_at = NULL, \
         banned_until = NULL, last_sign_in_at = NULL, user_metadata = '{}', app_metadata = '{}' \
         WHERE realm = ?1 AND id = ?2 AND deleted_at IS NULL",
        &[id.as_bytes(), &at.as_micros()],
    )?;
    scope.write(
        target(PASSWORD, &id),
        "DELETE FROM password WHERE realm = ?1 AND subject = ?2",
        &[id.as_bytes()],
    )?;
    mark_swept();
    Ok(())
}

/// Mail to its address, whoever caused it.
fn erase_mail(scope: Scope<'_>, id: SubjectId) -> Result<(), StoreError> {
    let sql = "DELETE FROM outbox WHERE realm = ?1 AND recipient = \
               (SELECT email FROM subject WHERE realm = ?1 AND id = ?2)";
    scope
        .write(target("outbox", &id), sql, &[id.as_bytes()])
        .map(drop)
}

/// The realms in which something may be left.
pub(super) fn list_unswept(conn: &Connection) -> Result<Vec<RealmId>, StoreError> {
    let list = || {
        conn.prepare_cached(
            "SELECT realm FROM subject WHERE deleted_at > 0 AND swept_at IS NULL UNION \
             SELECT realm FROM tenant WHERE deleted_at > 0 AND swept_at IS NULL",
        )?
        .query_map([], |row| row.get(0).map(RealmId))?
        .collect::<rusqlite::Result<Vec<_>>>()
    };
    list().map_err(unavailable)
}

fn sweep(scope: Scope<'_>, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let settled = at.minus(SETTLED).as_micros();
    let mut left = u64::from(limit);
    let subjects: Vec<[u8; 16]> = scope.column(
        TABLE,
        "SELECT id FROM subject WHERE realm = ?1 AND deleted_at > 0 AND swept_at IS NULL \
         ORDER BY id LIMIT ?2",
        &[&BATCH],
    )?;
    for subject in subjects {
        sweep_subject(scope, subject, at, &mut left)?;
        if left == 0 {
            break;
        }
        scope.write(
            target(TABLE, &SubjectId::from_bytes(subject)),
            "UPDATE subject SET swept_at = ?3 WHERE realm = ?1 AND id = ?2 AND deleted_at <= ?4",
            &[&subject, &at.as_micros(), &settled],
        )?;
    }
    let tenants: Vec<String> = scope.column(
        TENANT,
        "SELECT id FROM tenant WHERE realm = ?1 AND deleted_at > 0 AND swept_at IS NULL \
         ORDER BY id LIMIT ?2",
        &[&BATCH],
    )?;
    for tenant in tenants {
        sweep_tenant(scope, &tenant, &mut left)?;
        if left == 0 {
            break;
        }
        scope.write(
            target(TENANT, &tenant),
            "UPDATE tenant SET swept_at = ?3 WHERE realm = ?1 AND id = ?2 AND deleted_at <= ?4",
            &[&tenant, &at.as_micros(), &settled],
        )?;
    }
    let swept = u64::from(limit) - left;
    if swept > 0 {
        mark_swept();
    }
    Ok(swept)
}

fn sweep_subject(
    scope: Scope<'_>,
    subject: [u8; 16],
    at: Timestamp,
    left: &mut u64,
) -> Result<(), StoreError> {
    let id = SubjectId::from_bytes(subject);
    for sql in OF_SUBJECT {
        let limit = i64::try_from(*left).unwrap_or(i64::MAX);
        let gone = scope.write(target(TABLE, &id), sql, &[&subject, &limit])?;
        *left = left.saturating_sub(u64::try_from(gone).unwrap_or(u64::MAX));
    }
    let limit = i64::try_from(*left).unwrap_or(i64::MAX);
    let values: &[&dyn rusqlite::ToSql] = &[&subject, &limit, &at.as_micros()];
    let gone = scope.write(target("api_token", &id), TOKENS, values)?;
    *left = left.saturating_sub(u64::try_from(gone).unwrap_or(u64::MAX));
    Ok(())
}

/// A membership goes with what was granted there; the rows beside it count with it.
fn sweep_tenant(scope: Scope<'_>, tenant: &str, left: &mut u64) -> Result<(), StoreError> {
    let limit = i64::try_from(*left).unwrap_or(i64::MAX);
    let members: Vec<[u8; 16]> = scope.column(
        TENANT,
        "SELECT subject FROM membership WHERE realm = ?1 AND tenant = ?2 ORDER BY id LIMIT ?3",
        &[&tenant, &limit],
    )?;
    for member in members {
        for sql in [
            "DELETE FROM grant_ WHERE realm = ?1 AND subject = ?2 AND tenant = ?3",
            "DELETE FROM membership WHERE realm = ?1 AND subject = ?2 AND tenant = ?3",
        ] {
            scope.write(target(TENANT, &tenant), sql, &[&member, &tenant])?;
        }
        *left = left.saturating_sub(1);
    }
    for sql in [
        "DELETE FROM challenge WHERE realm = ?1 AND tenant = ?2",
        "DELETE FROM client_secret WHERE realm = ?1 AND client IN \
         (SELECT id FROM client WHERE realm = ?1 AND tenant = ?2)",
        "DELETE FROM tenant_role WHERE realm = ?1 AND tenant = ?2",
    ] {
        scope.write(target(TENANT, &tenant), sql, &[&tenant])?;
    }
    Ok(())
}

const fn target<'r>(table: &'static str, row: &'r (dyn std::fmt::Display + Sync)) -> Target<'r> {
    Target {
        table,
        row,
        unique: "the row",
    }
}

#[async_trait]
impl EraseRead for RealmTx<'_> {
    async fn list_deleted_tenants(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<TenantId>, StoreError> {
        let ids: Vec<String> = self.with(|scope| {
            scope.column(
                TENANT,
                "SELECT id FROM tenant WHERE realm = ?1 AND deleted_at > 0 AND deleted_at >= ?2",
                &[&since.as_micros()],
            )
        })?;
        crate::row::tenant::ids(&ids)
    }
}

#[async_trait]
impl EraseWrite for RealmTx<'_> {
    async fn erase_subject(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        self.with(|scope| {
            erase_mail(scope, id)?;
            erase_subject(scope, id, at)
        })
    }

    async fn erase_tenant(&mut self, id: &TenantId, at: Timestamp) -> Result<(), StoreError> {
        self.with(|scope| {
            scope.write_one(
                target(TENANT, id),
                "UPDATE tenant SET deleted_at = ?3, name = NULL \
                 WHERE realm = ?1 AND id = ?2 AND deleted_at IS NULL",
                &[&id.as_str(), &at.as_micros()],
            )
        })
    }

    async fn sweep_erased(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.with(|scope| sweep(scope, at, limit))
    }
}
