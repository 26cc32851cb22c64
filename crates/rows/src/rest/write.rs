//! POST, PUT, PATCH and DELETE of a table. PATCH and DELETE without a filter are all of the
//! caller's rows, as PostgREST has it. What differs from PostgREST: `limit`, `offset` and
//! `order` are refused where rows are changed.

use super::body;
use super::error::Refusal;
use super::media::Format;
use super::preference::{Missing, Resolution, Returned};
use super::range;
use super::render;
use super::{Asked, Desk};
use crate::engine::{ResultSet, Statement, Work};
use crate::fault::{Fault, FaultKind};
use crate::plan::access::Access;
use crate::plan::expression::Form;
use crate::plan::read::Head;
use crate::plan::request::{Field, Item, Read};
use crate::plan::tree::Node;
use crate::plan::write::{self, Conflict, Insert, Told, WritePlan};
use crate::plan::{Refusal as PlanRefusal, resolve};
use crate::value::Value;
use doorward_surface::{Body, body as bodies};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

mod put;

/// What is to be run, and how its results are read.
struct Prepared {
    work: Work,
    columns: Vec<Head>,
    checked: bool,
    /// Whether the columns are the key, for `Location`.
    is_key: bool,
    /// Whether the first result says if there are new rows.
    tells_new: bool,
}

/// What was changed.
struct Changed {
    rows: Vec<Vec<Value>>,
    affected: u64,
    /// Whether some row was made, and not merged with one that was there.
    is_new: bool,
}

/// Answers it.
pub(super) async fn answer(desk: Desk<'_>, asked: Asked) -> Result<Response<Body>, Refusal> {
    let Prepared {
        work,
        columns,
        checked,
        is_key,
        tells_new,
    } = prepare(desk, &asked).await?;
    let most = work.max_affected;
    let writes: Vec<bool> = work.statements.iter().map(Statement::writes).collect();
    let results = if work.statements.is_empty() {
        Vec::new()
    } else {
        let bounds = desk.terms.bounds_of(&columns, asked.accept);
        let running = desk.engine.run(desk.caller, work, bounds).await;
        running.map_err(|fault| refusal(fault, &asked, most))?
    };
    let skipped = usize::from(checked);
    if checked && !results.iter().all(allowed) {
        return Err(Refusal::Plan(PlanRefusal::RowDenied(asked.table)));
    }
    let is_new = !tells_new || results.first().is_some_and(says_new);
    let results = results.into_iter().zip(writes);
    let results = results.filter_map(|(result, writes)| writes.then_some(result));
    let changed = changed(results, is_new);
    respond(&asked, &columns, &changed, skipped, is_key)
}

/// Whether every row says of itself that it is allowed. The engine has seen to it before the
/// change was made to stay; this is the second look.
fn allowed(result: &ResultSet) -> bool {
    let mut said = result.rows.iter().map(|row| row.first());
    said.all(|said| matches!(said, Some(Value::Bool(true) | Value::Int(1))))
}

fn says_new(result: &ResultSet) -> bool {
    let said = result.rows.first().and_then(|row| row.get(1));
    matches!(said, Some(Value::Bool(true) | Value::Int(1)))
}

fn changed(results: impl Iterator<Item = ResultSet>, is_new: bool) -> Changed {
    let mut all = Changed {
        rows: Vec::new(),
        affected: 0,
        is_new,
    };
    for result in results {
        all.affected = all.affected.saturating_add(result.affected);
        all.rows.extend(result.rows);
    }
    all
}

/// An engine's fault, where it is one that the client brought about by a preference.
fn refusal(fault: Fault, asked: &Asked, most: Option<u64>) -> Refusal {
    match (fault.kind, most) {
        (FaultKind::TooManyAffected, _) if singular(asked) => Refusal::NotSingular(None),
        (FaultKind::TooManyAffected, Some(most)) => Refusal::TooManyAffected(most),
        (FaultKind::PolicyViolated, _) if fault.state.is_none() => {
            Refusal::Plan(PlanRefusal::RowDenied(asked.table.clone()))
        }
        _ => Refusal::Fault(fault),
    }
}

fn singular(asked: &Asked) -> bool {
    asked.accept.format == Format::Object && represented(asked)
}

fn represented(asked: &Asked) -> bool {
    asked.preferences.returned == Some(Returned::Representation)
}

async fn prepare(desk: Desk<'_>, asked: &Asked) -> Result<Prepared, Refusal> {
    let schema = desk.engine.schema().await?;
    let scope = desk.scope(&schema);
    let access = scope.table(&asked.table)?;
    refuse_arrangement(asked)?;
    let form = match asked.accept.format {
        Format::Csv => Form::Csv,
        Format::Array | Format::Object => Form::Json,
    };
    let makes = [Method::POST, Method::PUT].contains(&asked.method);
    let filtered = !makes && !asked.query.read.filters.is_empty();
    let key = (makes && asked.preferences.returned == Some(Returned::HeadersOnly))
        .then(|| key(access))
        .flatten();
    let is_key = key.is_some();
    let node = match key {
        Some(read) => Some(resolve::read(access, &read)?),
        None if filtered || represented(asked) => {
            let mut read = asked.query.read.clone();
            if makes {
                read.filters.clear();
            }
            Some(resolve::read(access, &read)?)
        }
        None => None,
    };
    let told = match &node {
        Some(node) if is_key => Told::Rows(node, Form::Csv),
        Some(node) if represented(asked) => Told::Rows(node, form),
        _ => Told::Number,
    };
    let plan = plan(access, asked, node.as_ref().filter(|_| filtered), told)?;
    let most = asked.preferences.most_affected();
    Ok(Prepared {
        work: Work {
            statements: plan.statements,
            rollback: asked.preferences.rollback == Some(true),
            max_affected: match singular(asked) {
                true => Some(most.map_or(1, |most| most.min(1))),
                false => most,
            },
            checked: plan.checked,
        },
        columns: plan.columns,
        checked: plan.checked,
        is_key,
        tells_new: plan.tells_new,
    })
}

