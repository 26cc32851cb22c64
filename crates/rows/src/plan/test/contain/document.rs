//! A document beside another on SQLite, as `@>` and `<@` of PostgreSQL's jsonb have it: an
//! object by its members, a list by its elements in any order, a plain value by itself. The
//! other document is known, and becomes one condition for each value in it.

use crate::plan::expression::{sqlite_member, sqlite_path};
use crate::plan::refusal::Refusal;
use crate::plan::tree::Place;
use crate::plan::writer::Writer;
use crate::value::Value;
use serde_json::{Map, Value as Json};

/// How many values the other document may have, each with a search of its own.
const MAX_VALUES: usize = 100;

/// How deep they may be nested: SQLite bounds the depth of an expression.
const MAX_DEPTH: usize = 10;

/// How the documents compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// The other is within this one.
    Contains,
    /// This one is within the other.
    ContainedIn,
    /// Some element of this one is within the other.
    Overlaps,
}

/// Writes it: NULL where there is no document.
pub(super) fn write(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: How,
    other: &Json,
) -> Result<(), Refusal> {
    if values(other, MAX_DEPTH).is_none_or(|values| values > MAX_VALUES) {
        return Err(Refusal::TooComplex("values in a list"));
    }
    let Value::Text(path) = sqlite_path(place)? else {
        return Err(Refusal::TooComplex("steps into a document"));
    };
    let spot = Spot {
        table: called.to_owned(),
        at: At::Path {
            column: place.column.name.clone(),
            path,
        },
    };
    // What is no JSON, which SQLite does not keep out of the column, is no document.
    w.sql("(CASE WHEN json_valid(")
        .column(called, &place.column.name)
        .sql(") AND ");
    spot.kind(w);
    w.sql(" IS NOT NULL THEN ");
    whole(w, &spot, how, other)?;
    w.sql(" END)");
    Ok(())
}

