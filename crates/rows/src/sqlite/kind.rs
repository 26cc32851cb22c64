//! What a column holds by the type that it was declared with, and its values.

use crate::fault::{Fault, FaultKind};
use crate::schema::ColumnKind;
use crate::value::Value;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// Of a declared type; SQLite takes any words for one.
pub(super) fn of(declared: &str) -> ColumnKind {
    let words = declared.to_ascii_uppercase();
    let word = words
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default();
    match word {
        "BOOLEAN" | "BOOL" => ColumnKind::Bool,
        "REAL" | "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" => ColumnKind::Real,
        "NUMERIC" | "DECIMAL" => ColumnKind::Numeric,
        "JSON" | "JSONB" => ColumnKind::Json,
        "UUID" => ColumnKind::Uuid,
        "DATE" | "TIME" | "DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ" | "TIMETZ" => ColumnKind::Time,
        "BLOB" | "BYTEA" => ColumnKind::Bytes,
        _ if word.contains("INT") => ColumnKind::Int,
        _ if ["CHAR", "CLOB", "TEXT"]
            .iter()
            .any(|part| word.contains(part)) =>
        {
            ColumnKind::Text
        }
        _ => ColumnKind::Other,
    }
}

/// A stored value of a column of this kind. A value that is not of its column's kind stays
/// what it is: SQLite does not hold columns to their types.
pub(super) fn read(kind: ColumnKind, stored: ValueRef<'_>) -> Value {
    match (kind, stored) {
        (_, ValueRef::Null) => Value::Null,
        (ColumnKind::Bool, ValueRef::Integer(number @ (0 | 1))) => Value::Bool(number == 1),
        (ColumnKind::Json, ValueRef::Integer(number)) => Value::Json(number.into()),
        (ColumnKind::Json, ValueRef::Text(text)) => {
            serde_json::from_slice(text).map_or_else(|_| Value::Text(lossy(text)), Value::Json)
        }
        (_, ValueRef::Integer(number)) => Value::Int(number),
        (_, ValueRef::Real(number)) => Value::Real(number),
        (_, ValueRef::Text(text)) => Value::Text(lossy(text)),
        (_, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
    }
}

/// The kind of value that is stored, where no type was declared.
pub(super) const fn class(stored: ValueRef<'_>) -> &'static str {
    match stored {
        ValueRef::Null => "",
        ValueRef::Integer(_) => "integer",
        ValueRef::Real(_) => "real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "blob",
    }
}

/// A parameter as it is bound.
pub(super) enum Bound<'v> {
    /// Without a copy.
    Borrowed(ValueRef<'v>),
    /// Written out for it.
    Text(String),
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Borrowed(value) => ToSqlOutput::Borrowed(*value),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// A parameter's value for SQLite.
pub(super) fn bind(value: &Value) -> Result<Bound<'_>, Fault> {
    let borrowed = |value| Ok(Bound::Borrowed(value));
    match value {
        Value::Null => borrowed(ValueRef::Null),
        Value::Bool(truth) => borrowed(ValueRef::Integer(i64::from(*truth))),
        Value::Int(number) => borrowed(ValueRef::Integer(*number)),
        // SQLite would take it for NULL.
        Value::Real(number) if number.is_nan() => {
            Err(Fault::because(FaultKind::ValueInvalid, "NaN is not a value here").state("22023"))
        }
        Value::Real(number) => borrowed(ValueRef::Real(*number)),
        // A column's affinity makes the number of it that it can hold.
        Value::Numeric(text) | Value::Text(text) => borrowed(ValueRef::Text(text.as_bytes())),
        Value::Bytes(bytes) => borrowed(ValueRef::Blob(bytes)),
        Value::Json(json) => Ok(Bound::Text(json.to_string())),
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
