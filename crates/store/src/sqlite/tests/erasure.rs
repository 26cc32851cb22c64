//! That the files hold nothing of who was deleted, free pages and the log included.

use super::*;
use crate::use_case::erase::somebody;

/// The file and its write-ahead log, byte for byte.
fn files(directory: &TempDir) -> Vec<u8> {
    let mut held = Vec::new();
    for ending in ["", "-wal"] {
        let file = directory.path().join(format!("store.db{ending}"));
        held.extend(std::fs::read(file).unwrap_or_default());
    }
    held
}

fn holds(held: &[u8], text: &str) -> bool {
    held.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_hold_nothing_of_who_was_deleted() {
    let (store, directory) = fresh().await;
    let person = somebody(store.clone()).await;
    let before = files(&directory);
    for text in &person.personal {
        assert!(holds(&before, text), "{text}: the search would find it");
    }
    person.delete().await;
    // Whoever writes next comes after the log was emptied.
    let realm = realm(&store, "next").await;
    writing!(store, realm, [], |tx| tx.insert_subject(&user(1)).await).unwrap();
    let after = files(&directory);
    for text in &person.personal {
        assert!(!holds(&after, text), "{text}");
    }
    // What is the file's alone is searched too.
    store.engine().close().await;
    let closed = files(&directory);
    assert!(holds(&closed, "example.org"), "the search reads the store");
    for text in &person.personal {
        assert!(!holds(&closed, text), "{text}");
    }
}
