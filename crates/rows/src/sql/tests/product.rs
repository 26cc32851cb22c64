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
        ("SELECT array_to_string(a, b) FROM t", "`array_to_string`"),
        (
            "SELECT array_to_string(a, ',', b) FROM t",
            "`array_to_string`",
        ),
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

#[test]
fn a_search_that_is_ranked_is_short_on_postgres() {
    for text in [
        "SELECT ts_rank(a, b) FROM t",
        "SELECT ts_rank_cd(a, b, 4) FROM t",
        "SELECT ts_rank('{1,1,1,1}', a, b) FROM t",
        "SELECT ts_rank(a, to_tsquery('english', b)) FROM t",
        "SELECT ts_rank(a, to_tsquery('english', to_tsquery('b'))) FROM t",
        "SELECT ts_rank(a, b::tsquery) FROM t",
        "SELECT ts_rank(vector => a, query => b) FROM t",
    ] {
        refused(Flavour::Postgres, text, "`ts_rank");
    }
    for text in [
        "SELECT ts_rank(a, to_tsquery('b & c')), ts_rank_cd(a, 'b & c', 4) FROM t",
        "SELECT ts_rank('{1,1,1,1}', a, websearch_to_tsquery('english', $1), 1) FROM t",
    ] {
        assert!(postgres(text).is_ok(), "{text}: {:?}", postgres(text));
    }
    let ranked = postgres("SELECT ts_rank(a, plainto_tsquery($1)) FROM t").unwrap();
    let bind = |length| ranked.bind(vec![crate::value::Value::Text("a".repeat(length))], ALL);
    assert!(bind(128).is_ok());
    assert_eq!(bind(129).unwrap_err().kind, FaultKind::StatementForbidden);
}

/// A document less a list is told from a number less a number by the tables' columns.
#[test]
fn what_may_be_a_list_is_not_taken_from_a_document_on_postgres() {
    use crate::schema::{Column, ColumnKind, Schema, Table};
    let column = |name: &str, kind| Column {
        name: name.to_owned(),
        kind,
        type_name: String::new(),
        nullable: true,
        default: None,
        is_tenant: false,
    };
    let table = |name: &str, columns| Table {
        name: name.to_owned(),
        comment: None,
        is_view: false,
        columns,
        primary_key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
    };
    let schema = Schema {
        version: 1,
        tables: vec![
            table(
                "both",
                vec![
                    column("doc", ColumnKind::Json),
                    column("tags", ColumnKind::Array),
                    column("n", ColumnKind::Int),
                ],
            ),
            table(
                "doc",
                vec![
                    column("doc", ColumnKind::Json),
                    column("n", ColumnKind::Int),
                ],
            ),
            table(
                "tags",
                vec![
                    column("tags", ColumnKind::Array),
                    column("n", ColumnKind::Int),
                ],
            ),
        ],
        routines: Vec::new(),
    };
    let settled = |text: &str| postgres(text).unwrap().settle(&schema);
    for text in [
        "SELECT doc - tags FROM both",
        "SELECT (doc) - (both.tags) FROM both",
        "SELECT doc - tags FROM doc, tags",
        "SELECT to_jsonb(n) - tags FROM tags",
        "SELECT doc - s.a FROM doc, (SELECT array_agg(n) AS a FROM doc) AS s",
        "WITH s AS (SELECT tags AS n FROM tags) SELECT doc - s.n FROM doc, s",
        "SELECT doc - s.n FROM doc, tags AS s (n)",
        "SELECT doc - coalesce(tags, '{}') FROM both",
        "SELECT doc - (SELECT tags FROM tags) FROM doc",
        "SELECT doc - CASE WHEN true THEN tags END FROM both",
        "SELECT doc - tags FROM unknown",
        "UPDATE both SET doc = doc - tags",
    ] {
        let fault = settled(text).unwrap_err();
        assert_eq!(fault.kind, FaultKind::StatementForbidden, "{text}");
        assert!(fault.hint.unwrap().contains("::numeric"), "{text}");
    }
    for text in [
        "SELECT n - n, doc - 'a', doc - ARRAY['a'] FROM both",
        "SELECT n - n, doc FROM both WHERE n - 1 > n - both.n",
        "SELECT n - coalesce(n, 0) FROM tags",
        "SELECT doc - n FROM doc",
        "SELECT a - b FROM (SELECT n AS a, n AS b FROM tags) AS s",
        "SELECT a - b::int FROM (SELECT n AS a, n AS b FROM both) AS s",
        "SELECT now() - interval '1 day', n - abs(n) FROM both",
    ] {
        assert_eq!(settled(text), Ok(()), "{text}");
    }
}
