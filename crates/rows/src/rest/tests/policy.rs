//! Row policies: columns, rows and what is made of them, by role.

use super::{Method, SHOWN, World, json};
use serde_json::Value as Json;

/// A member sees and keeps what is its own, without the secrets.
fn policies() -> Json {
    json!([
        {
            "table": "projects", "role": "member",
            "select": ["id", "client_id", "name", "done", "owner", "budget"],
            "insert": ["id", "name", "owner", "budget"], "update": ["name", "owner", "budget"],
            "delete": true,
            "filter": {"compare": {"column": "owner", "to": {"claim": "sub"}}},
        },
        {"table": "tasks", "role": "member", "select": ["id", "project_id", "title"]},
        {"table": "people", "role": "member", "select": ["name"]},
        {"table": "clients", "role": "boss", "select": ["*"]},
    ])
}

fn member() -> World {
    World::with_policies(policies(), "member")
}

#[test]
fn a_star_is_the_columns_of_the_policy_and_the_rows_are_its_own() {
    let world = member();
    assert_eq!(
        world.rows("/projects?order=id"),
        json!([
            {"id": 1, "client_id": 1, "name": "Alpha", "done": true, "owner": "ann", "budget": 100.5},
            {"id": 3, "client_id": 2, "name": "Gamma, Ltd.", "done": false, "owner": "ann", "budget": null},
        ])
    );
    assert_eq!(
        world.rows("/tasks?id=eq.3"),
        json!([{"id": 3, "project_id": 2, "title": "three"}])
    );
}

#[test]
fn a_column_that_is_not_selected_is_not_there_for_anything() {
    let world = member();
    for query in [
        "select=secret",
        "select=id,s:secret",
        "secret=eq.s1",
        "or=(secret.eq.s1,id.eq.1)",
        "order=secret",
        "order=data->a",
        "select=tasks(secret)",
        "select=id,tasks(id)&tasks.secret=eq.t1",
        "select=id,tasks(id)&tasks.order=secret",
        "select=data->x",
    ] {
        let answer = world.get(&format!("/projects?{query}"));
        answer.refused(400, "42703");
        assert_eq!(answer.json()["hint"], Json::Null, "{query}");
    }
    assert!(!world.get("/").text.contains("secret"));
}

#[test]
fn a_policy_holds_for_what_is_embedded_counted_ordered_and_required() {
    let world = member();
    assert_eq!(
        world.rows("/tasks?select=id,projects(name)&order=id"),
        json!([
            {"id": 1, "projects": {"name": "Alpha"}},
            {"id": 2, "projects": {"name": "Alpha"}},
            {"id": 3, "projects": null},
        ])
    );
    let required = "/tasks?select=id,projects!inner()&order=id";
    assert_eq!(world.column(required, "id"), json!([1, 2]));
    let spread = "/tasks?select=id,...projects(name)&id=eq.3";
    assert_eq!(world.rows(spread), json!([{"id": 3, "name": null}]));
    let ordered = "/tasks?select=id,projects()&order=projects(name).asc.nullsfirst,id";
    assert_eq!(world.column(ordered, "id"), json!([3, 1, 2]));
    let counted = [("prefer", "count=exact")];
    let answer = world.send(Method::HEAD, "/projects", &counted, "");
    assert_eq!(answer.header("content-range"), Some("0-1/2"));
}

#[test]
fn a_table_without_a_policy_for_the_role_is_not_there() {
    let world = member();
    world.get("/clients").refused(404, "PGRST205");
    world
        .get("/projects?select=clients(name)")
        .refused(400, "PGRST200");
    let answer = world.get("/client");
    assert_eq!(answer.json()["hint"], Json::Null);
    // The column that a relationship goes by is not readable, so neither is it.
    world
        .get("/people?select=name,people(name)")
        .refused(400, "PGRST200");
    let nobody = World::with_policies(policies(), "guest");
    nobody.get("/projects").refused(404, "PGRST205");
    assert_eq!(
        nobody.rows("/addresses?id=eq.1&select=id,street"),
        json!([{"id": 1, "street": "Low"}])
    );
}

#[test]
fn only_rows_of_the_policy_are_changed_and_only_to_such() {
    let world = member();
    let answer = world.send_json(
        Method::PATCH,
        "/projects?select=id",
        SHOWN,
        json!({"name": "m"}),
    );
    assert_eq!(answer.json(), json!([{"id": 1}, {"id": 3}]));
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.1",
        "",
        json!({"owner": "bob"}),
    );
    answer.refused(403, "42501");
    assert_eq!(world.column("/projects?id=eq.1", "owner"), json!(["ann"]));
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.1",
        "",
        json!({"done": true}),
    );
    answer.refused(403, "42501");
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.1",
        "",
        json!({"secret": "x"}),
    );
    answer.refused(400, "PGRST204");
    let answer = world.send(
        Method::DELETE,
        "/projects?id=in.(2,4)",
        &[("prefer", "count=exact")],
        "",
    );
    assert_eq!(answer.header("content-range"), Some("*/0"));
    assert_eq!(world.number("SELECT count(*) FROM projects"), 4);
}

