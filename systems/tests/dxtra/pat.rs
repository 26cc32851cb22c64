//! Personal access tokens: rows 02 to 09, 17, 31, 34 to 36, 47 and 50, and each wrong
//! credential at each place.

use crate::furnished::{
    EMAIL, PASSWORD, denied, dxtra, exchange, make_pat, post, post_as, query, refresh, refusal,
    remembered, sign_in, sign_up, text, told, with_role,
};
use doorward_testkit::{App, jwt::Unverified, site};
use serde_json::{Value, json};
use std::time::Duration;

/// A token is good for the exchange alone.
#[test]
fn dx_02_a_token_is_no_bearer() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let refused = query(&app, Some(&pat), None);
    assert_eq!(denied(&refused), refusal(401, "invalid-jwt"));
    for path in ["/v1/user", "/v1/storage/files"] {
        let refused = app.get_as(&pat, path);
        assert_eq!(told(&refused), refusal(401, "unauthorized"), "{path}");
    }
    let refused = post_as(&app, &pat, "/v1/pat", &json!({}));
    assert_eq!(told(&refused), refusal(401, "unauthorized"));
}

/// Each credential where another belongs, and each with a code of its own.
#[test]
fn each_credential_is_good_in_its_own_place_alone() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (id, pat) = make_pat(&app, &session, &json!({}));
    let (access, token) = (
        text(&session, "accessToken"),
        text(&session, "refreshToken"),
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    for wrong in [
        access.as_str(),
        token.as_str(),
        id.as_str(),
        unknown,
        "",
        "x",
    ] {
        let refused = exchange(&app, wrong);
        assert_eq!(told(&refused), refusal(401, "invalid-pat"));
    }
    for wrong in [access.as_str(), pat.as_str(), id.as_str(), unknown, "", "x"] {
        let refused = refresh(&app, wrong);
        assert_eq!(told(&refused), refusal(401, "invalid-refresh-token"));
    }
    for wrong in [pat.as_str(), token.as_str(), id.as_str(), unknown, "x"] {
        assert_eq!(
            denied(&query(&app, Some(wrong), None)),
            refusal(401, "invalid-jwt")
        );
    }
    for (body, path) in [
        (json!({}), "/v1/signin/pat"),
        (json!({"personalAccessToken": 5}), "/v1/signin/pat"),
        (json!([]), "/v1/signin/pat"),
    ] {
        assert_eq!(
            told(&post(&app, path, &body)),
            refusal(400, "invalid-request"),
            "{body}"
        );
    }
    // What came with a wrong one is as good as before.
    query(&app, Some(&access), None).expect(200);
    let _ = remembered(&app, &exchange(&app, &pat));
    let _ = remembered(&app, &refresh(&app, &token));
}

/// A list has names and no secrets.
#[test]
fn dx_03_a_token_is_shown_once() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let names = ["Production API", "CI/CD Pipeline"];
    let made = names.map(|name| make_pat(&app, &session, &json!({"metadata": {"name": name}})));
    let access = text(&session, "accessToken");
    let listed = app.get_as(&access, "/me/v1/tokens");
    let shown = listed.expect(200).json();
    let items = shown["items"].as_array().unwrap();
    let mut called: Vec<&str> = items
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    called.sort_unstable();
    assert_eq!(called, ["CI/CD Pipeline", "Production API"]);
    for (id, secret) in &made {
        assert!(!listed.text().contains(secret.as_str()));
        assert!(items.iter().any(|one| one["id"] == **id));
        let _ = remembered(&app, &exchange(&app, secret));
    }
}

