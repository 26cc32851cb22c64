//! Says that the surface is there, and of which version.

use crate::wire::OK;
use doorward_surface::extract::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Says that the surface is there.
#[utoipa::path(
    get,
    path = "/v1/healthz",
    operation_id = "show_health",
    tag = "meta",
    responses((status = 200, description = "It is there", body = String)),
)]
pub(crate) async fn show_health() -> Json<&'static str> {
    Json(OK)
}

/// Which version.
#[derive(Serialize, ToSchema)]
pub(crate) struct Version {
    /// The version of Doorward.
    version: &'static str,
}

/// Says which version answers.
#[utoipa::path(
    get,
    path = "/v1/version",
    operation_id = "show_version",
    tag = "meta",
    responses((status = 200, description = "The version", body = Version)),
)]
pub(crate) async fn show_version() -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION"),
    })
}
