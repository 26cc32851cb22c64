//! Large, deep and wide texts: each is answered, none takes the process down or takes long.

use super::super::check_ddl;
use super::*;
use std::time::{Duration, Instant};

/// A quarter of what the async runtime's threads have.
const STACK: usize = 512 * 1024;

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    thread.unwrap().join().unwrap()
}

fn nest(open: &str, middle: &str, close: &str, times: usize) -> String {
    format!("{}{middle}{}", open.repeat(times), close.repeat(times))
}

/// Texts with something in them that many times, each deeper or wider than its limit when
/// `times` is large.
fn large(times: usize) -> Vec<String> {
    let bare: &[(&str, &str, &str, &str, &str)] = &[
        ("SELECT ", "(", "1", ")", ""),
        ("SELECT ", "[", "1", "]", ""),
        ("SELECT ARRAY", "[", "1", "]", ""),
        ("SELECT ", "((", "1", ")+1)", ""),
        ("SELECT ", "(SELECT ", "1", ")", ""),
        ("SELECT ", "((SELECT ", "1", ") + 1)", ""),
        ("", "(", "SELECT 1", ")", ""),
        ("SELECT * FROM ", "(", "t", ")", ""),
        ("SELECT * FROM ", "(", "t", " JOIN u)", ""),
        ("SELECT * FROM ", "(SELECT * FROM ", "t", ") AS x", ""),
        (
            "SELECT * FROM ",
            "((SELECT * FROM ",
            "t",
            ") AS x JOIN u ON true)",
            "",
        ),
        (
            "SELECT * FROM ",
            "LATERAL (SELECT * FROM ",
            "t",
            ") AS x",
            "",
        ),
        ("", "WITH x AS (", "SELECT 1", ") SELECT * FROM x", ""),
        ("SELECT ", "abs(", "1", ")", ""),
        ("SELECT ", "coalesce(1, ", "1", ")", ""),
        ("SELECT ", "position(", "1", ")", ""),
        ("SELECT ", "position(1 IN ", "1", ")", ""),
        ("SELECT ", "cast(", "1", " AS int)", ""),
        ("SELECT ", "case when ", "1", " then 1 end", ""),
        ("SELECT ", "case when 1 then ", "1", " end", ""),
        ("SELECT ", "case-", "1", "", ""),
        ("SELECT ", "1 IN (", "1", ")", ""),
        ("SELECT ", "1 IN ((", "1", "))", ""),
        ("SELECT ", "EXISTS (SELECT ", "1", ")", ""),
        ("SELECT ", "NOT ", "1", "", ""),
        ("SELECT ", "- ", "1", "", ""),
        ("SELECT ", "-", "1", "", ""),
        ("SELECT ", "+ ", "1", "", ""),
        ("SELECT ", "~ ", "1", "", ""),
        ("SELECT ", "@ ", "1", "", ""),
        ("SELECT ", "|/ ", "1", "", ""),
        ("SELECT ", "interval ", "1", "", ""),
        ("SELECT ", "if(", "1", ")", ""),
        ("SELECT ", "current_time(", "1", ")", ""),
        ("SELECT ", "row(", "1", ")", ""),
        ("SELECT ", "_x ", "'a'", "", ""),
        ("SELECT 1", "", "", " + 1", ""),
        ("SELECT 1", "", "", " AND 1", ""),
        ("SELECT 1", "", "", " OR a = 1", ""),
        ("SELECT 1", "", "", " || 'x'", ""),
        ("SELECT 1", "", "", "::int", ""),
        ("SELECT 1::int", "", "", "[]", ""),
        ("SELECT a", "", "", "[1]", ""),
        ("SELECT a", "", "", ".a", ""),
        ("SELECT (a)", "", "", ".a", ""),
        ("SELECT 1", "", "", " IS NULL", ""),
        ("SELECT a", "", "", " COLLATE x", ""),
        ("SELECT a", "", "", " AT TIME ZONE 'x'", ""),
        ("SELECT a", "", "", " GLOB 'x'", ""),
        ("SELECT a", "", "", " BETWEEN 1 AND 2", ""),
        ("SELECT a", "", "", " LIKE 'x' ESCAPE 'y'", ""),
        ("SELECT a", "", "", " -> 'x'", ""),
        ("SELECT a", "", "", " IN (1)", ""),
        ("SELECT a", "", "", " = ANY(b)", ""),
        ("SELECT a", "", "", "(1)", ""),
        ("SELECT 1", "", "", ", 1", ""),
        ("SELECT 1 IN (1", "", "", ", 1", ")"),
        ("VALUES (1)", "", "", ", (1)", ""),
        ("SELECT 1", "", "", " UNION SELECT 1", ""),
        ("SELECT 1, 2", "", "", " INTERSECT SELECT 1, 2", ""),
        ("SELECT 1", "", "", " EXCEPT (SELECT 1)", ""),
        ("SELECT * FROM t", "", "", " JOIN t", ""),
        ("SELECT * FROM t", "", "", " JOIN t ON true", ""),
        ("SELECT * FROM t", "", "", " NATURAL JOIN t", ""),
        ("SELECT * FROM t", "", "", " CROSS JOIN t", ""),
        ("SELECT * FROM t", "", "", ", t", ""),
        (
            "SELECT * FROM t",
            "",
            "",
            " UNPIVOT INCLUDE NULLS (a FOR b IN (c))",
            "",
        ),
        (
            "SELECT * FROM JSON_TABLE('', '' COLUMNS (",
            "NESTED PATH '' COLUMNS (",
            "a int",
            ")",
            "))",
        ),
        (
            "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (",
            "(",
            "a",
            ")",
            ") DEFINE a AS 1)",
        ),
        ("SELECT CAST(1 AS ", "ARRAY<", "int", ">", ")"),
        ("SELECT CAST(1 AS ", "STRUCT<", "int", ">", ")"),
        ("SELECT CAST(1 AS ", "NULLABLE(", "int", ")", ")"),
        ("SELECT CAST(1 AS ", "MAP(int, ", "int", ")", ")"),
        ("SELECT CASE", "", "", " WHEN a = 1 THEN 1", " END"),
        (
            "WITH a AS (SELECT 1)",
            "",
            "",
            ", a AS (SELECT 1)",
            " SELECT 1",
        ),
        ("SELECT sum(1) OVER (ORDER BY 1", "", "", ", 1", ")"),
        ("SELECT 1", "", "", ";", ""),
        ("SELECT 1", "", "", "; SELECT 1", ""),
        ("SELECT ", "/*", "", "*/", " 1"),
        ("SELECT ", "", "", "--\n", " 1"),
        ("", "INSERT INTO t ", "SELECT 1", "", ""),
        (
            "",
            "INSERT INTO t WITH a AS (SELECT 1) ",
            "SELECT 1",
            "",
            "",
        ),
        ("SELECT 1 UNION ", "INSERT INTO t ", "SELECT 1", "", ""),
        ("", "UPDATE t SET a = 1 ", "", "", ""),
        ("", "DELETE FROM t RETURNING ", "1", "", ""),
        ("CREATE VIEW v AS ", "CREATE VIEW v AS ", "SELECT 1", "", ""),
        ("CREATE TABLE t (a int DEFAULT ", "(", "1", ")", ")"),
        ("CREATE TABLE t (a int", "", "", ", b int", ")"),
        ("CREATE TABLE t (a int", "", "", " CHECK (true)", ")"),
        ("BEGIN ", "BEGIN ", "", "END ", ""),
        ("IF 1 THEN ", "IF 1 THEN ", "SELECT 1", " END IF", ""),
        ("EXPLAIN ", "EXPLAIN ", "SELECT 1", "", ""),
        ("SELECT $", "", "", "x", "$ $"),
    ];
    let text = |(before, open, middle, close, after): &(&str, &str, &str, &str, &str)| {
        format!("{before}{}{after}", nest(open, middle, close, times))
    };
    bare.iter().map(text).collect()
}

