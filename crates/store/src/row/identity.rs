//! Subjects' identities at logins elsewhere.

use super::Place;
use doorward_base::{IdentityId, SubjectId, Timestamp};
use doorward_identity::model::LinkedIdentity;
use doorward_identity::port::StoreError;
use std::sync::Arc;

/// Their table.
pub(crate) const TABLE: &str = "identity";

/// An identity.
pub(crate) struct IdentityRow {
    pub(crate) id: [u8; 16],
    pub(crate) subject: [u8; 16],
    pub(crate) provider: String,
    /// UTF-8. It is another's and opaque: an engine may keep it as bytes.
    pub(crate) sub: Vec<u8>,
    pub(crate) data: String,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: Option<i64>,
}

impl TryFrom<IdentityRow> for LinkedIdentity {
    type Error = StoreError;

    fn try_from(row: IdentityRow) -> Result<Self, StoreError> {
        let id = IdentityId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let sub = String::from_utf8(row.sub).map_err(|_| place.bad("sub", "it is not UTF-8"))?;
        Ok(Self {
            id,
            subject: SubjectId::from_bytes(row.subject),
            provider: place.parse("provider", &row.provider)?,
            sub: Arc::from(sub),
            data: place.parse_json("data", &row.data)?,
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        })
    }
}
