//! From the tree to the section structs, by serde. A failure carries the path of the
//! value it concerns; the value is then passed over and decoding starts again, so that
//! every problem is found, not only the first. Not here: rules that concern more than
//! one value (`lower`).

use super::document::{Document, Node, Value};
use super::problem::{KeyPath, Problems, Step, unknown};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer as _,
    MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::path::Path;

/// More problems than anyone reads at once.
const MOST_PROBLEMS: usize = 50;

/// Decodes the document. Every value found wrong adds a problem and is masked; the
/// value is returned only when nothing was wrong.
pub(crate) fn decode<T: DeserializeOwned>(
    file: &Path,
    document: &mut Document,
) -> Result<T, Vec<super::Problem>> {
    let mut list: Vec<super::Problem> = Vec::new();
    while list.len() < MOST_PROBLEMS {
        let failure = match T::deserialize(document.root()) {
            Ok(value) if list.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(failure) => failure,
        };
        // A required key that was given but wrong has been reported already.
        let told = matches!(&failure.kind, Kind::Missing(key) if document.is_masked(&failure.path.key(*key)));
        if !told {
            let mut problems = Problems::new(file, document);
            problems.add(&failure.path, failure.kind.to_string());
            list.extend(problems.into_list());
        }
        if !document.mask(&failure.path) || failure.path.steps().is_empty() {
            break;
        }
    }
    list.sort_by_key(|problem| problem.line);
    Err(list)
}

/// Why decoding stopped, and at which value.
#[derive(Debug)]
pub(crate) struct Failure {
    path: KeyPath,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    Wrong {
        found: String,
        expected: String,
    },
    Other(String),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, known } => f.write_str(&unknown("key", key, known)),
            Self::UnknownWord { word, known } => f.write_str(&unknown("value", word, known)),
            Self::Missing(key) => write!(f, "the key {key:?} is missing"),
            Self::Wrong { found, expected } => write!(f, "expected {expected}, found {found}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl Failure {
    fn new(kind: Kind) -> Self {
        Self {
            path: KeyPath::default(),
            kind,
        }
    }

    fn wrong(node: &Node, expected: impl fmt::Display) -> Self {
        Self::new(Kind::Wrong {
            found: node.kind().to_owned(),
            expected: expected.to_string(),
        })
    }

    fn inside(mut self, step: Step) -> Self {
        self.path.prepend(step);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.kind)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Wrong {
            found: found.to_string(),
            expected: expected.to_string(),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownWord {
            word: word.to_owned(),
            known,
        })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey {
            key: key.to_owned(),
            known,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::Missing(key))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.value {
                Value::Integer(number) => visitor.visit_i64::<Failure>(number).map_err(|_| {
                    Failure::new(Kind::Wrong {
                        found: number.to_string(),
                        expected: "a whole number in range".to_owned(),
                    })
                }),
                _ => Err(Failure::wrong(self, "a whole number")),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::List(elements) => visitor.visit_seq(Elements { elements, at: 0 }),
            Value::Table(members) => visitor.visit_map(Members {
                members,
                value: None,
            }),
            Value::Unfit(reason) => Err(de::Error::custom(reason)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Bool(truth) => visitor.visit_bool(truth),
            _ => Err(Failure::wrong(self, "true or false")),
        }
    }

    whole_numbers!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i64);

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::List(_) => self.deserialize_any(visitor),
            _ => Err(Failure::wrong(self, "a list such as [\"…\"]")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => Err(Failure::wrong(self, "a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Text(text) => visitor.visit_enum(Word(text)),
            // A variant with something in it: `{ compare = { … } }`.
            Value::Table(members) if members.iter().filter(|(_, of)| !of.masked).count() == 1 => {
                de::value::MapAccessDeserializer::new(Members {
                    members,
                    value: None,
                })
                .deserialize_enum("", known, visitor)
            }
            _ => Err(Failure::wrong(self, format!("one of {}", known.join(", ")))),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct identifier ignored_any
    }
}

struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Failure;
    type Variant = <de::value::StrDeserializer<'de, Failure> as EnumAccess<'de>>::Variant;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Failure> {
        let word: de::value::StrDeserializer<'de, Failure> = self.0.into_deserializer();
        word.variant_seed(seed)
    }
}

struct Elements<'de> {
    elements: &'de [Node],
    at: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        while let Some(node) = self.elements.get(self.at) {
            let at = self.at;
            self.at += 1;
            if !node.masked {
                return seed
                    .deserialize(node)
                    .map(Some)
                    .map_err(|failure| failure.inside(Step::Index(at)));
            }
        }
        Ok(None)
    }
}

struct Members<'de> {
    members: &'de [(String, Node)],
    value: Option<&'de (String, Node)>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        while let Some((member, rest)) = self.members.split_first() {
            self.members = rest;
            if !member.1.masked {
                self.value = Some(member);
                let key: de::value::StrDeserializer<'de, Failure> =
                    member.0.as_str().into_deserializer();
                return seed
                    .deserialize(key)
                    .map(Some)
                    .map_err(|failure| failure.inside(Step::Key(member.0.clone())));
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        match self.value.take() {
            Some((key, node)) => seed
                .deserialize(node)
                .map_err(|failure| failure.inside(Step::Key(key.clone()))),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}
