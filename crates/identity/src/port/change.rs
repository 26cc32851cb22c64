//! The change log, which every process follows.

use super::StoreError;
use crate::model::Change;
use async_trait::async_trait;

/// Writing them.
#[async_trait]
pub trait ChangeWrite: Send {
    /// Tells every process what to forget.
    async fn append_change(&mut self, change: Change) -> Result<(), StoreError>;
}
