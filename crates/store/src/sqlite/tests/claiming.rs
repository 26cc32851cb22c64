//! What hangs on a subject is known: a new table must choose what happens to its rows when
//! the owner of an address claims an account that somebody else made.

use super::*;

/// What becomes of a subject's rows then (`identity`, `act/claim.rs`).
const CHOICES: &[(&str, &str, &str)] = &[
    ("api_token", "owner", "revoked"),
    ("challenge", "made_by", "worth what its maker may do"),
    ("challenge", "subject", "ended"),
    ("ending", "subject", "stays: it only ends"),
    ("epoch", "subject", "moves on"),
    ("factor", "subject", "deleted"),
    ("grant_", "subject", "deleted"),
    ("identity", "subject", "deleted"),
    ("membership", "subject", "deleted"),
    ("password", "subject", "replaced"),
    ("session", "subject", "ended"),
];

#[tokio::test]
async fn every_table_of_a_subjects_rows_has_chosen_what_claiming_does() {
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
