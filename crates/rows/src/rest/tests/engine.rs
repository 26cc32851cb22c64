//! The port over one database in memory, and the tables of these tests.

use crate::caller::Caller;
use crate::engine::{Bounds, Engine, Flavour, ResultSet, Work};
use crate::fault::{Fault, FaultKind};
use crate::schema::{Column, ColumnKind, ForeignKey, Schema, Table};
use crate::value::Value;
use doorward_base::TenantId;
use doorward_surface::target::BoxFuture;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

/// Tables that both engines take.
pub(super) const TABLES: &str = "
CREATE TABLE clients (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, vip BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  client_id INTEGER REFERENCES clients (id),
  name TEXT NOT NULL,
  budget NUMERIC DEFAULT 10,
  data JSONB,
  tags JSONB,
  done BOOLEAN NOT NULL DEFAULT FALSE,
  owner TEXT DEFAULT 'ann',
  secret TEXT,
  photo BYTEA
);
CREATE TABLE tasks (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), title TEXT,
  secret TEXT
);
CREATE TABLE people (
  id INTEGER PRIMARY KEY, name TEXT, manager_id INTEGER REFERENCES people (id)
);
CREATE TABLE assignments (
  project_id INTEGER NOT NULL REFERENCES projects (id),
  person_id INTEGER NOT NULL REFERENCES people (id),
  part TEXT,
  PRIMARY KEY (project_id, person_id)
);
CREATE TABLE profiles (
  person_id INTEGER PRIMARY KEY REFERENCES people (id), bio TEXT, active BOOLEAN
);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, street TEXT);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  billing_id INTEGER REFERENCES addresses (id),
  shipping_id INTEGER REFERENCES addresses (id)
);
CREATE TABLE \"odd \"\"table\" (\"a \"\"b\" TEXT, \"select\" TEXT PRIMARY KEY);
";

/// Rows of the tenant's.
pub(super) const ROWS: &str = "
INSERT INTO clients (id, name, vip) VALUES (1, 'Acme', TRUE), (2, 'Beta', FALSE), (3, 'Gamma', FALSE);
INSERT INTO projects (id, client_id, name, budget, data, tags, done, owner, secret, photo) VALUES
  (1, 1, 'Alpha', 100.5, '{\"size\":3,\"at\":{\"x\":[10,20]},\"on\":true,\"word\":\"w\"}',
   '[\"red\",\"blue\"]', TRUE, 'ann', 's1', NULL),
  (2, 1, 'beta%', 20, '{\"size\":12,\"on\":false,\"word\":null}', '[\"red\"]', FALSE, 'bob', 's2', NULL),
  (3, 2, 'Gamma, Ltd.', NULL, NULL, NULL, FALSE, 'ann', 's3', NULL),
  (4, NULL, 'd\"elta', 7, '[1,2]', '[]', TRUE, 'bob', 's4', NULL);
INSERT INTO tasks (id, project_id, title, secret) VALUES (1, 1, 'one', 't1'), (2, 1, 'two', 't2'), (3, 2, 'three', 't3');
INSERT INTO people (id, name, manager_id) VALUES (1, 'Ada', NULL), (2, 'Bo', 1), (3, 'Cy', 1);
INSERT INTO assignments (project_id, person_id, part) VALUES (1, 1, 'lead'), (1, 2, 'help'), (2, 2, 'lead');
INSERT INTO profiles (person_id, bio, active) VALUES (1, 'first', TRUE);
INSERT INTO addresses (id, street) VALUES (1, 'Low'), (2, 'High');
INSERT INTO orders (id, billing_id, shipping_id) VALUES (1, 1, 2);
INSERT INTO \"odd \"\"table\" (\"a \"\"b\", \"select\") VALUES ('x', 'y');
";

/// What the engine of SQLite does by itself: the tenant's column.
const TENANT: &str = "tenant_id TEXT NOT NULL DEFAULT 'acme' CHECK (tenant_id = 'acme')";

pub(super) struct InMemory {
    connection: Mutex<Connection>,
    schema: Arc<Schema>,
}

impl InMemory {
    pub(super) fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = ON")
            .unwrap();
        connection.execute_batch(TABLES).unwrap();
        for table in schema(&connection).tables {
            let name = table.name.replace('"', "\"\"");
            let sql = format!("ALTER TABLE \"{name}\" ADD COLUMN {TENANT}");
            connection.execute_batch(&sql).unwrap();
        }
        connection.execute_batch(ROWS).unwrap();
        Self {
            schema: Arc::new(schema(&connection)),
            connection: Mutex::new(connection),
        }
    }

    #[expect(
        clippy::unwrap_in_result,
        reason = "faults are of statements, not of this"
    )]
    fn transact(&self, caller: &Caller, work: &Work, bounds: Bounds) -> Outcome {
        let connection = self.connection.lock().unwrap();
        connection.execute_batch("BEGIN").unwrap();
        let outcome = all(&connection, caller, work, bounds);
        let end = match outcome.is_ok() && !work.rollback {
            true => "COMMIT",
            false => "ROLLBACK",
        };
        connection.execute_batch(end).unwrap();
        outcome
    }
}

type Outcome = Result<Vec<ResultSet>, Fault>;

