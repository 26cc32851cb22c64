//! Adapters to the outside world: shared limits in Redis or Valkey, and the guarded
//! client through which every outgoing HTTP request goes.
//!
//! Not here: the ports they fill, which belong to the crates that need them, and the
//! gate's own connections to upstreams.

pub mod egress;
pub mod limit;
