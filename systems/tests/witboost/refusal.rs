//! What a refusal says, and to whom: row 45.

use crate::{robot, witboost};
use doorward_testkit::{App, Response, site};
use serde_json::{Value, json};

/// Every member's name, at any depth.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                found.push(name.clone());
                names(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

/// The Backstage form, with nothing of our insides; the reason is the operator's to
/// learn, by the request's id.
fn assert_form(app: &App, what: &str, answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{what}");
    let body = answer.json();
    assert_eq!(body["response"]["statusCode"], status, "{what}");
    assert!(body["error"]["name"].is_string(), "{what}: {body}");
    assert!(body["error"]["message"].is_string(), "{what}: {body}");
    let mut found = Vec::new();
    names(&body, &mut found);
    assert!(!found.iter().any(|name| name == "stack"), "{what}: {body}");
    let text = body.to_string();
    for trace in ["panicked", ".rs", "src/", "backtrace", " at /"] {
        assert!(!text.contains(trace), "{what}: {body}");
    }
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(body["request"]["id"], id, "{what}");
    let explained = app.run(&["explain"], &[id]).success().stdout;
    assert!(explained.contains(&answer.code()), "{what}: {explained}");
    assert!(explained.contains("check"), "{what}: {explained}");
}

#[test]
fn wb_45_a_refusal_has_a_reason_by_its_id_and_no_stack() {
    let app = witboost(site!())
        .set("server.max_body", "1KiB")
        .set(
            "realm.witboost.limits.few",
            toml::Table::from_iter([
                ("rate".to_owned(), toml::Value::from("1/1h")),
                ("key".to_owned(), "address".into()),
            ]),
        )
        .edit(|config| {
            let routes = config["realm"]["witboost"]["route"].as_array_mut().unwrap();
            let few =
                "path = \"/few\"\nupstream = \"builtin:echo\"\npublic = true\nlimits = [\"few\"]";
            let down = "path = \"/down\"\nupstream = \"http://127.0.0.1:1\"\npublic = true";
            routes.extend([few, down].map(|text| toml::Value::Table(text.parse().unwrap())));
        })
        .start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    let get = |path: &str| app.get_as(&jwt, path);
    app.get("/few").expect(200);
    let large = "x".repeat(2048);
    for (what, status, answer) in [
        (
            "malformed",
            400,
            app.exchange(&token, &json!({"duration_seconds": "x"})),
        ),
        ("ambiguous", 400, get("/api/%2e%2e/x")),
        ("nobody", 401, app.get("/api/catalog/entities")),
        ("forged", 401, app.get_as("a.b.c", "/api/catalog/entities")),
        ("unknown", 401, app.exchange("wbat-none", &json!({}))),
        ("scope", 403, get("/api/computational-governance/x")),
        ("path", 404, get("/nowhere")),
        (
            "method",
            405,
            app.request("GET", doorward_testkit::EXCHANGE).send(),
        ),
        (
            "large",
            413,
            app.request("POST", doorward_testkit::EXCHANGE)
                .body(large)
                .send(),
        ),
        ("limited", 429, app.get("/few")),
        ("upstream", 502, app.get("/down")),
    ] {
        assert_form(&app, what, &answer, status);
    }
}
