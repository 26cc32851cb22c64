//! Steps of the schema: recorded once, applied when a file is opened, by upkeep, or not at all.

use super::*;

const NOTE: &str = "ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT ''";
const INSERT: &str = "INSERT INTO orders (item) VALUES ('a')";

#[tokio::test]
async fn a_step_is_recorded_once() {
    let fixture = Fixture::orders().await;
    assert_eq!(fixture.rows.amend(ORDERS).await, Ok(1));
    assert_eq!(fixture.rows.amend(NOTE).await, Ok(2));
    assert_eq!(fixture.rows.amend(ORDERS).await, Ok(2));
    assert_eq!(fixture.again().amend(NOTE).await, Ok(2));
}

#[tokio::test]
async fn a_step_is_applied_to_a_file_when_it_is_called_next() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    fixture.rows.amend(NOTE).await.unwrap();
    let rows = fixture.read("acme", "SELECT note FROM orders").await;
    assert_eq!(rows.unwrap(), [[text("")]]);
    let schema = fixture.rows.schema().await.unwrap();
    assert_eq!(schema.version, 2);
    let orders = schema.table("orders").unwrap();
    assert!(orders.column("note").is_some());
    assert!(orders.column("tenant_id").unwrap().is_tenant);
}

#[tokio::test]
async fn a_bad_step_is_refused_and_leaves_nothing() {
    let fixture = Fixture::orders().await;
    for (ddl, kind) in [
        ("CREATE TABLE orders (id INT)", FaultKind::Refused),
        (
            "CREATE TABLE x (a INT); CREATE INDEX i ON y (a)",
            FaultKind::NameUnknown,
        ),
        (
            "CREATE TABLE x (a INT CHECK (nosuch(a)))",
            FaultKind::NameUnknown,
        ),
        (
            "CREATE VIEW v AS SELECT * FROM sqlite_schema; DROP VIEW w",
            FaultKind::NameUnknown,
        ),
        (
            "CREATE TABLE x (a INT DEFAULT (load_extension('x')))",
            FaultKind::StatementForbidden,
        ),
        ("DROP TABLE absent", FaultKind::NameUnknown),
        (
            "INSERT INTO orders (item) VALUES ('a')",
            FaultKind::StatementForbidden,
        ),
        ("CREATE TABLE", FaultKind::SyntaxInvalid),
    ] {
        let fault = fixture.rows.amend(ddl).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{ddl}: {fault:?}");
    }
    let schema = fixture.rows.schema().await.unwrap();
    assert_eq!((schema.version, schema.tables.len()), (1, 1));
    fixture.write("acme", INSERT).await.unwrap();
}

/// Its rows do not allow the step; its file stays as it was, and its step is found again once
/// they do.
#[tokio::test]
async fn a_step_that_fails_in_a_file_fails_alone() {
    let fixture = Fixture::orders().await;
    for _ in 0..2 {
        fixture.write("acme", INSERT).await.unwrap();
    }
    fixture.write("globex", INSERT).await.unwrap();
    let step = "CREATE TABLE more (id INT); CREATE UNIQUE INDEX one ON orders (item)";
    let one = |of: &str, sql: &str| {
        let file = rusqlite::Connection::open(fixture.file(of)).unwrap();
        file.execute(sql, []).unwrap();
    };
    // What comes after the step was tried.
    one("acme", "DELETE FROM orders WHERE id = 2");
    fixture.rows.amend(step).await.unwrap();
    one("acme", "INSERT INTO orders (id, item) VALUES (2, 'a')");
    let refused = fixture
        .read("acme", "SELECT id FROM orders")
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FaultKind::Unavailable);
    fixture.write("globex", "DELETE FROM more").await.unwrap();
    let report = fixture.rows.bring_up(None, 10).await.unwrap();
    assert_eq!(
        (report.done, report.failed),
        (1, vec![TenantId::new("acme").unwrap()])
    );
    let file = rusqlite::Connection::open(fixture.file("acme")).unwrap();
    let tables: i64 = file
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'more'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(tables, 0);
    file.execute("DELETE FROM orders WHERE id = 2", []).unwrap();
    drop(file);
    let rows = fixture.read("acme", "SELECT id FROM orders").await;
    assert_eq!(rows.unwrap(), [[Value::Int(1)]]);
}

