//! The values of a row: of its own, of rows that belong to it as one document, and of such
//! rows among its own. Not here: values of many rows.

use super::group::Groups;
use super::source::{arrangement, firm_arrangement, source};
use crate::engine::Flavour;
use crate::plan::expression::{self, Form, Shape};
use crate::plan::refusal::Refusal;
use crate::plan::tree::{Embedded, Source};
use crate::plan::writer::Writer;
use crate::schema::ColumnKind;

/// A value as a column of an answer.
pub(super) fn top(
    w: &mut Writer,
    called: &str,
    from: &Source<'_>,
    form: Form,
) -> Result<Shape, Refusal> {
    match from {
        Source::Field(place) => expression::top(w, called, place, form),
        Source::Embedded(embedded) => {
            document(w, called, embedded)?;
            as_text(w);
            Ok(Shape::Document)
        }
        Source::Spread(embedded, at) if embedded.many => {
            list(w, called, embedded, *at)?;
            as_text(w);
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
        Source::Row => {
            w.sql("1");
            Ok(Shape::Plain(ColumnKind::Int))
        }
        Source::Aggregate(_) => Err(misplaced()),
    }
}

/// PostgreSQL's documents come as texts.
fn as_text(w: &mut Writer) {
    if w.flavour() == Flavour::Postgres {
        w.sql("::text");
    }
}

/// A value of many rows stands where rows are read, and not where they are changed.
fn misplaced() -> Refusal {
    Refusal::Unavailable("aggregates are not taken where rows are changed".to_owned())
}

/// A value within a document.
pub(super) fn nested(w: &mut Writer, called: &str, from: &Source<'_>) -> Result<(), Refusal> {
    // What a sub-select of SQLite answers is no longer known to be JSON.
    let forgets = w.flavour() == Flavour::Sqlite && is_document(from);
    let (before, after) = if forgets { ("json(", ")") } else { ("", "") };
    match from {
        Source::Field(place) => expression::nested(w, called, place),
        Source::Embedded(embedded) => {
            w.sql(before);
            document(w, called, embedded)?;
            w.sql(after);
            Ok(())
        }
        Source::Spread(embedded, at) if embedded.many => {
            w.sql(before);
            list(w, called, embedded, *at)?;
            w.sql(after);
            Ok(())
        }
        Source::Spread(embedded, at) => {
            w.sql(before);
            spread(w, called, embedded, *at, nested)?;
            w.sql(after);
            Ok(())
        }
        Source::Row => {
            w.sql("1");
            Ok(())
        }
        Source::Aggregate(_) => Err(misplaced()),
    }
}

/// Whether SQLite's value of it is a JSON document and no plain value.
pub(super) fn is_document(from: &Source<'_>) -> bool {
    match from {
        Source::Embedded(_) => true,
        Source::Field(place) => matches!(
            expression::kind(place),
            ColumnKind::Bool | ColumnKind::Json | ColumnKind::Array
        ),
        Source::Spread(embedded, at) => {
            let inner = embedded.node.outputs.get(*at);
            embedded.many || inner.is_some_and(|output| is_document(&output.source))
        }
        Source::Row | Source::Aggregate(_) => false,
    }
}

/// One value of the embedded row.
pub(super) fn spread(
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

/// One value of each embedded row, as a list. Every value's list is in the same order.
pub(super) fn list(
    w: &mut Writer,
    called: &str,
    embedded: &Embedded<'_>,
    at: usize,
) -> Result<(), Refusal> {
    let node = &embedded.node;
    let Some(output) = node.outputs.get(at) else {
        w.sql("NULL");
        return Ok(());
    };
    let alias = w.alias();
    w.sql(match (w.flavour(), is_document(&output.source)) {
        (Flavour::Postgres, _) => "(SELECT coalesce(json_agg(\"~\".\"~v\"), '[]'::json)",
        // Not `json_group_array`, whose text has no bound while it grows.
        (Flavour::Sqlite, true) => {
            "(SELECT json('[' || coalesce(group_concat(coalesce(\"~v\", 'null')), '') || ']')"
        }
        (Flavour::Sqlite, false) => {
            "(SELECT json('[' || coalesce(group_concat(json_quote(\"~v\")), '') || ']')"
        }
    });
    w.sql(" FROM (SELECT ");
    nested(w, &alias, &output.source)?;
    w.sql(" AS \"~v\"");
    source(w, &alias, node, Some((&embedded.link, called)))?;
    firm_arrangement(w, &alias, node)?;
    w.sql(") AS \"~\")");
    Ok(())
}

/// Embedded rows as a document: an object, or an array of them.
pub(super) fn document(
    w: &mut Writer,
    called: &str,
    embedded: &Embedded<'_>,
) -> Result<(), Refusal> {
    let node = &embedded.node;
    let alias = w.alias();
    let groups = node.is_grouped().then(|| Groups::of(w, node));
    let postgres = w.flavour() == Flavour::Postgres;
    w.sql(match (postgres, embedded.many) {
        (true, true) => {
            "(SELECT coalesce(json_agg(row_to_json(\"~\".*)), '[]'::json) FROM (SELECT "
        }
        (true, false) => "(SELECT row_to_json(\"~\".*) FROM (SELECT ",
        // Not `json_group_array`, as above.
        (false, true) => {
            "(SELECT json('[' || coalesce(group_concat(\"~\"), '') || ']') FROM (SELECT json_object("
        }
        (false, false) => "(SELECT json_object(",
    });
    w.separated(", ", node.outputs.iter().enumerate(), |w, (at, output)| {
        if !postgres {
            w.text(output.name.as_str()).sql(", ");
        }
        match &groups {
            Some(groups) => groups.nested(w, at, output)?,
            None => nested(w, &alias, &output.source)?,
        }
        if postgres {
            w.sql(" AS ").name(&output.name);
        }
        Ok::<_, Refusal>(())
    })?;
    if !postgres {
        w.sql(if embedded.many { ") AS \"~\"" } else { ")" });
    }
    let outer = Some((&embedded.link, called));
    match &groups {
        Some(groups) => groups.source(w, &alias, outer)?,
        None => source(w, &alias, node, outer)?,
    }
    match (&groups, embedded.many) {
        (_, false) => {
            w.sql(" LIMIT 1");
        }
        (Some(groups), true) => groups.arrangement(w)?,
        (None, true) => arrangement(w, &alias, node)?,
    }
    w.sql(match (postgres, embedded.many) {
        (true, _) => ") AS \"~\")",
        (false, true) => "))",
        (false, false) => ")",
    });
    Ok(())
}
