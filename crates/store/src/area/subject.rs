//! Subjects and their passwords.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, json, page, values};
use async_trait::async_trait;
use doorward_base::{Email, Phone, SubjectId, TenantId, Timestamp};
use doorward_identity::model::{
    Address, Contact, HashedPassword, Identifier, Mailbox, Metadata, Subject, SubjectStatus,
};
use doorward_identity::port::{Page, StoreError, SubjectRead, SubjectWrite};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) const TABLE: &str = "subject";
/// The table of their password hashes.
pub(crate) const PASSWORD: &str = "password";

/// The columns of an address: its text, `confirmed_at` and `proven_at`.
fn address<'a, T>(address: Option<&'a Address<T>>) -> [Value<'a>; 3]
where
    Value<'a>: From<&'a T>,
{
    [
        address.map(|address| &address.value).into(),
        address.and_then(|address| address.confirmed_at).into(),
        address.and_then(|address| address.proven_at).into(),
    ]
}

/// The columns from `email` to `anonymous`.
fn contact(contact: &Contact) -> [Value<'_>; 9] {
    let mailbox = contact.email.as_ref();
    let wide = mailbox.and_then(Mailbox::wide);
    let [_, email_confirmed_at, email_proven_at] = address(wide);
    let [phone, phone_confirmed_at, phone_proven_at] = address(contact.phone.as_ref());
    [
        mailbox.map(Mailbox::value).into(),
        email_confirmed_at,
        email_proven_at,
        wide.and_then(|address| address.shown_at).into(),
        mailbox.and_then(Mailbox::home).into(),
        phone,
        phone_confirmed_at,
        phone_proven_at,
        contact.anonymous.into(),
    ]
}

/// The columns from `kind` to `sub`.
fn identifier(identifier: &Identifier) -> Vec<Value<'_>> {
    const NONE: Value<'static> = Value::Null;
    let (kind, known, rest) = match identifier {
        Identifier::User(known) => ("user", contact(known), [NONE; 3]),
        Identifier::Service { email, home } => {
            let (email, home) = (email.into(), home.as_ref().into());
            let known = [email, NONE, NONE, NONE, home, NONE, NONE, NONE, NONE];
            ("service", known, [NONE; 3])
        }
        Identifier::TenantKeys { tenant } => {
            ("tenant_keys", [NONE; 9], [tenant.into(), NONE, NONE])
        }
        Identifier::External { issuer, sub } => {
            let rest = [NONE, (&**issuer).into(), (&**sub).into()];
            ("external", [NONE; 9], rest)
        }
    };
    let kind = std::iter::once(kind.into());
    kind.chain(known).chain(rest).collect()
}

/// What is taken if an identifier is.
const fn unique(identifier: &Identifier) -> &'static str {
    match identifier {
        Identifier::User(_) => "the e-mail address or phone number",
        Identifier::Service { .. } => "the e-mail address",
        Identifier::TenantKeys { .. } => "the tenant's key subject",
        Identifier::External { .. } => "the external subject",
    }
}

/// The columns `disabled_at` and `banned_until`.
const fn status(status: SubjectStatus) -> (Option<Timestamp>, Option<Timestamp>) {
    match status {
        SubjectStatus::Active => (None, None),
        SubjectStatus::Banned { until } => (None, Some(until)),
        SubjectStatus::Disabled { at } => (Some(at), None),
    }
}

/// The columns as they are read.
fn values(subject: &Subject) -> Result<Vec<Value<'_>>, StoreError> {
    let (disabled_at, banned_until) = status(subject.status);
    let mut values = vec![subject.id.into()];
    values.extend(identifier(&subject.identifier));
    values.extend([
        subject.name.as_ref().into(),
        disabled_at.into(),
        banned_until.into(),
        json(&subject.user_metadata)?.into(),
        json(&subject.app_metadata)?.into(),
        subject.created_at.into(),
        subject.last_sign_in_at.into(),
    ]);
    Ok(values)
}

