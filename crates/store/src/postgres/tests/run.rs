//! Transactions that collide, servers that do not answer, connections that break.

use super::*;
use crate::conformance::fixture::{all, at, people, realm, subject_id, token, used, user};
use crate::conformance::{reading, writing};
use crate::postgres::tx::{Access, RealmTx};
use tokio::task::JoinSet;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

/// Each of two closures reads what the other writes. One of them runs again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn write_skew_does_not_happen() {
    let (store, _database) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut tasks = JoinSet::new();
    for n in 0..32_u8 {
        let store = store.clone();
        tasks.spawn(async move {
            // At most three addresses: each counts all and adds one of its own.
            writing!(store, a, [], |tx| {
                if tx.list_subjects(all()).await?.len() >= 5 {
                    return Ok(false);
                }
                tx.insert_subject(&user(100 + n)).await?;
                Ok(true)
            })
        });
    }
    let answers = tasks.join_all().await;
    let before = 2;
    let made = answers.iter().filter(|&answer| *answer == Ok(true)).count();
    let found = reading!(store, a, [], |tx| tx.list_subjects(all()).await).unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(found.len(), 5);
    assert_eq!(made, 5 - before, "{answers:?}");
}

/// However many collide, they do not take all connections of the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_collides_waits_without_a_connection() {
    let database = database().await;
    let mut few = settings(&database);
    few.pool_size = 3;
    let store = PostgresStore::open(&few).await.unwrap();
    let store = StoreHandle::new(Arc::new(store));
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut admin = admin(&database).await;
    let held = admin.transaction().await.unwrap();
    // Nobody may run alone: whoever wants to waits.
    held.batch_execute("LOCK TABLE doorward.turn IN ROW SHARE MODE")
        .await
        .unwrap();
    let mut bumps = JoinSet::new();
    for _ in 0..32 {
        let store = store.clone();
        bumps.spawn(async move {
            writing!(store, a, [], |tx| {
                let epoch = tx.list_epochs_of(&[subject_id(1)]).await?;
                tx.bump_epoch(subject_id(1), None, at(1)).await?;
                Ok(epoch)
            })
        });
    }
    wait_for_lock(&held).await;
    for _ in 0..20 {
        let read = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
        assert_eq!(read, Ok(Some(user(1))));
    }
    held.rollback().await.unwrap();
    let done = timeout(SOON, bumps.join_all()).await.unwrap();
    let mut seen: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 32);
}

/// While one waits to run alone, those that would write after it leave the connections to
/// those that read. On one thread they all ask for a connection before the second read.
#[tokio::test]
async fn who_comes_after_one_that_runs_alone_waits_without_a_connection() {
    let database = database().await;
    let mut few = settings(&database);
    few.pool_size = 3;
    let postgres = Arc::new(PostgresStore::open(&few).await.unwrap());
    let store = StoreHandle::new(Arc::clone(&postgres) as Arc<dyn Store>);
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut admin = admin(&database).await;
    let held = admin.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE doorward.turn IN ROW SHARE MODE")
        .await
        .unwrap();
    let turn = postgres.shared.turn.write().await;
    let leased = postgres.shared.connections.get().await.unwrap();
    let alone = RealmTx::begin(leased, a, Access::WriteAlone).await;
    wait_for_lock(&held).await;
    let mut writes = JoinSet::new();
    for n in 0..8_u8 {
        let store = store.clone();
        writes.spawn(async move {
            writing!(store, a, [], |tx| tx.insert_subject(&user(100 + n)).await)
        });
    }
    for _ in 0..20 {
        let read = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
        assert_eq!(read, Ok(Some(user(1))));
    }
    held.rollback().await.unwrap();
    alone.end(Ok(())).await.unwrap();
    drop(turn);
    let done = timeout(SOON, writes.join_all()).await.unwrap();
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_exhausted_pool_refuses_after_its_wait() {
    let database = database().await;
    let mut few = settings(&database);
    few.pool_size = 1;
    few.pool_wait = Duration::from_millis(100);
    let store = PostgresStore::open(&few).await.unwrap();
    let store = StoreHandle::new(Arc::new(store));
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut admin = admin(&database).await;
    let held = admin.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE doorward.subject IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await) }
    });
    // One waits for the lock over the only connection; the others are told so.
    wait_for_lock(&held).await;
    let mut others = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        others.spawn(
            async move { reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await) },
        );
    }
    for answer in timeout(SOON, others.join_all()).await.unwrap() {
        let Err(StoreError::Unavailable(cause)) = answer else {
            panic!("{answer:?}");
        };
        assert!(cause.contains("busy"), "{cause}");
    }
    held.rollback().await.unwrap();
    let found = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(found, Ok(Some(user(1))));
}

