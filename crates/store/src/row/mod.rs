//! Rows as both engines keep them: reading their columns in plain types, binding values,
//! and how an inconsistent one is reported. Not here: the tables (`area`), and how an engine
//! reads its columns.
//!
//! Times are microseconds since the Unix epoch. A list of names is one text, see
//! [`join`]; no text is no list.

mod cursor;
mod value;

pub(crate) use cursor::{Columns, Cursor, Record};
pub(crate) use value::{Id, Value, Values, page, values};

use doorward_identity::port::{Page, StoreError};
use serde_json::{Map, Value as Json};
use std::fmt::Display;

/// What a statement writes, for reports.
#[derive(Clone, Copy)]
pub(crate) struct Target<'r> {
    pub(crate) table: &'static str,
    /// The row's key.
    pub(crate) row: &'r (dyn Display + Sync),
    /// What is taken if a unique key is.
    pub(crate) unique: &'static str,
}

impl<'r> Target<'r> {
    pub(crate) const fn new(
        table: &'static str,
        row: &'r (dyn Display + Sync),
        unique: &'static str,
    ) -> Self {
        Self { table, row, unique }
    }

    /// The report that something is wrong with the row.
    pub(crate) fn bad(self, column: &'static str, problem: impl Display) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: self.row.to_string(),
            problem: problem.to_string(),
        }
    }

    /// The report that not exactly one row was written.
    pub(crate) fn expected_one(self, written: impl Display) -> StoreError {
        self.bad(
            "(row)",
            format!("{written} rows were written where one was expected"),
        )
    }
}

/// Ids in their order.
pub(crate) fn sorted<T: Ord>(mut ids: Vec<T>) -> Vec<T> {
    ids.sort_unstable();
    ids
}

/// A list of names as text. The names themselves never contain a space.
pub(crate) fn join<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// JSON as text.
pub(crate) fn json(value: &Map<String, Json>) -> Result<String, StoreError> {
    // A map with text keys cannot fail to be written; if it did, nothing is stored.
    serde_json::to_string(value).map_err(|problem| StoreError::Unavailable(problem.to_string()))
}

/// A page within the bounds the port names.
pub(crate) fn bounded<K>(page: Page<K>) -> Page<K> {
    Page {
        limit: page.limit.clamp(1, 1000),
        ..page
    }
}
