//! Rows put together: one for each set of values that they have in common. The rows that are
//! asked for are an inner query with a column for each value; the outer one puts them
//! together. Not here: which rows those are.

use super::Head;
use super::source::{direction, limits, source};
use super::value::{document, list, spread};
use crate::engine::Flavour;
use crate::plan::expression::{self, Form, Shape};
use crate::plan::refusal::Refusal;
use crate::plan::request::Function;
use crate::plan::tree::{Aggregate, Link, Node, Ordering, Output, Place, Source};
use crate::plan::writer::Writer;
use crate::schema::ColumnKind;

/// The rows of a node, put together.
pub(super) struct Groups<'n, 'a> {
    node: &'n Node<'a>,
    /// What the inner query is called.
    inner: String,
    flavour: Flavour,
}

/// What a column of the inner query holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// A value of this kind.
    Value(ColumnKind),
    /// The text of a JSON document.
    Document,
}

impl<'n, 'a> Groups<'n, 'a> {
    pub(super) fn of(w: &mut Writer, node: &'n Node<'a>) -> Self {
        Self {
            node,
            inner: w.alias(),
            flavour: w.flavour(),
        }
    }

    /// Writes the values as columns of an answer.
    pub(super) fn heads(&self, w: &mut Writer, form: Form) -> Result<Vec<Head>, Refusal> {
        let mut heads = Vec::new();
        w.separated(
            ", ",
            self.node.outputs.iter().enumerate(),
            |w, (at, output)| {
                let shape = match self.held(&output.source) {
                    Held::Document => {
                        self.column(w, at);
                        Shape::Document
                    }
                    Held::Value(kind) => {
                        self.check(&output.source)?;
                        expression::top_of(w, kind, form, &|w| self.value(w, at, &output.source))?
                    }
                };
                heads.push(Head {
                    name: output.name.clone(),
                    shape,
                });
                Ok::<_, Refusal>(())
            },
        )?;
        Ok(heads)
    }

    /// Writes one value within a document.
    pub(super) fn nested(
        &self,
        w: &mut Writer,
        at: usize,
        output: &Output<'_>,
    ) -> Result<(), Refusal> {
        match (self.held(&output.source), self.flavour) {
            (Held::Document, Flavour::Postgres) => {
                self.column(w, at);
                w.sql("::json");
                Ok(())
            }
            (Held::Document, Flavour::Sqlite) => {
                w.sql("json(");
                self.column(w, at);
                w.sql(")");
                Ok(())
            }
            (Held::Value(kind), _) => {
                self.check(&output.source)?;
                expression::nested_of(w, kind, &|w| self.value(w, at, &output.source))
            }
        }
    }

