//! Values of a row as SQL: a column, a place in its document, a cast; for comparing, for an
//! answer's row, and within a document that SQL makes. Not here: conditions.

use super::refusal::Refusal;
use super::request::Step;
use super::tree::{Cast, Place};
use super::writer::Writer;
use crate::engine::Flavour;
use crate::schema::ColumnKind;
use crate::value::Value;

/// What an answer is written as; texts of dates and lists differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
}

/// What a column of a result holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A value of this kind.
    Plain(ColumnKind),
    /// The text of a JSON document.
    Document,
}

/// The kind of what is read there.
pub(crate) fn kind(place: &Place<'_>) -> ColumnKind {
    match (place.cast, place.path.is_empty(), place.as_text) {
        (Some(cast), _, _) => cast.kind,
        (None, true, _) => place.column.kind,
        (None, false, true) => ColumnKind::Text,
        (None, false, false) => ColumnKind::Json,
    }
}

/// The value itself, for comparing and ordering.
pub(crate) fn scalar(w: &mut Writer, called: &str, place: &Place<'_>) -> Result<(), Refusal> {
    match (w.flavour(), place.cast) {
        (_, None) => bare(w, called, place),
        (Flavour::Postgres, Some(cast)) => {
            w.sql("(");
            bare(w, called, place)?;
            w.sql(")::").sql(cast.type_name);
            Ok(())
        }
        (Flavour::Sqlite, Some(cast)) => {
            let from = kind(&Place {
                cast: None,
                ..place.clone()
            });
            cast_on_sqlite(w, cast, from, &|w| bare(w, called, place))
        }
    }
}

/// What writes a value, whatever it is made of.
pub(crate) type Write<'w> = &'w dyn Fn(&mut Writer) -> Result<(), Refusal>;

/// A value of this kind as another type.
pub(crate) fn cast(
    w: &mut Writer,
    to: Cast,
    from: ColumnKind,
    value: Write<'_>,
) -> Result<(), Refusal> {
    if w.flavour() == Flavour::Sqlite {
        return cast_on_sqlite(w, to, from, value);
    }
    w.sql("(");
    value(w)?;
    w.sql(")::").sql(to.type_name);
    Ok(())
}

fn bare(w: &mut Writer, called: &str, place: &Place<'_>) -> Result<(), Refusal> {
    if place.path.is_empty() {
        w.column(called, &place.column.name);
        return Ok(());
    }
    match w.flavour() {
        Flavour::Postgres => {
            w.sql("(to_jsonb(")
                .column(called, &place.column.name)
                .sql(")");
            for (at, step) in place.path.iter().enumerate() {
                let last = at + 1 == place.path.len();
                w.sql(if last && place.as_text { "->>" } else { "->" });
                match step {
                    Step::Member(name) => w.text(name.as_str()),
                    Step::Element(number) => w.text(number.to_string()).sql("::integer"),
                };
            }
            w.sql(")");
        }
        Flavour::Sqlite if place.as_text => {
            let path = sqlite_path(place)?;
            let column = &place.column.name;
            // SQLite reads a document's `true` as 1, and its numbers as numbers.
            w.sql("(CASE json_type(").column(called, column).sql(", ");
            w.value(path.clone())
                .sql(") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ");
            w.sql("ELSE CAST(").column(called, column).sql(" ->> ");
            w.value(path).sql(" AS TEXT) END)");
        }
        Flavour::Sqlite => {
            let path = sqlite_path(place)?;
            w.sql("json_extract(")
                .column(called, &place.column.name)
                .sql(", ");
            w.value(path).sql(")");
        }
    }
    Ok(())
}

/// The way into a document as SQLite reads it.
pub(crate) fn sqlite_path(place: &Place<'_>) -> Result<Value, Refusal> {
    let mut path = String::from("$");
    for step in &place.path {
        match step {
            Step::Member(name) => sqlite_member(&mut path, name)?,
            Step::Element(number) if *number < 0 => path.push_str(&format!("[#{number}]")),
            Step::Element(number) => path.push_str(&format!("[{number}]")),
        }
    }
    Ok(Value::Text(path))
}

/// One step further, into a member.
///
/// # Errors
/// [`Refusal::Unavailable`] for a name that SQLite's paths cannot write.
pub(crate) fn sqlite_member(path: &mut String, name: &str) -> Result<(), Refusal> {
    if name.contains(['"', '\\', '\0']) {
        return Err(Refusal::Unavailable(
            "a member's name with a quote or a backslash is not found on SQLite".to_owned(),
        ));
    }
    path.push_str(".\"");
    path.push_str(name);
    path.push('"');
    Ok(())
}

/// The document at the end of a way, as one (`->` on SQLite).
pub(crate) fn sqlite_document(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
) -> Result<(), Refusal> {
    let path = sqlite_path(place)?;
    w.sql("(")
        .column(called, &place.column.name)
        .sql(" -> ")
        .value(path)
        .sql(")");
    Ok(())
}

