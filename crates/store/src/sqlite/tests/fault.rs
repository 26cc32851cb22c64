//! Disks that are full, transactions that the engine ends, rows that make no sense.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_keeps_nothing_half_and_recovers() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    people(&store, a).await;
    // The limit is brought up to the present size.
    run_sql(&engine, "PRAGMA max_page_count = 1").await;
    let mut kept = [1, 2].map(subject_id).to_vec();
    let mut refused = 0;
    // One page more each time, so that each write is the last one to fit.
    for round in 0..24 {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..4 {
            let (store, n) = (store.clone(), 10 + round * 4 + n);
            tasks.spawn(async move { (n, fill(&store, a, n).await) });
        }
        for (n, outcome) in tasks.join_all().await {
            match outcome {
                Ok(()) => kept.push(subject_id(n)),
                Err(StoreError::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        kept.sort_unstable();
        assert_eq!(whole(&store, a).await, kept);
        one_page_more(&engine).await;
    }
    assert!(refused > 0, "the disk never was full");
    assert!(kept.len() > 2, "there never was room again");
    run_sql(&engine, "PRAGMA max_page_count = 1000000").await;
    fill(&store, a, 200).await.unwrap();
    kept.push(subject_id(200));
    assert_eq!(whole(&store, a).await, kept);
}

async fn one_page_more(store: &SqliteStore) {
    let grow = |conn: &mut Connection| {
        let read = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        let grown = read("PRAGMA max_page_count")
            .and_then(|limit| read(&format!("PRAGMA max_page_count = {}", limit + 1)));
        grown
            .map(drop)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    };
    store.writer.run(grow).await.unwrap();
}

/// A subject and its audit row, 8 KiB together.
async fn fill(store: &StoreHandle, realm: RealmId, n: u8) -> Result<(), StoreError> {
    writing!(store, realm, [], |tx| {
        let mut large = event(n, AuditAction::UserCreate);
        large.subject = Some(subject_id(n));
        large.detail = [("x".to_owned(), "y".repeat(4096).into())]
            .into_iter()
            .collect();
        let mut subject = user(n);
        subject.app_metadata = large.detail.clone();
        tx.insert_subject(&subject).await?;
        // An error that is swallowed must not save the rest.
        let _ = tx.append_audit(&large).await;
        tx.append_change(Change::Subject(subject_id(n))).await
    })
}

/// The subjects there are, after a look at their audit rows and changes.
async fn whole(store: &StoreHandle, realm: RealmId) -> Vec<doorward_base::SubjectId> {
    let (subjects, events) = reading!(store, realm, [], |tx| Ok((
        tx.list_subjects(all()).await?,
        tx.list_audit(&AuditFilter::default(), all()).await?,
    )))
    .unwrap();
    let subjects: Vec<_> = subjects.iter().map(|subject| subject.id).collect();
    let mut audited: Vec<_> = events.iter().filter_map(|row| row.event.subject).collect();
    audited.extend([1, 2].map(subject_id));
    audited.sort_unstable();
    assert_eq!(subjects, audited);
    let changes = store.engine().list_changes(ChangeSeq(0), 1000).await;
    assert_eq!(changes.unwrap().len() + 2, subjects.len());
    subjects
}

/// The engine ends a transaction by itself on some failures. What was written
/// before is gone, and what comes after must not commit on its own.
#[tokio::test]
async fn a_transaction_the_engine_ended_takes_its_group_along() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let started = Arc::new(tokio::sync::Notify::new());
    // The writer is held up until the other three wait, so that they are a group.
    let starting = Arc::clone(&started);
    let held = engine.writer.run(move |_| {
        starting.notify_one();
        Ok(gate.recv().is_ok())
    });
    let ended = engine.writer.run(|conn| {
        conn.execute_batch("ROLLBACK")
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    });
    let user_by = |n: u8| {
        let store = store.clone();
        async move { writing!(store, a, [], |tx| tx.insert_subject(&user(n)).await) }
    };
    let group = async {
        started.notified().await;
        tokio::join!(user_by(1), ended, user_by(2), async {
            go.send(()).unwrap();
        })
    };
    let (held, (before, ended, after, ())) = tokio::join!(held, group);
    assert_eq!(held, Ok(true));
    for outcome in [before, ended, after] {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
    }
    let subjects = reading!(store, a, [], |tx| tx.list_subjects(all()).await);
    assert_eq!(subjects, Ok(vec![]));
    writing!(store, a, [], |tx| tx.insert_subject(&user(3)).await).unwrap();
}

#[tokio::test]
async fn after_a_storage_failure_nothing_more_is_done() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let failure = StoreError::Unavailable("a test".to_owned());
    let expected = Err(failure.clone());
    let outcome = engine
        .writer
        .run(move |conn| {
            let mut tx = RealmTx::new(conn, RealmId(1));
            let swallowed: Result<(), _> = tx.with(|_| Err(failure.clone()));
            assert!(swallowed.is_err());
            let ran: Result<(), _> = tx.with(|_| panic!("it ran"));
            assert_eq!(ran, Err(failure.clone()));
            tx.finish(Ok(()))
        })
        .await;
    assert_eq!(outcome, expected);
}

