//! Second factors.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, json, values};
use async_trait::async_trait;
use doorward_base::{FactorId, SubjectId, Timestamp};
use doorward_identity::model::{Factor, FactorData, FactorState};
use doorward_identity::port::{FactorRead, FactorWrite, StoreError};
use std::fmt::Display;

const TABLE: &str = "factor";

fn read_state(row: &mut Cursor<'_>) -> Result<FactorState, StoreError> {
    let at = row.opt_time("verified_at")?;
    Ok(at.map_or(FactorState::Unverified, |at| FactorState::Verified { at }))
}

fn read_data(row: &mut Cursor<'_>) -> Result<FactorData, StoreError> {
    match (row.opt_bytes("sealed")?, row.opt_json("data")?) {
        (Some(sealed), None) => Ok(FactorData::Sealed(sealed.to_vec())),
        (None, Some(data)) => Ok(FactorData::Public(data)),
        _ => Err(row.bad("data", "it has neither or both of sealed and data")),
    }
}

impl Record for Factor {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            subject: row.id("subject")?,
            kind: row.parse("kind")?,
            state: read_state(row)?,
            name: row.opt_string("name")?,
            data: read_data(row)?,
            counter: row.opt_int("counter")?,
            created_at: row.time("created_at")?,
            last_used_at: row.opt_time("last_used_at")?,
        })
    }
}

/// The columns as they are read.
fn values(factor: &Factor) -> Result<[Value<'_>; 10], StoreError> {
    let verified_at = match factor.state {
        FactorState::Unverified => None,
        FactorState::Verified { at } => Some(at),
    };
    let (sealed, data) = match &factor.data {
        FactorData::Sealed(sealed) => (sealed.as_slice().into(), Value::Null),
        FactorData::Public(data) => (Value::Null, json(data)?.into()),
    };
    Ok([
        factor.id.into(),
        factor.subject.into(),
        factor.kind.as_str().into(),
        verified_at.into(),
        factor.name.as_ref().into(),
        sealed,
        data,
        factor.counter.into(),
        factor.created_at.into(),
        factor.last_used_at.into(),
    ])
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, kind, verified_at, name, sealed, data, counter, created_at, \
             last_used_at FROM factor WHERE realm = $1 ",
            $rest
        )
    };
}

fn target(row: &(dyn Display + Sync)) -> Target<'_> {
    Target::new(TABLE, row, "the factor")
}

#[async_trait]
impl<E: Engine> FactorRead for InRealm<E> {
    async fn find_factor(
        &mut self,
        subject: SubjectId,
        id: FactorId,
    ) -> Result<Option<Factor>, StoreError> {
        // By the id alone, so that there is one index to choose.
        let found: Option<Factor> = self.0.find(select!("AND id = $2"), values![id]).await?;
        Ok(found.filter(|factor| factor.subject == subject))
    }

    async fn list_factors(&mut self, subject: SubjectId) -> Result<Vec<Factor>, StoreError> {
        let sql = select!("AND subject = $2 ORDER BY created_at, id LIMIT 100");
        self.0.list(sql, values![subject]).await
    }
}

#[async_trait]
impl<E: Engine> FactorWrite for InRealm<E> {
    async fn insert_factor(&mut self, factor: &Factor) -> Result<(), StoreError> {
        let sql = "INSERT INTO factor (realm, id, subject, kind, verified_at, name, sealed, data, \
             counter, created_at, last_used_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&factor.id), sql, &values(factor)?)
            .await
    }

    async fn verify_factor(&mut self, id: FactorId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE factor SET verified_at = $3 \
                   WHERE realm = $1 AND id = $2 AND verified_at IS NULL";
        self.0.try_change(target(&id), sql, values![id, at]).await
    }

    async fn use_factor(
        &mut self,
        id: FactorId,
        counter: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE factor SET counter = $3, last_used_at = $4 \
                   WHERE realm = $1 AND id = $2 AND (counter IS NULL OR counter < $3)";
        let values = values![id, counter, at];
        self.0.try_change(target(&id), sql, values).await
    }

    async fn delete_factor(&mut self, id: FactorId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM factor WHERE realm = $1 AND id = $2";
        self.0.try_change(target(&id), sql, values![id]).await
    }

    async fn delete_factors_of(&mut self, subject: SubjectId) -> Result<u64, StoreError> {
        let sql = "DELETE FROM factor WHERE realm = $1 AND subject = $2";
        self.0.write(target(&subject), sql, values![subject]).await
    }
}