fn all(
    connection: &Connection,
    caller: &Caller,
    work: &Work,
    bounds: Bounds,
) -> Result<Vec<ResultSet>, Fault> {
    let mut results = Vec::new();
    for statement in &work.statements {
        let rights = caller.rights();
        assert!(if statement.writes() {
            rights.write
        } else {
            rights.read
        });
        let mut prepared = connection
            .prepare(statement.text())
            .map_err(|error| of_sqlite(&error))?;
        assert_eq!(
            prepared.readonly(),
            !statement.writes(),
            "{}",
            statement.text()
        );
        let width = prepared.column_count();
        let params = statement.params().iter().map(Bound);
        let mut rows = prepared
            .query(rusqlite::params_from_iter(params))
            .map_err(|error| of_sqlite(&error))?;
        let mut result = ResultSet::default();
        while let Some(row) = rows.next().map_err(|error| of_sqlite(&error))? {
            let values = (0..width).map(|at| value(row.get_ref(at).unwrap()));
            result.rows.push(values.collect());
        }
        drop(rows);
        drop(prepared);
        if result.rows.len() > bounds.rows {
            return Err(Fault::new(FaultKind::ResultTooLarge));
        }
        if statement.writes() {
            result.affected = connection.changes();
        }
        let is_true = |row: &Vec<Value>| matches!(row[0], Value::Int(1) | Value::Bool(true));
        if work.checked && !result.rows.iter().all(is_true) {
            return Err(Fault::new(FaultKind::PolicyViolated));
        }
        if work.max_affected.is_some_and(|most| result.affected > most) {
            return Err(Fault::new(FaultKind::TooManyAffected));
        }
        results.push(result);
    }
    Ok(results)
}

struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            other => panic!("{other:?} is not bound on SQLite"),
        }))
    }
}

fn value(stored: ValueRef<'_>) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn of_sqlite(error: &rusqlite::Error) -> Fault {
    let state = match error.sqlite_error().map(|error| error.extended_code) {
        Some(
            rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ) => "23505",
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => "23503",
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL) => "23502",
        _ if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => "23514",
        _ => panic!("{error}"),
    };
    Fault::because(FaultKind::ConstraintViolated, error.to_string()).state(state)
}

fn schema(connection: &Connection) -> Schema {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = connection.prepare(names).unwrap();
    let names = names.query_map([], |row| row.get(0)).unwrap();
    let tables = names.map(|name| table(connection, name.unwrap()));
    Schema {
        version: 1,
        tables: tables.collect(),
    }
}

fn table(connection: &Connection, name: String) -> Table {
    let mut columns = Vec::new();
    let mut key = BTreeMap::new();
    let mut found = connection
        .prepare("SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?1)")
        .unwrap();
    let mut rows = found.query([&name]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let column: String = row.get(0).unwrap();
        let type_name: String = row.get(1).unwrap();
        if let at @ 1.. = row.get::<_, i64>(4).unwrap() {
            key.insert(at, column.clone());
        }
        columns.push(Column {
            kind: kind(&type_name),
            nullable: !row.get::<_, bool>(2).unwrap(),
            default: row.get(3).unwrap(),
            is_tenant: column == "tenant_id",
            type_name,
            name: column,
        });
    }
    Table {
        unique: unique(connection, &name),
        foreign_keys: foreign_keys(connection, &name),
        name,
        comment: None,
        is_view: false,
        columns,
        primary_key: key.into_values().collect(),
    }
}

fn kind(type_name: &str) -> ColumnKind {
    match type_name {
        "INTEGER" => ColumnKind::Int,
        "BOOLEAN" => ColumnKind::Bool,
        "NUMERIC" => ColumnKind::Numeric,
        "JSONB" => ColumnKind::Json,
        "BYTEA" => ColumnKind::Bytes,
        _ => ColumnKind::Text,
    }
}

fn unique(connection: &Connection, table: &str) -> Vec<Vec<String>> {
    let sql =
        "SELECT l.name, i.name FROM pragma_index_list(?1) AS l, pragma_index_info(l.name) AS i
               WHERE l.\"unique\" AND l.origin = 'u' ORDER BY 1";
    let mut by_index: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found = connection.prepare(sql).unwrap();
    let mut rows = found.query([table]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let of = by_index.entry(row.get(0).unwrap()).or_default();
        of.push(row.get(1).unwrap());
    }
    by_index.into_values().collect()
}

fn foreign_keys(connection: &Connection, table: &str) -> Vec<ForeignKey> {
    let sql =
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut by_id: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    let mut found = connection.prepare(sql).unwrap();
    let mut rows = found.query([table]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let column: String = row.get(2).unwrap();
        let key = by_id
            .entry(row.get(0).unwrap())
            .or_insert_with(|| ForeignKey {
                name: format!("{table}_{column}_fkey"),
                columns: Vec::new(),
                table: row.get(1).unwrap(),
                foreign_columns: Vec::new(),
            });
        key.columns.push(column);
        key.foreign_columns.push(row.get(3).unwrap());
    }
    by_id.into_values().collect()
}

impl Engine for InMemory {
    fn flavour(&self) -> Flavour {
        Flavour::Sqlite
    }

    fn schema(&self) -> BoxFuture<'_, Result<Arc<Schema>, Fault>> {
        Box::pin(ready(Ok(Arc::clone(&self.schema))))
    }

    fn run<'a>(
        &'a self,
        caller: &'a Caller,
        work: Work,
        bounds: Bounds,
    ) -> BoxFuture<'a, Result<Vec<ResultSet>, Fault>> {
        Box::pin(ready(self.transact(caller, &work, bounds)))
    }

    fn amend<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<u64, Fault>> {
        Box::pin(ready(Err(Fault::new(FaultKind::SchemaForbidden))))
    }

    fn erase<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(ready(Err(Fault::new(FaultKind::SchemaForbidden))))
    }

    fn upkeep(&self) -> BoxFuture<'_, Result<u64, Fault>> {
        Box::pin(ready(Ok(0)))
    }
}
