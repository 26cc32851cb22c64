//! What a piece of work may take: rows, bytes, time, changes.

use super::*;
use crate::engine::Tally;

async fn bounded(bed: &Bed, sql: &str, bounds: Bounds) -> Result<Vec<ResultSet>, Fault> {
    let statement = if sql.starts_with("SELECT") {
        read(sql)
    } else {
        write(sql)
    };
    bed.rows
        .run(&caller("acme"), Work::one(statement), bounds)
        .await
}

#[tokio::test]
async fn a_result_ends_at_its_rows_and_its_bytes() {
    let bed = fresh().await;
    let ten = "SELECT n FROM generate_series(1, 10) AS s (n)";
    let rows = |rows| Bounds { rows, ..BOUNDS };
    assert_eq!(
        bounded(&bed, ten, rows(10)).await.unwrap()[0].rows.len(),
        10
    );
    for (sql, bounds) in [
        (ten, rows(9)),
        ("SELECT generate_series(1, 100000000)", rows(5)),
        (
            "SELECT repeat('x', 1000) FROM generate_series(1, 10)",
            Bounds {
                bytes: 9000,
                ..BOUNDS
            },
        ),
    ] {
        let fault = bounded(&bed, sql, bounds).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::ResultTooLarge, "{sql}");
    }
    assert_eq!(bed.value("acme", "SELECT 1").await, Value::Int(1));
}

#[tokio::test]
async fn a_write_that_answers_too_much_changes_nothing() {
    let bed = sample().await;
    let bounds = Bounds { rows: 1, ..BOUNDS };
    let fault = bounded(&bed, "UPDATE notes SET stars = 5 RETURNING id", bounds).await;
    assert_eq!(fault.unwrap_err().kind, FaultKind::ResultTooLarge);
    assert_eq!(
        bed.value("acme", "SELECT sum(stars) FROM notes").await,
        Value::Int(0)
    );
}

/// A tally that has no room.
#[derive(Debug)]
struct Full;

impl Tally for Full {
    fn count(&self, bytes: usize) -> Result<(), Fault> {
        assert!(bytes >= 2, "{bytes}");
        Err(Fault::new(FaultKind::Unread))
    }
}

/// An answer that has no room is refused before its change is there to stay.
#[tokio::test]
async fn a_change_whose_answer_has_no_room_is_undone() {
    let bed = sample().await;
    let caller = caller("acme").counted_on(Arc::new(Full));
    let update = Work::one(write("UPDATE notes SET stars = 5 RETURNING id"));
    let fault = bed.rows.run(&caller, update, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unread);
    let look = Work::one(read("SELECT id FROM notes"));
    let fault = bed.rows.run(&caller, look, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unread);
    assert_eq!(
        bed.value("acme", "SELECT sum(stars) FROM notes").await,
        Value::Int(0)
    );
}

#[tokio::test]
async fn a_statement_ends_in_time() {
    let bed = sample().await;
    let bounds = Bounds {
        time: Duration::from_millis(100),
        ..BOUNDS
    };
    for sql in [
        "SELECT pg_sleep(600)",
        "SELECT count(*) FROM generate_series(1, 100000000000) a",
    ] {
        let begun = Instant::now();
        let fault = bounded(&bed, sql, bounds).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::TimedOut, "{sql}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    // Nor does it last longer because it says so.
    let all = vec![
        read("SET statement_timeout = 0"),
        read("SELECT pg_sleep(600)"),
    ];
    let work = Work {
        statements: all,
        rollback: false,
        max_affected: None,
        checked: false,
    };
    let fault = bed
        .rows
        .run(&caller("acme"), work, bounds)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[tokio::test]
async fn work_is_all_or_nothing() {
    let bed = sample().await;
    let work = vec![
        write("DELETE FROM notes"),
        write("INSERT INTO authors (name) VALUES ('ada')"),
    ];
    let fault = bed.run("acme", work).await.unwrap_err();
    assert_eq!(fault.state.unwrap().as_str(), "23505");
    let work = Work {
        statements: vec![write("DELETE FROM notes RETURNING id")],
        rollback: true,
        max_affected: None,
        checked: false,
    };
    let done = bed.rows.run(&caller("acme"), work, BOUNDS).await.unwrap();
    assert_eq!((done[0].affected, done[0].rows.len()), (2, 2));
    let work = Work {
        statements: vec![write("DELETE FROM notes")],
        rollback: false,
        max_affected: Some(1),
        checked: false,
    };
    let fault = bed
        .rows
        .run(&caller("acme"), work, BOUNDS)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooManyAffected);
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM notes").await,
        Value::Int(2)
    );
}

