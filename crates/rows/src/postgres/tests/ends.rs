//! Each function and operator that callers have, called as badly as a caller can, is refused,
//! ends, or hears of its cancellation: every overload of every listed function and every
//! operator of the server's, taken from its catalogue, on values that are larger than a request
//! can bring.

use super::*;
use crate::engine::Flavour;
use crate::schema::{Column, ColumnKind, Schema, Table};
use crate::sql::{self, Limits, listed_functions};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

mod written;

/// What a statement is given.
const TIME: Duration = Duration::from_millis(300);

/// What it may take beyond that on a busy machine. What nothing interrupts takes minutes.
const LONGEST: Duration = Duration::from_secs(10);

/// How many statements run at once.
const LANES: usize = 3;

/// One row of large values: texts of 4 MiB, which a request cannot bring, lists and documents
/// of more elements than it could name, numbers of as many digits as there may be.
const LARGE: &str = "
    CREATE TABLE large (t text, u text, b bytea, j jsonb, o jsonb, s json, n numeric, d numeric,
        v tsvector, q text, l text[], i int[], m nummultirange, r numrange, x varbit, k text[]);
    INSERT INTO large SELECT
        (SELECT string_agg(repeat('a', 65536), '') FROM generate_series(1, 64)),
        (SELECT string_agg(repeat('a', 65536), '') || 'b' FROM generate_series(1, 32)),
        (SELECT string_agg(decode(repeat('ab', 65536), 'hex'), '') FROM generate_series(1, 32)),
        (SELECT jsonb_agg(g) FROM generate_series(1, 100000) g),
        (SELECT jsonb_object_agg('k' || g, g) FROM generate_series(1, 100000) g),
        (SELECT json_agg(g) FROM generate_series(1, 100000) g),
        repeat('9', 131071)::numeric, ('1.' || repeat('3', 16383))::numeric,
        (SELECT string_agg('w' || g || ':1,2,3', ' ') FROM generate_series(1, 20000) g)::tsvector,
        (SELECT string_agg('w' || g, '&') FROM generate_series(1, 20000) g),
        (SELECT array_agg('x' || g) FROM generate_series(1, 100000) g),
        (SELECT array_agg(g) FROM generate_series(1, 200000) g),
        (SELECT range_agg(numrange(g * 2, g * 2 + 1)) FROM generate_series(1, 50000) g),
        numrange(1, 2), repeat('10', 2000000)::varbit,
        (SELECT array_agg('k' || g) FROM generate_series(1, 100000) g)";

/// As much of it as a difference depends on.
fn schema() -> Schema {
    let column = |(name, kind): &(&str, ColumnKind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        type_name: String::new(),
        nullable: true,
        default: None,
        is_tenant: false,
    };
    let columns = [
        ("j", ColumnKind::Json),
        ("o", ColumnKind::Json),
        ("s", ColumnKind::Json),
        ("n", ColumnKind::Numeric),
        ("d", ColumnKind::Numeric),
        ("m", ColumnKind::Range),
        ("l", ColumnKind::Array),
        ("i", ColumnKind::Array),
        ("k", ColumnKind::Array),
    ];
    Schema {
        version: 1,
        tables: vec![Table {
            name: "large".to_owned(),
            comment: None,
            is_view: false,
            columns: columns.iter().map(column).collect(),
            primary_key: Vec::new(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
        }],
        routines: Vec::new(),
    }
}

/// The longest pattern.
const PATTERN: &str = "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'";

/// The longest set of characters.
const SHORT: &str = "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'";

/// The worst values of a type: large ones first, then such as may stand where it must be short.
fn worst(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "text" | "character varying" => &["t", "u", PATTERN, SHORT],
        "bytea" => &["b"],
        "jsonb" => &["o", "j", "'{\"k1\": 1, \"k7\": 2}'::jsonb"],
        "json" => &["s"],
        "numeric" => &["n", "d"],
        "smallint" => &["32767::smallint"],
        "integer" => &["2147483647", "7"],
        "bigint" => &["9223372036854775807"],
        "double precision" => &["1e308::float8"],
        "real" => &["3e38::real"],
        "timestamp with time zone" => &["'290000-01-01'::timestamptz"],
        "timestamp without time zone" => &["'290000-01-01'::timestamp"],
        "date" => &["'5000000-01-01'::date"],
        "time without time zone" => &["'23:59:59'::time"],
        "time with time zone" => &["'23:59:59+1'::timetz"],
        "interval" => &["'170000000 years'::interval"],
        "tsvector" => &["v"],
        "tsquery" => &["q::tsquery", "'a & b'::tsquery"],
        "text[]" => &["k", "'{a,b}'::text[]"],
        "integer[]" => &["i", "'{1,2}'::int[]"],
        "anyarray" | "anycompatiblearray" => &["l", "'{a,b}'::text[]"],
        "anyelement" | "anycompatible" | "anynonarray" | "anycompatiblenonarray" => {
            &["t", "'a'::text"]
        }
        "\"any\"" => &["t", "l"],
        "anyrange" | "numrange" => &["r"],
        "anymultirange" | "nummultirange" => &["m", "'{[1,2]}'::nummultirange"],
        "bit" | "bit varying" => &["x"],
        "boolean" => &["true"],
        "inet" => &["'10.0.0.1'::inet"],
        "cidr" => &["'10.0.0.0/8'::cidr"],
        "uuid" => &["'00000000-0000-0000-0000-000000000000'::uuid"],
        "jsonpath" => &["'$.** ? (@ > 1 && @ like_regex \"(a*)*b\")'"],
        "regconfig" => &["'english'"],
        "name" => &["'UTF8'"],
        "\"char\"" => &["'A'"],
        "\"char\"[]" => &["'{A}'"],
        "character" => &["'a'::char(1)"],
        "real[]" => &["'{0.1,0.2,0.3,0.4}'"],
        "money" => &["'1'::money"],
        "record" | "anycompatiblerange" => &["large"],
        "point" => &["'(1,1)'::point"],
        "box" => &["'(1,1),(0,0)'::box"],
        "circle" => &["'<(0,0),1>'::circle"],
        "lseg" => &["'[(0,0),(1,1)]'::lseg"],
        "line" => &["'{1,2,3}'::line"],
        _ => return None,
    })
}

