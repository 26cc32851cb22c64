//! Deleting subjects and tenants, and the sweep of what they left.

use super::subject::{PASSWORD, TABLE};
use super::tenant::TENANT;
use crate::engine::{Engine, InRealm, either};
use crate::row::{Target, Value, values};
use async_trait::async_trait;
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_identity::port::{EraseRead, EraseWrite, StoreError};
use std::fmt::Display;
use std::time::Duration;

/// How long after a deletion the sweep looks again: longer than any request that was under
/// way may take to write something down.
const SETTLED: Duration = Duration::from_secs(300);
/// How many deleted subjects or tenants one piece of the sweep looks at.
const BATCH: u32 = 100;

/// The realms in which something may be left.
pub(crate) const UNSWEPT: &str = "SELECT realm FROM subject WHERE deleted_at > 0 AND swept_at IS NULL UNION \
     SELECT realm FROM tenant WHERE deleted_at > 0 AND swept_at IS NULL UNION \
     SELECT realm FROM ending";

/// Takes rows of one subject away, `$2`, at most `$3`. Of the log, the addresses where it
/// asked itself; those of others who did something to it are theirs, and it does not take
/// them away by its end.
const OF_SUBJECT: [&str; 9] = [
    "DELETE FROM challenge WHERE realm = $1 AND id IN \
     (SELECT id FROM challenge WHERE realm = $1 AND subject = $2 LIMIT $3)",
    "DELETE FROM challenge WHERE realm = $1 AND id IN \
     (SELECT id FROM challenge WHERE realm = $1 AND made_by = $2 LIMIT $3)",
    "DELETE FROM factor WHERE realm = $1 AND id IN \
     (SELECT id FROM factor WHERE realm = $1 AND subject = $2 LIMIT $3)",
    "DELETE FROM outbox WHERE realm = $1 AND id IN \
     (SELECT id FROM outbox WHERE realm = $1 AND subject = $2 LIMIT $3)",
    "DELETE FROM identity WHERE realm = $1 AND id IN \
     (SELECT id FROM identity WHERE realm = $1 AND subject = $2 LIMIT $3)",
    "DELETE FROM session WHERE realm = $1 AND id IN \
     (SELECT id FROM session WHERE realm = $1 AND subject = $2 AND aal <> '' LIMIT $3)",
    "DELETE FROM membership WHERE realm = $1 AND id IN \
     (SELECT id FROM membership WHERE realm = $1 AND subject = $2 LIMIT $3)",
    "UPDATE audit SET peer = NULL WHERE realm = $1 AND seq IN \
     (SELECT seq FROM audit WHERE realm = $1 AND subject = $2 AND peer IS NOT NULL \
      AND (actor = 'anonymous' OR actor_subject = $2) LIMIT $3)",
    "UPDATE audit SET peer = NULL WHERE realm = $1 AND seq IN \
     (SELECT seq FROM audit WHERE realm = $1 AND actor_subject = $2 \
      AND subject IS DISTINCT FROM actor_subject AND peer IS NOT NULL LIMIT $3)",
];

/// Tokens stay, so that the audit log can name them.
const TOKENS: &str = "UPDATE api_token SET name = NULL, last_used_from = NULL, state = 'revoked', \
     state_at = CASE state WHEN 'revoked' THEN state_at ELSE $4 END \
     WHERE realm = $1 AND id IN \
     (SELECT id FROM api_token WHERE realm = $1 AND owner = $2 AND kind <> '' \
      AND (name IS NOT NULL OR last_used_from IS NOT NULL OR state <> 'revoked') LIMIT $3)";

