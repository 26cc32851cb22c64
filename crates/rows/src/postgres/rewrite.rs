//! A step of the realm's schema, as its author wrote it for either engine, made into what
//! shared tables need: the tenant in every key, unique index and reference, views that run
//! with their reader's rights. What cannot be made so is refused with a hint. Not here:
//! running it (`amend`), and the tenant's column and policies (`protect`).

mod column;
mod key;
mod table;

use super::quote::ident;
use crate::fault::{Fault, FaultKind};
pub(super) use key::Reference;
use sqlparser::ast::{
    CreateIndex, CreateTableOptions, CreateView, Expr, FunctionSecurity, Ident, IndexColumn,
    ObjectName, ObjectType, SqlOption, Statement,
};
use sqlparser::dialect::{PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

/// The longest step, in bytes.
const LONGEST: usize = 256 * 1024;

/// What a step becomes: statements in their order, then references, which may point at
/// tables that the step makes later.
#[derive(Default, Debug)]
pub(super) struct Step {
    pub(super) statements: Vec<String>,
    pub(super) references: Vec<Reference>,
}

/// Reads and rewrites a step.
///
/// # Errors
/// [`FaultKind::SyntaxInvalid`], and [`FaultKind::StatementForbidden`] for what a step may
/// not do.
pub(super) fn step(ddl: &str, tenant: &str) -> Result<Step, Fault> {
    if ddl.len() > LONGEST {
        let words = format!("a step is at most {LONGEST} bytes long");
        return Err(Fault::because(FaultKind::TooComplex, words));
    }
    let mut step = Step::default();
    for statement in parse(ddl)? {
        one(&mut step, statement, tenant)?;
    }
    Ok(step)
}

/// What both engines take is read by PostgreSQL's grammar, what only SQLite writes
/// (`AUTOINCREMENT`, `STRICT`) by SQLite's.
fn parse(ddl: &str) -> Result<Vec<Statement>, Fault> {
    let by_postgres = Parser::parse_sql(&PostgreSqlDialect {}, ddl);
    by_postgres
        .or_else(|error| Parser::parse_sql(&SQLiteDialect {}, ddl).map_err(|_| error))
        .map_err(|error| Fault::because(FaultKind::SyntaxInvalid, error.to_string()))
}

fn one(step: &mut Step, statement: Statement, tenant: &str) -> Result<(), Fault> {
    match statement {
        Statement::CreateTable(made) => table::create(step, made, tenant),
        Statement::AlterTable(altered) => table::alter(step, altered, tenant),
        Statement::CreateIndex(index) => {
            step.statements
                .push(unique_index(index, tenant).to_string());
            Ok(())
        }
        Statement::CreateView(view) => {
            step.statements.push(invoker_view(view)?.to_string());
            Ok(())
        }
        Statement::CreateFunction(function) => {
            if matches!(function.security, Some(FunctionSecurity::Definer)) {
                return Err(forbidden(
                    "SECURITY DEFINER",
                    "let it run with its caller's rights",
                ));
            }
            step.statements.push(function.to_string());
            Ok(())
        }
        Statement::Drop {
            object_type: ObjectType::Table | ObjectType::View | ObjectType::Index | ObjectType::Type,
            ..
        }
        | Statement::Comment { .. }
        | Statement::CreateType { .. }
        | Statement::CreateDomain(_)
        | Statement::AlterType(_)
        | Statement::AlterIndex { .. }
        | Statement::DropFunction(_) => {
            step.statements.push(statement.to_string());
            Ok(())
        }
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(forbidden(
                &words.join(" "),
                "a step makes and changes tables, indices, views, types and functions",
            ))
        }
    }
}

fn forbidden(what: &str, hint: &str) -> Fault {
    let words = format!("{what} is not allowed in a step of the schema");
    Fault::because(FaultKind::StatementForbidden, words).hint(hint)
}

/// A unique index counts in each tenant by itself.
fn unique_index(mut index: CreateIndex, tenant: &str) -> CreateIndex {
    if index.unique {
        index.columns = with_tenant(index.columns, tenant);
    }
    index.concurrently = false;
    index
}

/// The tenant's column first, unless it is among them.
fn with_tenant(columns: Vec<IndexColumn>, tenant: &str) -> Vec<IndexColumn> {
    let there = columns.iter().any(|column| match &column.column.expr {
        Expr::Identifier(name) => is_named(name, tenant),
        _ => false,
    });
    if there {
        return columns;
    }
    let mut all = vec![IndexColumn::from(Ident::with_quote('"', tenant))];
    all.extend(columns);
    all
}

fn invoker_view(mut view: CreateView) -> Result<CreateView, Fault> {
    if view.materialized {
        return Err(forbidden(
            "a materialized view",
            "its rows are under no policy; make a view",
        ));
    }
    if view.temporary {
        return Err(forbidden("a temporary view", "make a view"));
    }
    view.options = CreateTableOptions::With(vec![SqlOption::KeyValue {
        key: Ident::new("security_invoker"),
        value: Expr::Identifier(Ident::new("true")),
    }]);
    // As SQLite writes it; a step is applied once.
    view.or_replace |= view.if_not_exists;
    view.if_not_exists = false;
    Ok(view)
}

/// Whether a written name means a column: unquoted ones are folded to lower case.
fn is_named(written: &Ident, name: &str) -> bool {
    folded(written) == name
}

/// A written name as the catalogue has it.
fn folded(written: &Ident) -> String {
    match written.quote_style {
        None => written.value.to_lowercase(),
        Some(_) => written.value.clone(),
    }
}

/// A table's name, for names made from it.
fn last(name: &ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map(folded).unwrap_or_default()
}

/// A written table as SQL with quotes.
fn qualified(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let parts: Vec<String> = parts.map(|part| ident(&folded(part))).collect();
    parts.join(".")
}
