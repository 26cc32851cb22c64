//! CREATE TABLE and ALTER TABLE with the tenant in what they say. Not here: single keys
//! (`key`) and columns (`column`).

use super::super::quote::{ident, literal};
use super::column::{self, Taken};
use super::key::{self, Reference};
use super::{Step, folded, forbidden, is_named, qualified};
use crate::fault::Fault;
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, CreateTable,
    CreateTableOptions, ObjectName, TableConstraint,
};

/// A table while it is being read.
#[derive(Default)]
struct Parts {
    /// Definitions of columns.
    columns: Vec<String>,
    constraints: Vec<String>,
    /// Columns that the engine could count.
    countable: Vec<String>,
    /// The one that it does.
    counted: Option<String>,
}

pub(super) fn create(step: &mut Step, mut made: CreateTable, tenant: &str) -> Result<(), Fault> {
    check(&made)?;
    let mut parts = Parts::default();
    for column in &mut made.columns {
        column_of(step, &mut parts, &made.name, column, tenant)?;
    }
    for constraint in &made.constraints {
        constraint_of(step, &mut parts, &made.name, constraint, tenant)?;
    }
    let declared = made
        .columns
        .iter()
        .any(|column| is_named(&column.name, tenant));
    if !declared {
        let column = format!("{} text NOT NULL", ident(tenant));
        parts.columns.push(column);
    }
    parts.columns.append(&mut parts.constraints);
    let table = qualified(&made.name);
    let absent = if made.if_not_exists {
        "IF NOT EXISTS "
    } else {
        ""
    };
    let body = parts.columns.join(", ");
    step.statements
        .push(format!("CREATE TABLE {absent}{table} ({body})"));
    if let Some(name) = parts.counted {
        // Wider than INTEGER, as SQLite's is.
        step.statements.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {column} TYPE bigint, ALTER COLUMN {column} \
             SET DEFAULT auth.next_id({}::regclass, {})",
            literal(&table),
            literal(&name),
            column = ident(&name),
        ));
    }
    Ok(())
}

fn column_of(
    step: &mut Step,
    parts: &mut Parts,
    table: &ObjectName,
    column: &mut ColumnDef,
    tenant: &str,
) -> Result<(), Fault> {
    if is_named(&column.name, tenant) {
        // Its default and its place in every key are the engine's.
        let column = format!("{} {} NOT NULL", ident(tenant), column.data_type);
        parts.columns.push(column);
        return Ok(());
    }
    let taken = column::take(column)?;
    if taken.may_count {
        parts.countable.push(folded(&column.name));
        if taken.primary.is_some() {
            parts.counted = Some(folded(&column.name));
        }
    }
    parts.columns.push(column.to_string());
    parts.constraints.extend(keys(step, table, &taken, tenant)?);
    Ok(())
}

fn constraint_of(
    step: &mut Step,
    parts: &mut Parts,
    table: &ObjectName,
    constraint: &TableConstraint,
    tenant: &str,
) -> Result<(), Fault> {
    match constraint {
        TableConstraint::PrimaryKey(written) => {
            let columns = key::names(&written.columns)?;
            let own: Vec<&String> = columns.iter().filter(|name| *name != tenant).collect();
            if let [only] = own.as_slice()
                && parts.countable.contains(only)
            {
                parts.counted = Some((*only).clone());
            }
            parts
                .constraints
                .push(key::primary(table, written, tenant)?);
        }
        TableConstraint::Unique(written) => {
            parts.constraints.push(key::unique(table, written, tenant)?);
        }
        TableConstraint::ForeignKey(written) => {
            step.references.push(Reference::of(table, written, tenant)?);
        }
        TableConstraint::Check(_) => parts.constraints.push(constraint.to_string()),
        other => {
            let what = other.to_string();
            return Err(forbidden(&what, "PostgreSQL has no such constraint"));
        }
    }
    Ok(())
}

/// What a table of tenants' rows cannot be.
fn check(made: &CreateTable) -> Result<(), Fault> {
    let name = qualified(&made.name);
    let wrong = [
        (made.temporary, "a temporary table"),
        (made.unlogged, "an unlogged table"),
        (made.query.is_some(), "CREATE TABLE AS"),
        (made.like.is_some(), "LIKE"),
        (made.inherits.is_some(), "INHERITS"),
        (made.partition_of.is_some(), "PARTITION OF"),
        (made.partition_by.is_some(), "PARTITION BY"),
        (made.or_replace, "OR REPLACE"),
        (
            matches!(made.table_options, CreateTableOptions::With(_)),
            "storage options",
        ),
    ];
    match wrong.iter().find(|(is, _)| *is) {
        Some((_, what)) => Err(forbidden(
            &format!("{what} ({name})"),
            "write the table with its columns; the owner may alter it by hand afterwards",
        )),
        None => Ok(()),
    }
}

