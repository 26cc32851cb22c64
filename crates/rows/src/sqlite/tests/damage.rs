//! A tenant's file that is damaged, locked, another's or in the way: its callers are told so,
//! without the file's name, and the other tenants do not notice.

use super::*;
use rusqlite::Connection;

const INSERT: &str = "INSERT INTO orders (item) VALUES ('a')";
const SELECT: &str = "SELECT item FROM orders";

/// `acme` is refused so, whatever it does; `globex` goes on.
async fn fails_alone(fixture: &Fixture, kind: FaultKind) {
    for _ in 0..2 {
        for outcome in [
            fixture.write("acme", INSERT).await.map(drop),
            fixture.read("acme", SELECT).await.map(drop),
        ] {
            let fault = outcome.unwrap_err();
            assert_eq!(fault.kind, kind);
            let told = format!("{} {:?} {:?}", fault.message, fault.details, fault.hint);
            assert!(
                !told.contains(".db") && !told.contains("tenants/"),
                "{told}"
            );
        }
    }
    fixture.write("globex", INSERT).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_fails_alone() {
    let fixture = Fixture::orders().await;
    std::fs::write(fixture.file("acme"), vec![b'x'; 8192]).unwrap();
    fails_alone(&fixture, FaultKind::Unavailable).await;
}

/// Damage behind the schema, found by the statement that comes upon it.
#[tokio::test]
async fn damage_in_a_table_fails_alone() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    fixture.clock.advance(Duration::from_secs(3_600));
    fixture.rows.upkeep().await.unwrap();
    let path = fixture.file("acme");
    let root: u32 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'orders'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from((root - 1) * 4096).unwrap();
    bytes[start..start + 4096].fill(0xee);
    std::fs::write(&path, bytes).unwrap();
    fails_alone(&fixture, FaultKind::Unavailable).await;
}

#[tokio::test]
async fn a_file_that_is_another_tenants_is_refused() {
    let fixture = Fixture::orders().await;
    fixture.write("initech", INSERT).await.unwrap();
    fixture
        .rows
        .export(&TenantId::new("initech").unwrap(), &fixture.file("acme"))
        .await
        .unwrap();
    fails_alone(&fixture, FaultKind::Unavailable).await;
}

#[tokio::test]
async fn a_database_that_is_not_ours_is_refused() {
    let fixture = Fixture::orders().await;
    let conn = Connection::open(fixture.file("acme")).unwrap();
    conn.execute_batch("CREATE TABLE orders (item)").unwrap();
    drop(conn);
    fails_alone(&fixture, FaultKind::Unavailable).await;
}

/// A directory has its place, as where the directory above takes no new files.
#[tokio::test]
async fn a_file_that_cannot_be_opened_fails_alone() {
    let fixture = Fixture::orders().await;
    std::fs::create_dir(fixture.file("acme")).unwrap();
    fails_alone(&fixture, FaultKind::Unavailable).await;
    std::fs::remove_dir(fixture.file("acme")).unwrap();
    fixture.write("acme", INSERT).await.unwrap();
}

/// SQLite cannot make its log.
#[tokio::test]
async fn a_log_that_cannot_be_made_fails_alone() {
    let fixture = Fixture::orders().await;
    let log = fixture.file("acme").with_extension("db-wal");
    std::fs::create_dir(log).unwrap();
    fails_alone(&fixture, FaultKind::Unavailable).await;
}

#[tokio::test]
async fn a_writer_that_another_process_holds_up_is_told_so_and_readers_are_not() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    let other = Connection::open(fixture.file("acme")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = refusal(fixture.write("acme", INSERT).await);
    let contended = (FaultKind::Contended, Some("55P03".to_owned()));
    assert_eq!(refused, Some(contended));
    assert_eq!(fixture.read("acme", SELECT).await.unwrap(), [[text("a")]]);
    fixture.write("globex", INSERT).await.unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    fixture.write("acme", INSERT).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_restored_is_seen_at_once() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    let saved = fixture.directory.path().join("saved.db");
    let acme = TenantId::new("acme").unwrap();
    fixture.rows.export(&acme, &saved).await.unwrap();
    fixture.write("acme", INSERT).await.unwrap();
    fixture.rows.erase(&acme).await.unwrap();
    std::fs::rename(&saved, fixture.file("acme")).unwrap();
    assert_eq!(fixture.read("acme", SELECT).await.unwrap(), [[text("a")]]);
}
