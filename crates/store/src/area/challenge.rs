//! Challenges.

use crate::engine::{Engine, InRealm, either};
use crate::row::{Cursor, Record, Target, Value, json, page, values};
use async_trait::async_trait;
use doorward_base::{ChallengeId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::Challenge;
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengeRead, ChallengeWrite, ChallengesIn, ChallengesOf, Page,
    StoreError,
};
use std::fmt::Display;

const TABLE: &str = "challenge";

impl Record for Challenge {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            kind: row.parse("kind")?,
            digest: row.digest("digest")?,
            subject: row.opt_id("subject")?,
            address: row.opt_string("address")?,
            tenant: row.opt_parse("tenant")?,
            made_by: row.opt_id("made_by")?,
            payload: row.json("payload")?,
            attempts: read_attempts(row)?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}

fn read_attempts(row: &mut Cursor<'_>) -> Result<u16, StoreError> {
    let attempts = u16::try_from(row.int("attempts")?);
    attempts.map_err(|problem| row.bad("attempts", problem))
}

/// The columns as they are read, with the slot after the digest.
fn values(challenge: &Challenge) -> Result<[Value<'_>; 12], StoreError> {
    Ok([
        challenge.id.into(),
        challenge.kind.as_str().into(),
        (&challenge.digest).into(),
        challenge.slot().into(),
        challenge.subject.into(),
        challenge.address.as_ref().into(),
        challenge.tenant.as_ref().into(),
        challenge.made_by.into(),
        json(&challenge.payload)?.into(),
        u32::from(challenge.attempts).into(),
        challenge.created_at.into(),
        challenge.expires_at.into(),
    ])
}

macro_rules! columns {
    () => {
        "id, kind, digest, subject, address, tenant, made_by, payload, attempts, created_at, \
         expires_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM challenge WHERE realm = $1 ",
            $rest
        )
    };
}

/// A statement about the challenge of a key, and what it binds.
macro_rules! by_key {
    ($key:expr, $head:expr, $tail:expr) => {
        match $key {
            ChallengeKey::Digest(kind, digest) => (
                concat!(
                    $head,
                    " FROM challenge WHERE realm = $1 AND digest = $2 AND kind = $3",
                    $tail
                ),
                values![digest, kind.as_str()].to_vec(),
            ),
            ChallengeKey::Id(id) => (
                concat!($head, " FROM challenge WHERE realm = $1 AND id = $2", $tail),
                values![*id].to_vec(),
            ),
            ChallengeKey::Slot(kind, slot) => (
                concat!(
                    $head,
                    " FROM challenge WHERE realm = $1 AND slot = $2 AND kind = $3",
                    $tail
                ),
                values![slot, kind.as_str()].to_vec(),
            ),
        }
    };
}

/// Counts what somebody made about a tenant.
pub(crate) const COUNT_OF: &str = "SELECT count(*) FROM (SELECT id FROM challenge \
     WHERE realm = $1 AND made_by = $2 AND coalesce(tenant, '') = $3 LIMIT $4) AS theirs";

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the challenge's secret")
}

