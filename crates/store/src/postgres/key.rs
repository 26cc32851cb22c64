//! The realm's sealed keys.

use super::tx::RealmTx;
use crate::row::key::{state, target, values};
use crate::row::values;
use async_trait::async_trait;
use doorward_identity::model::{KeyRecord, KeyState};
use doorward_identity::port::{KeyRead, KeyWrite, StoreError};

#[async_trait]
impl KeyRead for RealmTx {
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError> {
        self.list(
            "SELECT kid, purpose, algorithm, state, until, sealed, created_at FROM realm_key \
             WHERE realm = $1 ORDER BY created_at, kid",
            values![],
        )
        .await
    }
}

#[async_trait]
impl KeyWrite for RealmTx {
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        self.insert_one(
            target(&key.kid),
            "INSERT INTO realm_key (realm, kid, purpose, algorithm, state, until, sealed, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            &values(key),
        )
        .await
    }

    /// A second active key of a purpose is a conflict that ends the transaction: a use-case
    /// retires the first before.
    async fn set_key_state(&mut self, kid: &str, to: KeyState) -> Result<(), StoreError> {
        let (state, until) = state(to);
        self.write_one(
            target(&kid),
            "UPDATE realm_key SET state = $3, until = $4 WHERE realm = $1 AND kid = $2",
            values![kid, state, until],
        )
        .await
    }

    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError> {
        self.write_one(
            target(&kid),
            "DELETE FROM realm_key WHERE realm = $1 AND kid = $2",
            values![kid],
        )
        .await
    }
}
