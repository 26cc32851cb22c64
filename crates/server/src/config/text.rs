//! A value that is written as text and parsed where it is read. Not here: the types it
//! parses to (`value`, and the crates that own them).

use super::form::FormName;
use doorward_base::claims::ClaimPath;
use doorward_base::{
    Audience, ClassName, Environment, ErrorCode, Permission, RealmName, RoleName, Scope, TenantId,
};
use doorward_identity::model::TokenKind;
use doorward_jose::alg::Algorithm;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::str::FromStr;

/// A type with a text form in the configuration.
pub trait FromText: Sized {
    /// The form, for messages and the JSON Schema, for example `a duration such as "15m"`.
    const FORM: &'static str;

    /// Whether it refers to a secret, or may; the JSON Schema says so.
    const IS_SECRET: bool = false;

    /// Parses the text.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;

    /// What to write instead of a plain number, where a number is a likely mistake.
    #[must_use]
    fn instead_of_number(_number: i64) -> Option<String> {
        None
    }
}

/// A value written as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Text<T>(pub T);

/// One value written as text, or a list of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Texts<T>(pub Vec<T>);

impl<'de, T: FromText> Deserialize<'de> for Texts<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor(PhantomData))
    }
}

struct TextsVisitor<T>(PhantomData<T>);

impl<'de, T: FromText> Visitor<'de> for TextsVisitor<T> {
    type Value = Texts<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a list of such", T::FORM)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts<T>, E> {
        T::from_text(text)
            .map(|value| Texts(vec![value]))
            .map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Texts<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(Text(value)) = list.next_element::<Text<T>>()? {
            values.push(value);
        }
        Ok(Texts(values))
    }
}

impl<T: FromText> JsonSchema for Texts<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}, or a list", T::FORM))
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = Text::<T>::json_schema(generator);
        let mut schema = Schema::default();
        let several = serde_json::json!({"type": "array", "items": one});
        schema.insert("anyOf".to_owned(), serde_json::json!([one, several]));
        schema
    }
}

/// The values, sorted and without repetition.
pub(crate) fn sorted<T: Clone + Ord>(texts: &[Text<T>]) -> Vec<T> {
    let mut values: Vec<T> = texts.iter().map(|Text(value)| value.clone()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORM)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
        T::from_text(text).map(Text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text<T>, E> {
        Err(match T::instead_of_number(number) {
            Some(instead) => E::custom(format_args!(
                "a plain number has no unit; write {instead} ({})",
                T::FORM
            )),
            None => E::invalid_type(de::Unexpected::Signed(number), &self),
        })
    }
}

impl<T: FromText> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(T::FORM)
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Schema::default();
        schema.insert("type".to_owned(), "string".into());
        schema.insert("description".to_owned(), T::FORM.into());
        if T::IS_SECRET {
            schema.insert("writeOnly".to_owned(), true.into());
        }
        schema
    }
}

macro_rules! by_from_str {
    ($($type:ty = $form:literal;)*) => {
        $(impl FromText for $type {
            const FORM: &'static str = $form;
            fn from_text(text: &str) -> Result<Self, String> {
                <$type>::from_str(text).map_err(|error| error.to_string())
            }
        })*
    };
}

by_from_str! {
    ErrorCode = "an error code of ours such as \"token_expired\"";
    Algorithm = "a signature algorithm such as \"ES256\"";
    Audience = "an audience";
    ClaimPath = "a claim path such as \"user_metadata.company_id\"";
    ClassName = "a class's name";
    Environment = "an environment such as \"live\"";
    FormName = "an error form such as \"problem\"";
    Permission = "a permission";
    RealmName = "a realm's name";
    RoleName = "a role";
    Scope = "a scope";
    TenantId = "a tenant's id";
    TokenKind = "a kind of API token: \"personal\", \"service\" or \"key\"";
}

impl FromText for SocketAddr {
    const FORM: &'static str = "an address and port such as \"127.0.0.1:8080\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("{text:?} is not {}; a name is not enough", Self::FORM))
    }
}

impl FromText for ipnet::IpNet {
    const FORM: &'static str = "an address or network such as \"10.0.0.0/8\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let single = || text.parse::<std::net::IpAddr>().map(Self::from);
        text.parse()
            .or_else(|_| single())
            .map_err(|_| format!("{text:?} is not {}", Self::FORM))
    }
}

impl FromText for http::Method {
    const FORM: &'static str = "a method in capitals such as \"GET\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let capitals = text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        Self::from_bytes(text.as_bytes())
            .ok()
            .filter(|_| capitals)
            .ok_or_else(|| format!("{text:?} is not {}", Self::FORM))
    }
}

impl FromText for http::HeaderName {
    const FORM: &'static str = "a header's name such as \"X-Tenant-ID\"";

    fn from_text(text: &str) -> Result<Self, String> {
        Self::from_bytes(text.as_bytes()).map_err(|_| format!("{text:?} is not {}", Self::FORM))
    }
}

/// What an expectation expects: that the request may pass, or the code it is refused
/// with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome(pub Option<ErrorCode>);

impl FromText for Outcome {
    const FORM: &'static str = "\"allow\" or an error code such as \"insufficient_scope\"";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "allow" {
            return Ok(Self(None));
        }
        text.parse().map(|code| Self(Some(code))).map_err(|_| {
            let mut known: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
            known.push("allow");
            super::problem::unknown("outcome", text, &known)
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("allow"),
            Some(code) => code.fmt(f),
        }
    }
}
