//! That the files hold nothing of who was deleted, free pages and the log included; and that
//! a new table of a subject's rows chooses what becomes of them.

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

/// What becomes of a subject's rows when it is deleted, or the person comes whose address
/// it had (`area/erase.rs`).
const CHOICES: &[(&str, &str, &str)] = &[
    ("api_token", "owner", "revoked, without its name"),
    ("challenge", "made_by", "deleted"),
    ("challenge", "subject", "deleted"),
    ("ending", "subject", "stays: it only ends"),
    (
        "epoch",
        "subject",
        "stays, moved on: what was made before is stale",
    ),
    ("factor", "subject", "deleted"),
    ("grant_", "subject", "deleted"),
    ("identity", "subject", "deleted"),
    ("membership", "subject", "deleted"),
    ("password", "subject", "deleted"),
    ("session", "subject", "deleted"),
];

#[tokio::test]
async fn every_table_of_a_subjects_rows_has_chosen_what_deleting_does() {
    let (_store, directory) = fresh().await;
    let conn = Connection::open(directory.path().join("store.db")).unwrap();
    let mut references = conn
        .prepare(
            "SELECT t.name, f.\"from\" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f \
             WHERE t.type = 'table' AND f.\"table\" = 'subject' AND f.\"from\" <> 'realm' \
             ORDER BY t.name, f.\"from\"",
        )
        .unwrap();
    let found: Vec<(String, String)> = references
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let chosen: Vec<(String, String)> = CHOICES
        .iter()
        .map(|(table, column, _)| ((*table).to_owned(), (*column).to_owned()))
        .collect();
    assert_eq!(found, chosen);
}
