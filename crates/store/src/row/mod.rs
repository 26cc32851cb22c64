//! Rows as both engines keep them: the columns of each table in plain types, what they
//! mean, and how an inconsistent one is reported. Not here: SQL, and how an engine reads
//! its columns.
//!
//! Times are microseconds since the Unix epoch. A list of names is one text, see
//! [`join`]; no text is no list.

pub(crate) mod api_token;
pub(crate) mod audit;
pub(crate) mod ceiling;
pub(crate) mod challenge;
pub(crate) mod change;
pub(crate) mod client;
mod cursor;
pub(crate) mod erase;
pub(crate) mod factor;
pub(crate) mod grant;
pub(crate) mod identity;
pub(crate) mod key;
pub(crate) mod mail;
pub(crate) mod session;
pub(crate) mod subject;
pub(crate) mod tenant;
mod value;

pub(crate) use cursor::{Columns, Cursor, Record};
pub(crate) use value::{Id, Value, Values, values};

use doorward_base::secret::TokenDigest;
use doorward_base::{Email, TenantId};
use doorward_identity::port::{Page, StoreError};
use serde_json::{Map, Value as Json};
use std::fmt::Display;
use std::str::FromStr;

/// A row being read, for the report of what is wrong with it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'r> {
    /// The table.
    pub(crate) table: &'static str,
    /// The row's key.
    pub(crate) row: &'r dyn Display,
}

impl Place<'_> {
    /// The report.
    pub(crate) fn bad(self, column: &'static str, problem: impl Display) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: self.row.to_string(),
            problem: problem.to_string(),
        }
    }

    /// A value kept as text.
    pub(crate) fn parse<T>(self, column: &'static str, text: &str) -> Result<T, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        text.parse().map_err(|problem| self.bad(column, problem))
    }

    /// An e-mail address.
    pub(crate) fn email(self, text: &str) -> Result<Email, StoreError> {
        Email::new(text).map_err(|problem| self.bad("email", problem))
    }

    /// A value kept as text, if there is one.
    pub(crate) fn parse_some<T>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// A list of names, see [`join`].
    pub(crate) fn parse_list<T>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<Vec<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        text.split(' ')
            .map(|name| self.parse(column, name))
            .collect()
    }

    /// A value kept as JSON.
    pub(crate) fn parse_json(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<Map<String, Json>, StoreError> {
        serde_json::from_str(text).map_err(|problem| self.bad(column, problem))
    }

    /// A digest, see [`DigestColumn`].
    pub(crate) fn digest(self, column: DigestColumn) -> Result<TokenDigest, StoreError> {
        column
            .map(TokenDigest::from_bytes)
            .ok_or_else(|| self.bad("digest", "it does not have 32 bytes"))
    }
}

/// What a statement writes, for reports.
#[derive(Clone, Copy)]
pub(crate) struct Target<'r> {
    /// The table.
    pub(crate) table: &'static str,
    /// The row's key.
    pub(crate) row: &'r (dyn Display + Sync),
    /// What is taken if a unique key is.
    pub(crate) unique: &'static str,
}

impl Target<'_> {
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

/// A digest as it was read: nothing, if it does not have 32 bytes.
pub(crate) type DigestColumn = Option<[u8; 32]>;

/// A list of names as text. The names themselves never contain a space.
pub(crate) fn join<T: Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// Tenants as a JSON array, for an engine that binds no lists.
pub(crate) fn tenants_json(tenants: &[TenantId]) -> String {
    let ids: Vec<&str> = tenants.iter().map(TenantId::as_str).collect();
    serde_json::json!(ids).to_string()
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
