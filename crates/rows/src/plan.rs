//! Rules over tables. Here: row policies, as far as the ways in need them.

pub mod policy;

pub use policy::{Policies, Policy};
