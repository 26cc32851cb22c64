//! Subjects' identities at logins elsewhere.

use super::scope::{Record, Scope, Target};
use super::tx::RealmTx;
use crate::row::identity::{IdentityRow, TABLE};
use crate::row::json;
use async_trait::async_trait;
use doorward_base::{IdentityId, ProviderName, SubjectId};
use doorward_identity::model::LinkedIdentity;
use doorward_identity::port::{IdentityRead, IdentityWrite, StoreError};
use rusqlite::Row;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, provider, sub, data, created_at, last_used_at FROM identity \
             WHERE realm = ?1 ",
            $rest
        )
    };
}

pub(super) fn insert(scope: Scope<'_>, identity: &LinkedIdentity) -> Result<(), StoreError> {
    scope.write_one(
        target(&identity.id),
        "INSERT INTO identity (realm, id, subject, provider, sub, data, created_at, \
         last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            identity.id.as_bytes(),
            identity.subject.as_bytes(),
            &identity.provider.as_str(),
            &&*identity.sub,
            &json(&identity.data)?,
            &identity.created_at.as_micros(),
            &identity
                .last_used_at
                .map(doorward_base::Timestamp::as_micros),
        ],
    )
}

const fn target(id: &IdentityId) -> Target<'_> {
    Target {
        table: TABLE,
        row: id,
        unique: "the identity",
    }
}

#[async_trait]
impl IdentityRead for RealmTx<'_> {
    async fn find_identity(
        &mut self,
        provider: &ProviderName,
        sub: &str,
    ) -> Result<Option<LinkedIdentity>, StoreError> {
        self.with(|scope| {
            scope.find::<IdentityRow, _>(
                select!("AND provider = ?2 AND sub = ?3"),
                &[&provider.as_str(), &sub],
            )
        })
    }

    async fn list_identities(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<LinkedIdentity>, StoreError> {
        self.with(|scope| {
            scope.list::<IdentityRow, _>(
                select!("AND subject = ?2 ORDER BY id"),
                &[subject.as_bytes()],
            )
        })
    }
}

#[async_trait]
impl IdentityWrite for RealmTx<'_> {
    async fn insert_identity(&mut self, identity: &LinkedIdentity) -> Result<(), StoreError> {
        self.with(|scope| insert(scope, identity))
    }

    async fn delete_identity(&mut self, id: IdentityId) -> Result<(), StoreError> {
        self.with(|scope| {
            scope.write_one(
                target(&id),
                "DELETE FROM identity WHERE realm = ?1 AND id = ?2",
                &[id.as_bytes()],
            )
        })
    }
}

impl Record for IdentityRow {
    const TABLE: &'static str = TABLE;

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            subject: row.get(1)?,
            provider: row.get(2)?,
            sub: row.get::<_, String>(3)?.into_bytes(),
            data: row.get(4)?,
            created_at: row.get(5)?,
            last_used_at: row.get(6)?,
        })
    }
}
