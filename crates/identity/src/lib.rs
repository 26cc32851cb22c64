//! Subjects, memberships, credentials, sessions and grants: what Doorward knows
//! about who may do what.
//!
//! * [`model`]: the values, parsed and closed.
//! * [`settings`]: what a realm's configuration says of them.
//! * [`port`]: what this crate asks of a store.
//! * [`decide`]: every rule, as pure functions of values.
//! * [`act`]: the use-cases; the only code that sequences store calls.
//!
//! Not here: HTTP, SQL, configuration files, clocks.

pub mod act;
pub mod decide;
pub mod model;
pub mod port;
pub mod settings;
