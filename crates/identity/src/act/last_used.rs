//! When API tokens and clients' secrets were last used, gathered in memory and written
//! together.

use crate::model::{SecretUse, TokenUse};
use crate::port::{StoreError, StoreHandle};
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, RealmId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many uses are written in one transaction: it must end well before a statement is
/// given up, and holds what it writes against whoever revokes.
const BATCH: usize = 500;

/// The uses in one realm.
#[derive(Debug, Default)]
struct Uses {
    tokens: HashMap<ApiTokenId, TokenUse>,
    secrets: HashMap<TokenDigest, SecretUse>,
}

/// The uses that wait to be written. One entry per token and secret, so its size is
/// bounded by the number that exist.
#[derive(Debug, Default)]
pub struct LastUsed(Mutex<HashMap<RealmId, Uses>>);

impl LastUsed {
    /// Notes a use of an API token.
    pub fn record(&self, realm: RealmId, used: TokenUse) {
        self.lock().entry(realm).or_default().note(Use::Token(used));
    }

    /// Notes a use of a client's secret.
    pub fn record_secret(&self, realm: RealmId, used: SecretUse) {
        self.lock()
            .entry(realm)
            .or_default()
            .note(Use::Secret(used));
    }

    /// Writes what was gathered, and returns how many uses; on an error what was not
    /// written is kept for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self, store: &StoreHandle) -> Result<u64, StoreError> {
        let gathered = std::mem::take(&mut *self.lock());
        let (mut result, mut written) = (Ok(()), 0);
        for (realm, uses) in gathered {
            let tokens = uses.tokens.into_values().map(Use::Token);
            let secrets = uses.secrets.into_values().map(Use::Secret);
            let uses: Vec<Use> = tokens.chain(secrets).collect();
            // What comes after a batch that failed would likely fail too.
            let mut failed = false;
            for batch in uses.chunks(BATCH) {
                if !failed && let Err(error) = write(store, realm, batch).await {
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

    fn keep(&self, realm: RealmId, batch: &[Use]) {
        let mut uses = self.lock();
        let uses = uses.entry(realm).or_default();
        batch.iter().for_each(|used| uses.note(*used));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RealmId, Uses>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One use.
#[derive(Clone, Copy)]
enum Use {
    Token(TokenUse),
    Secret(SecretUse),
}

impl Uses {
    /// Keeps the later one.
    fn note(&mut self, used: Use) {
        match used {
            Use::Token(used) => {
                let latest = self.tokens.entry(used.token).or_insert(used);
                if used.at > latest.at {
                    *latest = used;
                }
            }
            Use::Secret(used) => {
                let latest = self.secrets.entry(used.digest).or_insert(used);
                if used.at > latest.at {
                    *latest = used;
                }
            }
        }
    }
}

async fn write(store: &StoreHandle, realm: RealmId, batch: &[Use]) -> Result<(), StoreError> {
    let (mut tokens, mut secrets) = (Vec::new(), Vec::new());
    for used in batch {
        match used {
            Use::Token(used) => tokens.push(*used),
            Use::Secret(used) => secrets.push(*used),
        }
    }
    let (tokens, secrets) = (Arc::new(tokens), Arc::new(secrets));
    store
        .write(realm, move |tx| {
            let (tokens, secrets) = (Arc::clone(&tokens), Arc::clone(&secrets));
            Box::pin(async move {
                if !tokens.is_empty() {
                    tx.touch_api_tokens(&tokens).await?;
                }
                if !secrets.is_empty() {
                    tx.touch_client_secrets(&secrets).await?;
                }
                Ok(())
            })
        })
        .await
}
