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
    (
        "api_token",
        "owner",
        "revoked, without its name and its last address",
    ),
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

/// Of the rows that stay or are found by other means than a reference: the columns that are
/// emptied, or whose rows go, and those that stay because they are nobody's in particular.
const COLUMNS: &[(&str, &[&str], &[&str])] = &[
    (
        "api_token",
        &["name", "last_used_from"],
        &[
            "realm",
            "id",
            "class",
            "kind",
            "owner",
            "tenant",
            "roles",
            "permissions",
            "audiences",
            "environment",
            "state",
            "state_at",
            "created_at",
            "created_by",
            "replaces",
            "expires_at",
            "last_used_at",
            "notice_at",
            "digest",
            "digest_key",
            "after_ending",
        ],
    ),
    (
        "audit",
        &["peer"],
        &[
            "seq",
            "realm",
            "at",
            "request",
            "actor",
            "actor_subject",
            "action",
            "refused",
            "subject",
            "tenant",
            "token",
            "session",
            "detail",
        ],
    ),
    (
        "outbox",
        &[
            "realm",
            "id",
            "subject",
            "recipient",
            "kind",
            "language",
            "variables",
            "sealed",
            "attempts",
            "created_at",
            "expires_at",
            "due_at",
            "reason",
            "failed_at",
        ],
        &[],
    ),
    (
        "subject",
        &[
            "email",
            "email_confirmed_at",
            "email_proven_at",
            "email_shown_at",
            "home",
            "phone",
            "phone_confirmed_at",
            "phone_proven_at",
            "issuer",
            "sub",
            "name",
            "disabled_at",
            "banned_until",
            "user_metadata",
            "app_metadata",
            "last_sign_in_at",
        ],
        &[
            "realm",
            "id",
            "kind",
            "anonymous",
            "tenant",
            "created_at",
            "deleted_at",
            "swept_at",
        ],
    ),
];

#[tokio::test]
async fn every_column_of_what_stays_has_chosen_what_deleting_does() {
    let (_store, directory) = fresh().await;
    let conn = Connection::open(directory.path().join("store.db")).unwrap();
    for (table, gone, stays) in COLUMNS {
        let mut columns = conn
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .unwrap();
        let mut found: Vec<String> = columns
            .query_map([table], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut chosen: Vec<&str> = gone.iter().chain(*stays).copied().collect();
        found.sort_unstable();
        chosen.sort_unstable();
        assert_eq!(found, chosen, "{table}");
    }
}
