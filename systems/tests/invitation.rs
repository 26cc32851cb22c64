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
