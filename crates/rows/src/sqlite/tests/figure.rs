//! What a call costs beside SQLite itself. To be run by hand: `--ignored --nocapture`.

use super::*;
use std::time::Instant;

const CALLS: u32 = 20_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_point_select_beside_the_bare_engine() {
    let fixture = Fixture::orders().await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
                INSERT INTO orders (id, item) SELECT i, 'item ' || i FROM n";
    fixture.write("acme", many).await.unwrap();
    let sql = "SELECT id, item, amount FROM orders WHERE id = ?1";
    let caller = caller("acme");
    let mut times = Vec::new();
    for at in 0..CALLS {
        let work = Work::one(Statement::new(
            sql,
            vec![Value::Int(i64::from(at % 10_000))],
            false,
        ));
        let begun = Instant::now();
        let results = fixture.rows.run(&caller, work, BOUNDS).await.unwrap();
        times.push(begun.elapsed());
        assert_eq!(results.len(), 1);
    }
    report("through run", times);
    let tenant = fixture.rows.realm.shelf.tenant(caller.tenant());
    let mut times = Vec::new();
    for at in 0..CALLS {
        let params = vec![Value::Int(i64::from(at % 10_000))];
        let work = Work::one(Statement::new(sql, params, false));
        let brake = Brake::within(BOUNDS.time);
        let begun = Instant::now();
        let realm = &fixture.rows.realm;
        let served = realm.serve(&tenant, Purpose::Read, &work, BOUNDS, &brake);
        times.push(begun.elapsed());
        assert_eq!(served.map(|results| results.len()), Ok(1));
    }
    report("the same without the turn on a blocking thread", times);
    let conn = open::reading(&fixture.file("acme")).unwrap();
    let mut times = Vec::new();
    for at in 0..CALLS {
        let begun = Instant::now();
        let mut statement = conn.prepare_cached(sql).unwrap();
        let _row: Option<(i64, String, i64)> =
            rusqlite::OptionalExtension::optional(statement.query_row([at % 10_000], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            }))
            .unwrap();
        times.push(begun.elapsed());
    }
    report("bare rusqlite", times);
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let begun = Instant::now();
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        times.push(begun.elapsed());
    }
    report("an empty turn on a blocking thread", times);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_thousand_tenants() {
    let fixture = Fixture::orders().await;
    let insert = "INSERT INTO orders (item) VALUES ('a')";
    for (what, sql, writes) in [
        ("the first call of a new tenant", insert, true),
        (
            "a read that opens its file",
            "SELECT count(*) FROM orders",
            false,
        ),
    ] {
        let mut times = Vec::new();
        for at in 0..1_000 {
            let work = Work::one(Statement::new(sql, vec![], writes));
            let begun = Instant::now();
            fixture.run(&format!("tenant-{at}"), work).await.unwrap();
            times.push(begun.elapsed());
        }
        report(what, times);
    }
    let mut times = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        fixture.write("tenant-1", insert).await.unwrap();
        times.push(begun.elapsed());
    }
    report("an insert", times);
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    println!(
        "{} files open: statm {}, {files} descriptors",
        fixture.rows.open_files(),
        pages.trim()
    );
    fixture
        .rows
        .amend("ALTER TABLE orders ADD COLUMN note TEXT")
        .await
        .unwrap();
    let begun = Instant::now();
    let report = fixture.rows.bring_up(None, 1_000).await.unwrap();
    println!("a step over {} tenants: {:?}", report.done, begun.elapsed());
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (half, last) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{what}: median {half:?}, 99 % {last:?}");
}
