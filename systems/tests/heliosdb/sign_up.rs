//! Sign-up: row 02.

use crate::account::{
    EMAIL, PASSWORD, account, assert_session, claims, of, post, remembered, sign_up, text,
};
use crate::furnished::QUERY;
use crate::heliosdb;
use doorward_testkit::{script, site};
use serde_json::json;

#[test]
fn hd_02_an_account_is_made_by_the_published_curl() {
    let app = heliosdb(site!()).start();
    let body = account(EMAIL).to_string();
    let answer = script::curl(&[
        "-X",
        "POST",
        &app.url("/auth/v1/signup"),
        "-H",
        "Content-Type: application/json",
        "-d",
        &body,
    ]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session = remembered(&app, of(&answer));
    assert_session(&session);
    assert_eq!(session["user"]["email"], EMAIL);
    // It works at once, in a tenant of its own.
    let carried = claims(&app, &session);
    assert_eq!(carried["tenant_id"], session["user"]["id"]);
    app.get_as(&text(&session, "access_token"), QUERY)
        .expect(200);
    let again = post(&app, "/auth/v1/signup", &account(EMAIL));
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "already_exists")
    );
}

#[test]
fn hd_02_a_sign_up_that_is_not_taken_is_told_why() {
    let app = heliosdb(site!()).start();
    for (body, status, code) in [
        (json!({}), 501, "not_implemented"),
        (json!({"email": EMAIL}), 400, "invalid_request"),
        (
            json!({"email": "nobody", "password": PASSWORD}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": "short"}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": "x".repeat(257)}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": 1, "password": PASSWORD}),
            400,
            "body_malformed",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "data": {"a": "b".repeat(17_000)}}),
            400,
            "invalid_request",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "data": {"a": "b".repeat(70_000)}}),
            413,
            "body_too_large",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "invitation": "invite_none"}),
            404,
            "not_found",
        ),
    ] {
        let answer = post(&app, "/auth/v1/signup", &body);
        let told = (answer.status, answer.code());
        assert_eq!(told, (status, code.to_owned()), "{}", answer.text());
    }
    let body = json!({"email": EMAIL, "password": PASSWORD, "invitation": "invite_none"});
    let answer = post(&app, "/auth/v1/signup", &body);
    assert!(
        answer.text().contains("ask for a new one"),
        "{}",
        answer.text()
    );
    let closed = heliosdb(&format!("{}_closed", site!()))
        .set("realm.heliosdb.users.sign_up", "closed")
        .start();
    let answer = post(&closed, "/auth/v1/signup", &account(EMAIL));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "insufficient_permission")
    );
    assert!(
        answer.text().contains("ask to be invited"),
        "{}",
        answer.text()
    );
}

/// And HD-C4: the tenant is never the client's to say.
#[test]
fn hd_02_an_operators_invitation_is_taken_by_the_first_sign_up() {
    let app = heliosdb(site!()).start();
    let realm = ["--realm", "heliosdb"];
    let _ = app
        .run(
            &["tenant", "create"],
            &[&realm[..], &["acme-corp"]].concat(),
        )
        .success();
    let invite = |further: &[&str]| {
        let to = ["--tenant", "acme-corp", "--email", EMAIL];
        app.run(&["tenant", "invite"], &[&realm[..], &to, further].concat())
    };
    let _ = invite(&["--sign-up", "--expires", "2d"]).exit(1);
    let made = invite(&["--sign-up", "--role", "member", "--json"]).success();
    assert_eq!(made.json()["delivery"], "sign_up");
    assert!(made.json()["invitation"].is_null());
    let body = json!({
        "email": "other@example.com", "password": PASSWORD,
        "tenant_id": "acme-corp", "data": {"tenant_id": "acme-corp"},
    });
    let other = post(&app, "/auth/v1/signup", &body);
    let other = remembered(&app, other.expect(200).json());
    assert_eq!(claims(&app, &other)["tenant_id"], other["user"]["id"]);
    let invited = sign_up(&app, EMAIL);
    assert_eq!(claims(&app, &invited)["tenant_id"], "acme-corp");
    // What passes on the wire is not proven.
    let user = &invited["user"];
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(
        user["identities"][0]["identity_data"]["email_verified"],
        false
    );
}

/// A command that gives authority by an address means no squatter.
#[test]
fn hd_02_an_address_that_nobody_has_shown_names_nobody_to_an_operator() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let id = text(&session["user"], "id");
    let realm = ["--realm", "heliosdb"];
    let _ = app
        .run(
            &["tenant", "create"],
            &[&realm[..], &["acme-corp"]].concat(),
        )
        .success();
    let run =
        |command: &[&str], further: &[&str]| app.run(command, &[&realm[..], further].concat());
    let by_address = ["--tenant", "acme-corp", "--email", EMAIL];
    let role = ["--role", "owner"];
    let _ = run(&["membership", "create"], &by_address).exit(1);
    let _ = run(&["grant", "add"], &[&by_address[..], &role].concat()).exit(1);
    let by_id = ["--tenant", "acme-corp", "--id", &id];
    let _ = run(&["membership", "create"], &by_id).success();
    let _ = run(&["grant", "add"], &[&by_id[..], &role].concat()).success();
    let _ = run(&["grant", "remove"], &[&by_address[..], &role].concat()).success();
    let listed = run(&["user", "list"], &["--json"]).success().json();
    assert_eq!(listed[0]["email_proven"], false);
}

/// The guide's own example.
#[test]
fn hd_02_the_commonest_password_of_the_guide_is_taken() {
    let app = heliosdb(site!()).start();
    let body = json!({"email": EMAIL, "password": "password123"});
    let _ = remembered(
        &app,
        post(&app, "/auth/v1/signup", &body).expect(200).json(),
    );
}

#[test]
fn sign_ups_from_one_address_are_limited() {
    let app = heliosdb(site!()).start();
    let mut statuses = Vec::new();
    for _ in 0..31 {
        // Nothing is hashed for a password that is not taken.
        let body = json!({"email": EMAIL, "password": "short"});
        statuses.push(post(&app, "/auth/v1/signup", &body).status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 30);
    assert_eq!(statuses.last(), Some(&429));
}
