//! The engines behind `doorward_identity::port`: SQL and nothing else. Not here:
//! rules about what may be written, which are decided in `doorward-identity`.
//!
//! * [`sqlite`]: the embedded default.
//! * `conformance` (tests only): what every engine must do, races and isolation of
//!   realms included.

#[cfg(test)]
mod conformance;
pub mod sqlite;
