//! The signed-in user: row 33.

use crate::account::{EMAIL, PASSWORD, claims, sign_in, sign_up, text};
use crate::furnished::QUERY;
use crate::heliosdb;
use doorward_testkit::site;
use serde_json::{Value, json};

#[test]
fn hd_33_the_current_user_is_told_and_says_something_of_itself() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "access_token");
    let user = app.get_as(&access, "/auth/v1/user").expect(200).json();
    assert_eq!(user["id"], session["user"]["id"]);
    assert_eq!(user["email"], EMAIL);
    assert_eq!(user["role"], "authenticated");
    assert!(user["created_at"].is_string());
    let put = |body: &Value| {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.json(body).send()
    };
    let changed = put(&json!({"data": {"tenant_id": "acme-corp", "team": "a"}}));
    let metadata = changed.expect(200).json()["user_metadata"].clone();
    assert_eq!(metadata, json!({"tenant_id": "acme-corp", "team": "a"}));
    let changed = put(&json!({"data": {"tenant_id": null}}));
    assert_eq!(
        changed.expect(200).json()["user_metadata"],
        json!({"team": "a"})
    );
    // It is not where the tenant comes from.
    let next = sign_in(&app, EMAIL);
    assert_eq!(claims(&app, &next)["tenant_id"], user["id"]);
    put(&json!({"app_metadata": {"role": "admin"}})).expect(403);
    let new = json!({"password": "another-password-123"});
    put(&new).expect(400);
    // What is refused in a part changes nothing.
    let half = json!({
        "password": "another-password-123", "current_password": PASSWORD,
        "data": {"a": "b".repeat(17_000)},
    });
    put(&half).expect(400);
    let new = json!({"password": "another-password-123", "current_password": PASSWORD});
    put(&new).expect(200);
    app.get_as(&access, QUERY).expect(200);
    app.get_as(&text(&next, "access_token"), QUERY).expect(401);
}

/// As many changes as the product takes.
#[test]
fn hd_33_a_user_changes_itself_thirty_times_in_five_minutes() {
    let app = heliosdb(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "access_token");
    let put = || {
        let request = app.request("PUT", "/auth/v1/user").bearer(&access);
        request.json(&json!({"data": {"a": 1}})).send()
    };
    for _ in 0..30 {
        put().expect(200);
    }
    put().expect(429);
    app.get_as(&access, "/auth/v1/user").expect(200);
    let other = text(&sign_up(&app, "other@example.com"), "access_token");
    let request = app.request("PUT", "/auth/v1/user").bearer(&other);
    request.json(&json!({"data": {"a": 1}})).send().expect(200);
}

#[test]
fn hd_33_a_page_reads_what_supabases_clients_go_by() {
    let app = heliosdb(site!())
        .set("realm.heliosdb.cors_origins", vec!["https://app.test"])
        .start();
    let request = app.request("GET", "/auth/v1/user");
    let answer = request.header("Origin", "https://app.test").send();
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in [
        "x-supabase-api-version",
        "x-sb-error-code",
        "x-total-count",
        "link",
    ] {
        assert!(exposed.split(", ").any(|one| one == name), "{exposed}");
    }
}
