//! One step of a realm's schema: an operator's DDL, read, with the tenant's column in every
//! table it makes. Not here: where steps are kept (`book`) and applied (`tenant`).

use super::authorize::is_reserved;
use crate::fault::{Fault, FaultKind};
use doorward_base::TenantId;
use sqlparser::ast::{
    AlterTableOperation, ColumnDef, ColumnOption, CreateTable, Ident, ObjectName, ObjectType,
    RenameTableNameKind, Statement,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::{Parser, ParserError};

/// The longest step, in bytes.
pub(super) const LONGEST: usize = 256 * 1024;
/// The most statements of a step.
const MOST: usize = 500;
/// The most joins of a step: the parser goes one deeper for each, without a bound of its own.
const JOINS: usize = 64;
/// Stands for the tenant's id in a statement, and cannot be in one that was read.
const TENANT: &str = "\u{1}";
/// The constraint that holds a row to its file's tenant.
pub(super) const CONSTRAINT: &str = "doorward_tenant";

/// A step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    statements: Vec<String>,
}

impl Step {
    /// Reads it; `column` is the name of the tenant's column.
    pub(super) fn read(ddl: &str, column: &str) -> Result<Self, Fault> {
        if ddl.len() > LONGEST {
            return Err(Fault::because(
                FaultKind::TooComplex,
                format!("a step of a schema has at most {LONGEST} bytes"),
            ));
        }
        if ddl.contains(|c: char| c.is_control() && !c.is_whitespace()) {
            return Err(invalid("a step has no control characters"));
        }
        let words = ddl.split(|c: char| !c.is_alphanumeric());
        let joins = words.filter(|word| word.eq_ignore_ascii_case("join"));
        if joins.count() > JOINS {
            return Err(Fault::because(
                FaultKind::TooComplex,
                format!("a step of a schema has at most {JOINS} joins"),
            ));
        }
        let statements = Parser::parse_sql(&SQLiteDialect {}, ddl).map_err(|e| unread(&e))?;
        if statements.is_empty() {
            return Err(invalid("the step has no statement"));
        }
        if statements.len() > MOST {
            return Err(Fault::because(
                FaultKind::TooComplex,
                format!("a step of a schema has at most {MOST} statements"),
            ));
        }
        let statements = statements
            .into_iter()
            .map(|statement| lower(statement, column))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }

    /// Its statements for this tenant's file. A tenant's id has nothing that a text in SQL
    /// would have to escape.
    pub(super) fn statements(&self, tenant: &TenantId) -> impl Iterator<Item = String> {
        let id = tenant.as_str();
        self.statements
            .iter()
            .map(move |sql| sql.replace(TENANT, id))
    }
}

/// The statement as it is applied.
fn lower(mut statement: Statement, column: &str) -> Result<String, Fault> {
    match &mut statement {
        Statement::CreateTable(table) => own(table, column)?,
        Statement::CreateIndex(index) => {
            own_name(&index.table_name)?;
            own_name(
                index
                    .name
                    .as_ref()
                    .ok_or_else(|| invalid("an index has a name"))?,
            )?;
        }
        Statement::CreateView(view) if !view.temporary && !view.materialized => {
            own_name(&view.name)?;
        }
        Statement::AlterTable(table) => {
            own_name(&table.name)?;
            for operation in &table.operations {
                keep(operation, column)?;
            }
        }
        Statement::Drop {
            object_type: ObjectType::Table | ObjectType::View | ObjectType::Index,
            names,
            ..
        } => names.iter().try_for_each(own_name)?,
        other => {
            let sql = other.to_string();
            let words: Vec<&str> = sql.split_whitespace().take(2).collect();
            return Err(Fault::because(
                FaultKind::StatementForbidden,
                format!("{} is not for a schema's step", words.join(" ")),
            )
            .hint("steps create, alter and drop tables, indexes and views"));
        }
    }
    Ok(statement.to_string())
}

/// Gives the table its tenant's column, where its author put one or else as the last.
fn own(table: &mut CreateTable, column: &str) -> Result<(), Fault> {
    own_name(&table.name)?;
    let copies = table.query.is_some() || table.like.is_some() || table.clone.is_some();
    if copies || table.temporary {
        return Err(Fault::because(
            FaultKind::StatementForbidden,
            "a table of a schema names its columns and stays",
        ));
    }
    let mut own = tenant_column(column)?;
    let declared = table
        .columns
        .iter_mut()
        .find(|declared| is(&declared.name, column));
    let Some(declared) = declared else {
        table.columns.push(own);
        return Ok(());
    };
    // What it takes part in stays; what it holds is not the author's to say.
    own.name = declared.name.clone();
    let stays = |option: &ColumnOption| {
        matches!(
            option,
            ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_) | ColumnOption::ForeignKey(_)
        )
    };
    let options = declared.options.drain(..);
    own.options
        .extend(options.filter(|option| stays(&option.option)));
    *declared = own;
    Ok(())
}

/// The tenant's column is neither added, changed nor lost.
fn keep(operation: &AlterTableOperation, column: &str) -> Result<(), Fault> {
    let touches = match operation {
        AlterTableOperation::AddColumn { column_def, .. } => is(&column_def.name, column),
        AlterTableOperation::DropColumn { column_names, .. } => {
            column_names.iter().any(|name| is(name, column))
        }
        AlterTableOperation::RenameColumn {
            old_column_name,
            new_column_name,
        } => is(old_column_name, column) || is(new_column_name, column),
        AlterTableOperation::RenameTable {
            table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
        } => return own_name(name),
        _ => {
            return Err(Fault::because(
                FaultKind::StatementForbidden,
                "a table is altered by ADD, DROP or RENAME COLUMN, or RENAME TO",
            ));
        }
    };
    if touches {
        return Err(Fault::because(
            FaultKind::StatementForbidden,
            format!("{column} is the tenant's column, and stays as it is"),
        ));
    }
    Ok(())
}

