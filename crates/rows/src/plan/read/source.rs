//! Where rows come from, which of them, in which order and how many. Not here: what is read
//! of them.

use crate::engine::Flavour;
use crate::plan::expression;
use crate::plan::refusal::Refusal;
use crate::plan::tree::{Link, Node, Ordering, Predicate};
use crate::plan::writer::Writer;

/// Writes where rows come from and which of them: the caller's own, those that belong to the
/// outer row, and those asked for.
pub(super) fn source(
    w: &mut Writer,
    alias: &str,
    node: &Node<'_>,
    outer: Option<(&Link<'_>, &str)>,
) -> Result<(), Refusal> {
    match &node.call {
        Some(call) => call.source(w, alias),
        None => {
            w.sql(" FROM ").name(&node.access.table().name);
            w.sql(" AS ").name(alias);
        }
    }
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
        Predicate::Test(place, test) => crate::plan::test::write(w, called, place, test),
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
pub(super) fn arrangement(w: &mut Writer, called: &str, node: &Node<'_>) -> Result<(), Refusal> {
    if !node.order.is_empty() {
        w.sql(" ORDER BY ");
        w.separated(", ", &node.order, |w, term| ordering(w, called, term))?;
    }
    limits(w, node);
    Ok(())
}

/// Writes an order that leaves nothing open, where rows have a key, and the limits: what is
/// read of them twice comes in one order.
pub(super) fn firm_arrangement(
    w: &mut Writer,
    called: &str,
    node: &Node<'_>,
) -> Result<(), Refusal> {
    let access = node.access;
    let key = access.own(&access.table().primary_key);
    let key: Vec<&str> = key.filter(|name| access.grant().selects(name)).collect();
    let mut between = " ORDER BY ";
    for term in &node.order {
        w.sql(between);
        ordering(w, called, term)?;
        between = ", ";
    }
    for name in key {
        w.sql(between).column(called, name);
        between = ", ";
    }
    limits(w, node);
    Ok(())
}

pub(super) fn limits(w: &mut Writer, node: &Node<'_>) {
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
    direction(w, term);
    Ok(())
}

/// Writes which way an order goes.
pub(super) fn direction(w: &mut Writer, term: &Ordering<'_>) {
    w.sql(if term.descending { " DESC" } else { " ASC" });
    w.sql(if term.nulls_first {
        " NULLS FIRST"
    } else {
        " NULLS LAST"
    });
}