async fn wait_for_lock(client: &tokio_postgres::Transaction<'_>) {
    let look = async {
        loop {
            let row = client
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                    &[],
                )
                .await
                .unwrap();
            if row.get::<_, i64>(0) > 0 {
                return;
            }
            // Within one transaction the view is a snapshot that must be dropped.
            client
                .batch_execute("SELECT pg_stat_clear_snapshot()")
                .await
                .unwrap();
        }
    };
    timeout(SOON, look)
        .await
        .expect("somebody waits for the lock");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let database = database().await;
    let mut hasty = settings(&database);
    hasty.statement_timeout = Duration::from_millis(200);
    let store = PostgresStore::open(&hasty).await.unwrap();
    let store = StoreHandle::new(Arc::new(store));
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let mut admin = admin(&database).await;
    let held = admin.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE doorward.subject IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let answer = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
    held.rollback().await.unwrap();
    let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(1)).await);
    assert_eq!(found, Ok(Some(user(1))));
}

/// What had not been sent for commit is run again over another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn broken_connections_are_replaced() {
    let (store, database) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    let admin = admin(&database).await;
    for n in 10..20 {
        assert!(cut(&admin, "doorward").await > 0);
        writing!(store, a, [], |tx| tx.insert_subject(&user(n)).await).unwrap();
        assert!(cut(&admin, "doorward").await > 0);
        let found = reading!(store, a, [], |tx| tx.find_subject(subject_id(n)).await);
        assert_eq!(found, Ok(Some(user(n))));
    }
}

/// A caller that goes away leaves neither an open transaction nor a lost connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_that_goes_away_leaves_nothing_open() {
    let (store, database) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    for n in 10..60 {
        let write = store.write(a, move |tx| {
            Box::pin(async move {
                tx.find_subject(subject_id(1)).await?;
                tx.insert_subject(&user(n)).await
            })
        });
        let gone = timeout(Duration::from_micros(u64::from(n) * 20), write).await;
        drop(gone);
    }
    let written = writing!(store, a, [], |tx| tx.insert_subject(&user(200)).await);
    assert_eq!(written, Ok(()));
    let admin = admin(&database).await;
    let look = async {
        loop {
            let row = admin
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND state LIKE 'idle in transaction%'",
                    &[],
                )
                .await
                .unwrap();
            if row.get::<_, i64>(0) == 0 {
                return;
            }
        }
    };
    timeout(SOON, look)
        .await
        .expect("no transaction stays open");
}

/// Uses are written in one statement, whatever their number.
#[tokio::test]
async fn uses_of_tokens_that_are_gone_are_passed_over() {
    let (store, _database) = fresh().await;
    let a = realm(&store, "a").await;
    people(&store, a).await;
    writing!(store, a, [], |tx| tx.insert_api_token(&token(1, 1)).await).unwrap();
    let id = token(1, 1).token.id;
    let gone = token(99, 1).token.id;
    writing!(store, a, [], |tx| tx
        .touch_api_tokens(&[used(gone, 9), used(id, 7), used(id, 5)])
        .await)
    .unwrap();
    let found = reading!(store, a, [], |tx| tx.find_api_token(id).await);
    assert_eq!(found.unwrap().unwrap().last_used_at, Some(at(7)));
}
