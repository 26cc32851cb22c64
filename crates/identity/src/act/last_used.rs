//! When API tokens were last used, gathered in memory and written together.

use crate::port::{StoreError, StoreHandle};
use doorward_base::{ApiTokenId, RealmId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many uses are written in one transaction: it must end well before a statement is
/// given up, and holds what it writes against whoever revokes.
const BATCH: usize = 500;

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

    /// Writes what was gathered, and returns how many uses; on an error what was not
    /// written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self, store: &StoreHandle) -> Result<u64, StoreError> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut result, mut written) = (Ok(()), 0);
        for (realm, uses) in gathered {
            let uses: Vec<_> = uses.into_iter().collect();
            // What comes after a batch that failed would likely fail too.
            let mut failed = false;
            for batch in uses.chunks(BATCH) {
                if !failed && let Err(error) = write(store, realm, batch.into()).await {
                    failed = true;
                    result = Err(error);
                }
                if failed {
                    self.keep(realm, batch);
                } else {
                    written += u64::try_from(batch.len()).unwrap_or(0);
                }
            }
        }
        result.map(|()| written)
    }

    fn keep(&self, realm: RealmId, batch: &[(ApiTokenId, Timestamp)]) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (token, at) in batch {
            note(&mut uses, realm, *token, *at);
        }
    }
}

async fn write(
    store: &StoreHandle,
    realm: RealmId,
    batch: Arc<[(ApiTokenId, Timestamp)]>,
) -> Result<(), StoreError> {
    store
        .write(realm, move |tx| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { tx.touch_api_tokens(&batch).await })
        })
        .await
}

fn note(uses: &mut Uses, realm: RealmId, token: ApiTokenId, at: Timestamp) {
    let latest = uses.entry(realm).or_default().entry(token).or_insert(at);
    *latest = at.max(*latest);
}
