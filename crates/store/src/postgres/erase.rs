//! Deleting subjects and tenants, and the sweep of what they left.

use super::scope::{Id, Scope, Target, Trouble, failed};
use super::tx::{RealmTx, reading, writing};
use crate::row::erase::{BATCH, SETTLED};
use crate::row::subject::{PASSWORD, TABLE};
use crate::row::tenant::{TENANT, ids};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::{RealmId, SubjectId, TenantId, Timestamp};
use doorward_identity::port::{EraseRead, EraseWrite, StoreError};
use std::fmt::Display;

/// Takes rows of one subject away, `$2`, at most `$3`.
const OF_SUBJECT: [&str; 10] = [
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
    "DELETE FROM grant_ WHERE ctid = ANY (ARRAY \
     (SELECT ctid FROM grant_ WHERE realm = $1 AND subject = $2 LIMIT $3))",
    "UPDATE audit SET peer = NULL WHERE realm = $1 AND seq IN \
     (SELECT seq FROM audit WHERE realm = $1 AND subject = $2 AND peer IS NOT NULL LIMIT $3)",
    "UPDATE audit SET peer = NULL WHERE realm = $1 AND seq IN \
     (SELECT seq FROM audit WHERE realm = $1 AND actor_subject = $2 \
      AND subject IS DISTINCT FROM actor_subject AND peer IS NOT NULL LIMIT $3)",
];

/// Tokens stay, so that the audit log can name them.
const TOKENS: &str = "UPDATE api_token SET name = NULL, state = 'revoked', \
     state_at = CASE state WHEN 'revoked' THEN state_at ELSE $4 END \
     WHERE realm = $1 AND id IN \
     (SELECT id FROM api_token WHERE realm = $1 AND owner = $2 AND kind <> '' \
      AND (name IS NOT NULL OR state <> 'revoked') LIMIT $3)";

/// Mail to its address, whoever caused it.
async fn erase_mail(scope: Scope<'_>, id: SubjectId) -> Result<(), Trouble> {
    let sql = "DELETE FROM outbox WHERE realm = $1 AND recipient = \
               (SELECT email FROM subject WHERE realm = $1 AND id = $2)";
    scope
        .write(target("outbox", &id), sql, &[&Id::from(id)])
        .await
        .map(drop)
}

/// The realms in which something may be left.
pub(super) async fn list_unswept(conn: &ClientWrapper) -> Result<Vec<RealmId>, Trouble> {
    let rows = conn
        .query(
            "SELECT realm FROM subject WHERE deleted_at > 0 AND swept_at IS NULL UNION \
             SELECT realm FROM tenant WHERE deleted_at > 0 AND swept_at IS NULL",
            &[],
        )
        .await;
    rows.and_then(|rows| rows.iter().map(|row| row.try_get(0).map(RealmId)).collect())
        .map_err(|error| failed(TABLE, &error))
}

pub(super) async fn list_deleted_tenants(
    scope: Scope<'_>,
    since: Timestamp,
) -> Result<Vec<TenantId>, Trouble> {
    let found: Vec<String> = scope
        .column(
            TENANT,
            "SELECT id FROM tenant WHERE realm = $1 AND deleted_at > 0 AND deleted_at >= $2",
            &[&since.as_micros()],
        )
        .await?;
    Ok(ids(&found)?)
}

pub(super) async fn erase_subject(
    scope: Scope<'_>,
    id: SubjectId,
    at: Timestamp,
) -> Result<(), Trouble> {
    // What waits for its addresses waits for nobody now.
    for sql in [
        "DELETE FROM challenge WHERE realm = $1 AND address = \
         (SELECT email FROM subject WHERE realm = $1 AND id = $2)",
        "DELETE FROM challenge WHERE realm = $1 AND address = \
         (SELECT phone FROM subject WHERE realm = $1 AND id = $2)",
    ] {
        scope
            .write(target("challenge", &id), sql, &[&Id::from(id)])
            .await?;
    }
    scope
        .write_one(
            target(TABLE, &id),
            "UPDATE subject SET deleted_at = $3, email = NULL, email_confirmed_at = NULL, \
             email_proven_at = NULL, phone = NULL, phone_confirmed_at = NULL, \
             phone_proven_at = NULL, issuer = NULL, sub = NULL, name = NULL, \
             disabled_at = NULL, banned_until = NULL, last_sign_in_at = NULL, \
             user_metadata = '{}', app_metadata = '{}' \
             WHERE realm = $1 AND id = $2 AND deleted_at IS NULL",
            &[&Id::from(id), &at.as_micros()],
        )
        .await?;
    scope
        .write(
            target(PASSWORD, &id),
            "DELETE FROM password WHERE realm = $1 AND subject = $2",
            &[&Id::from(id)],
        )
        .await?;
    Ok(())
}

