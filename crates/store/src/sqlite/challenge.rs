//! Challenges.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::challenge::{ChallengeRow, TABLE, payload};
use crate::row::{bounded, tenants_json};
use async_trait::async_trait;
use doorward_base::{ChallengeId, SubjectId, TenantId, Timestamp};
use doorward_identity::model::Challenge;
use doorward_identity::port::{
    ChallengeFilter, ChallengeKey, ChallengeRead, ChallengeWrite, ChallengesOf, Page, StoreError,
};
use rusqlite::Row;
use std::fmt::Display;

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
            " FROM challenge WHERE realm = ?1 ",
            $rest
        )
    };
}

macro_rules! take {
    ($rest:literal) => {
        concat!(
            "DELETE FROM challenge WHERE realm = ?1 ",
            $rest,
            " RETURNING ",
            columns!()
        )
    };
}

fn find(scope: Scope<'_>, key: &ChallengeKey) -> Result<Option<Challenge>, StoreError> {
    match key {
        ChallengeKey::Digest(kind, digest) => scope.find::<ChallengeRow, _>(
            select!("AND digest = ?2 AND kind = ?3"),
            &[digest.as_bytes(), &kind.as_str()],
        ),
        ChallengeKey::Id(id) => {
            scope.find::<ChallengeRow, _>(select!("AND id = ?2"), &[id.as_bytes()])
        }
        ChallengeKey::Slot(kind, slot) => scope.find::<ChallengeRow, _>(
            select!("AND slot = ?2 AND kind = ?3"),
            &[slot, &kind.as_str()],
        ),
    }
}

/// By `list`, because a statement that writes must run to its end.
fn take(scope: Scope<'_>, key: &ChallengeKey) -> Result<Option<Challenge>, StoreError> {
    let taken = match key {
        ChallengeKey::Digest(kind, digest) => scope.list::<ChallengeRow, _>(
            take!("AND digest = ?2 AND kind = ?3"),
            &[digest.as_bytes(), &kind.as_str()],
        ),
        ChallengeKey::Id(id) => {
            scope.list::<ChallengeRow, _>(take!("AND id = ?2"), &[id.as_bytes()])
        }
        ChallengeKey::Slot(kind, slot) => scope.list::<ChallengeRow, _>(
            take!("AND slot = ?2 AND kind = ?3"),
            &[slot, &kind.as_str()],
        ),
    };
    taken.map(|mut taken| taken.pop())
}

fn list(
    scope: Scope<'_>,
    filter: &ChallengeFilter,
    page: Page<ChallengeId>,
) -> Result<Vec<Challenge>, StoreError> {
    let (kind, now) = (filter.kind.as_str(), filter.now.as_micros());
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    match &filter.tenants {
        None => scope.list::<ChallengeRow, _>(
            select!("AND kind = ?2 AND expires_at > ?3 AND id > ?4 ORDER BY id LIMIT ?5"),
            &[&kind, &now, &after, &page.limit],
        ),
        Some(tenants) => scope.list::<ChallengeRow, _>(
            select!(
                "AND kind = ?2 AND expires_at > ?3 AND id > ?4 \
                 AND tenant IN (SELECT value FROM json_each(?6)) ORDER BY id LIMIT ?5"
            ),
            &[&kind, &now, &after, &page.limit, &tenants_json(tenants)],
        ),
    }
}

fn put(scope: Scope<'_>, challenge: &Challenge) -> Result<(), StoreError> {
    scope.write_one(
        target(&challenge.id),
        "INSERT INTO challenge (realm, id, kind, digest, slot, subject, address, tenant, \
         made_by, payload, attempts, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT (realm, kind, slot) WHERE slot IS NOT NULL DO UPDATE SET \
         id = excluded.id, digest = excluded.digest, subject = excluded.subject, \
         address = excluded.address, tenant = excluded.tenant, made_by = excluded.made_by, \
         payload = excluded.payload, attempts = excluded.attempts, \
         created_at = excluded.created_at, expires_at = excluded.expires_at",
        &[
            challenge.id.as_bytes(),
            &challenge.kind.as_str(),
            challenge.digest.as_bytes(),
            &challenge.slot(),
            &challenge.subject.as_ref().map(SubjectId::as_bytes),
            &challenge.address,
            &challenge.tenant.as_ref().map(TenantId::as_str),
            &challenge.made_by.as_ref().map(SubjectId::as_bytes),
            &payload(challenge)?,
            &challenge.attempts,
            &challenge.created_at.as_micros(),
            &challenge.expires_at.as_micros(),
        ],
    )
}

