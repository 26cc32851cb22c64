//! Subjects' identities at logins elsewhere.

use crate::engine::{Engine, InRealm};
use crate::row::{Cursor, Record, Target, Value, json, values};
use async_trait::async_trait;
use doorward_base::{IdentityId, ProviderName, SubjectId};
use doorward_identity::model::LinkedIdentity;
use doorward_identity::port::{IdentityRead, IdentityWrite, StoreError};
use std::sync::Arc;

const TABLE: &str = "identity";

impl Record for LinkedIdentity {
    const TABLE: &'static str = TABLE;

    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("id")?,
            subject: row.id("subject")?,
            provider: row.parse("provider")?,
            sub: Arc::from(row.text("sub")?),
            data: row.json("data")?,
            created_at: row.time("created_at")?,
            last_used_at: row.opt_time("last_used_at")?,
        })
    }
}

/// The columns as they are read.
fn values(identity: &LinkedIdentity) -> Result<[Value<'_>; 7], StoreError> {
    Ok([
        identity.id.into(),
        identity.subject.into(),
        (&identity.provider).into(),
        (&*identity.sub).into(),
        json(&identity.data)?.into(),
        identity.created_at.into(),
        identity.last_used_at.into(),
    ])
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, provider, sub, data, created_at, last_used_at FROM identity \
             WHERE realm = $1 ",
            $rest
        )
    };
}

fn target(id: &IdentityId) -> Target<'_> {
    Target::new(TABLE, id, "the identity")
}

#[async_trait]
impl<E: Engine> IdentityRead for InRealm<E> {
    async fn find_identity(
        &mut self,
        provider: &ProviderName,
        sub: &str,
    ) -> Result<Option<LinkedIdentity>, StoreError> {
        let sql = select!("AND provider = $2 AND sub = $3");
        self.0.find(sql, values![provider, sub]).await
    }

    async fn list_identities(
        &mut self,
        subject: SubjectId,
    ) -> Result<Vec<LinkedIdentity>, StoreError> {
        let sql = select!("AND subject = $2 ORDER BY id");
        self.0.list(sql, values![subject]).await
    }
}

#[async_trait]
impl<E: Engine> IdentityWrite for InRealm<E> {
    async fn insert_identity(&mut self, identity: &LinkedIdentity) -> Result<(), StoreError> {
        let sql = "INSERT INTO identity (realm, id, subject, provider, sub, data, created_at, \
             last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        self.0
            .insert(target(&identity.id), sql, &values(identity)?)
            .await
    }

    async fn delete_identity(&mut self, id: IdentityId) -> Result<(), StoreError> {
        let sql = "DELETE FROM identity WHERE realm = $1 AND id = $2";
        self.0.change(target(&id), sql, values![id]).await
    }
}
