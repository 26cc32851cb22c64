//! Roles at the gate: rows 01, 15, 16, 19 to 22, 24, 37 and 48.

use crate::furnished::{
    EMAIL, GRAPHQL, denied, dxtra, query, refusal, sign_up, text, told, with_role,
};
use doorward_testkit::{App, Response, site};
use serde_json::{Value, json};
use std::time::Duration;

/// The role that an upstream is told.
fn acting(answer: &Response) -> Value {
    answer.expect(200).json()["headers"]["x-doorward-role"].clone()
}

/// DX-20 to DX-22: who may act as what.
#[test]
fn dx_37_a_role_is_held_or_refused() {
    let app = dxtra(site!()).start();
    let subject = text(&sign_up(&app, "subject@example.com"), "accessToken");
    let user = text(&with_role(&app, "user@example.com", "user"), "accessToken");
    let not_held = refusal(403, "access-denied");
    for (role, of_subject, of_user) in [
        (None, Ok("dataSubject"), Ok("dataSubject")),
        (Some("dataSubject"), Ok("dataSubject"), Ok("dataSubject")),
        (Some("me"), Ok("me"), Ok("me")),
        (Some("user"), Err(()), Ok("user")),
        (Some("admin"), Err(()), Err(())),
        (Some("User"), Err(()), Err(())),
        (Some("USER"), Err(()), Err(())),
        (Some("user,me"), Err(()), Err(())),
        (Some("no role"), Err(()), Err(())),
        (Some(""), Err(()), Err(())),
    ] {
        for (token, expected) in [(&subject, of_subject), (&user, of_user)] {
            let answer = query(&app, Some(token), role);
            match expected {
                Ok(role) => assert_eq!(acting(&answer), role, "{role:?}"),
                Err(()) => assert_eq!(denied(&answer), not_held, "{role:?}"),
            }
        }
    }
}

/// DX-24: at a route for a role, and by the header there.
#[test]
fn dx_24_a_route_for_a_role_takes_who_may_have_it() {
    let app = dxtra(site!()).start();
    let subject = text(&sign_up(&app, "subject@example.com"), "accessToken");
    let user = text(&with_role(&app, "user@example.com", "user"), "accessToken");
    let files = |token: &str, role: Option<&str>| {
        let mut request = app.request("GET", "/v1/storage/files").bearer(token);
        if let Some(role) = role {
            request = request.header("X-Hasura-Role", role);
        }
        request.send()
    };
    files(&user, None).expect(200);
    files(&user, Some("user")).expect(200);
    let not_allowed = refusal(403, "role-not-allowed");
    for (token, role) in [
        (&user, Some("me")),
        (&subject, None),
        (&subject, Some("user")),
        (&subject, Some("me")),
    ] {
        assert_eq!(told(&files(token, role)), not_allowed, "{role:?}");
    }
}

/// The header's name has any case; two of them are refused.
#[test]
fn a_role_header_comes_once_in_any_case() {
    let app = dxtra(site!()).start();
    let user = text(&with_role(&app, EMAIL, "user"), "accessToken");
    for name in ["x-hasura-role", "X-HASURA-ROLE", "X-Hasura-Role"] {
        let request = app.request("POST", GRAPHQL).bearer(&user);
        let answer = request.header(name, "user").json(&json!({})).send();
        assert_eq!(acting(&answer), "user", "{name}");
    }
    for (first, second) in [("user", "me"), ("me", "user"), ("user", "user")] {
        let request = app.request("POST", GRAPHQL).bearer(&user);
        let request = request.header("X-Hasura-Role", first);
        let answer = request
            .header("x-hasura-role", second)
            .json(&json!({}))
            .send();
        assert_eq!(denied(&answer).0, 400, "{first} {second}");
    }
    // Nothing else of that kind reaches an upstream as the client sent it.
    let request = app.request("POST", GRAPHQL).bearer(&user);
    let request = request.header("X-Hasura-User-Id", "somebody");
    let request = request.header("X-Hasura-Admin-Secret", "guess");
    let answer = request
        .header("X-Doorward-Role", "admin")
        .json(&json!({}))
        .send();
    let headers = answer.expect(200).json()["headers"].clone();
    assert_eq!(headers["x-doorward-role"], "dataSubject");
    assert_eq!(headers.get("x-hasura-user-id"), None);
    assert_eq!(headers.get("x-hasura-admin-secret"), None);
}

#[test]
fn dx_16_what_is_no_good_token_is_401_with_a_reason() {
    let app = dxtra(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "accessToken");
    query(&app, Some(&access), None).expect(200);
    let cut = access.get(..access.len() - 4).unwrap().to_owned();
    for wrong in [cut.as_str(), "a.b.c", "x"] {
        assert_eq!(
            denied(&query(&app, Some(wrong), None)),
            refusal(401, "invalid-jwt")
        );
    }
    app.pass(Duration::from_secs(3601));
    let over = query(&app, Some(&access), Some("me"));
    assert_eq!(denied(&over), refusal(401, "invalid-jwt"));
}

