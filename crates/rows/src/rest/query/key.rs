//! The name of a parameter: what it is for, and whose it is.

use super::cursor::Cursor;
use super::{MAX_DEPTH, QueryError};
use crate::plan::request::Field;

/// What a parameter is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// `select`
    Select,
    /// `columns`
    Columns,
    /// `on_conflict`
    OnConflict,
    /// Something of the rows that these embedded names lead to.
    Of(Vec<String>, Parameter),
}

/// What is said of rows.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Parameter {
    /// A test of a field.
    Filter(Field),
    /// Several conditions: all of them, or any; or not so.
    Logic { all: bool, not: bool },
    /// `order`
    Order,
    /// `limit`
    Limit,
    /// `offset`
    Offset,
}

impl Key {
    /// Reads it.
    pub(super) fn read(name: &str) -> Result<Self, QueryError> {
        match name {
            "select" => return Ok(Self::Select),
            "columns" => return Ok(Self::Columns),
            "on_conflict" => return Ok(Self::OnConflict),
            _ => {}
        }
        let mut cursor = Cursor::new("filter", name);
        let mut path = Vec::new();
        loop {
            let quoted = cursor.peek() == Some('"');
            let name = cursor.name()?;
            if cursor.take(".") {
                path.push((name, quoted));
                if path.len() > MAX_DEPTH {
                    return Err(QueryError::TooComplex("names before a filter"));
                }
                continue;
            }
            let field = cursor.path(name)?;
            cursor.end()?;
            let parameter = Parameter::of(field, quoted, &mut path);
            let names = path.into_iter().map(|(name, _)| name);
            return Ok(Self::Of(names.collect(), parameter));
        }
    }
}

impl Parameter {
    fn of(field: Field, quoted: bool, path: &mut Vec<(String, bool)>) -> Self {
        if quoted || !field.path.is_empty() {
            return Self::Filter(field);
        }
        match field.column.as_str() {
            "order" => Self::Order,
            "limit" => Self::Limit,
            "offset" => Self::Offset,
            word @ ("and" | "or") => {
                let not = path.pop_if(|(name, quoted)| name == "not" && !*quoted);
                Self::Logic {
                    all: word == "and",
                    not: not.is_some(),
                }
            }
            _ => Self::Filter(field),
        }
    }
}
