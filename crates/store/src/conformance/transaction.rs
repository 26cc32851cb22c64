//! What a transaction promises, and what is not of one realm.

use super::fixture::{
    all, email, event, people, realm, session, session_id, subject_id, token_id, user,
};
use super::{reading, writing};
use doorward_base::{ErrorCode, RealmName};
use doorward_identity::model::{AuditAction, Change, ChangeRow, ChangeSeq, Outcome};
use doorward_identity::port::{AuditFilter, StoreError, StoreHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) async fn a_refusal_is_committed(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let decision: Result<Result<(), ErrorCode>, _> = writing!(store, realm, [], |tx| {
        let mut refused = event(1, AuditAction::SignIn);
        refused.outcome = Outcome::Refused(ErrorCode::SignInRefused);
        tx.append_audit(&refused).await?;
        Ok(Err(ErrorCode::SignInRefused))
    });
    assert_eq!(decision, Ok(Err(ErrorCode::SignInRefused)));
    let rows = reading!(store, realm, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await);
    assert_eq!(rows.unwrap().len(), 1);
}

pub(crate) async fn an_error_takes_everything_back(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let before = store.engine().last_change().await.unwrap();
    let outcome: Result<(), _> = writing!(store, realm, [], |tx| {
        tx.insert_subject(&user(7)).await?;
        tx.append_audit(&event(1, AuditAction::UserCreate)).await?;
        tx.append_change(Change::Subject(subject_id(7))).await?;
        Err(StoreError::Conflict("a test"))
    });
    assert_eq!(outcome, Err(StoreError::Conflict("a test")));
    let left = reading!(store, realm, [], |tx| Ok((
        tx.find_subject(subject_id(7)).await?,
        tx.list_audit(&AuditFilter::default(), all()).await?.len(),
    )));
    assert_eq!(left, Ok((None, 0)));
    assert_eq!(store.engine().last_change().await, Ok(before));
}

pub(crate) async fn a_conflict_that_is_handled_commits_the_rest(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let outcome = writing!(store, realm, [], |tx| {
        let clash = tx.insert_subject(&user(1)).await;
        tx.insert_subject(&user(7)).await?;
        Ok(clash)
    });
    assert!(
        matches!(outcome, Ok(Err(StoreError::Conflict(_)))),
        "{outcome:?}"
    );
    let found = reading!(store, realm, [], |tx| tx
        .find_user_by_email(&email(7), None)
        .await);
    assert_eq!(found, Ok(Some(user(7))));
}

pub(crate) async fn a_closure_that_awaits_something_else_is_refused(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let written: Result<(), _> = writing!(store, realm, [], |tx| {
        tx.insert_subject(&user(7)).await?;
        std::future::pending().await
    });
    assert_eq!(written, Err(StoreError::Awaited));
    let was_read: Result<(), _> = reading!(store, realm, [], |tx| {
        tx.find_subject(subject_id(7)).await?;
        std::future::pending().await
    });
    assert_eq!(was_read, Err(StoreError::Awaited));
    let found = reading!(store, realm, [], |tx| tx.find_subject(subject_id(7)).await);
    assert_eq!(found, Ok(None));
}

pub(crate) async fn a_panic_is_an_error_and_the_store_lives(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let written: Result<(), _> = writing!(store, realm, [], |tx| {
        tx.insert_subject(&user(7)).await?;
        panic!("a test panics inside a transaction")
    });
    assert!(matches!(written, Err(StoreError::Unavailable(_))));
    let was_read: Result<(), _> = reading!(store, realm, [], |tx| {
        tx.find_subject(subject_id(7)).await?;
        panic!("a test panics inside a read")
    });
    assert!(matches!(was_read, Err(StoreError::Unavailable(_))));
    writing!(store, realm, [], |tx| tx.insert_subject(&user(8)).await).unwrap();
    let found = reading!(store, realm, [], |tx| tx.list_subjects(all()).await);
    assert_eq!(found, Ok(vec![user(8)]));
}

/// An engine may run a closure several times; only the last run counts.
pub(crate) async fn a_closure_may_run_again(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let seen = store
        .write(realm, move |tx| {
            let counted = Arc::clone(&counted);
            Box::pin(async move {
                let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
                tx.insert_session(&session(1, 1, None)).await?;
                Ok(run)
            })
        })
        .await;
    assert_eq!(seen, Ok(runs.load(Ordering::SeqCst)));
    let sessions = reading!(store, realm, [], |tx| tx.list_sessions(subject_id(1)).await);
    assert_eq!(sessions, Ok(vec![session(1, 1, None)]));
}

pub(crate) async fn a_transaction_reads_its_own_writes(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let found = writing!(store, realm, [], |tx| {
        tx.insert_subject(&user(1)).await?;
        tx.find_user_by_email(&email(1), None).await
    });
    assert_eq!(found, Ok(Some(user(1))));
}

