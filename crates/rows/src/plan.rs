//! Rules over tables: what is asked for, resolved against a schema, narrowed to what the
//! caller may see, written as SQL of either flavour.
//!
//! A plan comes from a [`Scope`] alone, and a scope takes a caller: there is no plan without
//! a tenant. Every table that a statement touches is reached through [`access::Access`], which
//! brings the tenant's and the row policy's conditions with it.
//!
//! Not here: query strings, bodies and answers (`rest`); running anything (`engine`).

pub mod access;
pub mod call;
pub mod expression;
pub mod function;
pub mod literal;
pub mod policy;
pub mod read;
pub mod refusal;
mod relation;
pub mod request;
pub mod resolve;
pub(crate) mod suggest;
pub(crate) mod test;
pub mod tree;
pub mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use access::Scope;
pub use function::{Function, Functions};
pub use policy::{Policies, Policy};
pub use refusal::Refusal;
