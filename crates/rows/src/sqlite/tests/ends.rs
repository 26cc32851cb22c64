//! Each function that callers have, on values as long as they can be, is refused or ends by
//! itself: one call is never interrupted. What it holds meanwhile is `memory`'s.

use super::*;
use crate::engine::Flavour;
use crate::sql::{self, Limits, listed_functions};
use std::collections::BTreeSet;
use std::time::Instant;

/// What a statement is given.
const TIME: Duration = Duration::from_millis(300);

/// What it may take beyond that on a busy machine. The product of two lengths takes minutes.
const LONGEST: Duration = Duration::from_secs(10);

/// `t` and `u` are texts, `j` a list, `o` an object, `d` a deep list, `b` bytes.
const LARGE: &str = "CREATE TABLE large (t TEXT, u TEXT, j TEXT, o TEXT, d TEXT, b BLOB)";

/// A row has at most 1 MiB; each of these values has a row of its own.
const ROWS: &[&str] = &[
    "INSERT INTO large (t, u) SELECT printf('%.*c', 600000, 'a'), printf('%.*c', 300000, 'a') || 'b'",
    "INSERT INTO large (j) SELECT '[' || replace(printf('%.*c', 200000, '1'), '1', '1,') || '1]'",
    "INSERT INTO large (o) SELECT '{' || replace(printf('%.*c', 50000, '1'), '1', '\"k7\":7,') || '\"k\":1}'",
    "INSERT INTO large (d) SELECT printf('%.*c', 900, '[') || printf('%.*c', 900, ']')",
    "INSERT INTO large (b) SELECT zeroblob(900000)",
];

/// Operators, windows, aggregates and what is no function of the library's.
const WRITTEN: &[&str] = &[
    "count(*), count(t)",
    "row_number() OVER (), rank() OVER (ORDER BY t), dense_rank() OVER (ORDER BY t)",
    "percent_rank() OVER (ORDER BY t), cume_dist() OVER (ORDER BY t), ntile(9) OVER (ORDER BY t)",
    "length(lag(t) OVER ()), length(lead(t, 1, u) OVER ()), length(nth_value(t, 2) OVER ())",
    "length(first_value(t) OVER ()), length(last_value(t) OVER ())",
    "sum(t), total(t), avg(t), length(min(t)), length(max(t)), length(group_concat(t, 'x'))",
    "length(string_agg(t, 'x')), median(1), percentile(1, 50), percentile_cont(1, 0.5)",
    "percentile_disc(1, 0.5)",
    "current_date, current_time, current_timestamp",
    "length(coalesce(t, u)), length(ifnull(t, u)), length(nullif(t, u)), length(iif(t, u, t))",
    "length(if(t, u, t)), length(likely(t)), length(unlikely(t)), length(likelihood(t, 0.5))",
    "t LIKE u",
    "t GLOB u",
    "t LIKE '%a_a%a_a%a_a%a_ab'",
    "t GLOB '*a?a*a?a*a?ab'",
    "j -> '$[199999]', o ->> '$.k50000', o -> 'k50000'",
    "length(t || u || t), t < u, t IN (u, t), t BETWEEN u AND t, -t, ~t, t + u, t % u, t << u",
];

/// Calls of a function with so many arguments; below none, it is any number.
fn calls(name: &str, arguments: i64) -> Vec<String> {
    let mut all = Vec::new();
    for first in ["t", "j", "o", "d", "b"] {
        if arguments < 0 || arguments == 1 {
            all.push(format!("{name}({first})"));
        }
        for second in ["u", "'$.k1'", "'a'"] {
            match arguments {
                ..=-1 => {
                    all.push(format!("{name}({first}, {second})"));
                    all.push(format!("{name}({first}, {second}, t)"));
                }
                2 => all.push(format!("{name}({first}, {second})")),
                3 => all.push(format!("{name}({first}, {second}, t)")),
                _ => {}
            }
        }
    }
    if arguments <= 0 {
        all.push(format!("{name}()"));
    }
    all
}

/// The library's functions that are listed, with how many arguments each takes.
fn library(names: &BTreeSet<&'static str>) -> Vec<(&'static str, i64)> {
    let conn = open::scratch().unwrap();
    let mut list = conn
        .prepare("SELECT DISTINCT name, narg FROM pragma_function_list ORDER BY name, narg")
        .unwrap();
    let mut rows = list.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let (name, arguments): (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        all.extend(names.get(name.as_str()).map(|name| (*name, arguments)));
    }
    all
}

#[tokio::test]
async fn each_function_ends_in_its_time_on_sqlite() {
    let fixture = Fixture::with(SqliteSettings::default());
    fixture.rows.amend(LARGE).await.unwrap();
    for row in ROWS {
        fixture.write("acme", row).await.unwrap();
    }
    let names = listed_functions(Flavour::Sqlite);
    let mut all: Vec<String> = WRITTEN
        .iter()
        .map(|call| format!("SELECT {call} FROM large"))
        .collect();
    let library = library(&names);
    for (name, arguments) in &library {
        let calls = calls(name, *arguments).into_iter();
        all.extend(calls.map(|call| format!("SELECT {call} FROM large")));
    }
    for table in ["json_each", "json_tree"] {
        for values in ["j", "o", "d", "t", "o, '$.k1'"] {
            all.push(format!(
                "SELECT count(e.value) FROM large, {table}({values}) AS e"
            ));
        }
    }
    let bounds = Bounds {
        time: TIME,
        ..BOUNDS
    };
    let mut ran = BTreeSet::new();
    for text in &all {
        let Ok(checked) = sql::read(text, Flavour::Sqlite, &Limits::default()) else {
            continue;
        };
        let begun = Instant::now();
        let work = Work::one(read(checked.text()));
        let outcome = fixture.rows.run(&caller("acme"), work, bounds).await;
        let took = begun.elapsed();
        assert!(took < TIME + LONGEST, "{text}: {took:?}");
        // What the library does not have, or has not with so many arguments, was not called.
        if outcome
            .err()
            .is_none_or(|fault| fault.kind != FaultKind::NameUnknown)
        {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            ran.extend(words.filter_map(|word| names.get(word).copied()));
        }
    }
    let left: Vec<_> = library
        .iter()
        .filter(|(name, _)| !ran.contains(name))
        .collect();
    assert_eq!(left, [&("", 0); 0], "nothing calls these");
}
