//! A map that is read without a lock while it is written: readers have a version that
//! does not change, and the next version shares all but what is new. Not here: which
//! version readers have (`live`).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// How many entries lie in the recent layer at least before they are put to the rest.
const RECENT: usize = 256;

/// A large layer that versions share, and a small one that each copies. Copying costs the
/// square root of what there is, and so, over many versions, does putting them together.
#[derive(Debug)]
pub(super) struct Layered<K, V> {
    base: Arc<HashMap<K, V>>,
    recent: HashMap<K, V>,
}

impl<K, V> Default for Layered<K, V> {
    fn default() -> Self {
        Self {
            base: Arc::default(),
            recent: HashMap::new(),
        }
    }
}

impl<K: Clone, V: Clone> Clone for Layered<K, V> {
    fn clone(&self) -> Self {
        Self {
            base: Arc::clone(&self.base),
            recent: self.recent.clone(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Layered<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.recent.get(key).or_else(|| self.base.get(key))
    }

    /// Adds an entry, or replaces it.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.recent.insert(key, value);
        let many = RECENT.max(2 * self.base.len().isqrt());
        if self.recent.len() > many {
            self.settle();
        }
    }

    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }

    /// Keeps those that `keep` wants, and no more room than they need.
    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        // Put together first: what a recent entry replaced must not come back with its
        // removal.
        if !self.recent.is_empty() {
            self.settle();
        }
        if self.base.values().any(|value| !keep(value)) {
            let kept = self.base.iter().filter(|(_, value)| keep(value));
            let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
            self.base = Arc::new(kept.collect());
        }
    }

    /// Every value; of one that was replaced lately, both.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.recent.values().chain(self.base.values())
    }

    /// How many entries take up room.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.recent.len() + self.base.len()
    }

    fn settle(&mut self) {
        let mut all = HashMap::clone(&self.base);
        all.extend(std::mem::take(&mut self.recent));
        self.base = Arc::new(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain map: inserts and removals in any order, across many layers.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0u16..2000, 0u16..4), 1..3000)) {
            let (mut layered, mut plain) = (Layered::default(), HashMap::new());
            for (key, step) in steps {
                if step == 0 && key < 20 {
                    let keep = |value: &u16| value % 20 != key;
                    layered.retain(keep);
                    plain.retain(|_, value| keep(value));
                } else {
                    layered.insert(key, key.wrapping_mul(step));
                    plain.insert(key, key.wrapping_mul(step));
                }
            }
            for key in 0..2000 {
                prop_assert_eq!(layered.get(&key), plain.get(&key));
            }
        }
    }

    #[test]
    fn a_version_stays_as_it_was_and_versions_share_what_is_large() {
        let mut map = Layered::default();
        map.extend((0..10_000).map(|key| (key, 1)));
        let before = map.clone();
        map.insert(5, 2);
        map.insert(10_001, 2);
        assert_eq!((before.get(&5), before.get(&10_001)), (Some(&1), None));
        assert_eq!((map.get(&5), map.get(&10_001)), (Some(&2), Some(&2)));
        assert!(Arc::ptr_eq(&before.base, &map.base));
        assert!(map.recent.len() <= RECENT.max(200));
        map.retain(|value| *value == 1);
        assert_eq!((map.get(&10_001), map.get(&5)), (None, None));
    }
}
