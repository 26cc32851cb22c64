//! Rows of other tables within rows.

use super::{World, json};

#[test]
fn rows_that_belong_to_a_row_are_embedded_by_foreign_keys() {
    let world = World::new();
    for (target, expected) in [
        // Many to one.
        (
            "/projects?select=id,clients(name,vip)&id=in.(1,4)&order=id",
            json!([{"id": 1, "clients": {"name": "Acme", "vip": true}}, {"id": 4, "clients": null}]),
        ),
        // One to many.
        (
            "/clients?select=id,projects(id,done)&order=id&projects.order=id.desc",
            json!([
                {"id": 1, "projects": [{"id": 2, "done": false}, {"id": 1, "done": true}]},
                {"id": 2, "projects": [{"id": 3, "done": false}]},
                {"id": 3, "projects": []},
            ]),
        ),
        // Many to many.
        (
            "/projects?select=id,people(name)&id=eq.1&people.order=name.desc",
            json!([{"id": 1, "people": [{"name": "Bo"}, {"name": "Ada"}]}]),
        ),
        // One to one, either way.
        (
            "/people?select=name,profiles(bio,active)&id=in.(1,2)&order=id",
            json!([
                {"name": "Ada", "profiles": {"bio": "first", "active": true}},
                {"name": "Bo", "profiles": null},
            ]),
        ),
        (
            "/profiles?select=bio,people(name)",
            json!([{"bio": "first", "people": {"name": "Ada"}}]),
        ),
        // By a column, by a key's name, by a hint, under another name.
        (
            "/projects?select=c:client_id(name)&id=eq.1",
            json!([{"c": {"name": "Acme"}}]),
        ),
        (
            "/projects?select=projects_client_id_fkey(name)&id=eq.1",
            json!([{"projects_client_id_fkey": {"name": "Acme"}}]),
        ),
        (
            "/orders?select=b:addresses!billing_id(street),s:addresses!orders_shipping_id_fkey(street)",
            json!([{"b": {"street": "Low"}, "s": {"street": "High"}}]),
        ),
        // A table and itself.
        (
            "/people?select=name,people(name)&id=eq.1&people.order=name",
            json!([{"name": "Ada", "people": [{"name": "Bo"}, {"name": "Cy"}]}]),
        ),
        (
            "/people?select=name,boss:manager_id(name)&id=eq.2",
            json!([{"name": "Bo", "boss": {"name": "Ada"}}]),
        ),
        // In each other, with documents and all columns.
        (
            "/clients?select=name,projects(data,tasks(title),assignments(part,people(*)))&id=eq.1\
             &projects.id=eq.2",
            json!([{"name": "Acme", "projects": [{
                "data": {"size": 12, "on": false, "word": null},
                "tasks": [{"title": "three"}],
                "assignments": [
                    {"part": "lead", "people": {
                        "id": 2, "name": "Bo", "manager_id": 1, "tenant_id": "acme",
                    }}
                ],
            }]}]),
        ),
        // Spread among the row's own.
        (
            "/projects?select=id,...clients(client:name,vip,projects(id))&id=eq.3",
            json!([{"id": 3, "client": "Beta", "vip": false, "projects": [{"id": 3}]}]),
        ),
        (
            "/tasks?select=id,projects(name,...clients(vip,client:name))&id=eq.1",
            json!([{"id": 1, "projects": {"name": "Alpha", "vip": true, "client": "Acme"}}]),
        ),
        (
            "/tasks?select=id,projects(...clients(vip,projects(id,data)))&id=eq.1\
             &projects.clients.projects.id=eq.2",
            json!([{"id": 1, "projects": {
                "vip": true,
                "projects": [{"id": 2, "data": {"size": 12, "on": false, "word": null}}],
            }}]),
        ),
    ] {
        assert_eq!(world.rows(target), expected, "{target}");
    }
}

