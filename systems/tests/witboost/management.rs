//! Who may make service accounts and tokens for them: rows 08 to 10.

use crate::{EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE, ROBOT, witboost};
use doorward_testkit::{App, Person, Session, secret_of, site};
use serde_json::{Value, json};

const PLATFORM: &str = "platform";

/// Makes somebody with exactly these permissions.
fn somebody(app: &App, name: &str, permissions: &[&str]) -> Person {
    Person::make(app, &format!("{name}@example.com"), permissions)
}

/// An organisation, and its administrator.
fn administrator(app: &App, permissions: &[&str]) -> Person {
    let _ = app
        .run(&["tenant", "create"], &["--realm", "witboost", PLATFORM])
        .success();
    Person::make_in(app, PLATFORM, "admin@example.com", permissions)
}

#[test]
fn wb_08_a_service_account_gets_permissions_and_a_token() {
    let app = witboost(site!()).start();
    let admin = administrator(&app, &[EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE]);
    let session = admin.sign_in(&app);
    let placement = json!({"tenant": PLATFORM, "permissions": [GOVERNANCE]});
    session.make_service_account(ROBOT, &placement).expect(201);
    let made = session.make_service_token(ROBOT, &json!({"name": "CI"}));
    let token = secret_of(made.expect(201));
    let jwt = app.jwt(&token, &json!({"scope": GOVERNANCE}));
    app.request("POST", "/api/computational-governance/validate")
        .bearer(&jwt)
        .json(&json!({"policy": "..."}))
        .send()
        .expect(200);
}

#[test]
fn wb_08_a_platform_administrator_needs_no_organisation() {
    let app = witboost(site!()).start();
    let admin = somebody(&app, "admin", &[EDIT_ACCOUNTS, EDIT_TOKENS, GOVERNANCE]);
    let session = admin.sign_in(&app);
    session
        .make_service_account(ROBOT, &json!({"permissions": [GOVERNANCE]}))
        .expect(201);
    let made = session.make_service_token(ROBOT, &json!({}));
    let token = secret_of(made.expect(201));
    let _ = app.jwt(&token, &json!({"scope": GOVERNANCE}));
    // What they do not hold they do not give, here either.
    let further = json!({"permissions": ["platform.users.read"]});
    let refused = session.make_service_account("other@example.com", &further);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "insufficient_permission")
    );
}

#[test]
fn wb_08_nobody_gives_a_service_account_what_they_do_not_hold() {
    let app = witboost(site!()).start();
    let admin = administrator(&app, &[EDIT_ACCOUNTS, EDIT_TOKENS]);
    let session = admin.sign_in(&app);
    let refuse = |placement: &Value| {
        let refused = session.make_service_account(ROBOT, placement);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "insufficient_permission"),
            "{placement}"
        );
    };
    refuse(&json!({"tenant": PLATFORM, "permissions": [GOVERNANCE]}));
    // Nor anything in the whole realm, which only operators give.
    refuse(&json!({"permissions": [EDIT_ACCOUNTS]}));
    // Another organisation looks as one that does not exist.
    let elsewhere = ["--realm", "witboost", "elsewhere"];
    let _ = app.run(&["tenant", "create"], &elsewhere).success();
    for tenant in ["elsewhere", "nowhere"] {
        let refused = session.make_service_account(ROBOT, &json!({"tenant": tenant}));
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (404, "not_found"),
            "{tenant}"
        );
    }
}

#[test]
fn wb_09_making_a_service_account_takes_its_permission() {
    let app = witboost(site!()).start();
    for (name, permissions) in [("nobody", &[][..]), ("other", &[EDIT_TOKENS][..])] {
        let refused = somebody(&app, name, permissions)
            .sign_in(&app)
            .make_service_account(ROBOT, &json!({}));
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
        .make_service_account(ROBOT, &json!({}))
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
