//! What somebody would send who wants more than is theirs.

use super::{Method, SHOWN, World, json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Texts that end, open or hide something in SQL, in paths, in patterns or in JSON.
const HOSTILE: [&str; 16] = [
    "' OR '1'='1",
    "\" OR \"1\"=\"1",
    "1; DROP TABLE projects; --",
    "1) UNION SELECT secret FROM projects --",
    "/* */",
    "$1 ?1 :a @b",
    "\\",
    "\\'",
    "\\\"",
    "%27%20OR%201=1",
    "\u{202e}\u{0}x",
    "a\u{0}b",
    "é\u{301}\u{1f600}",
    "$.\"a\"",
    "[*?]",
    "\r\nSet-Cookie: x=1",
];

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[test]
fn a_value_is_only_ever_a_value() {
    let world = World::new();
    let before = world.number("SELECT count(*) FROM projects");
    for text in HOSTILE {
        let value = encode(text);
        for query in [
            format!("name=eq.{value}"),
            format!("name=like.{value}"),
            format!("name=ilike.{value}"),
            format!("name=in.({value})"),
            format!("name=eq(any).{{{value}}}"),
            format!("or=(name.eq.{value},id.eq.0)"),
            format!("id=eq.{value}"),
            format!("data->>a=eq.{value}"),
            format!("data->a=eq.{value}"),
            format!("data->>{value}=eq.1"),
            format!("tags=cs.{{{value}}}"),
            format!("select=id,tasks(id)&tasks.title=eq.{value}&id=eq.0"),
        ] {
            let answer = world.get(&format!("/projects?select=id&{query}"));
            match answer.status.as_u16() {
                200 => assert!(
                    answer.text == "[]"
                        || query.starts_with("name=like")
                        || query.starts_with("name=ilike"),
                    "{query}: {}",
                    answer.text
                ),
                _ => assert!(
                    ["22P02", "22025", "PGRST100", "PGRST127"].contains(&answer.code().as_str()),
                    "{query}: {}",
                    answer.text
                ),
            }
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM projects"), before);
}

#[test]
fn a_name_is_only_ever_a_name() {
    let world = World::new();
    for text in HOSTILE {
        let name = encode(text);
        for target in [
            format!("/{name}"),
            format!("/projects?select={name}"),
            format!("/projects?select=id,x:%22{name}%22"),
            format!("/projects?select={name}(id)"),
            format!("/projects?select=clients!{name}(id)"),
            format!("/projects?select=id::{name}"),
            format!("/projects?{name}=eq.1"),
            format!("/projects?%22{name}%22=eq.1"),
            format!("/projects?order={name}"),
            format!("/projects?order=id.{name}"),
            format!("/projects?select=id&{name}.limit=1"),
        ] {
            let answer = world.get(&target);
            let status = answer.status.as_u16();
            assert!(
                (400..500).contains(&status),
                "{target}: {status} {}",
                answer.text
            );
            assert!(answer.headers.keys().all(|name| name != "set-cookie"));
        }
        let body = json!({ text: "x" });
        for method in [Method::POST, Method::PATCH] {
            world
                .send_json(method, "/clients", "", body.clone())
                .refused(400, "PGRST204");
        }
    }
}

#[test]
fn names_with_quotes_are_found_by_their_quotes() {
    let world = World::new();
    let target = "/odd%20%22table?select=%22a%20%5C%22b%22,%22select%22&%22a%20%5C%22b%22=eq.x";
    assert_eq!(world.rows(target), json!([{"a \"b": "x", "select": "y"}]));
    let aliased =
        "/clients?id=eq.1&select=%22%5C%22,1;--%22:name,projects(%22~%22:id)&projects.id=eq.1";
    assert_eq!(
        world.rows(aliased),
        json!([{"\",1;--": "Acme", "projects": [{"~": 1}]}])
    );
}

#[test]
fn hostile_values_are_stored_as_they_are() {
    let world = World::new();
    for (at, text) in HOSTILE
        .iter()
        .enumerate()
        .filter(|(_, text)| !text.contains('\0'))
    {
        let id = 100 + at;
        let given = json!({"id": id, "name": text, "data": {*text: text}});
        let select = "/projects?select=name,data";
        let answer = world.send_json(Method::POST, select, SHOWN, given);
        assert_eq!(
            answer.json(),
            json!([{"name": text, "data": {*text: text}}])
        );
        let found = world.column(
            &format!("/projects?select=id&name=eq.{}", encode(text)),
            "id",
        );
        assert_eq!(found, json!([id]), "{text}");
        let target = format!("/projects?id=eq.{id}&select=name");
        let answer = world.send_json(Method::PATCH, &target, SHOWN, json!({"name": text}));
        assert_eq!(answer.json(), json!([{"name": text}]));
    }
    let nul = json!({"name": "a\u{0}b"});
    world
        .send_json(Method::POST, "/clients", "", nul.clone())
        .refused(400, "22P02");
    world
        .send_json(Method::PATCH, "/clients", "", nul)
        .refused(400, "22P02");
}

#[test]
fn another_tenants_row_is_not_made_and_the_own_name_for_it_is_no_matter() {
    let world = World::new();
    for method in [Method::POST, Method::PATCH] {
        for tenant in [json!("globex"), json!("ACME"), json!(1), json!(["acme"])] {
            let body = json!({"name": "x", "tenant_id": tenant});
            world
                .send_json(method.clone(), "/projects", "", body)
                .refused(403, "42501");
        }
        let own = json!({"name": "x", "tenant_id": "acme"});
        let answer = world.send_json(method, "/projects", "", own);
        assert!(answer.status.is_success(), "{}", answer.text);
    }
    let merge = "resolution=merge-duplicates";
    let foreign = json!({"id": 1, "name": "x", "tenant_id": "globex"});
    world
        .send_json(Method::POST, "/projects", merge, foreign)
        .refused(403, "42501");
    assert_eq!(world.rows("/projects?tenant_id=eq.globex"), json!([]));
}

#[test]
fn what_is_too_deep_too_wide_or_too_long_is_refused() {
    let world = World::new();
    let nested = |depth: usize| {
        format!(
            "or=({}id.eq.1{})",
            "or(".repeat(depth - 1),
            ")".repeat(depth - 1)
        )
    };
    assert_eq!(world.get(&format!("/projects?{}", nested(10))).status, 200);
    let many = vec!["1"; 1_001].join(",");
    let filters = vec!["id=eq.1"; 129].join("&");
    let tests = vec!["id.eq.1"; 250].join(",");
    for query in [
        nested(11),
        nested(1_000),
        format!("select={}id{}", "clients(".repeat(1_000), ")".repeat(1_000)),
        format!("data{}=eq.1", "->a".repeat(1_000)),
        format!("id=in.({many})"),
        filters,
        format!("name=eq.{}", "x".repeat(40_000)),
        format!("select={}", vec!["id"; 600].join(",")),
        format!("order={}", vec!["id"; 60].join(",")),
    ] {
        let answer = world.get(&format!("/projects?{query}"));
        answer.refused(400, "PGRST100");
    }
    world
        .get(&format!("/projects?or=({tests})"))
        .refused(400, "54001");
    let deep =
        "/people?select=name,".to_owned() + &"people(name,".repeat(9) + "name" + &")".repeat(9);
    world.get(&deep).refused(400, "54001");
    let wide = vec!["clients(id)"; 40].join(",");
    world
        .get(&format!("/projects?select={wide}"))
        .refused(400, "54001");
}

#[test]
fn a_result_beyond_its_bound_is_refused_and_not_cut() {
    let world = World::new();
    let rows: Vec<_> = (0..1_100)
        .map(|at| json!({"title": "t", "project_id": 1, "id": 100 + at}))
        .collect();
    assert_eq!(
        world
            .send_json(Method::POST, "/tasks", "", json!(rows))
            .status,
        201
    );
    let answer = world.get("/tasks");
    assert_eq!(answer.code(), "result_too_large");
    assert_eq!(world.get("/tasks?limit=1000").status, 200);
}
