//! Challenges.

use super::scope::{Id, Record, Scope, Target, Trouble, start};
use super::tx::{RealmTx, reading, writing};
use crate::row::bounded;
use crate::row::challenge::{ChallengeRow, TABLE, payload};
use async_trait::async_trait;
use doorward_base::{ChallengeId, TenantId, Timestamp};
use doorward_identity::model::Challenge;
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengeRead, ChallengeWrite, ChallengesOf, Page, StoreError,
};
use std::fmt::Display;
use tokio_postgres::{Error, Row};

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

macro_rules! take {
    ($rest:literal) => {
        concat!(
            "DELETE FROM challenge WHERE realm = $1 ",
            $rest,
            " RETURNING ",
            columns!()
        )
    };
}

pub(super) async fn find(
    scope: Scope<'_>,
    key: &ChallengeKey,
) -> Result<Option<Challenge>, Trouble> {
    match key {
        ChallengeKey::Digest(kind, digest) => {
            let sql = select!("AND digest = $2 AND kind = $3");
            let digest = digest.as_bytes().as_slice();
            scope
                .find::<ChallengeRow, _>(sql, &[&digest, &kind.as_str()])
                .await
        }
        ChallengeKey::Id(id) => {
            let sql = select!("AND id = $2");
            scope.find::<ChallengeRow, _>(sql, &[&Id::from(*id)]).await
        }
        ChallengeKey::Slot(kind, slot) => {
            let sql = select!("AND slot = $2 AND kind = $3");
            scope
                .find::<ChallengeRow, _>(sql, &[slot, &kind.as_str()])
                .await
        }
    }
}

pub(super) async fn take(
    scope: Scope<'_>,
    key: &ChallengeKey,
) -> Result<Option<Challenge>, Trouble> {
    match key {
        ChallengeKey::Digest(kind, digest) => {
            let sql = take!("AND digest = $2 AND kind = $3");
            let digest = digest.as_bytes().as_slice();
            scope
                .find::<ChallengeRow, _>(sql, &[&digest, &kind.as_str()])
                .await
        }
        ChallengeKey::Id(id) => {
            let sql = take!("AND id = $2");
            scope.find::<ChallengeRow, _>(sql, &[&Id::from(*id)]).await
        }
        ChallengeKey::Slot(kind, slot) => {
            let sql = take!("AND slot = $2 AND kind = $3");
            scope
                .find::<ChallengeRow, _>(sql, &[slot, &kind.as_str()])
                .await
        }
    }
}

pub(super) async fn list(
    scope: Scope<'_>,
    filter: &ChallengeFilter,
    page: Page<ChallengeId>,
) -> Result<Vec<Challenge>, Trouble> {
    let (kind, now) = (filter.kind.as_str(), filter.now.as_micros());
    let (from, whole) = start(page.after);
    let limit = i64::from(page.limit);
    match &filter.tenants {
        None => {
            let sql = select!(
                "AND kind <> '' AND kind = $2 AND expires_at > $3 \
                 AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6"
            );
            scope
                .list::<ChallengeRow, _>(sql, &[&kind, &now, &from, &whole, &limit])
                .await
        }
        Some(tenants) => {
            let tenants: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
            // Tenant by tenant, so that each has one index to choose.
            let sql = concat!(
                "SELECT ",
                columns!(),
                " FROM (SELECT DISTINCT unnest($7::text[]) AS wanted) AS each \
                 CROSS JOIN LATERAL (SELECT * FROM challenge WHERE realm = $1 \
                 AND tenant = wanted AND kind = $2 AND expires_at > $3 \
                 AND id >= $4 AND ($5 OR id > $4) ORDER BY id LIMIT $6) AS found \
                 ORDER BY id LIMIT $6"
            );
            scope
                .list::<ChallengeRow, _>(sql, &[&kind, &now, &from, &whole, &limit, &tenants])
                .await
        }
    }
}

