//! What is written down: denials by their request, and the audit.

use crate::{CATALOGUE, robot, witboost};
use doorward_testkit::{Person, site};
use serde_json::json;

#[test]
fn a_denial_is_explained_by_its_request_id() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    let refused = app
        .request("POST", "/api/computational-governance/validate")
        .bearer(&jwt)
        .send();
    let id = refused
        .expect(403)
        .header("x-request-id")
        .unwrap()
        .to_owned();
    let explained = app.run(&["explain"], &[&id]).success();
    for expected in [
        "insufficient_scope",
        "service:computational-governance",
        "decide",
    ] {
        assert!(
            explained.stdout.contains(expected),
            "{expected}: {}",
            explained.stdout
        );
    }
    assert!(!explained.stdout.contains(&jwt) && !explained.stdout.contains("wbat-"));

    // Credentials of every kind leave an id or a class in the trace, never themselves.
    for request in [
        app.request("GET", CATALOGUE).bearer(&token),
        app.request("GET", CATALOGUE).basic("witboost", &token),
        app.request("GET", CATALOGUE).bearer(&format!("{jwt}x")),
        app.request("GET", &format!("{CATALOGUE}?access_token={token}")),
    ] {
        let refused = request.send();
        let id = refused
            .expect(401)
            .header("x-request-id")
            .unwrap()
            .to_owned();
        let trace = app.run(&["explain"], &[&id]).success().stdout;
        assert!(
            !trace.contains("wbat-") && !trace.contains(&jwt),
            "a trace holds a credential"
        );
    }
    let _ = app
        .run(&["explain"], &["00000000-0000-7000-8000-000000000000"])
        .exit(1);
}

#[test]
fn the_record_names_every_event_and_no_secret() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, "ada@example.com", &[]);
    let session = ada.sign_in(&app);
    doorward_testkit::sign_in(&app, ada.email(), "wrong password").expect(401);
    let made = session.make_own_token(&json!({}));
    let secret = doorward_testkit::secret_of(&made);
    let jwt = app.jwt(&secret, &json!({}));
    session.make_own_token(&json!({})).expect(409);
    session.revoke_own_token(&doorward_testkit::id_of(&made));
    app.exchange(&secret, &json!({})).expect(401);
    let audit = app
        .run(&["audit"], &["--realm", "witboost", "--json"])
        .success();
    let rows = audit.json();
    let actions: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["action"].as_str())
        .collect();
    for action in [
        "user.create",
        "session.sign_in",
        "token.create",
        "token.exchange",
        "token.revoke",
    ] {
        assert!(actions.contains(&action), "{action} is not in {actions:?}");
    }
    let count = |action: &str| actions.iter().filter(|&&found| found == action).count();
    // Failures too: a sign-in, a creation over the limit, an exchange of a dead token.
    assert_eq!(
        (
            count("session.sign_in"),
            count("token.create"),
            count("token.exchange")
        ),
        (2, 2, 2)
    );
    for secret in [
        secret.as_str(),
        jwt.as_str(),
        ada.password(),
        session.token(),
    ] {
        assert!(!audit.stdout.contains(secret));
    }
}
