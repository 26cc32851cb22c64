//! SQL and REST over one's own rows: rows 01, 08, 14, 17, 19, 21, 32, 34 and 37.

use crate::furnished::{ACME, Furnished, MARK, QUERY, rows};
use doorward_testkit::{script, site};
use serde_json::{Value, json};

#[test]
fn hd_01_one_token_opens_sql_rest_and_schema() {
    let world = Furnished::new(site!());
    for path in ["/api/v1/query", "/rest/v1/orders", "/api/v1/schema"] {
        world.app.get_as(&world.acme, path).expect(200);
        world.app.get(path).expect(401);
    }
}

#[test]
fn hd_08_rows_by_the_published_curl() {
    let world = Furnished::new(site!());
    let answer = script::curl(&[
        "-X",
        "POST",
        &world.app.url(QUERY),
        "-H",
        &format!("Authorization: Bearer {}", world.acme),
        "-H",
        "Content-Type: application/json",
        "-d",
        r#"{"sql": "SELECT * FROM users"}"#,
    ]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["success"], true);
    assert_eq!(
        body["data"]["columns"],
        json!(["tenant_id", "id", "email", "name"])
    );
    assert_eq!(body["data"]["row_count"], 2);
    assert_eq!(
        body["data"]["rows"][0],
        json!([ACME, 1, "ann@example.com", "Ann"])
    );
}

/// HD-17: the class of the guide, from its sign-in on.
#[test]
fn hd_17_rows_by_the_published_python_method() {
    let world = Furnished::new(site!());
    let program = format!(
        "import requests\n\
         def query(sql):\n    \
             response = requests.post('{url}', headers={{'Authorization': 'Bearer {token}', 'Content-Type': 'application/json'}}, json={{'sql': sql}})\n    \
             return response.json()\n\
         print(query('SELECT id, name FROM users ORDER BY id')['data']['rows'])\n",
        url = world.app.url(QUERY),
        token = world.acme,
    );
    let printed = script::python(&program).success().stdout;
    assert_eq!(printed.trim(), "[[1, 'Ann'], [2, 'Bob']]");
}

#[test]
fn hd_32_a_body_is_json_whatever_curl_calls_it() {
    let world = Furnished::new(site!());
    let bearer = format!("Authorization: Bearer {}", world.acme);
    let body = r#"{"sql": "SELECT * FROM orders"}"#;
    let answer = script::curl(&[&world.app.url(QUERY), "-H", &bearer, "-d", body]);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn hd_14_a_get_answers_whoever_is_known() {
    let world = Furnished::new(site!());
    let info = world.app.get_as(&world.acme, QUERY);
    assert_eq!(info.expect(200).json()["data"]["tenant"], ACME);
    world.app.get(QUERY).expect(401);
    let target = format!("{QUERY}?sql=SELECT%20id%20FROM%20orders%20ORDER%20BY%20id");
    let read = world.app.get_as(&world.acme, &target);
    assert_eq!(rows(&read), [json!([1]), json!([2])]);
    let target = format!("{QUERY}?sql=DELETE%20FROM%20orders");
    world.app.get_as(&world.acme, &target).expect(400);
    assert_eq!(
        rows(&world.query(&world.acme, "SELECT * FROM orders")).len(),
        2
    );
}

/// The printed rewrite is what comes of it, whatever is written.
#[test]
fn hd_21_every_query_sees_its_own_tenant_alone() {
    let world = Furnished::new(site!());
    let own = world.query(&world.acme, "SELECT id FROM orders ORDER BY id");
    assert_eq!(rows(&own), [json!([1]), json!([2])]);
    let theirs = world.query(&world.globex, "SELECT id FROM orders ORDER BY id");
    assert_eq!(rows(&theirs), [json!([1]), json!([7])]);
    for sql in [
        "SELECT * FROM orders WHERE 1 = 1 OR tenant_id = 'globex'",
        "SELECT * FROM orders WHERE tenant_id <> 'acme-corp'",
        "SELECT * FROM users UNION ALL SELECT * FROM users",
        "SELECT (SELECT max(status) FROM orders) FROM users",
        "WITH o AS (SELECT * FROM orders) SELECT * FROM o JOIN users u ON true",
        "SELECT * FROM orders -- WHERE tenant_id = 'acme-corp'",
        "SELECT * FROM orders /* ' */ WHERE id > 0",
        "SELECT * FROM orders; SELECT * FROM users",
        "SELECT * FROM main.orders",
        "SELECT * FROM public.orders",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pg_catalog.pg_stat_activity",
        "SELECT * FROM information_schema.tables",
        "INSERT INTO users (tenant_id, id, email) VALUES ('globex', 9, 'x@example.com')",
        "UPDATE users SET tenant_id = 'globex'",
        "DELETE FROM users WHERE tenant_id = 'globex'",
        "INSERT INTO users (id, email) VALUES (1, 'gone') ON CONFLICT DO NOTHING RETURNING *",
        "ATTACH DATABASE 'globex' AS g",
        "SELECT set_config('doorward.context', '', false)",
        "DROP TABLE users",
    ] {
        let answer = world.query(&world.acme, sql);
        assert!(
            matches!(answer.status, 200 | 400 | 403 | 409),
            "{sql}: {}",
            answer.text()
        );
        assert!(!answer.text().contains(MARK), "{sql}: {}", answer.text());
    }
    let after = "SELECT id, email, name FROM users ORDER BY id";
    let theirs = rows(&world.query(&world.globex, after));
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|row| row.to_string().contains(MARK)));
}

