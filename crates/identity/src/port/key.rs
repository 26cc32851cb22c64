//! The realm's sealed keys.

use super::StoreError;
use crate::model::{KeyRecord, KeyState};
use async_trait::async_trait;

/// Reading them.
#[async_trait]
pub trait KeyRead: Send {
    /// The realm's keys, oldest first.
    async fn list_keys(&mut self) -> Result<Vec<KeyRecord>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait KeyWrite: Send {
    /// Adds a key.
    async fn insert_key(&mut self, key: &KeyRecord) -> Result<(), StoreError>;
    /// Moves a key on in its life.
    async fn set_key_state(&mut self, kid: &str, state: KeyState) -> Result<(), StoreError>;
    /// Forgets a key.
    async fn delete_key(&mut self, kid: &str) -> Result<(), StoreError>;
}