#[tokio::test]
async fn upkeep_brings_every_tenant_up_once_for_each_version() {
    let fixture = Fixture::orders().await;
    for tenant in ["a", "b", "c"] {
        fixture.write(tenant, INSERT).await.unwrap();
    }
    assert_eq!(fixture.rows.upkeep().await, Ok(3));
    assert_eq!(fixture.rows.upkeep().await, Ok(0));
    fixture.rows.amend(NOTE).await.unwrap();
    let first = fixture.rows.bring_up(None, 2).await.unwrap();
    let b = TenantId::new("b").unwrap();
    assert_eq!((first.done, first.next.as_ref()), (2, Some(&b)));
    let rest = fixture.rows.bring_up(Some(&b), 2).await.unwrap();
    assert_eq!((rest.done, rest.next), (1, None));
    assert_eq!(fixture.rows.upkeep().await, Ok(3));
    assert_eq!(fixture.rows.upkeep().await, Ok(0));
    for tenant in ["a", "b", "c"] {
        let file = rusqlite::Connection::open(fixture.file(tenant)).unwrap();
        let version: i64 = file
            .query_row("SELECT version FROM doorward_tenant", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 2);
    }
}

/// An operator's command on the same directory.
#[tokio::test]
async fn a_step_that_another_process_recorded_is_seen_within_a_second() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    fixture.again().amend(NOTE).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    let rows = fixture.read("acme", "SELECT note FROM orders").await;
    assert_eq!(rows.unwrap(), [[text("")]]);
    assert_eq!(fixture.rows.schema().await.unwrap().version, 2);
}

/// The realm's steps were lost, and others were made.
#[tokio::test]
async fn a_file_with_other_steps_than_the_realms_is_refused() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    let other = Fixture::with(SqliteSettings::default());
    other
        .rows
        .amend("CREATE TABLE orders (item TEXT)")
        .await
        .unwrap();
    std::fs::copy(fixture.file("acme"), other.file("acme")).unwrap();
    let wal = |fixture: &Fixture| fixture.file("acme").with_extension("db-wal");
    std::fs::copy(wal(&fixture), wal(&other)).unwrap();
    let refused = other.read("acme", "SELECT item FROM orders").await;
    assert_eq!(refused.unwrap_err().kind, FaultKind::Unavailable);
}

#[tokio::test]
async fn the_tenants_column_has_the_name_that_is_set() {
    let fixture = Fixture::with(SqliteSettings {
        tenant_column: "org".to_owned(),
        ..SqliteSettings::default()
    });
    let ddl = "CREATE TABLE notes (org uuid NOT NULL, id INT, tenant_id TEXT, \
               PRIMARY KEY (org, id))";
    fixture.rows.amend(ddl).await.unwrap();
    let sql = "INSERT INTO notes (id, tenant_id) VALUES (1, 'any') RETURNING org, tenant_id";
    let result = fixture.write("acme", sql).await.unwrap();
    assert_eq!(result.rows, [[text("acme"), text("any")]]);
    let sql = "INSERT INTO notes (org, id) VALUES ('globex', 2)";
    let refused = fixture.write("acme", sql).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::PolicyViolated);
}

