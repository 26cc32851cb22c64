//! Many tasks at once. Each case has one right answer however they interleave.

use super::fixture::{
    all, at, challenge, challenge_id, event, factor, factor_id, group, invitation, people, realm,
    session, session_id, subject_id, token, user,
};
use super::{reading, writing};
use doorward_base::principal::Epoch;
use doorward_base::{ApiTokenId, RealmId};
use doorward_identity::model::{AuditAction, ChallengeKind, Change, ChangeSeq, FactorKind};
use doorward_identity::port::{AuditFilter, ChallengeKey, StoreError, StoreHandle, TokenFilter};
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinSet;

const TASKS: u8 = 64;

/// Runs `work` in 64 tasks and gathers what they answer, in no order.
async fn together<T, F>(work: impl Fn(u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        tasks.spawn(work(n));
    }
    tasks.join_all().await
}

fn count<T: PartialEq>(answers: &[T], answer: &T) -> usize {
    answers.iter().filter(|given| *given == answer).count()
}

pub(crate) async fn one_token_under_a_limit_of_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let answers = together(|n| {
        let store = store.clone();
        async move { mint_under_limit(&store, realm, n).await.unwrap() }
    })
    .await;
    assert_eq!(count(&answers, &true), 1);
    let tokens = reading!(store, realm, [], |tx| tx
        .list_api_tokens(TokenFilter::All, all())
        .await);
    assert_eq!(tokens.unwrap().len(), 1);
}

async fn mint_under_limit(store: &StoreHandle, realm: RealmId, n: u8) -> Result<bool, StoreError> {
    let mut new = token(n, 1);
    // An id of its own for each task, 0 included.
    new.token.id = ApiTokenId::from_bytes([n.wrapping_add(100); 16]);
    writing!(store, realm, [new], |tx| {
        let class = &new.token.class;
        if tx.count_active_tokens(group(1, class), at(1), 9).await? >= 1 {
            return Ok(false);
        }
        tx.insert_api_token(&new).await?;
        Ok(true)
    })
}

pub(crate) async fn a_session_is_ended_by_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    writing!(store, realm, [], |tx| tx
        .insert_session(&session(1, 1, None))
        .await)
    .unwrap();
    let answers = together(|n| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| tx
                .end_session(session_id(1), at(n.into()))
                .await)
            .unwrap()
        }
    })
    .await;
    assert_eq!(count(&answers, &true), 1);
}

pub(crate) async fn a_challenge_is_taken_by_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let one = invitation(1, 9, "acme");
    writing!(store, realm, [one], |tx| tx.put_challenge(&one).await).unwrap();
    let key = ChallengeKey::Digest(one.kind, one.digest);
    let answers = together(|_| {
        let (store, key) = (store.clone(), key.clone());
        async move { writing!(store, realm, [key], |tx| tx.take_challenge(&key).await).unwrap() }
    })
    .await;
    assert_eq!(count(&answers, &Some(one)), 1);
    assert_eq!(count(&answers, &None), usize::from(TASKS) - 1);
}

/// As a use-case does it: look, then count or end.
pub(crate) async fn attempts_in_parallel_never_exceed_the_cap(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let one = challenge(1, ChallengeKind::SignInCode);
    writing!(store, realm, [one], |tx| tx.put_challenge(&one).await).unwrap();
    let answers = together(|_| {
        let store = store.clone();
        async move {
            let key = ChallengeKey::Id(challenge_id(1));
            writing!(store, realm, [key], |tx| {
                let Some(found) = tx.find_challenge(&key).await? else {
                    return Ok(false);
                };
                if found.attempts + 1 == 5 {
                    tx.take_challenge(&key).await?;
                } else {
                    tx.count_attempt(found.id).await?;
                }
                Ok(true)
            })
            .unwrap()
        }
    })
    .await;
    assert_eq!(count(&answers, &true), 5);
}

pub(crate) async fn a_factors_counter_is_used_by_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    writing!(store, realm, [], |tx| tx
        .insert_factor(&factor(1, 1, FactorKind::Totp))
        .await)
    .unwrap();
    let answers = together(|_| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| tx
                .use_factor(factor_id(1), 7, at(7))
                .await)
            .unwrap()
        }
    })
    .await;
    assert_eq!(count(&answers, &true), 1);
}

