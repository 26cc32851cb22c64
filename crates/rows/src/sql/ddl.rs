//! An operator's step of a schema: tables, indexes, views, columns and comments, checked and
//! printed as a caller's SQL is. Not here: how a step is applied, and the tenant's column.

mod alter;
mod create;

use super::walk::Walk;
use super::{Limits, forbidden, grammar, lex, print, too_complex};
use crate::engine::Flavour;
use crate::fault::Fault;
use sqlparser::ast::{CommentObject, Expr, ObjectName, ObjectType, Statement as Tree};

/// One statement of a step.
#[derive(Clone, PartialEq, Debug)]
pub struct SchemaStatement {
    /// As it may run.
    pub text: String,
    /// What it says: one of `CREATE TABLE`, `CREATE INDEX`, `CREATE VIEW`, `ALTER TABLE`,
    /// `DROP` and `COMMENT`, its names in their printed form. An engine that adds to it (the
    /// tenant's column) prints the result.
    pub tree: Tree,
}

/// Checks an operator's DDL and prints each of its statements.
///
/// # Errors
/// As [`super::read`]: beyond a limit, not SQL, or not among what a step may do.
pub fn check_ddl(
    text: &str,
    flavour: Flavour,
    limits: &Limits,
) -> Result<Vec<SchemaStatement>, Fault> {
    let lexed = lex::lex(text, flavour, limits)?;
    if lexed.parameters > 0 {
        return Err(forbidden("A parameter in a step of a schema"));
    }
    let trees = grammar::parse(lexed.tokens, flavour, text)?;
    if trees.is_empty() {
        return Err(lex::syntax("There is no statement.").at(1));
    }
    if trees.len() > limits.statements {
        return Err(too_complex("statements", limits.statements));
    }
    let checked = trees.into_iter().map(|mut tree| {
        Walk::new(flavour, limits).step(&mut tree)?;
        Ok(SchemaStatement {
            text: print(&tree, flavour, limits)?,
            tree,
        })
    });
    checked.collect()
}

impl Walk<'_> {
    fn step(&mut self, tree: &mut Tree) -> Result<(), Fault> {
        match tree {
            Tree::CreateTable(table) => self.create_table(table),
            Tree::CreateIndex(index) => self.create_index(index),
            Tree::CreateView(view) => self.create_view(view),
            Tree::AlterTable(table) => self.alter_table(table),
            Tree::Drop {
                object_type: ObjectType::Table | ObjectType::Index | ObjectType::View,
                if_exists: _,
                names,
                cascade: _,
                restrict: _,
                purge: false,
                temporary: false,
                table: None,
            } => names.iter_mut().try_for_each(|name| self.own_name(name)),
            Tree::Comment {
                object_type: CommentObject::Table | CommentObject::View | CommentObject::Index,
                object_name,
                comment: _,
                if_exists: false,
            } if self.is_postgres() => self.own_name(object_name),
            Tree::Comment {
                object_type: CommentObject::Column,
                object_name,
                comment: _,
                if_exists: false,
            } if self.is_postgres() => self.column_of_table(object_name),
            other => Err(forbidden(kind_of(other))),
        }
    }

    /// The name of a table, an index or a view of the realm's: none that Doorward or the
    /// engine keeps for itself.
    fn own_name(&self, name: &mut ObjectName) -> Result<(), Fault> {
        match self.table(name)? {
            own if own == "auth" => Err(forbidden("The name `auth`")),
            _ => Ok(()),
        }
    }

    /// A default, a check, an index's expression: it reads no table.
    fn constant(&mut self, expression: &mut Expr) -> Result<(), Fault> {
        self.expression(expression)?;
        match self.found().reads {
            true => Err(forbidden("A query inside a table's definition")),
            false => Ok(()),
        }
    }
}

/// What the refused statement is, for the message.
fn kind_of(tree: &Tree) -> &'static str {
    match tree {
        Tree::CreateTrigger(_) | Tree::DropTrigger(_) => "A trigger",
        Tree::CreateFunction(_) | Tree::CreateProcedure { .. } | Tree::DropFunction(_) => {
            "A function"
        }
        Tree::CreateRole(_) | Tree::AlterRole { .. } | Tree::CreateUser(_) => "A role",
        Tree::CreatePolicy(_) | Tree::AlterPolicy(_) | Tree::DropPolicy(_) => "A policy",
        Tree::CreateVirtualTable { .. } => "CREATE VIRTUAL TABLE",
        Tree::CreateExtension(_) | Tree::DropExtension(_) => "An extension",
        Tree::CreateSchema { .. } => "CREATE SCHEMA",
        Tree::CreateSequence { .. } => "CREATE SEQUENCE",
        Tree::Grant(_) | Tree::Revoke(_) => "GRANT or REVOKE",
        Tree::Drop { .. } => "This kind of DROP",
        Tree::Comment { .. } => "This kind of COMMENT",
        _ => "What is not CREATE, ALTER, DROP or COMMENT of a table, an index or a view",
    }
}
