//! Verification keys: the realms' own, and where those of external issuers come from. Not
//! here: keys that another process made a moment ago (`news`), and fetching (`issuers`).

use crate::adapter::FeedNews;
use crate::introspection::Introspector;
use crate::issuers::Issuers;
use crate::realms::Served;
use async_trait::async_trait;
use doorward_gate::policy::spec::{IntrospectionSpec, RemoteSource};
use doorward_gate::port::{IssuerKeys, RemoteKeys, RemoteTokens};
use doorward_identity::act::KeyNews as _;
use doorward_jose::key_set::KeySet;
use doorward_surface::RealmHandle;
use std::sync::Arc;

/// Reads the keyrings in force.
pub(crate) struct RealmKeys {
    news: Arc<FeedNews>,
    issuers: Arc<Issuers>,
}

impl RealmKeys {
    pub(crate) fn new(news: Arc<FeedNews>, issuers: Arc<Issuers>) -> Self {
        Self { news, issuers }
    }
}

#[async_trait]
impl IssuerKeys for RealmKeys {
    fn own(&self, realm: &RealmHandle) -> Option<(Arc<KeySet>, u64)> {
        let served = realm.get::<Arc<Served>>()?;
        // The generation first: if the keys change in between, the cache is emptied
        // once too often, never once too seldom.
        let generation = served.live.key_generation();
        Some((Arc::clone(served.realm.keyring().inbound()), generation))
    }

    fn own_generation(&self, realm: &RealmHandle) -> u64 {
        realm
            .get::<Arc<Served>>()
            .map_or(0, |served| served.live.key_generation())
    }

    async fn look_again(&self, _: &RealmHandle) {
        if let Err(error) = self.news.catch_up().await {
            tracing::debug!(%error, "new keys could not be looked for");
        }
    }

    fn remote(&self, source: &RemoteSource) -> Option<Arc<dyn RemoteKeys>> {
        let keys = self.issuers.keys_of(source)?;
        Some(keys as Arc<dyn RemoteKeys>)
    }

    fn tokens(&self, spec: &IntrospectionSpec) -> Option<Arc<dyn RemoteTokens>> {
        let asked = Introspector::new(spec, self.issuers.egress())?;
        Some(Arc::new(asked))
    }
}