#[test]
fn a_row_is_made_only_as_the_policy_has_it_and_all_or_none() {
    let world = member();
    let rows =
        json!([{"id": 10, "name": "a", "owner": "ann"}, {"id": 11, "name": "b", "owner": "bob"}]);
    world
        .send_json(Method::POST, "/projects", "", rows)
        .refused(403, "42501");
    assert_eq!(world.number("SELECT count(*) FROM projects"), 4);
    let own = json!({"id": 12, "name": "c"});
    let answer = world.send_json(Method::POST, "/projects?select=id,owner", SHOWN, own);
    assert_eq!(answer.json(), json!([{"id": 12, "owner": "ann"}]));
    let nobodys = json!({"id": 13, "name": "d", "owner": null});
    world
        .send_json(Method::POST, "/projects", "", nobodys)
        .refused(403, "42501");
    let answer = world.send_json(Method::POST, "/tasks", "", json!({"title": "t"}));
    answer.refused(403, "42501");
}

#[test]
fn a_row_of_somebody_else_is_not_merged_with() {
    let world = member();
    let merge = "resolution=merge-duplicates";
    let theirs = json!([{"id": 1, "name": "mine", "owner": "ann"}, {"id": 2, "name": "taken", "owner": "ann"}]);
    world
        .send_json(Method::POST, "/projects", merge, theirs)
        .refused(403, "42501");
    assert_eq!(
        world.number("SELECT count(*) FROM projects WHERE name IN ('mine', 'taken')"),
        0
    );
    let own = json!({"id": 1, "name": "mine", "owner": "ann"});
    assert_eq!(
        world
            .send_json(Method::POST, "/projects", merge, own)
            .status,
        200
    );
    let given_away = json!({"id": 1, "name": "mine", "owner": "bob"});
    world
        .send_json(Method::POST, "/projects", merge, given_away)
        .refused(403, "42501");
    let world = World::with_policies(
        json!([{"table": "clients", "role": "m", "select": ["*"], "insert": ["*"], "update": ["vip"]}]),
        "m",
    );
    let renamed = json!({"id": 1, "name": "renamed"});
    world
        .send_json(Method::POST, "/clients", merge, renamed)
        .refused(403, "42501");
}

#[test]
fn conditions_join_compare_with_claims_and_fail_closed() {
    let seen = |filter: Json, claims: Json| {
        let policy =
            json!([{"table": "projects", "role": "m", "select": ["id"], "filter": filter}]);
        let mut world = World::with_policies(policy, "m");
        world.claims = claims.as_object().unwrap().clone();
        world.column("/projects?order=id", "id")
    };
    let compare = |column: &str, is: &str, to: Json| json!({"compare": {"column": column, "is": is, "to": to}});
    let none = json!({});
    for (filter, claims, expected) in [
        (
            compare("id", "lte", json!({"literal": 2})),
            &none,
            json!([1, 2]),
        ),
        (
            compare("done", "eq", json!({"literal": true})),
            &none,
            json!([1, 4]),
        ),
        (
            json!({"not": compare("done", "eq", json!({"literal": true}))}),
            &none,
            json!([2, 3]),
        ),
        (json!({"null": "client_id"}), &none, json!([4])),
        (
            json!({"any": [{"null": "client_id"}, compare("id", "eq", json!({"literal": 1}))]}),
            &none,
            json!([1, 4]),
        ),
        (json!({"any": []}), &none, json!([])),
        (json!({"all": []}), &none, json!([1, 2, 3, 4])),
        (
            compare("id", "in", json!({"claim": "/app/ids"})),
            &json!({"app": {"ids": [2, "3"]}}),
            json!([2, 3]),
        ),
        (
            compare("id", "in", json!({"claim": "ids"})),
            &json!({"ids": []}),
            json!([]),
        ),
        (
            compare("id", "eq", json!({"claim": "ids"})),
            &json!({"ids": [1, 2]}),
            json!([]),
        ),
        (
            compare("id", "eq", json!({"claim": "missing"})),
            &none,
            json!([]),
        ),
        (
            json!({"not": compare("id", "eq", json!({"claim": "missing"}))}),
            &none,
            json!([]),
        ),
        (
            json!({"not": compare("id", "in", json!({"claim": "missing"}))}),
            &none,
            json!([]),
        ),
        (
            compare("owner", "eq", json!({"claim": "o"})),
            &json!({"o": "x' OR '1'='1"}),
            json!([]),
        ),
    ] {
        let shown = filter.to_string();
        assert_eq!(seen(filter, claims.clone()), expected, "{shown}");
    }
}

#[test]
fn a_policy_of_a_column_that_is_not_there_opens_nothing() {
    let policy = json!([{
        "table": "projects", "role": "m", "select": ["*"], "filter": {"null": "no_such"},
    }]);
    World::with_policies(policy, "m")
        .get("/projects")
        .refused(403, "42501");
}

#[test]
fn a_role_without_its_own_policy_has_the_one_for_everybody() {
    let policies = json!([
        {"table": "projects", "select": ["id"]},
        {"table": "projects", "role": "boss", "select": ["*"]},
    ]);
    let guest = World::with_policies(policies.clone(), "guest");
    assert_eq!(guest.rows("/projects?id=eq.1"), json!([{"id": 1}]));
    let boss = World::with_policies(policies, "boss");
    assert_eq!(boss.column("/projects?id=eq.1", "secret"), json!(["s1"]));
}

#[test]
fn two_policies_for_one_role_are_refused() {
    let policy: crate::plan::Policy =
        serde_json::from_value(json!({"table": "t", "role": "m"})).unwrap();
    let repeated = crate::plan::Policies::new([policy.clone(), policy]).unwrap_err();
    assert_eq!(repeated.to_string(), "two policies for m on the table t");
}