#[async_trait]
impl<E: Engine> ChallengeRead for InRealm<E> {
    async fn find_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        let (sql, values) = by_key!(key, concat!("SELECT ", columns!()), "");
        self.0.find(sql, &values).await
    }

    async fn count_challenges_of(
        &mut self,
        maker: SubjectId,
        tenant: &TenantId,
        most: u32,
    ) -> Result<u32, StoreError> {
        let values = values![maker, tenant, most];
        let counted = self.0.rows(TABLE, COUNT_OF, values, |row| row.int("count"));
        let count = counted.await?.first().copied().unwrap_or(0);
        Ok(u32::try_from(count).unwrap_or(most).min(most))
    }

    async fn list_challenges(
        &mut self,
        filter: &ChallengeFilter,
        asked: Page<ChallengeId>,
    ) -> Result<Vec<Challenge>, StoreError> {
        let (kind, [from, whole, limit]) = (filter.kind.as_str(), page(asked));
        let tenants = match &filter.within {
            ChallengesIn::Tenants(tenants) => tenants.as_slice(),
            ChallengesIn::Realm => {
                let sql = select!(
                    "AND kind <> '' AND kind = $2 AND expires_at > $3 \
                     AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
                );
                let values = values![kind, filter.now, from, whole, limit];
                return self.0.list(sql, values).await;
            }
            ChallengesIn::Address(address) => {
                // An address has few, which are found by it and not by their order.
                let sql = concat!(
                    "WITH own AS MATERIALIZED (SELECT * FROM challenge \
                     WHERE realm = $1 AND address = $7) SELECT ",
                    columns!(),
                    " FROM own WHERE kind = $2 AND expires_at > $3 \
                     AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
                );
                let values = values![kind, filter.now, from, whole, limit, address];
                return self.0.list(sql, values).await;
            }
        };
        let sql = either!(
            E,
            sqlite: select!(
                "AND kind = $2 AND expires_at > $3 AND id >= $4 AND ($5 OR id > $4) \
                 AND tenant IN (SELECT value FROM json_each($7)) ORDER BY id LIMIT $6"
            ),
            // Tenant by tenant, so that each has one index to choose.
            postgres: concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT DISTINCT unnest($7::text[]) AS wanted) AS each \
                 CROSS JOIN LATERAL (SELECT * FROM challenge WHERE realm = $1 \
                 AND tenant = wanted AND kind = $2 AND expires_at > $3 \
                 AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6) AS found \
                 ORDER BY id LIMIT $6"
            ),
        );
        let values = values![kind, filter.now, from, whole, limit, tenants];
        self.0.list(sql, values).await
    }
}

#[async_trait]
impl<E: Engine> ChallengeWrite for InRealm<E> {
    async fn put_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError> {
        let sql = "INSERT INTO challenge (realm, id, kind, digest, slot, subject, address, tenant, \
             made_by, payload, attempts, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (slot, kind, realm) WHERE slot IS NOT NULL DO UPDATE SET \
             id = excluded.id, digest = excluded.digest, subject = excluded.subject, \
             address = excluded.address, tenant = excluded.tenant, \
             made_by = excluded.made_by, payload = excluded.payload, \
             attempts = excluded.attempts, created_at = excluded.created_at, \
             expires_at = excluded.expires_at";
        self.0
            .change(target(&challenge.id), sql, &values(challenge)?)
            .await
    }

    async fn take_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        let (sql, values) = by_key!(key, "DELETE", concat!(" RETURNING ", columns!()));
        let target = target(&"one that is taken");
        let mut taken = self
            .0
            .returned(target, sql, &values, Challenge::whole)
            .await?;
        Ok(taken.pop())
    }

    async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        let sql = "UPDATE challenge SET attempts = attempts + 1 WHERE realm = $1 AND id = $2";
        self.0.change(target(&id), sql, values![id]).await
    }

    /// By one column each, so that each statement has one index to choose.
    async fn end_challenges(&mut self, which: ChallengesOf<'_>) -> Result<u64, StoreError> {
        let target = target(&"those of a group");
        match which {
            ChallengesOf::Subject(subject) => {
                let sql = "DELETE FROM challenge WHERE realm = $1 AND subject = $2";
                let theirs = self.0.write(target, sql, values![subject]).await?;
                let sql = "DELETE FROM challenge WHERE realm = $1 AND made_by = $2";
                Ok(theirs + self.0.write(target, sql, values![subject]).await?)
            }
            ChallengesOf::Maker { subject, tenant } => {
                let sql = "DELETE FROM challenge \
                           WHERE realm = $1 AND made_by = $2 AND coalesce(tenant, '') = $3";
                self.0.write(target, sql, values![subject, tenant]).await
            }
            ChallengesOf::Address { address, tenant } => {
                let sql = "DELETE FROM challenge WHERE realm = $1 AND address = $2 \
                           AND (CAST($3 AS text) IS NULL OR tenant = $3)";
                self.0.write(target, sql, values![address, tenant]).await
            }
            ChallengesOf::Tenant(tenant) => {
                let sql = "DELETE FROM challenge WHERE realm = $1 AND tenant = $2";
                self.0.write(target, sql, values![tenant]).await
            }
        }
    }

    async fn prune_challenges(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM challenge WHERE realm = $1 AND id IN (SELECT id FROM challenge \
             WHERE realm = $1 AND realm > 0 AND expires_at < $2 ORDER BY expires_at LIMIT $3)";
        let target = target(&"those that expired");
        self.0.write(target, sql, values![before, limit]).await
    }
}
