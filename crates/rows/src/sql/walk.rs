//! The walk over a parsed tree: what is not named here is refused, and every name gets the one
//! form in which it is printed. The structures of the tree are taken apart without `..`, so
//! that a new field of the parser's does not pass unseen. Not here: reading and printing.
//!
//! `FOR UPDATE` and `FOR SHARE` are refused: a statement is a transaction, so a lock taken for
//! a later one is worth nothing, and it would let a caller who may only read hold up writers.

mod call;
mod change;
mod expression;
mod field;
mod from;
mod growth;
mod kind;
mod name;
mod operator;
pub(crate) mod product;
mod query;
mod set;
pub(super) mod subtract;

use super::{Limits, forbidden, too_complex};
use crate::engine::Flavour;
use crate::fault::Fault;
use sqlparser::ast::{Expr, Statement};
use std::collections::BTreeSet;

/// What a statement does.
#[derive(Default)]
pub(super) struct Found {
    /// Whether it reads tables or answers rows.
    pub(super) reads: bool,
    /// Whether it changes rows.
    pub(super) writes: bool,
    /// The tables that it names.
    pub(super) tables: BTreeSet<String>,
    /// The parameters that must be short, by their numbers.
    pub(super) short: Vec<(usize, product::Short)>,
    /// What it takes away that may be a list.
    pub(super) differences: subtract::Differences,
}

pub(super) type Outcome = Result<(), Fault>;

/// Checks a caller's statement and gives its names their printed form.
pub(super) fn statement(
    statement: &mut Statement,
    flavour: Flavour,
    limits: &Limits,
) -> Result<Found, Fault> {
    let mut walk = Walk::new(flavour, limits);
    walk.statement(statement)?;
    Ok(walk.found)
}

/// One walk.
pub(super) struct Walk<'a> {
    flavour: Flavour,
    limits: &'a Limits,
    found: Found,
    relations: usize,
    calls: usize,
    /// The names of the `WITH` queries in sight, the innermost last.
    with: Vec<String>,
    fields: field::Fields,
    growth: growth::Growth,
}

impl<'a> Walk<'a> {
    pub(super) fn new(flavour: Flavour, limits: &'a Limits) -> Self {
        Self {
            flavour,
            limits,
            found: Found::default(),
            relations: 0,
            calls: 0,
            with: Vec::new(),
            fields: field::Fields::default(),
            growth: growth::Growth::default(),
        }
    }

    /// What was found so far.
    pub(super) const fn found(&self) -> &Found {
        &self.found
    }

    fn statement(&mut self, statement: &mut Statement) -> Outcome {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(_) => Err(forbidden("MERGE")),
            _ => Err(forbidden("This kind of statement")),
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.flavour == Flavour::Postgres
    }

    /// One more table, subquery or function in `FROM`.
    fn relation(&mut self) -> Outcome {
        self.relations = self.relations.saturating_add(1);
        match self.relations > self.limits.relations {
            true => Err(too_complex("tables in FROM", self.limits.relations)),
            false => Ok(()),
        }
    }

    /// One more call of a function.
    fn call(&mut self) -> Outcome {
        self.calls = self.calls.saturating_add(1);
        match self.is_postgres() && self.calls > self.limits.calls {
            true => Err(too_complex("calls of functions", self.limits.calls)),
            false => Ok(()),
        }
    }

    fn expressions(&mut self, list: &mut [Expr]) -> Outcome {
        list.iter_mut().try_for_each(|each| self.expression(each))
    }

    fn optional(&mut self, expression: Option<&mut Expr>) -> Outcome {
        expression.map_or(Ok(()), |expression| self.expression(expression))
    }
}

/// Refuses what should not be there.
pub(super) fn absent(construct: &str, is_absent: bool) -> Outcome {
    match is_absent {
        true => Ok(()),
        false => Err(forbidden(construct)),
    }
}