/// How many values there are, or `None` where they are nested too deep.
fn values(of: &Json, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let inner = match of {
        Json::Array(elements) => elements.iter().map(|one| values(one, depth)).sum(),
        Json::Object(members) => members.values().map(|one| values(one, depth)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Some(0),
    };
    inner.map(|inner: usize| inner + 1)
}

/// Only here, and not further in, is a plain value within a list that has it.
fn whole(w: &mut Writer, spot: &Spot, how: How, other: &Json) -> Result<(), Refusal> {
    match (how, other) {
        (How::Contains, Json::Array(_) | Json::Object(_)) => contains(w, spot, other),
        (How::Contains, plain) => {
            w.sql("(");
            is_one(w, spot, &[plain]);
            w.sql(" OR ");
            contains(w, spot, &Json::Array(vec![plain.clone()]))?;
            w.sql(")");
            Ok(())
        }
        (How::ContainedIn, Json::Array(elements)) => {
            w.sql("(");
            is_within(w, spot, other)?;
            w.sql(" OR ");
            let plain: Vec<&Json> = elements.iter().filter(|one| is_plain(one)).collect();
            is_one(w, spot, &plain);
            w.sql(")");
            Ok(())
        }
        (How::ContainedIn, _) => is_within(w, spot, other),
        (How::Overlaps, _) => when(w, spot, "array", |w| {
            w.sql("EXISTS (SELECT 1 FROM ");
            let element = spot.each(w);
            w.sql(" WHERE ");
            whole(w, &element, How::ContainedIn, other)?;
            w.sql(")");
            Ok(())
        }),
    }
}

const fn is_plain(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// This where the spot is of that kind, and false elsewhere. CASE keeps the order, in which
/// nothing that is no document is read as one.
fn when(
    w: &mut Writer,
    spot: &Spot,
    kind: &str,
    then: impl FnOnce(&mut Writer) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    w.sql("CASE ");
    spot.kind(w);
    w.sql(" WHEN '").sql(kind).sql("' THEN ");
    then(w)?;
    w.sql(" ELSE FALSE END");
    Ok(())
}

fn contains(w: &mut Writer, spot: &Spot, other: &Json) -> Result<(), Refusal> {
    match other {
        Json::Object(members) => when(w, spot, "object", |w| {
            w.sql("TRUE");
            members.iter().try_for_each(|(name, member)| {
                w.sql(" AND ");
                contains(w, &spot.member(name)?, member)
            })
        }),
        Json::Array(elements) => when(w, spot, "array", |w| {
            w.sql("TRUE");
            elements.iter().try_for_each(|wanted| {
                w.sql(" AND EXISTS (SELECT 1 FROM ");
                let element = spot.each(w);
                w.sql(" WHERE ");
                contains(w, &element, wanted)?;
                w.sql(")");
                Ok(())
            })
        }),
        plain => {
            is_one(w, spot, &[plain]);
            Ok(())
        }
    }
}

fn is_within(w: &mut Writer, spot: &Spot, other: &Json) -> Result<(), Refusal> {
    match other {
        Json::Object(members) => when(w, spot, "object", |w| {
            none(w, spot, |w, element| member_is_within(w, element, members))
        }),
        Json::Array(elements) => when(w, spot, "array", |w| {
            none(w, spot, |w, element| {
                let (plain, further): (Vec<&Json>, Vec<&Json>) =
                    elements.iter().partition(|one| is_plain(one));
                w.sql("(");
                is_one(w, element, &plain);
                for one in further {
                    w.sql(" OR ");
                    is_within(w, element, one)?;
                }
                w.sql(")");
                Ok(())
            })
        }),
        plain => {
            is_one(w, spot, &[plain]);
            Ok(())
        }
    }
}

/// There is none in the spot of which this is not so.
fn none(
    w: &mut Writer,
    spot: &Spot,
    so: impl FnOnce(&mut Writer, &Spot) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    w.sql("NOT EXISTS (SELECT 1 FROM ");
    let element = spot.each(w);
    w.sql(" WHERE NOT ");
    so(w, &element)?;
    w.sql(")");
    Ok(())
}

fn member_is_within(
    w: &mut Writer,
    member: &Spot,
    others: &Map<String, Json>,
) -> Result<(), Refusal> {
    if others.is_empty() {
        w.sql("FALSE");
        return Ok(());
    }
    w.sql("CASE ");
    member.key(w);
    for (name, other) in others {
        w.sql(" WHEN ").text(name.as_str()).sql(" THEN ");
        is_within(w, member, other)?;
    }
    w.sql(" ELSE FALSE END");
    Ok(())
}

/// One of these plain values, of the same kind.
fn is_one(w: &mut Writer, spot: &Spot, plain: &[&Json]) {
    let texts = plain.iter().filter(|one| one.is_string());
    let numbers = plain.iter().filter(|one| one.is_number());
    let (texts, numbers): (Vec<_>, Vec<_>) = (texts.collect(), numbers.collect());
    w.sql("CASE ");
    spot.kind(w);
    for (kind, values) in [("text", &texts), ("integer", &numbers), ("real", &numbers)] {
        if values.is_empty() {
            continue;
        }
        w.sql(" WHEN '").sql(kind).sql("' THEN ");
        spot.plain(w);
        w.sql(" IN (");
        for (at, value) in values.iter().enumerate() {
            w.sql(if at > 0 { ", " } else { "" });
            w.value(Value::from_json((**value).clone()));
        }
        w.sql(")");
    }
    for (kind, value) in [
        ("true", Json::Bool(true)),
        ("false", Json::Bool(false)),
        ("null", Json::Null),
    ] {
        let is_there = plain.contains(&&value);
        w.sql(" WHEN '").sql(kind).sql("' THEN ");
        w.sql(if is_there { "TRUE" } else { "FALSE" });
    }
    w.sql(" ELSE FALSE END");
}

/// A value somewhere in a document.
struct Spot {
    table: String,
    at: At,
}

enum At {
    /// At the end of a path in the document of a column.
    Path { column: String, path: String },
    /// In a row of `json_each`, which the table is.
    Row,
}

impl Spot {
    /// Its kind as SQLite names it; NULL where there is nothing.
    fn kind(&self, w: &mut Writer) {
        match self.at {
            At::Path { .. } => self.call(w, "json_type"),
            At::Row => {
                w.column(&self.table, "type");
            }
        }
    }

    /// It, where it is a text or a number.
    fn plain(&self, w: &mut Writer) {
        match self.at {
            At::Path { .. } => self.call(w, "json_extract"),
            At::Row => {
                w.column(&self.table, "atom");
            }
        }
    }

    /// Its name, where it is a row.
    fn key(&self, w: &mut Writer) {
        match self.at {
            At::Path { .. } => {
                w.sql("NULL");
            }
            At::Row => {
                w.column(&self.table, "key");
            }
        }
    }

    /// What is in it, each in a row.
    fn each(&self, w: &mut Writer) -> Self {
        self.call(w, "json_each");
        let table = w.alias();
        w.sql(" AS ").name(&table);
        Self { table, at: At::Row }
    }

    fn member(&self, name: &str) -> Result<Self, Refusal> {
        let (column, path) = self.way();
        let (column, mut path) = (column.to_owned(), path.to_owned());
        sqlite_member(&mut path, name)?;
        Ok(Self {
            table: self.table.clone(),
            at: At::Path { column, path },
        })
    }

    fn call(&self, w: &mut Writer, function: &str) {
        let (column, path) = self.way();
        w.sql(function).sql("(").column(&self.table, column);
        w.sql(", ").text(path).sql(")");
    }

    /// The document that it is in, and the path there.
    fn way(&self) -> (&str, &str) {
        match &self.at {
            At::Path { column, path } => (column, path),
            At::Row => ("value", "$"),
        }
    }
}
