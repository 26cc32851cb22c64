//! Clients: made, rotated and revoked by the API and by the command line.
#![cfg(test)]

use doorward_testkit::{App, Outcome, Person, Setup, site};
use serde_json::{Value, json};

const PERMISSION: &str = "platform.clients.edit";

fn remember(app: &App, answer: &Value) -> String {
    let secret = answer["secret"].as_str().unwrap().to_owned();
    app.remembered(secret)
}

#[test]
fn a_client_is_made_rotated_and_revoked_by_its_tenant() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let foreign = Person::make_in(&app, "globex", "admin@globex.example", &[PERMISSION]);
    let member = Person::make_in(&app, "acme", "member@acme.example", &[]);
    let (admin, foreign, member) = (
        admin.sign_in(&app),
        foreign.sign_in(&app),
        member.sign_in(&app),
    );
    let new = json!({
        "name": "billing",
        "kind": "confidential",
        "tenant": "acme",
        "redirect_uris": ["https://billing.example/callback"],
    });
    let made = admin.request("POST", "/admin/v1/clients").json(&new).send();
    let made = made.expect(201).json();
    remember(&app, &made);
    assert_eq!(
        made["scopes"],
        json!([]),
        "what was not named is not carried"
    );
    for (session, status) in [(&foreign, 404), (&member, 403)] {
        let again = session.request("POST", "/admin/v1/clients").json(&new);
        again.send().expect(status);
    }
    let mut beyond = new.clone();
    beyond["scopes"] = json!(["read"]);
    let beyond = admin.request("POST", "/admin/v1/clients").json(&beyond);
    beyond.send().expect(403);

    let path = format!("/admin/v1/clients/{}", made["id"].as_str().unwrap());
    let rotate = format!("{path}/rotate");
    let rotated = admin
        .request("POST", &rotate)
        .json(&json!({"overlap_seconds": 60}));
    let rotated = rotated.send().expect(200).json();
    assert_ne!(remember(&app, &rotated), made["secret"].as_str().unwrap());
    let secrets = rotated["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2, "{rotated}");
    assert!(secrets[0]["expires_at"].is_null() && secrets[1]["expires_at"].is_string());
    let listed = admin.request("GET", "/admin/v1/clients").send();
    let listed = listed.expect(200);
    assert!(!listed.text().contains(made["secret"].as_str().unwrap()));
    assert_eq!(listed.json()["items"][0]["secrets"], rotated["secrets"]);
    let ended = admin.request("POST", &format!("{path}/end-overlap")).send();
    let ended = ended.expect(200).json();
    assert_eq!(ended["secrets"].as_array().unwrap().len(), 1);
    let none = foreign.request("GET", "/admin/v1/clients").send();
    assert_eq!(none.expect(200).json()["items"], json!([]));
    for request in [("POST", rotate.as_str()), ("DELETE", path.as_str())] {
        let (method, path) = request;
        foreign.request(method, path).send().expect(404);
        member.request(method, path).send().expect(403);
    }
    for _ in 0..2 {
        admin.request("DELETE", &path).send().expect(204);
    }
    admin.request("POST", &rotate).send().expect(404);
}

/// Runs `doorward client` in the app's realm; what it prints may be a secret.
fn client(app: &App, command: &str, arguments: &[&str]) -> Outcome {
    let mut all = vec!["--realm", app.realm()];
    all.extend_from_slice(arguments);
    app.run_secret(&["client", command], &all, "")
}

#[test]
fn a_client_is_managed_at_the_command_line() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let create = ["--name", "portal", "--scope", "read", "--json"];
    let made = client(&app, "create", &create).success().json();
    let first = remember(&app, &made);
    let id = made["id"].as_str().unwrap();
    let quiet = client(&app, "rotate", &[id, "--overlap", "1h", "--quiet"]);
    let second = app.remembered(quiet.success().line());
    assert_ne!(first, second);
    let listed = client(&app, "list", &["--json"]).success().json();
    assert_eq!(listed[0]["secrets"].as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["scopes"], json!(["read"]));
    let table = client(&app, "list", &[]).success();
    assert!(table.stdout.contains("portal"), "{}", table.stdout);
    drop(client(&app, "end-overlap", &[id]).success());
    drop(client(&app, "revoke", &[id]).success());
    drop(client(&app, "rotate", &[id]).exit(1));
    let public = ["--name", "app", "--kind", "public", "--json"];
    let public = client(&app, "create", &public).success().json();
    assert!(public["secret"].is_null(), "{public}");
    for bad in [
        ["--name", "app", "--redirect-uri", "http://a.example/"],
        ["--name", "app", "--tenant", "nowhere"],
    ] {
        drop(client(&app, "create", &bad).exit(1));
    }
}