fn cast_on_sqlite(
    w: &mut Writer,
    cast: Cast,
    source: ColumnKind,
    value: Write<'_>,
) -> Result<(), Refusal> {
    let (before, after) = match (cast.kind, source) {
        (ColumnKind::Text, ColumnKind::Bool) => ("iif(", ", 'true', 'false')"),
        (ColumnKind::Text | ColumnKind::Uuid, _) => ("CAST(", " AS TEXT)"),
        (ColumnKind::Int, ColumnKind::Real | ColumnKind::Numeric) => {
            ("CAST(round(", ") AS INTEGER)")
        }
        (ColumnKind::Int, _) => ("CAST(", " AS INTEGER)"),
        (ColumnKind::Real, _) => ("CAST(", " AS REAL)"),
        (ColumnKind::Numeric, _) => ("CAST(", " AS NUMERIC)"),
        (ColumnKind::Bool, ColumnKind::Text | ColumnKind::Json) => {
            ("(lower(", ") IN ('true', 't', '1', 'yes', 'on'))")
        }
        (ColumnKind::Bool, _) => ("(", " <> 0)"),
        (ColumnKind::Json, _) => ("", ""),
        (ColumnKind::Time, _) if cast.type_name == "date" => ("date(", ")"),
        (ColumnKind::Time, _) if cast.type_name == "time" => ("time(", ")"),
        _ => {
            let details = format!("SQLite has no cast to {}", cast.type_name);
            return Err(Refusal::Unavailable(details));
        }
    };
    // A false that is NULL would be text: `iif(NULL, …)` is its second value.
    if source == ColumnKind::Bool && cast.kind == ColumnKind::Text {
        w.sql("iif(");
        value(w)?;
        w.sql(" IS NULL, NULL, ");
        w.sql(before);
        value(w)?;
        w.sql(after).sql(")");
        return Ok(());
    }
    w.sql(before);
    value(w)?;
    w.sql(after);
    Ok(())
}

/// The value as a column of an answer, and what that column then holds.
pub(crate) fn top(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    form: Form,
) -> Result<Shape, Refusal> {
    if is_document_on_sqlite(w, place) {
        sqlite_document(w, called, place)?;
        return Ok(Shape::Document);
    }
    top_of(w, kind(place), form, &|w| scalar(w, called, place))
}

fn is_document_on_sqlite(w: &Writer, place: &Place<'_>) -> bool {
    let part = !place.path.is_empty() && !place.as_text;
    w.flavour() == Flavour::Sqlite && kind(place) == ColumnKind::Json && part
}

/// A value of this kind as a column of an answer, and what that column then holds.
pub(crate) fn top_of(
    w: &mut Writer,
    kind: ColumnKind,
    form: Form,
    value: Write<'_>,
) -> Result<Shape, Refusal> {
    match (w.flavour(), kind) {
        (Flavour::Sqlite, ColumnKind::Json | ColumnKind::Array) => {
            w.sql("(CASE WHEN json_valid(");
            value(w)?;
            w.sql(") THEN json(");
            value(w)?;
            w.sql(") WHEN ");
            value(w)?;
            w.sql(" IS NOT NULL THEN json_quote(");
            value(w)?;
            w.sql(") END)");
            Ok(Shape::Document)
        }
        (Flavour::Sqlite, _) | (_, ColumnKind::Int | ColumnKind::Bool) => {
            value(w)?;
            Ok(Shape::Plain(kind))
        }
        (Flavour::Postgres, ColumnKind::Text | ColumnKind::Uuid) => {
            w.sql("(");
            value(w)?;
            w.sql(")::text");
            Ok(Shape::Plain(ColumnKind::Text))
        }
        (Flavour::Postgres, _) if form == Form::Csv => {
            w.sql("(");
            value(w)?;
            w.sql(")::text");
            Ok(Shape::Plain(ColumnKind::Text))
        }
        (Flavour::Postgres, _) => {
            w.sql("to_json(");
            value(w)?;
            w.sql(")::text");
            Ok(Shape::Document)
        }
    }
}

/// The value within a document that SQL makes.
pub(crate) fn nested(w: &mut Writer, called: &str, place: &Place<'_>) -> Result<(), Refusal> {
    if is_document_on_sqlite(w, place) {
        w.sql("json(");
        sqlite_document(w, called, place)?;
        w.sql(")");
        return Ok(());
    }
    nested_of(w, kind(place), &|w| scalar(w, called, place))
}

/// A value of this kind within a document that SQL makes.
pub(crate) fn nested_of(w: &mut Writer, kind: ColumnKind, value: Write<'_>) -> Result<(), Refusal> {
    if w.flavour() == Flavour::Postgres {
        return value(w);
    }
    match kind {
        ColumnKind::Json | ColumnKind::Array => {
            w.sql("(CASE WHEN json_valid(");
            value(w)?;
            w.sql(") THEN json(");
            value(w)?;
            w.sql(") ELSE ");
            value(w)?;
            w.sql(" END)");
        }
        ColumnKind::Bool => {
            w.sql("json(CASE ");
            value(w)?;
            w.sql(" WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)");
        }
        ColumnKind::Bytes | ColumnKind::Other => {
            w.sql("(CASE typeof(");
            value(w)?;
            w.sql(") WHEN 'blob' THEN '\\x' || lower(hex(");
            value(w)?;
            w.sql(")) ELSE ");
            value(w)?;
            w.sql(" END)");
        }
        _ => value(w)?,
    }
    Ok(())
}
