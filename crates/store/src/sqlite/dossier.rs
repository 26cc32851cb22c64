//! A subject with all that gives it authority, and tokens and sessions with their owners,
//! each in one statement.

use super::tx::RealmTx;
use crate::area::api_token::Keyed;
use crate::area::client::{presented_columns, read_presented};
use crate::area::dossier::{Held, session_columns, subject_columns, token_columns};
use crate::area::subject::TABLE;
use crate::area::tenant::there;
use crate::engine::{Engine as _, InRealm};
use crate::row::{Cursor, Value, values};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, SubjectId};
use doorward_identity::model::{ClientDossier, Dossier, Session, TokenDossier};
use doorward_identity::port::{DossierRead, StoreError, TokenKey};
use serde::de::DeserializeOwned;

/// Subject `s` and what it holds.
macro_rules! dossier {
    () => {
        concat!(
            subject_columns!(),
            "(SELECT json_group_array(json_array(tenant, kind, name, audience)) \
                FROM grant_ WHERE realm = s.realm AND subject = s.id), \
             (SELECT json_group_array(json_array(tenant) ORDER BY created_at, id) \
                FROM membership WHERE realm = s.realm AND subject = s.id",
            there!(),
            "), \
             (SELECT json_group_array(json_array(tenant, role, permissions)) FROM tenant_role \
                WHERE realm = s.realm AND tenant IN (SELECT tenant FROM membership \
                    WHERE realm = s.realm AND subject = s.id",
            there!(),
            ")), \
             (SELECT json_group_array(json_array(tenant, epoch)) \
                FROM epoch WHERE realm = s.realm AND subject = s.id)"
        )
    };
}

/// Row `t` by its `$key`, with the dossier of its `$owner`.
macro_rules! owned {
    ($columns:expr, $table:literal, $key:literal, $owner:literal) => {
        concat!(
            "SELECT ",
            $columns,
            dossier!(),
            " FROM ",
            $table,
            " AS t CROSS JOIN subject AS s ON s.realm = t.realm AND s.id = t.",
            $owner,
            " AND s.deleted_at IS NULL WHERE t.realm = $1 AND t.",
            $key,
            " = $2"
        )
    };
}

const BY_SUBJECT: &str = concat!(
    "SELECT ",
    dossier!(),
    " FROM subject AS s WHERE s.realm = $1 AND s.id = $2 AND s.deleted_at IS NULL"
);

const BY_ID: &str = owned!(token_columns!(), "api_token", "id", "owner");
const BY_DIGEST: &str = owned!(token_columns!(), "api_token", "digest", "owner");
const BY_REFRESH: &str = owned!(session_columns!(), "session", "refresh_digest", "subject");

const CLIENT: &str = concat!(
    "SELECT ",
    presented_columns!(),
    " FROM client AS c LEFT JOIN client_secret AS s ON s.realm = c.realm AND s.client = c.id \
     WHERE c.realm = $1 AND c.id = $2 \
     ORDER BY s.expires_at IS NOT NULL, s.created_at DESC, s.digest"
);

/// All of them, for the test of their plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [BY_SUBJECT, BY_ID, BY_DIGEST, BY_REFRESH, CLIENT];

fn read(row: &mut Cursor<'_>) -> Result<Dossier, StoreError> {
    let subject = row.record()?;
    let held = Held {
        grants: read_list(row, "grants")?,
        members: read_list(row, "memberships")?,
        roles: read_list(row, "roles")?,
        epochs: read_list(row, "epochs")?,
    };
    held.of(subject)
}

fn read_list<T: DeserializeOwned>(
    row: &mut Cursor<'_>,
    column: &'static str,
) -> Result<Vec<T>, StoreError> {
    let text = row.text(column)?;
    serde_json::from_str(text).map_err(|problem| row.bad(column, problem))
}

fn read_token(row: &mut Cursor<'_>) -> Result<TokenDossier, StoreError> {
    let (token, digest_key) = row.record::<Keyed>()?;
    Ok(TokenDossier {
        token,
        digest_key,
        owner: read(row)?,
    })
}

fn read_session(row: &mut Cursor<'_>) -> Result<(Session, Dossier), StoreError> {
    Ok((row.record()?, read(row)?))
}

impl RealmTx<'_> {
    /// The first that is found.
    async fn first<T: Send>(
        &mut self,
        sql: &str,
        keys: impl IntoIterator<Item = Value<'_>, IntoIter: Send> + Send,
        read: fn(&mut Cursor<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        for key in keys {
            let mut found = self.rows(TABLE, sql, &[key], read).await?;
            if let Some(found) = found.pop() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl DossierRead for InRealm<RealmTx<'_>> {
    async fn find_dossier(&mut self, subject: SubjectId) -> Result<Option<Dossier>, StoreError> {
        self.0.first(BY_SUBJECT, [subject.into()], read).await
    }

    async fn find_token_dossier(
        &mut self,
        key: &TokenKey,
    ) -> Result<Option<TokenDossier>, StoreError> {
        match key {
            TokenKey::Id(id) => {
                let keys = [Value::from(*id)];
                self.0.first(BY_ID, keys, read_token).await
            }
            TokenKey::Digests(digests) => {
                let keys: Vec<Value<'_>> = digests.iter().map(Value::from).collect();
                self.0.first(BY_DIGEST, keys, read_token).await
            }
        }
    }

    async fn find_session_dossier(
        &mut self,
        digests: &[TokenDigest],
    ) -> Result<Option<(Session, Dossier)>, StoreError> {
        let keys: Vec<Value<'_>> = digests.iter().map(Value::from).collect();
        self.0.first(BY_REFRESH, keys, read_session).await
    }

    async fn find_client_dossier(
        &mut self,
        id: ClientId,
    ) -> Result<Option<ClientDossier>, StoreError> {
        let values = values![id];
        let found = self.0.rows(TABLE, CLIENT, values, |row| {
            let mut found = None;
            read_presented(&mut found, row)?;
            Ok(found)
        });
        let mut rows = found.await?.into_iter().flatten();
        let first = rows.next();
        Ok(first.map(|mut whole| {
            whole.secrets.extend(rows.flat_map(|row| row.secrets));
            whole
        }))
    }
}
