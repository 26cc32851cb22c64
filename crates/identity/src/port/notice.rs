//! When somebody is told that API tokens will stop by themselves.

use super::StoreError;
use crate::model::ApiToken;
use async_trait::async_trait;
use doorward_base::{ApiTokenId, Timestamp};

/// Reading what is due.
#[async_trait]
pub trait NoticeRead: Send {
    /// At most `limit` API tokens of whose end somebody is to be told by `now`: the longest
    /// overdue first, and of those a tenant's together.
    async fn list_due_notices(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApiToken>, StoreError>;
}

/// Writing that it was told.
#[async_trait]
pub trait NoticeWrite: Send {
    /// Moves on when somebody is told that a token will stop, if it still is active and the
    /// time for that is `from`; says whether it was.
    async fn advance_notice(
        &mut self,
        id: ApiTokenId,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<bool, StoreError>;
}
