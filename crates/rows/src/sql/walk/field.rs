//! `a.f` on PostgreSQL, where it is not only a column: if `a` has no column `f`, it is a call
//! of the function `f` on `a`, listed or not. Not here: the calls that are written as calls
//! (`call`).
//!
//! | what `a` is                          | `a.f` without a column `f`      | here             |
//! |--------------------------------------|---------------------------------|------------------|
//! | an expression, `(…).f`               | any function of its type        | refused          |
//! | a function's single values in `FROM` | any function of their type      | columns alone    |
//! | a table, a query, a function's rows  | functions that take any row     | let pass         |
//!
//! Those that take any row (`record`, `anyelement`, `"any"`) either are listed anyway
//! (`to_json`, `count`) or answer only about the row at hand (`hash_record`, `record_send`,
//! `record_out`); names in `pg_` are refused everywhere.

use super::super::{forbidden, function};
use super::expression::Next;
use super::{Outcome, Walk};
use sqlparser::ast::{AccessExpr, Expr, Ident, TableAlias};

/// What a statement says of fields so far. Scopes are not told apart: a name that is a
/// function's anywhere is one everywhere, and has the columns that all its functions have.
#[derive(Default)]
pub(super) struct Fields {
    /// Every `a.f` that was read.
    used: Vec<(String, String)>,
    /// Each function of single values in `FROM`: its alias and its columns.
    functions: Vec<(String, Vec<String>)>,
}

impl Walk<'_> {
    /// `a.f`, in its printed form.
    pub(super) fn field_of(&mut self, table: String, column: String) -> Outcome {
        let functions = &self.fields.functions;
        if let Some((_, columns)) = functions
            .iter()
            .find(|(alias, columns)| *alias == table && !columns.contains(&column))
        {
            return Err(no_column(&table, &column, columns));
        }
        self.fields.used.push((table, column));
        Ok(())
    }

    /// A function in `FROM`, with its alias in its printed form.
    pub(super) fn function_in_from(
        &mut self,
        function: &str,
        alias: Option<&TableAlias>,
    ) -> Outcome {
        if !self.is_postgres() || function::answers_rows(function) {
            return Ok(());
        }
        let name = alias.map_or_else(|| function.to_owned(), |alias| self.folded(&alias.name));
        let declared = alias.map(|alias| alias.columns.as_slice());
        let mut columns: Vec<String> = match declared {
            Some(declared) if !declared.is_empty() => declared
                .iter()
                .map(|column| self.folded(&column.name))
                .collect(),
            _ => vec![function::value_column(function).unwrap_or(&name).to_owned()],
        };
        columns.push("ordinality".to_owned());
        let used = self.fields.used.iter();
        let mut of_it = used.filter(|(table, _)| *table == name);
        if let Some((_, column)) = of_it.find(|(_, column)| !columns.contains(column)) {
            return Err(no_column(&name, column, &columns));
        }
        self.fields.functions.push((name, columns));
        Ok(())
    }

    /// `t.c[1]`: the names that it begins with are a column's, and no name follows later.
    pub(super) fn fields<'e>(
        &mut self,
        root: &'e mut Expr,
        chain: &'e mut [AccessExpr],
    ) -> Next<'e> {
        let is_name = matches!(root, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let named = chain.iter().take_while(|access| is_field(access)).count();
        let (names, rest) = chain.split_at_mut(if is_name { named } else { 0 });
        for access in rest {
            match access {
                AccessExpr::Subscript(subscript) => self.subscript(subscript)?,
                AccessExpr::Dot(_) => {
                    return Err(forbidden("A field of an expression, as in `(…).name`,"));
                }
            }
        }
        if names.is_empty() {
            return Ok(Some(root));
        }
        let mut parts: Vec<&mut Ident> = match root {
            Expr::Identifier(first) => vec![first],
            Expr::CompoundIdentifier(first) => first.iter_mut().collect(),
            _ => Vec::new(),
        };
        for access in names {
            if let AccessExpr::Dot(Expr::Identifier(name)) = access {
                parts.push(name);
            }
        }
        self.qualified_column(parts).map(|()| None)
    }
}

fn is_field(access: &AccessExpr) -> bool {
    matches!(access, AccessExpr::Dot(Expr::Identifier(_)))
}

fn no_column(table: &str, column: &str, columns: &[String]) -> crate::fault::Fault {
    let known = columns.first().map_or("", String::as_str);
    forbidden(format!("The field `{table}.{column}`")).hint(format!(
        "`{table}` is a function in FROM; its column is `{table}.{known}`, or what its alias \
         names: `AS {table}({column})`"
    ))
}