fn count_attempt(scope: Scope<'_>, id: ChallengeId) -> Result<(), StoreError> {
    scope.write_one(
        target(&id),
        "UPDATE challenge SET attempts = attempts + 1 WHERE realm = ?1 AND id = ?2",
        &[id.as_bytes()],
    )
}

fn end(scope: Scope<'_>, which: ChallengesOf<'_>) -> Result<u64, StoreError> {
    let target = target(&"those of a group");
    let ended = match which {
        ChallengesOf::Subject(subject) => scope.write(
            target,
            "DELETE FROM challenge WHERE realm = ?1 AND (subject = ?2 OR made_by = ?2)",
            &[subject.as_bytes()],
        ),
        ChallengesOf::Maker { subject, tenant } => scope.write(
            target,
            "DELETE FROM challenge WHERE realm = ?1 AND made_by = ?2 AND tenant = ?3",
            &[subject.as_bytes(), &tenant.as_str()],
        ),
        ChallengesOf::Address { address, tenant } => scope.write(
            target,
            "DELETE FROM challenge WHERE realm = ?1 AND address = ?2 \
             AND (?3 IS NULL OR tenant = ?3)",
            &[&address, &tenant.map(TenantId::as_str)],
        ),
        ChallengesOf::Tenant(tenant) => scope.write(
            target,
            "DELETE FROM challenge WHERE realm = ?1 AND tenant = ?2",
            &[&tenant.as_str()],
        ),
    };
    ended.map(|ended| ended as u64)
}

fn prune(scope: Scope<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    scope
        .write(
            target(&"those that expired"),
            "DELETE FROM challenge WHERE realm = ?1 AND id IN (SELECT id FROM challenge \
             WHERE realm = ?1 AND expires_at < ?2 ORDER BY expires_at LIMIT ?3)",
            &[&before.as_micros(), &limit],
        )
        .map(|pruned| pruned as u64)
}

#[async_trait]
impl ChallengeRead for RealmTx<'_> {
    async fn find_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        self.with(|scope| find(scope, key))
    }

    async fn list_challenges(
        &mut self,
        filter: &ChallengeFilter,
        page: Page<ChallengeId>,
    ) -> Result<Vec<Challenge>, StoreError> {
        self.with(|scope| list(scope, filter, bounded(page)))
    }
}

#[async_trait]
impl ChallengeWrite for RealmTx<'_> {
    async fn put_challenge(&mut self, challenge: &Challenge) -> Result<(), StoreError> {
        self.with(|scope| put(scope, challenge))
    }

    async fn take_challenge(
        &mut self,
        key: &ChallengeKey,
    ) -> Result<Option<Challenge>, StoreError> {
        self.with(|scope| take(scope, key))
    }

    async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        self.with(|scope| count_attempt(scope, id))
    }

    async fn end_challenges(&mut self, which: ChallengesOf<'_>) -> Result<u64, StoreError> {
        self.with(|scope| end(scope, which))
    }

    async fn prune_challenges(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.with(|scope| prune(scope, before, limit))
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

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            digest: Some(row.get(2)?),
            subject: row.get(3)?,
            address: row.get(4)?,
            tenant: row.get(5)?,
            made_by: row.get(6)?,
            payload: row.get(7)?,
            attempts: row.get(8)?,
            created_at: row.get(9)?,
            expires_at: row.get(10)?,
        })
    }
}
