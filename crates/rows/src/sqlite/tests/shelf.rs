//! Which files are open.

use super::*;

const SELECT: &str = "SELECT count(*) FROM orders";

#[tokio::test]
async fn no_more_files_are_open_than_may_be() {
    let fixture = Fixture::with(SqliteSettings {
        open_files: OpenFiles::new(16),
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
        open_files: OpenFiles::new(2),
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

/// A process with fewer descriptors left than it had closes what it may not have open.
#[tokio::test]
async fn a_lower_number_of_files_holds_from_the_next_one_on() {
    let open_files = OpenFiles::new(16);
    let fixture = Fixture::with(SqliteSettings {
        open_files: open_files.clone(),
        ..SqliteSettings::default()
    });
    fixture.rows.amend(ORDERS).await.unwrap();
    for at in 0..16 {
        fixture.read(&format!("tenant-{at}"), SELECT).await.unwrap();
    }
    assert_eq!(fixture.rows.open_files(), 16);
    open_files.set(3);
    fixture.read("tenant-16", SELECT).await.unwrap();
    assert_eq!(fixture.rows.open_files(), 3);
    assert_eq!(held(&fixture), 3);
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
    let files = descriptors(fixture).into_iter();
    let databases = files.filter(|file| file.extension().is_some_and(|end| end == "db"));
    databases.collect::<std::collections::BTreeSet<_>>().len()
}

/// What this process has open of them.
fn descriptors(fixture: &Fixture) -> Vec<PathBuf> {
    let tenants = fixture.directory.path().join("tenants");
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let files = files.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    files.filter(|file| file.starts_with(&tenants)).collect()
}

/// The server shares its descriptors out by this number.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_and_read_twice_takes_seven_descriptors() {
    const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                        SELECT max(i) FROM n, orders";
    let fixture = Fixture::orders().await;
    let insert = "INSERT INTO orders (item) VALUES ('a')";
    fixture.write("acme", insert).await.unwrap();
    let bounds = Bounds {
        time: Duration::from_millis(300),
        ..BOUNDS
    };
    let acme = caller("acme");
    let reading = || fixture.rows.run(&acme, Work::one(read(LONG)), bounds);
    let (one, other) = tokio::join!(reading(), reading());
    for outcome in [one, other] {
        assert_eq!(outcome.unwrap_err().kind, FaultKind::TimedOut);
    }
    assert_eq!(descriptors(&fixture).len(), 7);
}