#[test]
fn many_rows_are_spread_as_lists_in_one_order() {
    let world = World::new();
    for (target, expected) in [
        (
            "/clients?select=name,...projects(ids:id,done,budget,data)&id=in.(1,3)&order=id",
            json!([
                {
                    "name": "Acme", "ids": [1, 2], "done": [true, false], "budget": [100.5, 20],
                    "data": [
                        {"size": 3, "at": {"x": [10, 20]}, "on": true, "word": "w"},
                        {"size": 12, "on": false, "word": null},
                    ],
                },
                {"name": "Gamma", "ids": [], "done": [], "budget": [], "data": []},
            ]),
        ),
        (
            "/clients?select=...projects(id,name)&id=eq.1&projects.order=name.desc&projects.limit=1",
            json!([{"id": [2], "name": ["beta%"]}]),
        ),
        (
            "/clients?select=...projects(id)&projects=is.null",
            json!([{"id": []}]),
        ),
        (
            "/projects?select=id,...people(who:name)&id=lte.2&order=id",
            json!([{"id": 1, "who": ["Ada", "Bo"]}, {"id": 2, "who": ["Bo"]}]),
        ),
        // In each other: to one within many, many within many, many within one.
        (
            "/people?select=name,...assignments(part,...projects(project:name,done))&id=eq.2",
            json!([{"name": "Bo", "part": ["help", "lead"], "project": ["Alpha", "beta%"],
                "done": [true, false]}]),
        ),
        (
            "/clients?select=...projects(id,...tasks(title),tasks(id))&id=eq.1",
            json!([{"id": [1, 2], "title": [["one", "two"], ["three"]],
                "tasks": [[{"id": 1}, {"id": 2}], [{"id": 3}]]}]),
        ),
        (
            "/tasks?select=id,...projects(project:name,...people(who:name))&id=eq.3",
            json!([{"id": 3, "project": "beta%", "who": ["Bo"]}]),
        ),
        (
            "/tasks?select=projects(name,...people(who:name))&id=eq.3",
            json!([{"projects": {"name": "beta%", "who": ["Bo"]}}]),
        ),
    ] {
        assert_eq!(world.rows(target), expected, "{target}");
    }
}

#[test]
fn filters_on_what_is_embedded_leave_rows_out_only_where_it_is_required() {
    let world = World::new();
    let ids = |query: &str| world.column(&format!("/clients?order=id&{query}"), "id");
    for (query, expected) in [
        (
            "select=id,projects(id)&projects.done=is.true",
            json!([1, 2, 3]),
        ),
        (
            "select=id,projects!inner(id)&projects.done=is.true",
            json!([1]),
        ),
        ("select=id,projects!inner()", json!([1, 2])),
        ("select=id,projects!inner(tasks!inner(id))", json!([1])),
        ("select=id,projects(id)&projects=is.null", json!([3])),
        ("select=id,projects()&projects=not.is.null", json!([1, 2])),
        (
            "select=id,projects()&projects.done=is.true&or=(projects.not.is.null,name.eq.Gamma)",
            json!([1, 3]),
        ),
        (
            "select=id,p:projects!inner(id)&p.or=(name.eq.Alpha,and(budget.gt.19,id.eq.2))",
            json!([1]),
        ),
    ] {
        assert_eq!(ids(query), expected, "{query}");
    }
    let rows = world.rows("/clients?select=id,projects()&id=eq.1");
    assert_eq!(rows, json!([{"id": 1}]));
    // A document of a row two tables away, among the values of another.
    let far = "/assignments?select=part,people(...profiles(active,bio))&project_id=eq.1\
               &person_id=eq.1";
    assert_eq!(
        world.rows(far),
        json!([{"part": "lead", "people": {"active": true, "bio": "first"}}])
    );
    let limited = "/clients?select=projects(id)&id=eq.1&projects.limit=1&projects.offset=1\
                   &projects.order=id";
    assert_eq!(world.rows(limited), json!([{"projects": [{"id": 2}]}]));
}

#[test]
fn rows_are_ordered_by_a_row_that_they_belong_to() {
    let world = World::new();
    let found = world.column(
        "/projects?select=id,clients()&order=clients(name).desc,id.desc",
        "id",
    );
    assert_eq!(found, json!([4, 3, 2, 1]));
    let answer = world.get("/clients?select=id,projects(id)&order=projects(id)");
    answer.refused(400, "PGRST118");
    world
        .get("/projects?order=clients(name)")
        .refused(400, "PGRST108");
}

#[test]
fn a_relationship_that_is_not_there_or_not_the_only_one_is_named() {
    let world = World::new();
    let answer = world.get("/projects?select=client(name)");
    answer.refused(400, "PGRST200");
    assert_eq!(
        answer.json()["hint"],
        "Perhaps you meant 'clients' instead of 'client'."
    );
    world
        .get("/projects?select=clients!no_such(name)")
        .refused(400, "PGRST200");
    let answer = world.get("/orders?select=addresses(street)");
    answer.refused(300, "PGRST201");
    let body = answer.json();
    assert_eq!(
        body["details"][0],
        json!({
            "cardinality": "many-to-one",
            "embedding": "orders with addresses",
            "relationship": "orders_billing_id_fkey using orders(billing_id) and addresses(id)",
        })
    );
    assert!(
        body["hint"]
            .as_str()
            .unwrap()
            .contains("'addresses!orders_billing_id_fkey'")
    );
    world
        .get("/projects?select=id,clients(id)&clients=eq.1")
        .refused(400, "PGRST120");
    world
        .get("/projects?clients.id=eq.1")
        .refused(400, "PGRST108");
}
