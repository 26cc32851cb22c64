//! GET, HEAD and POST of a function. Which there are is the realm's to say; what one answers
//! with is filtered, ordered and shown as rows of a table are.

use super::error::Refusal;
use super::media::{Accept, Format};
use super::preference::Preferences;
use super::query::Query;
use super::range::{self, Window};
use super::read::number;
use super::{Desk, body, render};
use crate::engine::{Flavour, ResultSet, Work};
use crate::fault::{Fault, FaultKind};
use crate::plan::call::{Call, Given};
use crate::plan::expression::Form;
use crate::plan::function::Listed;
use crate::plan::read::{self, Head};
use crate::plan::refusal::Right;
use crate::plan::request::{Field, Item, Read};
use crate::plan::suggest::nearest;
use crate::plan::tree::Node;
use crate::plan::{Scope, resolve};
use crate::schema::{Returns, Routine};
use bytes::Bytes;
use doorward_surface::pairs;
use doorward_surface::{Body, body as bodies};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde_json::Map;

/// What is asked of a function.
struct Asked {
    method: Method,
    query: Query,
    given: Given,
    preferences: Preferences,
    accept: Accept,
    window: Window,
}

/// What is to be run, and how its results are read.
struct Prepared {
    work: Work,
    columns: Vec<Head>,
    /// What the last statement counts, if it does.
    counts: bool,
    /// Which of the rows that come are shown: all of those that a change answers with come,
    /// where they are counted.
    shown: Option<Window>,
}

/// Answers it.
pub(super) async fn answer(
    desk: Desk<'_>,
    name: &str,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Body>, Refusal> {
    let (name, listed) = listed(desk, name)?;
    refuse_method(&parts.method, name, listed)?;
    if parts.method == Method::OPTIONS {
        return Ok(options(listed));
    }
    if let Some(scope) = &listed.scope
        && !(desk.terms.holds)(scope)
    {
        return Err(Refusal::CallScope(name.to_owned(), scope.to_string()));
    }
    let schema = desk.engine.schema().await?;
    let routine = schema.routine(name).ok_or_else(|| {
        let hint = "The realm lists it, and its database has no such function.";
        Refusal::FunctionUnknown(name.to_owned(), Some(hint.to_owned()))
    })?;
    let asked = read_request(&parts, &body, listed)?;
    let scope = desk.scope(&schema);
    let prepared = prepare(scope, routine, listed, &asked)?;
    let Prepared {
        work,
        columns,
        counts,
        shown,
    } = prepared;
    let bounds = desk.terms.bounds_of(&columns, asked.accept);
    let ran = desk.engine.run(desk.caller, work, bounds).await;
    let results = ran.map_err(|fault| refusal(fault, name))?;
    let mut results = results.into_iter().skip(1);
    let found = results.next().unwrap_or_default();
    let total = counts.then(|| number(results.next().map(without_first)));
    respond(&asked, routine, &columns, found, total, shown)
}

/// The function as the realm lists it.
fn listed<'a>(desk: Desk<'a>, name: &str) -> Result<(&'a str, &'a Listed), Refusal> {
    if desk.engine.flavour() == Flavour::Sqlite {
        let hint = "Functions are PostgreSQL's, and this realm's rows are in SQLite.".to_owned();
        return Err(Refusal::FunctionUnknown(name.to_owned(), Some(hint)));
    }
    desk.terms.functions.named(name).ok_or_else(|| {
        let known = desk.terms.functions.all().map(|(known, _)| known);
        let hint = nearest(name, known)
            .map(|near| format!("Perhaps you meant to call the function public.{near}"));
        Refusal::FunctionUnknown(name.to_owned(), hint)
    })
}

fn refuse_method(method: &Method, name: &str, listed: &Listed) -> Result<(), Refusal> {
    match *method {
        Method::POST | Method::OPTIONS => Ok(()),
        Method::GET | Method::HEAD if !listed.volatile => Ok(()),
        Method::GET | Method::HEAD => Err(Refusal::CallReads(name.to_owned())),
        ref other => Err(Refusal::CallMethod(other.to_string())),
    }
}

