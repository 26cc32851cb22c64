//! Parameters in, values out, and what a wrong one is answered with.

use super::*;
use serde_json::json;

const KINDS: &str = "CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, flag BOOLEAN, doc JSON, price NUMERIC, name TEXT, raw BLOB,
    day DATE, ratio REAL
);
CREATE TABLE narrow (id INTEGER PRIMARY KEY, n INT) STRICT";

async fn kinds() -> Fixture {
    let fixture = Fixture::with(SqliteSettings::default());
    fixture.rows.amend(KINDS).await.unwrap();
    fixture
}

#[tokio::test]
async fn values_come_back_as_they_were_sent() {
    let fixture = kinds().await;
    let sent = vec![
        Value::Int(1),
        Value::Bool(true),
        Value::Json(json!({"a": [1, null]})),
        Value::Numeric("12".to_owned()),
        text("5"),
        Value::Bytes(vec![0, 255]),
        text("2026-11-30"),
        Value::Real(0.5),
    ];
    let insert = "INSERT INTO kinds (id, flag, doc, price, name, raw, day, ratio) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                  RETURNING id, flag, doc, price, name, raw, day, ratio, NULL, id + 0.5";
    let insert = Statement::new(insert, sent.clone(), true);
    let result = only(fixture.run("acme", Work::one(insert)).await.unwrap());
    let mut expected = sent;
    expected[3] = Value::Int(12);
    expected.extend([Value::Null, Value::Real(1.5)]);
    assert_eq!(result.rows, [expected]);
    assert_eq!(result.columns[2], ("doc".to_owned(), "json".to_owned()));
    assert_eq!(result.columns[8].1, "");
    assert_eq!(result.columns[9].1, "real");
}

#[tokio::test]
async fn a_statement_has_its_parameters_and_no_others() {
    let fixture = kinds().await;
    for count in [0, 2] {
        let select = Statement::new("SELECT ?1", vec![Value::Null; count], false);
        let refused = refusal(fixture.run("acme", Work::one(select)).await);
        let invalid = (FaultKind::RequestInvalid, Some("08P01".to_owned()));
        assert_eq!(refused, Some(invalid));
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_as_postgresql_tells_it() {
    let fixture = kinds().await;
    fixture
        .write("acme", "INSERT INTO kinds (id) VALUES (1)")
        .await
        .unwrap();
    use FaultKind::{ConstraintViolated, NameUnknown, SyntaxInvalid, ValueInvalid};
    for (sql, kind, state) in [
        ("SELECT * FROM absent", NameUnknown, "42P01"),
        ("SELECT absent FROM kinds", NameUnknown, "42703"),
        ("SELECT absent(1)", NameUnknown, "42883"),
        ("SELECT FROM kinds", SyntaxInvalid, "42601"),
        ("SELECT json('{')", ValueInvalid, "22032"),
        (
            "SELECT abs(-9223372036854775807 - 1)",
            ValueInvalid,
            "22003",
        ),
    ] {
        let refused = refusal(fixture.read("acme", sql).await);
        assert_eq!(refused, Some((kind, Some(state.to_owned()))), "{sql}");
    }
    for (sql, kind, state) in [
        (
            "INSERT INTO kinds (id) VALUES (1)",
            ConstraintViolated,
            "23505",
        ),
        (
            "INSERT INTO kinds (absent) VALUES (1)",
            NameUnknown,
            "42703",
        ),
        ("INSERT INTO kinds (id) VALUES ('x')", ValueInvalid, "22P02"),
        ("INSERT INTO narrow (n) VALUES ('x')", ValueInvalid, "22P02"),
    ] {
        let refused = refusal(fixture.write("acme", sql).await);
        assert_eq!(refused, Some((kind, Some(state.to_owned()))), "{sql}");
    }
    let orders = Fixture::orders().await;
    for (sql, state) in [
        ("INSERT INTO orders (item) VALUES (NULL)", "23502"),
        ("INSERT INTO orders (item) VALUES ('')", "23514"),
        ("INSERT INTO orders (item, parent) VALUES ('a', 9)", "23503"),
    ] {
        let refused = refusal(orders.write("acme", sql).await);
        assert_eq!(
            refused,
            Some((ConstraintViolated, Some(state.to_owned()))),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn where_a_statement_is_wrong_is_told_in_characters() {
    let fixture = kinds().await;
    let fault = fixture
        .read("acme", "SELECT 'ä', FROM kinds")
        .await
        .unwrap_err();
    assert_eq!(fault.position, Some(13));
    for empty in ["", "  ", "-- nothing"] {
        let fault = fixture.read("acme", empty).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::SyntaxInvalid, "{empty:?}");
    }
}
