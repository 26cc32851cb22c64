//! Which files are open.

use super::*;

const SELECT: &str = "SELECT count(*) FROM orders";

#[tokio::test]
async fn no_more_files_are_open_than_may_be() {
    let fixture = Fixture::with(SqliteSettings {
        open_files: 16,
        ..SqliteSettings::default()
    });
    fixture.rows.amend(ORDERS).await.unwrap();
    for round in 0..2 {
        for at in 0..300 {
            let tenant = format!("tenant-{at}");
            let sql = "INSERT INTO orders (item) VALUES ('a')";
            fixture.write(&tenant, sql).await.unwrap();
            let rows = fixture.read(&tenant, SELECT).await.unwrap();
            assert_eq!(rows, [[Value::Int(round + 1)]]);
            assert!(fixture.rows.open_files() <= 16);
        }
    }
    assert_eq!(fixture.rows.open_files(), 16);
    assert_eq!(held(&fixture), 16);
    assert_eq!(fixture.rows.tenants().await.unwrap().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_close_and_open_under_callers_at_once() {
    let fixture = Fixture::with(SqliteSettings {
        open_files: 2,
        threads: 2,
        ..SqliteSettings::default()
    });
    fixture.rows.amend(ORDERS).await.unwrap();
    let fixture = Arc::new(fixture);
    let tasks: Vec<_> = (0..6)
        .map(|at| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let tenant = format!("tenant-{at}");
                for count in 1..=5 {
                    let sql = "INSERT INTO orders (item) VALUES ('a')";
                    fixture.write(&tenant, sql).await.unwrap();
                    let rows = fixture.read(&tenant, SELECT).await.unwrap();
                    assert_eq!(rows, [[Value::Int(count)]]);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(fixture.rows.open_files() <= 2);
    assert!(held(&fixture) <= 2);
}

#[tokio::test]
async fn a_file_that_nobody_calls_is_closed() {
    let fixture = Fixture::orders().await;
    fixture.read("acme", SELECT).await.unwrap();
    fixture.read("globex", SELECT).await.unwrap();
    fixture.clock.advance(Duration::from_secs(59));
    fixture.read("globex", SELECT).await.unwrap();
    assert_eq!(fixture.rows.open_files(), 2);
    fixture.clock.advance(Duration::from_secs(30));
    fixture.read("globex", SELECT).await.unwrap();
    assert_eq!(fixture.rows.open_files(), 1);
    fixture.clock.advance(Duration::from_secs(60));
    fixture.rows.upkeep().await.unwrap();
    assert_eq!(fixture.rows.open_files(), 0);
    assert_eq!(held(&fixture), 0);
}

/// The tenants' files that this process has open, as the system sees it.
fn held(fixture: &Fixture) -> usize {
    let tenants = fixture.directory.path().join("tenants");
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let files = files.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let files = files.filter(|file| file.starts_with(&tenants));
    let databases = files.filter(|file| file.extension().is_some_and(|end| end == "db"));
    databases.collect::<std::collections::BTreeSet<_>>().len()
}
