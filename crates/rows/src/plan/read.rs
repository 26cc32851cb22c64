//! Reading: one statement for the rows, with what is embedded as documents, and one for how
//! many there are. Not here: names, which are resolved.

use super::expression::{self, Form, Shape};
use super::refusal::{Refusal, Right};
use super::tree::{Embedded, Link, Node, Ordering, Output, Predicate, Source};
use super::writer::Writer;
use crate::engine::{Flavour, Statement};
use crate::schema::ColumnKind;

/// Rows, ready to be asked for.
#[derive(Debug)]
pub struct ReadPlan {
    /// The statement.
    pub statement: Statement,
    /// The columns of its result.
    pub columns: Vec<Head>,
}

/// One column of a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its name in the answer.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
}

/// The rows of this tree.
///
/// # Errors
/// [`Refusal`], also where the caller may not read.
pub fn rows(node: &Node<'_>, form: Form) -> Result<ReadPlan, Refusal> {
    let mut w = begin(node)?;
    let root = node.access.table().name.as_str();
    w.sql("SELECT ");
    let columns = outputs(&mut w, root, &node.outputs, form)?;
    source(&mut w, root, node, None)?;
    arrangement(&mut w, root, node)?;
    let (text, params) = w.finish();
    Ok(ReadPlan {
        statement: Statement::new(text, params, false),
        columns,
    })
}

/// How many rows this tree has, whatever its limit.
///
/// # Errors
/// As [`rows`].
pub fn total(node: &Node<'_>) -> Result<Statement, Refusal> {
    let mut w = begin(node)?;
    w.sql("SELECT count(*)");
    source(&mut w, &node.access.table().name, node, None)?;
    let (text, params) = w.finish();
    Ok(Statement::new(text, params, false))
}

/// How many rows of this tree an answer would have.
///
/// # Errors
/// As [`rows`].
pub fn extent(node: &Node<'_>) -> Result<Statement, Refusal> {
    let mut w = begin(node)?;
    w.sql("SELECT count(*) FROM (SELECT 1");
    source(&mut w, &node.access.table().name, node, None)?;
    limits(&mut w, node);
    w.sql(") AS \"~\"");
    let (text, params) = w.finish();
    Ok(Statement::new(text, params, false))
}

fn begin(node: &Node<'_>) -> Result<Writer, Refusal> {
    let scope = node.access.scope();
    scope.require(Right::Read)?;
    Ok(Writer::new(scope.flavour()))
}

