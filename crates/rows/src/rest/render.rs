//! Rows as an answer's body. Booleans and documents of SQLite are numbers and texts there;
//! here both engines' rows are written the same.

use super::csv;
use super::error::Refusal;
use super::media::{Accept, Format};
use crate::plan::expression::Shape;
use crate::plan::read::Head;
use crate::schema::ColumnKind;
use crate::value::{Value, written};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

/// The largest whole number up to which every one is a floating-point number too.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How many bytes a row takes in such a body beside its values, at most.
pub(super) fn beside(heads: &[Head], accept: Accept) -> usize {
    let name = |head: &Head| match accept.format {
        Format::Csv => 1,
        Format::Array | Format::Object => written(&head.name) + 4,
    };
    heads.iter().map(name).sum::<usize>() + 4
}

/// The body of these rows, without the first `skipped` values of each.
///
/// # Errors
/// [`Refusal::NotSingular`] where one row was asked for.
pub(super) fn body(
    heads: &[Head],
    rows: &[Vec<Value>],
    skipped: usize,
    accept: Accept,
) -> Result<String, Refusal> {
    let mut out = String::new();
    match accept.format {
        Format::Csv => comma_separated(&mut out, heads, rows, skipped),
        Format::Object => match rows {
            [only] => object(&mut out, heads, only, skipped, accept.strips_nulls),
            _ => return Err(Refusal::NotSingular(u64::try_from(rows.len()).ok())),
        },
        Format::Array => {
            out.push('[');
            for (at, row) in rows.iter().enumerate() {
                out.push_str(if at > 0 { ",\n " } else { "" });
                object(&mut out, heads, row, skipped, accept.strips_nulls);
            }
            out.push(']');
        }
    }
    Ok(out)
}

/// The body of a function's answer that is a value, or a list of values.
pub(super) fn values(head: &Head, rows: &[Vec<Value>], skipped: usize, is_set: bool) -> String {
    let mut out = String::from(if is_set { "[" } else { "" });
    let values = rows.iter().filter_map(|row| row.get(skipped));
    let values = values.take(if is_set { usize::MAX } else { 1 });
    for (at, value) in values.enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        json(&mut out, head.shape, value);
    }
    out.push_str(if is_set { "]" } else { "" });
    if out.is_empty() {
        out.push_str("null");
    }
    out
}

fn object(out: &mut String, heads: &[Head], row: &[Value], skipped: usize, strips_nulls: bool) {
    out.push('{');
    let mut first = true;
    for (head, value) in heads.iter().zip(row.iter().skip(skipped)) {
        if strips_nulls && *value == Value::Null {
            continue;
        }
        out.push_str(if first { "" } else { "," });
        first = false;
        text(out, &head.name);
        out.push(':');
        if strips_nulls {
            stripped(out, head.shape, value);
        } else {
            json(out, head.shape, value);
        }
    }
    out.push('}');
}

fn text(out: &mut String, text: &str) {
    out.push_str(&Json::from(text).to_string());
}

/// Writes a value as JSON.
fn json(out: &mut String, shape: Shape, value: &Value) {
    match (shape, value) {
        (_, Value::Null) => out.push_str("null"),
        (Shape::Document, Value::Text(document)) => out.push_str(document),
        (Shape::Plain(ColumnKind::Json | ColumnKind::Array), Value::Text(document)) => {
            if serde_json::from_str::<IgnoredAny>(document).is_ok() {
                out.push_str(document);
            } else {
                text(out, document);
            }
        }
        (Shape::Plain(ColumnKind::Bool), Value::Int(number)) => {
            out.push_str(if *number == 0 { "false" } else { "true" });
        }
        (_, Value::Real(number)) if number.fract() == 0.0 && number.abs() < EXACT => {
            out.push_str(&format!("{number:.0}"));
        }
        (_, Value::Numeric(digits)) => {
            if serde_json::from_str::<serde_json::Number>(digits).is_ok() {
                out.push_str(digits);
            } else {
                text(out, digits);
            }
        }
        (_, value) => out.push_str(&value.clone().into_json().to_string()),
    }
}

/// Writes a value without the null members of what is in it.
fn stripped(out: &mut String, shape: Shape, value: &Value) {
    fn strip(value: &mut Json) {
        match value {
            Json::Object(members) => {
                members.retain(|_, member| !member.is_null());
                members.values_mut().for_each(strip);
            }
            Json::Array(elements) => elements.iter_mut().for_each(strip),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let mut written = String::new();
    json(&mut written, shape, value);
    if !written.starts_with(['{', '[']) {
        out.push_str(&written);
        return;
    }
    match serde_json::from_str::<Json>(&written) {
        Ok(mut document) => {
            strip(&mut document);
            out.push_str(&document.to_string());
        }
        Err(_) => out.push_str(&written),
    }
}

fn comma_separated(out: &mut String, heads: &[Head], rows: &[Vec<Value>], skipped: usize) {
    for (at, head) in heads.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        csv::write(out, &head.name);
    }
    for row in rows {
        out.push('\n');
        for (at, (head, value)) in heads.iter().zip(row.iter().skip(skipped)).enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            if let Some(plain) = plain(head.shape, value) {
                csv::write(out, &plain);
            }
        }
    }
}

/// A value as PostgreSQL's text of it; nothing for NULL.
pub(super) fn plain(shape: Shape, value: &Value) -> Option<String> {
    Some(match (shape, value) {
        (_, Value::Null) => return None,
        (Shape::Plain(ColumnKind::Bool), Value::Int(number)) => letter(*number != 0),
        (_, Value::Bool(truth)) => letter(*truth),
        (_, Value::Text(text)) => text.clone(),
        (shape, value) => {
            let mut written = String::new();
            json(&mut written, shape, value);
            match value {
                Value::Bytes(_) => serde_json::from_str(&written).unwrap_or(written),
                _ => written,
            }
        }
    })
}

fn letter(truth: bool) -> String {
    String::from(if truth { "t" } else { "f" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shape: Shape, value: &Value) -> String {
        let mut out = String::new();
        json(&mut out, shape, value);
        out
    }

    #[test]
    fn a_value_of_sqlite_is_written_as_its_column_means_it() {
        use ColumnKind::{Bool, Int, Json, Numeric, Real, Text};
        for (kind, value, expected) in [
            (Bool, Value::Int(1), "true"),
            (Bool, Value::Bool(false), "false"),
            (Int, Value::Int(1), "1"),
            (Real, Value::Real(2.0), "2"),
            (Real, Value::Real(0.1), "0.1"),
            (Numeric, Value::Numeric("12.500".to_owned()), "12.500"),
            (Numeric, Value::Numeric("NaN".to_owned()), "\"NaN\""),
            (Json, Value::Text("{\"a\": [1]}".to_owned()), "{\"a\": [1]}"),
            (Json, Value::Text("},{".to_owned()), "\"},{\""),
            (
                Text,
                Value::Text("\"</script>".to_owned()),
                "\"\\\"</script>\"",
            ),
        ] {
            let found = written(Shape::Plain(kind), &value);
            assert_eq!(found, expected, "{kind:?} {value:?}");
        }
    }

    #[test]
    fn null_members_are_left_out_at_every_depth() {
        let mut out = String::new();
        let document = Value::Text("{\"a\":null,\"b\":[{\"c\":null}]}".to_owned());
        stripped(&mut out, Shape::Document, &document);
        assert_eq!(out, "{\"b\":[{}]}");
    }
}