/// And DX-31: who says nothing gets ninety days; an earlier end may be asked for, in both forms
/// that Nhost's clients write, and no later one.
#[test]
fn dx_06_the_policy_says_when_a_token_ends() {
    let app = dxtra(site!()).with_clock().start();
    let session = sign_up(&app, EMAIL);
    let access = text(&session, "accessToken");
    let days = |n: u64| Duration::from_secs(n * 86_400);
    let (_, plain) = make_pat(&app, &session, &json!({}));
    let ends: Vec<Value> = app.tokens(EMAIL);
    assert!(ends[0]["expires_at"].is_string(), "{ends:?}");
    for at in ["2001-01-01T00:00:00Z", "2199-01-01T00:00:00Z", "tomorrow"] {
        let refused = post_as(&app, &access, "/v1/pat", &json!({"expiresAt": at}));
        assert_eq!(told(&refused), refusal(400, "invalid-expiry-date"), "{at}");
    }
    app.pass(days(89));
    let _ = remembered(&app, &exchange(&app, &plain));
    app.pass(days(90) + Duration::from_secs(1));
    assert_eq!(told(&exchange(&app, &plain)), refusal(401, "invalid-pat"));
}

#[test]
fn dx_17_a_token_is_exchanged_as_often_as_one_likes() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let sessions = [(); 3].map(|()| remembered(&app, &exchange(&app, &pat)));
    for one in &sessions {
        query(&app, Some(&text(one, "accessToken")), None).expect(200);
    }
    let ids: Vec<&Value> = sessions.iter().map(|one| &one["refreshTokenId"]).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn dx_50_the_session_of_a_token_refreshes() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let mut own = remembered(&app, &exchange(&app, &pat));
    assert_eq!(own["accessTokenExpiresIn"], 3600);
    for _ in 0..2 {
        own = remembered(&app, &refresh(&app, &text(&own, "refreshToken")));
        query(&app, Some(&text(&own, "accessToken")), None).expect(200);
    }
    let _ = remembered(&app, &exchange(&app, &pat));
}

/// A leaked token makes itself no successor and locks nobody out.
#[test]
fn the_session_of_a_token_manages_no_credentials() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (id, pat) = make_pat(&app, &session, &json!({}));
    let own = remembered(&app, &exchange(&app, &pat));
    let access = text(&own, "accessToken");
    let needed = refusal(403, "elevated-claim-required");
    for (path, body) in [
        ("/v1/pat", json!({})),
        (
            "/v1/user/password",
            json!({"newPassword": "another_password_456"}),
        ),
        ("/v1/signout", json!({"all": true})),
    ] {
        assert_eq!(told(&post_as(&app, &access, path, &body)), needed, "{path}");
    }
    for (method, path) in [
        ("GET", "/me/v1/tokens".to_owned()),
        ("DELETE", format!("/me/v1/tokens/{id}")),
        ("POST", format!("/me/v1/tokens/{id}/regenerate")),
        ("GET", "/me/v1/sessions".to_owned()),
    ] {
        let refused = app.request(method, &path).bearer(&access).send();
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text());
    }
    // It ends itself.
    app.get_as(&access, "/v1/user").expect(200);
    let token = text(&own, "refreshToken");
    post(&app, "/v1/signout", &json!({"refreshToken": token})).expect(200);
    let _ = remembered(&app, &refresh(&app, &text(&session, "refreshToken")));
    let _ = sign_in(&app, EMAIL, PASSWORD);
}

/// A deleted token is refused at once, and so are the sessions that it began.
#[test]
fn dx_34_a_deleted_token_is_over_with_all_that_it_began() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (id, pat) = make_pat(&app, &session, &json!({}));
    let (_, other) = make_pat(&app, &session, &json!({}));
    let own = remembered(&app, &exchange(&app, &pat));
    let others = remembered(&app, &exchange(&app, &other));
    let access = text(&session, "accessToken");
    let path = format!("/me/v1/tokens/{id}");
    let deleted = app.request("DELETE", &path).bearer(&access).send();
    assert!(matches!(deleted.status, 200 | 204), "{}", deleted.text());
    assert_eq!(told(&exchange(&app, &pat)), refusal(401, "invalid-pat"));
    let next = refresh(&app, &text(&own, "refreshToken"));
    assert_eq!(told(&next), refusal(401, "invalid-refresh-token"));
    let ended = app.get_as(&text(&own, "accessToken"), "/v1/user");
    assert_eq!(told(&ended), refusal(401, "unauthorized"));
    for going_on in [&session, &others] {
        let _ = remembered(&app, &refresh(&app, &text(going_on, "refreshToken")));
    }
    let _ = remembered(&app, &exchange(&app, &other));
}

