//! Values as a column's type has them. A client's values are texts; PostgreSQL reads them by
//! its own rules from a cast, SQLite is given them typed, by rules made to agree.

use super::refusal::Refusal;
use super::writer::Writer;
use crate::engine::Flavour;
use crate::schema::{Column, ColumnKind};
use crate::value::Value;
use serde_json::{Number, Value as Json};

/// The most of a value that a refusal repeats, in characters.
const MAX_SHOWN: usize = 100;

/// Writes a text as a parameter of this column's type.
///
/// # Errors
/// [`Refusal::ValueInvalid`] where it cannot be one.
pub(crate) fn write(w: &mut Writer, column: &Column, text: &str) -> Result<(), Refusal> {
    refuse_nul(column, text)?;
    match w.flavour() {
        Flavour::Sqlite => {
            w.value(typed(column, text)?);
        }
        Flavour::Postgres => {
            w.text(text);
            if let Some(cast) = cast(column) {
                w.sql("::").sql(cast.as_str());
            }
        }
    }
    Ok(())
}

/// The type that a text is cast to for comparing it with this column; `None` for a text.
pub(crate) fn cast(column: &Column) -> Option<String> {
    let bare = bare(&column.type_name);
    let is_text = ["text", "character", "character varying", "name"].contains(&bare.as_str());
    (!is_text).then_some(bare)
}

/// A type's name without its length or precision: a longer value is no match, not cut to one.
fn bare(type_name: &str) -> String {
    // The length of bits is part of the type: without it they would be one bit.
    let bits = type_name.starts_with("bit");
    match (type_name.split_once('('), bits, type_name.starts_with('"')) {
        (Some((before, rest)), false, false) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        _ => type_name.to_owned(),
    }
}

/// A text as SQLite holds it in this column.
///
/// # Errors
/// [`Refusal::ValueInvalid`].
pub(crate) fn typed(column: &Column, text: &str) -> Result<Value, Refusal> {
    let trimmed = text.trim();
    let found = match column.kind {
        ColumnKind::Bool => truth(trimmed).map(|truth| Value::Int(i64::from(truth))),
        ColumnKind::Int => trimmed.parse().ok().map(Value::Int),
        ColumnKind::Real | ColumnKind::Numeric => number(trimmed),
        ColumnKind::Bytes => bytes(trimmed).map(Value::Bytes),
        ColumnKind::Uuid => uuid(trimmed).map(Value::Text),
        _ => Some(Value::Text(text.to_owned())),
    };
    found.ok_or_else(|| invalid(column, text))
}

/// A value of a body as SQLite's JSON functions hand it to this column: a number, a text or
/// NULL. Bytes stay in their hexadecimal form.
///
/// # Errors
/// [`Refusal::ValueInvalid`].
pub(crate) fn cell(column: &Column, value: &Json) -> Result<Json, Refusal> {
    if let (ColumnKind::Json, false) = (column.kind, value.is_null()) {
        return Ok(Json::from(value.to_string()));
    }
    let text = match value {
        Json::Null => return Ok(Json::Null),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(match typed(column, &text)? {
        Value::Int(number) => Json::from(number),
        Value::Real(number) => Number::from_f64(number).map_or(Json::Null, Json::Number),
        Value::Bytes(bytes) => Json::from(hexadecimal(&bytes)),
        _ => match column.kind {
            ColumnKind::Uuid => Json::from(uuid(text.trim()).unwrap_or(text)),
            _ => Json::from(text),
        },
    })
}

/// The refusal of a value that is none of this column's.
pub(crate) fn invalid(column: &Column, text: &str) -> Refusal {
    Refusal::ValueInvalid {
        type_name: column.type_name.to_lowercase(),
        value: text.chars().take(MAX_SHOWN).collect(),
    }
}

/// PostgreSQL has no such character in texts, and SQLite would end the text there for some of
/// its functions.
fn refuse_nul(column: &Column, text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(invalid(column, &text.replace('\0', "")));
    }
    Ok(())
}

/// The same of every text in a document.
///
/// # Errors
/// [`Refusal::ValueInvalid`].
pub(crate) fn refuse_nul_within(column: &Column, value: &Json) -> Result<(), Refusal> {
    match value {
        Json::String(text) => refuse_nul(column, text),
        Json::Array(elements) => elements
            .iter()
            .try_for_each(|element| refuse_nul_within(column, element)),
        Json::Object(members) => members.iter().try_for_each(|(name, member)| {
            refuse_nul(column, name)?;
            refuse_nul_within(column, member)
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
        "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse() {
        return Some(Value::Int(whole));
    }
    let real: f64 = text.parse().ok()?;
    real.is_finite().then_some(Value::Real(real))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x") else {
        // PostgreSQL's older form: the characters themselves, where nothing is escaped.
        return (!text.contains('\\')).then(|| text.as_bytes().to_vec());
    };
    let digits = digits.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        &[high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// In its one form: lower case, with hyphens.
fn uuid(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|&letter| letter != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let part = |from: usize, to: usize| digits.get(from..to);
    let parts = [
        part(0, 8)?,
        part(8, 12)?,
        part(12, 16)?,
        part(16, 20)?,
        part(20, 32)?,
    ];
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnKind, type_name: &str) -> Column {
        Column {
            name: "c".to_owned(),
            kind,
            type_name: type_name.to_owned(),
            nullable: true,
            default: None,
            is_tenant: false,
        }
    }

    #[test]
    fn a_text_is_read_as_postgresql_reads_it() {
        use ColumnKind::{Bool, Bytes, Int, Real, Text, Uuid};
        let id = "0190a3b0-0000-7000-8000-00000000000a";
        for (kind, text, expected) in [
            (Bool, "YES", Some(Value::Int(1))),
            (Bool, "off", Some(Value::Int(0))),
            (Bool, "2", None),
            (Int, " 7 ", Some(Value::Int(7))),
            (Int, "7.5", None),
            (Int, "9223372036854775808", None),
            (Int, "1 OR 1=1", None),
            (Real, "1e3", Some(Value::Real(1000.0))),
            (Real, "nan", None),
            (Bytes, "\\x00fF", Some(Value::Bytes(vec![0, 255]))),
            (Bytes, "ab", Some(Value::Bytes(b"ab".to_vec()))),
            (Bytes, "\\x0", None),
            (Bytes, "\\xé", None),
            (Uuid, &id.to_uppercase(), Some(Value::Text(id.to_owned()))),
            (Uuid, &id.replace('-', ""), Some(Value::Text(id.to_owned()))),
            (Uuid, "x", None),
            (Text, " a ", Some(Value::Text(" a ".to_owned()))),
        ] {
            let column = column(kind, "some");
            assert_eq!(typed(&column, text).ok(), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn a_value_is_never_cut_to_the_length_of_its_type() {
        for (type_name, expected) in [
            ("character varying(3)", None),
            ("character(3)", None),
            ("text", None),
            ("numeric(10,2)", Some("numeric")),
            (
                "timestamp(3) with time zone",
                Some("timestamp with time zone"),
            ),
            ("bit(8)", Some("bit(8)")),
            ("integer[]", Some("integer[]")),
            ("\"odd(type)\"", Some("\"odd(type)\"")),
        ] {
            let column = column(ColumnKind::Other, type_name);
            assert_eq!(cast(&column).as_deref(), expected, "{type_name}");
        }
    }
}
