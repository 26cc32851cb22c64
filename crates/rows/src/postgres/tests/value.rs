//! Values there and back, and what errors say.

use super::*;
use serde_json::json;

#[tokio::test]
async fn a_value_is_read_as_postgrest_writes_it() {
    let bed = fresh().await;
    for (sql, value) in [
        ("true", Value::Bool(true)),
        ("(-7)::int2", Value::Int(-7)),
        ("9223372036854775807", Value::Int(i64::MAX)),
        ("0.1::float4", Value::Real(0.1)),
        ("1e300::float8", Value::Real(1e300)),
        (
            "12345678901234567890.123400",
            Value::Numeric("12345678901234567890.123400".to_owned()),
        ),
        ("1e-10::numeric", Value::Numeric("0.0000000001".to_owned())),
        ("'NaN'::numeric", Value::Numeric("NaN".to_owned())),
        ("'ä€😀'::text", text("ä€😀")),
        ("'a'::char(3)", text("a  ")),
        ("'a'::name", text("a")),
        ("'a'", text("a")),
        ("NULL", Value::Null),
        (
            "'00112233-4455-6677-8899-aabbccddeeff'::uuid",
            text("00112233-4455-6677-8899-aabbccddeeff"),
        ),
        ("'\\x00ff'::bytea", Value::Bytes(vec![0, 255])),
        (
            "'{\"a\": [1, null]}'::jsonb",
            Value::Json(json!({"a": [1, null]})),
        ),
        ("'[1, 2]'::json", Value::Json(json!([1, 2]))),
        (
            "ARRAY[[1, 2], [3, NULL]]",
            Value::Json(json!([[1, 2], [3, null]])),
        ),
        ("'{}'::text[]", Value::Json(json!([]))),
        ("ARRAY['a,b', NULL]", Value::Json(json!(["a,b", null]))),
    ] {
        assert_eq!(
            bed.value("acme", &format!("SELECT {sql}")).await,
            value,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn dates_and_times_are_written_as_the_server_writes_them_in_json() {
    let bed = fresh().await;
    for sql in [
        "'2026-02-28'::date",
        "'0044-03-15 BC'::date",
        "'infinity'::timestamptz",
        "'12345-06-07 08:09:10'::timestamp",
        "'2026-02-28 23:59:59.999999'::timestamp",
        "'2026-02-28 12:00:00.5+02'::timestamptz",
        "'1969-12-31 23:59:59.9+00'::timestamptz",
        "'24:00:00'::time",
        "'01:02:03.004'::time",
        "'01:02:03+05:30'::timetz",
        "'01:02:03-08'::timetz",
        "'1 year 2 months -3 days 04:05:06.7'::interval",
        "'-1 year'::interval",
        "'30 hours'::interval",
        "'0'::interval",
    ] {
        let both = format!("SELECT {sql}, to_json({sql}) #>> '{{}}'");
        let row = bed.read("acme", &both).await.unwrap().rows;
        assert_eq!(row[0][0], row[0][1], "{sql}");
    }
}

#[tokio::test]
async fn a_type_that_has_no_form_is_refused_with_a_way_out() {
    let bed = fresh().await;
    for sql in [
        "SELECT point(1, 2)",
        "SELECT to_tsvector('a')",
        "SELECT ROW(1, 2)",
    ] {
        let fault = bed.read("acme", sql).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::ValueInvalid);
        assert!(fault.hint.unwrap().contains("::text"), "{sql}");
    }
}

#[tokio::test]
async fn types_of_the_realm_s_own_are_read_by_every_connection() {
    let bed = fresh().await;
    bed.rows
        .amend(
            "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN small AS int CHECK (VALUE < 9);
             CREATE TABLE days (id INTEGER PRIMARY KEY, mood mood, moods mood[], small small)",
        )
        .await
        .unwrap();
    let insert = Statement::new(
        "INSERT INTO days (mood, moods, small) VALUES ($1, $2, $3) RETURNING mood, moods, small",
        vec![
            text("happy"),
            Value::Json(json!(["sad", "happy"])),
            Value::Int(3),
        ],
        true,
    );
    for _ in 0..5 {
        let done = bed.run("acme", vec![insert.clone()]).await.unwrap();
        let row = [
            text("happy"),
            Value::Json(json!(["sad", "happy"])),
            Value::Int(3),
        ];
        assert_eq!(done[0].rows, [row]);
    }
    let many = "INSERT INTO days (mood) SELECT 'sad' FROM generate_series(1, 900)";
    bed.write("acme", many).await.unwrap();
    let all = bed.read("acme", "SELECT mood FROM days").await.unwrap();
    assert_eq!(all.rows.len(), 905);
}

#[tokio::test]
async fn a_parameter_takes_the_type_that_the_statement_gives_it() {
    let bed = sample().await;
    for (sql, params, expected) in [
        (
            "SELECT id FROM notes WHERE id = $1",
            vec![Value::Int(1)],
            Value::Int(1),
        ),
        (
            "SELECT id FROM notes WHERE id = $1",
            vec![text("2")],
            Value::Int(2),
        ),
        (
            "SELECT id FROM notes WHERE id = ANY ($1)",
            vec![Value::Json(json!([2]))],
            Value::Int(2),
        ),
        (
            "SELECT $1::jsonb",
            vec![Value::Json(json!([1, {"a": 2}]))],
            Value::Json(json!([1, {"a": 2}])),
        ),
        (
            "SELECT $1::bytea",
            vec![Value::Bytes(vec![1, 2])],
            Value::Bytes(vec![1, 2]),
        ),
        (
            "SELECT $1::timestamptz",
            vec![text("2026-01-01T00:00:00Z")],
            text("2026-01-01T00:00:00+00:00"),
        ),
        (
            "SELECT $1::numeric + 1",
            vec![Value::Numeric("0.50".to_owned())],
            Value::Numeric("1.50".to_owned()),
        ),
        (
            "SELECT $1::text IS NULL",
            vec![Value::Null],
            Value::Bool(true),
        ),
        (
            "SELECT body FROM notes WHERE body = $1",
            vec![text("acme one' OR '1'='1")],
            Value::Null,
        ),
    ] {
        let done = bed
            .run("acme", vec![Statement::new(sql, params, false)])
            .await
            .unwrap();
        let first = done[0]
            .rows
            .first()
            .map_or(Value::Null, |row| row[0].clone());
        assert_eq!(first, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_result_without_rows_still_names_its_columns() {
    let bed = sample().await;
    let none = bed
        .read("acme", "SELECT id, body FROM notes WHERE false")
        .await
        .unwrap();
    let named: Vec<&str> = none.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(named, ["id", "body"]);
    let none = bed
        .write("acme", "DELETE FROM notes WHERE false RETURNING id")
        .await
        .unwrap();
    assert_eq!(none.columns, [("id".to_owned(), "int8".to_owned())]);
    let none = bed
        .write("acme", "UPDATE notes SET stars = 1")
        .await
        .unwrap();
    assert_eq!((none.columns.len(), none.affected), (0, 2));
}

#[tokio::test]
async fn an_error_says_what_and_where_and_nothing_of_others() {
    let bed = sample().await;
    for (sql, kind, state, position) in [
        (
            "SELECT  FROM WHERE",
            FaultKind::SyntaxInvalid,
            "42601",
            Some(14),
        ),
        (
            "SELECT nothing FROM notes",
            FaultKind::NameUnknown,
            "42703",
            Some(8),
        ),
        (
            "SELECT * FROM nothing",
            FaultKind::NameUnknown,
            "42P01",
            Some(15),
        ),
        (
            "SELECT nothing(1)",
            FaultKind::NameUnknown,
            "42883",
            Some(8),
        ),
        ("SELECT 'x'::int", FaultKind::ValueInvalid, "22P02", Some(8)),
        ("SELECT 1 / 0", FaultKind::ValueInvalid, "22012", None),
        (
            "SELECT * FROM pg_authid",
            FaultKind::StatementForbidden,
            "42501",
            None,
        ),
    ] {
        let fault = bed.read("acme", sql).await.unwrap_err();
        let said = (
            fault.kind,
            fault.state.unwrap().as_str().to_owned(),
            fault.position,
        );
        assert_eq!(said, (kind, state.to_owned(), position), "{sql}");
    }
    let taken = bed
        .write("acme", "INSERT INTO authors (name) VALUES ('ada')")
        .await
        .unwrap_err();
    assert_eq!(taken.kind, FaultKind::ConstraintViolated);
    assert!(taken.message.contains("authors_name_key"));
    // The server itself tells no key's values under row-level security.
    assert_eq!(taken.details, None);
    let missing = bed
        .write("acme", "INSERT INTO notes (body) VALUES (NULL)")
        .await
        .unwrap_err();
    assert_eq!(missing.state.unwrap().as_str(), "23502");
}
