//! The realms this process serves, by name. A reload replaces the map at once; a
//! request works on the entry it found.

use crate::live::RealmLive;
use arc_swap::ArcSwap;
use doorward_base::{RealmId, RealmName};
use doorward_identity::act::Realm;
use doorward_identity::settings::RealmSettings;
use doorward_rows::DataRealm;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A realm that is served.
pub(crate) struct Served {
    /// Its settings and keys in force.
    pub(crate) realm: Arc<Realm>,
    /// What is known of it without asking the store. It outlives reloads.
    pub(crate) live: Arc<RealmLive>,
    /// Its rows, if it has any.
    pub(crate) data: Option<Arc<DataRealm>>,
    /// How long what is made from a credential can live on after it.
    pub(crate) longest_life: Duration,
}

impl Served {
    /// Whether the keys that the realm has are those it is to have by these settings. The
    /// feed keeps them as they are in the store.
    pub(crate) fn signs_alike(&self, settings: &RealmSettings) -> bool {
        self.realm.settings.tokens.algorithm == settings.tokens.algorithm
    }

    /// Whether what is known of the realm suffices for it as it will be.
    pub(crate) fn knows_enough_for(&self, next: &Self) -> bool {
        self.signs_alike(&next.realm.settings)
            && self.longest_life >= next.longest_life
            && Arc::ptr_eq(&self.live, &next.live)
    }
}

/// Realms as they were in force together.
pub(crate) type Map = Arc<HashMap<RealmName, Arc<Served>>>;

/// All of them.
#[derive(Default)]
pub(crate) struct Realms(ArcSwap<HashMap<RealmName, Arc<Served>>>);

impl Realms {
    pub(crate) fn get(&self, name: &RealmName) -> Option<Arc<Served>> {
        self.0.load().get(name).cloned()
    }

    /// A realm by the store's number.
    pub(crate) fn find(&self, id: RealmId) -> Option<Arc<Served>> {
        self.0
            .load()
            .values()
            .find(|served| served.live.id == id)
            .cloned()
    }

    /// Every realm.
    pub(crate) fn all(&self) -> Vec<Arc<Served>> {
        self.0.load().values().cloned().collect()
    }

    /// Puts other realms in force and returns those that were.
    pub(crate) fn replace(&self, served: Vec<Arc<Served>>) -> Map {
        let map = served
            .into_iter()
            .map(|served| (served.realm.settings.name.clone(), served));
        self.0.swap(Arc::new(map.collect()))
    }

    /// Puts these back in force.
    pub(crate) fn restore(&self, map: Map) {
        self.0.store(map);
    }
}
