//! Reading: one statement for the rows, with what is embedded as documents, and one for how
//! many there are. Not here: names, which are resolved.

mod group;
mod source;
mod value;

pub(crate) use source::restriction;

use super::call::Call;
use super::expression::{Form, Shape};
use super::refusal::{Refusal, Right};
use super::tree::{Node, Output};
use super::writer::Writer;
use crate::engine::Statement;
use group::Groups;
use source::{arrangement, limits, source};

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
    w.sql(opening(node));
    let columns = if node.is_grouped() {
        let groups = Groups::of(&mut w, node);
        let columns = groups.heads(&mut w, form)?;
        groups.source(&mut w, root, None)?;
        groups.arrangement(&mut w)?;
        columns
    } else {
        let columns = outputs(&mut w, root, &node.outputs, form)?;
        source(&mut w, root, node, None)?;
        arrangement(&mut w, root, node)?;
        columns
    };
    let (text, params) = w.finish();
    Ok(ReadPlan {
        statement: Statement::new(text, params, writes(node)),
        columns,
    })
}

/// How many rows this tree has, whatever its limit.
///
/// # Errors
/// As [`rows`].
pub fn total(node: &Node<'_>) -> Result<Statement, Refusal> {
    let mut w = begin(node)?;
    w.sql(opening(node)).sql("count(*)");
    if node.is_grouped() {
        w.sql(" FROM (SELECT count(*)");
        Groups::of(&mut w, node).source(&mut w, &node.access.table().name, None)?;
        w.sql(") AS \"~\"");
    } else {
        source(&mut w, &node.access.table().name, node, None)?;
    }
    let (text, params) = w.finish();
    Ok(Statement::new(text, params, writes(node)))
}

/// How many rows of this tree an answer would have.
///
/// # Errors
/// As [`rows`].
pub fn extent(node: &Node<'_>) -> Result<Statement, Refusal> {
    let mut w = begin(node)?;
    let root = node.access.table().name.as_str();
    if node.is_grouped() {
        w.sql(opening(node)).sql("count(*) FROM (SELECT count(*)");
        Groups::of(&mut w, node).source(&mut w, root, None)?;
    } else {
        w.sql(opening(node)).sql("count(*) FROM (SELECT 1");
        source(&mut w, root, node, None)?;
    }
    limits(&mut w, node);
    w.sql(") AS \"~\"");
    let (text, params) = w.finish();
    Ok(Statement::new(text, params, writes(node)))
}

fn begin(node: &Node<'_>) -> Result<Writer, Refusal> {
    let scope = node.access.scope();
    scope.require(Right::Read)?;
    Ok(Writer::new(scope.flavour()))
}

fn writes(node: &Node<'_>) -> bool {
    node.call.as_ref().is_some_and(Call::writes)
}

/// Where a function is called, what is answered stands beside what was looked at before: its
/// rows say first that they are allowed.
const fn opening(node: &Node<'_>) -> &'static str {
    match node.call {
        Some(_) => "SELECT TRUE, ",
        None => "SELECT ",
    }
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
        let shape = value::top(w, root, &output.source, form)?;
        heads.push(Head {
            name: output.name.clone(),
            shape,
        });
        Ok::<_, Refusal>(())
    })?;
    Ok(heads)
}
