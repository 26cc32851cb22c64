//! Mail that waits, or was given up.

use super::Place;
use doorward_base::{MailId, RealmId, SubjectId, Timestamp};
use doorward_identity::model::{ClaimedMail, MailKind, QueuedMail};
use doorward_identity::port::StoreError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Its table.
pub(crate) const TABLE: &str = "outbox";

/// A mail with its realm, as it is claimed.
pub(crate) struct MailRow {
    pub(crate) realm: i64,
    pub(crate) realm_name: String,
    pub(crate) id: [u8; 16],
    pub(crate) subject: Option<[u8; 16]>,
    pub(crate) recipient: String,
    pub(crate) kind: String,
    pub(crate) language: Option<String>,
    pub(crate) variables: String,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) attempts: i64,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
}

impl TryFrom<MailRow> for ClaimedMail {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        let id = MailId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let kind = MailKind::find(&row.kind);
        let variables = place.parse_json("variables", &row.variables)?;
        let variables = variables.into_iter().map(|(name, text)| match text {
            Value::String(text) => Ok((name, text)),
            _ => Err(place.bad("variables", "one is not a text")),
        });
        let variables: BTreeMap<String, String> = variables.collect::<Result<_, _>>()?;
        let mail = QueuedMail {
            id,
            subject: row.subject.map(SubjectId::from_bytes),
            to: place.email(&row.recipient)?,
            kind: kind.ok_or_else(|| place.bad("kind", "there is no such kind"))?,
            language: row.language,
            variables,
            sealed: row.sealed,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        };
        Ok(Self {
            realm: RealmId(row.realm),
            realm_name: place.parse("realm", &row.realm_name)?,
            mail,
        })
    }
}

/// The column `variables`.
pub(crate) fn variables(mail: &QueuedMail) -> Result<String, StoreError> {
    let variables = mail.variables.iter();
    let variables: Map<String, Value> = variables
        .map(|(name, text)| (name.clone(), text.clone().into()))
        .collect();
    super::json(&variables)
}

/// Those that can be read. One that cannot must not hold up the others; it comes again
/// and is told of again until somebody removes it.
pub(crate) fn readable(rows: impl IntoIterator<Item = MailRow>) -> Vec<ClaimedMail> {
    let read = rows.into_iter().filter_map(|row| {
        ClaimedMail::try_from(row)
            .inspect_err(|error| tracing::error!(%error, "a mail cannot be read"))
            .ok()
    });
    let mut claimed: Vec<ClaimedMail> = read.collect();
    claimed.sort_unstable_by_key(|claimed| (claimed.mail.created_at, claimed.mail.id));
    claimed
}
