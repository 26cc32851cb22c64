//! GET and HEAD: filters, fields, order, ranges, formats.

use super::{Method, World, json};
use serde_json::Value as Json;

fn ids(world: &World, query: &str) -> Json {
    world.column(&format!("/projects?select=id&order=id&{query}"), "id")
}

#[test]
fn rows_are_written_with_their_types_in_the_order_of_the_selection() {
    let world = World::new();
    world.send_json(
        Method::PATCH,
        "/projects?id=eq.1",
        "",
        json!({"photo": "\\x00ff"}),
    );
    let answer = world.get("/projects?id=eq.1&select=name,id,done,budget,data,photo,tenant_id");
    assert_eq!(
        answer.json(),
        json!([{
            "name": "Alpha", "id": 1, "done": true, "budget": 100.5,
            "data": {"size": 3, "at": {"x": [10, 20]}, "on": true, "word": "w"},
            "photo": "\\x00ff", "tenant_id": "acme",
        }])
    );
    let order = ["name", "id", "done", "budget", "data", "photo", "tenant_id"];
    let places = order.map(|name| answer.text.find(&format!("\"{name}\":")));
    assert!(places.is_sorted(), "{}", answer.text);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(answer.header("content-range"), Some("0-0/*"));
    assert!(
        answer
            .header("content-location")
            .unwrap()
            .starts_with("/projects?id=eq.1")
    );
}

#[test]
fn every_filter_finds_its_rows() {
    let world = World::new();
    for (query, expected) in [
        ("id=eq.2", json!([2])),
        ("id=neq.2", json!([1, 3, 4])),
        ("id=gt.2", json!([3, 4])),
        ("id=gte.2&id=lte.3", json!([2, 3])),
        ("budget=lt.20", json!([4])),
        ("done=eq.true", json!([1, 4])),
        ("done=is.false", json!([2, 3])),
        ("name=like.*a", json!([1, 4])),
        ("name=like.%25TA%25", json!([])),
        ("name=ilike.*TA*", json!([2, 4])),
        ("name=like.beta\\%25", json!([2])),
        ("name=eq.Gamma, Ltd.", json!([3])),
        ("id=in.(1,3,9)", json!([1, 3])),
        ("name=in.(\"Gamma, Ltd.\",Alpha)", json!([1, 3])),
        ("name=in.(\"d\\\"elta\")", json!([4])),
        ("id=in.()", json!([])),
        ("id=not.in.(1,3)", json!([2, 4])),
        ("client_id=is.null", json!([4])),
        ("client_id=not.is.null", json!([1, 2, 3])),
        ("client_id=is.not_null", json!([1, 2, 3])),
        ("client_id=isdistinct.1", json!([3, 4])),
        ("id=eq(any).{1,4}", json!([1, 4])),
        ("name=like(all).{*a*,*lp*}", json!([1])),
        ("or=(id.eq.1,and(id.gt.2,done.is.true))", json!([1, 4])),
        ("not.or=(id.eq.1,id.eq.2)", json!([3, 4])),
        (
            "and=(id.gte.2,not.or(id.eq.2,name.eq.\"d\\\"elta\"))",
            json!([3]),
        ),
        ("or=(name.in.(\"Gamma, Ltd.\",x),id.in.(1))", json!([1, 3])),
        ("data->>size=eq.3", json!([1])),
        ("data->>on=eq.false", json!([2])),
        ("data->size=gt.3", json!([2])),
        ("data->at->x->>1=eq.20", json!([1])),
        ("data->>0=eq.1", json!([4])),
        ("data->>-1=eq.2", json!([4])),
        ("data->>word=is.null", json!([2, 3, 4])),
        ("tags=cs.{red}", json!([1, 2])),
        ("tags=cs.[\"red\",\"blue\"]", json!([1])),
        ("tags=cd.{red}", json!([2, 4])),
        ("tags=ov.{blue,green}", json!([1])),
        ("data=cs.[1]", json!([4])),
        ("data=cs.{\"on\":true}", json!([1])),
        ("data=cs.{\"on\":true,\"size\":3.0}", json!([1])),
        ("data=cs.{\"at\":{\"x\":[20]}}", json!([1])),
        ("data=cs.{\"at\":[10]}", json!([])),
        ("data=cs.{\"at\":{\"x\":20}}", json!([])),
        ("data=cs.{\"word\":null}", json!([2])),
        ("data=cs.{\"none\":null}", json!([])),
        ("data=cs.{\"size\":\"3\"}", json!([])),
        ("data=cs.{}", json!([1, 2])),
        ("data=cs.2", json!([4])),
        ("tags=cs.\"blue\"", json!([1])),
        ("data=not.cs.{\"on\":true}", json!([2, 4])),
        ("data->at=cs.{\"x\":[10]}", json!([1])),
        ("data->size=cs.12", json!([2])),
        (
            "data=cd.{\"size\":12,\"on\":false,\"word\":null,\"a\":[]}",
            json!([2]),
        ),
        ("data=cd.{\"size\":12,\"on\":false}", json!([])),
        ("data=cd.{}", json!([])),
        ("data=cd.[2,{\"a\":1},1]", json!([4])),
        ("data->at=cd.{\"x\":[20,10,30]}", json!([1])),
        ("data->size=cd.[3,4]", json!([1])),
        ("data->at->x=ov.[20,30]", json!([1])),
        ("\"name\"=eq.Alpha", json!([1])),
    ] {
        assert_eq!(ids(&world, query), expected, "{query}");
    }
}