#[tokio::test]
async fn a_call_waits_for_a_connection_only_so_long() {
    let bed = fresh().await;
    let mut one = settings(&bed.database, &format!("owner_{}", bed.database));
    one.pool_size = 1;
    one.pool_wait = Duration::from_millis(50);
    let rows = PostgresRows::open(one, &SEED).await.unwrap();
    let (holder, waiter) = (caller("acme"), caller("globex"));
    let bounds = Bounds {
        time: Duration::from_secs(2),
        ..BOUNDS
    };
    let held = rows.run(&holder, Work::one(read("SELECT pg_sleep(1)")), bounds);
    let waits = rows.run(&waiter, Work::one(read("SELECT 1")), bounds);
    let (held, waited) = futures_util::future::join(held, waits).await;
    assert!(held.is_ok());
    assert_eq!(waited.unwrap_err().kind, FaultKind::Contended);
}

#[tokio::test]
async fn a_row_that_its_check_refuses_is_undone_with_what_went_before() {
    let bed = sample().await;
    let before = bed.value("acme", "SELECT count(*) FROM authors").await;
    for check in ["name <> 'new'", "NULL::boolean", "0"] {
        let work = Work {
            statements: vec![
                write("INSERT INTO authors (name) VALUES ('first') RETURNING true"),
                write(&format!(
                    "INSERT INTO authors (name) VALUES ('second'), ('new') \
                     RETURNING {check}, id"
                )),
            ],
            rollback: false,
            max_affected: None,
            checked: true,
        };
        let refused = bed.rows.run(&caller("acme"), work, BOUNDS).await;
        let fault = refused.unwrap_err();
        assert_eq!(fault.kind, FaultKind::PolicyViolated, "{check}");
        assert_eq!(fault.state.unwrap().as_str(), "42501");
        assert_eq!(
            bed.value("acme", "SELECT count(*) FROM authors").await,
            before,
            "{check}"
        );
    }
    let admitted = "INSERT INTO authors (name) VALUES ('new') RETURNING name = 'new', id";
    let work = Work {
        checked: true,
        ..Work::one(write(admitted))
    };
    bed.rows.run(&caller("acme"), work, BOUNDS).await.unwrap();
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM authors WHERE name = 'new'")
            .await,
        Value::Int(1)
    );
}

/// The server makes the row and sends it; it is not gathered here.
#[tokio::test]
async fn a_row_that_is_too_large_is_not_gathered() {
    let bed = fresh().await;
    let begun = resident();
    for sql in [
        "SELECT repeat('x', 600000000)",
        "SELECT repeat('x', 20000000), 1",
        "SELECT 'small' UNION ALL SELECT repeat('x', 20000000)",
        "WITH RECURSIVE d (s) AS (SELECT 'xxxxxxxx' UNION ALL SELECT s || s FROM d WHERE \
         length(s) < 50000000) SELECT s FROM d ORDER BY length(s) DESC LIMIT 1",
    ] {
        let sql = sql.to_owned();
        let statement = Statement::new(sql.clone(), Vec::new(), false);
        let done = bed
            .rows
            .run(&caller("acme"), Work::one(statement), BOUNDS)
            .await;
        assert_eq!(done.unwrap_err().kind, FaultKind::ResultTooLarge, "{sql}");
    }
    let grown = resident().saturating_sub(begun);
    assert!(grown < 256 << 10, "{grown} KiB");
    // What is within the bounds passes, and so does the next caller.
    let half = "SELECT repeat('x', 500000)";
    assert!(bed.read("globex", half).await.is_ok());
    assert_eq!(bed.value("acme", "SELECT 1").await, Value::Int(1));
}

/// Memory of this process, KiB.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().split_ascii_whitespace().next().unwrap();
    number.parse().unwrap()
}
