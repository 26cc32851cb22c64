//! `select`: fields, casts, and embedded tables in each other.

use super::cursor::Cursor;
use super::{MAX_DEPTH, QueryError};
use crate::plan::request::{Embed, Field, Function, Item, Read};

/// How many items a selection may have, over all that is embedded.
const MAX_ITEMS: usize = 500;

/// How many columns `columns` and `on_conflict` may name.
const MAX_NAMES: usize = 500;

/// The longest alias, bytes: each row of an answer has it.
const MAX_ALIAS: usize = 128;

/// The value of `select`.
pub(super) fn read(value: &str) -> Result<Vec<Item>, QueryError> {
    let mut cursor = Cursor::new("select parameter", value);
    let mut left = MAX_ITEMS;
    let items = items(&mut cursor, 0, &mut left)?;
    cursor.end()?;
    Ok(items)
}

/// The value of `columns` or `on_conflict`.
pub(super) fn names(value: &str) -> Result<Vec<String>, QueryError> {
    let mut cursor = Cursor::new("columns parameter", value);
    let mut names: Vec<String> = Vec::new();
    if value.is_empty() {
        return Ok(names);
    }
    loop {
        let name = cursor.name()?;
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() > MAX_NAMES {
            return Err(QueryError::TooComplex("columns"));
        }
        if !cursor.take(",") {
            break;
        }
    }
    cursor.end()?;
    Ok(names)
}

fn items(cursor: &mut Cursor<'_>, depth: usize, left: &mut usize) -> Result<Vec<Item>, QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::TooComplex("tables embedded in each other"));
    }
    let mut items = Vec::new();
    if matches!(cursor.peek(), None | Some(')')) {
        return Ok(items);
    }
    loop {
        *left = left
            .checked_sub(1)
            .ok_or(QueryError::TooComplex("selected values"))?;
        while cursor.take(" ") {}
        items.push(item(cursor, depth, left)?);
        while cursor.take(" ") {}
        if !cursor.take(",") {
            return Ok(items);
        }
    }
}

fn item(cursor: &mut Cursor<'_>, depth: usize, left: &mut usize) -> Result<Item, QueryError> {
    if cursor.take("*") {
        return Ok(Item::All);
    }
    let spread = cursor.take("...");
    let mut name = cursor.name()?;
    let mut alias = None;
    if !cursor.rest().starts_with("::") && cursor.take(":") {
        if name.len() > MAX_ALIAS {
            return Err(QueryError::TooComplex("characters in an alias"));
        }
        alias = Some(std::mem::replace(&mut name, cursor.name()?));
    }
    if !spread && name == "count" && cursor.take("()") {
        return Ok(Item::Aggregate {
            function: Function::Count,
            of: None,
            taken_as: None,
            alias,
            cast: cast(cursor)?,
        });
    }
    match cursor.peek() {
        Some('(' | '!') => {
            let embed = embed(cursor, name, alias, depth, left)?;
            Ok(Item::Embed(Box::new(Embed { spread, ..embed })))
        }
        _ if spread => Err(cursor.refusal("an embedded table")),
        _ => field(cursor, name, alias),
    }
}

fn field(cursor: &mut Cursor<'_>, name: String, alias: Option<String>) -> Result<Item, QueryError> {
    let field: Field = cursor.path(name)?;
    let cast_to = cast(cursor)?;
    if !cursor.take(".") {
        return Ok(Item::Field {
            field,
            alias,
            cast: cast_to,
        });
    }
    let mut before = cursor.clone();
    let name = cursor.while_in(|letter| letter.is_ascii_alphabetic());
    let function = Function::ALL.into_iter().find(|one| one.name() == name);
    let function = function.ok_or_else(|| before.refusal("count, sum, avg, min or max"))?;
    cursor.need("()")?;
    Ok(Item::Aggregate {
        function,
        of: Some(field),
        taken_as: cast_to,
        alias,
        cast: cast(cursor)?,
    })
}

/// `::type`, if it comes next.
fn cast(cursor: &mut Cursor<'_>) -> Result<Option<String>, QueryError> {
    if !cursor.take("::") {
        return Ok(None);
    }
    let cast = cursor.while_in(|letter| letter.is_alphanumeric() || " _".contains(letter));
    match cast.trim() {
        "" => Err(cursor.refusal("a type")),
        cast => Ok(Some(cast.to_owned())),
    }
}

fn embed(
    cursor: &mut Cursor<'_>,
    target: String,
    alias: Option<String>,
    depth: usize,
    left: &mut usize,
) -> Result<Embed, QueryError> {
    let mut hint = None;
    let mut inner = false;
    while cursor.take("!") {
        match cursor.name()?.as_str() {
            "inner" => inner = true,
            "left" => inner = false,
            name if hint.is_none() => hint = Some(name.to_owned()),
            _ => return Err(cursor.refusal("one hint")),
        }
    }
    cursor.need("(")?;
    let select = items(cursor, depth + 1, left)?;
    cursor.need(")")?;
    Ok(Embed {
        target,
        alias,
        hint,
        inner,
        spread: false,
        read: Read {
            select,
            ..Read::default()
        },
    })
}
