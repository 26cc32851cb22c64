//! Subjects.

use super::Place;
use doorward_base::{Email, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Identifier, Subject, SubjectStatus};
use doorward_identity::port::StoreError;
use std::sync::Arc;

/// Their table.
pub(crate) const TABLE: &str = "subject";
/// The table of their password hashes, which have no form of their own.
pub(crate) const PASSWORD: &str = "password";

/// The columns of an identifier, to be written.
#[derive(Default)]
pub(crate) struct IdentifierColumns<'i> {
    pub(crate) kind: &'static str,
    pub(crate) email: Option<&'i str>,
    pub(crate) proven: Option<bool>,
    pub(crate) tenant: Option<&'i str>,
    pub(crate) issuer: Option<&'i str>,
    pub(crate) sub: Option<&'i str>,
    /// What is taken, if it is taken.
    pub(crate) unique: &'static str,
}

impl<'i> IdentifierColumns<'i> {
    pub(crate) fn of(identifier: &'i Identifier) -> Self {
        let email = identifier.email().map(Email::as_str);
        match identifier {
            Identifier::User { proven, .. } => Self {
                kind: "user",
                email,
                proven: Some(*proven),
                unique: "the e-mail address",
                ..Self::default()
            },
            Identifier::Service { .. } => Self {
                kind: "service",
                email,
                unique: "the e-mail address",
                ..Self::default()
            },
            Identifier::TenantKeys { tenant } => Self {
                kind: "tenant_keys",
                tenant: Some(tenant.as_str()),
                unique: "the tenant's key subject",
                ..Self::default()
            },
            Identifier::External { issuer, sub } => Self {
                kind: "external",
                issuer: Some(issuer),
                sub: Some(sub),
                unique: "the external subject",
                ..Self::default()
            },
        }
    }
}

/// The column `disabled_at`.
pub(crate) const fn disabled_at(status: SubjectStatus) -> Option<i64> {
    match status {
        SubjectStatus::Active => None,
        SubjectStatus::Disabled { at } => Some(at.as_micros()),
    }
}

/// A subject.
pub(crate) struct SubjectRow {
    pub(crate) id: [u8; 16],
    pub(crate) kind: String,
    pub(crate) email: Option<String>,
    pub(crate) proven: Option<bool>,
    pub(crate) tenant: Option<String>,
    pub(crate) issuer: Option<String>,
    /// UTF-8. It is another's and opaque: an engine may keep it as bytes.
    pub(crate) sub: Option<Vec<u8>>,
    pub(crate) name: Option<String>,
    pub(crate) disabled_at: Option<i64>,
    pub(crate) user_metadata: String,
    pub(crate) app_metadata: String,
    pub(crate) created_at: i64,
}

impl TryFrom<SubjectRow> for Subject {
    type Error = StoreError;

    fn try_from(row: SubjectRow) -> Result<Self, StoreError> {
        let id = SubjectId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let email = row.email.map(|email| place.email(&email)).transpose()?;
        let tenant: Option<TenantId> = place.parse_some("tenant", row.tenant.as_deref())?;
        let sub = row.sub.map(String::from_utf8).transpose();
        let known = (
            row.kind.as_str(),
            email,
            row.proven,
            tenant,
            row.issuer,
            sub.map_err(|_| place.bad("sub", "it is not UTF-8"))?,
        );
        let identifier = match known {
            ("user", Some(email), Some(proven), None, None, None) => {
                Identifier::User { email, proven }
            }
            ("service", Some(email), None, None, None, None) => Identifier::Service { email },
            ("tenant_keys", None, None, Some(tenant), None, None) => {
                Identifier::TenantKeys { tenant }
            }
            ("external", None, None, None, Some(issuer), Some(sub)) => Identifier::External {
                issuer: Arc::from(issuer),
                sub: Arc::from(sub),
            },
            _ => return Err(place.bad("kind", "the columns do not fit the kind")),
        };
        Ok(Self {
            id,
            identifier,
            name: row.name,
            status: row
                .disabled_at
                .map_or(SubjectStatus::Active, |at| SubjectStatus::Disabled {
                    at: Timestamp::from_micros(at),
                }),
            user_metadata: place.parse_json("user_metadata", &row.user_metadata)?,
            app_metadata: place.parse_json("app_metadata", &row.app_metadata)?,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
