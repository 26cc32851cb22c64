//! Rows put together: counts, sums and the like.

use super::{Method, SHOWN, World, json};

#[test]
fn rows_are_put_together_by_the_values_that_they_have_in_common() {
    let world = World::with_aggregates();
    for (target, expected) in [
        ("/projects?select=count()", json!([{"count": 4}])),
        ("/projects?select=count", json!([{"count": 4}])),
        ("/projects?select=n:count()::text", json!([{"n": "4"}])),
        (
            "/projects?select=budget.sum(),budget.count(),budget.min(),max:budget.max()",
            json!([{"sum": 127.5, "count": 3, "min": 7, "max": 100.5}]),
        ),
        (
            "/projects?select=id.avg(),whole:id.avg()::int,text:id.sum()::text",
            json!([{"avg": 2.5, "whole": 3, "text": "10"}]),
        ),
        (
            "/projects?select=name.min(),last:name.max()&id=in.(1,3)",
            json!([{"min": "Alpha", "last": "Gamma, Ltd."}]),
        ),
        (
            "/projects?select=done,n:count(),budget.sum()&order=done.desc",
            json!([
                {"done": true, "n": 2, "sum": 107.5}, {"done": false, "n": 2, "sum": 20},
            ]),
        ),
        (
            "/projects?select=c:client_id,count()&order=client_id.desc.nullslast&limit=2",
            json!([{"c": 2, "count": 1}, {"c": 1, "count": 2}]),
        ),
        (
            "/projects?select=owner,ids:id.sum()&id=gt.1&order=owner&offset=1",
            json!([{"owner": "bob", "ids": 6}]),
        ),
        ("/projects?select=count()&id=gt.99", json!([{"count": 0}])),
        ("/projects?select=done,count()&id=gt.99", json!([])),
        // Parts of documents.
        (
            "/projects?select=sum:data->>size::int.sum(),data->size.count()",
            json!([{"sum": 15, "count": 2}]),
        ),
        (
            "/projects?select=data->on,count()&id=lte.2&order=data->on",
            json!([{"on": false, "count": 1}, {"on": true, "count": 1}]),
        ),
        (
            "/projects?select=data->size,count()&id=lte.2&order=data->size.desc",
            json!([{"size": 12, "count": 1}, {"size": 3, "count": 1}]),
        ),
        (
            "/projects?select=tags,count()&id=eq.1",
            json!([{"tags": ["red", "blue"], "count": 1}]),
        ),
    ] {
        assert_eq!(world.rows(target), expected, "{target}");
    }
}

#[test]
fn rows_of_other_tables_are_put_together_within_a_row_or_with_it() {
    let world = World::with_aggregates();
    for (target, expected) in [
        (
            "/clients?select=name,projects(count)&order=id",
            json!([
                {"name": "Acme", "projects": [{"count": 2}]},
                {"name": "Beta", "projects": [{"count": 1}]},
                {"name": "Gamma", "projects": [{"count": 0}]},
            ]),
        ),
        (
            "/clients?select=id,projects(done,budget.sum(),n:count())&id=eq.1\
             &projects.order=done&projects.id=lt.9",
            json!([{"id": 1, "projects": [
                {"done": false, "sum": 20, "n": 1}, {"done": true, "sum": 100.5, "n": 1},
            ]}]),
        ),
        (
            "/clients?select=id,projects(budget.max())&id=eq.3",
            json!([{"id": 3, "projects": [{"max": null}]}]),
        ),
        (
            "/projects?select=id,people(count())&order=id&limit=2",
            json!([{"id": 1, "people": [{"count": 2}]}, {"id": 2, "people": [{"count": 1}]}]),
        ),
        (
            "/clients?select=id,projects(name,tasks(count()))&id=eq.1&projects.order=id",
            json!([{"id": 1, "projects": [
                {"name": "Alpha", "tasks": [{"count": 2}]},
                {"name": "beta%", "tasks": [{"count": 1}]},
            ]}]),
        ),
        // By what is embedded.
        (
            "/tasks?select=n:count(),projects(name)&projects.id=eq.1&projects=not.is.null",
            json!([{"n": 2, "projects": {"name": "Alpha"}}]),
        ),
        (
            "/tasks?select=count(),...projects(name,done)&order=projects(name).desc",
            json!([
                {"count": 1, "name": "beta%", "done": false},
                {"count": 2, "name": "Alpha", "done": true},
            ]),
        ),
        // Of what is spread.
        (
            "/tasks?select=...projects(budget.max(),n:count(),c:client_id)",
            json!([{"max": 100.5, "n": 3, "c": 1}]),
        ),
        (
            "/tasks?select=...projects(owner,...clients(vip,id.sum()))&order=projects(owner)",
            json!([
                {"owner": "ann", "vip": true, "sum": 2}, {"owner": "bob", "vip": true, "sum": 1},
            ]),
        ),
        (
            "/projects?select=...clients(count()),id.count()",
            json!([{"count": 4}]),
        ),
    ] {
        let rows = world.rows(target);
        match target.contains("id.count()") {
            // Of two members of one name a client sees the last.
            true => assert_eq!(rows[0]["count"], expected[0]["count"], "{target}"),
            false => assert_eq!(rows, expected, "{target}"),
        }
    }
}

