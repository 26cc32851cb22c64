//! On PostgreSQL: every behaviour, and what it has beyond them.
#![expect(
    clippy::duplicate_mod,
    reason = "one test of a behaviour holds both engines to it"
)]

#[path = "aggregate.rs"]
mod aggregate;
#[path = "attack.rs"]
mod attack;
#[path = "embedding.rs"]
mod embedding;
#[path = "function.rs"]
mod function;
#[path = "policy.rs"]
mod policy;
#[path = "reading.rs"]
mod reading;
#[path = "root.rs"]
mod root;
#[path = "writing.rs"]
mod writing;

use super::engine::Postgres;
use super::{Function, Functions, Json, Method, RUNTIME, SHOWN, json};

type World = super::World<Postgres>;

#[test]
fn texts_are_matched_and_searched_by_the_engine() {
    let world = World::new();
    for (query, expected) in [
        ("name=match.^A", json!([1])),
        ("name=imatch.^a", json!([1])),
        ("name=fts.alpha", json!([1])),
        ("name=not.match.a$", json!([2, 3])),
    ] {
        let target = format!("/projects?select=id&order=id&{query}");
        assert_eq!(world.column(&target, "id"), expected, "{query}");
    }
}