/// What goes with a subject at once: mail to its address, whoever caused it, and what waits
/// for its addresses, which waits for nobody now. Only addresses that are proven: others
/// somebody else may have, and what waits for that one is not the subject's to end.
const AT_ONCE: [&str; 3] = [
    "DELETE FROM outbox WHERE realm = $1 AND recipient = (SELECT email FROM subject \
     WHERE realm = $1 AND id = $2 AND email_proven_at IS NOT NULL)",
    "DELETE FROM challenge WHERE realm = $1 AND address = (SELECT email FROM subject \
     WHERE realm = $1 AND id = $2 AND email_proven_at IS NOT NULL)",
    "DELETE FROM challenge WHERE realm = $1 AND address = (SELECT phone FROM subject \
     WHERE realm = $1 AND id = $2 AND phone_proven_at IS NOT NULL)",
];

fn target<'r>(table: &'static str, row: &'r (dyn Display + Sync)) -> Target<'r> {
    Target::new(table, row, "the row")
}

impl<E: Engine> InRealm<E> {
    /// Writes with the statement, and counts what it touched.
    async fn sweep(
        &mut self,
        target: Target<'_>,
        sql: &str,
        values: &[Value<'_>],
        left: &mut u32,
    ) -> Result<(), StoreError> {
        let gone = self.0.write(target, sql, values).await?;
        *left = left.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
        Ok(())
    }

    async fn sweep_left_of_subject(
        &mut self,
        id: SubjectId,
        at: Timestamp,
        left: &mut u32,
    ) -> Result<(), StoreError> {
        let grants = either!(
            E,
            sqlite: "DELETE FROM grant_ WHERE realm = $1 AND rowid IN \
                 (SELECT rowid FROM grant_ WHERE realm = $1 AND subject = $2 LIMIT $3)",
            postgres: "DELETE FROM grant_ WHERE ctid = ANY (ARRAY \
                 (SELECT ctid FROM grant_ WHERE realm = $1 AND subject = $2 LIMIT $3))",
        );
        for sql in OF_SUBJECT.into_iter().chain([grants]) {
            let values = values![id, *left];
            self.sweep(target(TABLE, &id), sql, values, left).await?;
        }
        let values = values![id, *left, at];
        self.sweep(target("api_token", &id), TOKENS, values, left)
            .await
    }

    /// A membership goes with what was granted there, and with the sessions there; the rows
    /// beside it count with it.
    async fn sweep_left_of_tenant(
        &mut self,
        id: &TenantId,
        at: Timestamp,
        left: &mut u32,
    ) -> Result<(), StoreError> {
        let sql = "SELECT subject FROM membership \
             WHERE realm = $1 AND realm > 0 AND tenant = $2 ORDER BY id LIMIT $3";
        let values = values![id, *left];
        let members: Vec<SubjectId> = self
            .0
            .rows(TENANT, sql, values, |row| row.id("subject"))
            .await?;
        for member in members {
            let sql = "UPDATE session SET ended_at = $4 \
                 WHERE realm = $1 AND subject = $2 AND tenant = $3 AND ended_at IS NULL";
            let values = values![member, id, at];
            self.0.write(target("session", id), sql, values).await?;
            for sql in [
                "DELETE FROM grant_ WHERE realm = $1 AND subject = $2 AND tenant = $3",
                "DELETE FROM membership WHERE realm = $1 AND subject = $2 AND tenant = $3",
            ] {
                let values = values![member, id];
                self.0.write(target(TENANT, id), sql, values).await?;
            }
            *left = left.saturating_sub(1);
        }
        for sql in [
            "DELETE FROM challenge WHERE realm = $1 AND tenant = $2",
            "DELETE FROM client_secret WHERE realm = $1 AND client IN \
             (SELECT id FROM client WHERE realm = $1 AND tenant = $2)",
            "DELETE FROM tenant_role WHERE realm = $1 AND tenant = $2",
            "DELETE FROM tenant_limit WHERE realm = $1 AND tenant = $2",
            "DELETE FROM webhook WHERE realm = $1 AND tenant = $2",
        ] {
            self.0.write(target(TENANT, id), sql, values![id]).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl<E: Engine> EraseRead for InRealm<E> {
    async fn list_deleted_tenants(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<TenantId>, StoreError> {
        let sql = "SELECT id FROM tenant \
                   WHERE realm = $1 AND deleted_at > 0 AND deleted_at >= $2";
        let values = values![since];
        self.0
            .rows(TENANT, sql, values, |row| row.parse("id"))
            .await
    }
}

#[async_trait]
impl<E: Engine> EraseWrite for InRealm<E> {
    async fn erase_subject(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        for sql in AT_ONCE {
            self.0
                .write(target("challenge", &id), sql, values![id])
                .await?;
        }
        let sql = "UPDATE subject SET deleted_at = $3, email = NULL, email_confirmed_at = NULL, \
             email_proven_at = NULL, email_shown_at = NULL, home = NULL, phone = NULL, \
             phone_confirmed_at = NULL, phone_proven_at = NULL, issuer = NULL, sub = NULL, name = NULL, \
             disabled_at = NULL, banned_until = NULL, last_sign_in_at = NULL, \
             user_metadata = '{}', app_metadata = '{}' \
             WHERE realm = $1 AND id = $2 AND deleted_at IS NULL";
        self.0
            .change(target(TABLE, &id), sql, values![id, at])
            .await?;
        let sql = "DELETE FROM password WHERE realm = $1 AND subject = $2";
        self.0
            .write(target(PASSWORD, &id), sql, values![id])
            .await?;
        E::note_erasure();
        Ok(())
    }

    async fn erase_tenant(&mut self, id: &TenantId, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE tenant SET deleted_at = $3, name = NULL \
                   WHERE realm = $1 AND id = $2 AND deleted_at IS NULL";
        self.0
            .change(target(TENANT, id), sql, values![id, at])
            .await
    }

    async fn sweep_erased(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let (settled, mut left) = (at.minus(SETTLED), limit);
        let sql = "SELECT id FROM subject WHERE realm = $1 AND deleted_at > 0 \
                   AND swept_at IS NULL ORDER BY id LIMIT $2";
        let subjects: Vec<SubjectId> = self
            .0
            .rows(TABLE, sql, values![BATCH], |row| row.id("id"))
            .await?;
        for id in subjects {
            self.sweep_left_of_subject(id, at, &mut left).await?;
            if left == 0 {
                break;
            }
            let sql = "UPDATE subject SET swept_at = $3 \
                       WHERE realm = $1 AND id = $2 AND deleted_at <= $4";
            let values = values![id, at, settled];
            self.0.write(target(TABLE, &id), sql, values).await?;
        }
        let sql = "SELECT id FROM tenant WHERE realm = $1 AND deleted_at > 0 \
                   AND swept_at IS NULL ORDER BY id LIMIT $2";
        let tenants: Vec<TenantId> = self
            .0
            .rows(TENANT, sql, values![BATCH], |row| row.parse("id"))
            .await?;
        for id in &tenants {
            self.sweep_left_of_tenant(id, at, &mut left).await?;
            if left == 0 {
                break;
            }
            let sql = "UPDATE tenant SET swept_at = $3 \
                       WHERE realm = $1 AND id = $2 AND deleted_at <= $4";
            let values = values![id, at, settled];
            self.0.write(target(TENANT, id), sql, values).await?;
        }
        Ok(noted::<E>(limit, left))
    }

    async fn sweep_subject(
        &mut self,
        id: SubjectId,
        at: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut left = limit;
        self.sweep_left_of_subject(id, at, &mut left).await?;
        Ok(noted::<E>(limit, left))
    }

    async fn sweep_tenant(
        &mut self,
        id: &TenantId,
        at: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut left = limit;
        self.sweep_left_of_tenant(id, at, &mut left).await?;
        Ok(noted::<E>(limit, left))
    }
}

/// How many rows went, which the engine is told of.
fn noted<E: Engine>(limit: u32, left: u32) -> u64 {
    if left < limit {
        E::note_erasure();
    }
    u64::from(limit - left)
}
