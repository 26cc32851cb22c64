//! Changing rows: what may be given, whose rows are touched, what is told of them. Not here:
//! bodies, which come as columns and values.

use super::access::Access;
use super::expression::Form;
use super::literal;
use super::read::{Head, outputs, restriction};
use super::refusal::{Refusal, Right};
use super::tree::Node;
use super::writer::Writer;
use crate::engine::{Flavour, Statement};
use crate::schema::Column;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

mod insert;

pub use insert::{Conflict, Insert, insert};

/// The most rows that are made without giving any of their columns.
const MAX_BARE_ROWS: usize = 1_000;

/// Changes, ready to be made.
#[derive(Debug)]
pub struct WritePlan {
    /// The statements; the last one changes, those before it look.
    pub statements: Vec<Statement>,
    /// Whether the first column of every row says that it is allowed.
    pub checked: bool,
    /// The columns of a changed row, after that one.
    pub columns: Vec<Head>,
    /// Whether the first statement is one that says, after its first column, whether some
    /// row is not there yet.
    pub tells_new: bool,
}

/// What is told of the rows that were changed.
#[derive(Clone, Copy, Debug)]
pub enum Told<'n, 'a> {
    /// How many.
    Number,
    /// The values of this tree.
    Rows(&'n Node<'a>, Form),
}

/// Changes the rows that this tree filters, or all that the caller has.
///
/// # Errors
/// [`Refusal`].
pub fn update<'a>(
    access: Access<'a>,
    which: Option<&Node<'a>>,
    given: &Map<String, Json>,
    told: Told<'_, 'a>,
) -> Result<WritePlan, Refusal> {
    let mut w = begin(access, which.is_some(), told)?;
    let table = access.table().name.as_str();
    let mut set = Vec::new();
    for (name, value) in given {
        let column = given_column(access, name, |column| access.grant().updates(column))?;
        literal::refuse_nul_within(column, value)?;
        if column.is_tenant {
            refuse_foreign(access, value)?;
        } else {
            set.push((column, value));
        }
    }
    if set.is_empty() {
        return Ok(WritePlan {
            statements: Vec::new(),
            checked: false,
            columns: Vec::new(),
            tells_new: false,
        });
    }
    w.sql("UPDATE ").name(table).sql(" SET ");
    w.separated(", ", &set, |w, (column, value)| {
        w.name(&column.name).sql(" = ");
        match w.flavour() {
            Flavour::Sqlite => assigned(w, column, value),
            Flavour::Postgres => {
                w.column(NEW, &column.name);
                Ok(())
            }
        }
    })?;
    if w.flavour() == Flavour::Postgres {
        let values = set
            .iter()
            .map(|(column, value)| (column.name.clone(), (*value).clone()));
        w.sql(" FROM json_to_record(");
        w.text(Json::Object(values.collect()).to_string());
        w.sql("::json) AS ").name(NEW).sql("(");
        definitions(&mut w, set.iter().map(|(column, _)| *column))?;
        w.sql(")");
    }
    w.sql(" WHERE ");
    match which {
        Some(node) => restriction(&mut w, table, node)?,
        None => access.guard(&mut w, table)?,
    }
    returning(w, access, told, Vec::new())
}

/// Deletes the rows that this tree filters, or all that the caller has.
///
/// # Errors
/// [`Refusal`].
pub fn delete<'a>(
    access: Access<'a>,
    which: Option<&Node<'a>>,
    told: Told<'_, 'a>,
) -> Result<WritePlan, Refusal> {
    let mut w = begin(access, which.is_some(), told)?;
    if !access.grant().deletes() {
        return Err(denied(access));
    }
    let table = access.table().name.as_str();
    w.sql("DELETE FROM ").name(table).sql(" WHERE ");
    match which {
        Some(node) => restriction(&mut w, table, node)?,
        None => access.guard(&mut w, table)?,
    }
    let columns = told_columns(&mut w, table, told, false)?;
    let (text, params) = w.finish();
    Ok(WritePlan {
        statements: vec![Statement::new(text, params, true)],
        checked: false,
        columns,
        tells_new: false,
    })
}

/// What new values are called in a statement.
const NEW: &str = "~new";

fn begin(access: Access<'_>, filtered: bool, told: Told<'_, '_>) -> Result<Writer, Refusal> {
    let scope = access.scope();
    scope.require(Right::Write)?;
    // Who may not read learns nothing from which rows a filter found.
    if filtered || matches!(told, Told::Rows(..)) {
        scope.require(Right::Read)?;
    }
    Ok(Writer::new(scope.flavour()))
}

fn denied(access: Access<'_>) -> Refusal {
    Refusal::Denied(format!("table {}", access.table().name))
}

/// A column that was given, and may be.
fn given_column<'a>(
    access: Access<'a>,
    name: &str,
    may: impl Fn(&str) -> bool,
) -> Result<&'a Column, Refusal> {
    let table = access.table();
    let grant = access.grant();
    let found = table.column(name).filter(|column| {
        column.is_tenant || grant.selects(name) || grant.inserts(name) || grant.updates(name)
    });
    match found {
        None => Err(Refusal::GivenColumnUnknown {
            table: table.name.clone(),
            column: name.to_owned(),
        }),
        Some(column) if column.is_tenant || may(name) => Ok(column),
        Some(_) => Err(Refusal::Denied(format!(
            "column {name} of table {}",
            table.name
        ))),
    }
}

/// The tenant's column is the engine's to fill: it may be given, but only as it would be.
fn refuse_foreign(access: Access<'_>, value: &Json) -> Result<(), Refusal> {
    let own = access.scope().tenant();
    let same = match value {
        Json::Null => true,
        Json::String(text) => *text == own,
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(Refusal::ForeignTenant(access.table().name.clone()))
    }
}

fn assigned(w: &mut Writer, column: &Column, value: &Json) -> Result<(), Refusal> {
    use crate::schema::ColumnKind;
    use crate::value::Value;
    let value = match literal::cell(column, value)? {
        Json::String(text) if column.kind == ColumnKind::Bytes => {
            literal::typed(column, &format!("\\x{text}"))?
        }
        cell => Value::from_json(cell),
    };
    w.value(value);
    Ok(())
}

/// Writes what a JSON document is read as: columns with their types.
fn definitions<'a>(
    w: &mut Writer,
    columns: impl IntoIterator<Item = &'a Column>,
) -> Result<(), Refusal> {
    w.separated(", ", columns, |w, column: &Column| {
        w.name(&column.name).sql(" ").sql(&column.type_name);
        Ok(())
    })
}

/// Ends a statement that makes or changes rows, after those that looked.
fn returning<'a>(
    mut w: Writer,
    access: Access<'a>,
    told: Told<'_, 'a>,
    mut statements: Vec<Statement>,
) -> Result<WritePlan, Refusal> {
    let table = access.table().name.as_str();
    let checked = access.grant().check().is_some();
    if checked {
        w.sql(" RETURNING ");
        access.check(&mut w, table)?;
    }
    let columns = told_columns(&mut w, table, told, checked)?;
    let (text, params) = w.finish();
    statements.push(Statement::new(text, params, true));
    Ok(WritePlan {
        statements,
        checked,
        columns,
        tells_new: false,
    })
}

fn told_columns(
    w: &mut Writer,
    table: &str,
    told: Told<'_, '_>,
    after_others: bool,
) -> Result<Vec<Head>, Refusal> {
    match told {
        Told::Number => Ok(Vec::new()),
        Told::Rows(node, form) => {
            w.sql(if after_others { ", " } else { " RETURNING " });
            outputs(w, table, &node.outputs, form)
        }
    }
}