/// Without this a power cut could revive what was revoked.
#[tokio::test]
async fn commits_wait_for_the_disk() {
    let directory = TempDir::new().unwrap();
    let read = |conn: &mut Connection| {
        conn.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    };
    const FULL: i64 = 2;
    assert_eq!(open(&directory).writer.run(read).await, Ok(FULL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_fails_fails_its_group_and_keeps_nothing() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    // Every change leaves a reference into the void, which only COMMIT looks at.
    run_sql(
        &engine,
        "CREATE TABLE trap (realm INTEGER REFERENCES realm (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER spring AFTER INSERT ON change_log BEGIN
             INSERT INTO trap VALUES (-1);
         END;",
    )
    .await;
    let failed = writing!(store, a, [], |tx| {
        tx.insert_subject(&user(1)).await?;
        tx.append_change(Change::Session(session_id(1))).await
    });
    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    writing!(store, a, [], |tx| tx.insert_subject(&user(2)).await).unwrap();
    let subjects = reading!(store, a, [], |tx| tx.list_subjects(all()).await);
    assert_eq!(subjects, Ok(vec![user(2)]));
    assert_eq!(store.engine().last_change().await, Ok(ChangeSeq(0)));
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_reported_with_its_place() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    people(&store, a).await;
    run_sql(
        &engine,
        "UPDATE subject SET app_metadata = '[]' WHERE email = 'user1@example.org'",
    )
    .await;
    let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
    let Err(StoreError::Inconsistent {
        table, column, row, ..
    }) = found
    else {
        panic!("{found:?}");
    };
    assert_eq!((table, column), ("subject", "app_metadata"));
    assert_eq!(row, subject_id(1).to_string());
    let other = reading!(store, a, [], |tx| tx.find_subject(subject_id(2)).await);
    assert_eq!(other, Ok(Some(user(2))));
}

#[tokio::test]
async fn the_change_log_is_pruned_to_its_newest_entries() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    for n in 1..=9 {
        let change = Change::Subject(subject_id(n));
        writing!(store, a, [], |tx| tx.append_change(change).await).unwrap();
    }
    let all = store
        .engine()
        .list_changes(ChangeSeq(0), 100)
        .await
        .unwrap();
    let pruned = engine
        .writer
        .run(|conn| Ok((change::prune(conn, 4, 3)?, change::prune(conn, 4, 3)?)))
        .await;
    assert_eq!(pruned, Ok((3, 2)));
    let left = store
        .engine()
        .list_changes(ChangeSeq(0), 100)
        .await
        .unwrap();
    assert_eq!(left, all[5..]);
    assert_eq!(store.engine().last_change().await, Ok(all[8].seq));
}
