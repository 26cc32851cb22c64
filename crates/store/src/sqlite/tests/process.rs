//! Several processes over one file.

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
                if tx.count_active_tokens(group(1, class), at(1), 9).await? > 0 {
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
