//! Second factors.

use super::scope::{Id, Record, Scope, Target, Trouble};
use super::tx::{RealmTx, reading, writing};
use crate::row::factor::{FactorRow, TABLE, data, verified_at};
use async_trait::async_trait;
use doorward_base::{FactorId, SubjectId, Timestamp};
use doorward_identity::model::Factor;
use doorward_identity::port::{FactorRead, FactorWrite, StoreError};
use std::fmt::Display;
use tokio_postgres::{Error, Row};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, kind, verified_at, name, sealed, data, counter, created_at, \
             last_used_at FROM factor WHERE realm = $1 ",
            $rest
        )
    };
}

pub(super) async fn find(
    scope: Scope<'_>,
    subject: SubjectId,
    id: FactorId,
) -> Result<Option<Factor>, Trouble> {
    // By the id alone, so that there is one index to choose.
    let found: Option<Factor> = scope
        .find::<FactorRow, _>(select!("AND id = $2"), &[&Id::from(id)])
        .await?;
    Ok(found.filter(|factor| factor.subject == subject))
}

pub(super) async fn list(scope: Scope<'_>, subject: SubjectId) -> Result<Vec<Factor>, Trouble> {
    let sql = select!("AND subject = $2 ORDER BY created_at, id LIMIT 100");
    scope.list::<FactorRow, _>(sql, &[&Id::from(subject)]).await
}

async fn insert(scope: Scope<'_>, factor: &Factor) -> Result<(), Trouble> {
    let (sealed, data) = data(factor)?;
    scope
        .insert_one(
            target(&factor.id),
            "INSERT INTO factor (realm, id, subject, kind, verified_at, name, sealed, data, \
             counter, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            &[
                &Id::from(factor.id),
                &Id::from(factor.subject),
                &factor.kind.as_str(),
                &verified_at(factor),
                &factor.name,
                &sealed,
                &data,
                &factor.counter,
                &factor.created_at.as_micros(),
                &factor.last_used_at.map(Timestamp::as_micros),
            ],
        )
        .await
}

async fn verify(scope: Scope<'_>, id: FactorId, at: Timestamp) -> Result<bool, Trouble> {
    let sql = "UPDATE factor SET verified_at = $3 \
               WHERE realm = $1 AND id = $2 AND verified_at IS NULL";
    scope
        .write(target(&id), sql, &[&Id::from(id), &at.as_micros()])
        .await
        .map(|verified| verified > 0)
}

async fn use_up(
    scope: Scope<'_>,
    id: FactorId,
    counter: i64,
    at: Timestamp,
) -> Result<bool, Trouble> {
    let sql = "UPDATE factor SET counter = $3, last_used_at = $4 \
               WHERE realm = $1 AND id = $2 AND (counter IS NULL OR counter < $3)";
    scope
        .write(
            target(&id),
            sql,
            &[&Id::from(id), &counter, &at.as_micros()],
        )
        .await
        .map(|used| used > 0)
}

pub(super) async fn delete(scope: Scope<'_>, id: FactorId) -> Result<bool, Trouble> {
    let sql = "DELETE FROM factor WHERE realm = $1 AND id = $2";
    scope
        .write(target(&id), sql, &[&Id::from(id)])
        .await
        .map(|deleted| deleted > 0)
}

pub(super) async fn delete_of(scope: Scope<'_>, subject: SubjectId) -> Result<u64, Trouble> {
    let sql = "DELETE FROM factor WHERE realm = $1 AND subject = $2";
    scope
        .write(target(&subject), sql, &[&Id::from(subject)])
        .await
}

#[async_trait]
impl FactorRead for RealmTx {
    async fn find_factor(
        &mut self,
        subject: SubjectId,
        id: FactorId,
    ) -> Result<Option<Factor>, StoreError> {
        reading!(self, find(subject, id))
    }

    async fn list_factors(&mut self, subject: SubjectId) -> Result<Vec<Factor>, StoreError> {
        reading!(self, list(subject))
    }
}

#[async_trait]
impl FactorWrite for RealmTx {
    async fn insert_factor(&mut self, factor: &Factor) -> Result<(), StoreError> {
        writing!(self, insert(factor))
    }

    async fn verify_factor(&mut self, id: FactorId, at: Timestamp) -> Result<bool, StoreError> {
        writing!(self, verify(id, at))
    }

    async fn use_factor(
        &mut self,
        id: FactorId,
        counter: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, use_up(id, counter, at))
    }

    async fn delete_factor(&mut self, id: FactorId) -> Result<bool, StoreError> {
        writing!(self, delete(id))
    }

    async fn delete_factors_of(&mut self, subject: SubjectId) -> Result<u64, StoreError> {
        writing!(self, delete_of(subject))
    }
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target {
        table: TABLE,
        row,
        unique: "the factor",
    }
}

impl Record for FactorRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let Id(subject) = row.try_get(1)?;
        Ok(Self {
            id,
            subject,
            kind: row.try_get(2)?,
            verified_at: row.try_get(3)?,
            name: row.try_get(4)?,
            sealed: row.try_get(5)?,
            data: row.try_get(6)?,
            counter: row.try_get(7)?,
            created_at: row.try_get(8)?,
            last_used_at: row.try_get(9)?,
        })
    }
}
