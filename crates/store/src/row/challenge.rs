//! Challenges.

use super::{DigestColumn, Place, json};
use doorward_base::{ChallengeId, SubjectId, Timestamp};
use doorward_identity::model::Challenge;
use doorward_identity::port::StoreError;

/// Their table.
pub(crate) const TABLE: &str = "challenge";

/// A challenge.
pub(crate) struct ChallengeRow {
    pub(crate) id: [u8; 16],
    pub(crate) kind: String,
    pub(crate) digest: DigestColumn,
    pub(crate) subject: Option<[u8; 16]>,
    pub(crate) address: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) made_by: Option<[u8; 16]>,
    pub(crate) payload: String,
    pub(crate) attempts: i64,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
}

impl TryFrom<ChallengeRow> for Challenge {
    type Error = StoreError;

    fn try_from(row: ChallengeRow) -> Result<Self, StoreError> {
        let id = ChallengeId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let attempts = u16::try_from(row.attempts);
        Ok(Self {
            id,
            kind: place.parse("kind", &row.kind)?,
            digest: place.digest(row.digest)?,
            subject: row.subject.map(SubjectId::from_bytes),
            address: row.address,
            tenant: place.parse_some("tenant", row.tenant.as_deref())?,
            made_by: row.made_by.map(SubjectId::from_bytes),
            payload: place.parse_json("payload", &row.payload)?,
            attempts: attempts.map_err(|problem| place.bad("attempts", problem))?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        })
    }
}

/// The column `payload`.
pub(crate) fn payload(challenge: &Challenge) -> Result<String, StoreError> {
    json(&challenge.payload)
}
