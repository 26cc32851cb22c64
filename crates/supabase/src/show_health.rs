//! Says that the surface is there.

use doorward_surface::extract::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// What answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// The version of Doorward.
    version: &'static str,
    /// The product whose interface this is.
    name: &'static str,
    /// A text for people.
    description: &'static str,
}

/// Says that the surface is there.
#[utoipa::path(
    get,
    path = "/auth/v1/health",
    operation_id = "show_health",
    tag = "meta",
    responses((status = 200, description = "It is there", body = Health)),
)]
pub(crate) async fn show_health() -> Json<Health> {
    Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        name: "GoTrue",
        description: "Doorward, with the interface of Supabase Auth",
    })
}
