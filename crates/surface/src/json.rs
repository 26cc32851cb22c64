//! Input of a surface read strictly: JSON that can be read in one way only, and
//! members by name with refusals that name the member and never repeat a value,
//! which may be a secret. Not here: the strict reader (`doorward_base::json`), and
//! bodies and their size (`extract`).

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess};
use serde_json::{Map, Value};
use std::fmt;

/// The deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 64;

/// Why input is not of the form that was expected. The text may be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not JSON, a member given twice, nested too deeply, or more than one value.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// JSON, but not an object.
    #[error("a JSON object is expected")]
    NotObject,
    /// A name given twice.
    #[error("a name is given twice")]
    Repeated,
    /// A member that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member that nobody reads.
    #[error("there is an unknown name; known are: {0}")]
    Unknown(String),
    /// A member of another type, or out of its range.
    #[error("`{0}` has the wrong type or form")]
    Invalid(String),
    /// A form or query that is not well encoded.
    #[error("not well encoded")]
    Encoding,
    /// More members than are read.
    #[error("too many names")]
    TooMany,
    /// Anything else.
    #[error("not of the expected shape")]
    Shape,
}

impl Error for WireError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Shape
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(expected.join(", "))
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::Repeated
    }
}

/// Reads one JSON value that is the whole input: no member twice at any depth, at
/// most [`MAX_DEPTH`] levels, nothing after it.
///
/// # Errors
/// [`WireError::Syntax`].
pub fn parse(bytes: &[u8]) -> Result<Value, WireError> {
    doorward_base::json::parse(bytes, MAX_DEPTH)
        .map_err(|error| WireError::Syntax(error.to_string()))
}

/// Reads one JSON object, member by member, into `T`.
///
/// # Errors
/// [`WireError`] naming the first member that does not fit.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    match parse(bytes)? {
        Value::Object(members) => from_members(members),
        _ => Err(WireError::NotObject),
    }
}

/// Reads `T` from named values.
///
/// # Errors
/// [`WireError`] naming the first one that does not fit.
pub fn from_members<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, WireError> {
    T::deserialize(MapAccessDeserializer::new(Members {
        rest: members.into_iter(),
        pending: None,
    }))
}

/// Named values being read, so that a value's refusal can name it.
struct Members {
    rest: serde_json::map::IntoIter,
    pending: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WireError> {
        self.pending = self.rest.next();
        let Some((name, _)) = &self.pending else {
            return Ok(None);
        };
        let name: StringDeserializer<WireError> = name.clone().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WireError> {
        let (name, value) = self.pending.take().ok_or(WireError::Shape)?;
        seed.deserialize(value)
            .map_err(|_| WireError::Invalid(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        email: String,
        count: Option<u32>,
        #[serde(default)]
        list: Vec<String>,
    }

    fn refusal(text: &str) -> String {
        read::<Wire>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_object_is_read() {
        assert_eq!(
            read::<Wire>(br#" {"list":["a"],"email":"\u0061","count":null} "#),
            Ok(Wire {
                email: "a".to_owned(),
                count: None,
                list: vec!["a".to_owned()],
            })
        );
    }

    #[test]
    fn a_refusal_names_the_member_and_never_repeats_a_value() {
        for (text, expected) in [
            (r#"{"email":5}"#, "`email` has the wrong type or form"),
            (
                r#"{"email":"a","count":"hunter2"}"#,
                "`count` has the wrong type or form",
            ),
            (
                r#"{"email":"a","count":-1}"#,
                "`count` has the wrong type or form",
            ),
            (
                r#"{"email":"a","count":1.5}"#,
                "`count` has the wrong type or form",
            ),
            (
                r#"{"email":"a","count":4294967296}"#,
                "`count` has the wrong type or form",
            ),
            (
                r#"{"email":"a","list":[1]}"#,
                "`list` has the wrong type or form",
            ),
            (r#"{"email":null}"#, "`email` has the wrong type or form"),
            (r#"{"count":1}"#, "`email` is missing"),
            (
                r#"{"email":"a","hunter2":1}"#,
                "there is an unknown name; known are: email, count, list",
            ),
            ("[]", "a JSON object is expected"),
            ("\"hunter2\"", "a JSON object is expected"),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for text in [
            "",
            "{",
            r#"{"email":"a"}{}"#,
            r#"{"email":"a"} x"#,
            r#"{"email":"a",}"#,
            r#"{'email':'a'}"#,
            r#"{"email":"a","email":"a"}"#,
            r#"{"email":"a","e\u006dail":"b"}"#,
            "{\"email\":\"a\"}//",
            "\u{feff}{\"email\":\"a\"}",
            r#"{"email":"\ud800"}"#,
            r#"{"email":"a","count":NaN}"#,
            r#"{"email":"a","count":1e999}"#,
        ] {
            assert!(refusal(text).starts_with("not valid JSON: "), "{text}");
        }
        assert!(matches!(parse(b"\"\xff\""), Err(WireError::Syntax(_))));
        assert!(matches!(
            parse(br#"[{"x":[{"a":1,"a":2}]}]"#),
            Err(WireError::Syntax(_))
        ));
    }

    #[test]
    fn depth_is_capped() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        for deep in [nested(MAX_DEPTH + 1), nested(200_000), "[".repeat(200_000)] {
            assert!(matches!(parse(deep.as_bytes()), Err(WireError::Syntax(_))));
        }
    }
}
