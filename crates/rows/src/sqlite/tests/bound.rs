//! Time, rows, bytes, and callers that go away: the connection is fit for the next caller.

use super::*;
use crate::engine::Tally;
use std::task::Poll;

const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

fn settings() -> SqliteSettings {
    SqliteSettings {
        threads: 1,
        readers: 1,
        ..SqliteSettings::default()
    }
}

async fn one_of_each() -> Fixture {
    let fixture = Fixture::with(settings());
    fixture.rows.amend(ORDERS).await.unwrap();
    let three = "INSERT INTO orders (id, item) VALUES (1, 'a'), (2, 'b'), (3, 'c')";
    fixture.write("acme", three).await.unwrap();
    fixture
}

async fn run_within(
    fixture: &Fixture,
    work: Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, FaultKind> {
    let outcome = fixture.rows.run(&caller("acme"), work, bounds).await;
    outcome.map_err(|fault| fault.kind)
}

async fn count(fixture: &Fixture) -> Value {
    let rows = fixture.read("acme", "SELECT count(*) FROM orders").await;
    rows.unwrap().remove(0).remove(0)
}

#[tokio::test]
async fn a_statement_that_takes_too_long_leaves_its_connection_fit() {
    let fixture = one_of_each().await;
    let short = Bounds {
        time: Duration::from_millis(50),
        ..BOUNDS
    };
    let outcome = run_within(&fixture, Work::one(read(ENDLESS)), short).await;
    assert_eq!(outcome, Err(FaultKind::TimedOut));
    let insert = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n) \
                  INSERT INTO orders (id, item) SELECT i, 'x' FROM n";
    let outcome = run_within(&fixture, Work::one(write(insert)), short).await;
    assert_eq!(outcome, Err(FaultKind::TimedOut));
    assert_eq!(count(&fixture).await, Value::Int(3));
    let next = fixture
        .write("acme", "DELETE FROM orders WHERE id = 1")
        .await;
    assert_eq!(next.unwrap().affected, 1);
}

