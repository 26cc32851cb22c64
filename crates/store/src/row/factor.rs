//! Second factors.

use super::{Place, json};
use doorward_base::{FactorId, SubjectId, Timestamp};
use doorward_identity::model::{Factor, FactorData, FactorState};
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "factor";

/// A factor.
pub(crate) struct FactorRow {
    pub(crate) id: [u8; 16],
    pub(crate) subject: [u8; 16],
    pub(crate) kind: String,
    pub(crate) verified_at: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) data: Option<String>,
    pub(crate) counter: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: Option<i64>,
}

impl TryFrom<FactorRow> for Factor {
    type Error = StoreError;

    fn try_from(row: FactorRow) -> Result<Self, StoreError> {
        let id = FactorId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let data = match (row.sealed, row.data) {
            (Some(sealed), None) => FactorData::Sealed(sealed),
            (None, Some(data)) => FactorData::Public(place.parse_json("data", &data)?),
            _ => return Err(place.bad("data", "it has neither or both of sealed and data")),
        };
        Ok(Self {
            id,
            subject: SubjectId::from_bytes(row.subject),
            kind: place.parse("kind", &row.kind)?,
            state: row
                .verified_at
                .map_or(FactorState::Unverified, |at| FactorState::Verified {
                    at: Timestamp::from_micros(at),
                }),
            name: row.name,
            data,
            counter: row.counter,
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        })
    }
}

/// The column `verified_at`.
pub(crate) const fn verified_at(factor: &Factor) -> Option<i64> {
    match factor.state {
        FactorState::Unverified => None,
        FactorState::Verified { at } => Some(at.as_micros()),
    }
}

/// The columns `sealed` and `data`.
pub(crate) fn data(factor: &Factor) -> Result<(Option<&[u8]>, Option<String>), StoreError> {
    Ok(match &factor.data {
        FactorData::Sealed(sealed) => (Some(sealed), None),
        FactorData::Public(data) => (None, Some(json(data)?)),
    })
}
