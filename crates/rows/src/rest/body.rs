//! A body as columns and rows: JSON, comma-separated values, or a form. Not here: whether
//! there are such columns.

use super::csv;
use super::error::Refusal;
use doorward_surface::pairs;
use http::{HeaderMap, header};
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// The most rows of one body.
const MAX_ROWS: usize = 20_000;

/// The most values of one body, those that are left out with them: more than JSON of 1 MiB
/// has. What is not written down takes room here as what is.
const MAX_VALUES: usize = 1 << 18;

/// Rows that a body gives.
#[derive(PartialEq, Debug, Default)]
pub(super) struct Given {
    /// The columns.
    pub(super) columns: Vec<String>,
    /// What each row has; of other columns nothing is read.
    pub(super) rows: Vec<Map<String, Json>>,
}

const TOO_MANY: Refusal = Refusal::Body("The body has too many rows and columns");

/// The rows of a body; of other columns than these, where they are named, nothing is read.
///
/// # Errors
/// [`Refusal::Body`].
pub(super) fn rows(
    headers: &HeaderMap,
    body: &[u8],
    columns: Option<&[String]>,
) -> Result<Given, Refusal> {
    let objects = objects(headers, body)?;
    if objects.len() > MAX_ROWS {
        return Err(Refusal::Body("The body has too many rows"));
    }
    let columns = match (columns, objects.first()) {
        (Some(columns), _) => columns.to_vec(),
        (None, None) => Vec::new(),
        (None, Some(first)) => {
            let names: BTreeSet<&String> = first.keys().collect();
            let same = |object: &Map<String, Json>| object.keys().collect::<BTreeSet<_>>() == names;
            if !objects.iter().all(same) {
                return Err(Refusal::Body("All object keys must match"));
            }
            first.keys().cloned().collect()
        }
    };
    if objects.len().saturating_mul(columns.len()) > MAX_VALUES {
        return Err(TOO_MANY);
    }
    Ok(Given {
        rows: objects,
        columns,
    })
}

/// The one object of a body.
///
/// # Errors
/// [`Refusal::Body`].
pub(super) fn object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Json>, Refusal> {
    let mut objects = objects(headers, body)?.into_iter();
    match (objects.next(), objects.next()) {
        (only, None) => Ok(only.unwrap_or_default()),
        (_, Some(_)) => Err(Refusal::Body("The body must be one object")),
    }
}

fn objects(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Map<String, Json>>, Refusal> {
    let value = headers.get(header::CONTENT_TYPE);
    let media = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    match media.to_ascii_lowercase().as_str() {
        "" | "application/json" | "application/vnd.pgrst.object+json" => of_json(body),
        "text/csv" => of_csv(body),
        // curl says so of any body.
        "application/x-www-form-urlencoded" => match body.trim_ascii_start().first() {
            Some(b'{' | b'[') => of_json(body),
            _ => of_form(body),
        },
        _ => Err(Refusal::Body("Content-Type not acceptable")),
    }
}

fn of_json(body: &[u8]) -> Result<Vec<Map<String, Json>>, Refusal> {
    let value: Json =
        serde_json::from_slice(body).map_err(|_| Refusal::Body("Empty or invalid json"))?;
    let elements = match value {
        Json::Object(object) => return Ok(vec![object]),
        Json::Array(elements) => elements,
        _ => {
            return Err(Refusal::Body(
                "The body must be an object or a list of them",
            ));
        }
    };
    let objects = elements.into_iter().map(|element| match element {
        Json::Object(object) => Ok(object),
        _ => Err(Refusal::Body(
            "The body must be an object or a list of them",
        )),
    });
    objects.collect()
}

fn of_csv(body: &[u8]) -> Result<Vec<Map<String, Json>>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::Body("The body is no UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match csv::read(text, MAX_VALUES) {
        Ok(rows) => rows,
        Err(csv::Invalid::Malformed) => return Err(Refusal::Body("The body is no valid CSV")),
        Err(csv::Invalid::TooMany) => return Err(TOO_MANY),
    };
    let mut rows = rows.into_iter();
    let names = rows.next().unwrap_or_default();
    let objects = rows.map(|row| {
        if row.len() != names.len() {
            return Err(Refusal::Body("All lines must have same number of fields"));
        }
        let values = row.into_iter().map(|field| match field {
            csv::Field { value, quoted } if value == "NULL" && !quoted => Json::Null,
            csv::Field { value, .. } => Json::from(value),
        });
        let names = names.iter().map(|name| name.value.clone());
        Ok(names.zip(values).collect())
    });
    objects.collect()
}

fn of_form(body: &[u8]) -> Result<Vec<Map<String, Json>>, Refusal> {
    let pairs = pairs::parse(body).map_err(|_| Refusal::Body("The body is no valid form"))?;
    let members = pairs
        .into_iter()
        .map(|(name, value)| (name, Json::from(value)));
    Ok(vec![members.collect()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use serde_json::json;

    fn read(media: &'static str, body: &str, columns: Option<&[&str]>) -> Result<Given, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let columns: Option<Vec<String>> =
            columns.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        rows(&headers, body.as_bytes(), columns.as_deref())
    }

    fn objects_of(json: Json) -> Vec<Map<String, Json>> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn every_kind_of_body_gives_columns_and_rows() {
        let expected = Given {
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: objects_of(json!([{"a": "1", "b": "x,y"}])),
        };
        for (media, body) in [
            ("application/json", r#"[{"b":"x,y","a":"1"}]"#),
            ("application/json; charset=utf-8", r#"{"a":"1","b":"x,y"}"#),
            ("text/csv", "a,b\n1,\"x,y\"\n"),
            ("application/x-www-form-urlencoded", "a=1&b=x%2Cy"),
            (
                "application/x-www-form-urlencoded",
                r#" {"a":"1","b":"x,y"}"#,
            ),
        ] {
            assert_eq!(read(media, body, None).as_ref(), Ok(&expected), "{media}");
        }
    }

    #[test]
    fn rows_differ_in_their_columns_only_where_columns_are_named() {
        let body = r#"[{"a":1},{"b":null,"c":3}]"#;
        assert_eq!(
            read("application/json", body, None),
            Err(Refusal::Body("All object keys must match"))
        );
        assert_eq!(
            read("application/json", body, Some(&["a", "b"]))
                .unwrap()
                .rows,
            objects_of(json!([{"a": 1}, {"b": null, "c": 3}]))
        );
    }

    /// What a body leaves out takes room as what is in it does.
    #[test]
    fn rows_and_columns_are_so_many_together() {
        let names: Vec<String> = (0..100).map(|at| format!("c{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let line = ",".repeat(99);
        for (rows, fits) in [(2_500, true), (2_700, false)] {
            let objects = format!("[{}{{}}]", "{},".repeat(rows - 1));
            let outcome = read("application/json", &objects, Some(&names));
            assert_eq!(outcome.is_ok(), fits, "{rows} rows");
            let lines = format!(
                "{}\n{}",
                names.join(","),
                format!("{line}\n").repeat(rows - 1)
            );
            let outcome = read("text/csv", &lines, None);
            assert_eq!(outcome.is_ok(), fits, "{rows} lines");
        }
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
        for (media, body) in [
            ("application/json", ""),
            ("application/json", "{"),
            ("application/json", "1"),
            ("application/json", "[1]"),
            ("application/json", deep.as_str()),
            ("text/csv", "a,b\n1\n"),
            ("text/csv", "a\n\"1"),
            ("application/xml", "<a/>"),
        ] {
            assert!(
                matches!(read(media, body, None), Err(Refusal::Body(_))),
                "{media} {body}"
            );
        }
    }
}