#[test]
fn nothing_deep_or_wide_overflows_a_small_stack() {
    on_small_stack(|| {
        let vast = Limits {
            bytes: 1 << 20,
            ..Limits::default()
        };
        let mut longest = (Duration::ZERO, String::new());
        for flavour in BOTH {
            for times in [
                1, 4, 5, 6, 12, 20, 31, 40, 49, 64, 100, 128, 256, 300, 2_000, 10_000,
            ] {
                for text in large(times) {
                    for limits in [vast, Limits::default()] {
                        let began = Instant::now();
                        let answers = [
                            read(&text, flavour, &limits).err(),
                            check_ddl(&text, flavour, &limits).err(),
                        ];
                        if limits == Limits::default() && began.elapsed() > longest.0 {
                            longest = (began.elapsed(), text.chars().take(60).collect());
                        }
                        for fault in answers.into_iter().flatten() {
                            let ours = matches!(
                                fault.kind,
                                FaultKind::SyntaxInvalid
                                    | FaultKind::StatementForbidden
                                    | FaultKind::TooComplex
                            );
                            assert!(ours, "{times} times {text:.60}: {fault:?}");
                        }
                    }
                }
            }
        }
        println!("the longest took {:?}: {}", longest.0, longest.1);
    });
}

#[test]
fn what_is_deeper_or_wider_than_allowed_is_too_complex() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("(SELECT ", "1", ")"),
        ("abs(", "1", ")"),
        ("case when ", "1", " then 1 end"),
        ("NOT ", "1", ""),
        ("- ", "1", ""),
        ("", "1", " + 1"),
        ("", "1", " OR a = 1"),
        ("", "1", " UNION SELECT 1"),
        ("", "1 FROM t", " JOIN t ON true"),
        ("", "1 FROM t", ", t"),
        ("", "1", ", 1"),
    ] {
        let text = format!("SELECT {}", nest(open, middle, close, 2_100));
        let vast = Limits {
            bytes: 1 << 20,
            ..Limits::default()
        };
        for flavour in BOTH {
            let fault = read(&text, flavour, &vast).unwrap_err();
            assert_eq!(
                fault.kind,
                FaultKind::TooComplex,
                "{open}{middle}{close}: {fault:?}"
            );
            assert_eq!(fault.state.unwrap().as_str(), "54001");
        }
    }
}

