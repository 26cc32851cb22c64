//! On SQLite: every behaviour, what SQLite does not have, and what it must be made to say.

#[path = "aggregate.rs"]
mod aggregate;
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
fn there_are_no_functions_on_sqlite_and_the_answer_says_so() {
    let answer = World::new().get("/rpc/add_them?a=1");
    answer.refused(404, "PGRST202");
    assert_eq!(
        answer.json()["hint"],
        "Functions are PostgreSQL's, and this realm's rows are in SQLite."
    );
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

#[test]
fn a_document_is_compared_to_a_bounded_one() {
    let world = World::new();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let members = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let list = |value: &str, values: usize| format!("[{}]", vec![value; values].join(","));
    for how in ["cs", "cd", "ov"] {
        for (document, taken) in [
            (nested(10), true),
            (nested(11), false),
            (members(9), true),
            (members(10), false),
            (list("1", 99), true),
            (list("1", 100), false),
            (list("[]", 99), true),
            (list("{\"a\":1}", 49), true),
            (list("{\"a\":1}", 50), false),
        ] {
            let answer = world.get(&format!("/projects?select=id&data={how}.{document}"));
            if taken {
                assert_eq!(answer.status, 200, "{how} {document}: {}", answer.text);
            } else {
                answer.refused(400, "54001");
            }
        }
    }
    // SQLite's paths do not write such a name.
    world
        .get("/projects?data=cs.{\"a\\\"b\":1}")
        .refused(400, "PGRST127");
}