/// An order, a limit or a required embedded row would say which rows are changed, or which of
/// them are told of; neither is done here, and to pass over them would change too much.
fn refuse_arrangement(asked: &Asked) -> Result<(), Refusal> {
    if asked.query.arranged && asked.method == Method::PUT {
        return Err(Refusal::KeyLimited);
    }
    let requires = |item: &Item| matches!(item, Item::Embed(embed) if embed.inner);
    let what = if asked.query.arranged {
        "order, limit and offset are not taken where rows are changed"
    } else if asked.query.read.select.iter().any(requires) {
        "an inner join is not taken where rows are changed"
    } else {
        return Ok(());
    };
    Err(Refusal::Plan(PlanRefusal::Unavailable(what.to_owned())))
}

/// The primary key, where the caller may read all of it.
fn key(access: Access<'_>) -> Option<Read> {
    let names: Vec<&str> = access.own(&access.table().primary_key).collect();
    let readable = names.iter().all(|name| access.grant().selects(name));
    let select = names.into_iter().map(|name| Item::Field {
        field: Field::column(name),
        alias: None,
        cast: None,
    });
    let read = Read {
        select: select.collect(),
        ..Read::default()
    };
    (readable && !read.select.is_empty()).then_some(read)
}

fn plan<'a>(
    access: Access<'a>,
    asked: &Asked,
    which: Option<&Node<'a>>,
    told: Told<'_, 'a>,
) -> Result<WritePlan, Refusal> {
    let columns = asked.query.columns.as_deref();
    match asked.method {
        Method::DELETE => Ok(write::delete(access, which, told)?),
        Method::PATCH => {
            let mut given = body::object(&asked.headers, &asked.body)?;
            if let Some(columns) = columns {
                given.retain(|name, _| columns.contains(name));
            }
            Ok(write::update(access, which, &given, told)?)
        }
        ref method => {
            let given = body::rows(&asked.headers, &asked.body, columns)?;
            let preferences = &asked.preferences;
            let conflict = if *method == Method::PUT {
                put::refuse_other_rows(access, &asked.query.read.filters, &given)?;
                Some(Conflict {
                    key: Vec::new(),
                    merge: true,
                })
            } else {
                preferences.resolution.map(|resolution| Conflict {
                    key: asked.query.on_conflict.clone(),
                    merge: resolution == Resolution::Merge,
                })
            };
            let insert = Insert {
                columns: given.columns,
                rows: given.rows,
                missing_is_default: preferences.missing == Some(Missing::Default),
                conflict,
            };
            Ok(write::insert(access, &insert, told)?)
        }
    }
}

fn respond(
    asked: &Asked,
    columns: &[Head],
    changed: &Changed,
    skipped: usize,
    is_key: bool,
) -> Result<Response<Body>, Refusal> {
    let mut response = Response::new(bodies::empty());
    let represented = represented(asked);
    if represented {
        let text = render::body(columns, &changed.rows, skipped, asked.accept)?;
        let media = HeaderValue::from_static(asked.accept.content_type());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        *response.body_mut() = bodies::full(text);
    }
    let merges = asked.preferences.resolution == Some(Resolution::Merge);
    *response.status_mut() = match (&asked.method, represented) {
        (&Method::POST, _) if merges && !(changed.is_new && changed.affected > 0) => StatusCode::OK,
        (&Method::POST, _) => StatusCode::CREATED,
        (&Method::PUT, true) if changed.is_new => StatusCode::CREATED,
        (_, true) => StatusCode::OK,
        (_, false) => StatusCode::NO_CONTENT,
    };
    let total = asked.preferences.count.map(|_| changed.affected);
    let shown = match asked.method {
        Method::PATCH => changed.affected,
        _ => 0,
    };
    let location = match changed.rows.as_slice() {
        [row] if is_key => Some(location(&asked.table, columns, row, skipped)),
        _ => None,
    };
    for (name, value) in [
        (CONTENT_RANGE, Some(range::content_range(0, shown, total))),
        (LOCATION, location),
        (super::PREFERENCE_APPLIED, asked.preferences.applied(true)),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Where the new row is: its table, filtered by its key.
fn location(table: &str, columns: &[Head], row: &[Value], skipped: usize) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let values = columns.iter().zip(row.iter().skip(skipped));
    let filters = values.map(|(head, value)| {
        let plain = render::plain(head.shape, value);
        let value = plain.map_or_else(
            || "is.null".to_owned(),
            |plain| format!("eq.{}", encode(&plain)),
        );
        format!("{}={value}", encode(&head.name))
    });
    let filters: Vec<String> = filters.collect();
    format!("/{}?{}", encode(table), filters.join("&"))
}
