//! Texts and what becomes of them.

mod allowed;
mod bound;
mod ddl;
mod field;
mod generated;
mod growth;
mod parameter;
mod product;
mod refused;
mod security;

use super::{Checked, Limits, read};
use crate::caller::Rights;
use crate::engine::Flavour;
use crate::fault::{Fault, FaultKind};

const BOTH: [Flavour; 2] = [Flavour::Sqlite, Flavour::Postgres];

const ALL: Rights = Rights {
    read: true,
    write: true,
    schema: false,
};

fn sqlite(text: &str) -> Result<Checked, Fault> {
    read(text, Flavour::Sqlite, &Limits::default())
}

fn postgres(text: &str) -> Result<Checked, Fault> {
    read(text, Flavour::Postgres, &Limits::default())
}

fn printed(text: &str, flavour: Flavour) -> String {
    match read(text, flavour, &Limits::default()) {
        Ok(checked) => checked.text().to_owned(),
        Err(fault) => panic!("{flavour:?} refuses {text}: {fault:?}"),
    }
}

/// Asserts that a text is refused as a statement that callers do not have, by this name.
fn refused(flavour: Flavour, text: &str, construct: &str) {
    match read(text, flavour, &Limits::default()) {
        Ok(checked) => panic!("{flavour:?} lets {text} run as {}", checked.text()),
        Err(fault) => {
            assert_eq!(
                fault.kind,
                FaultKind::StatementForbidden,
                "{text}: {fault:?}"
            );
            let says = fault.message.contains(construct);
            assert!(
                says,
                "{text}: {:?} does not name {construct}",
                fault.message
            );
            assert_eq!(
                fault.state.map(|state| state.as_str().to_owned()),
                Some("42501".to_owned())
            );
        }
    }
}

/// A tenant's file, as far as a text can be tried on it.
fn database() -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL, paid INTEGER, \
             body TEXT, placed TEXT, UNIQUE (customer, placed)); \
         CREATE TABLE customers (name TEXT PRIMARY KEY, city TEXT, parent TEXT); \
         CREATE TABLE \"Odd name\" (\"select\" TEXT, \"a b\" TEXT); \
         INSERT INTO customers VALUES ('ada', 'Bern', NULL), ('bob', 'Ulm', 'ada'); \
         INSERT INTO orders VALUES (1, 'ada', 12.5, 1, '{\"a\":[1,2]}', '2026-01-01'), \
             (2, 'bob', 7, 0, '{}', '2026-02-01'), (3, 'ada', NULL, NULL, NULL, NULL);",
    )
    .unwrap();
    db
}
