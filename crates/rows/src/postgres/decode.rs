//! A column's value from the server's binary form, by its type. What has no case here is
//! refused before a row is read. Not here: the forms of numbers and times (`decode/`).

mod number;
mod time;

use crate::fault::{Fault, FaultKind};
use crate::value::Value;
use serde_json::Value as Json;
use std::error::Error;
use tokio_postgres::types::{FromSql, Kind, Type};

/// How deep arrays of arrays may go; PostgreSQL's own bound.
const DIMENSIONS: usize = 6;

/// How the values of one column are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    Bytes,
    Nothing,
}

/// How a column is read: one value, or an array of such.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    form: Form,
    is_array: bool,
}

impl Column {
    /// By its type.
    ///
    /// # Errors
    /// [`FaultKind::ValueInvalid`] where it has no form here.
    pub(super) fn of(name: &str, kind: &Type) -> Result<Self, Fault> {
        let plain = bare(kind);
        let (inner, is_array) = match plain.kind() {
            Kind::Array(inner) => (bare(inner), true),
            _ => (plain, false),
        };
        let form = form(inner).ok_or_else(|| {
            let words = format!(
                "the column {name} is of type {}, which is not served",
                kind.name()
            );
            Fault::because(FaultKind::ValueInvalid, words)
                .hint(format!("cast it to text: {name}::text"))
                .state("0A000")
        })?;
        Ok(Self { form, is_array })
    }

    /// One value.
    ///
    /// # Errors
    /// [`FaultKind::Internal`] where the bytes are not of that form.
    pub(super) fn read(self, raw: Option<&[u8]>) -> Result<Value, Fault> {
        let Some(raw) = raw else {
            return Ok(Value::Null);
        };
        let read = if self.is_array {
            array(self.form, raw).map(Value::Json)
        } else {
            self.form.read(raw)
        };
        read.ok_or_else(|| {
            tracing::error!(form = ?self.form, "a value is not in its type's binary form");
            Fault::new(FaultKind::Internal)
        })
    }
}

/// Without the domains around it.
fn bare(kind: &Type) -> &Type {
    let mut kind = kind;
    while let Kind::Domain(inner) = kind.kind() {
        kind = inner;
    }
    kind
}

fn form(kind: &Type) -> Option<Form> {
    Some(match *kind {
        Type::BOOL => Form::Bool,
        Type::INT2 => Form::Int2,
        Type::INT4 => Form::Int4,
        Type::INT8 => Form::Int8,
        Type::OID => Form::Oid,
        Type::FLOAT4 => Form::Float4,
        Type::FLOAT8 => Form::Float8,
        Type::NUMERIC => Form::Numeric,
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::CHAR
        | Type::XML
        | Type::CSTRING => Form::Text,
        Type::UUID => Form::Uuid,
        Type::DATE => Form::Date,
        Type::TIME => Form::Time,
        Type::TIMETZ => Form::TimeTz,
        Type::TIMESTAMP => Form::Timestamp,
        Type::TIMESTAMPTZ => Form::TimestampTz,
        Type::INTERVAL => Form::Interval,
        Type::JSON => Form::Json,
        Type::JSONB => Form::Jsonb,
        Type::BYTEA => Form::Bytes,
        Type::VOID => Form::Nothing,
        _ => match kind.kind() {
            Kind::Enum(_) => Form::Text,
            _ if kind.name() == "citext" => Form::Text,
            _ => return None,
        },
    })
}

impl Form {
    fn read(self, raw: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Bool => Value::Bool(*raw.first()? != 0),
            Self::Int2 => Value::Int(i16::from_be_bytes(raw.try_into().ok()?).into()),
            Self::Int4 => Value::Int(i32::from_be_bytes(raw.try_into().ok()?).into()),
            Self::Int8 => Value::Int(i64::from_be_bytes(raw.try_into().ok()?)),
            Self::Oid => Value::Int(u32::from_be_bytes(raw.try_into().ok()?).into()),
            Self::Float4 => Value::Real(number::widened(f32::from_be_bytes(raw.try_into().ok()?))),
            Self::Float8 => Value::Real(f64::from_be_bytes(raw.try_into().ok()?)),
            Self::Numeric => Value::Numeric(number::digits(raw)?),
            Self::Text => Value::Text(std::str::from_utf8(raw).ok()?.to_owned()),
            Self::Uuid => Value::Text(uuid(raw)?),
            Self::Date => Value::Text(time::date(raw)?),
            Self::Time => Value::Text(time::time(raw)?),
            Self::TimeTz => Value::Text(time::time_tz(raw)?),
            Self::Timestamp => Value::Text(time::timestamp(raw, "")?),
            Self::TimestampTz => Value::Text(time::timestamp(raw, "+00:00")?),
            Self::Interval => Value::Text(time::interval(raw)?),
            Self::Json => Value::Json(serde_json::from_slice(raw).ok()?),
            Self::Jsonb => match raw.split_first()? {
                (1, document) => Value::Json(serde_json::from_slice(document).ok()?),
                _ => return None,
            },
            Self::Bytes => Value::Bytes(raw.to_vec()),
            Self::Nothing => Value::Null,
        })
    }
}

fn uuid(raw: &[u8]) -> Option<String> {
    use std::fmt::Write as _;
    let bytes: &[u8; 16] = raw.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// Takes the first bytes off.
fn take<'a>(raw: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = raw.split_at_checked(length)?;
    *raw = tail;
    Some(head)
}

fn take_i32(raw: &mut &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(take(raw, 4)?.try_into().ok()?))
}

/// Dimensions, whether there are NULLs, the element's type; a length and a lower bound for
/// each dimension; then a length and the bytes for each element.
fn array(form: Form, raw: &[u8]) -> Option<Json> {
    let mut raw = raw;
    let dimensions = usize::try_from(take_i32(&mut raw)?).ok()?;
    take(&mut raw, 8)?;
    if dimensions > DIMENSIONS {
        return None;
    }
    let mut lengths = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        lengths.push(usize::try_from(take_i32(&mut raw)?).ok()?);
        take(&mut raw, 4)?;
    }
    if lengths.is_empty() {
        return Some(Json::Array(Vec::new()));
    }
    elements(form, &lengths, &mut raw)
}

fn elements(form: Form, lengths: &[usize], raw: &mut &[u8]) -> Option<Json> {
    let Some((&length, inner)) = lengths.split_first() else {
        let length = take_i32(raw)?;
        return match usize::try_from(length) {
            Ok(length) => Some(form.read(take(raw, length)?)?.into_json()),
            Err(_) => Some(Json::Null),
        };
    };
    let all: Option<Vec<Json>> = (0..length).map(|_| elements(form, inner, raw)).collect();
    all.map(Json::Array)
}

/// A column's bytes as they came.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
