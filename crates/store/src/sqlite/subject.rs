//! Subjects and their passwords.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::bounded;
use crate::row::json;
use crate::row::subject::{IdentifierColumns, PASSWORD, SubjectRow, TABLE, status_columns};
use async_trait::async_trait;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Contact, HashedPassword, Subject, SubjectStatus};
use doorward_identity::port::{Page, StoreError, SubjectRead, SubjectWrite};
use rusqlite::Row;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, email, email_confirmed_at, email_proven_at, phone, phone_confirmed_at, \
             phone_proven_at, anonymous, tenant, issuer, sub, name, disabled_at, banned_until, \
             user_metadata, app_metadata, created_at, last_sign_in_at FROM subject \
             WHERE realm = ?1 AND deleted_at IS NULL ",
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

pub(super) fn find_by_phone(
    scope: Scope<'_>,
    phone: &Phone,
) -> Result<Option<Subject>, StoreError> {
    scope.find::<SubjectRow, _>(
        select!("AND phone = ?2 AND phone_confirmed_at IS NOT NULL"),
        &[&phone.as_str()],
    )
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
    let known = IdentifierColumns::of(&subject.identifier);
    let (disabled_at, banned_until) = status_columns(subject.status);
    scope.write_one(
        target(&subject.id, known.unique),
        "INSERT INTO subject (realm, id, kind, email, email_confirmed_at, email_proven_at, phone, \
         phone_confirmed_at, phone_proven_at, anonymous, tenant, issuer, sub, name, disabled_at, \
         banned_until, user_metadata, app_metadata, created_at, last_sign_in_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        &[
            subject.id.as_bytes(),
            &known.kind,
            &known.email.value,
&known.email.confirmed_at,
&known.email.proven_at,
&known.phone.value,
&known.phone.confirmed_at,
&known.phone.proven_at,
            &known.anonymous,
            &known.tenant,
            &known.issuer,
            &known.sub,
            &subject.name,
            &disabled_at,
&banned_until,
            &json(&subject.user_metadata)?,
            &json(&subject.app_metadata)?,
            &subject.created_at.as_micros(),
&subject.last_sign_in_at.map(Timestamp::as_micros),
        ],
    )
}

pub(super) fn set_status(
    scope: Scope<'_>,
    id: SubjectId,
    status: SubjectStatus,
) -> Result<(), StoreError> {
    let (disabled_at, banned_until) = status_columns(status);
    scope.write_one(
        target(&id, "the subject"),
        "UPDATE subject SET disabled_at = ?3, banned_until = ?4 \
         WHERE realm = ?1 AND id = ?2 AND deleted_at IS NULL",
        &[id.as_bytes(), &disabled_at, &banned_until],
    )
}

pub(super) fn set_contact(
    scope: Scope<'_>,
    id: SubjectId,
    contact: &Contact,
) -> Result<(), StoreError> {
    let known = IdentifierColumns::of_user(contact);
    scope.write_one(
        target(&id, known.unique),
        "UPDATE subject SET email = ?3, email_confirmed_at = ?4, email_proven_at = ?5, \
             phone = ?6, phone_confirmed_at = ?7, phone_proven_at = ?8, anonymous = ?9 \
             WHERE realm = ?1 AND id = ?2 AND kind = 'user' AND deleted_at IS NULL",
        &[
            id.as_bytes(),
            &known.email.value,
            &known.email.confirmed_at,
            &known.email.proven_at,
            &known.phone.value,
            &known.phone.confirmed_at,
            &known.phone.proven_at,
            &known.anonymous,
        ],
    )
}

pub(super) fn touch_sign_in(
    scope: Scope<'_>,
    id: SubjectId,
    at: Timestamp,
) -> Result<(), StoreError> {
    scope.write_one(
        target(&id, "the subject"),
        "UPDATE subject SET last_sign_in_at = ?3 \
             WHERE realm = ?1 AND id = ?2 AND deleted_at IS NULL",
        &[id.as_bytes(), &at.as_micros()],
    )
}

pub(super) fn find_password(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Option<HashedPassword>, StoreError> {
    let mut found = scope.column(
        PASSWORD,
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
            table: PASSWORD,
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
        table: TABLE,
        row: id,
        unique,
    }
}

#[async_trait]
impl SubjectRead for RealmTx<'_> {
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| find(scope, id))
    }

    async fn find_subject_by_email(
        &mut self,
        email: &Email,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| find_by_email(scope, email))
    }

    async fn find_subject_by_phone(
        &mut self,
        phone: &Phone,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| find_by_phone(scope, phone))
    }

    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| find_external(scope, issuer, sub))
    }

    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError> {
        self.with(|scope| find_tenant_keys(scope, tenant))
    }

    async fn list_subjects(&mut self, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
        self.with(|scope| list(scope, bounded(page)))
    }

    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError> {
        self.with(|scope| find_password(scope, subject))
    }
}

#[async_trait]
impl SubjectWrite for RealmTx<'_> {
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, subject))
    }

    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError> {
        self.with(|scope| set_status(scope, id, status))
    }

    async fn set_contact(&mut self, id: SubjectId, contact: &Contact) -> Result<(), StoreError> {
        self.with(|scope| set_contact(scope, id, contact))
    }

    async fn touch_sign_in(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        self.with(|scope| touch_sign_in(scope, id, at))
    }

    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError> {
        self.with(|scope| set_password(scope, subject, password))
    }
}

impl Record for SubjectRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            email: (row.get(2)?, row.get(3)?, row.get(4)?),
            phone: (row.get(5)?, row.get(6)?, row.get(7)?),
            anonymous: row.get(8)?,
            tenant: row.get(9)?,
            issuer: row.get(10)?,
            sub: row.get::<_, Option<String>>(11)?.map(String::into_bytes),
            name: row.get(12)?,
            disabled_at: row.get(13)?,
            banned_until: row.get(14)?,
            user_metadata: row.get(15)?,
            app_metadata: row.get(16)?,
            created_at: row.get(17)?,
            last_sign_in_at: row.get(18)?,
        })
    }
}