pub(super) async fn erase_tenant(
    scope: Scope<'_>,
    id: &TenantId,
    at: Timestamp,
) -> Result<(), Trouble> {
    scope
        .write_one(
            target(TENANT, id),
            "UPDATE tenant SET deleted_at = $3, name = NULL \
             WHERE realm = $1 AND id = $2 AND deleted_at IS NULL",
            &[&id.as_str(), &at.as_micros()],
        )
        .await
}

pub(super) async fn sweep(scope: Scope<'_>, at: Timestamp, limit: u32) -> Result<u64, Trouble> {
    let settled = at.minus(SETTLED).as_micros();
    let mut left = i64::from(limit);
    let subjects: Vec<Id> = scope
        .column(
            TABLE,
            "SELECT id FROM subject WHERE realm = $1 AND deleted_at > 0 AND swept_at IS NULL \
             ORDER BY id LIMIT $2",
            &[&i64::from(BATCH)],
        )
        .await?;
    for subject in subjects {
        sweep_subject(scope, &subject, at, &mut left).await?;
        if left <= 0 {
            break;
        }
        scope
            .write(
                target(TABLE, &SubjectId::from_bytes(subject.0)),
                "UPDATE subject SET swept_at = $3 \
                 WHERE realm = $1 AND id = $2 AND deleted_at <= $4",
                &[&subject, &at.as_micros(), &settled],
            )
            .await?;
    }
    let tenants: Vec<String> = scope
        .column(
            TENANT,
            "SELECT id FROM tenant WHERE realm = $1 AND deleted_at > 0 AND swept_at IS NULL \
             ORDER BY id LIMIT $2",
            &[&i64::from(BATCH)],
        )
        .await?;
    for tenant in tenants {
        sweep_tenant(scope, &tenant, &mut left).await?;
        if left <= 0 {
            break;
        }
        scope
            .write(
                target(TENANT, &tenant),
                "UPDATE tenant SET swept_at = $3 \
                 WHERE realm = $1 AND id = $2 AND deleted_at <= $4",
                &[&tenant, &at.as_micros(), &settled],
            )
            .await?;
    }
    Ok(u64::try_from(i64::from(limit) - left).unwrap_or(0))
}

async fn sweep_subject(
    scope: Scope<'_>,
    subject: &Id,
    at: Timestamp,
    left: &mut i64,
) -> Result<(), Trouble> {
    let id = SubjectId::from_bytes(subject.0);
    for sql in OF_SUBJECT {
        let gone = scope
            .write(target(TABLE, &id), sql, &[subject, left])
            .await?;
        *left -= i64::try_from(gone).unwrap_or(i64::MAX);
    }
    let now = at.as_micros();
    let gone = scope
        .write(target("api_token", &id), TOKENS, &[subject, left, &now])
        .await?;
    *left -= i64::try_from(gone).unwrap_or(i64::MAX);
    Ok(())
}

/// A membership goes with what was granted there; the rows beside it count with it.
async fn sweep_tenant(scope: Scope<'_>, tenant: &str, left: &mut i64) -> Result<(), Trouble> {
    let members: Vec<Id> = scope
        .column(
            TENANT,
            "SELECT subject FROM membership WHERE realm = $1 AND realm > 0 AND tenant = $2 \
             ORDER BY id LIMIT $3",
            &[&tenant, left],
        )
        .await?;
    for member in members {
        for sql in [
            "DELETE FROM grant_ WHERE realm = $1 AND subject = $2 AND tenant = $3",
            "DELETE FROM membership WHERE realm = $1 AND subject = $2 AND tenant = $3",
        ] {
            scope
                .write(target(TENANT, &tenant), sql, &[&member, &tenant])
                .await?;
        }
        *left -= 1;
    }
    for sql in [
        "DELETE FROM challenge WHERE realm = $1 AND tenant = $2",
        "DELETE FROM client_secret WHERE realm = $1 AND client IN \
         (SELECT id FROM client WHERE realm = $1 AND tenant = $2)",
        "DELETE FROM tenant_role WHERE realm = $1 AND tenant = $2",
    ] {
        scope
            .write(target(TENANT, &tenant), sql, &[&tenant])
            .await?;
    }
    Ok(())
}

const fn target<'r>(table: &'static str, row: &'r (dyn Display + Sync)) -> Target<'r> {
    Target {
        table,
        row,
        unique: "the row",
    }
}

#[async_trait]
impl EraseRead for RealmTx {
    async fn list_deleted_tenants(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<TenantId>, StoreError> {
        reading!(self, list_deleted_tenants(since))
    }
}

#[async_trait]
impl EraseWrite for RealmTx {
    async fn erase_subject(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        writing!(self, erase_mail(id))?;
        writing!(self, erase_subject(id, at))
    }

    async fn erase_tenant(&mut self, id: &TenantId, at: Timestamp) -> Result<(), StoreError> {
        writing!(self, erase_tenant(id, at))
    }

    async fn sweep_erased(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        writing!(self, sweep(at, limit))
    }
}
