//! The schema: shown to whoever may read rows, changed by operators.

use super::wire::{SchemaChanged, SchemaRequest, SchemaView, Sees};
use super::{Call, body, not_allowed};
use crate::caller::InRole;
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use doorward_surface::{Body, Refusal};
use http::{Method, Request, Response};

/// The schema as it is shown.
#[must_use]
pub fn describe(schema: &Schema) -> serde_json::Value {
    // Names, lists and truth values cannot fail to be written.
    serde_json::to_value(SchemaView::of(schema, Sees::All)).unwrap_or_default()
}

pub(super) async fn serve(
    call: &Call<'_>,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    match *request.method() {
        Method::GET | Method::HEAD => show_schema(call).await,
        Method::POST => change_schema(call, request).await,
        _ => Ok(not_allowed("GET, HEAD, POST")),
    }
}

/// Shows the tables of the realm and what of them the caller may read or write: the same
/// for all tenants.
#[utoipa::path(
    get,
    path = "/api/v1/schema",
    tag = "schema",
    responses((status = 200, description = "The tables", body = SchemaView<'static>))
)]
async fn show_schema(call: &Call<'_>) -> Result<Response<Body>, Refusal> {
    let rights = call.data.settings().scopes.of(call.principal);
    if !rights.read && !rights.schema {
        return Err(call.refuse(&Fault::new(FaultKind::ReadForbidden)));
    }
    let engine = call.engine().await?;
    let schema = engine.schema().await.map_err(|fault| call.refuse(&fault))?;
    // Whoever makes the tables sees all of them.
    let role = InRole::of(call.principal);
    let sees = if rights.schema {
        Sees::All
    } else {
        Sees::Granted(&call.data.settings().policies, &role)
    };
    body::answer(SchemaView::of(&schema, sees))
}

/// Changes the schema of the whole realm by one step of DDL.
#[utoipa::path(
    post,
    path = "/api/v1/schema",
    tag = "schema",
    request_body = SchemaRequest,
    responses((status = 200, description = "The schema's version", body = SchemaChanged))
)]
async fn change_schema(call: &Call<'_>, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    if !call.data.settings().scopes.of(call.principal).schema {
        return Err(call.refuse(&Fault::new(FaultKind::SchemaForbidden)));
    }
    let wanted: SchemaRequest = body::read(request.into_body()).await?;
    let engine = call.engine().await?;
    let amended = engine.amend(&wanted.ddl).await;
    let version = amended.map_err(|fault| call.refuse(&fault))?;
    body::answer(SchemaChanged { version })
}