/// Lists of arguments: all the worst, and each with one that is of another kind.
fn choices(kinds: &[&str]) -> Option<Vec<Vec<&'static str>>> {
    let each: Vec<&[&str]> = kinds
        .iter()
        .map(|kind| worst(kind))
        .collect::<Option<_>>()?;
    let first: Vec<&str> = each.iter().map(|worst| worst[0]).collect();
    let mut all = vec![first.clone()];
    for (at, worst) in each.iter().enumerate() {
        for other in &worst[1..] {
            let mut choice = first.clone();
            choice[at] = other;
            all.push(choice);
        }
    }
    // Where nothing but the first may be long.
    let last: Vec<&str> = each.iter().map(|worst| worst[worst.len() - 1]).collect();
    all.push(
        first
            .iter()
            .take(1)
            .chain(last.iter().skip(1))
            .copied()
            .collect(),
    );
    Some(all)
}

/// What is called, and how.
struct Call {
    /// The function or operator.
    name: String,
    sql: String,
}

/// Every overload of the functions that are listed.
async fn functions(bed: &Bed) -> Vec<Call> {
    let listed: Vec<String> = names().map(str::to_owned).collect();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&listed];
    let found = bed.admin.query(
        "SELECT p.proname, p.prokind::text, p.proretset, ARRAY(SELECT format_type(t, NULL) FROM \
         unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n) FROM pg_proc p LEFT JOIN \
         pg_aggregate g ON g.aggfnoid = p.oid WHERE p.pronamespace = 'pg_catalog'::regnamespace \
         AND p.proname = ANY ($1) AND coalesce(g.aggkind, 'n') = 'n' ORDER BY p.proname, p.oid",
        &parameters,
    );
    let mut calls = Vec::new();
    for row in found.await.unwrap() {
        let (name, kind, is_set): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
        let kinds: Vec<String> = row.get(3);
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        for arguments in choices(&kinds).unwrap_or_default() {
            let call = format!("{name}({})", arguments.join(", "));
            let sql = match (kind.as_str(), is_set) {
                ("a", _) => format!("SELECT {call} IS NULL FROM large, generate_series(1, 3)"),
                ("w", _) => format!("SELECT {call} OVER () IS NULL FROM large"),
                (_, true) => format!("SELECT count(*) FROM (SELECT {call} FROM large) AS z"),
                _ => format!("SELECT {call} IS NULL FROM large"),
            };
            calls.push(Call {
                name: name.clone(),
                sql,
            });
        }
    }
    calls
}

/// Every operator of the server's, listed or not.
async fn operators(bed: &Bed) -> Vec<Call> {
    let found = bed.admin.query(
        "SELECT oprname, coalesce(format_type(nullif(oprleft, 0), NULL), ''), \
         format_type(oprright, NULL) FROM pg_operator WHERE oprnamespace = \
         'pg_catalog'::regnamespace ORDER BY oprname, oid",
        &[],
    );
    let mut calls = Vec::new();
    for row in found.await.unwrap() {
        let (name, left, right): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let kinds: Vec<&str> = [left.as_str(), right.as_str()]
            .into_iter()
            .filter(|kind| !kind.is_empty())
            .collect();
        for arguments in choices(&kinds).unwrap_or_default() {
            let operation = match arguments.as_slice() {
                [one] => format!("{name} {one}"),
                [one, other] => format!("{one} {name} {other}"),
                _ => continue,
            };
            calls.push(Call {
                name: name.clone(),
                sql: format!("SELECT ({operation}) IS NULL FROM large"),
            });
        }
    }
    calls
}

