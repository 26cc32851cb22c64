//! Steps of the schema: written once for both engines, tenant-bound here.

use super::*;
use crate::schema::ColumnKind;

#[tokio::test]
async fn a_step_is_applied_once() {
    let bed = fresh().await;
    assert_eq!(bed.rows.amend(NOTES).await, Ok(1));
    assert_eq!(bed.rows.amend(NOTES).await, Ok(1));
    assert_eq!(
        bed.rows
            .amend("ALTER TABLE notes ADD COLUMN done BOOLEAN")
            .await,
        Ok(2)
    );
    // Two nodes at once apply it once.
    let again = settings(&bed.database, &format!("owner_{}", bed.database));
    let other = PostgresRows::open(again, &SEED).await.unwrap();
    let step = "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT)";
    let (one, two) = futures_util::future::join(bed.rows.amend(step), other.amend(step)).await;
    assert_eq!((one, two), (Ok(3), Ok(3)));
    let schema = other.schema().await.unwrap();
    assert_eq!(schema.version, 3);
}

#[tokio::test]
async fn the_tenant_is_in_every_key_whether_or_not_the_author_wrote_it() {
    let bed = fresh().await;
    bed.rows
        .amend(
            "CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT UNIQUE, b BLOB, r REAL, d DATETIME);
             CREATE TABLE b (tenant_id TEXT NOT NULL, k TEXT, a_id INTEGER REFERENCES a ON DELETE CASCADE,
                 PRIMARY KEY (tenant_id, k), UNIQUE (a_id), CHECK (k <> ''));
             CREATE TABLE \"Odd one\" (id UUID PRIMARY KEY, \"Parent\" UUID,
                 CONSTRAINT up FOREIGN KEY (\"Parent\") REFERENCES \"Odd one\" (id));
             CREATE UNIQUE INDEX b_k ON b (lower(k));
             CREATE VIEW v AS SELECT id, x FROM a;
             CREATE FUNCTION longest() RETURNS text LANGUAGE sql STABLE AS $$
                 SELECT max(x) FROM a WHERE x <> '' $$;
             COMMENT ON TABLE a IS 'the first'",
        )
        .await
        .unwrap();
    let schema = bed.rows.schema().await.unwrap();
    let (a, b, odd) = (
        schema.table("a").unwrap(),
        schema.table("b").unwrap(),
        schema.table("Odd one").unwrap(),
    );
    assert_eq!(a.primary_key, ["tenant_id", "id"]);
    assert_eq!(a.unique, [["tenant_id", "x"]]);
    assert_eq!(b.primary_key, ["tenant_id", "k"]);
    assert_eq!(b.unique, [["tenant_id", "a_id"]]);
    assert_eq!(b.foreign_keys[0].name, "b_a_id_fkey");
    assert_eq!(b.foreign_keys[0].columns, ["tenant_id", "a_id"]);
    assert_eq!(b.foreign_keys[0].foreign_columns, ["tenant_id", "id"]);
    assert_eq!(odd.foreign_keys[0].columns, ["tenant_id", "Parent"]);
    assert!(schema.table("v").unwrap().is_view);
    let kinds: Vec<(&str, ColumnKind, bool)> = a
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.kind, column.is_tenant))
        .collect();
    assert_eq!(
        kinds,
        [
            ("id", ColumnKind::Int, false),
            ("x", ColumnKind::Text, false),
            ("b", ColumnKind::Bytes, false),
            ("r", ColumnKind::Real, false),
            ("d", ColumnKind::Time, false),
            ("tenant_id", ColumnKind::Text, true),
        ]
    );
    bed.write("acme", "INSERT INTO a (x) VALUES ('one')")
        .await
        .unwrap();
    bed.write("globex", "INSERT INTO a (x) VALUES ('one')")
        .await
        .unwrap();
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM v").await,
        Value::Int(1)
    );
    assert_eq!(bed.value("acme", "SELECT longest()").await, text("one"));
    assert_eq!(a.comment.as_deref(), Some("the first"));
    let found = bed.rows.lint().await.unwrap();
    let found: Vec<Lint> = found.iter().map(|finding| finding.lint).collect();
    assert_eq!(found, [Lint::ActivityVisible]);
}

