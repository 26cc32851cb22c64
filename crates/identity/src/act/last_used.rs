//! When API tokens were last used, gathered in memory and written in one statement.

use crate::port::{StoreError, StoreHandle};
use doorward_base::{ApiTokenId, RealmId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

type Uses = HashMap<RealmId, HashMap<ApiTokenId, Timestamp>>;

/// The uses that wait to be written. One entry per token, so its size is bounded by
/// the number of tokens that exist.
#[derive(Debug, Default)]
pub struct LastUsed(Mutex<Uses>);

impl LastUsed {
    /// Notes a use.
    pub fn record(&self, realm: RealmId, token: ApiTokenId, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut uses, realm, token, at);
    }

    /// Writes what was gathered; on an error it is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self, store: &StoreHandle) -> Result<(), StoreError> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut result = Ok(());
        for (realm, uses) in gathered {
            let batch: Arc<[_]> = uses.into_iter().collect();
            let written = Arc::clone(&batch);
            let done = store.write(realm, move |tx| {
                let batch = Arc::clone(&written);
                Box::pin(async move { tx.touch_api_tokens(&batch).await })
            });
            if let Err(error) = done.await {
                let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (token, at) in batch.iter() {
                    note(&mut uses, realm, *token, *at);
                }
                result = Err(error);
            }
        }
        result
    }
}

fn note(uses: &mut Uses, realm: RealmId, token: ApiTokenId, at: Timestamp) {
    let latest = uses.entry(realm).or_default().entry(token).or_insert(at);
    *latest = at.max(*latest);
}