fn tenant_column(column: &str) -> Result<ColumnDef, Fault> {
    let name = Ident::with_quote('"', column);
    let sql = format!(
        "CREATE TABLE t ({name} TEXT NOT NULL DEFAULT '{TENANT}' \
         CONSTRAINT {CONSTRAINT} CHECK ({name} = '{TENANT}'))"
    );
    let mut made = Parser::parse_sql(&SQLiteDialect {}, &sql).map_err(|e| unread(&e))?;
    match made.pop() {
        Some(Statement::CreateTable(mut table)) => table.columns.pop(),
        _ => None,
    }
    .ok_or_else(|| Fault::new(FaultKind::Internal))
}

/// One plain name that an author may give.
fn own_name(name: &ObjectName) -> Result<(), Fault> {
    let [part] = name.0.as_slice() else {
        return Err(invalid("a name in a schema's step has one part"));
    };
    let plain = part.as_ident().map(|ident| ident.value.as_str());
    match plain {
        Some(plain) if !is_reserved(plain) => Ok(()),
        _ => Err(Fault::because(
            FaultKind::StatementForbidden,
            format!("{part} is a name that is kept"),
        )),
    }
}

fn is(name: &Ident, column: &str) -> bool {
    name.value.eq_ignore_ascii_case(column)
}

fn invalid(message: &str) -> Fault {
    Fault::because(FaultKind::SyntaxInvalid, message).state("42601")
}

fn unread(error: &ParserError) -> Fault {
    match error {
        ParserError::TokenizerError(problem) | ParserError::ParserError(problem) => {
            invalid(problem)
        }
        ParserError::RecursionLimitExceeded => {
            Fault::because(FaultKind::TooComplex, "the step is nested too deeply")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(ddl: &str) -> Result<Vec<String>, FaultKind> {
        let lowered = Step::read(ddl, "tenant_id").map(|step| {
            let acme = TenantId::new("acme-corp").unwrap();
            step.statements(&acme).collect()
        });
        lowered.map_err(|fault| fault.kind)
    }

    #[test]
    fn every_table_gets_the_tenants_column() {
        let own = "TEXT NOT NULL DEFAULT 'acme-corp' \
                   CONSTRAINT doorward_tenant CHECK (\"tenant_id\" = 'acme-corp')";
        for (ddl, sql) in [
            (
                "CREATE TABLE orders (id INTEGER PRIMARY KEY)",
                format!("CREATE TABLE orders (id INTEGER PRIMARY KEY, \"tenant_id\" {own})"),
            ),
            (
                "create table orders (Tenant_ID uuid default 'x' check (1) unique, id int)",
                format!("CREATE TABLE orders (Tenant_ID {own} UNIQUE, id INT)"),
            ),
        ] {
            assert_eq!(lowered(ddl), Ok(vec![sql]));
        }
    }

    #[test]
    fn a_step_that_would_overflow_the_parser_is_refused() {
        let joins = " JOIN t".repeat(30_000);
        let nested = format!("CREATE VIEW v AS SELECT {}", "(".repeat(100_000));
        for ddl in [format!("CREATE VIEW v AS SELECT 1 FROM t{joins}"), nested] {
            assert_eq!(lowered(&ddl).err(), Some(FaultKind::TooComplex));
        }
    }

    #[test]
    fn a_step_has_nothing_but_a_schema() {
        use FaultKind::{StatementForbidden, SyntaxInvalid};
        for (ddl, kind) in [
            ("", SyntaxInvalid),
            ("CREATE TABL x (a)", SyntaxInvalid),
            ("CREATE TABLE x (a TEXT DEFAULT '\u{1}')", SyntaxInvalid),
            ("CREATE TABLE main.x (a)", SyntaxInvalid),
            ("CREATE TABLE x (a); DELETE FROM x", StatementForbidden),
            ("CREATE TABLE x AS SELECT 1", StatementForbidden),
            ("CREATE TEMP TABLE x (a)", StatementForbidden),
            ("CREATE VIRTUAL TABLE x USING fts5(a)", StatementForbidden),
            ("CREATE TABLE doorward_x (a)", StatementForbidden),
            ("ALTER TABLE x RENAME TO Sqlite_x", StatementForbidden),
            ("DROP TABLE doorward_tenant", StatementForbidden),
            ("ALTER TABLE x DROP COLUMN tenant_id", StatementForbidden),
            (
                "ALTER TABLE x RENAME COLUMN \"TENANT_ID\" TO y",
                StatementForbidden,
            ),
            (
                "ALTER TABLE x RENAME COLUMN y TO tenant_id",
                StatementForbidden,
            ),
            (
                "ALTER TABLE x ADD COLUMN tenant_id TEXT",
                StatementForbidden,
            ),
            ("ATTACH DATABASE 'x' AS y", StatementForbidden),
            ("PRAGMA foreign_keys = 0", StatementForbidden),
        ] {
            assert_eq!(lowered(ddl).err(), Some(kind), "{ddl}");
        }
    }
}
