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

/// An installation that mails, into a folder.
fn mailing(site: &str) -> App {
    let setup = Setup::new(site, doorward_systems::WITBOOST);
    setup
        .set("server.mail.url", "folder:mail")
        .set("server.mail.from", "door@example.com")
        .start()
}

/// The secret in the next mail.
fn mailed(app: &App) -> String {
    app.mailed_invitation("new@acme.example")
}

#[test]
fn an_invitation_is_taken_once_and_leads_into_its_tenant() {
    let app = mailing(site!());
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let session = admin.sign_in(&app);
    let made = invite(session.request("POST", "/admin/v1/invitations"), "acme").send();
    assert_eq!(made.expect(201).json()["delivery"], "mail");
    assert!(made.json().get("invitation").is_none());
    let invitation = mailed(&app);
    let password = app.remembered("a long enough password".to_owned());

    accept(&app, &format!("{invitation}x"), &password)
        .send()
        .expect(404);
    let short = accept(&app, &invitation, "short").send();
    assert!(
        short.expect(400).text().contains("8 to 256"),
        "{}",
        short.text()
    );
    // Without a password nobody could come in: nothing is used up.
    let bare = json!({"invitation": invitation});
    let bare = app.request("POST", "/me/v1/invitations/accept").json(&bare);
    let bare = bare.send();
    assert!(
        bare.expect(400).text().contains("no other way in"),
        "{}",
        bare.text()
    );
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
    let app = mailing(site!());
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let foreign = Person::make_in(&app, "globex", "admin@globex.example", &[PERMISSION]);
    let (admin, foreign) = (admin.sign_in(&app), foreign.sign_in(&app));
    let mut made = Vec::new();
    for _ in 0..2 {
        let answer = invite(admin.request("POST", "/admin/v1/invitations"), "acme").send();
        made.push(answer.expect(201).json());
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
    for _ in 0..2 {
        let secret = mailed(&app);
        accept(&app, &secret, &password).send().expect(404);
    }

    let answer = invite(admin.request("POST", "/admin/v1/invitations"), "acme").send();
    let answer = answer.expect(201).json();
    let _ = mailed(&app);
    let id = answer["id"].as_str().unwrap();
    let withdraw = || app.run(&["tenant", "withdraw"], &["--realm", app.realm(), id]);
    drop(withdraw().success());
    drop(withdraw().exit(1));
}

/// Who may edit users realm-wide, or has the store, stands for the address and gets the
/// secret.
#[test]
fn who_vouches_gets_the_secret_or_has_it_mailed() {
    let app = mailing(site!());
    let voucher = Person::make(
        &app,
        "root@acme.example",
        &[PERMISSION, "platform.users.edit"],
    );
    let _ = Person::make_in(&app, "acme", "member@acme.example", &[]);
    let voucher = voucher.sign_in(&app);
    let made = invite(voucher.request("POST", "/admin/v1/invitations"), "acme").send();
    let answer = made.expect(201).json();
    assert_eq!(answer["delivery"], "answer");
    let handed = app.remembered(answer["invitation"].as_str().unwrap().to_owned());
    let password = app.remembered("a long enough password".to_owned());
    accept(&app, &handed, &password).send().expect(200);
    // The person has an account now: who vouches may join it, and it keeps its password.
    let inviting = [
        "--realm",
        app.realm(),
        "--email",
        "new@acme.example",
        "--tenant",
        "acme",
    ];
    let printed = app.run_secret(
        &["tenant", "invite"],
        &[&inviting[..], &["--quiet"]].concat(),
        "",
    );
    let printed = app.remembered(printed.success().line());
    accept(&app, &printed, "another long password")
        .send()
        .expect(400);
    let bare = json!({ "invitation": printed });
    let taking = app.request("POST", "/me/v1/invitations/accept").json(&bare);
    taking.send().expect(200);
    sign_in(&app, "new@acme.example", &password).expect(200);
    let shown = app.run(
        &["tenant", "invite"],
        &[&inviting[..], &["--mail", "--json"]].concat(),
    );
    let shown = shown.success().json();
    assert_eq!(
        (&shown["delivery"], &shown["invitation"]),
        (&json!("mail"), &json!(null))
    );
    let _ = mailed(&app);
}

/// Without mail a tenant's administrator reaches who has an account, and nobody else.
#[test]
fn without_mail_an_account_takes_its_invitation_by_a_session() {
    let app = Setup::new(site!(), doorward_systems::WITBOOST).start();
    let admin = Person::make_in(&app, "acme", "admin@acme.example", &[PERMISSION]);
    let admin = admin.sign_in(&app);
    let person = Person::make(&app, "new@acme.example", &[]);
    let person = person.sign_in(&app);
    let inviting = |email: &str, delivery: Option<&str>| {
        let mut body = json!({"email": email, "tenant": "acme"});
        if let Some(delivery) = delivery {
            body["delivery"] = json!(delivery);
        }
        let request = admin.request("POST", "/admin/v1/invitations");
        request.json(&body).send()
    };
    // Neither says whether there is an account.
    for email in ["new@acme.example", "nobody@acme.example"] {
        let refused = inviting(email, None);
        assert!(
            refused.expect(400).text().contains("[server.mail]"),
            "{}",
            refused.text()
        );
    }
    let other = inviting("nobody@acme.example", Some("nobody"));
    assert_eq!(other.expect(201).json()["delivery"], "nobody");
    let answer = inviting("new@acme.example", Some("nobody"));
    let answer = answer.expect(201).json();
    assert_eq!(answer["delivery"], "nobody");
    assert!(answer.get("invitation").is_none(), "{answer}");
    let offered = person.request("GET", "/me/v1/invitations").send();
    assert_eq!(offered.expect(200).json()["items"][0]["id"], answer["id"]);
    let target = format!(
        "/me/v1/invitations/{}/accept",
        answer["id"].as_str().unwrap()
    );
    admin.request("POST", &target).send().expect(404);
    person.request("POST", &target).send().expect(200);
    let offered = person.request("GET", "/me/v1/invitations").send();
    assert_eq!(offered.expect(200).json()["items"], json!([]));
    let mailing = [
        "--realm",
        app.realm(),
        "--email",
        "new@acme.example",
        "--tenant",
        "acme",
        "--mail",
    ];
    let refused = app.run(&["tenant", "invite"], &mailing);
    let refused = refused.exit(1);
    assert!(
        refused
            .stderr
            .contains("no [server.mail]; add it, or leave out --mail"),
        "{}",
        refused.stderr
    );
    app.request("GET", "/me/v1/invitations").send().expect(401);
}
