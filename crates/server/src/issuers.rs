//! The keys of external issuers: fetched from their JWKS URLs, or from where their metadata
//! says, ahead of need, kept through an outage, fetched at once when a token names a key
//! that is new. Realms that name the same URL share what is behind it.
//!
//! Not here: how a request goes out (`outbound::egress`), what a key verifies (the gate),
//! and opaque tokens (`introspection`).

#[cfg(test)]
mod tests;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use doorward_base::egress::{Egress, EgressRequest, EgressUrl, Transport};
use doorward_gate::policy::spec::RemoteSource;
use doorward_gate::port::RemoteKeys;
use doorward_jose::key_set::KeySet;
use doorward_jose::{digest, json};
use http::header::ACCEPT;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How old a set becomes before it is fetched again: a key that its issuer took back is
/// refused after this long at the latest.
const REFRESH: Duration = Duration::from_secs(300);
/// From one attempt to the next, whoever asks: names of keys can be made up.
const COOLDOWN: Duration = Duration::from_secs(30);
/// The same while no set is believed at all: what waits for one is served soon after its
/// issuer is there, and nothing that a made-up name could cause is more than this.
const RETRY: Duration = Duration::from_secs(2);
/// How long a set is believed that could not be fetched again.
const LAST_GOOD: Duration = Duration::from_secs(24 * 3600);
/// How often is looked whether something is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many sets are fetched at once.
const AT_ONCE: usize = 16;
/// How many keys that are not used are named in the log.
const NAMED: usize = 8;

/// Every issuer whose keys are fetched.
pub(crate) struct Issuers {
    egress: Arc<dyn Egress>,
    /// What no policy asks for any more goes with the last that did.
    known: Mutex<HashMap<RemoteSource, Weak<FetchedKeys>>>,
}

/// How the issuers fare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Health {
    pub(crate) known: usize,
    /// Whose tokens cannot be verified.
    pub(crate) without_keys: usize,
    /// Whose last fetch failed.
    pub(crate) failing: usize,
}

impl Issuers {
    /// Fetches by `egress`.
    pub(crate) fn new(egress: Arc<dyn Egress>) -> Self {
        Self {
            egress,
            known: Mutex::default(),
        }
    }

    /// The keys of a source, followed from here on; `None` for what is no URL to fetch.
    pub(crate) fn keys_of(&self, source: &RemoteSource) -> Option<Arc<FetchedKeys>> {
        let url = source.url().to_string().parse().ok()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(source).and_then(Weak::upgrade) {
            return Some(keys);
        }
        let keys = Arc::new(FetchedKeys(Arc::new(Source {
            url,
            metadata_of: match source {
                RemoteSource::Jwks(_) => None,
                RemoteSource::Discovery { issuer, .. } => Some(Arc::clone(issuer)),
            },
            egress: Arc::clone(&self.egress),
            loaded: ArcSwapOption::empty(),
            attempted: Arc::default(),
            failing: AtomicBool::new(false),
        })));
        known.insert(source.clone(), Arc::downgrade(&keys));
        Some(keys)
    }

    /// Fetches what is due, for ever. The caller ends it by dropping the future.
    pub(crate) async fn refresh_when_due(self: Arc<Self>) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let mut fetching = JoinSet::new();
            for keys in self.followed() {
                if fetching.len() >= AT_ONCE {
                    fetching.join_next().await;
                }
                let source = Arc::clone(&keys.0);
                fetching.spawn(async move { source.attempt(Reason::Due).await });
            }
            while fetching.join_next().await.is_some() {}
        }
    }

    /// The way out.
    pub(crate) fn egress(&self) -> Arc<dyn Egress> {
        Arc::clone(&self.egress)
    }

    pub(crate) fn health(&self) -> Health {
        let mut health = Health::default();
        for keys in self.followed() {
            health.known += 1;
            health.without_keys += usize::from(keys.generation().is_none());
            health.failing += usize::from(keys.0.failing.load(Ordering::Relaxed));
        }
        health
    }

    fn followed(&self) -> Vec<Arc<FetchedKeys>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, keys| keys.strong_count() > 0);
        known.values().filter_map(Weak::upgrade).collect()
    }
}

/// The keys behind one URL.
pub(crate) struct FetchedKeys(Arc<Source>);

struct Source {
    url: EgressUrl,
    /// Whose metadata is behind the URL, if it is not the set itself.
    metadata_of: Option<Arc<str>>,
    egress: Arc<dyn Egress>,
    loaded: ArcSwapOption<Loaded>,
    /// When the last attempt began; held while one is under way.
    attempted: Arc<AsyncMutex<Option<Instant>>>,
    failing: AtomicBool,
}

/// A set that was fetched.
struct Loaded {
    keys: Arc<KeySet>,
    generation: u64,
    /// Of the document: the same one again is no news.
    digest: [u8; 32],
    /// When it was last seen there.
    seen: Instant,
}

/// Why keys are fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Time passed.
    Due,
    /// A token of now needs others than are known.
    Wanted(Instant),
}

#[async_trait]
impl RemoteKeys for FetchedKeys {
    fn known(&self) -> Option<(Arc<KeySet>, u64)> {
        let loaded = self.0.loaded.load();
        let loaded = loaded.as_ref().filter(|loaded| loaded.is_believed())?;
        Some((Arc::clone(&loaded.keys), loaded.generation))
    }

    fn generation(&self) -> Option<u64> {
        let loaded = self.0.loaded.load();
        let loaded = loaded.as_ref().filter(|loaded| loaded.is_believed())?;
        Some(loaded.generation)
    }