fn options(listed: &Listed) -> Response<Body> {
    let mut response = Response::new(bodies::empty());
    let methods = HeaderValue::from_static(if listed.volatile {
        "OPTIONS,POST"
    } else {
        "OPTIONS,GET,HEAD,POST"
    });
    response.headers_mut().insert(ALLOW, methods);
    response
}

fn read_request(parts: &Parts, body: &[u8], listed: &Listed) -> Result<Asked, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let (query, given) = if parts.method == Method::POST {
        (Query::read(query)?, arguments(&parts.headers, body)?)
    } else {
        let is_argument = |name: &str| listed.arguments.contains_key(name);
        let (query, given) = Query::read_call(query, is_argument)?;
        (query, Given::Texts(once_each(given)?))
    };
    let window = Window {
        offset: query.read.offset,
        limit: query.read.limit,
    };
    Ok(Asked {
        window: match parts.method {
            Method::GET => window.within(&parts.headers)?,
            _ => window,
        },
        method: parts.method.clone(),
        query,
        given,
        preferences: Preferences::read(&parts.headers)?,
        accept: Accept::read(&parts.headers)?,
    })
}

/// The arguments of a body: an object's members, or a form's fields.
fn arguments(headers: &HeaderMap, body: &[u8]) -> Result<Given, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(Given::Values(Map::new()));
    }
    let media = headers.get(CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok());
    let is_form = media.is_some_and(|media| media.starts_with("application/x-www-form-urlencoded"));
    // curl says so of any body.
    if is_form && body.trim_ascii_start().first() != Some(&b'{') {
        let fields = pairs::parse(body).map_err(|_| Refusal::Body("The body is no valid form"))?;
        return Ok(Given::Texts(once_each(fields.into_iter().collect())?));
    }
    body::object(headers, body).map(Given::Values)
}

fn once_each(given: Vec<(String, String)>) -> Result<Vec<(String, String)>, Refusal> {
    let mut names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Refusal::Body("An argument is given twice"));
    }
    Ok(given)
}

fn prepare<'a>(
    scope: Scope<'a>,
    routine: &'a Routine,
    listed: &'a Listed,
    asked: &Asked,
) -> Result<Prepared, Refusal> {
    refuse_unfit(routine)?;
    let most = asked
        .preferences
        .most_affected()
        .filter(|_| listed.volatile);
    if most.is_some() && !routine.is_set {
        return Err(Refusal::CallAffected);
    }
    let call = Call::new(routine, listed, asked.given.clone())?;
    scope.require(call.right())?;
    let work = |statements| Work {
        statements,
        rollback: asked.preferences.rollback == Some(true),
        max_affected: most,
        checked: true,
    };
    let Some(access) = call.answer(scope)? else {
        return Ok(Prepared {
            work: work(vec![call.look(), call.alone()]),
            columns: Vec::new(),
            counts: false,
            shown: None,
        });
    };
    // Who may not read learns nothing from what a change answers with.
    scope.require(Right::Read)?;
    let read = selected(routine, asked);
    let mut node = resolve::read(access, &read)?;
    let look = call.look();
    node.call = Some(call);
    let counted = asked.preferences.count.is_some();
    let once = counted && listed.volatile;
    node.limit = asked.window.limit.filter(|_| !once);
    node.offset = if once { 0 } else { asked.window.offset };
    let (rows, columns) = statement(&node, asked)?;
    let mut statements = vec![look, rows];
    if counted && !once {
        statements.push(read::total(&node)?);
    }
    Ok(Prepared {
        work: work(statements),
        columns,
        counts: counted && !once,
        shown: once.then_some(asked.window),
    })
}

fn refuse_unfit(routine: &Routine) -> Result<(), Refusal> {
    let name = || routine.name.clone();
    if routine.is_definer {
        Err(Refusal::CallOfOwner(name()))
    } else if routine.is_overloaded {
        Err(Refusal::CallAmbiguous(name()))
    } else {
        Ok(())
    }
}

/// What is read of the answer: of a value all there is.
fn selected(routine: &Routine, asked: &Asked) -> Read {
    let mut read = asked.query.read.clone();
    if let Returns::Value(table) = &routine.returns {
        let columns = table.columns.iter();
        let fields = columns.map(|column| Item::Field {
            field: Field::column(&column.name),
            alias: None,
            cast: None,
        });
        read.select = fields.collect();
    }
    read
}