#[test]
fn a_value_that_is_none_of_its_column_is_refused_as_postgresql_refuses_it() {
    let world = World::new();
    for query in ["id=eq.x", "id=in.(1,x)", "done=eq.maybe"] {
        world
            .get(&format!("/projects?{query}"))
            .refused(400, "22P02");
    }
}

#[test]
fn fields_have_aliases_casts_and_ways_into_documents() {
    let world = World::new();
    for (select, expected) in [
        ("title:name", json!({"title": "Alpha"})),
        ("id::text", json!({"id": "1"})),
        ("flag:done::text", json!({"flag": "true"})),
        ("budget::int", json!({"budget": 101})),
        ("n:data->>size::int", json!({"n": 3})),
        ("data->size", json!({"size": 3})),
        ("data->at->x->1", json!({"x": 20})),
        ("data->at->x->>1", json!({"x": "20"})),
        ("data->at", json!({"at": {"x": [10, 20]}})),
        ("o:data->on", json!({"o": true})),
        ("data->>on", json!({"on": "true"})),
        ("data->>nothing", json!({"nothing": null})),
    ] {
        let rows = world.rows(&format!("/projects?id=eq.1&select={select}"));
        assert_eq!(rows, json!([expected]), "{select}");
    }
    world
        .get("/projects?select=id::regclass")
        .refused(400, "42704");
    world
        .get("/projects?select=id.sum()")
        .refused(400, "PGRST123");
    world
        .get("/projects?select=count()")
        .refused(400, "PGRST123");
}

#[test]
fn rows_are_ordered_with_null_as_the_greatest() {
    let world = World::new();
    for (order, expected) in [
        ("budget", json!([4, 2, 1, 3])),
        ("budget.desc", json!([3, 1, 2, 4])),
        ("budget.desc.nullslast", json!([1, 2, 4, 3])),
        ("budget.asc.nullsfirst", json!([3, 4, 2, 1])),
        ("done.desc,id.desc", json!([4, 1, 3, 2])),
        ("data->>size.desc.nullslast,id", json!([1, 2, 3, 4])),
        ("data->size.desc.nullslast,id", json!([2, 1, 3, 4])),
    ] {
        let found = world.column(&format!("/projects?select=id&order={order}"), "id");
        assert_eq!(found, expected, "{order}");
    }
}

#[test]
fn a_part_of_the_rows_is_told_with_its_place_among_all() {
    let world = World::new();
    let count = ("prefer", "count=exact");
    for (query, headers, status, range) in [
        ("limit=2", vec![], 200, "0-1/*"),
        ("limit=2&offset=1", vec![count], 206, "1-2/4"),
        ("", vec![count], 200, "0-3/4"),
        (
            "",
            vec![count, ("range", "1-2"), ("range-unit", "items")],
            206,
            "1-2/4",
        ),
        ("", vec![("range", "2-")], 200, "2-3/*"),
        ("limit=0", vec![count], 206, "*/4"),
        ("offset=4", vec![count], 206, "*/4"),
        ("offset=9", vec![], 200, "*/*"),
        ("id=eq.9", vec![count], 200, "*/0"),
        (
            "offset=3",
            vec![("prefer", "count=estimated")],
            206,
            "3-3/4",
        ),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = world.send(method.clone(), &format!("/projects?{query}"), &headers, "");
            let told = (
                answer.status.as_u16(),
                answer.header("content-range").unwrap(),
            );
            assert_eq!(told, (status, range), "{method} {query}");
            assert_eq!(answer.text.is_empty(), method == Method::HEAD);
        }
    }
    let answer = world.send(Method::GET, "/projects?offset=9", &[count], "");
    answer.refused(416, "PGRST103");
    assert_eq!(answer.header("content-range"), Some("*/4"));
    world.get("/projects?limit=-1").refused(416, "PGRST103");
    world
        .send(Method::GET, "/projects", &[("range", "5-1")], "")
        .refused(416, "PGRST103");
}

