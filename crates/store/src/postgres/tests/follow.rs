//! The change feed of several nodes.

use super::super::change;
use super::*;
use crate::conformance::fixture::{people, realm, session_id, subject_id};
use crate::conformance::writing;
use doorward_identity::model::Change;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

async fn tell(store: &StoreHandle, realm: RealmId, change: Change) {
    writing!(store, realm, [], |tx| tx.append_change(change).await).unwrap();
}

async fn changes_after(store: &StoreHandle, after: ChangeSeq) -> Vec<Change> {
    let rows = store.engine().list_changes(after, 100).await.unwrap();
    rows.into_iter().map(|row| row.change).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_hears_what_another_commits() {
    let (one, database) = fresh().await;
    let two = open(&database).await;
    let a = realm(&one, "a").await;
    people(&one, a).await;
    two.engine().has_changed().await.unwrap();
    assert_eq!(two.engine().has_changed().await, Ok(false));
    let before = two.engine().last_change().await.unwrap();
    let heard = tokio::spawn({
        let two = two.clone();
        async move { two.engine().hear_change().await }
    });
    tell(&one, a, Change::Subject(subject_id(1))).await;
    timeout(SOON, heard).await.unwrap().unwrap();
    assert_eq!(two.engine().has_changed().await, Ok(true));
    assert_eq!(
        changes_after(&two, before).await,
        [Change::Subject(subject_id(1))]
    );
}

/// The first to draw a position commits last, as long as it may take: nobody who reads a
/// later position has missed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_late_commit_is_not_missed() {
    let (one, database) = fresh().await;
    let two = open(&database).await;
    let a = realm(&one, "a").await;
    people(&one, a).await;
    let before = one.engine().last_change().await.unwrap();
    let mut slow = admin(&database).await;
    slow.batch_execute("SET search_path = doorward")
        .await
        .unwrap();
    let slow = slow.transaction().await.unwrap();
    let (kinds, refs) = (vec!["keys"], vec![None::<scope::Id>]);
    slow.execute(change::APPEND, &[&a.0, &kinds, &refs])
        .await
        .unwrap();
    let quick = tokio::spawn({
        let one = one.clone();
        async move { tell(&one, a, Change::Session(session_id(1))).await }
    });
    // The quick one is about to commit and cannot overtake.
    let look = async {
        loop {
            let row = slow
                .query_one(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
                    &[],
                )
                .await
                .unwrap();
            if row.get::<_, i64>(0) > 0 {
                return;
            }
        }
    };
    timeout(SOON, look).await.expect("the quick one waits");
    assert_eq!(changes_after(&two, before).await, []);
    slow.commit().await.unwrap();
    timeout(SOON, quick).await.unwrap().unwrap();
    assert_eq!(
        changes_after(&two, before).await,
        [Change::Keys, Change::Session(session_id(1))]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_feed_that_was_cut_reads_what_it_missed() {
    let (one, database) = fresh().await;
    let two = open(&database).await;
    let a = realm(&one, "a").await;
    people(&one, a).await;
    two.engine().has_changed().await.unwrap();
    let before = two.engine().last_change().await.unwrap();
    let admin = admin(&database).await;
    assert!(cut(&admin, "doorward-feed").await > 0);
    tell(&one, a, Change::Subject(subject_id(2))).await;
    let look = async {
        // The cut may be noticed by the first question only.
        while two.engine().has_changed().await != Ok(true) {}
    };
    timeout(SOON, look).await.expect("the feed comes back");
    assert_eq!(
        changes_after(&two, before).await,
        [Change::Subject(subject_id(2))]
    );
}

#[tokio::test]
async fn nodes_know_each_other_until_they_leave() {
    let (one, database) = fresh().await;
    let two = open(&database).await;
    let node = |n: u8, terms: &str| Node {
        id: [n; 16],
        name: format!("host-{n}"),
        terms: terms.to_owned(),
    };
    let (first, second) = (node(1, "a"), node(2, "b"));
    assert_eq!(one.engine().announce(&first).await, Ok(vec![]));
    assert_eq!(
        two.engine().announce(&second).await,
        Ok(vec![first.clone()])
    );
    let renewed = node(1, "c");
    assert_eq!(
        one.engine().announce(&renewed).await,
        Ok(vec![second.clone()])
    );
    assert_eq!(
        two.engine().announce(&second).await,
        Ok(vec![renewed.clone()])
    );
    one.engine().withdraw(&renewed).await.unwrap();
    assert_eq!(two.engine().announce(&second).await, Ok(vec![]));
    // One that was silent for long is not waited for.
    one.engine().announce(&first).await.unwrap();
    let admin = admin(&database).await;
    let aged = "UPDATE doorward.node SET seen_at = now() - interval '16 seconds'";
    admin.batch_execute(aged).await.unwrap();
    assert_eq!(two.engine().announce(&second).await, Ok(vec![]));
}