fn statement(
    node: &Node<'_>,
    asked: &Asked,
) -> Result<(crate::engine::Statement, Vec<Head>), Refusal> {
    let form = match asked.accept.format {
        Format::Csv => Form::Csv,
        Format::Array | Format::Object => Form::Json,
    };
    let plan = read::rows(node, form)?;
    let statement = match asked.method {
        Method::HEAD => read::extent(node)?,
        _ => plan.statement,
    };
    Ok((statement, plan.columns))
}

/// An engine's fault; the look before the call is one of ours.
fn refusal(fault: Fault, name: &str) -> Refusal {
    if fault == Fault::new(FaultKind::PolicyViolated).state("42501") {
        return Refusal::CallOfOwner(name.to_owned());
    }
    Refusal::Fault(fault)
}

fn without_first(mut result: ResultSet) -> ResultSet {
    for row in &mut result.rows {
        row.drain(..1.min(row.len()));
    }
    result
}

fn respond(
    asked: &Asked,
    routine: &Routine,
    columns: &[Head],
    found: ResultSet,
    total: Option<u64>,
    shown: Option<Window>,
) -> Result<Response<Body>, Refusal> {
    let mut response = Response::new(bodies::empty());
    let applied = asked.preferences.applied(false);
    if routine.returns == Returns::Nothing {
        *response.status_mut() = StatusCode::NO_CONTENT;
        insert(&mut response, super::PREFERENCE_APPLIED.clone(), applied);
        return Ok(response);
    }
    let mut rows = found.rows;
    let mut all = total;
    if let Some(window) = shown {
        all = u64::try_from(rows.len()).ok();
        let from = usize::try_from(window.offset).unwrap_or(usize::MAX);
        rows.drain(..from.min(rows.len()));
        let most = window.limit.and_then(|limit| usize::try_from(limit).ok());
        rows.truncate(most.unwrap_or(usize::MAX));
    }
    asked.window.beyond(all)?;
    let is_head = asked.method == Method::HEAD;
    let number_of_rows = match is_head {
        true => number(Some(without_first(ResultSet {
            rows: rows.clone(),
            ..ResultSet::default()
        }))),
        false => u64::try_from(rows.len()).unwrap_or(u64::MAX),
    };
    let is_value = matches!(routine.returns, Returns::Value(_));
    if asked.accept.format == Format::Object && !is_value && number_of_rows != 1 {
        return Err(Refusal::NotSingular(Some(number_of_rows)));
    }
    if !is_head {
        let text = written(asked.accept, routine, columns, &rows)?;
        let length = HeaderValue::from(text.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
        *response.body_mut() = bodies::full(text);
    }
    *response.status_mut() =
        StatusCode::from_u16(range::status(number_of_rows, all)).unwrap_or(StatusCode::OK);
    let media = HeaderValue::from_static(asked.accept.content_type());
    response.headers_mut().insert(CONTENT_TYPE, media);
    let range = range::content_range(asked.window.offset, number_of_rows, all);
    insert(&mut response, CONTENT_RANGE, Some(range));
    insert(&mut response, super::PREFERENCE_APPLIED.clone(), applied);
    Ok(response)
}

fn insert(response: &mut Response<Body>, name: header::HeaderName, value: Option<String>) {
    if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
        response.headers_mut().insert(name, value);
    }
}

/// A value as such, a single row as an object, any number of either as a list.
fn written(
    accept: Accept,
    routine: &Routine,
    columns: &[Head],
    rows: &[Vec<crate::Value>],
) -> Result<String, Refusal> {
    match (&routine.returns, accept.format, columns.first()) {
        (_, Format::Csv, _) => render::body(columns, rows, 1, accept),
        (Returns::Value(_), _, Some(head)) => {
            let is_list = routine.is_set && accept.format == Format::Array;
            Ok(render::values(head, rows, 1, is_list))
        }
        _ if routine.is_set => render::body(columns, rows, 1, accept),
        _ if rows.is_empty() => Ok("null".to_owned()),
        _ => {
            let accept = Accept {
                format: Format::Object,
                ..accept
            };
            render::body(columns, rows, 1, accept)
        }
    }
}
