//! Each lock of the engine alone: what the check of a statement's text would have refused is
//! refused once more, by SQLite's authorizer, limits and flags.

use super::*;

const FORBIDDEN: Option<FaultKind> = Some(FaultKind::StatementForbidden);

async fn seeded() -> Fixture {
    let fixture = Fixture::orders().await;
    fixture
        .rows
        .amend("CREATE VIEW cheap AS SELECT id FROM orders")
        .await
        .unwrap();
    fixture
        .write(
            "acme",
            "INSERT INTO orders (id, item) VALUES (1, 'a'), (2, 'b')",
        )
        .await
        .unwrap();
    fixture
}

/// As a statement that reads, and as one that writes.
async fn both_ways(fixture: &Fixture, sql: &str) -> [Option<FaultKind>; 2] {
    let as_read = fixture.run("acme", Work::one(read(sql))).await;
    let as_write = fixture.run("acme", Work::one(write(sql))).await;
    [as_read, as_write].map(|outcome| outcome.err().map(|fault| fault.kind))
}

#[tokio::test]
async fn nothing_but_queries_and_changes_of_rows_runs() {
    let fixture = seeded().await;
    let other = fixture.file("globex");
    let attach = format!("ATTACH DATABASE '{}' AS other", other.display());
    for sql in [
        attach.as_str(),
        "ATTACH ':memory:' AS m",
        "DETACH main",
        "PRAGMA query_only = OFF",
        "PRAGMA table_info(orders)",
        "PRAGMA writable_schema = 1",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE TEMP VIEW orders AS SELECT 1",
        "CREATE TEMP TRIGGER t AFTER INSERT ON orders BEGIN SELECT 1; END",
        "CREATE TRIGGER t AFTER INSERT ON orders BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE INDEX i ON orders (item)",
        "ALTER TABLE orders ADD COLUMN x",
        "ALTER TABLE orders RENAME TO x",
        "DROP TABLE orders",
        "DROP VIEW cheap",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "SELECT 1; SELECT 2",
        "DELETE FROM orders; DELETE FROM orders",
    ] {
        assert_eq!(both_ways(&fixture, sql).await, [FORBIDDEN; 2], "{sql}");
    }
    let count = fixture.read("acme", "SELECT count(*) FROM orders").await;
    assert_eq!(count.unwrap(), [[Value::Int(2)]]);
    // SQLite does not ask about these: one is no reading, and both are in a transaction.
    let copy = fixture.directory.path().join("copy.db");
    let into = format!("VACUUM INTO '{}'", copy.display());
    for sql in ["VACUUM", &into] {
        let refused = [Some(FaultKind::WriteForbidden), Some(FaultKind::Refused)];
        assert_eq!(both_ways(&fixture, sql).await, refused, "{sql}");
    }
    assert!(!copy.exists());
}

#[tokio::test]
async fn no_module_of_the_library_is_read_but_those_for_json() {
    let fixture = seeded().await;
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    let mut list = conn
        .prepare("SELECT name FROM pragma_module_list ORDER BY name")
        .unwrap();
    let names: Vec<String> = list
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(names.len() > 5);
    for name in names {
        let sql = format!("SELECT count(*) FROM {name}");
        let is_read = fixture.read("acme", &sql).await.is_ok();
        let for_json = ["json_each", "json_tree", "jsonb_each", "jsonb_tree"];
        assert_eq!(is_read, for_json.contains(&name.as_str()), "{name}");
    }
}

#[tokio::test]
async fn catalogues_our_own_tables_and_unknown_functions_are_not_read() {
    let fixture = seeded().await;
    for sql in [
        "SELECT * FROM sqlite_master",
        "SELECT count(*) FROM sqlite_schema",
        "SELECT 1 FROM main.sqlite_schema",
        "SELECT * FROM SQLITE_TEMP_SCHEMA",
        "SELECT * FROM doorward_tenant",
        "SELECT count(*) FROM Doorward_Tenant",
        "SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM doorward_tenant)",
        "SELECT * FROM pragma_table_info('orders')",
        "SELECT count(*) FROM pragma_database_list",
        "SELECT * FROM dbstat",
        "SELECT load_extension('x')",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT fts3_tokenizer('simple')",
        "SELECT last_insert_rowid()",
        "SELECT changes()",
        "EXPLAIN SELECT 1",
    ] {
        let refused = fixture
            .read("acme", sql)
            .await
            .err()
            .map(|fault| fault.kind);
        assert_eq!(refused, FORBIDDEN, "{sql}");
    }
    for sql in [
        "DELETE FROM doorward_tenant",
        "UPDATE doorward_tenant SET tenant = 'globex'",
        "INSERT INTO doorward_tenant VALUES ('a', 1, 1)",
        "INSERT INTO orders (item) SELECT sql FROM sqlite_schema",
        "DELETE FROM sqlite_schema",
        "UPDATE sqlite_master SET sql = ''",
    ] {
        let refused = fixture
            .write("acme", sql)
            .await
            .err()
            .map(|fault| fault.kind);
        assert_eq!(refused, FORBIDDEN, "{sql}");
    }
}

