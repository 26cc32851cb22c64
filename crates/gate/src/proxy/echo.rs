//! `builtin:echo`: answers with an account of the request exactly as an upstream
//! would see it.

use crate::body::{BodyFault, Capped, GateBody};
use crate::proxy::upstream::Failure;
use crate::stage::decide::Permit;
use crate::stream::{Bond, Broken, while_it_stands};
use doorward_surface::body::full;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The most of a body that is told, bytes.
const MAX_TOLD: usize = 1024 * 1024;

/// Answers 200 with `method`, `path`, `query`, `headers` and `body`.
pub(crate) async fn answer(
    (permit, bond): (Permit, Option<Bond>),
    method: &Method,
    target: &PathAndQuery,
    headers: &HeaderMap,
    body: Capped,
) -> Result<Response<GateBody>, Failure> {
    drop(permit);
    let course = body.course();
    // How long the client may take is the body's own affair.
    let told_body = while_it_stands(read(body), Duration::MAX, &course, bond).await;
    let told_body = told_body.map_err(|broken| match broken {
        Broken::Late => Failure::from(BodyFault::Stalled),
        Broken::Ended(ended) => ended.into(),
    })??;
    let mut told = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        told.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    let account = json!({
        "method": method.as_str(),
        "path": target.path(),
        "query": target.query(),
        "headers": Value::Object(told),
        "body": String::from_utf8_lossy(&told_body),
    });
    let mut response = Response::new(GateBody::Local(full(account.to_string())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn read(mut body: Capped) -> Result<Vec<u8>, Failure> {
    let course = body.course();
    let mut told = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| course.fault().unwrap_or(BodyFault::Broken))?;
        if let Ok(data) = frame.into_data() {
            let left = MAX_TOLD - told.len();
            told.extend(data.iter().take(left));
            if told.len() == MAX_TOLD {
                break;
            }
        }
    }
    Ok(told)
}
