//! From names to what they name: the tree that a statement is written from. Not here: SQL.

mod cast;
mod output;

use super::access::Access;
use super::refusal::Refusal;
use super::relation;
use super::request::{Condition, Embed, Field, Item, Order, Read, Test, Truth};
use super::tree::{Embedded, Node, Ordering, Place, Predicate};
use std::collections::HashMap;
use std::sync::Arc;

/// How deep tables may be embedded.
const MAX_DEPTH: usize = 8;

/// How many tables one request may embed.
const MAX_EMBEDDED: usize = 32;

/// How many values a row may have, over all that is embedded.
const MAX_OUTPUTS: usize = 2_000;

/// How many tests a request may make.
const MAX_TESTS: usize = 200;

/// Rows of this table as they are asked for.
///
/// # Errors
/// [`Refusal`], naming what is not there or too much.
pub fn read<'a>(access: Access<'a>, asked: &Read) -> Result<Node<'a>, Refusal> {
    let mut budget = Budget {
        embedded: MAX_EMBEDDED,
        outputs: MAX_OUTPUTS,
        tests: MAX_TESTS,
    };
    budget.node(access, asked, 0)
}

/// What a request may still ask for.
struct Budget {
    embedded: usize,
    outputs: usize,
    tests: usize,
}

/// What is embedded in a row, by the name it is found by.
type Named<'a> = HashMap<String, (String, Arc<Embedded<'a>>)>;

impl Budget {
    fn node<'a>(
        &mut self,
        access: Access<'a>,
        asked: &Read,
        depth: usize,
    ) -> Result<Node<'a>, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::TooComplex("tables embedded in each other"));
        }
        if access.columns().next().is_none() {
            return Err(Refusal::Denied(format!("table {}", access.table().name)));
        }
        let mut outputs = Vec::new();
        let mut filters = Vec::new();
        let mut named = Named::new();
        for item in &asked.select {
            match item {
                Item::Embed(embed) => {
                    let embedded = self.embedded(access, embed, depth)?;
                    let embedded = output::embedded(&mut outputs, embed, embedded)?;
                    if embed.inner {
                        filters.push(Predicate::Exists(Arc::clone(&embedded)));
                    }
                    let target = embedded.node.access.table().name.clone();
                    named.insert(embed.name().to_owned(), (target, embedded));
                }
                item => output::own(&mut outputs, access, item)?,
            }
        }
        self.outputs = spend(self.outputs, outputs.len(), "values in a row")?;
        for condition in &asked.filters {
            filters.push(self.predicate(access, &named, condition)?);
        }
        let order = asked.order.iter();
        let order = order.map(|term| ordering(access, &named, term));
        Ok(Node {
            order: order.collect::<Result<_, _>>()?,
            access,
            call: None,
            outputs,
            filters,
            limit: asked.limit,
            offset: asked.offset,
        })
    }

    fn embedded<'a>(
        &mut self,
        parent: Access<'a>,
        embed: &Embed,
        depth: usize,
    ) -> Result<Embedded<'a>, Refusal> {
        self.embedded = spend(self.embedded, 1, "embedded tables")?;
        let relation = relation::find(parent, &embed.target, embed.hint.as_deref())?;
        Ok(Embedded {
            node: self.node(relation.child, &embed.read, depth + 1)?,
            link: relation.link,
            many: relation.many,
        })
    }

    fn predicate<'a>(
        &mut self,
        access: Access<'a>,
        named: &Named<'a>,
        condition: &Condition,
    ) -> Result<Predicate<'a>, Refusal> {
        self.tests = spend(self.tests, 1, "conditions")?;
        let mut each = |all: &[Condition]| -> Result<Vec<Predicate<'a>>, Refusal> {
            let all = all.iter();
            all.map(|one| self.predicate(access, named, one)).collect()
        };
        match condition {
            Condition::All(all) => each(all).map(Predicate::All),
            Condition::Any(any) => each(any).map(Predicate::Any),
            Condition::Not(not) => {
                let not = self.predicate(access, named, not)?;
                Ok(Predicate::Not(Box::new(not)))
            }
            Condition::Test(field, test) => {
                let embedded = named.get(&field.column).filter(|_| field.path.is_empty());
                match (embedded, test) {
                    (None, _) => Ok(Predicate::Test(place(access, field, None)?, test.clone())),
                    (Some((_, rows)), Test::Is(Truth::NotNull)) => {
                        Ok(Predicate::Exists(Arc::clone(rows)))
                    }
                    (Some((_, rows)), Test::Is(Truth::Null)) => Ok(Predicate::Not(Box::new(
                        Predicate::Exists(Arc::clone(rows)),
                    ))),
                    (Some(_), _) => Err(Refusal::EmbeddedTest(field.column.clone())),
                }
            }
        }
    }
}

fn spend(left: usize, spent: usize, what: &'static str) -> Result<usize, Refusal> {
    left.checked_sub(spent).ok_or(Refusal::TooComplex(what))
}

/// A field of this table.
pub(crate) fn place<'a>(
    access: Access<'a>,
    field: &Field,
    cast: Option<&str>,
) -> Result<Place<'a>, Refusal> {
    let cast = cast.map(cast::named);
    Ok(Place {
        column: access.column(&field.column)?,
        path: field.path.clone(),
        as_text: field.as_text,
        cast: cast.transpose()?,
    })
}

fn ordering<'a>(
    access: Access<'a>,
    named: &Named<'a>,
    term: &Order,
) -> Result<Ordering<'a>, Refusal> {
    let through = term.relation.as_ref().map(|relation| {
        let found = named.get(relation);
        let (target, rows) = found.ok_or_else(|| Refusal::NotEmbedded(relation.clone()))?;
        if rows.many {
            return Err(Refusal::OrderByMany {
                parent: access.table().name.clone(),
                child: target.clone(),
            });
        }
        Ok(Arc::clone(rows))
    });
    let through = through.transpose()?;
    let of = through.as_ref().map_or(access, |rows| rows.node.access);
    Ok(Ordering {
        place: place(of, &term.field, None)?,
        through,
        descending: term.descending,
        nulls_first: term.nulls_first.unwrap_or(term.descending),
    })
}
