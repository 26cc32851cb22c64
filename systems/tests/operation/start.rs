//! Starting: the store and the key that a first command makes, and the key that is needed.

use crate::{ROBOT, robot, witboost};
use doorward_testkit::{Engine, site};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_command_makes_store_and_key_for_the_owner_alone_and_says_so() {
    let app = witboost(site!()).prepare();
    assert!(!app.store_exists() && !app.key_path().exists());
    let arguments = ["--realm", "witboost", "--email", ROBOT];
    let first = app
        .run(&["service-account", "create"], &arguments)
        .success();
    assert!(app.store_exists());
    assert_eq!(mode(&app.key_path()), 0o600);
    assert!(
        first.stderr.contains(&app.key_path().display().to_string()),
        "{}",
        first.stderr
    );
    if app.engine() == Engine::Sqlite {
        assert_eq!(mode(&app.store_path()), 0o600);
        assert!(first.stderr.contains("store.db"), "{}", first.stderr);
    }
    // The second finds them and says nothing.
    let second = app
        .run(&["token", "list"], &["--realm", "witboost", "--json"])
        .success();
    assert_eq!((second.stderr.as_str(), second.json()), ("", json!([])));
}

#[test]
fn a_wrong_master_key_refuses_to_start() {
    let mut app = witboost(site!()).start();
    let token = robot(&app);
    app.stop();
    let right = std::fs::read(app.key_path()).unwrap();
    app.artifacts()
        .remember(String::from_utf8_lossy(&right).trim());
    // The key of another installation is well-formed, and wrong.
    let other = witboost(&format!("{}/other", site!())).prepare();
    other.service_account(ROBOT, &[]);
    std::fs::copy(other.key_path(), app.key_path()).unwrap();
    let refused = app.refuse_to_start();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("master key"), "{}", refused.stderr);
    // Commands refuse as well; nothing was changed.
    let list = app.run(&["token", "list"], &["--realm", "witboost", "--json"]);
    assert_ne!(list.code, 0);
    std::fs::write(app.key_path(), right).unwrap();
    app.start();
    app.exchange(&token, &json!({})).expect(200);
}

#[test]
fn a_master_key_that_is_none_refuses_to_start() {
    let mut app = witboost(site!()).start();
    app.stop();
    let right = std::fs::read(app.key_path()).unwrap();
    std::fs::write(app.key_path(), "not a key\n").unwrap();
    assert_ne!(app.refuse_to_start().code, 0);
    std::fs::write(app.key_path(), right).unwrap();
    app.start();
}

#[test]
fn a_store_of_a_long_path_is_served() {
    let deep = "a".repeat(60);
    let app = witboost(&format!("{}/{deep}/{deep}", site!())).start();
    let token = robot(&app);
    app.exchange(&token, &json!({})).expect(200);
}

/// Commands go on beside the one that serves, and who dies leaves no lock.
#[test]
fn one_sqlite_store_is_served_by_one_process() {
    let mut app = witboost(site!()).start();
    if app.engine() != Engine::Sqlite {
        return;
    }
    let token = robot(&app);
    let refused = app.refuse_to_start().exit(1);
    let pid = app.server().pid().to_string();
    for part in [&*pid, "store.db.lock", "PostgreSQL"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    app.exchange(&token, &json!({})).expect(200);
    app.revoke(&token);
    app.until_status(&app.request("GET", crate::CATALOGUE).bearer(&token), 401);
    app.kill();
    app.start();
    app.exchange(&token, &json!({})).expect(401);
}
