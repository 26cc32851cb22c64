//! What is particular to this engine: the file, other processes, failing disks.

use super::*;
use crate::conformance::fixture::{
    all, at, event, people, realm, session_id, subject_id, token, token_id, user,
};
use crate::conformance::{conformance, reading, writing};
use crate::use_case::use_cases;
use doorward_identity::model::{AuditAction, Change, TokenState};
use doorward_identity::port::{AuditFilter, StoreHandle, TokenKey};
use rusqlite::Connection;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Barrier, Mutex};
use tempfile::TempDir;

async fn fresh() -> (StoreHandle, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    (StoreHandle::new(store), directory)
}

fn open(directory: &TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&directory.path().join("store.db")).unwrap())
}

/// Runs SQL on the write connection.
async fn run_sql(store: &SqliteStore, sql: &'static str) {
    let run = move |conn: &mut Connection| {
        conn.execute_batch(sql)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    };
    store.writer.run(run).await.unwrap();
}

mod claiming;
mod erasure;
mod plans;

conformance!(crate::sqlite::tests::fresh);
use_cases!(crate::sqlite::tests::fresh);

/// D2: whoever else the caller's thread serves does not wait for a listing.
#[tokio::test]
async fn a_listing_leaves_the_callers_thread() {
    let (store, _directory) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let listing = store.read_as(a, Extent::Listing, move |tx| {
        let wait = wait.lock().unwrap();
        // In place, it would wait for what comes after it.
        wait.recv_timeout(Duration::from_secs(20)).unwrap();
        Box::pin(async move { tx.list_subjects(all()).await })
    });
    let other = async {
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
        go.send(()).unwrap();
        found
    };
    let (listed, found) = tokio::join!(listing, other);
    assert_eq!(listed.unwrap().len(), 2);
    assert!(found.unwrap().is_some());
}

