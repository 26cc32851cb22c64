//! Subjects and their passwords.

use super::scope::{Id, Record, Scope, Target, Trouble, start};
use super::tx::RealmTx;
use super::tx::{reading, writing};
use crate::row::bounded;
use crate::row::json;
use crate::row::subject::{IdentifierColumns, PASSWORD, SubjectRow, TABLE, status_columns};
use async_trait::async_trait;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{Contact, HashedPassword, Subject, SubjectStatus};
use doorward_identity::port::{Page, StoreError, SubjectRead, SubjectWrite};
use tokio_postgres::{Error, Row};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, email, email_confirmed_at, email_proven_at, phone, phone_confirmed_at, \
             phone_proven_at, anonymous, tenant, issuer, sub, name, disabled_at, banned_until, \
             user_metadata, app_metadata, created_at, last_sign_in_at FROM subject \
             WHERE realm = $1 AND deleted_at IS NULL ",
            $rest
        )
    };
}

pub(super) async fn find(scope: Scope<'_>, id: SubjectId) -> Result<Option<Subject>, Trouble> {
    scope
        .find::<SubjectRow, _>(select!("AND id = $2"), &[&Id::from(id)])
        .await
}

pub(super) async fn find_by_email(
    scope: Scope<'_>,
    email: &Email,
) -> Result<Option<Subject>, Trouble> {
    scope
        .find::<SubjectRow, _>(select!("AND email = $2"), &[&email.as_str()])
        .await
}

pub(super) async fn find_by_phone(
    scope: Scope<'_>,
    phone: &Phone,
) -> Result<Option<Subject>, Trouble> {
    scope
        .find::<SubjectRow, _>(
            select!("AND phone = $2 AND phone_confirmed_at IS NOT NULL"),
            &[&phone.as_str()],
        )
        .await
}

pub(super) async fn find_external(
    scope: Scope<'_>,
    issuer: &str,
    sub: &str,
) -> Result<Option<Subject>, Trouble> {
    scope
        .find::<SubjectRow, _>(
            select!("AND issuer = $2 AND sub = $3"),
            &[&issuer, &sub.as_bytes()],
        )
        .await
}

pub(super) async fn find_tenant_keys(
    scope: Scope<'_>,
    tenant: &TenantId,
) -> Result<Option<Subject>, Trouble> {
    scope
        .find::<SubjectRow, _>(select!("AND tenant = $2"), &[&tenant.as_str()])
        .await
}

pub(super) async fn list(scope: Scope<'_>, page: Page<SubjectId>) -> Result<Vec<Subject>, Trouble> {
    let (from, whole) = start(page.after);
    scope
        .list::<SubjectRow, _>(
            select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4"),
            &[&from, &whole, &i64::from(page.limit)],
        )
        .await
}

pub(super) async fn insert(scope: Scope<'_>, subject: &Subject) -> Result<(), Trouble> {
    let known = IdentifierColumns::of(&subject.identifier);
    let (disabled_at, banned_until) = status_columns(subject.status);
    scope
        .insert_one(
            target(&subject.id, known.unique),
            "INSERT INTO subject (realm, id, kind, email, email_confirmed_at, email_proven_at, phone, \
         phone_confirmed_at, phone_proven_at, anonymous, tenant, issuer, sub, name, disabled_at, \
         banned_until, user_metadata, app_metadata, created_at, last_sign_in_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT DO NOTHING",
            &[
                &Id::from(subject.id),
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
                &known.sub.map(str::as_bytes),
                &subject.name,
                &disabled_at,
&banned_until,
                &json(&subject.user_metadata)?,
                &json(&subject.app_metadata)?,
                &subject.created_at.as_micros(),
&subject.last_sign_in_at.map(Timestamp::as_micros),
            ],
        )
        .await
}

pub(super) async fn set_status(
    scope: Scope<'_>,
    id: SubjectId,
    status: SubjectStatus,
) -> Result<(), Trouble> {
    let (disabled_at, banned_until) = status_columns(status);
    scope
        .write_one(
            target(&id, "the subject"),
            "UPDATE subject SET disabled_at = $3, banned_until = $4 \
         WHERE realm = $1 AND id = $2 AND deleted_at IS NULL",
            &[&Id::from(id), &disabled_at, &banned_until],
        )
        .await
}