#[tokio::test]
async fn what_a_step_may_not_do_is_refused_and_undone() {
    let bed = sample().await;
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE TABLE x (id INT) PARTITION BY RANGE (id)",
        "CREATE MATERIALIZED VIEW x AS SELECT * FROM notes",
        "CREATE TEMP TABLE x (id INT)",
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE notes OWNER TO postgres",
        "ALTER TABLE notes DROP COLUMN tenant_id",
        "ALTER TABLE notes RENAME COLUMN tenant_id TO other",
        "ALTER TABLE notes ALTER COLUMN tenant_id DROP DEFAULT",
        "INSERT INTO notes (body) VALUES ('x')",
        "GRANT ALL ON notes TO PUBLIC",
        "DROP SCHEMA public",
        "SET ROLE postgres",
        "CREATE ROLE x",
        "CREATE TABLE x (id INT REFERENCES notes (id) ON UPDATE SET NULL)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    ] {
        let fault = bed.rows.amend(sql).await.unwrap_err();
        assert_eq!(
            fault.kind,
            FaultKind::StatementForbidden,
            "{sql}: {fault:?}"
        );
        assert!(fault.hint.is_some(), "{sql}");
    }
    // The second statement fails, and the first did not happen.
    let fault = bed
        .rows
        .amend("CREATE TABLE y (id INTEGER PRIMARY KEY); DROP TABLE nothing");
    assert_eq!(fault.await.unwrap_err().kind, FaultKind::NameUnknown);
    let fault = bed.rows.amend("CREATE TABEL z (id INT)").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SyntaxInvalid);
    let schema = bed.rows.schema().await.unwrap();
    let names: Vec<&str> = schema
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!((schema.version, names), (1, vec!["authors", "notes"]));
}

#[tokio::test]
async fn a_table_made_by_hand_is_seen_and_protected() {
    let bed = sample().await;
    let made = "CREATE TABLE extra (id int, tenant_id text, PRIMARY KEY (tenant_id, id)); \
                GRANT SELECT ON extra TO PUBLIC; INSERT INTO extra VALUES (1, 'globex')";
    let owner = bed.rows.connector.owner().await.unwrap();
    owner.batch_execute(made).await.unwrap();
    let codes = |found: &[Finding]| -> Vec<&'static str> {
        found.iter().map(|finding| finding.lint.code()).collect()
    };
    let found = bed.rows.lint().await.unwrap();
    let open = codes(&found);
    assert!(
        open.contains(&"table_open") && open.contains(&"policy_missing"),
        "{open:?}"
    );
    owner
        .batch_execute("REVOKE ALL ON extra FROM PUBLIC")
        .await
        .unwrap();
    let planned = bed.rows.planned(None).await.unwrap();
    assert!(
        planned.iter().all(|sql| sql.contains("extra")),
        "{planned:?}"
    );
    assert_eq!(bed.rows.protect(None).await, Ok(Vec::new()));
    assert_eq!(bed.rows.planned(None).await, Ok(Vec::new()));
    assert_eq!(
        bed.value("acme", "SELECT count(*) FROM extra").await,
        Value::Int(0)
    );
    assert_eq!(
        bed.value("globex", "SELECT count(*) FROM extra").await,
        Value::Int(1)
    );
    // One whose key lacks the tenant stays as it is.
    owner
        .batch_execute("CREATE TABLE worse (id int PRIMARY KEY, tenant_id text NOT NULL)")
        .await
        .unwrap();
    let found = bed.rows.protect(None).await.unwrap();
    assert_eq!(codes(&found), ["key_without_tenant"]);
    assert!(bed.read("acme", "SELECT * FROM worse").await.is_err());
}
