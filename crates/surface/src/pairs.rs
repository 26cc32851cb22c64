//! Names and values as forms and queries carry them
//! (`application/x-www-form-urlencoded`), read strictly: what is not well encoded is
//! refused, the number of pairs is bounded, and a name that is given twice is refused
//! wherever one value is asked for. Not here: bodies and their size (`extract`).

use crate::json::WireError;
use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

/// The most pairs that are read.
pub const MAX_PAIRS: usize = 128;

/// Reads `T` from a form or a query. A field of a list type takes every value of its
/// name, any other exactly one. Values are text.
///
/// # Errors
/// [`WireError`] naming the first member that does not fit, never a value.
pub fn read<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, WireError> {
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in parse(encoded)? {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    T::deserialize(serde::de::value::MapAccessDeserializer::new(Fields {
        rest: fields.into_iter(),
        pending: None,
    }))
}

/// The pairs in their order.
///
/// # Errors
/// [`WireError::Encoding`] and [`WireError::TooMany`].
pub fn parse(encoded: &[u8]) -> Result<Vec<(String, String)>, WireError> {
    let mut pairs = Vec::new();
    for pair in encoded
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        if pairs.len() == MAX_PAIRS {
            return Err(WireError::TooMany);
        }
        let at = pair.iter().position(|&byte| byte == b'=');
        let (name, value) = match at {
            Some(at) => (pair.get(..at), pair.get(at + 1..)),
            None => (Some(pair), None),
        };
        pairs.push((
            decode(name.unwrap_or_default())?,
            decode(value.unwrap_or_default())?,
        ));
    }
    Ok(pairs)
}

/// Plus is a space, `%` begins two hexadecimal digits, and the whole is UTF-8.
fn decode(encoded: &[u8]) -> Result<String, WireError> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let value = digit(rest.next())
                    .zip(digit(rest.next()))
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                value.ok_or(WireError::Encoding)?
            }
            b' ' | b'"' | b'<' | b'>' | 0..0x20 | 0x7f.. => return Err(WireError::Encoding),
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| WireError::Encoding)
}

/// Encodes for a form, a query or a fragment: unreserved characters stay (RFC 3986
/// §2.3), every other byte is escaped.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode_into(&mut out, name);
        out.push('=');
        encode_into(&mut out, value);
    }
    out
}

fn encode_into(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Grouped values being read, so that a refusal can name the member.
struct Fields {
    rest: std::vec::IntoIter<(String, Vec<String>)>,
    pending: Option<(String, Vec<String>)>,
}

impl<'de> MapAccess<'de> for Fields {
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
        let (name, values) = self.pending.take().ok_or(WireError::Shape)?;
        seed.deserialize(Texts(values))
            .map_err(|error| match error {
                WireError::Repeated => WireError::Repeated,
                _ => WireError::Invalid(name),
            })
    }
}

/// The values of one name.
struct Texts(Vec<String>);

impl<'de> Deserializer<'de> for Texts {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        let mut values = self.0.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => visitor.visit_string(value),
            (Some(_), Some(_)) => Err(WireError::Repeated),
            (None, _) => Err(WireError::custom("no value")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, WireError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_seq(SeqDeserializer::new(self.0.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        let mut values = self.0.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => visitor.visit_enum(value.into_deserializer()),
            _ => Err(WireError::Repeated),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wire {
        grant_type: Kind,
        code: Option<String>,
        #[serde(default)]
        resource: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Password,
    }

    fn refusal(text: &str) -> String {
        read::<Wire>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_form_is_read_and_unknown_members_are_passed_over() {
        let text = "grant_type=password&code=a+b%2B%c3%A9&resource=x&resource=y&z=1&z=2&&flag";
        assert_eq!(
            read::<Wire>(text.as_bytes()),
            Ok(Wire {
                grant_type: Kind::Password,
                code: Some("a b+\u{e9}".to_owned()),
                resource: vec!["x".to_owned(), "y".to_owned()],
            })
        );
        let short = read::<Wire>(b"grant_type=password").unwrap();
        assert_eq!((short.code, short.resource), (None, vec![]));
    }

    #[test]
    fn a_refusal_names_the_member_and_never_repeats_a_value() {
        for (text, expected) in [
            ("code=a", "`grant_type` is missing"),
            ("", "`grant_type` is missing"),
            (
                "grant_type=hunter2",
                "`grant_type` has the wrong type or form",
            ),
            ("grant_type=password&code=a&code=a", "a name is given twice"),
            (
                "grant_type=password&code=a&c%6fde=b",
                "a name is given twice",
            ),
            (
                "grant_type=password&grant_type=password",
                "a name is given twice",
            ),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_well_encoded_is_refused() {
        for text in [
            "a=%", "a=%2", "a=%zz", "a=%2+1", "a=%ff", "a=b c", "a=\u{e9}", "a=\n", "%00%=1",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(WireError::Encoding), "{text:?}");
        }
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        let most = vec!["a=1"; MAX_PAIRS].join("&");
        assert_eq!(parse(most.as_bytes()).unwrap().len(), MAX_PAIRS);
        assert_eq!(
            parse(format!("{most}&b").as_bytes()),
            Err(WireError::TooMany)
        );
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        let pairs = [("a b", "c&d=e%+\u{e9}"), ("", "")];
        let read = parse(encode(&pairs).as_bytes()).unwrap();
        let expected = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, expected);
    }
}
