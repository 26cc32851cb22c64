//! The store's file: whose it is, and what is refused instead of one.

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
