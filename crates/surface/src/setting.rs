//! What settings are written in, for whoever owns a section of the configuration: words
//! of a closed set, durations and sizes, and what is wrong with a value. Not here: reading the file, and the
//! lines that a problem belongs to (`server`).

mod measure;

pub use measure::{Size, Span};

use doorward_base::Words;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A value that is written as one of a few words.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Word<T>(pub T);

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor(PhantomData))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<T: Words> Visitor<'_> for WordVisitor<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", T::NAMES.join(", "))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word<T>, E> {
        T::of_word(text)
            .map(Word)
            .ok_or_else(|| E::unknown_variant(text, T::NAMES))
    }
}

impl<T: Words> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(T::NAMES.join("|"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Schema::default();
        schema.insert("type".to_owned(), "string".into());
        schema.insert("enum".to_owned(), T::NAMES.to_vec().into());
        schema
    }
}

/// Whether a path, which may be empty, is nothing but literal segments, so that a
/// router takes it as it stands.
#[must_use]
pub fn is_literal(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    let mut segments = path.split('/');
    segments.next() == Some("")
        && segments.all(|segment| !segment.is_empty() && segment.bytes().all(plain))
}

/// What is wrong with a value of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Its key in the section.
    pub key: &'static str,
    /// What is wrong with it, and what to write instead.
    pub message: String,
}

impl Wrong {
    /// This is wrong with the value of this key.
    #[must_use]
    pub fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            key,
            message: message.into(),
        }
    }
}
