//! Functions that the realm lists (`/rpc/NAME`), and those that it does not.

use super::{Function, Functions, Json, Method, RUNTIME, SHOWN, World, json};
use crate::rest::tests::engine::Bed as _;

/// What an author's step makes.
const STEP: &str = "
CREATE FUNCTION add_them(a integer, b integer DEFAULT 5) RETURNS integer LANGUAGE sql IMMUTABLE
  AS 'SELECT a + b';
CREATE FUNCTION projects_of(owner text) RETURNS SETOF projects LANGUAGE sql STABLE
  AS 'SELECT * FROM projects p WHERE p.owner = projects_of.owner';
CREATE FUNCTION everybody() RETURNS SETOF clients LANGUAGE sql STABLE
  AS 'SELECT * FROM clients';
CREATE FUNCTION numbers(upto integer) RETURNS SETOF integer LANGUAGE sql IMMUTABLE
  AS 'SELECT generate_series(1, upto)';
CREATE FUNCTION point() RETURNS TABLE (x integer, y text) LANGUAGE sql IMMUTABLE
  AS 'SELECT 10, ''five''';
CREATE FUNCTION first_client() RETURNS clients LANGUAGE sql STABLE
  AS 'SELECT * FROM clients ORDER BY id LIMIT 1';
CREATE FUNCTION total(list integer[], extra jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS 'SELECT sum(n) + (extra ->> ''plus'')::integer FROM unnest(list) AS n';
CREATE FUNCTION echo(said text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT said';
CREATE FUNCTION rename(which integer, wanted text) RETURNS SETOF clients LANGUAGE sql VOLATILE
  AS 'UPDATE clients SET name = wanted WHERE id >= which RETURNING *';
CREATE FUNCTION forget(which integer) RETURNS void LANGUAGE sql VOLATILE
  AS 'DELETE FROM clients WHERE id = which';
CREATE FUNCTION plant(tenant text) RETURNS void LANGUAGE sql VOLATILE
  AS 'INSERT INTO clients (tenant_id, id, name) VALUES (tenant, 90, ''planted'')';
CREATE FUNCTION unlisted() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION twice(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION twice(a text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE FUNCTION turns() RETURNS SETOF clients LANGUAGE sql STABLE AS 'SELECT * FROM clients';
";

/// What only a superuser makes: a function with its owner's rights, another schema, rows of
/// another tenant under the same keys.
const BESIDE: &str = "
CREATE FUNCTION public.theirs() RETURNS SETOF clients LANGUAGE sql STABLE SECURITY DEFINER
  AS 'SELECT * FROM clients';
CREATE FUNCTION public.untyped() RETURNS record LANGUAGE sql IMMUTABLE AS 'SELECT 1, 2';
CREATE SCHEMA hidden; GRANT USAGE ON SCHEMA hidden TO PUBLIC;
CREATE FUNCTION hidden.secret() RETURNS integer LANGUAGE sql AS 'SELECT 42';
INSERT INTO clients (tenant_id, id, name) VALUES ('globex', 1, 'theirs'), ('globex', 9, 'theirs too');
INSERT INTO projects (tenant_id, id, name, owner) VALUES ('globex', 1, 'theirs', 'ann');
";

fn functions() -> Functions {
    let all = json!([
        {"name": "add_them", "arguments": {"a": "integer", "b": "integer"}},
        {"name": "projects_of", "arguments": {"owner": "text"}},
        {"name": "everybody"}, {"name": "point"}, {"name": "first_client"}, {"name": "turns"},
        {"name": "numbers", "arguments": {"upto": "integer"}},
        {"name": "total", "arguments": {"list": "integer[]", "extra": "jsonb"}},
        {"name": "echo", "arguments": {"said": "text"}},
        {"name": "rename", "arguments": {"which": "integer", "wanted": "text"}, "volatile": true},
        {"name": "forget", "arguments": {"which": "integer"}, "volatile": true},
        {"name": "plant", "arguments": {"tenant": "text"}, "volatile": true},
        {"name": "theirs"}, {"name": "untyped"}, {"name": "absent"},
        {"name": "twice", "arguments": {"a": "integer"}},
    ]);
    let all: Vec<Function> = serde_json::from_value(all).unwrap();
    Functions::new(&all).unwrap()
}

fn world() -> World {
    let world = World {
        functions: functions(),
        aggregates: true,
        ..World::new()
    };
    RUNTIME.block_on(async {
        world.bed.engine().amend(STEP).await.unwrap();
        world.bed.admin(BESIDE).await;
        world.bed.forget().await;
    });
    world
}

fn post(world: &World, target: &str, body: Json) -> crate::rest::tests::Answer {
    world.send_json(Method::POST, target, "", body)
}

#[test]
fn a_function_is_called_with_arguments_by_name() {
    let world = world();
    for (target, expected) in [
        ("/rpc/add_them?a=3&b=4", json!(7)),
        ("/rpc/add_them?a=3", json!(8)),
        ("/rpc/numbers?upto=3", json!([1, 2, 3])),
        (
            "/rpc/numbers?upto=5&pgrst_scalar=gt.2&order=pgrst_scalar.desc&limit=2",
            json!([5, 4]),
        ),
        ("/rpc/point", json!([{"x": 10, "y": "five"}])),
        (
            "/rpc/first_client?select=id,name",
            json!({"id": 1, "name": "Acme"}),
        ),
        ("/rpc/echo?said=eq.1", json!("eq.1")),
        (
            "/rpc/total?list=%7B1,2%7D&extra=%7B%22plus%22:4%7D",
            json!(7),
        ),
    ] {
        assert_eq!(world.rows(target), expected, "{target}");
    }
    for (target, body, expected) in [
        ("/rpc/add_them", json!({"a": 3, "b": "4"}), json!(7)),
        (
            "/rpc/total",
            json!({"list": [1, 2, 3], "extra": {"plus": 4}}),
            json!(10),
        ),
        ("/rpc/echo", json!({"said": null}), Json::Null),
        (
            "/rpc/numbers?limit=1&offset=1",
            json!({"upto": 3}),
            json!([2]),
        ),
    ] {
        let answer = post(&world, target, body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json(), expected, "{target}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world.send(Method::POST, "/rpc/add_them", &form, "a=1&b=2");
    assert_eq!(answer.json(), json!(3));
    let answer = world.send(Method::POST, "/rpc/everybody?select=count()", &[], "");
    assert_eq!(answer.json(), json!([{"count": 3}]));
}

#[test]
fn rows_of_a_function_are_filtered_shown_and_counted_as_a_tables_are() {
    let world = world();
    for (target, expected) in [
        (
            "/rpc/projects_of?owner=ann&select=id&order=id.desc",
            json!([{"id": 3}, {"id": 1}]),
        ),
        (
            "/rpc/projects_of?owner=ann&id=gt.1&select=id",
            json!([{"id": 3}]),
        ),
        (
            "/rpc/projects_of?owner=ann&id=eq.1&select=name,clients(name),tasks(id)&tasks.order=id",
            json!([{
                "name": "Alpha", "clients": {"name": "Acme"}, "tasks": [{"id": 1}, {"id": 2}],
            }]),
        ),
        (
            "/rpc/projects_of?owner=ann&select=id.max()",
            json!([{"max": 3}]),
        ),
        ("/rpc/projects_of?owner=nobody", json!([])),
    ] {
        assert_eq!(world.rows(target), expected, "{target}");
    }
    let exact = [("prefer", "count=exact"), ("range", "1-1")];
    let answer = world.send(Method::GET, "/rpc/everybody?order=id&select=id", &exact, "");
    assert_eq!(answer.status, 206);
    assert_eq!(answer.header("content-range"), Some("1-1/3"));
    assert_eq!(answer.json(), json!([{"id": 2}]));
    let answer = world.send(Method::HEAD, "/rpc/everybody", &exact[..1], "");
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("content-range"), Some("0-2/3"));
    let csv = [("accept", "text/csv")];
    let answer = world.send(Method::GET, "/rpc/everybody?select=id&order=id", &csv, "");
    assert_eq!(answer.text, "id\n1\n2\n3");
    let single = [("accept", "application/vnd.pgrst.object+json")];
    let answer = world.send(Method::GET, "/rpc/everybody", &single, "");
    answer.refused(406, "PGRST116");
    let answer = world.send(Method::GET, "/rpc/everybody?id=eq.2&select=id", &single, "");
    assert_eq!(answer.json(), json!({"id": 2}));
}

#[test]
fn a_function_that_changes_rows_is_posted_by_who_may_change_them() {
    let mut world = world();
    let head = world.send(Method::HEAD, "/rpc/forget?which=1", &[], "");
    assert_eq!(head.status, 405);
    world.get("/rpc/forget?which=1").refused(405, "25006");
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = world.send(method, "/rpc/forget", &[], "");
        answer.refused(405, "PGRST101");
    }
    let options = world.send(Method::OPTIONS, "/rpc/forget", &[], "");
    assert_eq!(options.header("allow"), Some("OPTIONS,POST"));
    let target = "/rpc/rename?select=id,name";
    let taken = post(&world, target, json!({"which": 2, "wanted": "x"}));
    taken.refused(409, "23505");
    // Counted, and called once all the same.
    let body = json!({"which": 3, "wanted": "Delta"});
    let answer = world.send_json(Method::POST, target, "count=exact", body.clone());
    assert_eq!(answer.json(), json!([{"id": 3, "name": "Delta"}]));
    assert_eq!(answer.header("content-range"), Some("0-0/1"));
    let beyond = format!("{target}&offset=1&limit=1");
    let answer = world.send_json(Method::POST, &beyond, "count=exact", body);
    assert_eq!(answer.json(), json!([]));
    assert_eq!(answer.header("content-range"), Some("*/1"));
    let tried = world.send_json(
        Method::POST,
        "/rpc/forget",
        "tx=rollback",
        json!({"which": 3}),
    );
    assert_eq!((tried.status.as_u16(), tried.text.as_str()), (204, ""));
    assert_eq!(world.number("SELECT count(*) FROM clients"), 3);
    let done = post(&world, "/rpc/forget", json!({"which": 3}));
    assert_eq!(done.status, 204);
    assert_eq!(world.number("SELECT count(*) FROM clients"), 2);
    let most = "handling=strict,max-affected=1";
    world
        .send_json(Method::POST, "/rpc/forget", most, json!({"which": 2}))
        .refused(400, "PGRST128");

    world.scopes = vec!["read"];
    post(&world, "/rpc/plant", json!({"tenant": "acme"})).refused(403, "42501");
    assert_eq!(world.rows("/rpc/add_them?a=1"), json!(6));
    world.scopes = vec!["write"];
    world.get("/rpc/everybody").refused(403, "42501");
    let renamed = post(&world, "/rpc/rename", json!({"which": 2, "wanted": "y"}));
    renamed.refused(403, "42501");
    let planted = post(&world, "/rpc/plant", json!({"tenant": "acme"}));
    assert_eq!(planted.status, 204, "{}", planted.text);
}

#[test]
fn a_function_may_need_a_scope_of_its_own() {
    let mut world = world();
    let only: Vec<Function> =
        serde_json::from_value(json!([{"name": "everybody", "scope": "reports"}])).unwrap();
    world.functions = Functions::new(&only).unwrap();
    let answer = world.get("/rpc/everybody");
    answer.refused(403, "42501");
    assert_eq!(answer.json()["hint"], "It needs the scope reports.");
    world.scopes.push("reports");
    assert_eq!(
        world.rows("/rpc/everybody?select=count()"),
        json!([{"count": 3}])
    );
}

#[test]
fn what_is_not_listed_is_not_there() {
    let world = world();
    for name in [
        "unlisted",
        "hidden.secret",
        "secret",
        "pg_sleep",
        "pg_catalog.pg_sleep",
        "auth.begin",
        "set_config",
        "current_setting",
        "EVERYBODY",
        "everybody()",
        "%22everybody%22",
        "absent",
    ] {
        for method in [Method::GET, Method::POST] {
            let answer = world.send(method, &format!("/rpc/{name}"), &[], "");
            answer.refused(404, "PGRST202");
        }
    }
    let answer = world.get("/rpc/everybod");
    assert_eq!(
        answer.json()["hint"],
        "Perhaps you meant to call the function public.everybody"
    );
    for target in [
        "/rpc/add_them?a=1&b=2&more=x",
        "/rpc/add_them?b=1",
        "/rpc/add_them?A=1",
    ] {
        let answer = world.get(target);
        answer.refused(404, "PGRST202");
        assert_eq!(
            answer.json()["hint"],
            "Perhaps you meant to call the function public.add_them(a, b)"
        );
    }
    world.get("/rpc/add_them?a=x").refused(400, "22P02");
    world.get("/rpc/add_them?a=1&a=2").refused(400, "PGRST102");
    world.get("/rpc/untyped").refused(400, "PGRST127");
    world.get("/rpc/twice?a=1").refused(300, "PGRST203");
    for body in ["[1]", "{", "3"] {
        let answer = world.send(Method::POST, "/rpc/add_them", &[], body);
        answer.refused(400, "PGRST102");
    }
}

#[test]
fn the_root_tells_the_functions_that_the_caller_may_call() {
    let mut world = world();
    world.scopes = vec!["read"];
    let paths = world.get("/").json()["paths"].clone();
    let argument = &paths["/rpc/add_them"]["get"]["parameters"][0];
    assert_eq!(
        (&argument["name"], &argument["format"]),
        (&json!("a"), &json!("integer"))
    );
    assert!(paths["/rpc/add_them"]["post"].is_object());
    for absent in ["forget", "theirs", "twice", "absent", "unlisted"] {
        assert_eq!(paths[format!("/rpc/{absent}")], Json::Null, "{absent}");
    }
    world.scopes = vec!["read", "write"];
    let paths = world.get("/").json()["paths"].clone();
    assert!(paths["/rpc/forget"]["post"].is_object());
    assert_eq!(paths["/rpc/forget"]["get"], Json::Null);
}

#[test]
fn an_argument_is_only_ever_a_value() {
    let world = world();
    for text in [
        "'); DROP TABLE clients; --",
        "\" || (SELECT secret FROM projects)",
        "$1::text",
        "\\",
        "1) FROM clients",
        "a\u{202e}b",
    ] {
        let answer = post(&world, "/rpc/echo", json!({"said": text}));
        assert_eq!(answer.json(), json!(text));
        let name = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        assert_eq!(world.rows(&format!("/rpc/echo?said={name}")), json!(text));
        post(&world, "/rpc/echo", json!({"said": "x", text: 1})).refused(404, "PGRST202");
        let answer = world.get(&format!("/rpc/add_them?a=1&%22{name}%22=1"));
        assert!(answer.status.is_client_error(), "{}", answer.text);
    }
    let nul = post(&world, "/rpc/echo", json!({"said": "a\u{0}b"}));
    nul.refused(400, "22P05");
    assert_eq!(world.number("SELECT count(*) FROM clients"), 3);
}

#[test]
fn a_function_with_its_owners_rights_is_refused_by_name() {
    let world = world();
    let answer = world.get("/rpc/theirs");
    answer.refused(403, "42501");
    assert_eq!(
        answer.json()["message"],
        "the function theirs runs with its owner's rights and is not called"
    );
    // One that became so after the schema was read.
    let counted = "/rpc/turns?select=count()";
    assert_eq!(world.rows(counted), json!([{"count": 3}]));
    RUNTIME.block_on(world.bed.admin(
        "ALTER FUNCTION turns() SECURITY DEFINER; ALTER FUNCTION turns() OWNER TO postgres",
    ));
    let answer = world.get("/rpc/turns");
    answer.refused(403, "42501");
    assert!(!answer.text.contains("globex"), "{}", answer.text);
}

#[test]
fn no_row_of_another_tenant_comes_or_goes_through_a_function() {
    let world = world();
    for target in [
        "/rpc/everybody",
        "/rpc/projects_of?owner=ann",
        "/rpc/everybody?tenant_id=eq.globex",
        "/rpc/everybody?or=(tenant_id.eq.globex,id.gt.0)",
    ] {
        let answer = world.get(target);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("theirs"), "{target}: {}", answer.text);
    }
    let body = json!({"tenant": "globex"});
    let planted = world.send_json(Method::POST, "/rpc/plant", SHOWN, body);
    planted.refused(403, "42501");
    assert!(!planted.text.contains("owner's rights"), "{}", planted.text);
    let own = post(&world, "/rpc/plant", json!({"tenant": "acme"}));
    assert_eq!(own.status, 204, "{}", own.text);
    let renamed = post(
        &world,
        "/rpc/rename?select=id",
        json!({"which": 9, "wanted": "mine"}),
    );
    assert_eq!(renamed.json(), json!([{"id": 90}]));
}

#[test]
fn a_function_that_is_listed_as_reading_changes_nothing() {
    let mut world = world();
    let lax: Vec<Function> = serde_json::from_value(json!([
        {"name": "forget", "arguments": {"which": "integer"}},
    ]))
    .unwrap();
    world.functions = Functions::new(&lax).unwrap();
    world.get("/rpc/forget?which=3").refused(405, "25006");
    post(&world, "/rpc/forget", json!({"which": 3})).refused(405, "25006");
    assert_eq!(world.number("SELECT count(*) FROM clients"), 3);
}

#[test]
fn a_policy_holds_for_what_a_function_answers_with() {
    let policies = json!([
        {"table": "clients", "select": ["id", "name"],
         "filter": {"compare": {"column": "id", "is": "gt", "to": {"literal": 1}}}},
        {"table": "projects", "role": "nobody", "select": ["*"]},
    ]);
    let mut world = World {
        functions: functions(),
        ..World::with_policies(policies, "clerk")
    };
    RUNTIME.block_on(world.bed.engine().amend(STEP)).unwrap();
    assert_eq!(
        world.rows("/rpc/everybody?order=id"),
        json!([{"id": 2, "name": "Beta"}, {"id": 3, "name": "Gamma"}])
    );
    world.get("/rpc/everybody?select=vip").refused(400, "42703");
    world
        .get("/rpc/projects_of?owner=ann")
        .refused(404, "PGRST205");
    world.role = None;
    assert_eq!(
        world.rows("/rpc/everybody?select=id&id=lt.3"),
        json!([{"id": 2}])
    );
}
