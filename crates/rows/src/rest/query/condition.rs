//! Conditions: `eq.1`, `not.in.(1,2)`, `(a.eq.1,or(b.is.null,c.gt.2))`.

use super::cursor::Cursor;
use super::{MAX_DEPTH, MAX_LIST, QueryError};
use crate::plan::request::{Among, Comparison, Condition, Containment, Field, Search, Test, Truth};
use crate::plan::test::array;

/// How many values `any` and `all` may have: each is a comparison of its own.
const MAX_COMPARED: usize = 100;

/// The value of a filter's parameter: all of it is the value tested for.
pub(super) fn filter(field: Field, value: &str) -> Result<Condition, QueryError> {
    let mut cursor = Cursor::new("filter", value);
    let condition = tested(&mut cursor, field, Ends::WithTheText)?;
    cursor.end()?;
    Ok(condition)
}

/// The value of `and`, `or`, `not.and` or `not.or`.
pub(super) fn logic(all: bool, not: bool, value: &str) -> Result<Condition, QueryError> {
    let mut cursor = Cursor::new("logic tree", value);
    let condition = list(&mut cursor, all, not, 1)?;
    cursor.end()?;
    Ok(condition)
}

/// Where a value ends.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    WithTheText,
    AtCommaOrParenthesis,
}

fn list(
    cursor: &mut Cursor<'_>,
    all: bool,
    not: bool,
    depth: usize,
) -> Result<Condition, QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::TooComplex("conditions in each other"));
    }
    cursor.need("(")?;
    let mut conditions = Vec::new();
    loop {
        conditions.push(one(cursor, depth)?);
        if conditions.len() > MAX_LIST {
            return Err(QueryError::TooComplex("conditions"));
        }
        if !cursor.take(",") {
            break;
        }
    }
    cursor.need(")")?;
    let joined = if all {
        Condition::All(conditions)
    } else {
        Condition::Any(conditions)
    };
    Ok(negated(joined, not))
}

fn one(cursor: &mut Cursor<'_>, depth: usize) -> Result<Condition, QueryError> {
    while cursor.take(" ") {}
    for (word, all, not) in [
        ("and(", true, false),
        ("or(", false, false),
        ("not.and(", true, true),
        ("not.or(", false, true),
    ] {
        if cursor.rest().starts_with(word) {
            for _ in 1..word.len() {
                cursor.next();
            }
            return list(cursor, all, not, depth + 1);
        }
    }
    let field = cursor.field()?;
    cursor.need(".")?;
    tested(cursor, field, Ends::AtCommaOrParenthesis)
}

fn negated(condition: Condition, not: bool) -> Condition {
    if not {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

fn tested(cursor: &mut Cursor<'_>, field: Field, ends: Ends) -> Result<Condition, QueryError> {
    let not = cursor.take("not.");
    let test = test(cursor, ends)?;
    Ok(negated(Condition::Test(field, test), not))
}

fn test(cursor: &mut Cursor<'_>, ends: Ends) -> Result<Test, QueryError> {
    let mut before = cursor.clone();
    let operator = cursor.while_in(|letter| letter.is_ascii_alphabetic());
    if let Some(comparison) = comparison(&operator) {
        return compared(cursor, comparison, ends);
    }
    if let Some(kind) = search(&operator) {
        let language = cursor.take("(").then(|| {
            let language = cursor.while_in(|letter| letter != ')' && !letter.is_control());
            cursor.need(")").map(|()| language)
        });
        cursor.need(".")?;
        return Ok(Test::Search {
            kind,
            language: language.transpose()?,
            words: value(cursor, ends)?,
        });
    }
    let containment = containment(&operator);
    match (operator.as_str(), containment) {
        (_, Some(how)) => {
            cursor.need(".")?;
            value(cursor, ends).map(|value| Test::Contain(how, value))
        }
        ("in", _) => {
            cursor.need(".")?;
            values(cursor).map(Test::In)
        }
        ("is", _) => {
            cursor.need(".")?;
            truth(cursor).map(Test::Is)
        }
        ("isdistinct", _) => {
            cursor.need(".")?;
            value(cursor, ends).map(Test::Distinct)
        }
        _ => Err(before.refusal("an operator (eq, gt, …)")),
    }
}

fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "eq" => Comparison::Equal,
        "neq" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        "like" => Comparison::Like,
        "ilike" => Comparison::LikeAnyCase,
        "match" => Comparison::Match,
        "imatch" => Comparison::MatchAnyCase,
        _ => return None,
    })
}

