//! Durations and sizes, as settings write them: a whole number and a unit.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A duration: `"15m"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Span(pub Duration);

impl Span {
    /// How it is written, for messages.
    pub const FORM: &'static str = "a duration such as \"15m\" (ms, s, m, h or d)";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let units = [
            ("ms", 1),
            ("s", 1000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
        ];
        let millis = scaled(text, &units)
            .filter(|millis| *millis <= 36_500 * 86_400_000)
            .ok_or_else(|| format!("{text:?} is not {}, at most 36500d", Self::FORM))?;
        Ok(Self(Duration::from_millis(millis)))
    }

    /// What to write instead of a plain number.
    #[must_use]
    pub fn instead_of(number: i64) -> String {
        format!("\"{number}s\"")
    }
}

/// A size in bytes: `"1MiB"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size(pub u64);

impl Size {
    /// How it is written, for messages.
    pub const FORM: &'static str = "a size such as \"1MiB\" (B, KiB, MiB or GiB)";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let units = [
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ];
        scaled(text, &units)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not {}", Self::FORM))
    }

    /// What to write instead of a plain number.
    #[must_use]
    pub fn instead_of(number: i64) -> String {
        format!("\"{number}B\"")
    }
}

/// `text` is a whole number followed by one of `units`; the product.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// What reads both.
trait Measure: Sized {
    const FORM: &'static str;
    fn parse(text: &str) -> Result<Self, String>;
    fn instead_of(number: i64) -> String;
}

struct MeasureVisitor<T>(PhantomData<T>);

impl<T: Measure> Visitor<'_> for MeasureVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORM)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::parse(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        Err(E::custom(format_args!(
            "a plain number has no unit; write {} ({})",
            T::instead_of(number),
            T::FORM
        )))
    }
}

macro_rules! measured {
    ($($type:ident)*) => {
        $(impl Measure for $type {
            const FORM: &'static str = Self::FORM;

            fn parse(text: &str) -> Result<Self, String> {
                Self::parse(text)
            }

            fn instead_of(number: i64) -> String {
                Self::instead_of(number)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(MeasureVisitor(PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(Self::FORM)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = Schema::default();
                schema.insert("type".to_owned(), "string".into());
                schema.insert("description".to_owned(), Self::FORM.into());
                schema
            }
        })*
    };
}

measured!(Span Size);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("0s", 0),
            ("15m", 900_000),
            ("90d", 7_776_000_000),
        ] {
            assert_eq!(
                Span::parse(text),
                Ok(Span(Duration::from_millis(millis))),
                "{text}"
            );
        }
        for bad in [
            "",
            "15",
            "m",
            "-1s",
            "1.5h",
            "1 m",
            "15M",
            "1w",
            "99999999999999999999s",
            "36501d",
        ] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(Size::parse("1MiB"), Ok(Size(1_048_576)));
        for bad in ["1", "1MB", "1 MiB", "-1B", "99999999999GiB"] {
            assert!(Size::parse(bad).is_err(), "{bad}");
        }
    }
}
