//! Shared limits against a real Redis.

mod limits;
mod script;
mod support;