fn search(operator: &str) -> Option<Search> {
    Some(match operator {
        "fts" => Search::Query,
        "plfts" => Search::Plain,
        "phfts" => Search::Phrase,
        "wfts" => Search::Web,
        _ => return None,
    })
}

fn containment(operator: &str) -> Option<Containment> {
    Some(match operator {
        "cs" => Containment::Contains,
        "cd" => Containment::ContainedIn,
        "ov" => Containment::Overlaps,
        "sl" => Containment::StrictlyLeft,
        "sr" => Containment::StrictlyRight,
        "nxr" => Containment::NotRightOf,
        "nxl" => Containment::NotLeftOf,
        "adj" => Containment::Adjacent,
        _ => return None,
    })
}

fn compared(
    cursor: &mut Cursor<'_>,
    comparison: Comparison,
    ends: Ends,
) -> Result<Test, QueryError> {
    let among = if cursor.take("(any).") {
        Among::Any(braced(cursor, ends)?)
    } else if cursor.take("(all).") {
        Among::All(braced(cursor, ends)?)
    } else {
        cursor.need(".")?;
        Among::One(value(cursor, ends)?)
    };
    Ok(Test::Compare(comparison, among))
}

fn braced(cursor: &mut Cursor<'_>, ends: Ends) -> Result<Vec<String>, QueryError> {
    let mut before = cursor.clone();
    let list = array(&value(cursor, ends)?).ok_or_else(|| before.refusal("a list in braces"))?;
    if list.len() > MAX_COMPARED {
        return Err(QueryError::TooComplex("values in a list"));
    }
    Ok(list)
}

/// One value. Alone it is the whole text as it is; among others it may be quoted, or a list in
/// braces with commas of its own.
fn value(cursor: &mut Cursor<'_>, ends: Ends) -> Result<String, QueryError> {
    if ends == Ends::WithTheText {
        return Ok(cursor.while_in(|_| true));
    }
    if cursor.peek() == Some('{') {
        let text = braces(cursor)?;
        return Ok(text);
    }
    element(cursor)
}

/// A text in braces, with its braces; quotes within it keep theirs.
fn braces(cursor: &mut Cursor<'_>) -> Result<String, QueryError> {
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut quoted = false;
    while let Some(letter) = cursor.next() {
        text.push(letter);
        match letter {
            '\\' => text.extend(cursor.next()),
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Ok(text);
                }
            }
            _ => {}
        }
    }
    Err(cursor.refusal("a closing brace"))
}

/// `(a,"b,c")`
fn values(cursor: &mut Cursor<'_>) -> Result<Vec<String>, QueryError> {
    cursor.need("(")?;
    if cursor.take(")") {
        return Ok(Vec::new());
    }
    let mut values = Vec::new();
    loop {
        values.push(element(cursor)?);
        if !cursor.take(",") {
            break;
        }
    }
    cursor.need(")")?;
    if values.len() > MAX_LIST {
        return Err(QueryError::TooComplex("values in a list"));
    }
    Ok(values)
}

/// A value up to a comma or a parenthesis, quoted if it has one of its own. A quote that does
/// not close there is a character like others.
fn element(cursor: &mut Cursor<'_>) -> Result<String, QueryError> {
    let mut ahead = cursor.clone();
    if let Ok(Some(text)) = ahead.quoted()
        && matches!(ahead.peek(), None | Some(',' | ')'))
    {
        *cursor = ahead;
        return Ok(text);
    }
    Ok(cursor.while_in(|letter| letter != ',' && letter != ')'))
}

fn truth(cursor: &mut Cursor<'_>) -> Result<Truth, QueryError> {
    let mut before = cursor.clone();
    let word = cursor.while_in(|letter| letter.is_ascii_alphabetic() || letter == '_');
    Ok(match word.to_ascii_lowercase().as_str() {
        "null" => Truth::Null,
        "not_null" => Truth::NotNull,
        "true" => Truth::True,
        "false" => Truth::False,
        "unknown" => Truth::Unknown,
        _ => return Err(before.refusal("null, not_null, true, false or unknown")),
    })
}