    /// Writes where they come from, and what they have in common.
    pub(super) fn source(
        &self,
        w: &mut Writer,
        called: &str,
        outer: Option<(&Link<'_>, &str)>,
    ) -> Result<(), Refusal> {
        w.sql(" FROM (SELECT 1");
        for (at, output) in self.node.outputs.iter().enumerate() {
            let value = match &output.source {
                Source::Aggregate(aggregate) => match &aggregate.of {
                    Some(value) => value,
                    None => continue,
                },
                value => value,
            };
            w.sql(", ");
            inner(w, called, value)?;
            w.sql(" AS ").name(&column_name(at));
        }
        source(w, called, self.node, outer)?;
        w.sql(") AS ").name(&self.inner);
        let mut between = " GROUP BY ";
        for (at, output) in self.node.outputs.iter().enumerate() {
            if !matches!(output.source, Source::Aggregate(_)) {
                w.sql(between);
                self.column(w, at);
                between = ", ";
            }
        }
        Ok(())
    }

    /// Writes the order and the limits.
    pub(super) fn arrangement(&self, w: &mut Writer) -> Result<(), Refusal> {
        if !self.node.order.is_empty() {
            w.sql(" ORDER BY ");
            w.separated(", ", &self.node.order, |w, term| self.ordering(w, term))?;
        }
        limits(w, self.node);
        Ok(())
    }

    fn ordering(&self, w: &mut Writer, term: &Ordering<'_>) -> Result<(), Refusal> {
        let mut outputs = self.node.outputs.iter();
        let at = outputs.position(|output| is_ordered_by(&output.source, term));
        let Some((at, output)) = at.and_then(|at| Some((at, self.node.outputs.get(at)?))) else {
            let of = term.through.as_ref().map(|rows| rows.node.access);
            let of = of.unwrap_or(self.node.access);
            return Err(Refusal::NotGrouped {
                table: of.table().name.clone(),
                column: term.place.column.name.clone(),
            });
        };
        // A number in a document is ordered as one.
        let is_part = self.held(&output.source) == Held::Document;
        w.sql(if is_part { "json_extract(" } else { "" });
        self.column(w, at);
        w.sql(if is_part { ", '$')" } else { "" });
        direction(w, term);
        Ok(())
    }

    fn column(&self, w: &mut Writer, at: usize) {
        w.column(&self.inner, &column_name(at));
    }

    fn value(&self, w: &mut Writer, at: usize, from: &Source<'_>) -> Result<(), Refusal> {
        match from {
            Source::Aggregate(aggregate) => match aggregate.cast {
                None => self.put_together(w, at, aggregate),
                Some(cast) => {
                    let kind = self.result(aggregate);
                    expression::cast(w, cast, kind, &|w| self.put_together(w, at, aggregate))
                }
            },
            _ => {
                self.column(w, at);
                Ok(())
            }
        }
    }

    fn put_together(
        &self,
        w: &mut Writer,
        at: usize,
        aggregate: &Aggregate<'_>,
    ) -> Result<(), Refusal> {
        w.sql(aggregate.function.name()).sql("(");
        if aggregate.of.is_some() {
            self.column(w, at);
        } else {
            w.sql("*");
        }
        w.sql(")");
        Ok(())
    }

    fn held(&self, from: &Source<'_>) -> Held {
        match from {
            Source::Field(place) => match (self.flavour, expression::kind(place)) {
                (Flavour::Sqlite, ColumnKind::Json | ColumnKind::Array) => Held::Document,
                (_, kind) => Held::Value(kind),
            },
            Source::Embedded(_) => Held::Document,
            Source::Spread(embedded, _) if embedded.many => Held::Document,
            Source::Spread(embedded, at) => {
                let inner = embedded.node.outputs.get(*at);
                inner.map_or(Held::Document, |output| self.held(&output.source))
            }
            Source::Row => Held::Value(ColumnKind::Int),
            Source::Aggregate(aggregate) => Held::Value(match aggregate.cast {
                Some(cast) => cast.kind,
                None => self.result(aggregate),
            }),
        }
    }

    /// The kind of what comes of the rows.
    fn result(&self, aggregate: &Aggregate<'_>) -> ColumnKind {
        let of = aggregate.of.as_ref().map(|value| self.held(value));
        let kind = match of {
            Some(Held::Value(kind)) => kind,
            Some(Held::Document) | None => ColumnKind::Json,
        };
        match (aggregate.function, self.flavour, kind) {
            (Function::Count, ..) => ColumnKind::Int,
            (Function::Sum | Function::Avg, _, ColumnKind::Real)
            | (Function::Avg, Flavour::Sqlite, _) => ColumnKind::Real,
            (Function::Sum | Function::Avg, Flavour::Postgres, _) => ColumnKind::Numeric,
            (_, _, kind) => kind,
        }
    }

    /// PostgreSQL knows of what there is a sum; SQLite would make one of anything.
    fn check(&self, from: &Source<'_>) -> Result<(), Refusal> {
        use ColumnKind::{Int, Numeric, Real, Text, Time};
        let Source::Aggregate(aggregate) = from else {
            return Ok(());
        };
        let (Flavour::Sqlite, Some(value)) = (self.flavour, &aggregate.of) else {
            return Ok(());
        };
        let held = self.held(value);
        let is_known = matches!(
            (aggregate.function, held),
            (Function::Count, _)
                | (_, Held::Value(Int | Numeric | Real))
                | (Function::Min | Function::Max, Held::Value(Text | Time))
        );
        if is_known {
            return Ok(());
        }
        Err(Refusal::NoFunction {
            function: aggregate.function.name(),
            type_name: type_name(value),
        })
    }
}

fn column_name(at: usize) -> String {
    format!("~{at}")
}

/// A value of a row, so that equal ones are found to be equal.
fn inner(w: &mut Writer, called: &str, from: &Source<'_>) -> Result<(), Refusal> {
    let postgres = w.flavour() == Flavour::Postgres;
    let as_text = if postgres { "::text" } else { "" };
    match from {
        Source::Field(place) if !postgres => {
            expression::top(w, called, place, Form::Json).map(drop)
        }
        Source::Field(place) if expression::kind(place) == ColumnKind::Json => {
            w.sql("to_jsonb(");
            expression::scalar(w, called, place)?;
            w.sql(")");
            Ok(())
        }
        Source::Field(place) => expression::scalar(w, called, place),
        Source::Embedded(embedded) => {
            document(w, called, embedded)?;
            w.sql(as_text);
            Ok(())
        }
        Source::Spread(embedded, at) if embedded.many => {
            list(w, called, embedded, *at)?;
            w.sql(as_text);
            Ok(())
        }
        Source::Spread(embedded, at) => spread(w, called, embedded, *at, inner),
        Source::Row | Source::Aggregate(_) => {
            w.sql("1");
            Ok(())
        }
    }
}

/// Whether an order by this term is one by this value.
fn is_ordered_by(from: &Source<'_>, term: &Ordering<'_>) -> bool {
    let is_same = |place: &Place<'_>| {
        let wanted = &term.place;
        place.column.name == wanted.column.name
            && place.path == wanted.path
            && place.as_text == wanted.as_text
    };
    match (from, &term.through) {
        (Source::Field(place), None) => is_same(place),
        (Source::Spread(embedded, at), Some(through)) => {
            let inner = embedded.node.outputs.get(*at).map(|output| &output.source);
            std::sync::Arc::ptr_eq(embedded, through)
                && matches!(inner, Some(Source::Field(place)) if is_same(place))
        }
        _ => false,
    }
}

/// What a refusal calls the type of a value.
fn type_name(from: &Source<'_>) -> String {
    match from {
        Source::Field(place) => match (place.cast, place.path.is_empty(), place.as_text) {
            (Some(cast), _, _) => cast.type_name.to_owned(),
            (None, true, _) => place.column.type_name.to_lowercase(),
            (None, false, true) => "text".to_owned(),
            (None, false, false) => "jsonb".to_owned(),
        },
        Source::Spread(embedded, at) if !embedded.many => {
            let inner = embedded.node.outputs.get(*at);
            inner.map_or_else(String::new, |output| type_name(&output.source))
        }
        _ => "json".to_owned(),
    }
}