#[test]
fn one_row_is_answered_alone_and_only_when_there_is_one() {
    let world = World::new();
    let object = [("accept", "application/vnd.pgrst.object+json")];
    let answer = world.send(Method::GET, "/clients?id=eq.1", &object, "");
    assert_eq!(
        answer.json(),
        json!({"id": 1, "name": "Acme", "vip": true, "tenant_id": "acme"})
    );
    for (query, rows) in [("id=eq.9", 0), ("id=gt.1", 2)] {
        let answer = world.send(Method::GET, &format!("/clients?{query}"), &object, "");
        answer.refused(406, "PGRST116");
        assert_eq!(
            answer.json()["details"],
            format!("The result contains {rows} rows")
        );
    }
}

#[test]
fn rows_are_answered_as_csv_and_without_their_nulls() {
    let world = World::new();
    let csv = [("accept", "text/csv")];
    let answer = world.send(
        Method::GET,
        "/projects?select=id,name,done,budget&order=id.desc&limit=2",
        &csv,
        "",
    );
    assert_eq!(
        answer.text,
        "id,name,done,budget\n4,\"d\"\"elta\",t,7\n3,\"Gamma, Ltd.\",f,"
    );
    let stripped = [("accept", "application/vnd.pgrst.array+json;nulls=stripped")];
    let answer = world.send(
        Method::GET,
        "/projects?select=id,budget,data&id=in.(2,3)&order=id",
        &stripped,
        "",
    );
    assert_eq!(
        answer.json(),
        json!([{"id": 2, "budget": 20, "data": {"size": 12, "on": false}}, {"id": 3}])
    );
}

#[test]
fn a_query_that_cannot_be_read_is_refused_where_it_cannot() {
    let world = World::new();
    for query in [
        "id=1",
        "id=eq",
        "id=foo.1",
        "select=id,(",
        "select=id&select=name",
        "order=id.up",
        "limit=x",
        "or=(id.eq.1",
        "or=()",
        "id=in.1",
        "id=is.maybe",
        "data->>a->b=eq.1",
        "=eq.1",
        "select=a(b",
        "select=...id",
    ] {
        world
            .get(&format!("/projects?{query}"))
            .refused(400, "PGRST100");
    }
    let answer = world.get("/projects?id=foo.1");
    assert_eq!(
        answer.json()["message"],
        "\"failed to parse filter (foo.1)\" (line 1, column 1)"
    );
}

#[test]
fn who_may_not_read_reads_nothing() {
    let mut world = World::new();
    world.scopes = vec!["write"];
    let answer = world.get("/projects");
    answer.refused(403, "42501");
    assert!(answer.text.contains("read"));
}

/// A name is in every row of JSON, however long it is, and once above comma-separated values.
#[test]
fn the_names_of_an_answer_count_as_its_values_do() {
    let mut world = World::new();
    world.bounds.bytes = 300;
    let alias = "a".repeat(100);
    let named = format!("/projects?select={alias}:id");
    assert_eq!(world.get("/projects?select=id").status, 200);
    world.get(&named).refused(422, "result_too_large");
    let accept = [("accept", "text/csv")];
    let answer = world.send(Method::GET, &named, &accept, "");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let longer = format!("/projects?select={}:id", "a".repeat(129));
    world.get(&longer).refused(400, "PGRST100");
}

/// What is changed and cannot be told of is not changed.
#[test]
fn a_change_whose_answer_is_too_large_by_its_names_is_undone() {
    let mut world = World::new();
    world.bounds.bytes = 300;
    let alias = "a".repeat(100);
    let target = format!("/projects?select={alias}:id");
    let prefer = "return=representation";
    let answer = world.send_json(Method::PATCH, &target, prefer, json!({"name": "changed"}));
    answer.refused(422, "result_too_large");
    let changed = world.number("SELECT count(*) FROM projects WHERE name = 'changed'");
    assert_eq!(changed, 0);
}