/// A look-up that writes nothing is served while the writer is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_up_does_not_wait_for_the_writer() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory);
    let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    people(&store, a).await;
    writing!(store, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
    let (busy, is_busy) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let writing = tokio::spawn(async move {
        let hold = move |_: &mut Connection| {
            busy.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        engine.writer.run(hold).await
    });
    tokio::task::spawn_blocking(move || is_busy.recv().unwrap())
        .await
        .unwrap();
    let look = store.write_as(a, Extent::OneLookUp, |tx| {
        Box::pin(async move { tx.find_token_dossier(&TokenKey::Id(token_id(1))).await })
    });
    let found = tokio::time::timeout(Duration::from_secs(20), look).await;
    assert_eq!(found.unwrap().unwrap().unwrap().token, token(1, 1).token);
    release.send(()).unwrap();
    assert_eq!(writing.await.unwrap(), Ok(()));
}

mod file {
    use super::*;

    #[tokio::test]
    async fn the_files_are_the_owners_alone() {
        let directory = TempDir::new().unwrap();
        let engine = open(&directory);
        assert!(engine.created());
        let store = StoreHandle::new(engine);
        realm(&store, "a").await;
        let mut names = Vec::new();
        for entry in directory.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort_unstable();
        assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal"]);
        store.engine().close().await;
    }

    #[tokio::test]
    async fn a_closed_store_is_one_file_and_opens_again() {
        let directory = TempDir::new().unwrap();
        let store = StoreHandle::new(open(&directory));
        let a = realm(&store, "a").await;
        people(&store, a).await;
        store.engine().close().await;
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
        let again = open(&directory);
        assert!(!again.created());
        let again = StoreHandle::new(again);
        assert_eq!(realm(&again, "a").await, a);
        let found = reading!(again, a, [], |tx| tx.find_subject(subject_id(1)).await);
        assert_eq!(found, Ok(Some(user(1))));
    }

    #[test]
    fn one_of_many_that_open_at_once_creates() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("store.db");
        let start = Barrier::new(8);
        let created: Vec<bool> = std::thread::scope(|scope| {
            let open = || {
                start.wait();
                SqliteStore::open(&path).unwrap().created()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(created.iter().filter(|&&created| created).count(), 1);
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_named() {
        let directory = TempDir::new().unwrap();
        let missing = directory.path().join("missing");
        let error = SqliteStore::open(&missing.join("store.db")).err().unwrap();
        assert!(
            matches!(&error, OpenError::Directory { directory, .. } if *directory == missing),
            "{error}"
        );
        let file = directory.path().join("file");
        std::fs::write(&file, "text").unwrap();
        let error = SqliteStore::open(&file.join("store.db")).err().unwrap();
        assert!(
            matches!(&error, OpenError::Directory { directory, .. } if *directory == file),
            "{error}"
        );
    }

    #[test]
    fn another_kind_of_file_is_refused_and_kept() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("store.db");
        let text = "not a database, but quite long: ".repeat(100);
        std::fs::write(&path, &text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = SqliteStore::open(&path).err();
        assert_eq!(error, Some(OpenError::NotAStore { path: path.clone() }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let directory = TempDir::new().unwrap();
        drop(open(&directory));
        let path = directory.path().join("store.db");
        Connection::open(&path)
            .unwrap()
            .execute(
                "INSERT INTO schema_migration VALUES (9999, 'later', '')",
                [],
            )
            .unwrap();
        let error = SqliteStore::open(&path).err().unwrap();
        assert!(
            matches!(error, OpenError::SchemaNewer { found: 9999, .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_removed_or_replaced_file_is_noticed() {
        let (store, directory) = fresh().await;
        let a = realm(&store, "a").await;
        people(&store, a).await;
        let (path, aside) = (
            directory.path().join("store.db"),
            directory.path().join("aside.db"),
        );
        std::fs::rename(&path, &aside).unwrap();
        for _ in ["removed", "replaced"] {
            let written = writing!(store, a, [], |tx| tx.insert_subject(&user(7)).await);
            assert!(matches!(written, Err(StoreError::Unavailable(_))));
            let was_read = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
            assert!(matches!(was_read, Err(StoreError::Unavailable(_))));
            std::fs::write(&path, "").unwrap();
        }
        std::fs::rename(&aside, &path).unwrap();
        writing!(store, a, [], |tx| tx.insert_subject(&user(8)).await).unwrap();
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(7)).await);
        assert_eq!(found, Ok(None));
    }
}

mod processes {
    use super::*;

    /// Two opened stores share nothing but the file, as two processes do.
    #[tokio::test]
    async fn each_notices_what_the_other_commits() {
        let directory = TempDir::new().unwrap();
        let (server, cli) = (
            StoreHandle::new(open(&directory)),
            StoreHandle::new(open(&directory)),
        );
        let a = realm(&server, "a").await;
        assert_eq!(realm(&cli, "a").await, a);
        people(&server, a).await;
        writing!(server, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
        let after = server.engine().last_change().await.unwrap();
        server.engine().has_changed().await.unwrap();
        assert_eq!(server.engine().has_changed().await, Ok(false));
        writing!(cli, a, [], |tx| {
            tx.set_api_token_state(token_id(1), TokenState::Revoked { at: at(5) })
                .await?;
            tx.append_change(Change::ApiToken(token_id(1))).await
        })
        .unwrap();
        assert_eq!(server.engine().has_changed().await, Ok(true));
        let changes = server.engine().list_changes(after, 10).await.unwrap();
        let changes: Vec<_> = changes.iter().map(|row| row.change).collect();
        assert_eq!(changes, [Change::ApiToken(token_id(1))]);
        assert_eq!(server.engine().has_changed().await, Ok(false));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn two_writers_under_a_limit_of_one() {
        let directory = TempDir::new().unwrap();
        let stores = [(); 2].map(|()| StoreHandle::new(open(&directory)));
        let a = realm(&stores[0], "a").await;
        people(&stores[0], a).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..32_u8 {
            let store = stores[usize::from(n % 2)].clone();
            tasks.spawn(async move {
                let new = token(n, 1);
                writing!(store, a, [new], |tx| {
                    let class = &new.token.class;
                    if tx
                        .count_active_tokens(subject_id(1), class, at(1), 9)
                        .await?
                        > 0
                    {
                        return Ok(false);
                    }
                    tx.insert_api_token(&new).await.map(|()| true)
                })
            });
        }
        let made = tasks.join_all().await;
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        assert_eq!(made.iter().filter(|made| **made == Ok(true)).count(), 1);
    }

    #[tokio::test]
    async fn a_locked_store_is_unavailable_and_recovers() {
        let directory = TempDir::new().unwrap();
        let engine = open(&directory);
        let store = StoreHandle::new(Arc::clone(&engine) as Arc<dyn Store>);
        let a = realm(&store, "a").await;
        // The writer's patience is five seconds otherwise.
        run_sql(&engine, "PRAGMA busy_timeout = 20").await;
        let other = Connection::open(directory.path().join("store.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let written = writing!(store, a, [], |tx| tx.insert_subject(&user(1)).await);
        assert!(
            matches!(written, Err(StoreError::Unavailable(_))),
            "{written:?}"
        );
        // Readers do not mind.
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
        assert_eq!(found, Ok(None));
        other.execute_batch("ROLLBACK").unwrap();
        writing!(store, a, [], |tx| tx.insert_subject(&user(1)).await).unwrap();
    }
}

mod faults {
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
}