#[tokio::test]
async fn what_callers_have_is_not_refused() {
    let fixture = seeded().await;
    for sql in [
        "SELECT count(*) FROM cheap",
        "SELECT o.* FROM orders AS o, cheap",
        "WITH dbstat2(a) AS (SELECT 1) SELECT count(*) FROM dbstat2",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) \
         SELECT sum(i) FROM n",
        "SELECT value FROM json_each('[1]')",
        "SELECT group_concat(json_object('id', id)) FROM orders",
        "SELECT row_number() OVER (ORDER BY id), rowid FROM orders",
        "SELECT item LIKE 'a%', id -> '$' FROM ORDERS",
        "EXPLAIN QUERY PLAN SELECT * FROM orders",
    ] {
        assert!(fixture.read("acme", sql).await.is_ok(), "{sql}");
    }
}

/// HD-36: the engine's own lock, whoever made the statement.
#[tokio::test]
async fn a_read_key_may_not_write() {
    let fixture = seeded().await;
    let work = |statement| Work::one(statement);
    let as_caller = async |scopes: &[&str], statement| {
        let caller = caller_with("acme", scopes);
        refusal(fixture.rows.run(&caller, work(statement), BOUNDS).await).map(|(kind, _)| kind)
    };
    let delete = "DELETE FROM orders";
    let forbidden = Some(FaultKind::WriteForbidden);
    assert_eq!(as_caller(&["read"], write(delete)).await, forbidden);
    // A statement that says it reads, and writes.
    assert_eq!(as_caller(&["read"], read(delete)).await, FORBIDDEN);
    assert_eq!(as_caller(&["read", "write"], read(delete)).await, FORBIDDEN);
    let select = "SELECT 1 FROM orders";
    let forbidden = Some(FaultKind::ReadForbidden);
    assert_eq!(as_caller(&["write"], read(select)).await, forbidden);
    assert_eq!(as_caller(&[], read(select)).await, forbidden);
    // And one that says it writes, and reads.
    assert_eq!(as_caller(&["write"], write(select)).await, FORBIDDEN);
    assert_eq!(as_caller(&["write"], write(delete)).await, None);
}

/// The flags alone: the connection for readers has no authorizer here.
#[tokio::test]
async fn a_readers_connection_cannot_write() {
    let fixture = seeded().await;
    let conn = open::reading(&fixture.file("acme")).unwrap();
    let error = conn.execute("DELETE FROM orders", []).unwrap_err();
    assert_eq!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::ReadOnly)
    );
    conn.execute_batch("PRAGMA query_only = OFF").unwrap();
    let error = conn.execute("DELETE FROM orders", []).unwrap_err();
    assert_eq!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::ReadOnly)
    );
}

/// The limits alone.
#[tokio::test]
async fn what_is_too_long_deep_or_wide_is_refused() {
    let fixture = seeded().await;
    let conn = open::reading(&fixture.file("acme")).unwrap();
    open::limit(&conn).unwrap();
    assert!(conn.execute("ATTACH ':memory:' AS m", []).is_err());
    for sql in [
        format!("SELECT '{}'", "x".repeat(1 << 20)),
        format!("SELECT 1{}", "+1".repeat(1_000)),
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(200)),
        format!("SELECT 1{}", ",1".repeat(128)),
        "SELECT ?40000".to_owned(),
        "SELECT zeroblob(1100000)".to_owned(),
        "SELECT hex(zeroblob(600000))".to_owned(),
        format!("SELECT 'x' LIKE '{}'", "%_".repeat(129)),
    ] {
        let outcome = fixture.read("acme", &sql).await;
        let start: String = sql.chars().take(40).collect();
        let refused = outcome.err().map(|fault| fault.kind);
        let kinds = [FaultKind::TooComplex, FaultKind::RequestInvalid];
        assert!(
            refused.is_some_and(|kind| kinds.contains(&kind)),
            "{start}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_double_quoted_word_is_a_name() {
    let fixture = seeded().await;
    let outcome = fixture.read("acme", "SELECT \"absent\" FROM orders").await;
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NameUnknown);
    assert_eq!(fault.position, Some(8));
}
