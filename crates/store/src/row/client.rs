//! Clients and their secrets.

use super::ceiling::CeilingRow;
use super::{DigestColumn, Place};
use doorward_base::{ClientId, SubjectId, Timestamp};
use doorward_identity::model::{Client, ClientSecret, ClientState};
use doorward_identity::port::StoreError;

/// The table of clients.
pub(crate) const TABLE: &str = "client";
/// The table of their secrets.
pub(crate) const SECRET: &str = "client_secret";

/// A client.
pub(crate) struct ClientRow {
    pub(crate) id: [u8; 16],
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) ceiling: CeilingRow,
    pub(crate) redirect_uris: String,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) created_by: Option<[u8; 16]>,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let id = ClientId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        Ok(Self {
            id,
            name: row.name,
            kind: place.parse("kind", &row.kind)?,
            ceiling: row.ceiling.parse(place)?,
            redirect_uris: place.parse_list("redirect_uris", &row.redirect_uris)?,
            state: row
                .revoked_at
                .map_or(ClientState::Active, |at| ClientState::Revoked {
                    at: Timestamp::from_micros(at),
                }),
            created_at: Timestamp::from_micros(row.created_at),
            created_by: row.created_by.map(SubjectId::from_bytes),
        })
    }
}

/// The column `revoked_at`.
pub(crate) const fn revoked_at(client: &Client) -> Option<i64> {
    match client.state {
        ClientState::Active => None,
        ClientState::Revoked { at } => Some(at.as_micros()),
    }
}

/// A secret with whose it is.
pub(crate) type SecretEntry = (ClientId, ClientSecret);

/// A secret.
pub(crate) struct SecretRow {
    pub(crate) client: [u8; 16],
    pub(crate) digest: DigestColumn,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) last_used_from: Option<String>,
}

impl TryFrom<SecretRow> for SecretEntry {
    type Error = StoreError;

    fn try_from(row: SecretRow) -> Result<Self, StoreError> {
        let client = ClientId::from_bytes(row.client);
        let place = Place {
            table: SECRET,
            row: &client,
        };
        let secret = ClientSecret {
            digest: place.digest(row.digest)?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            last_used_from: place.parse_some("last_used_from", row.last_used_from.as_deref())?,
        };
        Ok((client, secret))
    }
}
