//! POST, PATCH, PUT and DELETE.

use super::{Method, SHOWN, World, json};

#[test]
fn a_row_is_made_and_told_of_as_it_is_asked() {
    let world = World::new();
    let answer = world.send_json(
        Method::POST,
        "/projects?select=id,name,done,budget,data,clients(name)",
        SHOWN,
        json!({"id": 9, "name": "new", "client_id": 1, "done": true, "data": {"b": [true]}}),
    );
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        json!([{
            "id": 9, "name": "new", "done": true, "budget": 10, "data": {"b": [true]},
            "clients": {"name": "Acme"},
        }])
    );
    assert_eq!(
        answer.header("preference-applied"),
        Some("return=representation")
    );
    assert_eq!(answer.header("content-range"), Some("*/*"));

    let answer = world.send_json(Method::POST, "/clients", "", json!({"name": "n"}));
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, ""));

    let prefer = "return=headers-only,count=exact";
    let answer = world.send_json(
        Method::POST,
        "/clients",
        prefer,
        json!({"id": 50, "name": "o"}),
    );
    assert_eq!(answer.header("location"), Some("/clients?id=eq.50"));
    assert_eq!(answer.header("content-range"), Some("*/1"));
}

#[test]
fn rows_are_made_together_in_every_kind_of_body() {
    let world = World::new();
    let rows = json!([{"name": "x"}, {"name": "y", "vip": true}]);
    let mixed = world.send_json(Method::POST, "/clients", SHOWN, rows.clone());
    mixed.refused(400, "PGRST102");
    let named = "/clients?columns=name,vip&select=name,vip";
    let prefer = "return=representation,missing=default";
    let answer = world.send_json(Method::POST, named, prefer, rows.clone());
    assert_eq!(
        answer.json(),
        json!([{"name": "x", "vip": false}, {"name": "y", "vip": true}])
    );
    world
        .send_json(Method::POST, named, SHOWN, rows)
        .refused(400, "23502");

    let csv = [("content-type", "text/csv"), ("prefer", SHOWN)];
    let body = "id,name,vip\n20,\"a, b\",true\n21,NULLA,f\n";
    let answer = world.send(Method::POST, "/clients", &csv, body);
    assert_eq!(
        answer.json(),
        json!([
            {"id": 20, "name": "a, b", "vip": true, "tenant_id": "acme"},
            {"id": 21, "name": "NULLA", "vip": false, "tenant_id": "acme"},
        ])
    );
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("prefer", SHOWN),
    ];
    let answer = world.send(Method::POST, "/clients?select=name", &form, "name=f%26g");
    assert_eq!(answer.json(), json!([{"name": "f&g"}]));

    let answer = world.send_json(Method::POST, "/clients", SHOWN, json!([]));
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, "[]"));
    let people = world.send_json(Method::POST, "/people?select=name", SHOWN, json!([{}, {}]));
    assert_eq!(people.json(), json!([{"name": null}, {"name": null}]));
}

#[test]
fn bytes_and_lists_go_in_and_come_out_the_same() {
    let world = World::new();
    let given = json!({"name": "b", "photo": "\\x00C3", "tags": ["a", 1], "data": "text"});
    let select = "/projects?select=photo,tags,data";
    let answer = world.send_json(Method::POST, select, SHOWN, given);
    assert_eq!(
        answer.json(),
        json!([{"photo": "\\x00c3", "tags": ["a", 1], "data": "text"}])
    );
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.1&select=photo,data",
        SHOWN,
        json!({"photo": "\\xff", "data": null}),
    );
    assert_eq!(answer.json(), json!([{"photo": "\\xff", "data": null}]));
}

#[test]
fn a_row_that_is_there_is_merged_left_or_refused() {
    let world = World::new();
    let rows = json!([{"id": 1, "name": "Acme 2"}, {"id": 60, "name": "New"}]);
    world
        .send_json(Method::POST, "/clients", "", rows.clone())
        .refused(409, "23505");
    let merge = "resolution=merge-duplicates,return=representation";
    let answer = world.send_json(
        Method::POST,
        "/clients?select=id,name,vip",
        merge,
        rows.clone(),
    );
    assert_eq!(
        answer.json(),
        json!([
            {"id": 1, "name": "Acme 2", "vip": true},
            {"id": 60, "name": "New", "vip": false},
        ])
    );
    let ignore = "resolution=ignore-duplicates,return=representation";
    let answer = world.send_json(
        Method::POST,
        "/clients?on_conflict=name&select=id",
        ignore,
        json!([{"name": "New", "id": 61}, {"name": "Newer", "id": 62}]),
    );
    assert_eq!(answer.json(), json!([{"id": 62}]));
    let other = "/clients?on_conflict=vip";
    world
        .send_json(Method::POST, other, merge, rows)
        .refused(400, "42P10");
}

