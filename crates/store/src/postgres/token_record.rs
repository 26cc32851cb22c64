//! How rows of API tokens are read. Not here: the statements (`api_token`).

use super::ceiling;
use super::scope::{Id, Record};
use crate::row::api_token::{RetiringRow, StateRow, TABLE, TokenRow};
use tokio_postgres::{Error, Row};

impl Record for TokenRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        let Id(owner) = row.try_get(3)?;
        let created_by: Option<Id> = row.try_get(13)?;
        let replaces: Option<Id> = row.try_get(17)?;
        Ok(Self {
            id,
            class: row.try_get(1)?,
            kind: row.try_get(2)?,
            owner,
            ceiling: ceiling::read(row, 4)?,
            name: row.try_get(9)?,
            state: row.try_get(10)?,
            state_at: row.try_get(11)?,
            created_at: row.try_get(12)?,
            created_by: created_by.map(|Id(id)| id),
            expires_at: row.try_get(14)?,
            last_used_at: row.try_get(15)?,
            digest_key: row.try_get(16)?,
            replaces: replaces.map(|Id(id)| id),
        })
    }
}

impl Record for StateRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        Ok(Self {
            id,
            state: row.try_get(1)?,
            state_at: row.try_get(2)?,
        })
    }
}

impl Record for RetiringRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let Id(id) = row.try_get(0)?;
        Ok(Self {
            id,
            until: row.try_get(1)?,
        })
    }
}