pub(super) async fn set_contact(
    scope: Scope<'_>,
    id: SubjectId,
    contact: &Contact,
) -> Result<(), Trouble> {
    let known = IdentifierColumns::of_user(contact);
    scope
        .write_one(
            target(&id, known.unique),
            "UPDATE subject SET email = $3, email_confirmed_at = $4, email_proven_at = $5, \
             phone = $6, phone_confirmed_at = $7, phone_proven_at = $8, anonymous = $9 \
             WHERE realm = $1 AND id = $2 AND kind = 'user' AND deleted_at IS NULL",
            &[
                &Id::from(id),
                &known.email.value,
                &known.email.confirmed_at,
                &known.email.proven_at,
                &known.phone.value,
                &known.phone.confirmed_at,
                &known.phone.proven_at,
                &known.anonymous,
            ],
        )
        .await
}

pub(super) async fn touch_sign_in(
    scope: Scope<'_>,
    id: SubjectId,
    at: Timestamp,
) -> Result<(), Trouble> {
    scope
        .write_one(
            target(&id, "the subject"),
            "UPDATE subject SET last_sign_in_at = $3 \
             WHERE realm = $1 AND id = $2 AND deleted_at IS NULL",
            &[&Id::from(id), &at.as_micros()],
        )
        .await
}

pub(super) async fn find_password(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Option<HashedPassword>, Trouble> {
    let mut found = scope
        .column(
            PASSWORD,
            "SELECT phc FROM password WHERE realm = $1 AND subject = $2",
            &[&Id::from(subject)],
        )
        .await?;
    Ok(found.pop().map(HashedPassword::from_phc))
}

pub(super) async fn set_password(
    scope: Scope<'_>,
    subject: SubjectId,
    password: &HashedPassword,
) -> Result<(), Trouble> {
    let target = Target {
        table: PASSWORD,
        row: &subject,
        unique: "the password",
    };
    scope
        .write_one(
            target,
            "INSERT INTO password (realm, subject, phc) VALUES ($1, $2, $3) \
             ON CONFLICT (realm, subject) DO UPDATE SET phc = excluded.phc",
            &[&Id::from(subject), &password.as_phc()],
        )
        .await
}

const fn target<'r>(id: &'r SubjectId, unique: &'static str) -> Target<'r> {
    Target {
        table: TABLE,
        row: id,
        unique,
    }
}

/// The nineteen columns of a subject from `first` on, in the order of this module's
/// `SELECT`.
pub(super) fn read_at(row: &Row, first: usize) -> Result<SubjectRow, Error> {
    let Id(id) = row.try_get(first)?;
    let at = |column: usize| row.try_get::<_, Option<String>>(first + column);
    let time = |column: usize| row.try_get::<_, Option<i64>>(first + column);
    Ok(SubjectRow {
        id,
        kind: row.try_get(first + 1)?,
        email: (at(2)?, time(3)?, time(4)?),
        phone: (at(5)?, time(6)?, time(7)?),
        anonymous: row.try_get(first + 8)?,
        tenant: at(9)?,
        issuer: at(10)?,
        sub: row.try_get(first + 11)?,
        name: at(12)?,
        disabled_at: time(13)?,
        banned_until: time(14)?,
        user_metadata: row.try_get(first + 15)?,
        app_metadata: row.try_get(first + 16)?,
        created_at: row.try_get(first + 17)?,
        last_sign_in_at: time(18)?,
    })
}

#[async_trait]
impl SubjectRead for RealmTx {
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        reading!(self, find(id))
    }

    async fn find_subject_by_email(
        &mut self,
        email: &Email,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, find_by_email(email))
    }

    async fn find_subject_by_phone(
        &mut self,
        phone: &Phone,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, find_by_phone(phone))
    }

    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, find_external(issuer, sub))
    }

    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError> {
        reading!(self, find_tenant_keys(tenant))
    }

    async fn list_subjects(&mut self, page: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
        reading!(self, list(bounded(page)))
    }

    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError> {
        reading!(self, find_password(subject))
    }
}

#[async_trait]
impl SubjectWrite for RealmTx {
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        writing!(self, insert(subject))
    }

    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        status: SubjectStatus,
    ) -> Result<(), StoreError> {
        writing!(self, set_status(id, status))
    }

    async fn set_contact(&mut self, id: SubjectId, contact: &Contact) -> Result<(), StoreError> {
        writing!(self, set_contact(id, contact))
    }

    async fn touch_sign_in(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        writing!(self, touch_sign_in(id, at))
    }

    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError> {
        writing!(self, set_password(subject, password))
    }
}

impl Record for SubjectRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        read_at(row, 0)
    }
}