#[test]
fn what_is_large_but_sensible_is_allowed_on_a_small_stack() {
    on_small_stack(|| {
        for flavour in BOTH {
            for text in [
                format!("SELECT {}", nest("(", "1", ")", 20)),
                format!("SELECT 1{}", " + 1".repeat(256)),
                format!("SELECT * FROM t WHERE a = 1{}", " OR a = 1".repeat(127)),
                format!("SELECT * FROM t WHERE a IN (1{})", ", 1".repeat(1_500)),
                format!("INSERT INTO t VALUES (1, 'a'){}", ", (2, 'b')".repeat(500)),
                format!("SELECT * FROM t{}", " JOIN t ON t.a = t.b".repeat(32)),
                format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(32)),
                format!("SELECT CASE{} END", " WHEN a = 1 THEN 1".repeat(250)),
                format!("SELECT {}", nest("abs(1 + ", "1", ")", 12)),
                format!(
                    "SELECT {}",
                    nest("(SELECT max(a) FROM t WHERE a < ", "1", ")", 5)
                ),
            ] {
                let checked = read(&text, flavour, &Limits::default());
                assert!(checked.is_ok(), "{text}: {checked:?}");
            }
        }
    });
}

/// Nothing is heard between the calls of one row, each of which may take a while.
#[test]
fn so_many_functions_are_called_on_postgres() {
    let calls = |call: &str, count| format!("SELECT {} FROM t", vec![call; count].join(", "));
    for (call, count, fits) in [
        ("md5(a)", 256, true),
        ("md5(a)", 257, false),
        ("now()", 600, true),
        ("lower('a')", 400, true),
    ] {
        let text = calls(call, count);
        let refused = postgres(&text).err().map(|fault| fault.kind);
        assert_eq!(
            refused,
            (!fits).then_some(FaultKind::TooComplex),
            "{count} {call}"
        );
        assert!(sqlite(&calls("lower(a)", count)).is_ok());
    }
}

/// A text of a megabyte is refused by its length, before anything looks into it: the same
/// text with a larger limit is not even SQL.
#[test]
fn a_text_that_is_too_long_is_refused_unread() {
    let text = "' ".repeat(1 << 19) + "'";
    let began = Instant::now();
    let fault = sqlite(&text).unwrap_err();
    println!("{} bytes were refused in {:?}", text.len(), began.elapsed());
    assert_eq!(fault.kind, FaultKind::TooComplex);
    assert!(fault.message.contains("bytes"));
    let limits = Limits {
        bytes: usize::MAX,
        tokens: usize::MAX,
        ..Limits::default()
    };
    let read = read(&text, Flavour::Sqlite, &limits).unwrap_err();
    assert_eq!(read.kind, FaultKind::SyntaxInvalid);
}
