//! The engines behind `doorward_identity::port`: SQL and nothing else. Not here:
//! rules about what may be written, which are decided in `doorward-identity`.
//!
//! * [`sqlite`]: the embedded default, for one process.
//! * [`postgres`]: for several processes over one database.
//! * `area`: the SQL of each area of the port and the form of its rows, for both.
//! * `engine`: what `area` asks of them.
//! * `row`: how both read columns and bind values.
//! * `use_case` (tests only): the use-cases of `doorward-identity` on each engine.
//! * `conformance` (tests only): what every engine must do, races and isolation of
//!   realms included.

mod area;
#[cfg(test)]
mod conformance;
mod engine;
mod migration;
pub mod postgres;
mod row;
pub mod sqlite;
#[cfg(test)]
mod use_case;
