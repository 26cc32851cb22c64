//! Subjects and their passwords.

use super::scope::{Place, Record, Scope, Target, json};
use doorward_base::{Email, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{HashedPassword, Identifier, Subject, SubjectStatus};
use doorward_identity::port::{Page, StoreError};
use rusqlite::Row;
use std::sync::Arc;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, email, proven, tenant, issuer, sub, name, disabled_at, \
             user_metadata, app_metadata, created_at FROM subject WHERE realm = ?1 ",
            $rest
        )
    };
}

pub(super) fn find(scope: Scope<'_>, id: SubjectId) -> Result<Option<Subject>, StoreError> {
    scope.find::<SubjectRow, _>(select!("AND id = ?2"), &[id.as_bytes()])
}

pub(super) fn find_by_email(
    scope: Scope<'_>,
    email: &Email,
) -> Result<Option<Subject>, StoreError> {
    scope.find::<SubjectRow, _>(select!("AND email = ?2"), &[&email.as_str()])
}

pub(super) fn find_external(
    scope: Scope<'_>,
    issuer: &str,
    sub: &str,
) -> Result<Option<Subject>, StoreError> {
    scope.find::<SubjectRow, _>(select!("AND issuer = ?2 AND sub = ?3"), &[&issuer, &sub])
}

pub(super) fn find_tenant_keys(
    scope: Scope<'_>,
    tenant: &TenantId,
) -> Result<Option<Subject>, StoreError> {
    scope.find::<SubjectRow, _>(select!("AND tenant = ?2"), &[&tenant.as_str()])
}

pub(super) fn list(scope: Scope<'_>, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
    // Every id sorts after the empty one.
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    scope.list::<SubjectRow, _>(
        select!("AND id > ?2 ORDER BY id LIMIT ?3"),
        &[&after, &page.limit],
    )
}

pub(super) fn insert(scope: Scope<'_>, subject: &Subject) -> Result<(), StoreError> {
    let (kind, unique) = match &subject.identifier {
        Identifier::User { .. } => ("user", "the e-mail address"),
        Identifier::Service { .. } => ("service", "the e-mail address"),
        Identifier::TenantKeys { .. } => ("tenant_keys", "the tenant's key subject"),
        Identifier::External { .. } => ("external", "the external subject"),
    };
    let (mut proven, mut tenant, mut external) = (None, None, (None, None));
    match &subject.identifier {
        Identifier::User { proven: yes, .. } => proven = Some(*yes),
        Identifier::Service { .. } => {}
        Identifier::TenantKeys { tenant: of } => tenant = Some(of.as_str()),
        Identifier::External { issuer, sub } => external = (Some(&**issuer), Some(&**sub)),
    }
    scope.write_one(
        target(&subject.id, unique),
        "INSERT INTO subject (realm, id, kind, email, proven, tenant, issuer, sub, name, \
         disabled_at, user_metadata, app_metadata, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            subject.id.as_bytes(),
            &kind,
            &subject.identifier.email().map(Email::as_str),
            &proven,
            &tenant,
            &external.0,
            &external.1,
            &subject.name,
            &disabled_at(subject.status),
            &json(&subject.user_metadata)?,
            &json(&subject.app_metadata)?,
            &subject.created_at.as_micros(),
        ],
    )
}

pub(super) fn set_status(
    scope: Scope<'_>,
    id: SubjectId,
    status: SubjectStatus,
) -> Result<(), StoreError> {
    scope.write_one(
        target(&id, "the subject"),
        "UPDATE subject SET disabled_at = ?3 WHERE realm = ?1 AND id = ?2",
        &[id.as_bytes(), &disabled_at(status)],
    )
}

pub(super) fn mark_email_proven(scope: Scope<'_>, id: SubjectId) -> Result<(), StoreError> {
    scope.write_one(
        target(&id, "the subject"),
        "UPDATE subject SET proven = 1 WHERE realm = ?1 AND id = ?2 AND kind = 'user'",
        &[id.as_bytes()],
    )
}

pub(super) fn find_password(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Option<HashedPassword>, StoreError> {
    let mut found = scope.column(
        "password",
        "SELECT phc FROM password WHERE realm = ?1 AND subject = ?2",
        &[subject.as_bytes()],
    )?;
    Ok(found.pop().map(HashedPassword::from_phc))
}

pub(super) fn set_password(
    scope: Scope<'_>,
    subject: SubjectId,
    password: &HashedPassword,
) -> Result<(), StoreError> {
    scope.write_one(
        Target {
            table: "password",
            row: &subject,
            unique: "the password",
        },
        "INSERT INTO password (realm, subject, phc) VALUES (?1, ?2, ?3) \
         ON CONFLICT (realm, subject) DO UPDATE SET phc = excluded.phc",
        &[subject.as_bytes(), &password.as_phc()],
    )
}

const fn target<'r>(id: &'r SubjectId, unique: &'static str) -> Target<'r> {
    Target {
        table: SubjectRow::TABLE,
        row: id,
        unique,
    }
}

fn disabled_at(status: SubjectStatus) -> Option<i64> {
    match status {
        SubjectStatus::Active => None,
        SubjectStatus::Disabled { at } => Some(at.as_micros()),
    }
}

struct SubjectRow {
    id: [u8; 16],
    kind: String,
    email: Option<String>,
    proven: Option<bool>,
    tenant: Option<String>,
    issuer: Option<String>,
    sub: Option<String>,
    name: Option<String>,
    disabled_at: Option<i64>,
    user_metadata: String,
    app_metadata: String,
    created_at: i64,
}

impl Record for SubjectRow {
    const TABLE: &'static str = "subject";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            email: row.get(2)?,
            proven: row.get(3)?,
            tenant: row.get(4)?,
            issuer: row.get(5)?,
            sub: row.get(6)?,
            name: row.get(7)?,
            disabled_at: row.get(8)?,
            user_metadata: row.get(9)?,
            app_metadata: row.get(10)?,
            created_at: row.get(11)?,
        })
    }
}

impl TryFrom<SubjectRow> for Subject {
    type Error = StoreError;

    fn try_from(row: SubjectRow) -> Result<Self, StoreError> {
        let id = SubjectId::from_bytes(row.id);
        let place = Place {
            table: SubjectRow::TABLE,
            row: &id,
        };
        let email = row.email.map(|email| place.email(&email)).transpose()?;
        let tenant: Option<TenantId> = place.parse_some("tenant", row.tenant.as_deref())?;
        let known = (
            row.kind.as_str(),
            email,
            row.proven,
            tenant,
            row.issuer,
            row.sub,
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
