//! PostgREST's query language: read, planned, run and rendered, so that its clients need no
//! change. What follows PostgREST is its version 13; what does not is said where it is so.
//!
//! Not here: which rows there are (`plan`), and how they are reached (`engine`).

mod body;
mod call;
mod csv;
pub mod error;
mod location;
mod media;
mod openapi;
mod preference;
pub mod query;
mod range;
mod read;
mod render;
mod write;

#[cfg(test)]
mod tests;

use crate::caller::Caller;
use crate::engine::{Bounds, Engine};
use crate::plan::read::Head;
use crate::plan::{Functions, Policies, Scope};
use crate::schema::Schema;
use bytes::Bytes;
use doorward_base::Scope as ScopeName;
use doorward_surface::Body;
use error::Refusal;
use http::{HeaderName, Method, Request, Response};
use preference::Preferences;
use query::Query;

/// The longest name of a table in a path, in bytes.
const MAX_NAME: usize = 256;

/// The preferences that had a part in an answer (RFC 7240 §3).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a realm has said of its tables and of this caller.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Which rows and columns a role has.
    pub policies: &'a Policies,
    /// Which functions may be called.
    pub functions: &'a Functions,
    /// Whether rows are put together.
    pub aggregates: bool,
    /// What one answer may take.
    pub bounds: Bounds,
    /// Whether the caller holds a scope.
    pub holds: &'a (dyn Fn(&ScopeName) -> bool + Sync),
}

impl Terms<'_> {
    /// What an answer of rows with these columns may take.
    fn bounds_of(&self, columns: &[Head], accept: media::Accept) -> Bounds {
        Bounds {
            row: render::beside(columns, accept),
            ..self.bounds
        }
    }
}

/// What every kind of request is answered from.
#[derive(Clone, Copy)]
struct Desk<'a> {
    engine: &'a dyn Engine,
    caller: &'a Caller,
    terms: Terms<'a>,
}

impl<'a> Desk<'a> {
    /// The tables as the caller has them.
    fn scope(&self, schema: &'a Schema) -> Scope<'a> {
        let policies = self.terms.policies;
        let scope = Scope::new(schema, self.caller, policies, self.engine.flavour());
        scope.with_aggregates(self.terms.aggregates)
    }
}

/// A request, read.
struct Asked {
    method: Method,
    table: String,
    query: Query,
    preferences: Preferences,
    accept: media::Accept,
    headers: http::HeaderMap,
    body: Bytes,
    /// The query as it came, for `Content-Location`.
    raw_query: Option<String>,
}

/// Answers one request to the mount; `path_after_mount` is what follows it, with or without
/// its slash.
pub async fn answer(
    engine: &dyn Engine,
    caller: &Caller,
    terms: Terms<'_>,
    request: Request<Bytes>,
    path_after_mount: &str,
) -> Response<Body> {
    let desk = Desk {
        engine,
        caller,
        terms,
    };
    let head = request.method() == Method::HEAD;
    let answered = respond(desk, request, path_after_mount).await;
    answered.unwrap_or_else(|refusal| error::response(&refusal, head))
}

async fn respond(
    desk: Desk<'_>,
    request: Request<Bytes>,
    path: &str,
) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    media::profile(&parts.method, &parts.headers)?;
    let table = match location::read(path)? {
        location::Place::Root => {
            let path = parts.uri.path();
            return openapi::answer(desk, &parts.method, path).await;
        }
        location::Place::Function(name) => return call::answer(desk, &name, parts, body).await,
        location::Place::Table(table) => table,
    };
    if parts.method == Method::OPTIONS {
        return openapi::options(desk, &table).await;
    }
    let raw_query = parts.uri.query().map(str::to_owned);
    let asked = Asked {
        query: Query::read(raw_query.as_deref().unwrap_or_default())?,
        preferences: Preferences::read(&parts.headers)?,
        accept: media::Accept::read(&parts.headers)?,
        method: parts.method,
        headers: parts.headers,
        table,
        body,
        raw_query,
    };
    match asked.method {
        Method::GET | Method::HEAD => read::answer(desk, asked).await,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
            write::answer(desk, asked).await
        }
        ref other => Err(Refusal::MethodUnsupported(other.to_string())),
    }
}