#[test]
fn a_merge_says_whether_a_row_was_made() {
    let world = World::new();
    let rows = |ids: &[i32]| -> Vec<_> {
        let each = ids.iter();
        each.map(|id| json!({"id": id, "name": format!("n{id}")}))
            .collect()
    };
    let merge = "resolution=merge-duplicates";
    for (target, ids, status) in [
        ("/clients", &[1][..], 200),
        ("/clients", &[1, 2], 200),
        ("/clients", &[1, 80], 201),
        ("/clients", &[81], 201),
        ("/clients", &[80, 81], 200),
        ("/clients", &[], 200),
        ("/clients?on_conflict=name", &[80], 200),
        ("/clients?on_conflict=name", &[82], 201),
    ] {
        for prefer in [merge, &format!("{merge},return=representation")] {
            let answer = world.send_json(
                Method::POST,
                target,
                &format!("{prefer},tx=rollback"),
                json!(rows(ids)),
            );
            assert_eq!(answer.status, status, "{target} {ids:?}: {}", answer.text);
        }
        let kept = world.send_json(Method::POST, target, merge, json!(rows(ids)));
        assert_eq!(kept.status, status, "{target} {ids:?}");
    }
    // The key is the database's to make: every row is new.
    let named = json!([{"name": "a"}, {"name": "b"}]);
    let answer = world.send_json(Method::POST, "/people", merge, named);
    assert_eq!(answer.status, 201, "{}", answer.text);
    let ignore = "resolution=ignore-duplicates";
    let answer = world.send_json(Method::POST, "/clients", ignore, json!(rows(&[1])));
    assert_eq!(answer.status, 201);
    // Who may not read is not told which keys are there.
    let mut writer = World::new();
    writer.scopes = vec!["write"];
    let answer = writer.send_json(Method::POST, "/clients", merge, json!(rows(&[1])));
    assert_eq!(answer.status, 201);
}

#[test]
fn rows_are_changed_and_deleted_where_the_filters_find_them() {
    let world = World::new();
    let target = "/projects?owner=eq.bob&select=id,name,done";
    let answer = world.send_json(
        Method::PATCH,
        target,
        SHOWN,
        json!({"done": false, "name": "z"}),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!([{"id": 2, "name": "z", "done": false}, {"id": 4, "name": "z", "done": false}])
    );
    assert_eq!(answer.header("content-range"), Some("0-1/*"));
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.1",
        "",
        json!({"budget": "5"}),
    );
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(
        world.rows("/projects?id=eq.1&select=budget"),
        json!([{"budget": 5}])
    );
    let answer = world.send_json(
        Method::PATCH,
        "/projects?id=eq.99",
        SHOWN,
        json!({"name": "q"}),
    );
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"));
    let answer = world.send_json(Method::PATCH, "/projects?id=eq.1", "", json!({}));
    assert_eq!(answer.status, 204);

    let answer = world.send(
        Method::DELETE,
        "/tasks?project_id=eq.1&select=id",
        &[("prefer", SHOWN)],
        "",
    );
    assert_eq!(answer.json(), json!([{"id": 1}, {"id": 2}]));
    let counted = [("prefer", "count=exact")];
    let answer = world.send(Method::DELETE, "/tasks?id=eq.3", &counted, "");
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-range")),
        (204, Some("*/1"))
    );
    let answer = world.send(Method::DELETE, "/clients?id=eq.1", &[], "");
    answer.refused(409, "23503");
}

#[test]
fn without_a_filter_all_rows_are_changed() {
    let world = World::new();
    world.send_json(Method::PATCH, "/tasks", "", json!({"title": "t"}));
    assert_eq!(
        world.number("SELECT count(*) FROM tasks WHERE title = 't'"),
        3
    );
    world.send(Method::DELETE, "/tasks", &[], "");
    assert_eq!(world.number("SELECT count(*) FROM tasks"), 0);
}

