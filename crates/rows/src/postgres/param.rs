//! A parameter as a text, which the server reads by the type that the statement gives it.

use crate::value::Value;
use serde_json::Value as Json;
use std::error::Error;
use std::fmt::Write as _;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

/// A parameter's text; `None` is NULL.
#[derive(Debug)]
pub(super) struct Param(Option<String>);

impl Param {
    /// Of a value. Where its type is known to be an array, a JSON array is written as one.
    pub(super) fn of(value: &Value, kind: Option<&Type>) -> Self {
        let text = match value {
            Value::Null => return Self(None),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::Numeric(text) | Value::Text(text) => text.clone(),
            Value::Bytes(bytes) => hexadecimal(bytes),
            Value::Json(Json::Array(values)) if kind.is_some_and(is_array) => array(values),
            Value::Json(value) => value.to_string(),
        };
        Self(Some(text))
    }

    /// Whether a text alone does not say what is meant: a list is an array's or JSON.
    pub(super) const fn needs_type(value: &Value) -> bool {
        matches!(value, Value::Json(Json::Array(_)))
    }
}

fn is_array(kind: &Type) -> bool {
    matches!(kind.kind(), Kind::Array(_))
}

/// `{1,"a b",NULL}`.
fn array(values: &[Json]) -> String {
    let mut text = String::from("{");
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        match value {
            Json::Null => text.push_str("NULL"),
            Json::Array(inner) => text.push_str(&array(inner)),
            Json::String(value) => quoted(&mut text, value),
            other => quoted(&mut text, &other.to_string()),
        }
    }
    text.push('}');
    text
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::from("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl ToSql for Param {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(kind, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_is_written_as_an_array_only_where_one_is_wanted() {
        let list = Value::Json(json!([1, null, "a\"b\\c", [true]]));
        let Param(text) = Param::of(&list, Some(&Type::TEXT_ARRAY));
        assert_eq!(text.as_deref(), Some(r#"{"1",NULL,"a\"b\\c",{"true"}}"#));
        let Param(text) = Param::of(&list, Some(&Type::JSONB));
        assert_eq!(text.as_deref(), Some(r#"[1,null,"a\"b\\c",[true]]"#));
    }

    #[test]
    fn a_number_keeps_every_digit() {
        for (value, text) in [
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Real(0.1), "0.1"),
            (Value::Real(f64::NEG_INFINITY), "-inf"),
            (Value::Numeric("1.500".to_owned()), "1.500"),
            (Value::Bytes(vec![0, 255]), "\\x00ff"),
        ] {
            assert_eq!(Param::of(&value, None).0.as_deref(), Some(text));
        }
    }
}
