//! Dev only: many clients do random operations on an installation while faults are
//! injected, everything they saw is written down, and a checker says what must not be.
//! The same seed makes the same choices. Beside it, measuring modes that count failed
//! requests and times. Not here: the product; it is known by its wire and its command
//! line, through `testkit`.

pub mod book;
pub mod check;
pub mod client;
pub mod coverage;
pub mod dice;
pub mod fault;
pub mod history;
pub mod measure;
pub mod option;
pub mod plant;
pub mod run;
pub mod site;
pub mod world;
