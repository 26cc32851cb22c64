//! The change log.

use super::Place;
use doorward_base::{ApiTokenId, ClientId, RealmId, SessionId, SubjectId};
use doorward_identity::model::{Change, ChangeRow, ChangeSeq};
use doorward_identity::port::StoreError;

/// Its table.
pub(crate) const TABLE: &str = "change_log";

/// The columns `kind` and `ref`.
pub(crate) const fn columns(change: &Change) -> (&'static str, Option<&[u8; 16]>) {
    match change {
        Change::ApiToken(id) => ("api_token", Some(id.as_bytes())),
        Change::Session(id) => ("session", Some(id.as_bytes())),
        Change::Client(id) => ("client", Some(id.as_bytes())),
        Change::Subject(id) => ("subject", Some(id.as_bytes())),
        Change::Keys => ("keys", None),
        Change::Tenants => ("tenants", None),
    }
}

/// An entry.
pub(crate) struct EntryRow {
    pub(crate) seq: i64,
    pub(crate) realm: i64,
    pub(crate) kind: String,
    pub(crate) id: Option<[u8; 16]>,
}

impl TryFrom<EntryRow> for ChangeRow {
    type Error = StoreError;

    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        let place = Place {
            table: TABLE,
            row: &row.seq,
        };
        let change = match (row.kind.as_str(), row.id) {
            ("api_token", Some(id)) => Change::ApiToken(ApiTokenId::from_bytes(id)),
            ("session", Some(id)) => Change::Session(SessionId::from_bytes(id)),
            ("client", Some(id)) => Change::Client(ClientId::from_bytes(id)),
            ("subject", Some(id)) => Change::Subject(SubjectId::from_bytes(id)),
            ("keys", None) => Change::Keys,
            ("tenants", None) => Change::Tenants,
            _ => return Err(place.bad("kind", "unknown, or ref does not fit it")),
        };
        Ok(Self {
            seq: ChangeSeq(row.seq),
            realm: RealmId(row.realm),
            change,
        })
    }
}
