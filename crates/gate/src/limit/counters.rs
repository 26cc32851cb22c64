//! How often each limit was reached, for metrics. Not here: the counting that decides
//! (`stage::limit`).

use crate::policy::compiled::Limit;
use crate::policy::spec::OverLimit;
use doorward_base::RealmName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How often a limit was reached since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LimitReached {
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it would have refused, and only observes.
    pub observed: u64,
}

/// By realm and limit; as many as the configuration names and the dialects have.
#[derive(Debug, Default)]
pub struct LimitCounters(Mutex<BTreeMap<(RealmName, Arc<str>), LimitReached>>);

impl LimitCounters {
    /// Every limit that was reached.
    #[must_use]
    pub fn reached(&self) -> Vec<((RealmName, Arc<str>), LimitReached)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(key, count)| (key.clone(), *count))
            .collect()
    }

    pub(crate) fn count(&self, realm: &RealmName, limit: &Limit) {
        let key = (realm.clone(), Arc::clone(&limit.name));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(key).or_default();
        match limit.over {
            OverLimit::Observe => count.observed += 1,
            OverLimit::Refuse | OverLimit::RequirePayment => count.refused += 1,
        }
    }
}
