//! Twenty and more holes, planted one at a time: each is found by the oracle within a thousand
//! statements, or by a lint, or by both. Healed, nothing is found any more.

mod postgres;
mod sqlite;

/// How many statements the oracle has for each.
const STATEMENTS: usize = 1_000;
