//! The ways in over HTTP, as one local target for all realms: SQL, the schema, and REST's
//! front. Who may call is decided before, by the route that leads here.

mod body;
mod explain;
mod governed;
mod openapi;
mod query;
mod refusal;
mod schema;
#[cfg(test)]
mod tests;
mod unread;
mod wire;

pub use openapi::openapi;
pub use schema::describe;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::open::DataRealm;
use crate::rest::Terms;
use crate::settings::WayIn;
use doorward_base::{ErrorCode, Principal};
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, Refusal};
use http::header::ALLOW;
use http::{HeaderValue, Request, Response};
use refusal::refuse;
use std::sync::Arc;
use unread::{Entry, Unread};

/// The data API. What it does for a call it does within the call's own future: a client that
/// goes away drops it, and the engine cancels.
#[derive(Debug, Default)]
pub struct DataTarget {
    unread: Arc<Unread>,
}

impl Local for DataTarget {
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let answered = answer(request, &context, &self.unread).await;
            answered.unwrap_or_else(Refusal::into_answer)
        })
    }
}

/// One call: the realm's data and its caller.
struct Call<'c> {
    data: &'c Arc<DataRealm>,
    principal: &'c Principal,
    /// What its answer is counted on.
    tally: Option<Arc<Entry>>,
}

impl Call<'_> {
    /// The caller in its tenant.
    fn caller(&self) -> Result<Caller, Refusal> {
        let caller = Caller::of(self.principal, &self.data.settings().scopes);
        let caller = caller.map_err(|fault| self.refuse(&fault))?;
        Ok(match &self.tally {
            Some(entry) => caller.counted_on(Arc::<Entry>::clone(entry)),
            None => caller,
        })
    }

    async fn engine(&self) -> Result<&Arc<dyn Engine>, Refusal> {
        let engine = self.data.engine().await;
        engine.map_err(|fault| self.refuse(&fault))
    }

    fn refuse(&self, fault: &Fault) -> Refusal {
        refuse(fault, &self.data.settings().scopes)
    }
}

async fn answer(
    request: Request<Body>,
    context: &Context,
    unread: &Arc<Unread>,
) -> Result<Response<Body>, Refusal> {
    let data = context.realm.get::<Arc<DataRealm>>();
    let data = data.ok_or_else(|| Refusal::new(ErrorCode::Internal))?;
    let principal = context.principal.as_deref();
    let principal = principal.ok_or_else(|| Refusal::new(ErrorCode::CredentialMissing))?;
    let mut call = Call {
        data,
        principal,
        tally: None,
    };
    let Some(tenant) = &principal.tenant else {
        return serve(&call, request).await;
    };
    if data.is_deleted(tenant) {
        return Err(Refusal::new(ErrorCode::TenantForbidden));
    }
    let realm = context.realm.name();
    let entry = Entry::new(unread, realm, tenant).map_err(|fault| call.refuse(&fault))?;
    call.tally = Some(Arc::clone(&entry));
    let answered = serve(&call, request).await?;
    Ok(entry.hold(answered))
}

async fn serve(call: &Call<'_>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    match call.data.settings().paths.way_in(request.uri().path()) {
        Some(WayIn::Query) => query::serve(call, request).await,
        Some(WayIn::Schema) => schema::serve(call, request).await,
        Some(WayIn::Rest) => rest(call, request).await,
        None => Err(Refusal::new(ErrorCode::NotFound)),
    }
}

/// REST over the caller's rows.
async fn rest(call: &Call<'_>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let caller = call.caller()?;
    let engine = call.engine().await?;
    let settings = call.data.settings();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let path = path.strip_prefix(&settings.paths.rest).unwrap_or_default();
    let request = Request::from_parts(parts, body::collect(body).await?);
    let terms = Terms {
        policies: &settings.policies,
        functions: &settings.functions,
        aggregates: settings.aggregates,
        bounds: settings.bounds,
        holds: &|scope| call.principal.has_scope(scope),
    };
    Ok(crate::rest::answer(&**engine, &caller, terms, request, path).await)
}

/// That there is something at this path, for other methods.
fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut answer = Refusal::new(ErrorCode::MethodNotAllowed).into_answer();
    let methods = HeaderValue::from_static(methods);
    answer.headers_mut().insert(ALLOW, methods);
    answer
}
