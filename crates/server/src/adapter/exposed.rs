//! Which credentials were seen to be exposed of late: a client that goes on calling over
//! plain HTTP is written down once in a while, not with every call.

use doorward_base::principal::CredentialId;
use doorward_base::{RealmId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often the same credential is written down.
const EVERY: Duration = Duration::from_secs(3600);
/// How many are remembered; beyond them all are forgotten.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Exposed(Mutex<HashMap<(RealmId, CredentialId), Timestamp>>);

impl Exposed {
    /// Whether it is to be written down now.
    pub(super) fn is_due(&self, realm: RealmId, credential: CredentialId, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = seen.get(&(realm, credential));
        if last.is_some_and(|last| now.since(*last) < EVERY) {
            return false;
        }
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert((realm, credential), now);
        true
    }

    /// It could not be written down: it is tried again.
    pub(super) fn forget(&self, realm: RealmId, credential: CredentialId) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(realm, credential));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::ApiTokenId;

    #[test]
    fn a_credential_is_written_down_once_an_hour_and_another_at_once() {
        let exposed = Exposed::default();
        let token = |n| CredentialId::ApiToken(ApiTokenId::from_bytes([n; 16]));
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        assert!(exposed.is_due(RealmId(1), token(1), at(0)));
        assert!(!exposed.is_due(RealmId(1), token(1), at(3599)));
        assert!(exposed.is_due(RealmId(1), token(2), at(1)));
        assert!(exposed.is_due(RealmId(2), token(1), at(1)));
        assert!(exposed.is_due(RealmId(1), token(1), at(3600)));
        exposed.forget(RealmId(1), token(1));
        assert!(exposed.is_due(RealmId(1), token(1), at(3601)));
    }
}