pub(crate) async fn an_address_is_taken_by_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let answers = together(|n| {
        let store = store.clone();
        async move {
            let mut subject = user(n);
            subject.identifier = user(200).identifier;
            writing!(store, realm, [subject], |tx| tx
                .insert_subject(&subject)
                .await)
            .is_ok()
        }
    })
    .await;
    assert_eq!(count(&answers, &true), 1);
    let subjects = reading!(store, realm, [], |tx| tx.list_subjects(all()).await);
    assert_eq!(subjects.unwrap().len(), 1);
}

pub(crate) async fn epochs_count_every_bump(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let mut epochs = together(|_| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| tx
                .bump_epoch(subject_id(1), None, at(1))
                .await)
            .unwrap()
        }
    })
    .await;
    epochs.sort_unstable();
    let first = at(1).as_micros();
    let expected: Vec<_> = (first..first + i64::from(TASKS)).map(Epoch).collect();
    assert_eq!(epochs, expected);
}

pub(crate) async fn a_realm_gets_one_number(store: StoreHandle) {
    let mut numbers = together(|_| {
        let store = store.clone();
        async move { realm(&store, "fresh").await }
    })
    .await;
    numbers.dedup();
    assert_eq!(numbers.len(), 1);
}

pub(crate) async fn a_store_value_is_set_by_one(store: StoreHandle) {
    let mut values = together(|n| {
        let store = store.clone();
        async move {
            store
                .engine()
                .init_store_value("check", &[n])
                .await
                .unwrap()
        }
    })
    .await;
    values.dedup();
    assert_eq!(values.len(), 1);
}

pub(crate) async fn failures_leave_their_neighbours_alone(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let answers = together(|n| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| {
                tx.insert_subject(&user(n)).await?;
                tx.append_audit(&event(n, AuditAction::UserCreate)).await?;
                match n % 4 {
                    0 => Err(StoreError::Conflict("a test")),
                    1 if n < 8 => panic!("a test panics inside a transaction"),
                    2 => std::future::pending().await,
                    _ => Ok(n),
                }
            })
        }
    })
    .await;
    let mut kept: Vec<u8> = answers.into_iter().filter_map(Result::ok).collect();
    kept.sort_unstable();
    let expected: Vec<u8> = (0..TASKS)
        .filter(|n| n % 4 == 3 || (n % 4 == 1 && *n >= 8))
        .collect();
    assert_eq!(kept, expected);
    let (subjects, events) = reading!(store, realm, [], |tx| Ok((
        tx.list_subjects(all()).await?,
        tx.list_audit(&AuditFilter::default(), all()).await?,
    )))
    .unwrap();
    let stored: Vec<_> = subjects.iter().map(|subject| subject.id).collect();
    let expected: Vec<_> = expected.into_iter().map(subject_id).collect();
    assert_eq!(stored, expected);
    assert_eq!(events.len(), expected.len());
}

/// A follower that reads while others write misses nothing.
pub(crate) async fn changes_follow_commits_without_gaps(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let follower = tokio::spawn(follow(store.clone()));
    let answers = together(|n| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| {
                tx.append_change(Change::Subject(subject_id(n))).await?;
                if n % 2 == 0 {
                    return Err(StoreError::Conflict("a test"));
                }
                tx.append_change(Change::Session(session_id(n))).await
            })
            .is_ok()
        }
    })
    .await;
    assert_eq!(count(&answers, &true), usize::from(TASKS) / 2);
    writing!(store, realm, [], |tx| tx.append_change(Change::Keys).await).unwrap();
    let followed = follower.await.unwrap();
    let listed = store.engine().list_changes(ChangeSeq(0), 1000).await;
    let listed: Vec<_> = listed.unwrap().iter().map(|row| row.change).collect();
    assert_eq!(listed.len(), usize::from(TASKS) + 1);
    assert_eq!(followed, listed);
}

/// Follows the change log until the keys change.
async fn follow(store: StoreHandle) -> Vec<Change> {
    let mut seen = Vec::new();
    let mut after = ChangeSeq(0);
    while seen.last() != Some(&Change::Keys) {
        for row in store.engine().list_changes(after, 7).await.unwrap() {
            after = row.seq;
            seen.push(row.change);
        }
        tokio::task::yield_now().await;
    }
    seen
}

pub(crate) async fn a_lease_is_taken_by_one(store: StoreHandle) {
    let mut racing = JoinSet::new();
    for holder in 0..16 {
        let store = store.clone();
        racing.spawn(async move {
            let life = Duration::from_secs(3600);
            store.engine().take_lease("job", &[holder; 16], life).await
        });
    }
    let taken = racing.join_all().await;
    assert_eq!(taken.iter().filter(|taken| **taken == Ok(true)).count(), 1);
}
