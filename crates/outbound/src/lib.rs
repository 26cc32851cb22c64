//! Adapters to the outside world: shared limits in Redis or Valkey, the guarded client
//! through which every outgoing HTTP request goes, and mail by SMTP.
//!
//! Not here: the ports they fill, which belong to the crates that need them, and the
//! gate's own connections to upstreams.

pub mod egress;
pub mod limit;
pub mod mail;
mod trust;
