//! What one statement holds, in a process of its own: each test runs an attack in it and is
//! told by how much its memory grew at most.

use super::super::weight;
use super::*;
use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

/// Beside what a statement may hold: the answer on its way, threads, what the allocator keeps.
const MARGIN: u64 = 16 << 20;

/// The other process: statements on standard input, one a line, the last one measured.
#[test]
#[ignore = "run by the attacks, each in a process of its own"]
fn alone() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let mut statements: Vec<&str> = input.lines().collect();
    let attack = statements.pop().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (outcome, grown) = runtime.block_on(async {
        let fixture = Fixture::with(SqliteSettings::default());
        fixture.rows.amend(NOTES).await.unwrap();
        for sql in statements {
            fixture.write("acme", sql).await.unwrap();
        }
        fixture.read("acme", "SELECT 1").await.unwrap();
        let before = status("VmRSS");
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let long = "x".repeat(1_000_000);
        let params = vec![text(&long); usize::from(attack.contains("?1"))];
        let writes = !attack.starts_with("SELECT") && !attack.starts_with("WITH");
        let work = Work::one(Statement::new(attack, params, writes));
        let outcome = fixture.run("acme", work).await;
        (outcome, status("VmHWM").saturating_sub(before))
    });
    let outcome = outcome.map(|_| "done".to_owned());
    let outcome = outcome.unwrap_or_else(|fault| format!("{:?}: {}", fault.kind, fault.message));
    println!("\ngrown {grown} {outcome}");
}

const NOTES: &str = "
    CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
    CREATE TABLE parts (name TEXT PRIMARY KEY,
        whole TEXT REFERENCES parts (name) ON DELETE CASCADE ON UPDATE CASCADE)";

/// Bytes of the process, by `/proc`.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let mut words = line.unwrap().split_ascii_whitespace();
    words.nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Runs the last of these statements in a process of its own and answers what came of it.
#[track_caller]
fn attack(statements: &[&str]) -> String {
    let name = format!("{}::alone", module_path!().split_once("::").unwrap().1);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(statements.join("\n").as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let line = printed.lines().find_map(|line| line.strip_prefix("grown "));
    let (grown, outcome) = line.unwrap().split_once(' ').unwrap();
    let grown: u64 = grown.parse().unwrap();
    println!("{} MiB: {outcome}", grown >> 20);
    assert!(
        grown < weight::MOST + MARGIN,
        "{} MiB: {outcome}",
        grown >> 20
    );
    outcome.to_owned()
}

/// So many of these, with commas; `#` is the number.
fn list(count: usize, each: &str) -> String {
    let each = (0..count).map(|at| each.replace('#', &at.to_string()));
    each.collect::<Vec<_>>().join(", ")
}

/// A table of so many rows, counted by `i`.
fn counted(rows: usize) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})")
}

/// Fills `notes` with so many texts of this length.
fn notes(rows: usize, length: usize) -> String {
    let counted = counted(rows);
    format!("INSERT INTO notes (body) {counted} SELECT printf('%0{length}d', i) FROM n")
}

#[test]
fn many_long_constants() {
    for make in [
        "hex(zeroblob(500000 - #))",
        "zeroblob(1000000 - #)",
        "randomblob(1000000 - #)",
    ] {
        let _ = attack(&[&format!("SELECT {}", list(120, make))]);
        let _ = attack(&[&format!("SELECT length(concat({}))", list(250, make))]);
    }
}

#[test]
fn long_arguments_of_json() {
    let long = list(250, "hex(zeroblob(500000 - #))");
    let escaped = list(250, "replace(hex(zeroblob(8000 - #)), '0', char(1))");
    for call in ["json_array", "json_object", "jsonb_array", "jsonb_object"] {
        for arguments in [&long, &escaped, &list(250, "?1")] {
            let _ = attack(&[&format!("SELECT length({call}({arguments}))")]);
        }
    }
    let set = list(120, "'$.a#', hex(zeroblob(500000 - #))");
    let _ = attack(&[&format!("SELECT length(json_set('{{}}', {set}))")]);
    let _ = attack(&[&format!("SELECT length(jsonb_insert('{{}}', {set}))")]);
}

