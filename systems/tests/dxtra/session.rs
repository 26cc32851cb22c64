//! Sessions of people by the wire: rows 10 to 13, 18, 23, 25, 40 and 54.

use crate::furnished::{
    CLAIMS, EMAIL, PASSWORD, dxtra, exchange, make_pat, post, post_as, query, refresh, refusal,
    remembered, sign_in, sign_up, text, told,
};
use doorward_testkit::{jwt::Unverified, site};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn dx_10_an_access_token_is_an_hs256_jwt_with_the_claims_of_hasura() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let token = Unverified::of(&text(&session, "accessToken"));
    assert_eq!(
        (&token.header["alg"], &token.header["typ"]),
        (&json!("HS256"), &json!("JWT"))
    );
    let id = text(&session["user"], "id");
    assert_eq!(token.claims["sub"], id);
    assert_eq!(token.claims["iss"], "http://127.0.0.1:8080");
    assert_eq!(
        token.claims[CLAIMS],
        json!({
            "x-hasura-allowed-roles": ["dataSubject", "me"],
            "x-hasura-default-role": "dataSubject",
            "x-hasura-user-id": id,
            "x-hasura-user-is-anonymous": "false",
        })
    );
    // A secret is no published key: what is there signs what upstreams are told.
    let keys = app.get("/v1/.well-known/jwks.json").expect(200).json();
    let kinds: Vec<&Value> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kty"])
        .collect();
    assert_eq!(kinds, [&json!("EC")]);
    assert_eq!(keys["keys"][0].get("d"), None);
}

