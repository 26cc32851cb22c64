//! What ended the API tokens of an owner together: one row for all of them, until a job has
//! written it into each. Whoever reads a token asks [`ended_at`]. Not here: the tokens.

use crate::engine::{Engine, found_by};
use crate::row::{Cursor, Record, Target, values};
use doorward_base::{SubjectId, TenantId, Timestamp};
use doorward_identity::port::StoreError;

struct Ending {
    number: i64,
    subject: SubjectId,
    /// Only those bound to it; without one, all.
    tenant: Option<TenantId>,
    at: Timestamp,
}

/// The most of them that are looked at in one go.
const ENDINGS: u32 = 16;

impl Record for Ending {
    const TABLE: &'static str = "ending";

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.int("number")?,
            subject: row.id("subject")?,
            tenant: row.opt_parse("tenant")?,
            at: row.time("at")?,
        })
    }
}

fn target(owner: &SubjectId) -> Target<'_> {
    Target::new(Ending::TABLE, owner, "the ending")
}

/// When a token ended together with others of its owner, if it did. `$token` is what the
/// statement calls the token's table.
macro_rules! ended_at {
    ($token:literal) => {
        concat!(
            "(SELECT min(at) FROM ending WHERE ending.realm = ",
            $token,
            ".realm AND ending.subject = ",
            $token,
            ".owner AND (ending.tenant IS NULL OR ending.tenant = ",
            $token,
            ".tenant) AND ending.number > ",
            $token,
            ".after_ending)"
        )
    };
}

pub(crate) use ended_at;

/// Ends every token of an owner (bound to the tenant, if one is given) that there is now.
pub(super) async fn end<E: Engine>(
    engine: &mut E,
    owner: SubjectId,
    tenant: Option<&TenantId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let target = target(&owner);
    // Another one stands for it, with the next number.
    let sql = "DELETE FROM ending WHERE realm = $1 AND subject = $2 \
                   AND coalesce(tenant, '') = coalesce(CAST($3 AS text), '')";
    engine.write(target, sql, values![owner, tenant]).await?;
    let sql = match tenant {
        Some(_) => {
            "INSERT INTO ending (realm, subject, tenant, at) \
                 SELECT realm, owner, tenant, CAST($4 AS bigint) FROM api_token \
                 WHERE realm = $1 AND owner = $2 AND tenant = $3 \
                 AND state <> 'revoked' AND realm > 0 LIMIT 1"
        }
        None => {
            "INSERT INTO ending (realm, subject, tenant, at) \
                 SELECT realm, owner, CAST($3 AS text), CAST($4 AS bigint) FROM api_token \
                 WHERE realm = $1 AND owner = $2 \
                 AND state <> 'revoked' AND realm > 0 LIMIT 1"
        }
    };
    let values = values![owner, tenant, at];
    engine.write(target, sql, values).await.map(drop)
}

/// Writes into at most `limit` tokens that they ended, and forgets the endings that are
/// written into all of theirs; how many tokens it wrote.
pub(super) async fn settle<E: Engine>(engine: &mut E, limit: u32) -> Result<u64, StoreError> {
    let sql = "SELECT number, subject, tenant, at FROM ending \
                   WHERE realm = $1 AND realm > 0 ORDER BY number LIMIT $2";
    let endings: Vec<Ending> = engine.list(sql, values![ENDINGS]).await?;
    let mut left = limit;
    for Ending {
        number,
        subject,
        tenant,
        at,
    } in endings
    {
        let sql = match &tenant {
            Some(_) => found_by!(
                E,
                "UPDATE api_token SET state = 'revoked', state_at = $5 WHERE realm = $1 AND",
                "id",
                "SELECT id FROM api_token WHERE realm = $1 AND owner = $2 AND tenant = $3 \
                     AND state <> 'revoked' AND realm > 0 AND after_ending < $4 LIMIT $6"
            ),
            None => found_by!(
                E,
                "UPDATE api_token SET state = 'revoked', state_at = $5 WHERE realm = $1 AND",
                "id",
                "SELECT id FROM api_token WHERE realm = $1 AND owner = $2 \
                     AND CAST($3 AS text) IS NULL AND state <> 'revoked' AND realm > 0 \
                     AND after_ending < $4 LIMIT $6"
            ),
        };
        let values = values![subject, tenant.as_ref(), number, at, left];
        let written = engine.write(target(&subject), sql, values).await?;
        left = left.saturating_sub(u32::try_from(written).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        let sql = "DELETE FROM ending WHERE realm = $1 AND number = $2";
        engine.write(target(&subject), sql, values![number]).await?;
    }
    Ok(u64::from(limit - left))
}