#[test]
fn a_row_is_put_by_its_whole_key() {
    let world = World::new();
    let put =
        |query: &str, body| world.send_json(Method::PUT, &format!("/clients?{query}"), SHOWN, body);
    let answer = put("id=eq.70", json!({"id": 70, "name": "Put"}));
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            201,
            json!([{"id": 70, "name": "Put", "vip": false, "tenant_id": "acme"}])
        )
    );
    let answer = put("id=eq.70", json!([{"id": 70, "name": "Again"}]));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()[0]["name"], "Again");
    put("id=eq.71", json!({"id": 70, "name": "x"})).refused(400, "PGRST115");
    put("id=eq.70", json!({"name": "x"})).refused(400, "PGRST115");
    put("name=eq.x", json!({"id": 70, "name": "x"})).refused(405, "PGRST105");
    put("id=gt.70", json!({"id": 70, "name": "x"})).refused(405, "PGRST105");
    put("", json!({"id": 70, "name": "x"})).refused(405, "PGRST105");
    put("id=eq.70&limit=1", json!({"id": 70, "name": "x"})).refused(400, "PGRST114");
}

#[test]
fn a_change_that_is_too_much_or_only_tried_stays_undone() {
    let world = World::new();
    let strict = "handling=strict,max-affected=2";
    let answer = world.send(Method::DELETE, "/tasks", &[("prefer", strict)], "");
    answer.refused(400, "PGRST124");
    let tried = [("prefer", "tx=rollback,return=representation")];
    let answer = world.send(Method::DELETE, "/tasks?select=id&id=eq.1", &tried, "");
    assert_eq!(answer.json(), json!([{"id": 1}]));
    assert_eq!(
        answer.header("preference-applied"),
        Some("return=representation, tx=rollback")
    );
    let single = [
        ("prefer", SHOWN),
        ("accept", "application/vnd.pgrst.object+json"),
    ];
    world
        .send(Method::DELETE, "/tasks", &single, "")
        .refused(406, "PGRST116");
    world
        .send(Method::DELETE, "/tasks?id=eq.9", &single, "")
        .refused(406, "PGRST116");
    assert_eq!(world.number("SELECT count(*) FROM tasks"), 3);
    let answer = world.send(Method::DELETE, "/tasks?id=eq.1&select=id", &single, "");
    assert_eq!(answer.json(), json!({"id": 1}));
}

#[test]
fn what_would_say_which_rows_are_changed_is_refused_where_it_is_not_heeded() {
    let world = World::new();
    for query in [
        "limit=1",
        "order=id",
        "offset=1",
        "select=id,projects!inner(id)",
    ] {
        world
            .send(Method::DELETE, &format!("/tasks?{query}"), &[], "")
            .refused(400, "PGRST127");
    }
    assert_eq!(world.number("SELECT count(*) FROM tasks"), 3);
}

#[test]
fn columns_that_are_not_there_are_named() {
    let world = World::new();
    for method in [Method::POST, Method::PATCH] {
        let answer = world.send_json(method, "/clients", "", json!({"nam": "x"}));
        answer.refused(400, "PGRST204");
        assert_eq!(
            answer.json()["message"],
            "Could not find the 'nam' column of 'clients' in the schema cache"
        );
    }
    let answer = world.send_json(
        Method::POST,
        "/clients",
        "",
        json!({"name": "x", "id": "y"}),
    );
    answer.refused(400, "22P02");
    let answer = world.send_json(Method::POST, "/clients", "handling=strict,foo", json!({}));
    answer.refused(400, "PGRST122");
}

#[test]
fn who_may_not_write_writes_nothing_and_who_may_not_read_learns_nothing() {
    let mut world = World::new();
    world.scopes = vec!["read"];
    for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
        let answer = world.send_json(method.clone(), "/clients?id=eq.1", "", json!({"id": 1}));
        answer.refused(403, "42501");
        assert!(answer.text.contains("write"), "{method}");
    }
    world.scopes = vec!["write"];
    let answer = world.send_json(Method::POST, "/clients", "", json!({"name": "w"}));
    assert_eq!(answer.status, 201);
    let answer = world.send_json(Method::POST, "/clients", SHOWN, json!({"name": "v"}));
    answer.refused(403, "42501");
    world
        .send(Method::DELETE, "/tasks?id=eq.1", &[], "")
        .refused(403, "42501");
}
