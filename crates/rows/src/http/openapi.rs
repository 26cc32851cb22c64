//! The OpenAPI description of SQL and the schema, with their default paths. REST describes
//! each realm's tables at its own root.

use super::{query, schema, wire};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward: data",
        description = "SQL on the caller's tenant's rows, and the schema. The paths are a realm's settings; these are the defaults."
    ),
    paths(
        query::show_query,
        query::run_query,
        schema::show_schema,
        schema::change_schema
    ),
    components(schemas(wire::Info, wire::Explained))
)]
struct Description;

/// The OpenAPI description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
