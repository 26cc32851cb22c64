//! Policy: what configuration states ([`spec`]), how it is lowered once ([`lower`]),
//! and the form that requests are judged by ([`compiled`], [`table`]). Not here: the
//! judging (`stage`).

mod check;
pub(crate) mod compiled;
mod issuer;
mod issuer_spec;
mod limit;
pub mod lower;
mod mount_spec;
pub mod precedence;
pub mod problem;
mod route_spec;
pub mod spec;
pub mod table;

pub use crate::stage::reserved::may_pass;
pub use compiled::Policies;
pub use lower::lower;
pub use problem::{PolicyError, Problem};
