//! How management commands answer: a table for people, JSON for programs, the bare
//! secret with `--quiet`. The only module that prints.

use serde_json::Value;
use std::io::Write as _;

/// Prints one line on standard output. A reader that went away (`| head`) is not an
/// error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints one line on standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &Value) {
    line(&format!("{value:#}"));
}

/// Prints rows under their heads, columns aligned.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) {
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    aligned(std::iter::once(&heads).chain(rows));
}

/// Prints names and values, values aligned.
pub(crate) fn pairs(rows: &[Vec<String>]) {
    aligned(rows.iter());
}

fn aligned<'r>(rows: impl Iterator<Item = &'r Vec<String>> + Clone) {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let padded: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    }
}