#[test]
fn hd_34_a_scope_gives_its_right_and_no_other() {
    let world = Furnished::new(site!());
    let reader = world.key(ACME, &["read"]);
    let as_reader = |sql: &str| {
        let request = world.app.request("POST", QUERY);
        let request = request.header("X-API-Key", &reader);
        request.json(&json!({ "sql": sql })).send()
    };
    as_reader("SELECT * FROM orders").expect(200);
    for (sql, code) in [
        (
            "INSERT INTO orders (id, user_id) VALUES (9, 1)",
            "insufficient_scope",
        ),
        ("CREATE TABLE x (id INTEGER)", "statement_forbidden"),
    ] {
        let refused = as_reader(sql);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, code),
            "{sql}"
        );
    }
    let ddl = world.query(&world.acme, "CREATE TABLE x (id INTEGER)");
    assert_eq!(ddl.status, 403);
}

#[test]
fn hd_37_an_operator_is_told_what_would_become_of_a_query() {
    let world = Furnished::new(site!());
    let explain = |token: &str, sql: &str, scopes: &[&str]| {
        let body = json!({"sql": sql, "explain_as": {"tenant": ACME, "scopes": scopes}});
        let request = world.app.request("POST", QUERY).bearer(token);
        let request = request.header("X-Tenant-ID", ACME);
        request.json(&body).send()
    };
    let allowed = explain(&world.admin, "SELECT * FROM orders WHERE id = 1", &["read"]);
    let said = allowed.expect(200).json();
    assert_eq!(said["data"]["decision"], "allow");
    assert!(said["data"]["plan"]["row_count"].as_u64().unwrap() > 0);
    assert!(!allowed.text().contains("paid"), "{}", allowed.text());
    let refused = explain(&world.admin, "DELETE FROM orders", &["read"]);
    let said = refused.expect(200).json();
    assert_eq!(said["data"]["code"], "insufficient_scope");
    explain(&world.acme, "SELECT 1", &["read"]).expect(403);
    assert_eq!(
        rows(&world.query(&world.acme, "SELECT * FROM orders")).len(),
        2
    );
}

#[test]
fn what_is_wrong_with_a_statement_is_said_with_its_place() {
    let world = Furnished::new(site!());
    let wrong = world.query(&world.acme, "SELECT id FRM orders");
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "sql_invalid"));
    let message = wrong.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("character"), "{message}");
    let long = format!("SELECT {}", "1+".repeat(600_000));
    let refused = world.query(&world.acme, &long);
    assert_eq!(refused.code(), "query_too_complex");
}
