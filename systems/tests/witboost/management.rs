//! Who may make service accounts and tokens for them: rows 08 to 10.

use crate::{EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE, ROBOT, witboost};
use doorward_testkit::{App, Person, Session, secret_of, site};
use serde_json::json;

/// Makes somebody with exactly these permissions.
fn somebody(app: &App, name: &str, permissions: &[&str]) -> Person {
    Person::make(app, &format!("{name}@example.com"), permissions)
}

#[test]
fn wb_08_a_service_account_gets_permissions_and_a_token() {
    let app = witboost(site!()).start();
    let admin = somebody(&app, "admin", &[EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE]);
    let session = admin.sign_in(&app);
    session
        .make_service_account(ROBOT, &[GOVERNANCE])
        .expect(201);
    let made = session.make_service_token(ROBOT, &json!({"name": "CI"}));
    made.expect(201);
    let jwt = app.jwt(&secret_of(&made), &json!({"scope": GOVERNANCE}));
    app.request("POST", "/api/computational-governance/validate")
        .bearer(&jwt)
        .json(&json!({"policy": "..."}))
        .send()
        .expect(200);
}

#[test]
fn wb_08_nobody_gives_a_service_account_what_they_do_not_hold() {
    let app = witboost(site!()).start();
    let admin = somebody(&app, "admin", &[EDIT_ACCOUNTS, EDIT_TOKENS]);
    let refused = admin
        .sign_in(&app)
        .make_service_account(ROBOT, &[GOVERNANCE]);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_permission")
    );
}

#[test]
fn wb_09_making_a_service_account_takes_its_permission() {
    let app = witboost(site!()).start();
    for (name, permissions) in [("nobody", &[][..]), ("other", &[EDIT_TOKENS][..])] {
        let refused = somebody(&app, name, permissions)
            .sign_in(&app)
            .make_service_account(ROBOT, &[]);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "insufficient_permission"),
            "{name}"
        );
    }
    // Without a session there is no question of permission.
    let answer = app
        .request("POST", "/admin/v1/service-accounts")
        .json(&json!({"email": ROBOT}))
        .send();
    answer.expect(401);
    somebody(&app, "admin", &[EDIT_ACCOUNTS])
        .sign_in(&app)
        .make_service_account(ROBOT, &[])
        .expect(201);
}

#[test]
fn wb_10_making_a_token_for_one_takes_a_permission_of_its_own() {
    let app = witboost(site!()).start();
    app.service_account(ROBOT, &[]);
    let refuse = |session: &Session<'_>, name: &str| {
        let refused = session.make_service_token(ROBOT, &json!({}));
        assert!(
            matches!(refused.status, 403 | 404),
            "{name}: {}",
            refused.status
        );
    };
    refuse(&somebody(&app, "nobody", &[]).sign_in(&app), "nobody");
    let editor = somebody(&app, "editor", &[EDIT_ACCOUNTS]);
    let refused = editor.sign_in(&app).make_service_token(ROBOT, &json!({}));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_permission")
    );
    assert_eq!(app.tokens(ROBOT).len(), 0);
    let admin = somebody(&app, "admin", &[EDIT_TOKENS]);
    admin
        .sign_in(&app)
        .make_service_token(ROBOT, &json!({}))
        .expect(201);
}

#[test]
fn wb_10_a_permission_that_was_taken_away_no_longer_counts() {
    let app = witboost(site!()).start();
    app.service_account(ROBOT, &[]);
    let admin = somebody(&app, "admin", &[EDIT_TOKENS]);
    let session = admin.sign_in(&app);
    // Management authority is read from the store, not from the session's token.
    let arguments = ["--realm", "witboost", "--email", admin.email()];
    let _ = app.run(&["user", "disable"], &arguments).success();
    let refused = session.make_service_token(ROBOT, &json!({}));
    assert!(matches!(refused.status, 401 | 403), "{}", refused.status);
    assert_eq!(app.tokens(ROBOT).len(), 0);
}