fn read_address<T>(
    row: &mut Cursor<'_>,
    [text, confirmed_at, proven_at]: [&'static str; 3],
) -> Result<Option<Address<T>>, StoreError>
where
    T: FromStr<Err: Display>,
{
    let value = row.opt_parse(text)?;
    let (confirmed_at, proven_at) = (row.opt_time(confirmed_at)?, row.opt_time(proven_at)?);
    Ok(value.map(|value| Address {
        value,
        confirmed_at,
        proven_at,
        shown_at: None,
    }))
}

/// An address that has a home is confirmed by nobody: the schema says so.
fn mailbox(email: Address<Email>, home: Option<TenantId>) -> Mailbox {
    match home {
        Some(home) => Mailbox::In(home, email.value),
        None => Mailbox::Wide(email),
    }
}

fn read_identifier(row: &mut Cursor<'_>) -> Result<Identifier, StoreError> {
    let kind = row.text("kind")?;
    let email = read_address(row, ["email", "email_confirmed_at", "email_proven_at"])?;
    let shown_at = row.opt_time("email_shown_at")?;
    let email = email.map(|email| Address { shown_at, ..email });
    let home = row.opt_parse::<TenantId>("home")?;
    let phone = read_address(row, ["phone", "phone_confirmed_at", "phone_proven_at"])?;
    let anonymous = row.opt_flag("anonymous")?;
    let tenant = row.opt_parse::<TenantId>("tenant")?;
    let (issuer, sub) = (row.opt_text("issuer")?, row.opt_text("sub")?);
    match (kind, anonymous, tenant, issuer, sub) {
        ("user", Some(anonymous), None, None, None) => Ok(Identifier::User(Contact {
            email: email.map(|email| mailbox(email, home)),
            phone,
            anonymous,
        })),
        ("service", None, None, None, None) => match email {
            Some(Address { value: email, .. }) => Ok(Identifier::Service { email, home }),
            None => Err(row.bad("email", "a service account has one")),
        },
        ("tenant_keys", None, Some(tenant), None, None) => Ok(Identifier::TenantKeys { tenant }),
        ("external", None, None, Some(issuer), Some(sub)) => Ok(Identifier::External {
            issuer: Arc::from(issuer),
            sub: Arc::from(sub),
        }),
        _ => Err(row.bad("kind", "the columns do not fit the kind")),
    }
}

fn read_status(row: &mut Cursor<'_>) -> Result<SubjectStatus, StoreError> {
    let (disabled_at, banned_until) = (row.opt_time("disabled_at")?, row.opt_time("banned_until")?);
    Ok(match (disabled_at, banned_until) {
        (None, None) => SubjectStatus::Active,
        (None, Some(until)) => SubjectStatus::Banned { until },
        (Some(at), _) => SubjectStatus::Disabled { at },
    })
}

impl Record for Subject {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            identifier: read_identifier(row)?,
            name: row.opt_string("name")?,
            status: read_status(row)?,
            user_metadata: row.json("user_metadata")?,
            app_metadata: row.json("app_metadata")?,
            created_at: row.time("created_at")?,
            last_sign_in_at: row.opt_time("last_sign_in_at")?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, email, email_confirmed_at, email_proven_at, email_shown_at, home, \
             phone, phone_confirmed_at, phone_proven_at, anonymous, tenant, issuer, sub, name, \
             disabled_at, banned_until, user_metadata, app_metadata, created_at, last_sign_in_at \
             FROM subject WHERE realm = $1 AND deleted_at IS NULL ",
            $rest
        )
    };
}

/// By an address and a tenant: who has it there, else whose it is in the whole realm. Two
/// places of the index, however many tenants have somebody of that address.
pub(crate) const BY_EMAIL: &str = select!(
    "AND kind = $2 AND email = $3 AND coalesce(home, '') IN ('', $4) \
     ORDER BY home IS NULL LIMIT 1"
);

fn target(id: &SubjectId) -> Target<'_> {
    Target::new(TABLE, id, "the subject")
}

#[async_trait]
impl<E: Engine> SubjectRead for InRealm<E> {
    async fn find_subject(&mut self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        self.0.find(select!("AND id = $2"), values![id]).await
    }

