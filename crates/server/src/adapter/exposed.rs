//! Which credentials were seen to be exposed of late: a client that goes on calling over
//! plain HTTP is written down once in a while, not with every call. An API token and an access
//! token that was made from it are told apart: what becomes of them differs.

use doorward_base::principal::CredentialId;
use doorward_base::{CredentialKind, RealmId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often the same credential is written down.
const EVERY: Duration = Duration::from_secs(3600);
/// How many are remembered; beyond them all are forgotten.
const MOST: usize = 10_000;

/// What came, and in which realm.
type Seen = (RealmId, CredentialId, CredentialKind);

#[derive(Debug, Default)]
pub(super) struct Exposed(Mutex<HashMap<Seen, Timestamp>>);

impl Exposed {
    /// Whether it is to be written down now.
    pub(super) fn is_due(&self, what: Seen, now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = seen.get(&what);
        if last.is_some_and(|last| now.since(*last) < EVERY) {
            return false;
        }
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(what, now);
        true
    }

    /// It could not be written down: it is tried again.
    pub(super) fn forget(&self, what: Seen) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialKind::{ApiToken, Jwt};
    use doorward_base::ApiTokenId;

    #[test]
    fn a_credential_is_written_down_once_an_hour_and_another_at_once() {
        let exposed = Exposed::default();
        let of = |realm, token: u8, kind| {
            let id = CredentialId::ApiToken(ApiTokenId::from_bytes([token; 16]));
            (RealmId(realm), id, kind)
        };
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        // The token is due although an access token of it was seen.
        assert!(exposed.is_due(of(1, 1, Jwt), at(0)));
        assert!(exposed.is_due(of(1, 1, ApiToken), at(0)));
        assert!(!exposed.is_due(of(1, 1, ApiToken), at(3599)));
        assert!(exposed.is_due(of(1, 2, ApiToken), at(1)));
        assert!(exposed.is_due(of(2, 1, ApiToken), at(1)));
        assert!(exposed.is_due(of(1, 1, ApiToken), at(3600)));
        exposed.forget(of(1, 1, ApiToken));
        assert!(exposed.is_due(of(1, 1, ApiToken), at(3601)));
    }
}
