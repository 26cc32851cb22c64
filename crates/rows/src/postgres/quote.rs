//! Names and texts as SQL. Not here: a caller's SQL (`sql`).

/// A name in quotes.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names in quotes, with commas between.
pub(super) fn idents<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let all: Vec<String> = names.into_iter().map(|name| ident(name)).collect();
    all.join(", ")
}

/// A text in quotes; `standard_conforming_strings` is on since PostgreSQL 9.1.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