/// What an author wrote is what SQLite is given, but for the tenant's column.
#[tokio::test]
async fn a_schema_means_what_its_author_wrote() {
    const DDL: &str = "
        CREATE TABLE IF NOT EXISTS people (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            email VARCHAR(200) NOT NULL COLLATE NOCASE UNIQUE,
            kind TEXT NOT NULL DEFAULT 'user' CHECK (kind IN ('user', 'bot')),
            made_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            day TEXT DEFAULT (date('now', '-1 day')),
            score DOUBLE PRECISION DEFAULT -1.5,
            full_name TEXT GENERATED ALWAYS AS (email || ' ' || kind) STORED
        );
        CREATE TABLE \"Order lines\" (
            person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE
                DEFERRABLE INITIALLY DEFERRED,
            n INT, PRIMARY KEY (person, n)
        ) WITHOUT ROWID;
        CREATE TABLE tags (a TEXT, b TEXT, CONSTRAINT pair UNIQUE (a, b));
        CREATE UNIQUE INDEX by_mail ON people (lower(email), made_at DESC) WHERE kind = 'user';
        CREATE INDEX IF NOT EXISTS by_day ON people (day COLLATE NOCASE);
        CREATE VIEW bots AS SELECT id, email AS mail FROM people WHERE kind = 'bot';
        ALTER TABLE tags ADD COLUMN c INT NOT NULL DEFAULT 0 CHECK (c >= 0);
        ALTER TABLE tags RENAME COLUMN b TO d;
        ALTER TABLE tags RENAME TO labels;
        ALTER TABLE people DROP COLUMN score;
        DROP INDEX by_day";
    let fixture = Fixture::with(SqliteSettings::default());
    fixture.rows.amend(DDL).await.unwrap();
    let bare = rusqlite::Connection::open_in_memory().unwrap();
    bare.execute_batch(DDL).unwrap();
    let bare = model::read(&bare, 1, "tenant_id").unwrap();
    let mut made = Schema::clone(&*fixture.rows.schema().await.unwrap());
    for table in made.tables.iter_mut().filter(|table| !table.is_view) {
        let before = table.columns.len();
        table.columns.retain(|column| !column.is_tenant);
        assert_eq!(table.columns.len() + 1, before, "{}", table.name);
    }
    assert_eq!(made, bare);
    let sql = "INSERT INTO people (email) VALUES ('A@x') RETURNING kind, full_name, tenant_id";
    let result = fixture.write("acme", sql).await.unwrap();
    assert_eq!(
        result.rows,
        [[text("user"), text("A@x user"), text("acme")]]
    );
    // The reference is looked at when the work ends.
    let orphan = "INSERT INTO \"Order lines\" (person, n) VALUES (9, 1)";
    let refused = refusal(fixture.write("acme", orphan).await);
    let foreign = (FaultKind::ConstraintViolated, Some("23503".to_owned()));
    assert_eq!(refused, Some(foreign));
    let child = "INSERT INTO \"Order lines\" (person, n) SELECT id, 1 FROM people";
    assert_eq!(fixture.write("acme", child).await.unwrap().affected, 1);
    fixture.write("acme", "DELETE FROM people").await.unwrap();
    let lines = fixture
        .read("acme", "SELECT count(*) FROM \"Order lines\"")
        .await;
    assert_eq!(lines.unwrap(), [[Value::Int(0)]]);
}

/// No step that came later would let the tenant in again.
#[tokio::test]
async fn a_step_that_some_rows_do_not_take_is_refused_and_everybody_works_on() {
    let fixture = Fixture::orders().await;
    for tenant in ["acme", "acme", "globex", "initech", "initech"] {
        fixture.write(tenant, INSERT).await.unwrap();
    }
    let step = "CREATE UNIQUE INDEX one ON orders (item)";
    let fault = fixture.rows.amend(step).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConstraintViolated);
    assert!(fault.message.contains("2 tenants"), "{fault}");
    assert!(fault.hint.unwrap().ends_with("acme"));
    assert_eq!(fixture.rows.schema().await.unwrap().version, 1);
    for tenant in ["acme", "initech"] {
        let mend = "DELETE FROM orders WHERE id = 2";
        assert_eq!(fixture.write(tenant, mend).await.unwrap().affected, 1);
    }
    assert_eq!(fixture.rows.amend(step).await, Ok(2));
    let again = fixture.write("globex", INSERT).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::ConstraintViolated);
}

/// A file that is locked, or no file of SQLite's, says nothing of a step.
#[tokio::test]
async fn a_damaged_file_holds_up_no_step() {
    let fixture = Fixture::orders().await;
    fixture.write("acme", INSERT).await.unwrap();
    std::fs::write(
        fixture.file("globex"),
        b"this is no database at all, and long enough",
    )
    .unwrap();
    assert_eq!(fixture.rows.amend(NOTE).await, Ok(2));
}