    async fn look_again(&self) {
        let now = Instant::now();
        // Where there are none at all, those of an attempt that is under way, or was a moment
        // ago, are as good: nobody waits for two.
        let since = match self.generation() {
            Some(_) => now,
            None => now.checked_sub(RETRY * 3).unwrap_or(now),
        };
        let wanted = Reason::Wanted(since);
        // Nothing is under way and the last attempt is too fresh: the usual end of a
        // flood of made-up names.
        if let Ok(last) = self.0.attempted.try_lock()
            && !may_begin(*last, wanted, self.0.cooldown())
        {
            return;
        }
        let source = Arc::clone(&self.0);
        // A task of its own: a caller that goes away must not end it for the others.
        let fetching = tokio::spawn(async move { source.attempt(wanted).await });
        if fetching.await.is_err() {
            tracing::error!("fetching an issuer's keys ended early");
        }
    }
}

impl Loaded {
    fn is_believed(&self) -> bool {
        self.seen.elapsed() < LAST_GOOD
    }
}

/// Whether another attempt may begin after the one that began last.
fn may_begin(last: Option<Instant>, reason: Reason, cooldown: Duration) -> bool {
    let Some(last) = last else { return true };
    let fresh_enough = matches!(reason, Reason::Wanted(since) if last >= since);
    !fresh_enough && last.elapsed() >= cooldown
}

impl Source {
    fn cooldown(&self) -> Duration {
        let loaded = self.loaded.load();
        match loaded.as_ref().is_some_and(|loaded| loaded.is_believed()) {
            true => COOLDOWN,
            false => RETRY,
        }
    }

    /// One attempt at a time, stamped before it begins: one that fails is not repeated at
    /// once either. Who waited for one that began after it asked has what it wants.
    async fn attempt(&self, reason: Reason) {
        let mut last: OwnedMutexGuard<_> = Arc::clone(&self.attempted).lock_owned().await;
        let is_due = || {
            let loaded = self.loaded.load();
            let seen = loaded.as_ref().map(|loaded| loaded.seen);
            seen.is_none_or(|seen| seen.elapsed() >= REFRESH)
        };
        if !may_begin(*last, reason, self.cooldown()) || (reason == Reason::Due && !is_due()) {
            return;
        }
        *last = Some(Instant::now());
        let outcome = self.fetch().await;
        let failed = self.failing.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(problem) if !failed => {
                tracing::warn!(issuer = ?self.url, problem, "an issuer's keys could not be fetched; the last good ones stay");
            }
            Ok(()) if failed => {
                tracing::info!(issuer = ?self.url, "an issuer's keys were fetched again");
            }
            _ => {}
        }
    }

    async fn fetch(&self) -> Result<(), String> {
        let document = match &self.metadata_of {
            None => self.get(self.url.clone()).await?,
            Some(issuer) => {
                let metadata = self.get(self.url.clone()).await?;
                self.get(place_of_keys(&metadata, issuer, &self.url)?)
                    .await?
            }
        };
        let digest = digest::sha256(&document);
        let before = self.loaded.load_full();
        let generation = before.as_ref().map_or(0, |before| before.generation);
        let same = before.filter(|before| before.digest == digest);
        let (keys, generation) = match same {
            Some(same) => (Arc::clone(&same.keys), generation),
            None => {
                let keys =
                    KeySet::from_jwks_json(&document).map_err(|error| error.check().to_owned())?;
                if keys.is_empty() {
                    return Err("no usable key".to_owned());
                }
                self.report_skipped(&keys);
                (Arc::new(keys), generation + 1)
            }
        };
        let loaded = Loaded {
            keys,
            generation,
            digest,
            seen: Instant::now(),
        };
        self.loaded.store(Some(Arc::new(loaded)));
        Ok(())
    }

    async fn get(&self, url: EgressUrl) -> Result<Vec<u8>, String> {
        let mut request = EgressRequest::get(url);
        request.transport = Transport::PlainToo;
        let json = HeaderValue::from_static("application/jwk-set+json, application/json");
        request.headers.insert(ACCEPT, json);
        let answer = self.egress.send(request).await;
        let answer = answer.map_err(|error| error.code().to_owned())?;
        if answer.status != StatusCode::OK {
            return Err(format!("status {}", answer.status.as_u16()));
        }
        Ok(answer.body)
    }

    /// Keys of a set that are none for us: said once for each set, for whoever wonders why a
    /// token's key is not known.
    fn report_skipped(&self, keys: &KeySet) {
        let skipped = keys.skipped();
        if skipped.is_empty() {
            return;
        }
        let named: Vec<String> = skipped
            .iter()
            .take(NAMED)
            .map(|one| {
                let kid: String = one.kid.as_deref().unwrap_or("-").chars().take(64).collect();
                format!("{kid:?} ({})", one.reason.check())
            })
            .collect();
        tracing::warn!(
            issuer = ?self.url, used = keys.len(), skipped = skipped.len(),
            keys = named.join(", "), "an issuer publishes keys that are not used"
        );
    }
}

/// Where an issuer's metadata says that its keys are. It must be of this issuer (RFC 8414
/// §3.3), and lead from TLS nowhere but to TLS.
fn place_of_keys(metadata: &[u8], issuer: &str, from: &EgressUrl) -> Result<EgressUrl, String> {
    let metadata = json::parse_object(metadata).map_err(|_| "metadata_malformed".to_owned())?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err("metadata_of_another_issuer".to_owned());
    }
    let url: EgressUrl = text("jwks_uri")
        .and_then(|url| url.parse().ok())
        .ok_or_else(|| "metadata_without_jwks_uri".to_owned())?;
    if url.is_tls() || (!from.is_tls() && url.is_same_origin(from)) {
        Ok(url)
    } else {
        Err("jwks_uri_insecure".to_owned())
    }
}