/// The keys that were written at a column, as constraints of the table.
fn keys(
    step: &mut Step,
    table: &ObjectName,
    taken: &Taken,
    tenant: &str,
) -> Result<Vec<String>, Fault> {
    let mut all = Vec::new();
    if let Some(written) = &taken.primary {
        all.push(key::primary(table, written, tenant)?);
    }
    if let Some(written) = &taken.unique {
        all.push(key::unique(table, written, tenant)?);
    }
    if let Some(written) = &taken.reference {
        step.references.push(Reference::of(table, written, tenant)?);
    }
    Ok(all)
}

pub(super) fn alter(step: &mut Step, altered: AlterTable, tenant: &str) -> Result<(), Fault> {
    let table = qualified(&altered.name);
    for operation in altered.operations {
        let said = operation.to_string();
        match operation {
            AlterTableOperation::AddColumn {
                if_not_exists,
                column_def,
                ..
            } => add_column(step, &altered.name, if_not_exists, column_def, tenant)?,
            AlterTableOperation::AddConstraint { constraint, .. } => {
                add_constraint(step, &altered.name, &constraint, tenant)?;
            }
            AlterTableOperation::DropColumn {
                ref column_names, ..
            } => {
                if column_names.iter().any(|name| is_named(name, tenant)) {
                    return Err(tenants(tenant));
                }
                step.statements.push(format!("ALTER TABLE {table} {said}"));
            }
            AlterTableOperation::AlterColumn {
                ref column_name,
                op:
                    AlterColumnOperation::SetNotNull
                    | AlterColumnOperation::DropNotNull
                    | AlterColumnOperation::SetDefault { .. }
                    | AlterColumnOperation::DropDefault
                    | AlterColumnOperation::SetDataType { .. },
            } if is_named(column_name, tenant) => return Err(tenants(tenant)),
            AlterTableOperation::RenameColumn {
                ref old_column_name,
                ..
            } if is_named(old_column_name, tenant) => return Err(tenants(tenant)),
            AlterTableOperation::AlterColumn { .. }
            | AlterTableOperation::RenameColumn { .. }
            | AlterTableOperation::RenameTable { .. }
            | AlterTableOperation::RenameConstraint { .. }
            | AlterTableOperation::DropConstraint { .. }
            | AlterTableOperation::ValidateConstraint { .. } => {
                step.statements.push(format!("ALTER TABLE {table} {said}"));
            }
            _ => {
                return Err(forbidden(
                    &said,
                    "a step adds, changes, renames and drops columns and constraints",
                ));
            }
        }
    }
    Ok(())
}

fn tenants(tenant: &str) -> Fault {
    forbidden(
        &format!("changing the column {tenant}"),
        "it holds the tenant and is the engine's",
    )
}

fn add_column(
    step: &mut Step,
    table: &ObjectName,
    if_not_exists: bool,
    mut column: ColumnDef,
    tenant: &str,
) -> Result<(), Fault> {
    if is_named(&column.name, tenant) {
        return Err(tenants(tenant));
    }
    let taken = column::take(&mut column)?;
    let absent = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let name = qualified(table);
    step.statements
        .push(format!("ALTER TABLE {name} ADD COLUMN {absent}{column}"));
    for constraint in keys(step, table, &taken, tenant)? {
        step.statements
            .push(format!("ALTER TABLE {name} ADD {constraint}"));
    }
    Ok(())
}

fn add_constraint(
    step: &mut Step,
    table: &ObjectName,
    written: &TableConstraint,
    tenant: &str,
) -> Result<(), Fault> {
    let constraint = match written {
        TableConstraint::PrimaryKey(written) => key::primary(table, written, tenant)?,
        TableConstraint::Unique(written) => key::unique(table, written, tenant)?,
        TableConstraint::ForeignKey(written) => {
            step.references.push(Reference::of(table, written, tenant)?);
            return Ok(());
        }
        TableConstraint::Check(_) => written.to_string(),
        other => {
            return Err(forbidden(
                &other.to_string(),
                "add PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK",
            ));
        }
    };
    let name = qualified(table);
    step.statements
        .push(format!("ALTER TABLE {name} ADD {constraint}"));
    Ok(())
}
