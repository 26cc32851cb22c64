//! Reading a row column by column, in the order of its `SELECT`, whatever the engine.

use super::Id;
use doorward_base::secret::TokenDigest;
use doorward_base::{SubjectId, Timestamp};
use doorward_identity::port::StoreError;
use serde_json::{Map, Value as Json};
use std::fmt::Display;
use std::str::FromStr;

/// A column by its place: its value, or none where it is NULL, or why it cannot be read.
pub(crate) trait Columns {
    /// Sixteen bytes.
    fn id(&self, at: usize) -> Result<Option<[u8; 16]>, String>;
    /// Text. One that another issuer chose may be kept as bytes.
    fn text(&self, at: usize) -> Result<Option<&str>, String>;
    /// A number.
    fn int(&self, at: usize) -> Result<Option<i64>, String>;
    /// Yes or no.
    fn flag(&self, at: usize) -> Result<Option<bool>, String>;
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, String>;
}

/// What a row of a table means.
pub(crate) trait Record: Sized {
    const TABLE: &'static str;
    /// Which of the columns names the row in reports.
    const KEY: usize = 0;
    /// Reads the columns in the order of the `SELECT`.
    fn read(row: &mut Cursor<'_>) -> Result<Self, StoreError>;

    /// The same, where a row is nothing else.
    fn whole(row: &mut Cursor<'_>) -> Result<Self, StoreError> {
        row.record()
    }
}

/// A row, and the column that is read next. What a method is told besides is the column's
/// name, for reports.
pub(crate) struct Cursor<'r> {
    columns: &'r dyn Columns,
    next: usize,
    table: &'static str,
    key: usize,
}

impl<'r> Cursor<'r> {
    /// The row of a table whose first column names it.
    pub(crate) const fn new(table: &'static str, columns: &'r dyn Columns) -> Self {
        Self {
            columns,
            next: 0,
            table,
            key: 0,
        }
    }

    /// The columns of a whole record.
    pub(crate) fn record<T: Record>(&mut self) -> Result<T, StoreError> {
        let mut of = Cursor {
            columns: self.columns,
            next: self.next,
            table: T::TABLE,
            key: self.next + T::KEY,
        };
        let record = T::read(&mut of)?;
        self.next = of.next;
        Ok(record)
    }

    /// The same, or nothing where its first column, an id, is NULL.
    pub(crate) fn opt_record<T: Record>(&mut self) -> Result<Option<T>, StoreError> {
        match self.columns.id(self.next) {
            Ok(None) => Ok(None),
            _ => self.record().map(Some),
        }
    }

    /// Where the next column stands.
    pub(crate) const fn next(&self) -> usize {
        self.next
    }

    pub(crate) fn id<I: Id>(&mut self, column: &'static str) -> Result<I, StoreError> {
        let id = self.opt_id(column)?;
        self.some(column, id)
    }

    pub(crate) fn opt_id<I: Id>(&mut self, column: &'static str) -> Result<Option<I>, StoreError> {
        let id = self.take(column, Columns::id)?;
        Ok(id.map(I::from_bytes))
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        let text = self.opt_text(column)?;
        self.some(column, text)
    }

    pub(crate) fn opt_text(&mut self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        self.take(column, Columns::text)
    }

    /// A text that the record keeps as it is.
    pub(crate) fn opt_string(
        &mut self,
        column: &'static str,
    ) -> Result<Option<String>, StoreError> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    pub(crate) fn int(&mut self, column: &'static str) -> Result<i64, StoreError> {
        let int = self.opt_int(column)?;
        self.some(column, int)
    }

    pub(crate) fn opt_int(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.take(column, Columns::int)
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        let bytes = self.opt_bytes(column)?;
        self.some(column, bytes)
    }

    pub(crate) fn opt_bytes(
        &mut self,
        column: &'static str,
    ) -> Result<Option<&'r [u8]>, StoreError> {
        self.take(column, Columns::bytes)
    }

    pub(crate) fn opt_flag(&mut self, column: &'static str) -> Result<Option<bool>, StoreError> {
        self.take(column, Columns::flag)
    }

    /// Microseconds since the Unix epoch.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub(crate) fn opt_time(
        &mut self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }

    /// A value kept as text.
    pub(crate) fn parse<T>(&mut self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(column)?;
        text.parse::<T>()
            .map_err(|problem| self.bad(column, problem))
    }

    pub(crate) fn opt_parse<T>(&mut self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.opt_text(column)?;
        text.map(|text| {
            text.parse::<T>()
                .map_err(|problem| self.bad(column, problem))
        })
        .transpose()
    }

    /// A list of names, see [`super::join`].
    pub(crate) fn list<T>(&mut self, column: &'static str) -> Result<Vec<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        let list = self.opt_list(column)?;
        self.some(column, list)
    }

    pub(crate) fn opt_list<T>(&mut self, column: &'static str) -> Result<Option<Vec<T>>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        let Some(text) = self.opt_text(column)? else {
            return Ok(None);
        };
        let names = text.split(' ').filter(|_| !text.is_empty());
        names
            .map(|name| {
                name.parse::<T>()
                    .map_err(|problem| self.bad(column, problem))
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// A JSON object.
    pub(crate) fn json(&mut self, column: &'static str) -> Result<Map<String, Json>, StoreError> {
        let json = self.opt_json(column)?;
        self.some(column, json)
    }

    pub(crate) fn opt_json(
        &mut self,
        column: &'static str,
    ) -> Result<Option<Map<String, Json>>, StoreError> {
        let text = self.opt_text(column)?;
        text.map(|text| serde_json::from_str(text).map_err(|problem| self.bad(column, problem)))
            .transpose()
    }

    pub(crate) fn opt_digest(
        &mut self,
        column: &'static str,
    ) -> Result<Option<TokenDigest>, StoreError> {
        let bytes = self.opt_bytes(column)?;
        let digest = bytes.map(|bytes| bytes.try_into().map(TokenDigest::from_bytes));
        digest
            .transpose()
            .map_err(|_| self.bad(column, "it does not have 32 bytes"))
    }

    pub(crate) fn digest(&mut self, column: &'static str) -> Result<TokenDigest, StoreError> {
        let digest = self.opt_digest(column)?;
        self.some(column, digest)
    }

    /// The report of what is wrong with a column.
    pub(crate) fn bad(&self, column: &'static str, problem: impl Display) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: self.name(),
            problem: problem.to_string(),
        }
    }

    fn name(&self) -> String {
        if let Ok(Some(id)) = self.columns.id(self.key) {
            // Every kind of id has the same text.
            SubjectId::from_bytes(id).to_string()
        } else if let Ok(Some(text)) = self.columns.text(self.key) {
            text.to_owned()
        } else if let Ok(Some(number)) = self.columns.int(self.key) {
            number.to_string()
        } else {
            "unknown".to_owned()
        }
    }

    fn take<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&'r dyn Columns, usize) -> Result<Option<T>, String>,
    ) -> Result<Option<T>, StoreError> {
        let value = read(self.columns, self.next).map_err(|problem| self.bad(column, problem))?;
        self.next += 1;
        Ok(value)
    }

    fn some<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.bad(column, "it is NULL"))
    }
}
