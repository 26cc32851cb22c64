//! The JSON Schema of the configuration file, for editors and for the documentation.

use super::Config;

/// The JSON Schema (draft 2020-12), pretty-printed, with a newline at its end.
#[must_use]
pub fn schema_json() -> String {
    let schema = schemars::schema_for!(Config);
    format!("{:#}\n", schema.as_value())
}
