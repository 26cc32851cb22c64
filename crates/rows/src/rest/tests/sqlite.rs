//! On SQLite: every behaviour, what SQLite does not have, and what it must be made to say.

#[path = "attack.rs"]
mod attack;
#[path = "embedding.rs"]
mod embedding;
#[path = "policy.rs"]
mod policy;
#[path = "reading.rs"]
mod reading;
#[path = "root.rs"]
mod root;
#[path = "writing.rs"]
mod writing;

use super::engine::Sqlite;
use super::{Method, SHOWN, json};

type World = super::World<Sqlite>;

#[test]
fn what_sqlite_does_not_have_is_refused_with_its_name() {
    let world = World::new();
    for query in [
        "name=match.^A",
        "name=fts.alpha",
        "tags=adj.[1,2]",
        "name=cs.{a}",
    ] {
        world
            .get(&format!("/projects?{query}"))
            .refused(400, "PGRST127");
    }
}

#[test]
fn a_value_that_sqlite_would_take_for_none_is_refused_with_its_type() {
    let world = World::new();
    world.get("/projects?budget=gt.1e999").refused(400, "22P02");
    let answer = world.get("/projects?id=eq.x");
    assert_eq!(
        answer.json()["message"],
        "invalid input syntax for type integer: \"x\""
    );
}