    async fn find_user_by_email(
        &mut self,
        email: &Email,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Subject>, StoreError> {
        let home = tenant.map_or("", TenantId::as_str);
        self.0.find(BY_EMAIL, values!["user", email, home]).await
    }

    async fn find_service_by_email(
        &mut self,
        email: &Email,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Subject>, StoreError> {
        let home = tenant.map_or("", TenantId::as_str);
        self.0.find(BY_EMAIL, values!["service", email, home]).await
    }

    async fn list_subjects_by_email(
        &mut self,
        email: &Email,
        limit: u32,
    ) -> Result<Vec<Subject>, StoreError> {
        let sql = select!("AND email = $2 ORDER BY home IS NOT NULL, id LIMIT $3");
        self.0.list(sql, values![email, limit]).await
    }

    async fn find_subject_by_phone(
        &mut self,
        phone: &Phone,
    ) -> Result<Option<Subject>, StoreError> {
        let sql = select!("AND phone = $2 AND phone_confirmed_at IS NOT NULL");
        self.0.find(sql, values![phone]).await
    }

    async fn find_external_subject(
        &mut self,
        issuer: &str,
        sub: &str,
    ) -> Result<Option<Subject>, StoreError> {
        let sql = select!("AND issuer = $2 AND sub = $3");
        self.0.find(sql, values![issuer, sub]).await
    }

    async fn find_tenant_keys_subject(
        &mut self,
        tenant: &TenantId,
    ) -> Result<Option<Subject>, StoreError> {
        self.0
            .find(select!("AND tenant = $2"), values![tenant])
            .await
    }

    async fn list_subjects(&mut self, asked: Page<SubjectId>) -> Result<Vec<Subject>, StoreError> {
        let [from, whole, limit] = page(asked);
        let sql = select!("AND realm > 0 AND id >= $2 AND ($3 OR id > $2) ORDER BY id LIMIT $4");
        self.0.list(sql, values![from, whole, limit]).await
    }

    async fn find_password(
        &mut self,
        subject: SubjectId,
    ) -> Result<Option<HashedPassword>, StoreError> {
        let sql = "SELECT phc FROM password WHERE realm = $1 AND subject = $2";
        let read = |row: &mut Cursor<'_>| Ok(HashedPassword::from_phc(row.text("phc")?.to_owned()));
        let mut found = self.0.rows(PASSWORD, sql, values![subject], read).await?;
        Ok(found.pop())
    }
}

#[async_trait]
impl<E: Engine> SubjectWrite for InRealm<E> {
    async fn insert_subject(&mut self, subject: &Subject) -> Result<(), StoreError> {
        let target = Target::new(TABLE, &subject.id, unique(&subject.identifier));
        let sql = "INSERT INTO subject (realm, id, kind, email, email_confirmed_at, \
             email_proven_at, email_shown_at, home, phone, phone_confirmed_at, phone_proven_at, \
             anonymous, tenant, issuer, sub, name, disabled_at, banned_until, user_metadata, \
             app_metadata, created_at, last_sign_in_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \
             $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) \
             ON CONFLICT DO NOTHING";
        self.0.insert(target, sql, &values(subject)?).await
    }

    async fn set_subject_status(
        &mut self,
        id: SubjectId,
        to: SubjectStatus,
    ) -> Result<(), StoreError> {
        let (disabled_at, banned_until) = status(to);
        let sql = "UPDATE subject SET disabled_at = $3, banned_until = $4 \
                   WHERE realm = $1 AND id = $2 AND deleted_at IS NULL";
        let values = values![id, disabled_at, banned_until];
        self.0.change(target(&id), sql, values).await
    }

    async fn set_contact(&mut self, id: SubjectId, to: &Contact) -> Result<(), StoreError> {
        let target = Target::new(TABLE, &id, "the e-mail address or phone number");
        let sql = "UPDATE subject SET email = $3, email_confirmed_at = $4, email_proven_at = $5, \
             email_shown_at = $6, home = $7, phone = $8, phone_confirmed_at = $9, \
             phone_proven_at = $10, anonymous = $11 \
             WHERE realm = $1 AND id = $2 AND kind = 'user' AND deleted_at IS NULL";
        let mut values = vec![Value::from(id)];
        values.extend(contact(to));
        self.0.change(target, sql, &values).await
    }

    async fn set_user_metadata(&mut self, id: SubjectId, to: &Metadata) -> Result<(), StoreError> {
        let sql = "UPDATE subject SET user_metadata = $3 \
                   WHERE realm = $1 AND id = $2 AND kind = 'user' AND deleted_at IS NULL";
        self.0
            .change(target(&id), sql, values![id, json(to)?])
            .await
    }

    async fn touch_sign_in(&mut self, id: SubjectId, at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE subject SET last_sign_in_at = $3 \
                   WHERE realm = $1 AND id = $2 AND deleted_at IS NULL";
        self.0.change(target(&id), sql, values![id, at]).await
    }

    async fn set_password(
        &mut self,
        subject: SubjectId,
        password: &HashedPassword,
    ) -> Result<(), StoreError> {
        let target = Target::new(PASSWORD, &subject, "the password");
        let sql = "INSERT INTO password (realm, subject, phc) VALUES ($1, $2, $3) \
                   ON CONFLICT (realm, subject) DO UPDATE SET phc = excluded.phc";
        let values = values![subject, password.as_phc()];
        self.0.change(target, sql, values).await
    }
}
