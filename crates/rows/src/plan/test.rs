//! Tests of values as SQL, with the values as parameters. Not here: how tests are joined.

mod contain;

pub(crate) use contain::array;

use super::expression::{kind, scalar, sqlite_document};
use super::literal;
use super::refusal::Refusal;
use super::request::{Among, Comparison, Search, Test, Truth};
use super::tree::Place;
use super::writer::Writer;
use crate::engine::Flavour;
use crate::schema::ColumnKind;
use crate::sql::{LONGEST, is_narrow};
use crate::value::Value;
use serde_json::Value as Json;

/// Writes the test of what is in that place.
pub(crate) fn write(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    test: &Test,
) -> Result<(), Refusal> {
    match test {
        Test::Compare(comparison, Among::One(value)) => {
            compare(w, called, place, *comparison, value)
        }
        Test::Compare(comparison, Among::Any(values)) => {
            several(w, called, place, *comparison, values, (" OR ", "FALSE"))
        }
        Test::Compare(comparison, Among::All(values)) => {
            several(w, called, place, *comparison, values, (" AND ", "TRUE"))
        }
        Test::In(values) if values.is_empty() => {
            w.sql("FALSE");
            Ok(())
        }
        Test::In(values) => {
            w.sql("(");
            scalar(w, called, place)?;
            w.sql(" IN (");
            w.separated(", ", values, |w, value| operand(w, place, value))?;
            w.sql("))");
            Ok(())
        }
        Test::Is(truth) => is(w, called, place, *truth),
        Test::Distinct(value) => {
            w.sql("(");
            scalar(w, called, place)?;
            w.sql(" IS DISTINCT FROM ");
            operand(w, place, value)?;
            w.sql(")");
            Ok(())
        }
        Test::Contain(_, value) if w.flavour() == Flavour::Postgres && !is_narrow(value) => {
            let details = "a list or document to compare with has at most 64 elements".to_owned();
            Err(Refusal::Unavailable(details))
        }
        Test::Contain(how, value) => contain::write(w, called, place, *how, value),
        Test::Search {
            kind,
            language,
            words,
        } => search(w, called, place, *kind, language.as_deref(), words),
    }
}

/// Writes a value to compare what is in that place with.
fn operand(w: &mut Writer, place: &Place<'_>, value: &str) -> Result<(), Refusal> {
    if place.path.is_empty() && place.cast.is_none() {
        return literal::write(w, place.column, value);
    }
    if value.contains('\0') {
        return Err(literal::invalid(place.column, &value.replace('\0', "")));
    }
    match (w.flavour(), kind(place)) {
        (_, ColumnKind::Text) => {
            w.text(value);
        }
        (Flavour::Postgres, ColumnKind::Json) => {
            w.text(value).sql("::jsonb");
        }
        (Flavour::Postgres, _) => {
            w.text(value);
            if let Some(cast) = place.cast {
                w.sql("::").sql(cast.type_name);
            }
        }
        (Flavour::Sqlite, ColumnKind::Json) => {
            let document: Json =
                serde_json::from_str(value).map_err(|_| literal::invalid(place.column, value))?;
            w.value(match document {
                Json::Bool(truth) => Value::Int(i64::from(truth)),
                document @ (Json::Array(_) | Json::Object(_)) => Value::Text(document.to_string()),
                scalar => Value::from_json(scalar),
            });
        }
        (Flavour::Sqlite, _) => {
            w.text(value);
        }
    }
    Ok(())
}

fn several(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    comparison: Comparison,
    values: &[String],
    (between, none): (&str, &str),
) -> Result<(), Refusal> {
    if values.is_empty() {
        w.sql(none);
        return Ok(());
    }
    w.sql("(");
    w.separated(between, values, |w, value| {
        compare(w, called, place, comparison, value)
    })?;
    w.sql(")");
    Ok(())
}

fn compare(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    comparison: Comparison,
    value: &str,
) -> Result<(), Refusal> {
    let operator = match comparison {
        Comparison::Equal => " = ",
        Comparison::NotEqual => " <> ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        Comparison::Like
        | Comparison::LikeAnyCase
        | Comparison::Match
        | Comparison::MatchAnyCase => return pattern(w, called, place, comparison, value),
    };
    w.sql("(");
    scalar(w, called, place)?;
    w.sql(operator);
    operand(w, place, value)?;
    w.sql(")");
    Ok(())
}

