//! From names to what they name: the tree that a statement is written from. Not here: SQL.

use super::access::Access;
use super::refusal::Refusal;
use super::relation;
use super::request::{Condition, Embed, Field, Item, Order, Read, Step, Test, Truth};
use super::tree::{Cast, Embedded, Node, Ordering, Output, Place, Predicate, Source};
use crate::schema::ColumnKind;
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

/// The types that values may be cast to, as clients and PostgreSQL name them.
const CASTS: [(&str, Cast); 26] = [
    ("text", cast("text", ColumnKind::Text)),
    ("varchar", cast("text", ColumnKind::Text)),
    ("character varying", cast("text", ColumnKind::Text)),
    ("int", cast("integer", ColumnKind::Int)),
    ("integer", cast("integer", ColumnKind::Int)),
    ("int4", cast("integer", ColumnKind::Int)),
    ("smallint", cast("smallint", ColumnKind::Int)),
    ("int2", cast("smallint", ColumnKind::Int)),
    ("bigint", cast("bigint", ColumnKind::Int)),
    ("int8", cast("bigint", ColumnKind::Int)),
    ("real", cast("real", ColumnKind::Real)),
    ("float4", cast("real", ColumnKind::Real)),
    ("float", cast("double precision", ColumnKind::Real)),
    ("float8", cast("double precision", ColumnKind::Real)),
    (
        "double precision",
        cast("double precision", ColumnKind::Real),
    ),
    ("numeric", cast("numeric", ColumnKind::Numeric)),
    ("decimal", cast("numeric", ColumnKind::Numeric)),
    ("bool", cast("boolean", ColumnKind::Bool)),
    ("boolean", cast("boolean", ColumnKind::Bool)),
    ("json", cast("json", ColumnKind::Json)),
    ("jsonb", cast("jsonb", ColumnKind::Json)),
    ("uuid", cast("uuid", ColumnKind::Uuid)),
    ("date", cast("date", ColumnKind::Time)),
    ("time", cast("time", ColumnKind::Time)),
    ("timestamp", cast("timestamp", ColumnKind::Time)),
    ("timestamptz", cast("timestamptz", ColumnKind::Time)),
];

const fn cast(type_name: &'static str, kind: ColumnKind) -> Cast {
    Cast { type_name, kind }
}

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
                Item::All => outputs.extend(access.columns().map(|column| Output {
                    name: column.name.clone(),
                    source: Source::Field(Place {
                        column,
                        path: Vec::new(),
                        as_text: false,
                        cast: None,
                    }),
                })),
                Item::Field { field, alias, cast } => outputs.push(Output {
                    name: alias.clone().unwrap_or_else(|| natural_name(field)),
                    source: Source::Field(place(access, field, cast.as_deref())?),
                }),
                Item::Embed(embed) => {
                    let embedded = Arc::new(self.embedded(access, embed, depth)?);
                    if embed.inner {
                        filters.push(Predicate::Exists(Arc::clone(&embedded)));
                    }
                    outputs.extend(shown(embed, &embedded));
                    let target = embedded.node.access.table().name.clone();
                    named.insert(embed.name().to_owned(), (target, embedded));
                }
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
        if embed.spread && relation.many {
            return Err(Refusal::SpreadOfMany {
                parent: relation.parent.table().name.clone(),
                child: embed.target.clone(),
            });
        }
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

/// What an embedded table adds to the row: one value; its own values where it is spread; and
/// nothing where nothing of it is selected.
fn shown<'a>(embed: &Embed, embedded: &Arc<Embedded<'a>>) -> Vec<Output<'a>> {
    let inner = &embedded.node.outputs;
    if embed.spread {
        let spread = inner.iter().enumerate().map(|(at, output)| Output {
            name: output.name.clone(),
            source: Source::Spread(Arc::clone(embedded), at),
        });
        return spread.collect();
    }
    let whole = Output {
        name: embed.name().to_owned(),
        source: Source::Embedded(Arc::clone(embedded)),
    };
    (!inner.is_empty()).then_some(whole).into_iter().collect()
}

/// The name of a field that was given none: the last member on its way, or the column.
fn natural_name(field: &Field) -> String {
    let member = field.path.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name),
        Step::Element(_) => None,
    });
    member.unwrap_or(&field.column).clone()
}

/// A field of this table.
pub(crate) fn place<'a>(
    access: Access<'a>,
    field: &Field,
    cast: Option<&str>,
) -> Result<Place<'a>, Refusal> {
    let cast = cast.map(|name| {
        let lower = name.to_ascii_lowercase();
        let known = CASTS.iter().find(|(alias, _)| *alias == lower);
        known
            .map(|&(_, cast)| cast)
            .ok_or(Refusal::CastUnknown(name.to_owned()))
    });
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
