//! The engines behind `doorward_identity::port`: SQL and nothing else. Not here:
//! rules about what may be written, which are decided in `doorward-identity`.
//!
//! * [`sqlite`]: the embedded default, for one process.
//! * [`postgres`]: for several processes over one database.
//! * `row`: what both keep, in plain types.
//! * `use_case` (tests only): the use-cases of `doorward-identity` on each engine.
//! * `conformance` (tests only): what every engine must do, races and isolation of
//!   realms included.

#[cfg(test)]
mod conformance;
mod migration;
pub mod postgres;
mod row;
pub mod sqlite;
#[cfg(test)]
mod use_case;
