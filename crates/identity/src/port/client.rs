//! Applications that authenticate themselves, and their secrets.

use super::{Page, StoreError};
use crate::model::{Client, ClientSecret, SecretUse};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ClientId, TenantId, Timestamp};

/// Reading clients.
#[async_trait]
pub trait ClientRead: Send {
    /// A client, revoked or not.
    async fn find_client(&mut self, id: ClientId) -> Result<Option<Client>, StoreError>;
    /// Clients by id, revoked ones included: of one of these tenants, or, with `None`, of
    /// the whole realm.
    async fn list_clients(
        &mut self,
        tenants: Option<&[TenantId]>,
        page: Page<ClientId>,
    ) -> Result<Vec<Client>, StoreError>;
    /// The secrets of clients, for each the newest first.
    async fn list_client_secrets(
        &mut self,
        ids: &[ClientId],
    ) -> Result<Vec<(ClientId, ClientSecret)>, StoreError>;
    /// Clients revoked since `since`: what a node must refuse the access tokens of.
    async fn list_revoked_clients(&mut self, since: Timestamp)
    -> Result<Vec<ClientId>, StoreError>;
}

/// Writing clients.
#[async_trait]
pub trait ClientWrite: Send {
    /// Adds a client.
    async fn insert_client(&mut self, client: &Client) -> Result<(), StoreError>;
    /// Revokes a client and removes its secrets; says whether it was active.
    async fn revoke_client(&mut self, id: ClientId, at: Timestamp) -> Result<bool, StoreError>;
    /// Adds a secret.
    async fn insert_client_secret(
        &mut self,
        client: ClientId,
        secret: &ClientSecret,
    ) -> Result<(), StoreError>;
    /// Says when a secret stops.
    async fn expire_client_secret(
        &mut self,
        digest: &TokenDigest,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Removes a secret.
    async fn delete_client_secret(&mut self, digest: &TokenDigest) -> Result<(), StoreError>;
    /// Records uses of secrets that are still there, never moving a time backwards.
    async fn touch_client_secrets(&mut self, uses: &[SecretUse]) -> Result<(), StoreError>;
    /// Removes at most `limit` clients revoked before `before`, and says how many.
    async fn prune_clients(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
