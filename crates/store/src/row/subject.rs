//! Subjects.

use super::Place;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Address, Contact, Identifier, Subject, SubjectStatus};
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
    pub(crate) email: AddressColumns<'i>,
    pub(crate) phone: AddressColumns<'i>,
    pub(crate) anonymous: Option<bool>,
    pub(crate) tenant: Option<&'i str>,
    pub(crate) issuer: Option<&'i str>,
    pub(crate) sub: Option<&'i str>,
    /// What is taken, if it is taken.
    pub(crate) unique: &'static str,
}

/// The columns of an address.
#[derive(Clone, Copy, Default)]
pub(crate) struct AddressColumns<'i> {
    pub(crate) value: Option<&'i str>,
    pub(crate) confirmed_at: Option<i64>,
    pub(crate) proven_at: Option<i64>,
}

impl<'i> AddressColumns<'i> {
    fn of<T>(address: Option<&'i Address<T>>, text: fn(&T) -> &str) -> Self {
        let at = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        Self {
            value: address.map(|address| text(&address.value)),
            confirmed_at: address.and_then(|address| at(address.confirmed_at)),
            proven_at: address.and_then(|address| at(address.proven_at)),
        }
    }
}

impl<'i> IdentifierColumns<'i> {
    pub(crate) fn of(identifier: &'i Identifier) -> Self {
        match identifier {
            Identifier::User(contact) => Self::of_user(contact),
            Identifier::Service { email } => Self {
                kind: "service",
                email: AddressColumns {
                    value: Some(email.as_str()),
                    ..AddressColumns::default()
                },
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

    pub(crate) fn of_user(contact: &'i Contact) -> Self {
        Self {
            kind: "user",
            email: AddressColumns::of(contact.email.as_ref(), Email::as_str),
            phone: AddressColumns::of(contact.phone.as_ref(), Phone::as_str),
            anonymous: Some(contact.anonymous),
            unique: "the e-mail address or phone number",
            ..Self::default()
        }
    }
}

/// The columns `disabled_at` and `banned_until`.
pub(crate) const fn status_columns(status: SubjectStatus) -> (Option<i64>, Option<i64>) {
    match status {
        SubjectStatus::Active => (None, None),
        SubjectStatus::Banned { until } => (None, Some(until.as_micros())),
        SubjectStatus::Disabled { at } => (Some(at.as_micros()), None),
    }
}

/// A subject.
pub(crate) struct SubjectRow {
    pub(crate) id: [u8; 16],
    pub(crate) kind: String,
    pub(crate) email: AddressRow,
    pub(crate) phone: AddressRow,
    pub(crate) anonymous: Option<bool>,
    pub(crate) tenant: Option<String>,
    pub(crate) issuer: Option<String>,
    /// UTF-8. It is another's and opaque: an engine may keep it as bytes.
    pub(crate) sub: Option<Vec<u8>>,
    pub(crate) name: Option<String>,
    pub(crate) disabled_at: Option<i64>,
    pub(crate) banned_until: Option<i64>,
    pub(crate) user_metadata: String,
    pub(crate) app_metadata: String,
    pub(crate) created_at: i64,
    pub(crate) last_sign_in_at: Option<i64>,
}

/// Text, `confirmed_at` and `proven_at` of an address.
pub(crate) type AddressRow = (Option<String>, Option<i64>, Option<i64>);

fn address<T>(
    (text, confirmed_at, proven_at): AddressRow,
    parse: impl Fn(&str) -> Result<T, StoreError>,
) -> Result<Option<Address<T>>, StoreError> {
    let Some(text) = text else {
        return Ok(None);
    };
    Ok(Some(Address {
        value: parse(&text)?,
        confirmed_at: confirmed_at.map(Timestamp::from_micros),
        proven_at: proven_at.map(Timestamp::from_micros),
    }))
}

impl TryFrom<SubjectRow> for Subject {
    type Error = StoreError;

    fn try_from(row: SubjectRow) -> Result<Self, StoreError> {
        let id = SubjectId::from_bytes(row.id);
        let place = Place {
            table: TABLE,
            row: &id,
        };
        let email = address(row.email, |text| place.email(text))?;
        let phone = address(row.phone, |text| place.parse("phone", text))?;
        let tenant: Option<TenantId> = place.parse_some("tenant", row.tenant.as_deref())?;
        let sub = row.sub.map(String::from_utf8).transpose();
        let sub = sub.map_err(|_| place.bad("sub", "it is not UTF-8"))?;
        let known = (row.kind.as_str(), row.anonymous, tenant, row.issuer, sub);
        let identifier = match known {
            ("user", Some(anonymous), None, None, None) => Identifier::User(Contact {
                email,
                phone,
                anonymous,
            }),
            ("service", None, None, None, None) => match email {
                Some(Address { value: email, .. }) => Identifier::Service { email },
                None => return Err(place.bad("email", "a service account has one")),
            },
            ("tenant_keys", None, Some(tenant), None, None) => Identifier::TenantKeys { tenant },
            ("external", None, None, Some(issuer), Some(sub)) => Identifier::External {
                issuer: Arc::from(issuer),
                sub: Arc::from(sub),
            },
            _ => return Err(place.bad("kind", "the columns do not fit the kind")),
        };
        Ok(Self {
            id,
            identifier,
            name: row.name,
            status: match (row.disabled_at, row.banned_until) {
                (None, None) => SubjectStatus::Active,
                (None, Some(until)) => SubjectStatus::Banned {
                    until: Timestamp::from_micros(until),
                },
                (Some(at), _) => SubjectStatus::Disabled {
                    at: Timestamp::from_micros(at),
                },
            },
            user_metadata: place.parse_json("user_metadata", &row.user_metadata)?,
            app_metadata: place.parse_json("app_metadata", &row.app_metadata)?,
            created_at: Timestamp::from_micros(row.created_at),
            last_sign_in_at: row.last_sign_in_at.map(Timestamp::from_micros),
        })
    }
}