#[test]
fn nested_json() {
    let mut sql = "?1".to_owned();
    for _ in 0..40 {
        sql = format!("json_array({sql}, {sql})");
        if sql.len() > 12_000 {
            break;
        }
    }
    let _ = attack(&[&format!("SELECT length({sql})")]);
}

#[test]
fn a_parameter_that_is_named_often() {
    let _ = attack(&[&format!("SELECT {}", list(120, "?1 || #"))]);
    let _ = attack(&[&format!("SELECT length(concat({}))", list(250, "?1"))]);
}

#[test]
fn long_formats() {
    let format = "%s".repeat(200);
    let long = list(200, "hex(zeroblob(500000 - #))");
    let _ = attack(&[&format!("SELECT length(printf('{format}', {long}))")]);
    let _ = attack(&["SELECT length(printf('%.*c', 2000000000, 'x'))"]);
    let _ = attack(&["SELECT length(printf('%1999999999d', 1))"]);
}

#[test]
fn many_aggregates() {
    let counted = counted(3_000);
    for each in [
        "group_concat(printf('%0300d', i + #))",
        "max(printf('%0900000d', i + #))",
        "group_concat(i, CASE i WHEN # THEN 'xx' ELSE '' END)",
    ] {
        let _ = attack(&[&format!("{counted} SELECT {} FROM n", list(120, each))]);
    }
}

#[test]
fn windows_over_long_values() {
    let counted = counted(2_000);
    let each = "group_concat(printf('%0300d', i + #)) OVER (ORDER BY i ROWS 1000 PRECEDING)";
    let _ = attack(&[&format!(
        "{counted} SELECT count(*) FROM (SELECT {} FROM n)",
        list(100, each)
    )]);
    let each = "nth_value(printf('%0900000d', i + #), 2) OVER (ORDER BY i)";
    let _ = attack(&[&format!(
        "{counted} SELECT count(*) FROM (SELECT {} FROM n)",
        list(100, each)
    )]);
}

#[test]
fn a_sort_of_long_values() {
    for (rows, length) in [(2_000, 900_000), (900, 250_000), (2_000_000, 300)] {
        let counted = counted(rows);
        let long = format!("printf('%0{length}d', i * 7919 % {rows})");
        for sql in [
            format!(
                "{counted} SELECT count(*) FROM (SELECT {long} AS x FROM n ORDER BY x, i LIMIT -1 OFFSET 1)"
            ),
            format!("{counted} SELECT max(c) FROM (SELECT count(*) AS c FROM n GROUP BY {long})"),
            format!("{counted} SELECT count(DISTINCT {long}) FROM n"),
            format!("{counted} SELECT i FROM n ORDER BY {long}"),
        ] {
            let _ = attack(&[&sql]);
        }
    }
}

#[test]
fn many_tables_set_aside() {
    let counted = counted(200_000);
    for count in [10, 30] {
        let unions = " UNION SELECT i FROM n".repeat(count);
        let _ = attack(&[&format!(
            "{counted} SELECT count(*) FROM (SELECT i FROM n WHERE i < 0{unions})"
        )]);
        let each = "(SELECT count(*) FROM (SELECT DISTINCT i * (# + 1) FROM n))";
        let _ = attack(&[&format!("{counted} SELECT {}", list(count, each))]);
    }
}

#[test]
fn many_tables_of_json() {
    let long = "json_array(printf('%0900000d', 1))";
    let sources = (0..60).map(|at| format!("json_each({long}) AS a{at}"));
    let sources: Vec<_> = sources.collect();
    let _ = attack(&[&format!("SELECT count(*) FROM {}", sources.join(", "))]);
}

