//! Second factors.

use super::scope::{Record, Target};
use super::tx::RealmTx;
use crate::row::factor::{FactorRow, TABLE, data, verified_at};
use async_trait::async_trait;
use doorward_base::{FactorId, SubjectId, Timestamp};
use doorward_identity::model::Factor;
use doorward_identity::port::{FactorRead, FactorWrite, StoreError};
use rusqlite::Row;
use std::fmt::Display;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, kind, verified_at, name, sealed, data, counter, created_at, \
             last_used_at FROM factor WHERE realm = ?1 ",
            $rest
        )
    };
}

#[async_trait]
impl FactorRead for RealmTx<'_> {
    async fn find_factor(
        &mut self,
        subject: SubjectId,
        id: FactorId,
    ) -> Result<Option<Factor>, StoreError> {
        self.with(|scope| {
            scope.find::<FactorRow, _>(
                select!("AND id = ?2 AND subject = ?3"),
                &[id.as_bytes(), subject.as_bytes()],
            )
        })
    }

    async fn list_factors(&mut self, subject: SubjectId) -> Result<Vec<Factor>, StoreError> {
        self.with(|scope| {
            scope.list::<FactorRow, _>(
                select!("AND subject = ?2 ORDER BY created_at, id LIMIT 100"),
                &[subject.as_bytes()],
            )
        })
    }
}

#[async_trait]
impl FactorWrite for RealmTx<'_> {
    async fn insert_factor(&mut self, factor: &Factor) -> Result<(), StoreError> {
        let (sealed, data) = data(factor)?;
        self.with(|scope| {
            scope.write_one(
                target(&factor.id),
                "INSERT INTO factor (realm, id, subject, kind, verified_at, name, sealed, data, \
                 counter, created_at, last_used_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                &[
                    factor.id.as_bytes(),
                    factor.subject.as_bytes(),
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
        })
    }

    async fn verify_factor(&mut self, id: FactorId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE factor SET verified_at = ?3 \
                   WHERE realm = ?1 AND id = ?2 AND verified_at IS NULL";
        self.with(|scope| scope.write(target(&id), sql, &[id.as_bytes(), &at.as_micros()]))
            .map(|verified| verified > 0)
    }

    async fn use_factor(
        &mut self,
        id: FactorId,
        counter: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE factor SET counter = ?3, last_used_at = ?4 \
                   WHERE realm = ?1 AND id = ?2 AND (counter IS NULL OR counter < ?3)";
        self.with(|scope| {
            scope.write(
                target(&id),
                sql,
                &[id.as_bytes(), &counter, &at.as_micros()],
            )
        })
        .map(|used| used > 0)
    }

    async fn delete_factor(&mut self, id: FactorId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM factor WHERE realm = ?1 AND id = ?2";
        self.with(|scope| scope.write(target(&id), sql, &[id.as_bytes()]))
            .map(|deleted| deleted > 0)
    }

    async fn delete_factors_of(&mut self, subject: SubjectId) -> Result<u64, StoreError> {
        let sql = "DELETE FROM factor WHERE realm = ?1 AND subject = ?2";
        self.with(|scope| scope.write(target(&subject), sql, &[subject.as_bytes()]))
            .map(|deleted| deleted as u64)
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

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            subject: row.get(1)?,
            kind: row.get(2)?,
            verified_at: row.get(3)?,
            name: row.get(4)?,
            sealed: row.get(5)?,
            data: row.get(6)?,
            counter: row.get(7)?,
            created_at: row.get(8)?,
            last_used_at: row.get(9)?,
        })
    }
}