#[test]
fn dx_11_an_access_token_lives_for_an_hour() {
    let app = dxtra(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    assert_eq!(session["accessTokenExpiresIn"], 3600);
    let access = text(&session, "accessToken");
    let claims = Unverified::of(&access).claims;
    let of = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(of("exp") - of("iat"), 3600);
    app.get_as(&access, "/v1/user").expect(200);
    app.pass(Duration::from_secs(3601));
    let over = app.get_as(&access, "/v1/user");
    assert_eq!(told(&over), refusal(401, "unauthorized"));
    assert_eq!(over.json()["reason"], "invalid or expired token");
    assert_eq!(over.json()["securityScheme"], "BearerAuth");
}

/// DX-18: a refresh gives twelve more hours, and after twelve without one there is none.
#[test]
fn dx_12_a_refresh_token_lives_for_twelve_hours() {
    let app = dxtra(site!()).with_clock().start();
    let hours = |n: u64| Duration::from_secs(n * 3600);
    let first = sign_up(&app, EMAIL);
    app.pass(hours(12) - Duration::from_secs(60));
    let second = remembered(&app, &refresh(&app, &text(&first, "refreshToken")));
    app.pass(hours(23));
    let third = remembered(&app, &refresh(&app, &text(&second, "refreshToken")));
    app.pass(hours(36));
    let late = refresh(&app, &text(&third, "refreshToken"));
    assert_eq!(told(&late), refusal(401, "invalid-refresh-token"));
}

#[test]
fn dx_18_a_refresh_token_gives_the_next_and_works_once() {
    let app = dxtra(site!())
        .set("realm.dxtra.sessions.reuse_interval", "0s")
        .start();
    let first = sign_up(&app, EMAIL);
    let token = text(&first, "refreshToken");
    let second = remembered(&app, &refresh(&app, &token));
    assert_ne!(second["refreshToken"], first["refreshToken"]);
    assert_eq!(second["refreshTokenId"], first["refreshTokenId"]);
    assert_eq!(second["user"], first["user"]);
    app.get_as(&text(&second, "accessToken"), "/v1/user")
        .expect(200);
    // Whoever shows the first one again has it from somebody: the session ends.
    assert_eq!(
        told(&refresh(&app, &token)),
        refusal(401, "invalid-refresh-token")
    );
    let next = refresh(&app, &text(&second, "refreshToken"));
    assert_eq!(told(&next), refusal(401, "invalid-refresh-token"));
    for (token, expected) in [
        (
            json!({"refreshToken": "no-token"}),
            refusal(401, "invalid-refresh-token"),
        ),
        (json!({"refreshToken": 5}), refusal(400, "invalid-request")),
        (json!({}), refusal(400, "invalid-request")),
    ] {
        assert_eq!(told(&post(&app, "/v1/token", &token)), expected, "{token}");
    }
}

/// And what else the product takes and refuses when somebody signs up.
#[test]
fn dx_23_new_users_are_data_subjects() {
    let app = dxtra(site!()).start();
    let path = "/v1/signup/email-password";
    let body = json!({
        "email": EMAIL, "password": PASSWORD, "unknown": 1,
        "options": {
            "displayName": "Ada", "locale": "en", "metadata": {"team": "a"},
            "allowedRoles": ["dataSubject"], "defaultRole": "dataSubject",
        },
    });
    let user = remembered(&app, &post(&app, path, &body))["user"].clone();
    let of = |name: &str| &user[name];
    assert_eq!(
        (of("email"), of("displayName")),
        (&json!(EMAIL), &json!("Ada"))
    );
    assert_eq!(
        (of("defaultRole"), of("roles")),
        (&json!("dataSubject"), &json!(["dataSubject"]))
    );
    assert_eq!(
        (of("metadata"), of("emailVerified")),
        (&json!({"team": "a"}), &json!(false))
    );
    assert_eq!(text(&user, "id").len(), 36);
    let session = sign_in(&app, EMAIL, PASSWORD);
    let shown = app.get_as(&text(&session, "accessToken"), "/v1/user");
    assert_eq!(shown.expect(200).json(), user);
    let with = |further: Value| {
        let mut body = json!({"email": "b@example.com", "password": PASSWORD});
        body.as_object_mut()
            .unwrap()
            .extend(further.as_object().unwrap().clone());
        told(&post(&app, path, &body))
    };
    for (further, status, code) in [
        (json!({"email": EMAIL}), 409, "email-already-in-use"),
        (json!({"email": "no address"}), 400, "invalid-request"),
        (json!({"password": "short"}), 400, "password-too-short"),
        (
            json!({"password": "password"}),
            400,
            "password-in-hibp-database",
        ),
        (json!({"password": null}), 400, "invalid-request"),
        (
            json!({"options": {"allowedRoles": ["dataSubject", "user"]}}),
            400,
            "role-not-allowed",
        ),
        (
            json!({"options": {"defaultRole": "me"}}),
            400,
            "role-not-allowed",
        ),
        (
            json!({"options": {"allowedRoles": ["me"], "defaultRole": "dataSubject"}}),
            400,
            "default-role-must-be-in-allowed-roles",
        ),
    ] {
        assert_eq!(with(further.clone()), refusal(status, code), "{further}");
    }
    let closed = dxtra(&format!("{}-closed", site!()))
        .set("realm.dxtra.users.sign_up", "closed")
        .start();
    let refused = post(&closed, path, &json!({}));
    assert_eq!(told(&refused), refusal(403, "signup-disabled"));
}

#[test]
fn a_wrong_password_and_an_unknown_address_are_one_answer() {
    let app = dxtra(site!()).start();
    let _ = sign_up(&app, EMAIL);
    let path = "/signin/email-password";
    for body in [
        json!({"email": EMAIL, "password": "another_password"}),
        json!({"email": "nobody@example.com", "password": PASSWORD}),
        json!({"email": "no address", "password": PASSWORD}),
    ] {
        let refused = post(&app, path, &body);
        assert_eq!(
            told(&refused),
            refusal(401, "invalid-email-password"),
            "{body}"
        );
    }
    let empty = app.request("POST", path).send();
    assert_eq!(told(&empty), refusal(400, "invalid-request"));
}

/// A session ends by its refresh token, also without an access token; an unknown one has
/// ended already.
#[test]
fn a_session_ends_by_its_refresh_token() {
    let app = dxtra(site!()).start();
    let _ = sign_up(&app, EMAIL);
    let [one, other] = [(); 2].map(|()| sign_in(&app, EMAIL, PASSWORD));
    let token = text(&one, "refreshToken");
    for _ in 0..2 {
        let out = post(&app, "/v1/signout", &json!({"refreshToken": token}));
        assert_eq!(out.expect(200).json(), "OK");
    }
    assert_eq!(
        told(&refresh(&app, &token)),
        refusal(401, "invalid-refresh-token")
    );
    let _ = remembered(&app, &refresh(&app, &text(&other, "refreshToken")));
    let out = post(&app, "/v1/signout", &json!({"refreshToken": "unknown"}));
    assert_eq!(out.expect(200).json(), "OK");
    for body in [json!({}), json!({"all": true})] {
        let refused = post(&app, "/v1/signout", &body);
        assert_eq!(told(&refused), refusal(400, "invalid-request"), "{body}");
    }
}

/// All sessions end, and personal access tokens stay.
#[test]
fn dx_54_signing_out_everywhere_leaves_the_tokens() {
    let app = dxtra(site!()).start();
    let first = sign_up(&app, EMAIL);
    let second = sign_in(&app, EMAIL, PASSWORD);
    let stranger = sign_up(&app, "b@example.com");
    let (_, pat) = make_pat(&app, &first, &json!({}));
    let access = text(&second, "accessToken");
    let out = post_as(&app, &access, "/v1/signout", &json!({"all": true}));
    assert_eq!(out.expect(200).json(), "OK");
    for session in [&first, &second] {
        let next = refresh(&app, &text(session, "refreshToken"));
        assert_eq!(told(&next), refusal(401, "invalid-refresh-token"));
    }
    let _ = remembered(&app, &refresh(&app, &text(&stranger, "refreshToken")));
    let _ = remembered(&app, &exchange(&app, &pat));
}

#[test]
fn a_token_is_verified_by_the_body_or_the_header() {
    let app = dxtra(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "accessToken");
    let path = "/v1/token/verify";
    let prefixed = format!("Bearer {access}");
    for body in [json!({"token": access}), json!({"token": prefixed})] {
        assert_eq!(post(&app, path, &body).expect(200).json(), "OK");
    }
    let by_header = app.request("POST", path).bearer(&access).send();
    assert_eq!(by_header.expect(200).json(), "OK");
    let other_signature = format!("{access}A");
    let incorrect = refusal(400, "invalid-request");
    for body in [
        json!({"token": other_signature}),
        json!({"token": "a.b.c"}),
        json!({}),
    ] {
        assert_eq!(told(&post(&app, path, &body)), incorrect, "{body}");
    }
    let bad = app.request("POST", path).bearer(&other_signature).send();
    assert_eq!(told(&bad), incorrect);
    // One whose session has ended is no good, whatever its signature says.
    let out = json!({"refreshToken": text(&session, "refreshToken")});
    post(&app, "/v1/signout", &out).expect(200);
    let ended = post(&app, path, &json!({"token": access}));
    assert_eq!(told(&ended), incorrect);
    app.pass(Duration::from_secs(3601));
    let session = sign_in(&app, EMAIL, PASSWORD);
    assert_eq!(
        told(&post(&app, path, &json!({"token": access}))),
        incorrect
    );
    let fresh = text(&session, "accessToken");
    post(&app, path, &json!({"token": fresh})).expect(200);
}

#[test]
fn a_password_is_changed_from_a_fresh_session() {
    let app = dxtra(site!()).with_clock().start();
    let first = sign_up(&app, EMAIL);
    let other = sign_in(&app, EMAIL, PASSWORD);
    let path = "/v1/user/password";
    let access = text(&first, "accessToken");
    let new = "another_password_456";
    let _ = app.remembered(new.to_owned());
    for (body, expected) in [
        (json!({}), refusal(400, "invalid-request")),
        (
            json!({"newPassword": "short"}),
            refusal(400, "password-too-short"),
        ),
        (
            json!({"newPassword": new, "ticket": "passwordReset:00000000-0000-0000-0000-000000000000"}),
            refusal(401, "invalid-ticket"),
        ),
    ] {
        assert_eq!(
            told(&post_as(&app, &access, path, &body)),
            expected,
            "{body}"
        );
    }
    let nobody = post(&app, path, &json!({"newPassword": new}));
    assert_eq!(told(&nobody), refusal(400, "invalid-request"));
    let done = post_as(&app, &access, path, &json!({"newPassword": new}));
    assert_eq!(done.expect(200).json(), "OK");
    // This session goes on, and the others do not.
    let _ = remembered(&app, &refresh(&app, &text(&first, "refreshToken")));
    let next = refresh(&app, &text(&other, "refreshToken"));
    assert_eq!(told(&next), refusal(401, "invalid-refresh-token"));
    let old = json!({"email": EMAIL, "password": PASSWORD});
    let old = post(&app, "/v1/signin/email-password", &old);
    assert_eq!(told(&old), refusal(401, "invalid-email-password"));
    let session = sign_in(&app, EMAIL, new);
    // A day later the sign-in is no proof any more.
    let mut session = session;
    for hours in [11, 22, 25] {
        app.pass(Duration::from_secs(hours * 3600));
        session = remembered(&app, &refresh(&app, &text(&session, "refreshToken")));
    }
    let access = text(&session, "accessToken");
    let late = post_as(&app, &access, path, &json!({"newPassword": PASSWORD}));
    assert_eq!(told(&late), refusal(403, "elevated-claim-required"));
}

/// DX-14: hosts may differ by name; browsers of the listed origins may call.
#[test]
fn dx_25_pages_of_the_listed_origins_may_call() {
    let origin = "https://app.dxtra.example";
    let app = dxtra(site!())
        .set("realm.dxtra.cors_origins", vec![origin])
        .start();
    for path in ["/v1/signin/pat", "/v1/token", "/v1/pat", "/v1/graphql"] {
        let asked = |origin: &str| {
            let request = app.request("OPTIONS", path).header("Origin", origin);
            let request = request.header("Access-Control-Request-Method", "POST");
            let headers = "authorization,content-type,x-hasura-role";
            request
                .header("Access-Control-Request-Headers", headers)
                .send()
        };
        let allowed = asked(origin);
        assert_eq!(
            allowed.header("access-control-allow-origin"),
            Some(origin),
            "{path}"
        );
        let other = asked("https://evil.example");
        assert_eq!(other.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn dx_40_plain_http_is_refused_where_the_realm_demands_tls() {
    let app = dxtra(site!())
        .set("realm.dxtra.require_https", "reject")
        .start();
    let body = json!({"email": EMAIL, "password": PASSWORD});
    for path in ["/v1/signin/email-password", "/v1/signin/pat", "/v1/graphql"] {
        let refused = post(&app, path, &body);
        assert_eq!(refused.status, 403, "{path}");
    }
    let token = "a.b.c";
    assert_eq!(query(&app, Some(token), None).status, 403);
}

/// DX-C5: the same below `/v1` and without it.
#[test]
fn dx_09_the_endpoints_are_there_with_and_without_the_prefix() {
    let app = dxtra(site!()).start();
    let _ = sign_up(&app, EMAIL);
    let body = json!({"email": EMAIL, "password": PASSWORD});
    for prefix in ["", "/v1"] {
        let at = |path: &str| format!("{prefix}{path}");
        let session = remembered(&app, &post(&app, &at("/signin/email-password"), &body));
        let access = text(&session, "accessToken");
        app.get_as(&access, &at("/user")).expect(200);
        let made = post_as(&app, &access, &at("/pat"), &json!({}));
        let pat = app.remembered(text(&made.expect(200).json(), "personalAccessToken"));
        let by_pat = post(
            &app,
            &at("/signin/pat"),
            &json!({"personalAccessToken": pat}),
        );
        let session = remembered(&app, &by_pat);
        assert_eq!(session["user"]["email"], EMAIL);
        assert_eq!(session["user"]["defaultRole"], "dataSubject");
        let token = json!({"refreshToken": text(&session, "refreshToken")});
        let session = remembered(&app, &post(&app, &at("/token"), &token));
        let token = json!({"refreshToken": text(&session, "refreshToken")});
        post(&app, &at("/signout"), &token).expect(200);
        app.get(&at("/healthz")).expect(200);
        assert!(app.get(&at("/version")).expect(200).json()["version"].is_string());
        app.get(&at("/.well-known/jwks.json")).expect(200);
    }
}

#[test]
fn dx_13_a_session_says_whose_it_is() {
    let app = dxtra(site!()).start();
    let user = sign_up(&app, EMAIL)["user"].clone();
    assert_eq!(text(&user, "id").len(), 36);
    assert_eq!(
        (&user["email"], &user["defaultRole"]),
        (&json!(EMAIL), &json!("dataSubject"))
    );
}

/// Three names lead to one server.
#[test]
fn dx_14_the_hosts_differ() {
    let app = dxtra(site!()).start();
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let at = |host: &str, path: &str| app.request("POST", path).host(host);
    let signed_up = at("auth.dxtra.example", "/v1/signup/email-password").json(&body);
    let access = text(&remembered(&app, &signed_up.send()), "accessToken");
    let query = at("api.dxtra.example", "/v1/graphql").bearer(&access);
    query.json(&json!({})).send().expect(200);
}