/// With one thread, the next call runs only when the statement nobody waits for has ended.
#[tokio::test]
async fn a_caller_that_goes_away_ends_its_statement() {
    let fixture = one_of_each().await;
    let long = Bounds {
        time: Duration::from_secs(3_600),
        ..BOUNDS
    };
    let caller = caller("acme");
    let mut endless = fixture.rows.run(&caller, Work::one(read(ENDLESS)), long);
    // Until its thread has begun it.
    std::future::poll_fn(|context| {
        let _ = endless.as_mut().poll(context);
        if fixture.rows.realm.threads.free() == 0 {
            Poll::Ready(())
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
    drop(endless);
    assert_eq!(count(&fixture).await, Value::Int(3));
}

#[tokio::test]
async fn a_result_has_so_many_rows_and_bytes() {
    let fixture = one_of_each().await;
    let all = || Work::one(read("SELECT id, item FROM orders"));
    for (rows, bytes, fits) in [
        (3, 1_000, true),
        (2, 1_000, false),
        (3, 33, true),
        (3, 32, false),
        (0, 0, false),
    ] {
        let bounds = Bounds {
            rows,
            bytes,
            ..BOUNDS
        };
        let outcome = run_within(&fixture, all(), bounds).await;
        let got = outcome.map(|results| only(results).rows.len());
        let expected = if fits {
            Ok(3)
        } else {
            Err(FaultKind::ResultTooLarge)
        };
        assert_eq!(got, expected, "{rows} rows, {bytes} bytes");
    }
    let bounds = Bounds { rows: 2, ..BOUNDS };
    let delete = Work::one(write("DELETE FROM orders RETURNING id"));
    let outcome = run_within(&fixture, delete, bounds).await;
    assert_eq!(outcome, Err(FaultKind::ResultTooLarge));
    assert_eq!(count(&fixture).await, Value::Int(3));
}

#[tokio::test]
async fn work_is_done_whole_or_not_at_all() {
    let fixture = one_of_each().await;
    let insert = write("INSERT INTO orders (id, item) VALUES (9, 'x')");
    let twice = Work {
        statements: vec![insert.clone(), insert.clone()],
        ..Work::one(insert.clone())
    };
    let outcome = run_within(&fixture, twice, BOUNDS).await;
    assert_eq!(outcome, Err(FaultKind::ConstraintViolated));
    assert_eq!(count(&fixture).await, Value::Int(3));
    let tried = Work {
        statements: vec![insert.clone(), read("SELECT count(*) FROM orders")],
        rollback: true,
        ..Work::one(insert)
    };
    let results = run_within(&fixture, tried, BOUNDS).await.unwrap();
    assert_eq!(results[1].rows, [[Value::Int(4)]]);
    assert_eq!(count(&fixture).await, Value::Int(3));
    assert_eq!(
        fixture
            .run(
                "acme",
                Work {
                    statements: vec![],
                    ..Work::one(read(""))
                }
            )
            .await,
        Ok(vec![])
    );
}

#[tokio::test]
async fn more_changes_than_the_caller_allows_are_undone() {
    let fixture = one_of_each().await;
    for sql in ["DELETE FROM orders", "DELETE FROM orders RETURNING id"] {
        for (most, fits) in [(2, false), (3, true)] {
            let work = Work {
                max_affected: Some(most),
                rollback: true,
                ..Work::one(write(sql))
            };
            let outcome = run_within(&fixture, work, BOUNDS).await;
            let refused = (!fits).then_some(FaultKind::TooManyAffected);
            assert_eq!(outcome.err(), refused, "{sql}, {most}");
        }
    }
    assert_eq!(count(&fixture).await, Value::Int(3));
}

#[tokio::test]
async fn a_checked_row_that_is_not_allowed_undoes_the_work() {
    let fixture = one_of_each().await;
    for (check, fits) in [("amount < 5", true), ("amount > 5", false), ("NULL", false)] {
        let sql = format!("INSERT INTO orders (item) VALUES ('n') RETURNING {check}, id");
        let work = Work {
            checked: true,
            rollback: true,
            ..Work::one(write(&sql))
        };
        let outcome = run_within(&fixture, work, BOUNDS).await;
        let refused = (!fits).then_some(FaultKind::PolicyViolated);
        assert_eq!(outcome.err(), refused, "{check}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_tenant_follow_each_other() {
    let fixture = Arc::new(Fixture::orders().await);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                for _ in 0..10 {
                    let sql = "INSERT INTO orders (item) VALUES ('a')";
                    fixture.write("acme", sql).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(count(&fixture).await, Value::Int(80));
}

/// One tenant's statements hold its own lanes and no more threads than those.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_tenant_does_not_hold_up_another() {
    let fixture = Arc::new(Fixture::orders().await);
    let busy: Vec<_> = (0..40)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                let _ = fixture.run("acme", Work::one(read(ENDLESS))).await;
            })
        })
        .collect();
    let free = fixture.read("globex", "SELECT count(*) FROM orders").await;
    assert_eq!(free.unwrap(), [[Value::Int(0)]]);
    for task in &busy {
        task.abort();
    }
}

/// The rows of one tenant take no room from all.
#[tokio::test]
async fn a_tenants_file_becomes_as_large_as_it_may_and_no_larger() {
    const ROOM: u64 = 1 << 20;
    let fixture = Fixture::with(SqliteSettings {
        room: Room {
            file: ROOM,
            ..Room::default()
        },
        ..settings()
    });
    let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)";
    fixture.rows.amend(notes).await.unwrap();
    let much = "INSERT INTO notes (body) WITH RECURSIVE n(i) AS \
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                SELECT printf('%01000d', i) FROM n";
    let fault = fixture.write("acme", much).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault:?}");
    assert_eq!(fault.state.unwrap().as_str(), "53100");
    // Nothing of it stayed, and what fits goes in, here and elsewhere.
    let few = "INSERT INTO notes (body) VALUES ('a')";
    for tenant in ["acme", "globex"] {
        assert_eq!(fixture.write(tenant, few).await.unwrap().affected, 1);
    }
    let count = fixture.read("acme", "SELECT count(*) FROM notes").await;
    assert_eq!(count.unwrap(), [[Value::Int(1)]]);
}

/// A tally that has no room.
#[derive(Debug)]
struct Full;

impl Tally for Full {
    fn count(&self, bytes: usize) -> Result<(), Fault> {
        assert!(bytes >= 16, "{bytes}");
        Err(Fault::new(FaultKind::Unread))
    }
}

/// An answer that has no room is refused before its change is there to stay.
#[tokio::test]
async fn a_change_whose_answer_has_no_room_is_undone() {
    let fixture = one_of_each().await;
    let caller = caller("acme").counted_on(Arc::new(Full));
    let delete = Work::one(write("DELETE FROM orders RETURNING id"));
    let fault = fixture.rows.run(&caller, delete, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unread);
    assert_eq!(count(&fixture).await, Value::Int(3));
}

/// What anybody may write leaves the disk to everything else.
#[tokio::test]
async fn while_the_disk_has_too_little_room_nothing_is_written() {
    let fixture = one_of_each().await;
    let crowded = SqliteSettings {
        room: Room {
            left: u64::MAX,
            ..Room::default()
        },
        ..settings()
    };
    let clock = Arc::<FixedClock>::clone(&fixture.clock);
    let rows = SqliteRows::open(fixture.directory.path(), crowded, clock).unwrap();
    let insert = Work::one(write("INSERT INTO orders (item) VALUES ('d')"));
    let fault = rows.run(&caller("acme"), insert, BOUNDS).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert_eq!(fault.state.unwrap().as_str(), "53100");
    let count = Work::one(read("SELECT count(*) FROM orders"));
    let counted = rows.run(&caller("acme"), count, BOUNDS).await.unwrap();
    assert_eq!(counted[0].rows, [[Value::Int(3)]]);
}