fn pattern(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    comparison: Comparison,
    value: &str,
) -> Result<(), Refusal> {
    if value.contains('\0') {
        return Err(literal::invalid(place.column, &value.replace('\0', "")));
    }
    let likes = matches!(comparison, Comparison::Like | Comparison::LikeAnyCase);
    let escapes = value.len() - value.trim_end_matches('\\').len();
    if likes && escapes % 2 == 1 {
        return Err(Refusal::PatternInvalid);
    }
    if likes && w.flavour() == Flavour::Postgres && value.len() > LONGEST {
        return Err(Refusal::Unavailable(format!(
            "a pattern has at most {LONGEST} bytes"
        )));
    }
    let wild = value.replace('*', "%");
    let (operator, pattern, after) = match (w.flavour(), comparison) {
        (Flavour::Postgres, Comparison::Like) => (" LIKE ", wild, ""),
        (Flavour::Postgres, Comparison::LikeAnyCase) => (" ILIKE ", wild, ""),
        (Flavour::Postgres, Comparison::Match) => (" ~ ", value.to_owned(), ""),
        (Flavour::Postgres, _) => (" ~* ", value.to_owned(), ""),
        // LIKE of SQLite heeds no case; GLOB does.
        (Flavour::Sqlite, Comparison::Like) => (" GLOB ", glob(&wild), ""),
        (Flavour::Sqlite, Comparison::LikeAnyCase) => (" LIKE ", wild, " ESCAPE '\\'"),
        (Flavour::Sqlite, _) => {
            let details = "SQLite has no regular expressions".to_owned();
            return Err(Refusal::Unavailable(details));
        }
    };
    w.sql("(");
    scalar(w, called, place)?;
    w.sql(operator).text(pattern).sql(after).sql(")");
    Ok(())
}

/// A pattern of LIKE as GLOB has it.
fn glob(like: &str) -> String {
    let mut glob = String::with_capacity(like.len());
    let mut letters = like.chars();
    let literal = |glob: &mut String, letter: char| match letter {
        '*' | '?' | '[' => {
            glob.push('[');
            glob.push(letter);
            glob.push(']');
        }
        letter => glob.push(letter),
    };
    while let Some(letter) = letters.next() {
        match letter {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '\\' => literal(&mut glob, letters.next().unwrap_or('\\')),
            letter => literal(&mut glob, letter),
        }
    }
    glob
}

fn is(w: &mut Writer, called: &str, place: &Place<'_>, truth: Truth) -> Result<(), Refusal> {
    let sqlite = w.flavour() == Flavour::Sqlite;
    let after = match truth {
        Truth::Null => " IS NULL",
        Truth::NotNull => " IS NOT NULL",
        Truth::True => " IS TRUE",
        Truth::False => " IS FALSE",
        Truth::Unknown if sqlite => " IS NULL",
        Truth::Unknown => " IS UNKNOWN",
    };
    w.sql("(");
    // A JSON null in a document is a value, and not SQL's NULL.
    if sqlite && kind(place) == ColumnKind::Json && !place.path.is_empty() {
        sqlite_document(w, called, place)?;
    } else {
        scalar(w, called, place)?;
    }
    w.sql(after).sql(")");
    Ok(())
}

fn search(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Search,
    language: Option<&str>,
    words: &str,
) -> Result<(), Refusal> {
    if w.flavour() == Flavour::Sqlite {
        let details = "SQLite's tables have no text search".to_owned();
        return Err(Refusal::Unavailable(details));
    }
    if let Some(text) = [Some(words), language]
        .into_iter()
        .flatten()
        .find(|t| t.contains('\0'))
    {
        return Err(literal::invalid(place.column, &text.replace('\0', "")));
    }
    let language = |w: &mut Writer| {
        if let Some(language) = language {
            w.text(language).sql("::regconfig, ");
        }
    };
    w.sql("(");
    if kind(place) == ColumnKind::TextSearch {
        scalar(w, called, place)?;
    } else {
        w.sql("to_tsvector(");
        language(w);
        scalar(w, called, place)?;
        w.sql(")");
    }
    w.sql(match how {
        Search::Query => " @@ to_tsquery(",
        Search::Plain => " @@ plainto_tsquery(",
        Search::Phrase => " @@ phraseto_tsquery(",
        Search::Web => " @@ websearch_to_tsquery(",
    });
    language(w);
    w.text(words).sql("))");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_like_means_the_same_as_glob() {
        for (like, expected) in [
            ("a%b_", "a*b?"),
            ("100\\%", "100%"),
            ("\\_x\\", "_x\\"),
            ("[a]?*", "[[]a][?][*]"),
        ] {
            assert_eq!(glob(like), expected, "{like}");
        }
    }
}
