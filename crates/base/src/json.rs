//! JSON that can be read in one way only: duplicate members are refused at every
//! depth (RFC 8725 §2.6), nesting is capped, and nothing may follow the value. The
//! rest of the strictness (UTF-8, no BOM, no lone surrogates, no NaN, no number that
//! overflows) is `serde_json`'s. Not here: any idea of what the value means.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The text is not JSON, or could be read in two ways. It says where, and repeats
/// nothing of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Reads one value that is the whole input, with at most `depth` arrays and objects
/// inside one another.
///
/// # Errors
/// [`JsonError`] on anything but exactly one strict JSON value.
pub fn parse(bytes: &[u8], depth: usize) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Nested { left: depth }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads one value at the start of `text`, with at most `DEPTH` arrays and objects
/// inside one another, and returns what follows it.
///
/// # Errors
/// [`JsonError`] when the text does not start with a strict JSON value.
pub fn parse_prefix<const DEPTH: usize>(text: &str) -> Result<(Value, &str), JsonError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Strict<DEPTH>>();
    let first = stream.next().transpose()?;
    let rest = text.get(stream.byte_offset()..);
    match first.zip(rest) {
        Some((Strict(value), rest)) => Ok((value, rest)),
        None => Err(JsonError("no value".to_owned())),
    }
}

/// A value of a depth that its type says.
struct Strict<const DEPTH: usize>(Value);

impl<'de, const DEPTH: usize> Deserialize<'de> for Strict<DEPTH> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Nested { left: DEPTH }.deserialize(deserializer)?;
        Ok(Self(value))
    }
}

/// A value inside at most `left` further levels.
#[derive(Clone, Copy)]
struct Nested {
    left: usize,
}

impl Nested {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1);
        left.map(|left| Self { left })
            .ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is given twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: usize = 32;

    fn refused(bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        assert!(parse(bytes, DEPTH).is_err(), "{text}");
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" {"a":[1,-2,3.5,true,null,"\u00e9\n"],"b":{"c":{}}} "#;
        let plain: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes(), DEPTH), Ok(plain));
    }

    #[test]
    fn j38_duplicate_members_at_any_depth_and_spelling() {
        refused(br#"{"a":1,"a":1}"#);
        refused(br#"{"a":1,"\u0061":2}"#);
        refused(br#"{"x":[{"a":1,"b":2,"a":3}]}"#);
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#, DEPTH).is_ok());
    }

    #[test]
    fn j37_depth_is_capped_without_recursion_trouble() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH).as_bytes(), DEPTH).is_ok());
        refused(nested(DEPTH + 1).as_bytes());
        refused(nested(100_000).as_bytes());
        refused("{\"a\":".repeat(100_000).as_bytes());
    }

    #[test]
    fn j39_bom_comments_nan_trailing_bytes_surrogates_and_foreign_encodings() {
        refused(b"\xef\xbb\xbf{}");
        refused(b"{}//x");
        refused(b"/**/{}");
        refused(b"{\"a\":NaN}");
        refused(b"{\"a\":Infinity}");
        refused(b"{}{}");
        refused(b"{}\0");
        refused(br#"{"a":"\ud800"}"#);
        refused(br#"{"a":"\udc00\ud800"}"#);
        refused(b"{\"a\":\"\xc0\xaf\"}");
        refused(b"{\"a\":\"\xed\xa0\x80\"}");
        refused(b"{\0\"\0a\0\"\0:\x001\0}\0");
        refused(b"{'a':1}");
        refused(b"{\"a\":1,}");
        refused(b"{\"a\":1e400}");
        refused(b"");
    }

    #[test]
    fn a_prefix_ends_where_the_value_ends() {
        let (value, rest) = parse_prefix::<DEPTH>("{\"a\":1}\n tail").unwrap();
        assert_eq!(value, serde_json::json!({ "a": 1 }));
        assert_eq!(rest, "\n tail");
        assert!(parse_prefix::<DEPTH>("{\"a\":1,\"a\":1} tail").is_err());
    }
}