/// A session ends no later than the token that began it.
#[test]
fn a_session_ends_with_its_token() {
    let app = dxtra(site!()).with_clock().start();
    let _ = app.user(EMAIL, &[]);
    let pat = app.token("personal", EMAIL, &["--expires", "2h"]);
    app.pass(Duration::from_secs(90 * 60));
    let own = remembered(&app, &exchange(&app, &pat));
    let left = own["accessTokenExpiresIn"].as_i64().unwrap();
    assert!((1700..=1800).contains(&left), "{left}");
    app.pass(Duration::from_secs(2 * 3600 + 1));
    let next = refresh(&app, &text(&own, "refreshToken"));
    assert_eq!(told(&next), refusal(401, "invalid-refresh-token"));
}

/// A token has the roles that its person has now.
#[test]
fn dx_36_a_token_follows_the_roles_of_its_person() {
    let app = dxtra(site!()).start();
    let session = with_role(&app, EMAIL, "user");
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let roles = |app: &App| {
        let own = remembered(app, &exchange(app, &pat));
        assert_eq!(own["user"]["roles"], roles_of(&text(&own, "accessToken")));
        own["user"]["roles"].clone()
    };
    assert_eq!(roles(&app), json!(["dataSubject", "me", "user"]));
    let taken = ["--realm", "dxtra", "--email", EMAIL, "--role", "user"];
    let _ = app.run(&["grant", "remove"], &taken).success();
    assert_eq!(roles(&app), json!(["dataSubject", "me"]));
}

fn roles_of(token: &str) -> Value {
    Unverified::of(token).claims[crate::furnished::CLAIMS]["x-hasura-allowed-roles"].clone()
}

#[test]
fn dx_47_each_event_is_written_down() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let (id, pat) = make_pat(&app, &session, &json!({}));
    let own = remembered(&app, &exchange(&app, &pat));
    let _ = remembered(&app, &refresh(&app, &text(&own, "refreshToken")));
    let token = json!({"refreshToken": text(&own, "refreshToken")});
    post(&app, "/v1/signout", &token).expect(200);
    app.revoke(&pat);
    exchange(&app, &pat).expect(401);
    let rows = app
        .run(&["audit"], &["--realm", "dxtra", "--json"])
        .success();
    let rows = rows.json();
    let of = |action: &str| -> Vec<Value> {
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["action"] == action)
            .cloned()
            .collect()
    };
    assert_eq!(
        (of("user.sign_up").len(), of("session.sign_in").len()),
        (1, 1)
    );
    assert_eq!(of("token.create")[0]["token_id"], id);
    let mut exchanges = of("token.exchange");
    exchanges.sort_by_key(|row| row["at"].to_string());
    assert_eq!(exchanges.len(), 2, "{exchanges:?}");
    for row in &exchanges {
        assert_eq!(row["token_id"], id);
    }
    assert_eq!(exchanges[0]["session_id"], own["refreshTokenId"]);
    let refreshed = of("session.refresh");
    assert_eq!(refreshed[0]["session_id"], own["refreshTokenId"]);
    assert_eq!(
        of("session.sign_out")[0]["session_id"],
        own["refreshTokenId"]
    );
    assert_eq!(of("token.revoke").len(), 1);
}

#[test]
fn dx_08_a_person_has_several_tokens() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let tokens = [(); 2].map(|()| make_pat(&app, &session, &json!({})).1);
    for token in &tokens {
        let _ = remembered(&app, &exchange(&app, token));
    }
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(app.tokens(EMAIL).len(), 2);
}

/// What is no name leaves it without one.
#[test]
fn dx_35_a_token_has_the_name_of_its_environment() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    for (metadata, name) in [
        (json!({"name": "staging", "other": [1]}), json!("staging")),
        (json!({"name": 5}), Value::Null),
        (json!({}), Value::Null),
    ] {
        let (id, _) = make_pat(&app, &session, &json!({"metadata": metadata}));
        let all = app.tokens(EMAIL);
        let made = all.iter().find(|one| one["id"] == *id).unwrap();
        assert_eq!(made["name"], name);
    }
}
