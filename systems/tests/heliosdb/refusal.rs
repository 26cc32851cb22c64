//! What refusals say: rows 29 to 32, and what this version does not have.

use crate::account::{EMAIL, account, invalid, of, refusal, remembered, sign_up, text};
use crate::furnished::QUERY;
use crate::heliosdb;
use doorward_testkit::{script, site};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn hd_29_an_expired_token_is_called_expired() {
    let app = heliosdb(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    app.pass(Duration::from_secs(3700));
    let body = json!({"error": "token_expired", "message": "Token has expired"});
    for path in [QUERY, "/auth/v1/user"] {
        let answer = app.get_as(&text(&session, "access_token"), path);
        assert_eq!(refusal(&answer), (401, body.clone()), "{path}");
    }
}

#[test]
fn hd_30_an_invalid_token_is_called_invalid() {
    let app = heliosdb(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "access_token");
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    for path in [QUERY, "/auth/v1/user"] {
        assert_eq!(refusal(&app.get_as(&forged, path)), invalid(), "{path}");
    }
}

#[test]
fn hd_31_a_missing_header_is_called_missing() {
    let app = heliosdb(site!()).start();
    let body = json!({"error": "unauthorized", "message": "Missing authorization header"});
    for path in [QUERY, "/auth/v1/user"] {
        let answer = app.get(path);
        assert_eq!(refusal(&answer), (401, body.clone()), "{path}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
    let logout = app.request("POST", "/auth/v1/logout").send();
    assert_eq!(refusal(&logout), (401, body));
}

/// curl says `application/x-www-form-urlencoded` of a body it is not told of.
#[test]
fn hd_32_a_body_is_json_whatever_it_is_called() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let bare = |path: &str, body: &Value| {
        script::curl(&["-X", "POST", &app.url(path), "-d", &body.to_string()])
    };
    let signed_in = bare("/auth/v1/token", &account(EMAIL));
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    let _ = remembered(&app, of(&signed_in));
    let body = json!({"refresh_token": text(&session, "refresh_token")});
    let refreshed = bare("/auth/v1/token?grant_type=refresh_token", &body);
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let _ = remembered(&app, of(&refreshed));
    for body in ["", "email=a", "[]", "{\"email\":\"a\",\"email\":\"b\"}"] {
        let answer = app.request("POST", "/auth/v1/token").body(body).send();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "body_malformed"),
            "{body}"
        );
    }
}

/// What the product has and this version does not is told as the product tells it, where
/// the realm has its form.
#[test]
fn what_is_off_answers_as_the_product_does() {
    let app = heliosdb(site!())
        .set("realm.heliosdb.supabase.errors", "gotrue")
        .start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "access_token");
    for (method, path, status, code) in [
        ("POST", "/recover", 422, "email_provider_disabled"),
        ("POST", "/otp", 422, "otp_disabled"),
        (
            "GET",
            "/authorize?provider=github",
            400,
            "validation_failed",
        ),
        ("POST", "/sso", 404, "saml_provider_disabled"),
        ("POST", "/verify", 403, "otp_expired"),
        ("POST", "/factors", 422, "mfa_totp_enroll_not_enabled"),
        ("GET", "/user/oauth/grants", 404, "feature_disabled"),
        ("GET", "/admin/users", 403, "not_admin"),
        (
            "POST",
            "/token?grant_type=web3",
            422,
            "web3_provider_disabled",
        ),
        ("POST", "/token?grant_type=x", 400, "invalid_credentials"),
        ("POST", "/signup", 422, "anonymous_provider_disabled"),
        ("GET", "/nothing", 404, "unknown"),
    ] {
        let answer = app
            .request(method, &format!("/auth/v1{path}"))
            .header("X-Supabase-Api-Version", "2024-01-01")
            .bearer(&access)
            .json(&json!({}))
            .send();
        let told = (answer.status, answer.json()["code"].clone());
        assert_eq!(told, (status, json!(code)), "{method} {path}");
    }
    for path in ["/factors", "/admin/users", "/user"] {
        let answer = app.get(&format!("/auth/v1{path}"));
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.json()["error_code"], "no_authorization");
    }
    let health = app.get("/auth/v1/health");
    assert_eq!(health.expect(200).json()["name"], "GoTrue");
    let settings = app.get("/auth/v1/settings").expect(200).json();
    assert_eq!(settings["disable_signup"], false);
    assert_eq!(settings["external"]["email"], true);
    app.get("/auth/v1/.well-known/openid-configuration")
        .expect(200);
}
