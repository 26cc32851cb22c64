//! Lists, ranges and documents beside others. On SQLite a list is a JSON array.

mod document;

use super::operand;
use crate::engine::Flavour;
use crate::plan::expression::{kind, scalar};
use crate::plan::literal;
use crate::plan::refusal::Refusal;
use crate::plan::request::Containment;
use crate::plan::tree::Place;
use crate::plan::writer::Writer;
use crate::schema::ColumnKind;
use serde_json::Value as Json;

/// Writes it.
pub(super) fn write(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Containment,
    value: &str,
) -> Result<(), Refusal> {
    match w.flavour() {
        Flavour::Postgres => contain(w, called, place, how, value),
        Flavour::Sqlite => contain_on_sqlite(w, called, place, how, value),
    }
}

fn contain(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Containment,
    value: &str,
) -> Result<(), Refusal> {
    if kind(place) == ColumnKind::Json {
        return contain_in_document(w, called, place, how, value);
    }
    w.sql("(");
    scalar(w, called, place)?;
    w.sql(match how {
        Containment::Contains => " @> ",
        Containment::ContainedIn => " <@ ",
        Containment::Overlaps => " && ",
        Containment::StrictlyLeft => " << ",
        Containment::StrictlyRight => " >> ",
        Containment::NotRightOf => " &< ",
        Containment::NotLeftOf => " &> ",
        Containment::Adjacent => " -|- ",
    });
    operand(w, place, value)?;
    w.sql(")");
    Ok(())
}

/// On PostgreSQL, of a document: lists are written as clients write them for either engine.
fn contain_in_document(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Containment,
    value: &str,
) -> Result<(), Refusal> {
    let document = document(value).ok_or_else(|| literal::invalid(place.column, value))?;
    literal::refuse_nul_within(place.column, &document)?;
    let operator = match how {
        Containment::Contains => " @> ",
        Containment::ContainedIn => " <@ ",
        Containment::Overlaps => {
            w.sql("EXISTS (SELECT 1 FROM jsonb_array_elements(CASE jsonb_typeof(to_jsonb(");
            scalar(w, called, place)?;
            w.sql(")) WHEN 'array' THEN to_jsonb(");
            scalar(w, called, place)?;
            w.sql(") ELSE '[]' END) AS \"~\"(value) WHERE ");
            w.text(document.to_string()).sql("::jsonb @> \"~\".value)");
            return Ok(());
        }
        _ => {
            let details = "documents are no ranges".to_owned();
            return Err(Refusal::Unavailable(details));
        }
    };
    w.sql("(to_jsonb(");
    scalar(w, called, place)?;
    w.sql(")")
        .sql(operator)
        .text(document.to_string())
        .sql("::jsonb)");
    Ok(())
}

/// A document, or a list in PostgreSQL's form as one.
fn document(value: &str) -> Option<Json> {
    if let Ok(document) = serde_json::from_str(value) {
        return Some(document);
    }
    let scalar = |element: String| match serde_json::from_str(&element) {
        Ok(scalar @ (Json::Number(_) | Json::Bool(_))) => scalar,
        _ => Json::from(element),
    };
    let elements = array(value)?.into_iter().map(scalar);
    Some(Json::Array(elements.collect()))
}

/// On SQLite a list is a JSON array.
fn contain_on_sqlite(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Containment,
    value: &str,
) -> Result<(), Refusal> {
    let is_document = matches!(kind(place), ColumnKind::Json | ColumnKind::Array);
    let how = match how {
        Containment::Contains => document::How::Contains,
        Containment::ContainedIn => document::How::ContainedIn,
        Containment::Overlaps => document::How::Overlaps,
        _ => return Err(no_ranges()),
    };
    if !is_document {
        return Err(no_ranges());
    }
    let other = document(value).ok_or_else(|| literal::invalid(place.column, value))?;
    literal::refuse_nul_within(place.column, &other)?;
    document::write(w, called, place, how, &other)
}

fn no_ranges() -> Refusal {
    Refusal::Unavailable("SQLite has neither ranges nor their operators".to_owned())
}

/// The elements of PostgreSQL's form of a list, `{a,"b c"}`, not nested.
pub(crate) fn array(value: &str) -> Option<Vec<String>> {
    let inside = value.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut letters = inside.chars().peekable();
    if inside.trim().is_empty() {
        return Some(elements);
    }
    loop {
        let mut element = String::new();
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.next_if_eq(&'"').is_some() {
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => element.push(letters.next()?),
                    letter => element.push(letter),
                }
            }
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        } else {
            while let Some(letter) = letters.next_if(|&letter| letter != ',') {
                match letter {
                    '{' | '}' | '"' => return None,
                    '\\' => element.push(letters.next()?),
                    letter => element.push(letter),
                }
            }
            element.truncate(element.trim_end().len());
        }
        elements.push(element);
        match letters.next() {
            None => return Some(elements),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_its_quotes() {
        for (text, expected) in [
            ("{}", Some(vec![])),
            ("{a, b}", Some(vec!["a", "b"])),
            (r#"{"a,b",c\,d,"e\"f"}"#, Some(vec!["a,b", "c,d", "e\"f"])),
            ("{a,}", Some(vec!["a", ""])),
            ("{\"a\"b}", None),
            ("{{a}}", None),
            ("{\"a}", None),
            ("a,b", None),
        ] {
            assert_eq!(
                array(text),
                expected.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>()),
                "{text}"
            );
        }
    }
}
