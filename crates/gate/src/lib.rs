//! Enforcement: the listener and the stages every request passes: guard, route,
//! verify, limit, decide; then a local target, an upstream, or a refusal with a
//! trace.
//!
//! Not here: identity and stores; the gate asks for them through [`port`].

pub mod policy;
pub mod port;
