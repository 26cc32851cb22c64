//! SQL from a caller: one statement, on the caller's tenant's rows.

use super::wire::{Info, QueryParams, QueryRequest, Rows};
use super::{Call, body, explain, governed, not_allowed};
use crate::caller::{Caller, Rights};
use crate::engine::{Bounds, Engine, Flavour, Statement, Work};
use crate::fault::{Fault, FaultKind};
use crate::sql;
use crate::value::Value;
use doorward_base::ErrorCode;
use doorward_surface::{Body, Refusal, pairs};
use http::{Method, Request, Response, Uri};
use serde_json::Value as Json;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn serve(
    call: &Call<'_>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    match *request.method() {
        Method::GET | Method::HEAD => show_query(call, request.uri()).await,
        Method::POST => run_query(call, request).await,
        _ => Ok(not_allowed("GET, HEAD, POST")),
    }
}

/// Without `sql`, what a caller finds here; with it, the rows. Nothing is changed.
#[utoipa::path(
    get,
    path = "/api/v1/query",
    tag = "query",
    params(
        ("sql" = Option<String>, Query, description = "A statement that reads"),
        ("timeout_ms" = Option<u64>, Query, description = "How long it may take")
    ),
    responses((status = 200, description = "What a caller finds here, or the rows", body = Rows))
)]
async fn show_query(call: &Call<'_>, uri: &Uri) -> Result<Response<Body>, Refusal> {
    let query = uri.query().unwrap_or_default();
    let wrong = |problem: &dyn Display| {
        Refusal::new(ErrorCode::InvalidRequest).with_message(format!("query: {problem}"))
    };
    let params: QueryParams = pairs::read(query.as_bytes()).map_err(|error| wrong(&error))?;
    let timeout_ms = params.timeout_ms.as_deref().map(str::parse).transpose();
    let timeout_ms = timeout_ms.map_err(|_| wrong(&"timeout_ms is not a whole number"))?;
    let caller = call.caller()?;
    let engine = call.engine().await?;
    let bounds = bounds(call, timeout_ms)?;
    let Some(sql) = params.sql else {
        return body::answer(info(&caller, engine.flavour(), bounds));
    };
    let checked = check(call, engine, &sql, Vec::new(), caller.rights()).await;
    let statement = checked.map_err(|fault| call.refuse(&fault))?;
    if statement.writes() {
        let fault = Fault::because(
            FaultKind::RequestInvalid,
            "a GET only reads; send what writes by POST",
        );
        return Err(call.refuse(&fault));
    }
    run(call, engine, &caller, statement, bounds).await
}

/// Runs one statement.
#[utoipa::path(
    post,
    path = "/api/v1/query",
    tag = "query",
    request_body = QueryRequest,
    responses((status = 200, description = "The rows", body = Rows))
)]
async fn run_query(call: &Call<'_>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let wanted: QueryRequest = body::read(request.into_body()).await?;
    if wanted.explain_as.is_some() {
        return explain::explain(call, wanted).await;
    }
    let caller = call.caller()?;
    let engine = call.engine().await?;
    let bounds = bounds(call, wanted.timeout_ms)?;
    let checked = check(call, engine, &wanted.sql, wanted.params, caller.rights()).await;
    let statement = checked.map_err(|fault| call.refuse(&fault))?;
    run(call, engine, &caller, statement, bounds).await
}

pub(super) fn bounds(call: &Call<'_>, timeout_ms: Option<u64>) -> Result<Bounds, Refusal> {
    let bounds = call.data.settings().bounds;
    if timeout_ms == Some(0) {
        let fault = Fault::because(
            FaultKind::RequestInvalid,
            "timeout_ms must be at least 1 millisecond",
        );
        return Err(call.refuse(&fault));
    }
    let asked = timeout_ms.map_or(Duration::MAX, Duration::from_millis);
    Ok(Bounds {
        time: bounds.time.min(asked),
        ..bounds
    })
}

/// The caller's text as a statement that may run.
pub(super) async fn check(
    call: &Call<'_>,
    engine: &Arc<dyn Engine>,
    text: &str,
    params: Vec<Json>,
    rights: Rights,
) -> Result<Statement, Fault> {
    let checked = sql::read(text, engine.flavour(), &sql::Limits::default())?;
    governed::check(call.data.settings(), engine, checked.tables()).await?;
    if checked.is_open() {
        let schema = engine.schema().await?;
        checked.settle(&schema)?;
    }
    let params = params.into_iter().map(Value::from_json).collect();
    checked.bind(params, rights)
}

async fn run(
    call: &Call<'_>,
    engine: &Arc<dyn Engine>,
    caller: &Caller,
    statement: Statement,
    bounds: Bounds,
) -> Result<Response<Body>, Refusal> {
    let results = engine.run(caller, Work::one(statement), bounds).await;
    let mut results = results.map_err(|fault| call.refuse(&fault))?;
    let result = results
        .pop()
        .ok_or_else(|| Refusal::new(ErrorCode::Internal))?;
    body::answer(Rows::from(result))
}

fn info(caller: &Caller, flavour: Flavour, bounds: Bounds) -> Info {
    Info {
        engine: match flavour {
            Flavour::Sqlite => "sqlite",
            Flavour::Postgres => "postgresql",
        },
        tenant: caller.tenant().to_string(),
        rights: names(caller.rights()),
        max_rows: bounds.rows,
        max_bytes: bounds.bytes,
        timeout_ms: u64::try_from(bounds.time.as_millis()).unwrap_or(u64::MAX),
    }
}

/// The rights that there are, in words.
pub(super) fn names(rights: Rights) -> Vec<&'static str> {
    let all = [
        ("read", rights.read),
        ("write", rights.write),
        ("schema", rights.schema),
    ];
    let held = all.into_iter().filter(|(_, held)| *held);
    held.map(|(name, _)| name).collect()
}