fn names() -> impl Iterator<Item = &'static str> {
    listed_functions(Flavour::Postgres).into_iter()
}

/// What became of all of them.
#[derive(Default)]
struct Outcome {
    /// How often each was refused here, and ran there.
    refused: BTreeMap<String, usize>,
    ran: BTreeMap<String, usize>,
    /// What went on too long.
    endless: Vec<String>,
}

/// Runs those of them that a caller may run.
async fn run_all(bed: &Bed, calls: Vec<Call>) -> Outcome {
    let mut outcome = Outcome::default();
    let schema = schema();
    let mut queue = VecDeque::new();
    let mut seen = BTreeSet::new();
    for Call { name, sql } in calls {
        let read = sql::read(&sql, Flavour::Postgres, &Limits::default());
        let checked = read.and_then(|checked| {
            checked.settle(&schema)?;
            Ok(checked.text().to_owned())
        });
        match checked {
            Ok(text) if seen.insert(text.clone()) => queue.push_back((name, text)),
            Ok(_) => {}
            Err(_) => *outcome.refused.entry(name).or_default() += 1,
        }
    }
    let (queue, outcome) = (Mutex::new(queue), Mutex::new(outcome));
    let lanes = (0..LANES).map(|_| async {
        let client = superuser(&bed.database).await;
        let limit = format!("SET statement_timeout = {}", TIME.as_millis());
        client.batch_execute(&limit).await.unwrap();
        lane(&client, &queue, &outcome).await;
    });
    futures_util::future::join_all(lanes).await;
    outcome.into_inner().unwrap()
}

async fn lane(
    client: &Client,
    queue: &Mutex<VecDeque<(String, String)>>,
    outcome: &Mutex<Outcome>,
) {
    loop {
        let next = queue.lock().unwrap().pop_front();
        let Some((name, text)) = next else {
            return;
        };
        let begun = Instant::now();
        let done = tokio::time::timeout(TIME + LONGEST, client.simple_query(&text)).await;
        let shown: String = text.chars().take(120).collect();
        if begun.elapsed() > Duration::from_secs(1) {
            println!("{:?}: {shown}", begun.elapsed());
        }
        let mut outcome = outcome.lock().unwrap();
        match done {
            Ok(Ok(_)) => *outcome.ran.entry(name).or_default() += 1,
            Ok(Err(error)) => {
                // It was called unless there is no such: what ran says 22, 54 or 57.
                let state = error.code().map_or("", |code| code.code());
                if !state.starts_with("42") {
                    *outcome.ran.entry(name).or_default() += 1;
                }
                assert!(!client.is_closed(), "{shown}: {error}");
            }
            // Its session is lost for this run: it goes on, whoever gave it up.
            Err(_) => {
                outcome.endless.push(shown);
                return;
            }
        }
    }
}

async fn large() -> Bed {
    let bed = fresh().await;
    bed.admin.batch_execute(LARGE).await.unwrap();
    bed
}

fn assert_all_end(outcome: &Outcome) {
    assert!(outcome.endless.is_empty(), "{:#?}", outcome.endless);
}

#[tokio::test]
async fn each_function_ends_in_its_time_on_postgres() {
    let bed = large().await;
    let mut calls = functions(&bed).await;
    calls.extend(written::CALLS.iter().map(|sql| Call {
        name: String::new(),
        sql: written::statement(sql),
    }));
    let outcome = run_all(&bed, calls).await;
    assert_all_end(&outcome);
    // None is passed over: it ran, or it is never let through, or it is written out.
    let known = |name: &str| outcome.ran.contains_key(name) || outcome.refused.contains_key(name);
    let left: Vec<_> = names()
        .filter(|name| !known(name) && !written::names(name))
        .collect();
    assert_eq!(left, [""; 0], "nothing calls these");
    assert!(
        outcome.ran.values().sum::<usize>() > 500,
        "{}",
        outcome.ran.len()
    );
}

#[tokio::test]
async fn each_operator_ends_in_its_time_on_postgres() {
    let bed = large().await;
    let calls = operators(&bed).await;
    let outcome = run_all(&bed, calls).await;
    assert_all_end(&outcome);
    for name in ["-", "@>", "||", "~", "~~", "->", "@@", "*", "&&", "<"] {
        assert!(outcome.ran.contains_key(name), "{name} never ran");
    }
}
