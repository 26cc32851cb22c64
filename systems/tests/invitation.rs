//! Inviting somebody into a tenant by the API, and taking the invitation.
#![cfg(test)]

use doorward_testkit::{App, Person, Request, Setup, sign_in, site};
use serde_json::json;

const PERMISSION: &str = "platform.memberships.edit";

fn invite(session_request: Request, tenant: &str) -> Request {
    session_request.json(&json!({"email": "new@acme.example", "tenant": tenant}))
}

fn accept(app: &App, invitation: &str, password: &str) -> Request {
    app.request("POST", "/me/v1/invitations/accept")
        .json(&json!({"invitation": invitation, "password": password}))
}

#[test]
fn an_invitation_is_taken_once_and_leads_into_its_tenant() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let session = admin.sign_in(&app);
    let made = invite(session.request("POST", "/admin/v1/invitations"), "acme").send();
    made.expect(201);
    let invitation = app.remembered(made.json()["invitation"].as_str().unwrap().to_owned());
    let password = app.remembered("a long enough password".to_owned());

    accept(&app, &format!("{invitation}x"), &password)
        .send()
        .expect(404);
    accept(&app, &invitation, "short").send().expect(400);
    accept(&app, &invitation, &password).send().expect(200);
    accept(&app, &invitation, &password).send().expect(404);

    let signed = sign_in(&app, "new@acme.example", &password);
    let token = signed.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let me = app.get_as(&token, "/me/v1");
    me.expect(200);
    assert!(me.text().contains("acme"), "{}", me.text());
}

#[test]
fn nobody_invites_without_the_permission_or_into_another_tenant() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let member = Person::make_in(&app, "globex", "member@globex.example", &[]);
    let admin = admin.sign_in(&app);
    let foreign = invite(admin.request("POST", "/admin/v1/invitations"), "globex").send();
    let unknown = invite(admin.request("POST", "/admin/v1/invitations"), "nowhere").send();
    assert_eq!(
        (foreign.status, foreign.code()),
        (unknown.status, unknown.code())
    );
    assert!(matches!(foreign.status, 403 | 404), "{}", foreign.status);
    let member = member.sign_in(&app);
    invite(member.request("POST", "/admin/v1/invitations"), "globex")
        .send()
        .expect(403);
    invite(app.request("POST", "/admin/v1/invitations"), "acme")
        .send()
        .expect(401);
}

#[test]
fn an_invitation_is_listed_and_withdrawn_by_its_tenant_and_the_command_line() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let foreign = Person::make_in(&app, "globex", "admin@globex.example", &[PERMISSION]);
    let (admin, foreign) = (admin.sign_in(&app), foreign.sign_in(&app));
    let mut made = Vec::new();
    for _ in 0..2 {
        let answer = invite(admin.request("POST", "/admin/v1/invitations"), "acme").send();
        answer.expect(201);
        let answer = answer.json();
        let _ = app.remembered(answer["invitation"].as_str().unwrap().to_owned());
        made.push(answer);
    }
    // The second took the first one's place.
    let listed = admin.request("GET", "/admin/v1/invitations").send();
    let listed = listed.expect(200).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    assert_eq!(items[0]["id"], made[1]["id"]);
    assert_eq!(items[0]["email"], "new@acme.example");
    assert!(items[0].get("invitation").is_none(), "{listed}");
    let path = format!("/admin/v1/invitations/{}", items[0]["id"].as_str().unwrap());
    let elsewhere = foreign.request("GET", "/admin/v1/invitations").send();
    assert_eq!(elsewhere.expect(200).json()["items"], json!([]));
    foreign.request("DELETE", &path).send().expect(404);
    let shown = app.run(
        &["tenant", "invitations"],
        &["--realm", app.realm(), "--json"],
    );
    assert_eq!(shown.success().json()[0]["id"], made[1]["id"]);
    admin.request("DELETE", &path).send().expect(204);
    admin.request("DELETE", &path).send().expect(404);
    let password = app.remembered("a long enough password".to_owned());
    let secret = made[1]["invitation"].as_str().unwrap();
    accept(&app, secret, &password).send().expect(404);

    let answer = invite(admin.request("POST", "/admin/v1/invitations"), "acme").send();
    let answer = answer.expect(201).json();
    let _ = app.remembered(answer["invitation"].as_str().unwrap().to_owned());
    let id = answer["id"].as_str().unwrap();
    let withdraw = || app.run(&["tenant", "withdraw"], &["--realm", app.realm(), id]);
    drop(withdraw().success());
    drop(withdraw().exit(1));
}
