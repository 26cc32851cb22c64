//! Policy.
pub mod spec;