/// Writes the columns of a result; the root is called by its own name.
pub(crate) fn outputs(
    w: &mut Writer,
    root: &str,
    all: &[Output<'_>],
    form: Form,
) -> Result<Vec<Head>, Refusal> {
    let mut heads = Vec::with_capacity(all.len());
    if all.is_empty() {
        w.sql("1");
        return Ok(heads);
    }
    w.separated(", ", all, |w, output| {
        let shape = top(w, root, &output.source, form)?;
        heads.push(Head {
            name: output.name.clone(),
            shape,
        });
        Ok::<_, Refusal>(())
    })?;
    Ok(heads)
}

fn top(w: &mut Writer, called: &str, source: &Source<'_>, form: Form) -> Result<Shape, Refusal> {
    match source {
        Source::Field(place) => expression::top(w, called, place, form),
        Source::Embedded(embedded) => {
            document(w, called, embedded)?;
            if w.flavour() == Flavour::Postgres {
                w.sql("::text");
            }
            Ok(Shape::Document)
        }
        Source::Spread(embedded, at) => {
            let mut shape = Shape::Document;
            spread(w, called, embedded, *at, |w, alias, inner| {
                shape = top(w, alias, inner, form)?;
                Ok(())
            })?;
            Ok(shape)
        }
    }
}

fn nested(w: &mut Writer, called: &str, source: &Source<'_>) -> Result<(), Refusal> {
    match source {
        Source::Field(place) => expression::nested(w, called, place),
        Source::Embedded(embedded) if w.flavour() == Flavour::Sqlite => {
            w.sql("json(");
            document(w, called, embedded)?;
            w.sql(")");
            Ok(())
        }
        Source::Embedded(embedded) => document(w, called, embedded),
        Source::Spread(embedded, at) => {
            // What a sub-select of SQLite answers is no longer known to be JSON.
            let forgets = w.flavour() == Flavour::Sqlite && is_document(source);
            w.sql(if forgets { "json(" } else { "" });
            spread(w, called, embedded, *at, nested)?;
            w.sql(if forgets { ")" } else { "" });
            Ok(())
        }
    }
}

/// Whether SQLite's value of it is a JSON document and no plain value.
fn is_document(source: &Source<'_>) -> bool {
    match source {
        Source::Embedded(_) => true,
        Source::Field(place) => matches!(
            expression::kind(place),
            ColumnKind::Bool | ColumnKind::Json | ColumnKind::Array
        ),
        Source::Spread(embedded, at) => {
            let inner = embedded.node.outputs.get(*at);
            inner.is_some_and(|output| is_document(&output.source))
        }
    }
}

/// One value of the embedded row.
fn spread(
    w: &mut Writer,
    called: &str,
    embedded: &Embedded<'_>,
    at: usize,
    write: impl FnOnce(&mut Writer, &str, &Source<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Some(output) = embedded.node.outputs.get(at) else {
        w.sql("NULL");
        return Ok(());
    };
    let alias = w.alias();
    w.sql("(SELECT ");
    write(w, &alias, &output.source)?;
    source(w, &alias, &embedded.node, Some((&embedded.link, called)))?;
    w.sql(" LIMIT 1)");
    Ok(())
}

/// Embedded rows as a document: an object, or an array of them.
fn document(w: &mut Writer, called: &str, embedded: &Embedded<'_>) -> Result<(), Refusal> {
    let alias = w.alias();
    let node = &embedded.node;
    let postgres = w.flavour() == Flavour::Postgres;
    w.sql(match (postgres, embedded.many) {
        (true, true) => {
            "(SELECT coalesce(json_agg(row_to_json(\"~\".*)), '[]'::json) FROM (SELECT "
        }
        (true, false) => "(SELECT row_to_json(\"~\".*) FROM (SELECT ",
        // Not `json_group_array`, whose text has no bound while it grows.
        (false, true) => {
            "(SELECT json('[' || coalesce(group_concat(\"~\"), '') || ']') FROM (SELECT json_object("
        }
        (false, false) => "(SELECT json_object(",
    });
    w.separated(", ", &node.outputs, |w, output| {
        if !postgres {
            w.text(output.name.as_str()).sql(", ");
        }
        nested(w, &alias, &output.source)?;
        if postgres {
            w.sql(" AS ").name(&output.name);
        }
        Ok::<_, Refusal>(())
    })?;
    if !postgres {
        w.sql(if embedded.many { ") AS \"~\"" } else { ")" });
    }
    source(w, &alias, node, Some((&embedded.link, called)))?;
    if embedded.many {
        arrangement(w, &alias, node)?;
    } else {
        w.sql(" LIMIT 1");
    }
    w.sql(match (postgres, embedded.many) {
        (true, _) => ") AS \"~\")",
        (false, true) => "))",
        (false, false) => ")",
    });
    Ok(())
}

/// Writes where rows come from and which of them: the caller's own, those that belong to the
/// outer row, and those asked for.
fn source(
    w: &mut Writer,
    alias: &str,
    node: &Node<'_>,
    outer: Option<(&Link<'_>, &str)>,
) -> Result<(), Refusal> {
    w.sql(" FROM ")
        .name(&node.access.table().name)
        .sql(" AS ")
        .name(alias);
    match outer {
        None => {
            w.sql(" WHERE ");
        }
        Some((Link::Direct(pairs), outer)) => {
            w.sql(" WHERE ");
            equal(w, pairs, outer, alias);
            w.sql(" AND ");
        }
        Some((
            Link::Through {
                junction,
                near,
                far,
            },
            outer,
        )) => {
            let between = w.alias();
            w.sql(" JOIN ")
                .name(&junction.table().name)
                .sql(" AS ")
                .name(&between);
            w.sql(" ON ");
            equal(w, far, &between, alias);
            w.sql(" WHERE ");
            equal(w, near, outer, &between);
            w.sql(" AND ");
            junction.guard(w, &between)?;
            w.sql(" AND ");
        }
    }
    restriction(w, alias, node)
}

/// Writes the caller's rows of a table, and of those the ones asked for.
pub(crate) fn restriction(w: &mut Writer, called: &str, node: &Node<'_>) -> Result<(), Refusal> {
    node.access.guard(w, called)?;
    for filter in &node.filters {
        w.sql(" AND ");
        predicate(w, called, filter)?;
    }
    Ok(())
}

fn equal(w: &mut Writer, pairs: &[(&str, &str)], left: &str, right: &str) {
    for (at, (near, far)) in pairs.iter().enumerate() {
        if at > 0 {
            w.sql(" AND ");
        }
        w.column(left, near).sql(" = ").column(right, far);
    }
}

fn predicate(w: &mut Writer, called: &str, asked: &Predicate<'_>) -> Result<(), Refusal> {
    match asked {
        Predicate::All(all) if all.is_empty() => {
            w.sql("TRUE");
            Ok(())
        }
        Predicate::Any(any) if any.is_empty() => {
            w.sql("FALSE");
            Ok(())
        }
        Predicate::All(all) => joined(w, called, all, " AND "),
        Predicate::Any(any) => joined(w, called, any, " OR "),
        Predicate::Not(not) => {
            w.sql("NOT ");
            predicate(w, called, not)
        }
        Predicate::Test(place, test) => super::test::write(w, called, place, test),
        Predicate::Exists(embedded) => {
            let alias = w.alias();
            w.sql("EXISTS (SELECT 1");
            source(w, &alias, &embedded.node, Some((&embedded.link, called)))?;
            w.sql(")");
            Ok(())
        }
    }
}

fn joined(
    w: &mut Writer,
    called: &str,
    all: &[Predicate<'_>],
    between: &str,
) -> Result<(), Refusal> {
    w.sql("(");
    w.separated(between, all, |w, one| predicate(w, called, one))?;
    w.sql(")");
    Ok(())
}

/// Writes the order and the limits.
fn arrangement(w: &mut Writer, called: &str, node: &Node<'_>) -> Result<(), Refusal> {
    if !node.order.is_empty() {
        w.sql(" ORDER BY ");
        w.separated(", ", &node.order, |w, term| ordering(w, called, term))?;
    }
    limits(w, node);
    Ok(())
}

fn limits(w: &mut Writer, node: &Node<'_>) {
    match (node.limit, w.flavour()) {
        (Some(limit), _) => {
            w.sql(" LIMIT ").count(limit);
        }
        // SQLite has no OFFSET without a LIMIT.
        (None, Flavour::Sqlite) if node.offset > 0 => {
            w.sql(" LIMIT -1");
        }
        (None, _) => {}
    }
    if node.offset > 0 {
        w.sql(" OFFSET ").count(node.offset);
    }
}

fn ordering(w: &mut Writer, called: &str, term: &Ordering<'_>) -> Result<(), Refusal> {
    match &term.through {
        None => expression::scalar(w, called, &term.place)?,
        Some(embedded) => {
            let alias = w.alias();
            w.sql("(SELECT ");
            expression::scalar(w, &alias, &term.place)?;
            source(w, &alias, &embedded.node, Some((&embedded.link, called)))?;
            w.sql(" LIMIT 1)");
        }
    }
    w.sql(if term.descending { " DESC" } else { " ASC" });
    w.sql(if term.nulls_first {
        " NULLS FIRST"
    } else {
        " NULLS LAST"
    });
    Ok(())
}