pub(crate) async fn changes_are_listed_in_the_order_of_commits(store: StoreHandle) {
    let (a, b) = (realm(&store, "a").await, realm(&store, "b").await);
    let engine = store.engine();
    assert_eq!(engine.last_change().await, Ok(ChangeSeq(0)));
    assert_eq!(engine.list_changes(ChangeSeq(0), 10).await, Ok(vec![]));
    let changes = [
        (a, Change::ApiToken(token_id(1))),
        (b, Change::Session(session_id(2))),
        (a, Change::Subject(subject_id(3))),
        (b, Change::Keys),
    ];
    for (realm, change) in changes {
        writing!(store, realm, [], |tx| tx.append_change(change).await).unwrap();
    }
    let listed = engine.list_changes(ChangeSeq(0), 10).await.unwrap();
    let pairs: Vec<_> = listed.iter().map(|row| (row.realm, row.change)).collect();
    assert_eq!(pairs, changes);
    assert!(listed.is_sorted_by(|one, next| one.seq < next.seq));
    assert_eq!(engine.last_change().await, Ok(listed[3].seq));
    let rest = engine.list_changes(listed[0].seq, 2).await;
    let expected: Vec<ChangeRow> = listed[1..3].to_vec();
    assert_eq!(rest, Ok(expected));
}

pub(crate) async fn commits_are_noticed(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let engine = store.engine();
    engine.has_changed().await.unwrap();
    for n in 1..=3 {
        writing!(store, realm, [], |tx| {
            tx.insert_subject(&user(n)).await?;
            tx.append_change(Change::Subject(subject_id(n))).await
        })
        .unwrap();
        assert_eq!(engine.has_changed().await, Ok(true));
    }
}

pub(crate) async fn realms_keep_their_numbers(store: StoreHandle) {
    let first = realm(&store, "a").await;
    let second = realm(&store, "b").await;
    assert_ne!(first, second);
    assert_eq!(realm(&store, "a").await, first);
    let unknown = RealmName::new("a-b").unwrap();
    let third = store.engine().open_realm(&unknown).await.unwrap();
    assert!(third != first && third != second);
}

pub(crate) async fn store_values_are_set_once(store: StoreHandle) {
    let engine = store.engine();
    assert_eq!(engine.find_store_value("check").await, Ok(None));
    let first = engine.init_store_value("check", &[1, 0, 255]).await;
    let second = engine.init_store_value("check", &[2]).await;
    let empty = engine.init_store_value("other", &[]).await;
    assert_eq!(first, Ok(vec![1, 0, 255]));
    assert_eq!(second, first);
    assert_eq!(empty, Ok(vec![]));
    assert_eq!(
        engine.find_store_value("check").await,
        Ok(Some(vec![1, 0, 255]))
    );
}

pub(crate) async fn a_closed_store_refuses(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let engine = store.engine();
    writing!(store, realm, [], |tx| tx.insert_subject(&user(1)).await).unwrap();
    engine.close().await;
    engine.close().await;
    let written = writing!(store, realm, [], |tx| tx.insert_subject(&user(2)).await);
    let was_read = reading!(store, realm, [], |tx| tx.find_subject(subject_id(1)).await);
    assert!(matches!(written, Err(StoreError::Unavailable(_))));
    assert!(matches!(was_read, Err(StoreError::Unavailable(_))));
    for outcome in [
        engine.has_changed().await.map(drop),
        engine.last_change().await.map(drop),
        engine.list_changes(ChangeSeq(0), 1).await.map(drop),
        engine.find_store_value("x").await.map(drop),
        engine.init_store_value("x", &[]).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    }
}

pub(crate) async fn a_lease_is_held_and_rests(store: StoreHandle) {
    let engine = store.engine();
    let (one, other, long) = ([1; 16], [2; 16], Duration::from_secs(3600));
    let take = async |job, holder: &[u8; 16]| engine.take_lease(job, holder, long).await;
    assert_eq!(take("a", &one).await, Ok(true));
    assert_eq!(take("a", &other).await, Ok(false));
    assert_eq!(take("a", &one).await, Ok(false), "it is held, by whomever");
    assert_eq!(take("b", &other).await, Ok(true), "another job");
    // Who does not hold it does not end it.
    engine
        .rest_lease("a", &other, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(take("a", &other).await, Ok(false));
    engine.rest_lease("a", &one, long).await.unwrap();
    assert_eq!(take("a", &other).await, Ok(false), "it rests");
    engine.rest_lease("a", &one, Duration::ZERO).await.unwrap();
    assert_eq!(take("a", &other).await, Ok(true));
    // One that ran out is anybody's.
    assert_eq!(engine.take_lease("c", &one, Duration::ZERO).await, Ok(true));
    assert_eq!(take("c", &other).await, Ok(true));
}
