//! API tokens and the digests they are found by.

use super::{Page, StoreError, TokenFilter};
use crate::model::{ApiToken, NewApiToken, TokenState, TokenUse};
use async_trait::async_trait;
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClassName, SubjectId, TenantId, Timestamp};

/// Tokens that are counted together: those of an owner and a class that are bound to one
/// tenant, or to none. What one tenant makes takes no place of another's, nor tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenGroup<'a> {
    /// The owner.
    pub owner: SubjectId,
    /// The class.
    pub class: &'a ClassName,
    /// The tenant they are bound to.
    pub tenant: Option<&'a TenantId>,
}

/// Reading them.
#[async_trait]
pub trait TokenRead: Send {
    /// An API token.
    async fn find_api_token(&mut self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError>;
    /// An API token by a digest of its secret, with the id of the digest key used.
    async fn find_api_token_by_digest(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(ApiToken, String)>, StoreError>;
    /// API tokens by id, revoked and expired ones included.
    async fn list_api_tokens(
        &mut self,
        filter: TokenFilter,
        page: Page<ApiTokenId>,
    ) -> Result<Vec<ApiToken>, StoreError>;
    /// How many tokens of a group are active and not expired, `most` if there are more: no
    /// more are looked at.
    async fn count_active_tokens(
        &mut self,
        group: TokenGroup<'_>,
        now: Timestamp,
        most: u32,
    ) -> Result<u32, StoreError>;
    /// When the `nth` newest token of a group was made, from 1 on, whatever became of it;
    /// `None` if there are fewer. No more are looked at.
    async fn find_nth_newest_token(
        &mut self,
        group: TokenGroup<'_>,
        nth: u32,
    ) -> Result<Option<Timestamp>, StoreError>;
    /// Where these tokens are in their lives; one that does not exist is left out.
    async fn list_token_states(
        &mut self,
        ids: &[ApiTokenId],
    ) -> Result<Vec<(ApiTokenId, TokenState)>, StoreError>;
    /// API tokens that were replaced, with the time each stops, for the times at or
    /// after `since`: from that moment on a node must refuse their access tokens too.
    async fn list_retiring(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<(ApiTokenId, Timestamp)>, StoreError>;
    /// API tokens revoked since `since`: what a node must refuse the access tokens of.
    /// Replaced tokens whose time is over are in [`TokenRead::list_retiring`].
    async fn list_revoked_tokens(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<ApiTokenId>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait TokenWrite: Send {
    /// Adds an API token.
    async fn insert_api_token(&mut self, token: &NewApiToken) -> Result<(), StoreError>;
    /// Retires or revokes an API token.
    async fn set_api_token_state(
        &mut self,
        id: ApiTokenId,
        state: TokenState,
    ) -> Result<(), StoreError>;
    /// Replaces a token's digest by one under the current digest key.
    async fn rekey_api_token(
        &mut self,
        id: ApiTokenId,
        digest: &TokenDigest,
        digest_key: &str,
    ) -> Result<(), StoreError>;
    /// Revokes every live token of an owner (bound to a tenant, if one is given), whatever
    /// their number at the cost of one: whoever reads one from then on finds it revoked.
    async fn revoke_api_tokens_of(
        &mut self,
        owner: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Writes into tokens what [`TokenWrite::revoke_api_tokens_of`] said of them; how many
    /// it wrote, at most `limit`. Changes nothing that a reader sees.
    async fn settle_endings(&mut self, limit: u32) -> Result<u64, StoreError>;
    /// Forgets tokens that were revoked, or replaced and over, or expired, before a time,
    /// and returns how many: at most `limit`. The time lies further back than an access token lives,
    /// or a node would not learn that those made from them are refused.
    async fn prune_api_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Records uses, never moving a time backwards.
    async fn touch_api_tokens(&mut self, uses: &[TokenUse]) -> Result<(), StoreError>;
}
