//! Requests at the gate, for the audit log: one row for each caller, route, method and
//! decision in a period, with how many there were. A row for each request would be a synced
//! write for each. Not here: which requests (the gate), and how often they are written.

use crate::model::{Actor, AuditAction, AuditEvent, Outcome};
use crate::port::{StoreError, StoreHandle};
use doorward_base::{ErrorCode, RealmId, RequestId, SubjectId, TenantId, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many rows of one realm a period has; beyond that callers are counted without a name.
const MOST: usize = 16 * 1024;
/// How many rows are written in one transaction.
const BATCH: usize = 256;
/// The most of a name that a row has, characters: another login makes it up.
const LONGEST: usize = 256;

/// One request that was decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub request: RequestId,
    /// From where.
    pub peer: Option<IpAddr>,
    /// By whom, if that is somebody here.
    pub subject: Option<SubjectId>,
    /// In which tenant.
    pub tenant: Option<TenantId>,
    /// What its issuer calls the caller, and which issuer that is.
    pub name: Option<(Arc<str>, Arc<str>)>,
    /// The pattern of the route, if there was one.
    pub route: Option<Arc<str>>,
    /// The method; one that few know is another.
    pub method: &'static str,
    /// The refusal; `None` was let through.
    pub code: Option<ErrorCode>,
}

/// What is counted together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kind {
    name: Option<(Arc<str>, Arc<str>)>,
    tenant: Option<TenantId>,
    route: Option<Arc<str>>,
    method: &'static str,
    code: Option<ErrorCode>,
}

#[derive(Clone, Debug)]
struct Count {
    first: Request,
    times: u64,
    last: Timestamp,
}

/// The requests that wait to be written down.
#[derive(Debug, Default)]
pub struct Accesses(Mutex<HashMap<RealmId, HashMap<Kind, Count>>>);

impl Accesses {
    /// Counts a request.
    pub fn count(&self, realm: RealmId, request: Request) {
        let last = request.at;
        let one = Count {
            first: request,
            times: 1,
            last,
        };
        add(self.lock().entry(realm).or_default(), one);
    }

    /// Writes down what was counted, and returns how many rows; what cannot be written is kept
    /// for the next time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&self, store: &StoreHandle) -> Result<u64, StoreError> {
        let gathered = std::mem::take(&mut *self.lock());
        let (mut result, mut written) = (Ok(()), 0);
        for (realm, counts) in gathered {
            let mut counts: Vec<Count> = counts.into_values().collect();
            counts.sort_unstable_by_key(|count| count.first.at);
            for batch in counts.chunks(BATCH) {
                let rows: Arc<[AuditEvent]> = batch.iter().map(row).collect();
                let done = store.write(realm, move |tx| {
                    let rows = Arc::clone(&rows);
                    Box::pin(async move {
                        for row in &*rows {
                            tx.append_audit(row).await?;
                        }
                        Ok(())
                    })
                });
                match done.await {
                    Ok(()) => written += u64::try_from(batch.len()).unwrap_or(0),
                    Err(error) => {
                        let mut counts = self.lock();
                        let of_realm = counts.entry(realm).or_default();
                        batch.iter().for_each(|count| add(of_realm, count.clone()));
                        result = Err(error);
                    }
                }
            }
        }
        result.map(|()| written)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RealmId, HashMap<Kind, Count>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(counts: &mut HashMap<Kind, Count>, mut count: Count) {
    let mut kind = kind_of(&count.first);
    if counts.len() >= MOST && !counts.contains_key(&kind) {
        let first = &mut count.first;
        (first.subject, first.tenant, first.name) = (None, None, None);
        kind = kind_of(first);
    }
    match counts.entry(kind) {
        Entry::Occupied(mut known) => {
            let known = known.get_mut();
            known.times += count.times;
            known.last = known.last.max(count.last);
            if known.first.peer != count.first.peer {
                known.first.peer = None;
            }
        }
        Entry::Vacant(place) => drop(place.insert(count)),
    }
}

fn kind_of(request: &Request) -> Kind {
    Kind {
        name: request.name.clone(),
        tenant: request.tenant.clone(),
        route: request.route.clone(),
        method: request.method,
        code: request.code,
    }
}

/// The row: the first of them, how many there were and until when. Its address is told where
/// all came from one.
fn row(count: &Count) -> AuditEvent {
    let first = &count.first;
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let mut detail = Map::new();
    let mut say = |name: &str, value: Value| drop(detail.insert(name.to_owned(), value));
    if let Some((issuer, sub)) = &first.name {
        say("sub", cut(sub).into());
        say("issuer", cut(issuer).into());
    }
    say("route", first.route.as_deref().map(cut).into());
    say("method", first.method.into());
    say("count", json!(count.times));
    say("until", json!(count.last.to_string()));
    AuditEvent {
        at: first.at,
        request: first.request,
        actor: first.subject.map_or(Actor::Anonymous, Actor::Subject),
        action: AuditAction::Access,
        outcome: first.code.map_or(Outcome::Success, Outcome::Refused),
        subject: first.subject,
        tenant: first.tenant.clone(),
        token: None,
        session: None,
        peer: first.peer,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(second: i64, sub: &str, code: Option<ErrorCode>) -> Request {
        Request {
            at: Timestamp::from_seconds(second),
            request: RequestId::from_bytes([1; 16]),
            peer: Some(IpAddr::from([192, 0, 2, 1])),
            subject: None,
            tenant: None,
            name: (!sub.is_empty()).then(|| ("https://id.test/".into(), sub.into())),
            route: Some("/api/**".into()),
            method: "GET",
            code,
        }
    }

    fn rows(counts: &HashMap<Kind, Count>) -> Vec<Value> {
        let mut rows: Vec<Value> = counts
            .values()
            .map(|count| {
                let row = row(count);
                json!([
                    row.detail.get("sub"),
                    row.outcome == Outcome::Success,
                    row.detail["count"]
                ])
            })
            .collect();
        rows.sort_by_key(ToString::to_string);
        rows
    }

    /// HO-31.
    #[test]
    fn each_caller_and_decision_has_a_row_that_says_how_many() {
        let refused = Some(ErrorCode::InsufficientScope);
        let mut counts = HashMap::new();
        for (second, sub, code) in [
            (1, "auth0|a", None),
            (2, "auth0|a", None),
            (3, "auth0|a", refused),
            (4, "auth0|b", None),
            (5, "", Some(ErrorCode::CredentialMissing)),
        ] {
            let first = request(second, sub, code);
            add(
                &mut counts,
                Count {
                    last: first.at,
                    first,
                    times: 1,
                },
            );
        }
        assert_eq!(
            rows(&counts),
            [
                json!(["auth0|a", false, 1]),
                json!(["auth0|a", true, 2]),
                json!(["auth0|b", true, 1]),
                json!([null, false, 1]),
            ]
        );
    }

    #[test]
    fn callers_without_number_lose_their_names_and_are_counted() {
        let mut counts = HashMap::new();
        for number in 0..MOST + 1000 {
            let first = request(1, &format!("s{number}"), None);
            add(
                &mut counts,
                Count {
                    last: first.at,
                    first,
                    times: 1,
                },
            );
        }
        assert_eq!(counts.len(), MOST + 1);
        let all: u64 = counts.values().map(|count| count.times).sum();
        assert_eq!(all, u64::try_from(MOST + 1000).unwrap());
    }
}
