//! Calls that take time by the product of two lengths.

use super::*;

#[test]
fn one_of_two_lengths_that_multiply_is_short_on_postgres() {
    for (text, construct) in [
        ("SELECT a LIKE b FROM t", "LIKE"),
        ("SELECT a ILIKE b || '%' FROM t", "ILIKE"),
        ("SELECT a ~~ b FROM t", "`~~`"),
        ("SELECT 'a' ~~ ANY(b) FROM t", "ANY"),
        ("SELECT a @> b FROM t", "`@>`"),
        ("SELECT a && ARRAY(SELECT b FROM t) FROM t", "`&&`"),
        ("SELECT a ?| b FROM t", "`?|`"),
        ("SELECT a - string_to_array('x', ',') FROM t", "`-`"),
        ("SELECT replace(a, b, 'x') FROM t", "`replace`"),
        ("SELECT position(a IN b) FROM t", "`position`"),
        ("SELECT to_char(now(), a) FROM t", "`to_char`"),
        ("SELECT normalize(a) FROM t", "`normalize`"),
        ("SELECT a IS NORMALIZED FROM t", "NORMALIZED"),
        ("SELECT a::path FROM t", "`path`"),
        ("SELECT CAST(a AS polygon) FROM t", "polygon"),
        (
            "SELECT ts_headline(a, b, 'MaxWords=9')  FROM t",
            "`ts_headline`",
        ),
        (
            "SELECT jsonb_path_match(a, '$.b == $.c') FROM t",
            "`jsonb_path_match`",
        ),
        ("SELECT a @? b FROM t", "`@?`"),
        (
            "SELECT repeat(repeat_it, 300) || lpad(a, 300) FROM t",
            "together",
        ),
    ] {
        refused(Flavour::Postgres, text, construct);
    }
    for text in [
        "SELECT a LIKE 'b%', a LIKE $1, a ~~ 'b' FROM t",
        "SELECT a @> ARRAY[1, $1], '{}' <@ a, a && daterange('2026-01-01', NULL) FROM t",
        "SELECT a - ARRAY['b'], a - 'b', a - b FROM t",
        "SELECT a @@ to_tsquery('b'), a @? '$.b[*] ? (@.c > 1)' FROM t",
        "SELECT to_timestamp(1), to_char(now(), 'YYYY'), ts_headline('english', a, b) FROM t",
    ] {
        assert!(postgres(text).is_ok(), "{text}: {:?}", postgres(text));
    }
    let like = postgres("SELECT 'a' LIKE $1").unwrap();
    let bind = |length| like.bind(vec![crate::value::Value::Text("a".repeat(length))], ALL);
    assert!(bind(256).is_ok());
    assert_eq!(bind(257).unwrap_err().kind, FaultKind::StatementForbidden);
}