#[test]
fn groups_are_counted_as_the_rows_they_are() {
    let world = World::with_aggregates();
    let exact = [("prefer", "count=exact")];
    let target = "/projects?select=owner,count()&order=owner&limit=1";
    let answer = world.send(Method::GET, target, &exact, "");
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), Some("0-0/2"));
    let answer = world.send(Method::HEAD, "/projects?select=count()", &exact, "");
    assert_eq!(answer.header("content-range"), Some("0-0/1"));
    let csv = [("accept", "text/csv")];
    let target = "/projects?select=done,count(),budget.max()&order=done";
    let answer = world.send(Method::GET, target, &csv, "");
    assert_eq!(answer.text, "done,count,max\nf,2,20\nt,2,100.5");
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let world = World::with_aggregates();
    for (target, status, code) in [
        ("/projects?select=name.sum()", 404, "42883"),
        ("/projects?select=done.max()", 404, "42883"),
        ("/projects?select=data.min()", 404, "42883"),
        ("/projects?select=data->size.sum()", 404, "42883"),
        ("/projects?select=secre.max()", 400, "42703"),
        ("/projects?select=count()::nothing", 400, "42704"),
        ("/projects?select=count()&order=id", 400, "42803"),
        (
            "/projects?select=clients(id),count()&order=clients(name)",
            400,
            "42803",
        ),
        ("/clients?select=...projects(count())", 400, "PGRST127"),
        ("/projects?select=name.median()", 400, "PGRST100"),
        ("/projects?select=name.sum(id)", 400, "PGRST100"),
    ] {
        world.get(target).refused(status, code);
    }
    let patch = world.send_json(
        Method::PATCH,
        "/projects?select=count()&id=eq.1",
        SHOWN,
        json!({"name": "x"}),
    );
    patch.refused(400, "PGRST127");
    assert_eq!(
        world.rows("/projects?select=name&id=eq.1"),
        json!([{"name": "Alpha"}])
    );
}

#[test]
fn without_the_realms_word_nothing_is_put_together() {
    let world = World::new();
    for target in [
        "/projects?select=count()",
        "/projects?select=count",
        "/projects?select=id.sum()",
        "/clients?select=id,projects(count)",
        "/clients?select=id,projects(count())",
        "/projects?select=...clients(id.max())",
    ] {
        let answer = world.get(target);
        answer.refused(400, "PGRST123");
        assert_eq!(
            answer.json()["message"],
            "Use of aggregate functions is not allowed"
        );
    }
}

#[test]
fn a_policy_holds_for_what_is_put_together() {
    let policies = json!([
        {"table": "projects", "select": ["id", "client_id", "owner", "budget"],
         "filter": {"compare": {"column": "owner", "to": {"claim": "sub"}}}},
    ]);
    let world = World {
        aggregates: true,
        ..World::with_policies(policies, "clerk")
    };
    assert_eq!(
        world.rows("/projects?select=count(),budget.sum()"),
        json!([{"count": 2, "sum": 100.5}])
    );
    assert_eq!(
        world.rows("/clients?select=id,projects(count())&order=id&limit=1"),
        json!([{"id": 1, "projects": [{"count": 1}]}])
    );
    world
        .get("/projects?select=secret.max()")
        .refused(400, "42703");
    world
        .get("/projects?select=owner,count()&order=secret")
        .refused(400, "42703");
    world
        .get("/tasks?select=...projects(secret.min())")
        .refused(400, "42703");
}
