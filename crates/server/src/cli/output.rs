//! How management commands answer: a table for people, JSON for programs, the bare
//! secret with `--quiet`. The only module that prints, and where everything that is
//! printed is escaped: names, ids and keys are what somebody else wrote.

use doorward_base::escape::{self, Shown};
use serde_json::Value;
use std::io::Write as _;

/// Prints one line on standard output, or several. A reader that went away (`| head`) is
/// not an error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", escape::lines(text));
}

/// Prints one line on standard error, or several.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", escape::lines(text));
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &Value) {
    line(&escape::json(&format!("{value:#}")));
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

fn aligned<'r>(rows: impl Iterator<Item = &'r Vec<String>>) {
    // A cell is one line: an end of line in it would forge another row.
    let shown = |row: &Vec<String>| row.iter().map(|cell| Shown(cell).to_string()).collect();
    let rows: Vec<Vec<String>> = rows.map(shown).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let padded: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    }
}
