//! One value of a row or a parameter, as both engines and JSON have it.

use serde_json::{Number, Value as Json};

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Real(f64),
    /// A number that neither of these holds exactly: its decimal digits.
    Numeric(String),
    /// A text, and whatever is written as one (dates, times, UUIDs).
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A JSON document.
    Json(Json),
}

impl Value {
    /// As JSON: bytes as PostgreSQL's hexadecimal form (`\x…`), what JSON has no number for
    /// as a text.
    #[must_use]
    pub fn into_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Int(value) => Json::from(value),
            Self::Real(value) => {
                Number::from_f64(value).map_or_else(|| Json::from(value.to_string()), Json::Number)
            }
            Self::Numeric(digits) => {
                serde_json::from_str(&digits).unwrap_or_else(|_| Json::from(digits))
            }
            Self::Text(text) => Json::from(text),
            Self::Bytes(bytes) => Json::from(hexadecimal(&bytes)),
            Self::Json(value) => value,
        }
    }

    /// A parameter, as a client sends it.
    #[must_use]
    pub fn from_json(value: Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Self::Int(whole),
                (None, Some(real)) => Self::Real(real),
                (None, None) => Self::Numeric(number.to_string()),
            },
            Json::String(text) => Self::Text(text),
            value @ (Json::Array(_) | Json::Object(_)) => Self::Json(value),
        }
    }

    /// How many bytes it takes in an answer at most, about; what results are bounded by. A text
    /// counts as JSON writes it, in which one byte may become six.
    #[must_use]
    pub fn weight(&self) -> usize {
        fn json(value: &Json) -> usize {
            match value {
                Json::String(text) => written(text) + 2,
                Json::Array(values) => values.iter().map(json).sum::<usize>() + 2,
                Json::Object(members) => members
                    .iter()
                    .map(|(name, value)| written(name) + 4 + json(value))
                    .sum(),
                Json::Null | Json::Bool(_) | Json::Number(_) => 8,
            }
        }
        match self {
            Self::Int(number) if number.unsigned_abs() >= LONG => 20,
            Self::Real(_) => 24,
            Self::Null | Self::Bool(_) | Self::Int(_) => 8,
            Self::Numeric(text) => text.len() + 2,
            Self::Text(text) => written(text) + 2,
            Self::Bytes(bytes) => 2 * bytes.len() + 5,
            Self::Json(value) => json(value),
        }
    }
}

/// Whole numbers from here on have eight digits and more.
const LONG: u64 = 10_000_000;

/// How many bytes a text has in JSON, without its quotes.
pub(crate) fn written(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_value_takes_more_in_an_answer_than_it_counts_for() {
        let every: String = (0..=0x80_u8).map(char::from).collect();
        for value in [
            Value::Null,
            Value::Bool(false),
            Value::Int(9_999_999),
            Value::Int(-10_000_000),
            Value::Int(i64::MIN),
            Value::Real(-2.225_073_858_507_201_4e-308),
            Value::Text(every.clone()),
            Value::Text("\u{1}".repeat(100)),
            Value::Bytes(vec![1; 10]),
            Value::Json(json!({every: ["\u{1}", null]})),
        ] {
            let counted = value.weight();
            let written = value.clone().into_json().to_string().len();
            assert!(written <= counted, "{value:?}: {written} > {counted}");
        }
    }

    #[test]
    fn a_value_is_written_as_postgrest_writes_it() {
        for (value, written) in [
            (Value::Null, json!(null)),
            (Value::Real(f64::NAN), json!("NaN")),
            (Value::Bytes(vec![0xde, 0x0a]), json!("\\xde0a")),
            (Value::Numeric("1.5".to_owned()), json!(1.5)),
            (Value::Numeric("NaN".to_owned()), json!("NaN")),
        ] {
            assert_eq!(value.into_json(), written);
        }
    }
}
