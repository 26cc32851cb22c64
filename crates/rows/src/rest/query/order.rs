//! `order`: `a.desc.nullslast,data->>b,rel(c).asc`.

use super::QueryError;
use super::cursor::Cursor;
use crate::plan::request::Order;

/// How many terms an order may have.
const MAX_TERMS: usize = 50;

/// The value of `order`.
pub(super) fn read(value: &str) -> Result<Vec<Order>, QueryError> {
    let mut cursor = Cursor::new("order", value);
    let mut terms = Vec::new();
    loop {
        terms.push(term(&mut cursor)?);
        if terms.len() > MAX_TERMS {
            return Err(QueryError::TooComplex("terms of an order"));
        }
        if !cursor.take(",") {
            break;
        }
    }
    cursor.end()?;
    Ok(terms)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Order, QueryError> {
    while cursor.take(" ") {}
    let name = cursor.name()?;
    let (relation, field) = if cursor.take("(") {
        let field = cursor.field()?;
        cursor.need(")")?;
        (Some(name), field)
    } else {
        (None, cursor.path(name)?)
    };
    let mut direction = None;
    let mut nulls_first = None;
    while cursor.take(".") {
        let word = cursor.while_in(|letter| letter.is_ascii_alphabetic());
        match (word.as_str(), direction, nulls_first) {
            ("asc", None, None) => direction = Some(false),
            ("desc", None, None) => direction = Some(true),
            ("nullsfirst", _, None) => nulls_first = Some(true),
            ("nullslast", _, None) => nulls_first = Some(false),
            _ => return Err(cursor.refusal("asc, desc, nullsfirst or nullslast")),
        }
    }
    Ok(Order {
        relation,
        field,
        descending: direction.unwrap_or(false),
        nulls_first,
    })
}
