//! `a.f` where PostgreSQL would call the function `f` on `a`, and sets of characters that
//! keep a session busy.

use super::*;

/// What callers may not say, with the name that the refusal gives.
const CALLS: &[(&str, &str)] = &[
    (
        "SELECT ('doorward.context'::text).current_setting",
        "`(…).name`",
    ),
    (
        "SELECT (('select to_tsvector(''simple'', current_user)'::text).ts_stat)::text",
        "`(…).name`",
    ),
    (
        "SELECT encode((x.a).lo_get, 'escape') FROM (SELECT CAST(4711 AS bigint) a) x",
        "`(…).name`",
    ),
    ("SELECT (t.tags[1]).lower FROM t", "`(…).name`"),
    ("SELECT t.tags[1].lower FROM t", "`(…).name`"),
    ("SELECT (t).tags[1] FROM t", "`(…).name`"),
    ("SELECT (SELECT 'x'::text).ts_stat", "`(…).name`"),
    (
        "SELECT CAST(x.ts_stat AS text) FROM unnest(ARRAY['select 1']) x",
        "`x.ts_stat`",
    ),
    (
        "SELECT CAST(x.\"ts_stat\" AS text) FROM unnest(ARRAY['select 1']) AS X",
        "`x.ts_stat`",
    ),
    ("SELECT x.x FROM unnest(ARRAY['select 1']) x (a)", "`x.x`"),
    (
        "SELECT ts_stat.ts_stat FROM unnest(ARRAY['select 1']) ts_stat (a)",
        "`ts_stat.ts_stat`",
    ),
    (
        "SELECT ts_stat.ts_stat FROM json_array_elements_text('[\"select 1\"]') ts_stat",
        "`ts_stat.ts_stat`",
    ),
    (
        "SELECT unnest.ts_stat FROM unnest(ARRAY['select 1'])",
        "`unnest.ts_stat`",
    ),
    (
        "SELECT generate_series.lo_get FROM generate_series(1, 9)",
        "`generate_series.lo_get`",
    ),
    (
        "SELECT y.* FROM unnest(ARRAY['a']) x, LATERAL (SELECT x.current_setting) y",
        "`x.current_setting`",
    ),
    (
        "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM unnest(ARRAY['a']) x WHERE x.ts_stat IS NULL)",
        "`x.ts_stat`",
    ),
    // Two of one name have the columns that both have.
    (
        "SELECT x.ts_stat FROM unnest(ARRAY['a']) x \
         WHERE EXISTS (SELECT 1 FROM unnest(ARRAY['a']) x (ts_stat))",
        "`x.ts_stat`",
    ),
    (
        "SELECT x.ts_stat FROM regexp_split_to_table('a b', ' ') WITH ORDINALITY x",
        "`x.ts_stat`",
    ),
    (
        "UPDATE t SET a = x.current_setting FROM unnest(ARRAY['a']) x",
        "`x.current_setting`",
    ),
    (
        "DELETE FROM t USING unnest(ARRAY['a']) x WHERE x.current_setting = 'a'",
        "`x.current_setting`",
    ),
    (
        "SELECT x.ts_stat[1] FROM unnest(ARRAY['select 1']) x",
        "`x.ts_stat`",
    ),
    (
        "SELECT 1 FROM t JOIN unnest(ARRAY['a']) x ON x.ts_stat IS NULL ORDER BY x.x",
        "`x.ts_stat`",
    ),
];

#[test]
fn a_field_that_is_no_column_is_refused() {
    for (text, named) in CALLS {
        refused(Flavour::Postgres, text, named);
    }
}

#[test]
fn a_column_is_read_whatever_its_name() {
    for text in [
        "SELECT t.name, t.length, t.date, t.count, t.text, public.t.current_setting FROM t",
        "SELECT t.tags[1], t.tags[1:2], public.t.tags[1][2] FROM t",
        "SELECT x.ts_stat FROM (SELECT 1 AS ts_stat) x",
        "WITH x AS (SELECT 1 AS lower) SELECT x.lower FROM x",
        "SELECT x.a FROM generate_series(1, 2) AS x (a)",
        "SELECT x.x FROM unnest(ARRAY['a']) x",
        "SELECT unnest.unnest FROM unnest(ARRAY['a'])",
        "SELECT x.x, x.ordinality FROM unnest(ARRAY['a']) WITH ORDINALITY x",
        "SELECT x.value FROM jsonb_array_elements_text('[]') x",
        "SELECT x.key, x.value FROM json_each('{}') x",
        "SELECT x.a, x.b FROM json_to_record('{}') AS x (a int, b text)",
        "SELECT y.a FROM t, LATERAL (SELECT t.a) y",
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING t.a",
    ] {
        if let Err(fault) = postgres(text) {
            panic!("{text}: {fault:?}");
        }
    }
}

#[test]
fn a_set_of_characters_is_a_short_literal() {
    let long = "b".repeat(65);
    for text in [
        "SELECT length(translate(repeat('a', 250000), repeat('b', 250000), ''))".to_owned(),
        format!("SELECT translate('a', '{long}', '')"),
        "SELECT translate('a', $1, '')".to_owned(),
        "SELECT btrim('a', a) FROM t".to_owned(),
        "SELECT ltrim('a', 'a' || 'b')".to_owned(),
        "SELECT rtrim('a', (SELECT 'a'))".to_owned(),
        "SELECT trim(both a from 'a') FROM t".to_owned(),
        format!("SELECT trim(leading '{long}' from 'a')"),
    ] {
        refused(Flavour::Postgres, &text, "64 characters");
    }
    for text in [
        "SELECT translate(a, 'abc', 'xyz'), btrim(a), ltrim(a, ' '), rtrim(a, E'\\n') FROM t",
        "SELECT trim(a), trim(both 'x' from a) FROM t",
    ] {
        assert!(postgres(text).is_ok(), "{text}");
    }
    assert!(sqlite("SELECT trim(a, b) FROM t").is_ok());
}
