//! GET and HEAD of a table.

use super::error::Refusal;
use super::media::Format;
use super::range::{self, Window};
use super::render;
use super::{Asked, Desk};
use crate::engine::{ResultSet, Work};
use crate::plan::expression::Form;
use crate::plan::read::{self, Head};
use crate::plan::resolve;
use crate::value::Value;
use doorward_surface::{Body, body};
use http::header::{CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

/// What is to be run, and how its results are read.
struct Prepared {
    work: Work,
    columns: Vec<Head>,
    window: Window,
}

/// Answers it.
pub(super) async fn answer(desk: Desk<'_>, asked: Asked) -> Result<Response<Body>, Refusal> {
    let head = asked.method == Method::HEAD;
    let prepared = prepare(desk, &asked, head).await?;
    let counted = prepared.work.statements.len() > 1;
    let bounds = match head {
        true => desk.terms.bounds,
        false => desk.terms.bounds_of(&prepared.columns, asked.accept),
    };
    let running = desk.engine.run(desk.caller, prepared.work, bounds);
    let mut results = running.await?.into_iter();
    let found = results.next().unwrap_or_default();
    let total = counted.then(|| number(results.next()));
    let rows = match head {
        true => number(Some(found.clone())),
        false => u64::try_from(found.rows.len()).unwrap_or(u64::MAX),
    };
    prepared.window.beyond(total)?;
    if asked.accept.format == Format::Object && rows != 1 {
        return Err(Refusal::NotSingular(Some(rows)));
    }
    let mut response = Response::new(body::empty());
    if !head {
        let text = render::body(&prepared.columns, &found.rows, 0, asked.accept)?;
        let length = HeaderValue::from(text.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
        *response.body_mut() = body::full(text);
    }
    *response.status_mut() =
        StatusCode::from_u16(range::status(rows, total)).unwrap_or(StatusCode::OK);
    let media = HeaderValue::from_static(asked.accept.content_type());
    response.headers_mut().insert(CONTENT_TYPE, media);
    let query = asked.raw_query.map(|query| format!("?{query}"));
    let location = format!(
        "/{}{}",
        percent_encoding::utf8_percent_encode(&asked.table, percent_encoding::NON_ALPHANUMERIC),
        query.unwrap_or_default()
    );
    let range = range::content_range(prepared.window.offset, rows, total);
    let applied = asked.preferences.applied(false);
    for (name, value) in [
        (CONTENT_RANGE, Some(range)),
        (CONTENT_LOCATION, Some(location)),
        (super::PREFERENCE_APPLIED, applied),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

async fn prepare(desk: Desk<'_>, asked: &Asked, head: bool) -> Result<Prepared, Refusal> {
    let schema = desk.engine.schema().await?;
    let scope = desk.scope(&schema);
    let window = Window {
        offset: asked.query.read.offset,
        limit: asked.query.read.limit,
    };
    let window = window.within(&asked.headers)?;
    let mut node = resolve::read(scope.table(&asked.table)?, &asked.query.read)?;
    node.limit = window.limit;
    node.offset = window.offset;
    let form = match asked.accept.format {
        Format::Csv => Form::Csv,
        Format::Array | Format::Object => Form::Json,
    };
    let plan = read::rows(&node, form)?;
    let first = if head {
        read::extent(&node)?
    } else {
        plan.statement
    };
    let total = asked.preferences.count.map(|_| read::total(&node));
    let mut work = Work::one(first);
    work.statements.extend(total.transpose()?);
    Ok(Prepared {
        work,
        columns: plan.columns,
        window,
    })
}

/// The only number of a result.
pub(super) fn number(result: Option<ResultSet>) -> u64 {
    let rows = result.map(|result| result.rows).unwrap_or_default();
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}
