//! What a row has: the values that a selection names. Not here: rows of other tables.

use super::{cast, place};
use crate::plan::access::Access;
use crate::plan::refusal::Refusal;
use crate::plan::request::{Embed, Field, Function, Item, Step};
use crate::plan::tree::{Aggregate, Embedded, Output, Place, Source};
use std::sync::Arc;

/// Adds a value, or every column, of the row itself.
///
/// # Errors
/// [`Refusal`].
pub(super) fn own<'a>(
    outputs: &mut Vec<Output<'a>>,
    access: Access<'a>,
    item: &Item,
) -> Result<(), Refusal> {
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
        // The count as it was asked for before there were functions.
        Item::Field { field, alias, cast } if is_count(access, field) => {
            let name = alias.as_deref();
            outputs.push(aggregate(
                access,
                Function::Count,
                None,
                name,
                cast.as_deref(),
            )?);
        }
        Item::Field { field, alias, cast } => outputs.push(Output {
            name: alias.clone().unwrap_or_else(|| natural_name(field)),
            source: Source::Field(place(access, field, cast.as_deref())?),
        }),
        Item::Aggregate {
            function,
            of,
            taken_as,
            alias,
            cast,
        } => {
            let of = of.as_ref();
            let of = of.map(|field| place(access, field, taken_as.as_deref()));
            let of = of.transpose()?.map(Source::Field);
            outputs.push(aggregate(
                access,
                *function,
                of,
                alias.as_deref(),
                cast.as_deref(),
            )?);
        }
        Item::Embed(_) => {}
    }
    Ok(())
}

fn is_count(access: Access<'_>, field: &Field) -> bool {
    field.column == "count" && field.path.is_empty() && access.column("count").is_err()
}

fn aggregate<'a>(
    access: Access<'a>,
    function: Function,
    of: Option<Source<'a>>,
    alias: Option<&str>,
    cast_to: Option<&str>,
) -> Result<Output<'a>, Refusal> {
    if !access.scope().has_aggregates() {
        return Err(Refusal::Aggregate);
    }
    Ok(Output {
        name: alias.unwrap_or(function.name()).to_owned(),
        source: Source::Aggregate(Box::new(Aggregate {
            function,
            of,
            cast: cast_to.map(cast::named).transpose()?,
        })),
    })
}

/// Adds what an embedded table adds to the row: one value; its own values where it is spread;
/// and nothing where nothing of it is selected.
///
/// # Errors
/// [`Refusal::Unavailable`] where rows of several are put together and spread.
pub(super) fn embedded<'a>(
    outputs: &mut Vec<Output<'a>>,
    embed: &Embed,
    mut embedded: Embedded<'a>,
) -> Result<Arc<Embedded<'a>>, Refusal> {
    if !embed.spread {
        let embedded = Arc::new(embedded);
        if !embedded.node.outputs.is_empty() {
            outputs.push(Output {
                name: embed.name().to_owned(),
                source: Source::Embedded(Arc::clone(&embedded)),
            });
        }
        return Ok(embedded);
    }
    if embedded.many && embedded.node.is_grouped() {
        let details = "Aggregates are not implemented for one-to-many or many-to-many spreads.";
        return Err(Refusal::Unavailable(details.to_owned()));
    }
    let own = embedded.node.outputs.iter_mut();
    let lifted: Vec<_> = own.map(lift).collect();
    let embedded = Arc::new(embedded);
    for (at, (name, lifted)) in lifted.into_iter().enumerate() {
        let value = Source::Spread(Arc::clone(&embedded), at);
        let source = match lifted {
            None => value,
            Some(aggregate) => Source::Aggregate(Box::new(Aggregate {
                of: Some(value),
                ..aggregate
            })),
        };
        outputs.push(Output { name, source });
    }
    Ok(embedded)
}

/// What is made of many rows is made of the rows that it is spread into: the embedded row
/// gives only the value that it is made of.
fn lift<'a>(output: &mut Output<'a>) -> (String, Option<Aggregate<'a>>) {
    let name = output.name.clone();
    let Source::Aggregate(aggregate) = &mut output.source else {
        return (name, None);
    };
    let value = aggregate.of.take().unwrap_or(Source::Row);
    let lifted = Aggregate {
        function: aggregate.function,
        of: None,
        cast: aggregate.cast,
    };
    output.source = value;
    (name, Some(lifted))
}

/// The name of a field that was given none: the last member on its way, or the column.
fn natural_name(field: &Field) -> String {
    let member = field.path.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name),
        Step::Element(_) => None,
    });
    member.unwrap_or(&field.column).clone()
}
