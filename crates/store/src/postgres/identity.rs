//! Subjects' identities at logins elsewhere.

use super::scope::{Id, Record, Scope, Target, Trouble};
use super::tx::{RealmTx, reading, writing};
use crate::row::identity::{IdentityRow, TABLE};
use crate::row::json;
use async_trait::async_trait;
use doorward_base::{IdentityId, ProviderName, SubjectId, Timestamp};
use doorward_identity::model::LinkedIdentity;
use doorward_identity::port::{IdentityRead, IdentityWrite, StoreError};
use tokio_postgres::{Error, Row};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, provider, sub, data, created_at, last_used_at FROM identity \
             WHERE realm = $1 ",
            $rest
        )
    };
}

pub(super) async fn find(
    scope: Scope<'_>,
    provider: &ProviderName,
    sub: &str,
) -> Result<Option<LinkedIdentity>, Trouble> {
    scope
        .find::<IdentityRow, _>(
            select!("AND provider = $2 AND sub = $3"),
            &[&provider.as_str(), &sub.as_bytes()],
        )
        .await
}

pub(super) async fn list(
    scope: Scope<'_>,
    subject: SubjectId,
) -> Result<Vec<LinkedIdentity>, Trouble> {
    scope
        .list::<IdentityRow, _>(
            select!("AND subject = $2 ORDER BY id"),
            &[&Id::from(subject)],
        )
        .await
}

pub(super) async fn insert(scope: Scope<'_>, identity: &LinkedIdentity) -> Result<(), Trouble> {
    scope
        .insert_one(
            target(&identity.id),
            "INSERT INTO identity (realm, id, subject, provider, sub, data, created_at, \
             last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            &[
                &Id::from(identity.id),
                &Id::from(identity.subject),
                &identity.provider.as_str(),
                &identity.sub.as_bytes(),
                &json(&identity.data)?,
                &identity.created_at.as_micros(),
                &identity.last_used_at.map(Timestamp::as_micros),
            ],
        )
        .await
}

pub(super) async fn delete(scope: Scope<'_>, id: IdentityId) -> Result<(), Trouble> {
    scope
        .write_one(
            target(&id),
            "DELETE FROM identity WHERE realm = $1 AND id = $2",
            &[&Id::from(id)],
        )
        .await
}

const fn target(id: &IdentityId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the identity",
    }
}

#[async_trait]
impl IdentityRead for RealmTx {
    async fn find_identity(
        &mut self,
        provider: &ProviderName,
        sub: &str,
    ) -> Result<Option<LinkedIdentity>, StoreError> {
        reading!(self, find(provider, sub))
    }

    async fn list_identities(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<LinkedIdentity>, StoreError> {
        reading!(self, list(subject))
    }
}

#[async_trait]
impl IdentityWrite for RealmTx {
    async fn insert_identity(&mut self, identity: &LinkedIdentity) -> Result<(), StoreError> {
        writing!(self, insert(identity))
    }

    async fn delete_identity(&mut self, id: IdentityId) -> Result<(), StoreError> {
        writing!(self, delete(id))
    }
}

impl Record for IdentityRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row) -> Result<Self, Error> {
        let (Id(id), Id(subject)) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Self {
            id,
            subject,
            provider: row.try_get(2)?,
            sub: row.try_get(3)?,
            data: row.try_get(4)?,
            created_at: row.try_get(5)?,
            last_used_at: row.try_get(6)?,
        })
    }
}
