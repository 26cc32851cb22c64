//! Tests of values as SQL, with the values as parameters. Not here: how tests are joined.

use super::expression::{kind, scalar, sqlite_document};
use super::literal;
use super::refusal::Refusal;
use super::request::{Among, Comparison, Containment, Search, Test, Truth};
use super::tree::Place;
use super::writer::Writer;
use crate::engine::Flavour;
use crate::schema::ColumnKind;
use crate::value::Value;
use serde_json::Value as Json;

/// How many elements a list may be compared by on SQLite, each with a search of its own.
const MAX_ELEMENTS: usize = 100;

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
        Test::Contain(how, value) => match w.flavour() {
            Flavour::Postgres => contain(w, called, place, *how, value),
            Flavour::Sqlite => contain_on_sqlite(w, called, place, *how, value),
        },
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

/// On SQLite a list is a JSON array of plain values.
fn contain_on_sqlite(
    w: &mut Writer,
    called: &str,
    place: &Place<'_>,
    how: Containment,
    value: &str,
) -> Result<(), Refusal> {
    let is_list = matches!(kind(place), ColumnKind::Json | ColumnKind::Array);
    let known = matches!(
        how,
        Containment::Contains | Containment::ContainedIn | Containment::Overlaps
    );
    if !is_list || !known {
        let details = "SQLite has neither ranges nor their operators".to_owned();
        return Err(Refusal::Unavailable(details));
    }
    let elements = elements(value).ok_or_else(|| literal::invalid(place.column, value))?;
    if elements.len() > MAX_ELEMENTS {
        return Err(Refusal::TooComplex("values in a list"));
    }
    let each = |w: &mut Writer| -> Result<(), Refusal> {
        w.sql("FROM json_each(");
        scalar(w, called, place)?;
        w.sql(") WHERE CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ");
        w.sql("ELSE CAST(value AS TEXT) END");
        Ok(())
    };
    let list = |w: &mut Writer| {
        w.sql(" IN (");
        w.separated(", ", &elements, |w, element| {
            w.text(element.as_str());
            Ok::<_, Refusal>(())
        })?;
        w.sql(")");
        Ok::<_, Refusal>(())
    };
    w.sql("(CASE WHEN json_valid(");
    scalar(w, called, place)?;
    w.sql(") THEN json_type(");
    scalar(w, called, place)?;
    w.sql(") END = 'array' AND ");
    match how {
        Containment::Contains => {
            w.sql("TRUE");
            for element in &elements {
                w.sql(" AND EXISTS (SELECT 1 ");
                each(w)?;
                w.sql(" = ").text(element.as_str()).sql(")");
            }
        }
        Containment::ContainedIn => {
            w.sql("NOT EXISTS (SELECT 1 ");
            each(w)?;
            w.sql(" NOT");
            list(w)?;
            w.sql(")");
        }
        _ => {
            w.sql("EXISTS (SELECT 1 ");
            each(w)?;
            list(w)?;
            w.sql(")");
        }
    }
    w.sql(")");
    Ok(())
}

/// The elements of `{a,"b c"}` or `["a", 1]`, as SQLite writes them as texts.
fn elements(value: &str) -> Option<Vec<String>> {
    if value.trim_start().starts_with('[') {
        let list: Vec<Json> = serde_json::from_str(value).ok()?;
        let plain = list.into_iter().map(|element| match element {
            Json::String(text) => Some(text),
            Json::Bool(truth) => Some(truth.to_string()),
            Json::Number(number) => Some(number.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        });
        return plain.collect();
    }
    array(value)
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
