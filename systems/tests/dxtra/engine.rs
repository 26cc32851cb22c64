//! What a stock engine needs of the realm: rows 51 and 52.

use crate::furnished::{EMAIL, dxtra, make_pat, post, refusal, sign_up, text, told, with_role};
use doorward_testkit::{App, Response, script, site};
use serde_json::{Value, json};

const WEBHOOK: &str = "/v1/hasura/webhook";

fn secret_of(app: &App) -> Value {
    let printed = app
        .run_secret(&["check"], &["--hasura", "dxtra"], "")
        .success();
    serde_json::from_str(&printed.line()).unwrap()
}

/// The text is what an engine takes, and what it checks tokens with is right.
#[test]
fn dx_51_check_prints_what_an_engine_needs() {
    let app = dxtra(site!()).start();
    let session = sign_up(&app, EMAIL);
    let secret = secret_of(&app);
    let key = app.remembered(text(&secret, "key"));
    assert_eq!(secret["type"], "HS256");
    let program = format!(
        r#"
import base64, hashlib, hmac, json
head, body, signature = "{access}".split(".")
plain = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
expected = hmac.new("{key}".encode(), f"{{head}}.{{body}}".encode(), hashlib.sha256).digest()
assert hmac.compare_digest(expected, plain(signature))
claims = json.loads(plain(body))
assert claims["iss"] == "{issuer}" and "{audience}" in [claims["aud"]]
print("good")
"#,
        access = text(&session, "accessToken"),
        issuer = text(&secret, "issuer"),
        audience = text(&secret, "audience"),
    );
    assert_eq!(script::python(&program).success().line(), "good");
    let published = dxtra(&format!("{}-published", site!()))
        .set("realm.dxtra.tokens.algorithm", "ES256")
        .start();
    let secret = secret_of(&published);
    assert_eq!(secret.get("key"), None);
    assert_eq!(
        secret["jwk_url"],
        "http://127.0.0.1:8080/.well-known/jwks.json"
    );
}

/// By `GET` the headers are the request's own, by `POST` they stand in the body.
#[test]
fn dx_52_an_engine_in_webhook_mode_is_told_the_variables() {
    let app = dxtra(site!())
        .edit(|config| {
            let class = &mut config["realm"]["dxtra"]["api_tokens"]["pat"];
            class["presentations"] = vec!["exchange", "bearer"].into();
        })
        .start();
    let session = with_role(&app, EMAIL, "user");
    let id = text(&session["user"], "id");
    let access = text(&session, "accessToken");
    let (_, pat) = make_pat(&app, &session, &json!({}));
    let by_get = |token: &str, role: Option<&str>| {
        let mut request = app.request("GET", WEBHOOK).bearer(token);
        if let Some(role) = role {
            request = request.header("X-Hasura-Role", role);
        }
        request.send()
    };
    let by_post = |token: &str, role: Option<&str>| {
        let mut headers = json!({"Authorization": format!("Bearer {token}"), "Host": "x"});
        if let Some(role) = role {
            headers["X-Hasura-Role"] = json!(role);
        }
        post(
            &app,
            WEBHOOK,
            &json!({"headers": headers, "request": {"query": "{ a }"}}),
        )
    };
    type Way<'w> = &'w dyn Fn(&str, Option<&str>) -> Response;
    let ways: [Way<'_>; 2] = [&by_get, &by_post];
    for ask in ways {
        for token in [&access, &pat] {
            for (role, acting) in [(None, "dataSubject"), (Some("user"), "user")] {
                assert_eq!(
                    ask(token, role).expect(200).json(),
                    json!({
                        "x-hasura-role": acting,
                        "x-hasura-user-id": id,
                        "x-hasura-user-is-anonymous": "false",
                    })
                );
            }
            let not_held = ask(token, Some("admin"));
            assert_eq!(told(&not_held), refusal(401, "role-not-allowed"));
        }
        let refresh_token = text(&session, "refreshToken");
        for bad in ["a.b.c", "x", refresh_token.as_str()] {
            assert_eq!(told(&ask(bad, None)), refusal(401, "unauthorized"));
        }
    }
    for body in [
        json!({"headers": {}}),
        json!({"headers": {"Authorization": access}}),
    ] {
        let nobody = post(&app, WEBHOOK, &body);
        assert_eq!(told(&nobody), refusal(401, "unauthorized"), "{body}");
    }
    assert_eq!(told(&app.get(WEBHOOK)), refusal(401, "unauthorized"));
    // What is over is over here too.
    let token = json!({"refreshToken": text(&session, "refreshToken")});
    post(&app, "/v1/signout", &token).expect(200);
    assert_eq!(told(&by_post(&access, None)), refusal(401, "unauthorized"));
    app.revoke(&pat);
    assert_eq!(told(&by_post(&pat, None)), refusal(401, "unauthorized"));
}