/// Nobody is `anonymous` by a bad token, and everybody by none.
#[test]
fn dx_19_without_a_token_one_is_anonymous() {
    let app = dxtra(site!()).start();
    for role in [None, Some("anonymous"), Some("user")] {
        assert_eq!(acting(&query(&app, None, role)), "anonymous", "{role:?}");
    }
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    let as_nobody = query(&app, Some(&access), Some("anonymous"));
    assert_eq!(acting(&as_nobody), "anonymous");
    for bad in ["a.b.c", "x"] {
        for role in [None, Some("anonymous")] {
            let refused = query(&app, Some(bad), role);
            assert_eq!(denied(&refused).0, 401, "{role:?}");
        }
    }
    let closed = app.request("GET", "/v1/storage/files");
    let closed = closed.header("X-Hasura-Role", "anonymous").send();
    assert_eq!(told(&closed), refusal(401, "unauthorized"));
    let as_nobody = app.request("GET", "/v1/storage/files").bearer(&access);
    let as_nobody = as_nobody.header("X-Hasura-Role", "anonymous").send();
    assert_eq!(told(&as_nobody), refusal(403, "role-not-allowed"));
}

/// DX-C8: by a switch the errors come under status 200, as stock engines answer.
#[test]
fn errors_come_under_200_where_the_route_says_so() {
    let app = dxtra(site!())
        .edit(|config| {
            let route = &mut config["realm"]["dxtra"]["route"][0];
            route["errors"] = "graphql_200".into();
        })
        .start();
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    let message = |app: &App, token: Option<&str>, role: Option<&str>| {
        let answer = query(app, token, role);
        let (status, code) = denied(&answer);
        assert_eq!(status, 200);
        (code, text(&answer.json()["errors"][0], "message"))
    };
    assert_eq!(
        message(&app, Some(&access), Some("user")),
        (
            "access-denied".to_owned(),
            "Your requested role is not in allowed roles".to_owned()
        )
    );
    let (code, _) = message(&app, Some("a.b.c"), None);
    assert_eq!(code, "invalid-jwt");
}

#[test]
fn dx_01_every_role_but_anonymous_takes_a_token() {
    let app = dxtra(site!()).start();
    for role in [None, Some("dataSubject"), Some("me"), Some("user")] {
        let mut request = app.request("GET", "/v1/storage/files");
        if let Some(role) = role {
            request = request.header("X-Hasura-Role", role);
        }
        assert_eq!(
            told(&request.send()),
            refusal(401, "unauthorized"),
            "{role:?}"
        );
        assert_eq!(acting(&query(&app, None, role)), "anonymous", "{role:?}");
    }
}

/// What was asked reaches the upstream as it was, with who asks.
#[test]
fn dx_15_a_query_goes_through_with_its_role() {
    let app = dxtra(site!()).start();
    let session = with_role(&app, EMAIL, "user");
    let answer = query(&app, Some(&text(&session, "accessToken")), Some("user"));
    let seen = answer.expect(200).json();
    assert_eq!(
        (&seen["method"], &seen["path"]),
        (&json!("POST"), &json!(GRAPHQL))
    );
    assert_eq!(seen["body"], json!({"query": "{ a }"}).to_string());
    let headers = &seen["headers"];
    assert_eq!(headers["x-doorward-role"], "user");
    assert_eq!(headers["x-doorward-subject"], session["user"]["id"]);
}

#[test]
fn dx_20_nobody_needs_to_say_that_he_is_a_data_subject() {
    let app = dxtra(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    assert_eq!(acting(&query(&app, Some(&access), None)), "dataSubject");
}

#[test]
fn dx_21_who_acts_as_me_is_told_by_id() {
    let app = dxtra(site!()).start();
    for email in [EMAIL, "b@example.com"] {
        let session = sign_up(&app, email);
        let answer = query(&app, Some(&text(&session, "accessToken")), Some("me"));
        assert_eq!(acting(&answer), "me");
        let headers = answer.json()["headers"].clone();
        assert_eq!(headers["x-doorward-subject"], session["user"]["id"]);
    }
}

#[test]
fn dx_22_management_takes_the_role_user() {
    let app = dxtra(site!()).start();
    let subject = text(&sign_up(&app, "subject@example.com"), "accessToken");
    let user = text(&with_role(&app, EMAIL, "user"), "accessToken");
    app.get_as(&user, "/v1/storage/files").expect(200);
    app.get_as(&subject, "/v1/storage/files").expect(403);
}

/// On every status.
#[test]
fn dx_29_a_graphql_error_says_why() {
    let app = dxtra(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    for (token, role, status, message) in [
        (
            access.as_str(),
            "user",
            403,
            "Your requested role is not in allowed roles",
        ),
        (
            access.as_str(),
            "no role",
            403,
            "Your requested role is not in allowed roles",
        ),
        ("a.b.c", "me", 401, ""),
    ] {
        let answer = query(&app, Some(token), Some(role));
        assert_eq!(denied(&answer).0, status);
        let said = text(&answer.json()["errors"][0], "message");
        assert!(!said.is_empty() && said.starts_with(message), "{said}");
    }
}

#[test]
fn dx_48_a_token_without_its_scheme_is_refused() {
    let app = dxtra(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    for malformed in [access.as_str(), "Bearer", "Token x"] {
        let request = app.request("POST", GRAPHQL);
        let request = request.header("Authorization", malformed);
        let answer = request.json(&json!({})).send();
        assert_eq!(denied(&answer).0, 401);
    }
}
