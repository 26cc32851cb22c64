//! `a - b` on PostgreSQL where `b` may be a list of texts: a document less the names in a list
//! is looked through by the product of their lengths, and hears of no cancellation meanwhile.
//! Which `-` it is only the types of columns tell, so the text says what it depends on
//! ([`Differences`]) and the schema settles it. Not here: lists that stand beside the
//! operator (`product`).

use super::super::forbidden;
use super::product::is_maker;
use super::{Outcome, Walk};
use crate::fault::Fault;
use crate::schema::{Column, ColumnKind, Schema};
use sqlparser::ast::{BinaryOperator, DataType, Expr, Function, Ident, TypedString};
use std::collections::BTreeSet;

/// Those that answer with one of what they are given, whatever it is.
const HANDED_ON: &[&str] = &[
    "any_value",
    "coalesce",
    "first_value",
    "greatest",
    "lag",
    "last_value",
    "lead",
    "least",
    "max",
    "min",
    "mode",
    "nth_value",
    "nullif",
    "percentile_disc",
];

/// What is taken away in a statement where only the schema tells whether it is a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in super::super) struct Differences {
    /// Names of columns.
    columns: BTreeSet<String>,
    /// Whether anything else is.
    others: bool,
    /// Whether a name may be another's than a table's column of this name.
    pub(super) renames: bool,
    /// Whether the statement makes lists.
    lists: bool,
    /// Whether it makes documents.
    documents: bool,
}

impl Differences {
    /// Whether there is none.
    pub(in super::super) fn are_none(&self) -> bool {
        self.columns.is_empty() && !self.others
    }

    /// Notes what the whole statement makes, from how it is printed: what only stands in a
    /// literal counts too, and costs no more than a cast.
    pub(in super::super) fn read(&mut self, text: &str) {
        let text = text.to_ascii_lowercase();
        self.documents = text.contains("json");
        self.lists = text.contains("[]") || text.contains("array(") || is_maker_in(&text);
    }

    /// Refuses them where a list could be taken from a document.
    ///
    /// # Errors
    /// With the cast that makes it plain what is meant.
    pub(in super::super) fn settle(
        &self,
        tables: &BTreeSet<String>,
        schema: &Schema,
    ) -> Result<(), Fault> {
        let named = || tables.iter().filter_map(|name| schema.table(name));
        let columns = || named().flat_map(|table| &table.columns);
        let may_be =
            |column: &Column, kind| matches!(column.kind, ColumnKind::Other) || column.kind == kind;
        let is_list = |column: &Column| may_be(column, ColumnKind::Array);
        // A table that is not known yet may have both.
        let unknown = tables.iter().any(|name| schema.table(name).is_none());
        let is_document = |column: &Column| may_be(column, ColumnKind::Json);
        let lists = unknown || self.lists || columns().any(is_list);
        let documents = unknown || self.documents || columns().any(is_document);
        let is_plain = |name: &String| {
            let mut of_it = columns().filter(|column| column.name == *name).peekable();
            of_it.peek().is_some() && !of_it.any(is_list)
        };
        let plain =
            !self.lists && !self.renames && !self.others && self.columns.iter().all(is_plain);
        if !lists || !documents || plain {
            return Ok(());
        }
        let what =
            "The operator `-` beside lists and documents, where what is taken away may be a list,";
        Err(forbidden(what)
            .hint("write its type: `a - b::numeric`, `a - b::text`, `a - b::interval`"))
    }
}

impl Walk<'_> {
    /// What stands on the right of a `-`.
    pub(super) fn subtracted(&mut self, operand: &Expr) -> Outcome {
        let differences = &mut self.found.differences;
        match operand {
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => {
                return self.subtracted(inner);
            }
            Expr::BinaryOp { left, op, right } if *op != BinaryOperator::StringConcat => {
                self.subtracted(left)?;
                return self.subtracted(right);
            }
            Expr::Identifier(name) => {
                let _ = differences.columns.insert(folded(name));
            }
            Expr::CompoundIdentifier(parts) => match parts.last() {
                Some(name) => {
                    let _ = differences.columns.insert(folded(name));
                }
                None => differences.others = true,
            },
            Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }) => {
                differences.others |=
                    matches!(data_type, DataType::Array(_) | DataType::Custom(..));
            }
            Expr::Function(Function { name, .. }) => {
                let name = name.to_string().replace('"', "").to_ascii_lowercase();
                differences.others |= HANDED_ON.contains(&name.as_str()) || is_maker(&name);
            }
            Expr::Value(_)
            | Expr::UnaryOp { .. }
            | Expr::Interval(_)
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. } => {}
            _ => differences.others = true,
        }
        Ok(())
    }
}

/// A column's name as PostgreSQL compares it.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_ascii_lowercase(),
    }
}

/// Whether a text names something that makes a list of more than stands in it.
fn is_maker_in(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| word != "array" && is_maker(word))
}
