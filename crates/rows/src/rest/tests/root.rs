//! What is said of the whole, of a table, and of what is not there.

use super::{Method, World};

#[test]
fn the_root_describes_what_the_caller_has() {
    let answer = World::new().get("/");
    assert_eq!(
        answer.header("content-type"),
        Some("application/openapi+json; charset=utf-8")
    );
    let document = answer.json();
    assert_eq!(document["swagger"], "2.0");
    assert_eq!(document["basePath"], "/rest/v1");
    let clients = &document["definitions"]["projects"]["properties"]["client_id"];
    assert_eq!(
        clients["description"],
        "Note:\nThis is a Foreign Key to `clients.id`.<fk table='clients' column='id'/>"
    );
    assert!(document["paths"]["/projects"]["post"].is_object());

    let mut reader = World::new();
    reader.scopes = vec!["read"];
    let document = reader.get("").json();
    assert!(document["paths"]["/projects"]["post"].is_null());
    assert!(document["paths"]["/projects"]["get"].is_object());
}

#[test]
fn what_is_not_there_is_said_as_postgrest_says_it() {
    let world = World::new();
    let answer = world.get("/project");
    answer.refused(404, "PGRST205");
    assert_eq!(
        answer.json()["hint"],
        "Perhaps you meant the table 'public.projects'"
    );
    world.get("/a/b").refused(404, "PGRST125");
    world.get("/rpc/f").refused(404, "PGRST202");
    world
        .send(Method::TRACE, "/projects", &[], "")
        .refused(405, "PGRST117");
    let answer = world.get("/projects?select=nam");
    answer.refused(400, "42703");
    assert_eq!(
        answer.json()["hint"],
        "Perhaps you meant to reference the column \"projects.name\"."
    );
    let headers = [("accept-profile", "private")];
    world
        .send(Method::GET, "/projects", &headers, "")
        .refused(406, "PGRST106");
    let headers = [("accept", "application/vnd.pgrst.plan+json")];
    world
        .send(Method::GET, "/projects", &headers, "")
        .refused(406, "PGRST107");
}

#[test]
fn a_table_says_which_methods_it_has() {
    let answer = World::new().send(Method::OPTIONS, "/projects", &[], "");
    assert_eq!(
        answer.header("allow"),
        Some("OPTIONS,GET,POST,PATCH,DELETE,HEAD,PUT")
    );
}
