//! Logs and metrics. Secrets cannot reach either: they are `Secret`, which prints
//! its type's name.

pub(crate) mod log;
pub(crate) mod metrics;
