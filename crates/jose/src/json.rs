//! The strict JSON of headers, claims and keys: as `base` reads it, to the depth that
//! tokens need. Not here: the reader itself (`doorward_base::json`).

use doorward_base::json;
use serde_json::{Map, Value};

/// The deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 32;

/// The text is not JSON, or could be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not strict JSON")]
pub struct JsonError;

/// Reads one value that is the whole input.
///
/// # Errors
/// [`JsonError`] on anything but exactly one strict JSON value.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    json::parse(bytes, MAX_DEPTH).map_err(|_| JsonError)
}

/// Reads one object that is the whole input.
///
/// # Errors
/// [`JsonError`] as for [`parse`], and when the value is not an object.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(bytes)? {
        Value::Object(map) => Ok(map),
        _ => Err(JsonError),
    }
}

/// Reads one value at the start of `text` and returns what follows it.
///
/// # Errors
/// [`JsonError`] when the text does not start with a strict JSON value.
pub fn parse_prefix(text: &str) -> Result<(Value, &str), JsonError> {
    json::parse_prefix::<MAX_DEPTH>(text).map_err(|_| JsonError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j37_depth_is_capped() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError));
        assert_eq!(parse_prefix(&nested(MAX_DEPTH + 1)), Err(JsonError));
        assert_eq!(parse_object(b"[]"), Err(JsonError));
    }
}