pub(super) async fn put(scope: Scope<'_>, challenge: &Challenge) -> Result<(), Trouble> {
    let payload = payload(challenge)?;
    scope
        .write_one(
            target(&challenge.id),
            "INSERT INTO challenge (realm, id, kind, digest, slot, subject, address, tenant, \
             made_by, payload, attempts, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (slot, kind, realm) WHERE slot IS NOT NULL DO UPDATE SET \
             id = excluded.id, digest = excluded.digest, subject = excluded.subject, \
             address = excluded.address, tenant = excluded.tenant, \
             made_by = excluded.made_by, payload = excluded.payload, \
             attempts = excluded.attempts, created_at = excluded.created_at, \
             expires_at = excluded.expires_at",
            &[
                &Id::from(challenge.id),
                &challenge.kind.as_str(),
                &challenge.digest.as_bytes().as_slice(),
                &challenge.slot(),
                &challenge.subject.map(Id::from),
                &challenge.address,
                &challenge.tenant.as_ref().map(TenantId::as_str),
                &challenge.made_by.map(Id::from),
                &payload,
                &i64::from(challenge.attempts),
                &challenge.created_at.as_micros(),
                &challenge.expires_at.as_micros(),
            ],
        )
        .await
}

async fn count(scope: Scope<'_>, id: ChallengeId) -> Result<(), Trouble> {
    let sql = "UPDATE challenge SET attempts = attempts + 1 WHERE realm = $1 AND id = $2";
    scope.write_one(target(&id), sql, &[&Id::from(id)]).await
}

/// By one column each, so that each statement has one index to choose.
pub(super) async fn end(scope: Scope<'_>, which: ChallengesOf<'_>) -> Result<u64, Trouble> {
    let target = target(&"those of a group");
    match which {
        ChallengesOf::Subject(subject) => {
            let id = Id::from(subject);
            let sql = "DELETE FROM challenge WHERE realm = $1 AND subject = $2";
            let theirs = scope.write(target, sql, &[&id]).await?;
            let sql = "DELETE FROM challenge WHERE realm = $1 AND made_by = $2";
            Ok(theirs + scope.write(target, sql, &[&id]).await?)
        }
        ChallengesOf::Maker { subject, tenant } => {
            let sql = "DELETE FROM challenge \
                       WHERE realm = $1 AND made_by = $2 AND tenant = $3";
            scope
                .write(target, sql, &[&Id::from(subject), &tenant.as_str()])
                .await
        }
        ChallengesOf::Address { address, tenant } => {
            let sql = "DELETE FROM challenge WHERE realm = $1 AND address = $2 \
                       AND ($3::text IS NULL OR tenant = $3)";
            scope
                .write(target, sql, &[&address, &tenant.map(TenantId::as_str)])
                .await
        }
        ChallengesOf::Tenant(tenant) => {
            let sql = "DELETE FROM challenge WHERE realm = $1 AND tenant = $2";
            scope.write(target, sql, &[&tenant.as_str()]).await
        }
    }
}

async fn prune(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, Trouble> {
    scope
        .write(
            target(&"those that expired"),
            "DELETE FROM challenge WHERE realm = $1 AND id IN (SELECT id FROM challenge \
             WHERE realm = $1 AND realm > 0 AND expires_at < $2 ORDER BY expires_at LIMIT $3)",
            &[&before.as_micros(), &i64::from(limit)],
        )
        .await
}

#[async_trait]
impl ChallengeRead for RealmTx {
    async fn find_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        reading!(self, find(key))
    }

    async fn list_challenges(
        &mut self,
        filter: &ChallengeFilter,
        page: Page<ChallengeId>,
    ) -> Result<Vec<Challenge>, StoreError> {
        reading!(self, list(filter, bounded(page)))
    }
}

#[async_trait]
impl ChallengeWrite for RealmTx {
    async fn put_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError> {
        writing!(self, put(challenge))
    }

    async fn take_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        writing!(self, take(key))
    }

    async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        writing!(self, count(id))
    }

    async fn end_challenges(&mut self, which: ChallengesOf<'_>) -> Result<u64, StoreError> {
        writing!(self, end(which))
    }

    async fn prune_challenges(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        writing!(self, prune(before, limit))
    }
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target {
        table: TABLE,
        row,
        unique: "the challenge's secret",
    }
}

impl Record for ChallengeRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let digest: &[u8] = row.try_get(2)?;
        let subject: Option<Id> = row.try_get(3)?;
        let made_by: Option<Id> = row.try_get(6)?;
        Ok(Self {
            id,
            kind: row.try_get(1)?,
            digest: digest.try_into().ok(),
            subject: subject.map(|Id(id)| id),
            address: row.try_get(4)?,
            tenant: row.try_get(5)?,
            made_by: made_by.map(|Id(id)| id),
            payload: row.try_get(7)?,
            attempts: row.try_get(8)?,
            created_at: row.try_get(9)?,
            expires_at: row.try_get(10)?,
        })
    }
}
