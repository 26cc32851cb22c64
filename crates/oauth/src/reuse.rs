//! Access tokens that were given for an API token a moment ago, given again while most of
//! their life is left: scripts that exchange before every call cost one token. Not here:
//! whether the API token still stands, which is asked each time (`exchange`).

use doorward_base::Timestamp;
use doorward_base::principal::Epoch;
use doorward_identity::act::{ExchangeRequest, Issued};
use doorward_jose::digest::sha256;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are kept; of more, those are that came first.
const MOST: usize = 10_000;

/// One realm's, by what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Reuse(Mutex<HashMap<Asked, Issued>>);

/// A digest of an exchange: the API token and all that it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Asked([u8; 32]);

impl Asked {
    pub(crate) fn of(request: &ExchangeRequest) -> Self {
        let duration = request.duration.as_ref().map(Value::to_string);
        let parts = [
            Some(request.secret.expose()),
            duration.as_deref(),
            request.scope.as_deref(),
        ];
        let mut whole = Vec::new();
        for part in parts {
            // What is not there is not the same as what is empty.
            let length = part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(0));
            whole.extend_from_slice(&length.to_be_bytes());
            whole.extend_from_slice(part.unwrap_or_default().as_bytes());
        }
        Self(sha256(&whole))
    }
}

impl Reuse {
    /// What was given for this, if it may be given again: it was made under this epoch of its
    /// owner, and 70 % of its life is left.
    pub(crate) fn find(&self, asked: Asked, epoch: Epoch, now: Timestamp) -> Option<Issued> {
        let kept = self.lock();
        let issued = kept.get(&asked)?;
        (is_fresh(issued, now) && epoch_of(issued) == Some(epoch)).then(|| issued.clone())
    }

    /// Keeps what was given.
    pub(crate) fn keep(&self, asked: Asked, issued: &Issued, now: Timestamp) {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.retain(|_, issued| is_fresh(issued, now));
        }
        if kept.len() < MOST || kept.contains_key(&asked) {
            kept.insert(asked, issued.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, Issued>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(issued: &Issued, now: Timestamp) -> bool {
    let life = issued.expires_at.since(issued.issued_at);
    issued.expires_at.since(now) >= life * 7 / 10
}

/// The epoch that the token says its authority is of.
fn epoch_of(issued: &Issued) -> Option<Epoch> {
    let own = issued.claims.get("dw")?;
    own.get("e").and_then(Value::as_i64).map(Epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::{Secret, SubjectId};
    use serde_json::json;

    fn request(secret: &str, duration: Option<Value>, scope: Option<&str>) -> Asked {
        Asked::of(&ExchangeRequest {
            secret: Secret::new(secret.to_owned()),
            duration,
            scope: scope.map(str::to_owned),
            tenant: None,
            role: None,
            audience: None,
        })
    }

    fn issued(at: i64, epoch: i64) -> Issued {
        Issued {
            jwt: Secret::new("a.b.c".to_owned()),
            issued_at: Timestamp::from_seconds(at),
            expires_at: Timestamp::from_seconds(at + 100),
            expires_in: 100,
            scopes: vec![],
            roles: vec![],
            role: None,
            subject: SubjectId::from_bytes([1; 16]),
            tenant: None,
            claims: json!({"dw": {"e": epoch}}).as_object().unwrap().clone(),
        }
    }

    /// HO-45.
    #[test]
    fn the_same_is_given_while_seven_tenths_of_its_life_are_left() {
        let (reuse, asked) = (Reuse::default(), request("s", None, None));
        let at = Timestamp::from_seconds;
        reuse.keep(asked, &issued(1000, 3), at(1000));
        for (now, epoch, given) in [
            (1000, 3, true),
            (1030, 3, true),
            (1031, 3, false),
            (1000, 4, false),
            (1000, 2, false),
            (1200, 3, false),
        ] {
            let found = reuse.find(asked, Epoch(epoch), at(now));
            assert_eq!(found.is_some(), given, "{now} {epoch}");
        }
    }

    #[test]
    fn whoever_asks_for_something_else_is_given_something_else() {
        let all = [
            request("s", None, None),
            request("t", None, None),
            request("s", Some(json!(60)), None),
            request("s", Some(json!("60")), None),
            request("s", None, Some("60")),
            request("s", None, Some("")),
            request("s", Some(json!(6)), Some("0")),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_over_makes_room() {
        let (reuse, at) = (Reuse::default(), Timestamp::from_seconds);
        for number in 0..MOST + 5 {
            let asked = request(&number.to_string(), None, None);
            reuse.keep(asked, &issued(1000, 0), at(1000));
        }
        assert_eq!(reuse.lock().len(), MOST);
        reuse.keep(request("later", None, None), &issued(1100, 0), at(1100));
        assert_eq!(reuse.lock().len(), 1);
    }
}