#[test]
fn rows_with_long_values_in_many_places() {
    let fill = notes(20, 900_000);
    let twice = list(120, "body || #");
    let _ = attack(&[&fill, &format!("SELECT {twice} FROM notes LIMIT 1")]);
    let long = list(120, "upper(body)");
    let _ = attack(&[&fill, &format!("SELECT length(concat({long})) FROM notes")]);
    let names: Vec<_> = (0..60).map(|at| format!("notes AS a{at}")).collect();
    let wheres: Vec<_> = (0..60)
        .map(|at| format!("a{at}.id = {} AND a{at}.body > ''", at % 20 + 1))
        .collect();
    let (names, wheres) = (names.join(", "), wheres.join(" AND "));
    let _ = attack(&[
        &fill,
        &format!("SELECT count(*) FROM {names} WHERE {wheres}"),
    ]);
}

#[test]
fn rows_that_are_changed() {
    let fill = notes(300, 900_000);
    let _ = attack(&[&fill, "UPDATE notes SET body = body || 'x'"]);
    let _ = attack(&[&fill, "UPDATE notes SET id = id + 1000, body = lower(body)"]);
    let _ = attack(&[&fill, "INSERT INTO notes (body) SELECT body FROM notes"]);
    let _ = attack(&[
        &fill,
        "DELETE FROM notes WHERE id IN (SELECT id FROM notes) RETURNING length(body)",
    ]);
}

#[test]
fn a_deep_cascade_of_long_keys() {
    let counted = counted(90);
    let fill = format!(
        "INSERT INTO parts (name, whole) {counted} SELECT printf('%0400000d', i), \
         CASE WHEN i > 1 THEN printf('%0400000d', i - 1) END FROM n"
    );
    for last in [
        "DELETE FROM parts WHERE whole IS NULL",
        "UPDATE parts SET name = name || 'x' WHERE whole IS NULL",
    ] {
        let _ = attack(&[&fill, last]);
    }
}

/// Nothing of this is refused for what it may hold.
#[test]
fn what_is_usual_may_be_long() {
    let long = notes(40, 900_000);
    let letters = notes(200, 200_000);
    for statements in [
        [
            "INSERT INTO notes (body) VALUES ('a')",
            "INSERT INTO notes (body) VALUES (?1)",
        ],
        [&long, "SELECT body FROM notes WHERE id = 7"],
        [
            &long,
            "SELECT * FROM notes WHERE body LIKE '%7' ORDER BY id DESC LIMIT 1",
        ],
        [
            &long,
            "UPDATE notes SET body = replace(body, '0', '1') WHERE id < 9",
        ],
        [
            &letters,
            "SELECT id, length(body) FROM notes ORDER BY body DESC, id LIMIT 100",
        ],
        [
            &letters,
            "SELECT count(*), max(length(body)) FROM notes GROUP BY body",
        ],
        [
            &letters,
            "SELECT json_object('id', id, 'body', body) FROM notes WHERE id = 3 ORDER BY id",
        ],
    ] {
        assert_eq!(attack(&statements), "done", "{}", statements[1]);
    }
}

#[test]
fn a_recursion_of_long_rows() {
    let _ = attack(&[
        "WITH RECURSIVE n(i, x) AS (SELECT 1, printf('%0900000d', 1) UNION ALL \
         SELECT i + 1, x FROM n WHERE i < 5000) SELECT count(*) FROM n",
    ]);
    let _ = attack(&["WITH RECURSIVE n(i, x) AS (SELECT 1, 'x' UNION \
         SELECT i + 1, substr(x || x, 1, 900000) FROM n WHERE i < 5000) SELECT count(*) FROM n"]);
}

#[test]
fn rows_that_are_noted_for_later() {
    let counted = counted(2_000_000);
    let fill = format!("INSERT INTO notes (body) {counted} SELECT '' FROM n");
    for last in [
        "DELETE FROM notes WHERE id NOT IN (SELECT 0 FROM parts)",
        "SELECT count(*) FROM notes WHERE id > 0 OR id < 10 OR id > 20",
        "UPDATE notes SET id = -id",
    ] {
        let _ = attack(&[&fill, last]);
    }
}
