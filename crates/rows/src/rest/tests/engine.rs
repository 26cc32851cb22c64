//! The real engines, each with the tables and the rows of these tests.

use super::{BOUNDS, caller};
use crate::engine::{Engine, Statement, Work};
use crate::postgres::tests as postgres;
use crate::sqlite::{SqliteRows, SqliteSettings};
use doorward_base::Timestamp;
use doorward_base::testing::FixedClock;
use serde_json::Map;
use std::sync::Arc;
use tempfile::TempDir;

/// An engine of a test's own.
pub(super) trait Bed: Sized {
    /// Without a table.
    async fn empty() -> Self;

    fn engine(&self) -> &dyn Engine;

    /// With [`TABLES`], and [`ROWS`] of the tenant acme.
    async fn furnished() -> Self {
        let bed = Self::empty().await;
        bed.engine().amend(TABLES).await.unwrap();
        let rows = ROWS
            .split(";\n")
            .map(str::trim)
            .filter(|sql| !sql.is_empty());
        let work = Work {
            statements: rows
                .map(|sql| Statement::new(sql, Vec::new(), true))
                .collect(),
            rollback: false,
            max_affected: None,
            checked: false,
        };
        let filler = caller(None, &["write"], Map::new());
        bed.engine().run(&filler, work, BOUNDS).await.unwrap();
        bed
    }
}

/// A file for each tenant.
pub(super) struct Sqlite {
    rows: SqliteRows,
    _directory: TempDir,
}

impl Bed for Sqlite {
    async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_900_000_000)));
        let rows = SqliteRows::open(directory.path(), SqliteSettings::default(), clock);
        Self {
            rows: rows.unwrap(),
            _directory: directory,
        }
    }

    fn engine(&self) -> &dyn Engine {
        &self.rows
    }
}

/// A database of the server that `DOORWARD_TEST_POSTGRES` names.
pub(super) struct Postgres(postgres::Bed);

impl Postgres {
    /// Runs SQL past every lock, as the superuser.
    pub(super) async fn admin(&self, sql: &str) {
        self.0.admin.batch_execute(sql).await.unwrap();
    }

    /// What was read of the schema is forgotten.
    pub(super) async fn forget(&self) {
        self.0.forget().await;
    }
}

impl Bed for Postgres {
    async fn empty() -> Self {
        Self(postgres::fresh().await)
    }

    fn engine(&self) -> &dyn Engine {
        &self.0.rows
    }
}

/// Tables that both engines take.
const TABLES: &str = "
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
const ROWS: &str = "
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