/// A statement that goes on for longer than it may ends soon, whatever it is doing then.
#[tokio::test]
async fn a_pattern_and_a_long_text_are_given_up_in_time() {
    let fixture = one_of_each().await;
    let bounds = Bounds {
        time: Duration::from_millis(100),
        ..BOUNDS
    };
    let pattern = format!("*{}b*", "[a]".repeat(83));
    let ones = ["1"; 400].join(",");
    let all = format!("SELECT count(*) FROM json_each('[{ones}]') j WHERE ?1 || j.value GLOB ?2");
    let one = "SELECT ?1 GLOB ?2".to_owned();
    for sql in [all, one] {
        let params = vec![text(&"a".repeat(1_000_000)), text(&pattern)];
        let began = std::time::Instant::now();
        let work = Work::one(Statement::new(sql, params, false));
        let outcome = run_within(&fixture, work, bounds).await;
        let took = began.elapsed();
        assert_eq!(outcome, Err(FaultKind::TimedOut));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

/// A program that never goes back is never asked whether it is to go on.
#[tokio::test]
async fn calls_beside_each_other_are_few_or_of_short_values() {
    let fixture = one_of_each().await;
    let bounds = Bounds {
        time: Duration::from_millis(100),
        ..BOUNDS
    };
    let paths = ["'$[#-1]'"; 250].join(", ");
    // Each of another text.
    let given = |at| format!("(?1 || '{}')", " ".repeat(at));
    let removed = |at| format!("length(json_remove({}, {paths}))", given(at));
    let arrows = |at| format!("length({}{})", given(at), " -> '$'".repeat(40));
    let upper = |at| format!("length(upper({}))", given(at));
    for (count, call) in [
        (100, &removed as &dyn Fn(usize) -> String),
        (100, &arrows),
        (120, &upper),
    ] {
        let all: Vec<String> = (0..count).map(call).collect();
        let all = if count == 120 {
            vec![all.join(" + "); 20]
        } else {
            all
        };
        let sql = format!("SELECT {}", all.join(", "));
        let params = vec![text(&format!("[{}1]", "1,".repeat(500_000)))];
        let began = std::time::Instant::now();
        let work = Work::one(Statement::new(sql, params, false));
        let outcome = run_within(&fixture, work, bounds).await;
        let took = began.elapsed();
        // A slow machine may be stopped by the time instead, before it begins.
        let refused = [Err(FaultKind::TooComplex), Err(FaultKind::TimedOut)];
        assert!(refused.contains(&outcome), "{outcome:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

/// No one call of a function goes on by itself for long, and none takes memory without bound.
#[tokio::test]
async fn what_nothing_can_interrupt_ends_soon() {
    let fixture = one_of_each().await;
    let bounds = Bounds {
        time: Duration::from_millis(500),
        ..BOUNDS
    };
    let long = "printf('%.*c', 1000000, 'a')";
    let half = "printf('%.*c', 500000, 'a')";
    let pattern = "%a_a".repeat(60);
    let row = ["hex(zeroblob(8000000))"; 140].join(", ");
    let narrow = ["hex(zeroblob(500000))"; 120].join(", ");
    for (sql, kind) in [
        (format!("SELECT {row}"), Some(FaultKind::TooComplex)),
        (format!("SELECT {narrow}"), Some(FaultKind::TooComplex)),
        (format!("SELECT instr({long}, {half} || 'b')"), None),
        (
            format!("SELECT length(replace({long}, {half} || 'b', ''))"),
            None,
        ),
        (
            format!("SELECT replace({long}, 'a', {half})"),
            Some(FaultKind::TooComplex),
        ),
        (format!("SELECT length(trim({long}, {half} || 'b'))"), None),
        (format!("SELECT length(ltrim({long}, {half} || 'b'))"), None),
        (format!("SELECT length(rtrim({long}, {half} || 'b'))"), None),
        (format!("SELECT {long} LIKE '{pattern}b'"), None),
        (
            format!("SELECT {long} LIKE {half}"),
            Some(FaultKind::TooComplex),
        ),
        (
            format!("SELECT {long} GLOB {half}"),
            Some(FaultKind::TooComplex),
        ),
        (
            "SELECT json_patch('{}', '{}')".to_owned(),
            Some(FaultKind::StatementForbidden),
        ),
        (
            "SELECT json_pretty('[1]', '  ')".to_owned(),
            Some(FaultKind::StatementForbidden),
        ),
    ] {
        let began = std::time::Instant::now();
        let outcome = run_within(&fixture, Work::one(read(&sql)), bounds).await;
        let took = began.elapsed();
        let start: String = sql.chars().take(60).collect();
        println!("{took:?}: {start}");
        assert!(took < Duration::from_secs(5), "{start}: {took:?}");
        // A slow machine may be stopped by the time instead.
        let got = outcome.err();
        assert!(
            got == kind || got == Some(FaultKind::TimedOut),
            "{start}: {got:?}"
        );
    }
}
