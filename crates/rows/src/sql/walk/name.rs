//! Names: of tables, columns and everything else. Not here: functions' (`call`) and types'
//! (`kind`).
//!
//! A printed name is quoted unless nothing can take it for anything else, so that the engine's
//! keywords (`current_user`, `ctid` as an operator's name may be) cannot be reached by a word
//! that the parser took for a name. On PostgreSQL all are quoted, after folding as it folds;
//! on SQLite those that were, and those that are keywords or not plain ASCII: it names result
//! columns after an expression's text.

use super::super::{forbidden, function, lex};
use super::{Outcome, Walk};
use crate::fault::Fault;
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

/// Columns that PostgreSQL keeps for itself.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// Words that are functions on PostgreSQL although they look like columns.
const SPECIAL_WORDS: &[&str] = &[
    "current_catalog",
    "current_role",
    "current_schema",
    "current_user",
    "session_user",
    "system_user",
    "user",
];

/// Tables that SQLite may have built in. `pragma_…` and `sqlite_…` are told by their beginning.
const SQLITE_BUILT_IN: &[&str] = &[
    "bytecode",
    "carray",
    "completion",
    "csv",
    "dbstat",
    "fsdir",
    "generate_series",
    "stmt",
    "tables_used",
    "zipfile",
];

impl Walk<'_> {
    /// Any name: its printed form.
    pub(in super::super) fn name(&self, ident: &mut Ident) -> Outcome {
        let Ident {
            value,
            quote_style,
            span: _,
        } = ident;
        // The tokens hold a text with its quotes doubled; here it is a name (`FROM 'users'`).
        if *quote_style == Some('\'') {
            *value = value.replace("''", "'");
        }
        let longest = if self.is_postgres() { 63 } else { 255 };
        if value.is_empty() || value.len() > longest {
            let message = format!("A name has from 1 to {longest} bytes.");
            return Err(lex::syntax(message));
        }
        if value.contains(|c: char| c == '"' || c.is_control()) {
            return Err(forbidden("A name with a quote or a control character"));
        }
        let folded = value.to_ascii_lowercase();
        if self.is_postgres() {
            if quote_style.is_none() {
                *value = folded;
            }
            *quote_style = Some('"');
        } else {
            let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let keyword = function::is_sqlite_keyword(&value.to_ascii_uppercase());
            *quote_style = (quote_style.is_some() || !plain || keyword).then_some('"');
        }
        let own = self.folded(ident);
        let prefix = if self.is_postgres() { "pg_" } else { "sqlite_" };
        match own.starts_with(prefix) {
            true => Err(forbidden(format!("The name `{own}`"))),
            false => Ok(()),
        }
    }

    /// A column's name, where it is read or written.
    pub(in super::super) fn column(&self, ident: &mut Ident) -> Outcome {
        let special = ident.quote_style.is_none()
            && self.is_postgres()
            && SPECIAL_WORDS.contains(&ident.value.to_ascii_lowercase().as_str());
        if special {
            return Err(forbidden(ident.value.to_ascii_uppercase()));
        }
        // Only `INSERT … VALUES` and `SET` take it, which is the engine's to say.
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("DEFAULT") {
            "DEFAULT".clone_into(&mut ident.value);
            return Ok(());
        }
        self.name(ident)?;
        let own = self.folded(ident);
        match self.is_postgres() && SYSTEM_COLUMNS.contains(&own.as_str()) {
            true => Err(forbidden(format!("The system column `{own}`"))),
            false => Ok(()),
        }
    }

    /// A column with what it is a column of: `t.c`, `public.t.c`.
    pub(super) fn qualified_column(&mut self, mut parts: Vec<&mut Ident>) -> Outcome {
        let Some((column, qualifiers)) = parts.split_last_mut() else {
            return Err(forbidden("An empty name"));
        };
        self.qualifiers(qualifiers)?;
        self.column(column)?;
        match qualifiers.last() {
            Some(table) if self.is_postgres() => {
                let (table, column) = (self.folded(table), self.folded(column));
                self.field_of(table, column)
            }
            _ => Ok(()),
        }
    }

    /// `t` or `public.t` before a column or a star.
    fn qualifiers(&self, parts: &mut [&mut Ident]) -> Outcome {
        match parts {
            [] => Ok(()),
            [table] => self.name(table),
            [schema, table] => {
                self.schema(schema)?;
                self.name(table)
            }
            _ => Err(forbidden("A name of more than three parts")),
        }
    }

    /// What stands before `.*`.
    pub(super) fn star_of(&self, name: &mut ObjectName) -> Outcome {
        let mut parts = idents(name)?;
        match parts.as_mut_slice() {
            [table] => self.name(table),
            [schema, table] => {
                self.schema(schema)?;
                self.name(table)
            }
            _ => Err(forbidden("A name of more than three parts")),
        }
    }

    /// A column named alone, as `INSERT` and `SET` do.
    pub(in super::super) fn bare_column(&self, name: &mut ObjectName) -> Outcome {
        match idents(name)?.as_mut_slice() {
            [column] => self.column(column),
            _ => Err(forbidden("A column with a qualifier")),
        }
    }

    /// A table's or view's name: its folded form without the schema.
    pub(in super::super) fn table(&self, name: &mut ObjectName) -> Result<String, Fault> {
        let mut parts = idents(name)?;
        let table = match parts.as_mut_slice() {
            [table] => table,
            [schema, table] => {
                self.schema(schema)?;
                table
            }
            _ => return Err(forbidden("A name of more than two parts")),
        };
        self.name(table)?;
        let own = self.folded(table);
        let built_in = !self.is_postgres()
            && (own.starts_with("pragma_") || SQLITE_BUILT_IN.contains(&own.as_str()));
        match built_in || own.starts_with("doorward_") {
            true => Err(forbidden(format!("The table `{own}`"))),
            false => Ok(own),
        }
    }

    /// `t.c` where only a table's column can stand.
    pub(in super::super) fn column_of_table(&self, name: &mut ObjectName) -> Outcome {
        match idents(name)?.as_mut_slice() {
            [table, column] => {
                self.name(table)?;
                self.column(column)
            }
            [schema, table, column] => {
                self.schema(schema)?;
                self.name(table)?;
                self.column(column)
            }
            _ => Err(forbidden("A column without its table")),
        }
    }

    /// The one schema that there is.
    fn schema(&self, ident: &mut Ident) -> Outcome {
        let shown: String = ident.value.chars().take(64).collect();
        self.name(ident)
            .map_err(|_| forbidden(format!("The schema `{shown}`")))?;
        let only = if self.is_postgres() { "public" } else { "main" };
        match self.folded(ident) == only {
            true => Ok(()),
            false => Err(forbidden(format!("The schema `{shown}`"))),
        }
    }

    /// The name as the engine compares it, once it has its printed form.
    pub(super) fn folded(&self, ident: &Ident) -> String {
        match self.is_postgres() {
            true => ident.value.clone(),
            false => ident.value.to_ascii_lowercase(),
        }
    }
}

/// The parts of a name that is nothing but names.
pub(super) fn idents(name: &mut ObjectName) -> Result<Vec<&mut Ident>, Fault> {
    let parts = name.0.iter_mut().map(|part| match part {
        ObjectNamePart::Identifier(ident) => Ok(ident),
        ObjectNamePart::Function(_) => Err(forbidden("A function as a name")),
    });
    parts.collect()
}
