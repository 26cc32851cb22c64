//! Sessions and their tokens: rows 04 to 07, 10 to 13, 27 and 28.

use crate::account::{
    EMAIL, account, assert_session, claims, invalid, post, refresh, refusal, remembered, sign_in,
    sign_up, text,
};
use crate::furnished::QUERY;
use crate::heliosdb;
use doorward_testkit::{jwt::Unverified, script, site};
use serde_json::json;
use std::time::Duration;

#[test]
fn hd_04_a_password_gives_a_session_without_a_grant_type() {
    let app = heliosdb(site!()).start();
    let _ = sign_up(&app, EMAIL);
    let session = sign_in(&app, EMAIL);
    assert_session(&session);
    assert!(session["refresh_token"].is_string());
    for (query, named) in [
        ("?grant_type=password", None),
        ("", Some("password")),
        ("?apikey=sb_publishable_x", None),
    ] {
        let mut body = account(EMAIL);
        if let Some(named) = named {
            body["grant_type"] = json!(named);
        }
        let answer = post(&app, &format!("/auth/v1/token{query}"), &body);
        let _ = remembered(&app, answer.expect(200).json());
    }
    // Wrong and unknown look the same.
    let mut wrong = account(EMAIL);
    wrong["password"] = json!("another-password-123");
    for body in [wrong, account("nobody@example.com")] {
        let answer = post(&app, "/auth/v1/token", &body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "invalid_credentials")
        );
    }
    let other = post(&app, "/auth/v1/token?grant_type=device", &json!({}));
    assert_eq!(
        (other.status, other.code().as_str()),
        (400, "invalid_request")
    );
}

#[test]
fn hd_05_the_token_type_is_lower_case() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    assert_eq!(session["token_type"], "bearer");
    let answer = refresh(&app, &text(&session, "refresh_token"));
    assert_eq!(remembered(&app, answer.json())["token_type"], "bearer");
}

#[test]
fn hd_06_the_access_token_is_hs256_and_typ_jwt() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let header = Unverified::of(&text(&session, "access_token")).header;
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    // In the order of the guide's token, whose beginning this is.
    let printed = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVC";
    assert!(text(&session, "access_token").starts_with(printed));
    // Nobody is given a symmetric key.
    let keys = app.get("/auth/v1/.well-known/jwks.json").expect(200).json();
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["kty"] == "EC"), "{keys:?}");
}

#[test]
fn hd_07_the_refresh_token_says_nothing() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = text(&session, "refresh_token");
    assert!(
        !token.contains('.') && !token.contains(EMAIL),
        "a readable token"
    );
    app.get_as(&token, QUERY).expect(401);
}

#[test]
fn hd_10_the_claims_are_those_of_the_guide() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let carried = claims(&app, &session);
    assert_eq!(carried["sub"], session["user"]["id"]);
    assert_eq!(carried["email"], EMAIL);
    assert_eq!(carried["role"], "authenticated");
    assert_eq!(carried["tenant_id"], session["user"]["id"]);
    // Who signs up is no administrator.
    assert_eq!(carried["scopes"], json!(["read", "write"]));
}

#[test]
fn hd_11_an_access_token_lives_an_hour_or_as_configured() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = Unverified::of(&text(&session, "access_token"));
    assert_eq!(token.life(), 3600);
    assert_eq!(session["expires_at"], token.number("exp"));
    let app = heliosdb(&format!("{}_short", site!()))
        .set("realm.heliosdb.tokens.access_ttl", "15m")
        .start();
    let session = sign_up(&app, EMAIL);
    assert_eq!(session["expires_in"], 900);
    assert_eq!(Unverified::of(&text(&session, "access_token")).life(), 900);
}

#[test]
fn hd_12_a_refresh_token_lives_seven_days() {
    let app = heliosdb(site!()).with_clock().start();
    let token = text(&sign_up(&app, EMAIL), "refresh_token");
    let day = 86_400;
    app.pass(Duration::from_secs(7 * day - 60));
    let _ = remembered(&app, refresh(&app, &token).expect(200).json());
    app.pass(Duration::from_secs(7 * day + 1));
    assert_eq!(refusal(&refresh(&app, &token)), invalid());
}

#[test]
fn hd_13_the_same_refresh_token_works_again_and_again() {
    let app = heliosdb(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = text(&session, "refresh_token");
    for _ in 0..3 {
        let again = remembered(&app, refresh(&app, &token).expect(200).json());
        assert_session(&again);
        assert!(again.get("refresh_token").is_none());
        assert_eq!(again["user"]["id"], session["user"]["id"]);
        app.get_as(&text(&again, "access_token"), QUERY).expect(200);
    }
    for bad in ["", "x", "dGhpcyBpcyBhIHJlZnJlc2ggdG9rZW4"] {
        assert_eq!(refusal(&refresh(&app, bad)), invalid(), "{bad}");
    }
    let cut = &token[..token.len() - 1];
    assert_eq!(refusal(&refresh(&app, cut)), invalid());
    let none = post(&app, "/auth/v1/token?grant_type=refresh_token", &json!({}));
    assert_eq!(
        (none.status, none.code().as_str()),
        (400, "invalid_request")
    );
}

/// As the published timer does: each minute, whenever the token has less than five left.
#[test]
fn hd_27_a_client_that_refreshes_each_minute_goes_on() {
    let app = heliosdb(site!()).with_clock().start();
    let token = text(&sign_up(&app, EMAIL), "refresh_token");
    for minute in 55..65 {
        app.pass(Duration::from_secs(60 * minute));
        let next = remembered(&app, refresh(&app, &token).expect(200).json());
        app.get_as(&text(&next, "access_token"), QUERY).expect(200);
    }
}

#[test]
fn hd_28_after_logout_nothing_of_the_session_works() {
    let app = heliosdb(site!()).start();
    let _ = sign_up(&app, EMAIL);
    for (scope, ends_own, ends_other) in [
        ("", true, true),
        ("?scope=global", true, true),
        ("?scope=local", true, false),
        ("?scope=others", false, true),
    ] {
        let (own, other) = (sign_in(&app, EMAIL), sign_in(&app, EMAIL));
        let access = text(&own, "access_token");
        let answer = script::curl(&[
            "-X",
            "POST",
            &app.url(&format!("/auth/v1/logout{scope}")),
            "-H",
            &format!("Authorization: Bearer {access}"),
        ]);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{scope}");
        for (session, ends) in [(&own, ends_own), (&other, ends_other)] {
            let answer = app.get_as(&text(session, "access_token"), QUERY);
            let refreshed = refresh(&app, &text(session, "refresh_token"));
            if ends {
                assert_eq!(refusal(&answer), invalid(), "{scope}");
                assert_eq!(refusal(&refreshed), invalid(), "{scope}");
            } else {
                answer.expect(200);
                let _ = remembered(&app, refreshed.expect(200).json());
            }
        }
    }
    let session = sign_in(&app, EMAIL);
    let odd = app
        .request("POST", "/auth/v1/logout?scope=all")
        .bearer(&text(&session, "access_token"))
        .send();
    assert_eq!((odd.status, odd.code().as_str()), (400, "invalid_request"));
    app.get_as(&text(&session, "access_token"), QUERY)
        .expect(200);
}
