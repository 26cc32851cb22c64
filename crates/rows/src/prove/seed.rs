//! Rows for a tenant in a table that nobody described: the same value in every table for the
//! same row, so that references find what they point at. Not here: in which order.

use crate::postgres::{ident, literal};
use crate::schema::{Column, ColumnKind, Table};

/// How many rows of a tenant a table gets.
pub(super) const ROWS: usize = 3;

/// The text of a tenant's row; `which` is 0 or 1.
pub(super) fn word(which: usize, at: usize) -> String {
    format!("prove-{which}-{at}")
}

/// Its number: beyond what a sequence has likely come to.
pub(super) fn number(which: usize, at: usize) -> i64 {
    let place = i64::try_from(which * 100 + at).unwrap_or_default();
    900_000_001 + place
}

/// The rows' INSERTs, with every column that can be filled.
pub(super) fn inserts(table: &Table, tenant: &str, which: usize) -> Vec<String> {
    let all = (0..ROWS).filter_map(|at| insert(table, tenant, which, at));
    all.collect()
}

fn insert(table: &Table, tenant: &str, which: usize, at: usize) -> Option<String> {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in &table.columns {
        let value = match column.is_tenant {
            true => Some(literal(tenant)),
            false => value(column, which, at),
        };
        let needed = !column.nullable && column.default.is_none();
        match value {
            Some(value) => {
                names.push(ident(&column.name));
                values.push(value);
            }
            None if needed => return None,
            None => {}
        }
    }
    Some(format!(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
        ident(&table.name),
        names.join(", "),
        values.join(", ")
    ))
}

fn value(column: &Column, which: usize, at: usize) -> Option<String> {
    Some(match column.kind {
        ColumnKind::Int if column.type_name == "smallint" => {
            (30_001 + which * 100 + at).to_string()
        }
        ColumnKind::Int => number(which, at).to_string(),
        ColumnKind::Text => literal(&word(which, at)),
        ColumnKind::Bool => "true".to_owned(),
        ColumnKind::Real | ColumnKind::Numeric => (1 + which * 10 + at).to_string(),
        ColumnKind::Time => literal(&format!("2030-01-0{} 03:04:05", 1 + at)),
        ColumnKind::Json => "'{}'".to_owned(),
        ColumnKind::Uuid => literal(&format!(
            "8a3b2f54-3c1d-4d0e-9d1a-00000000{which:02}{at:02}"
        )),
        _ => return None,
    })
}
