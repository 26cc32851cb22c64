//! Commands: what they print, what `check` refuses, and the codes they end with.

use crate::{ROBOT, witboost};
use doorward_testkit::{Setup, site};
use serde_json::Value;

#[test]
fn quiet_prints_the_secret_alone_and_the_default_prints_it_once() {
    let app = witboost(site!()).prepare();
    app.service_account(ROBOT, &[]);
    let arguments = ["--realm", "witboost", "--kind", "service", "--owner", ROBOT];
    let loud = app
        .run_secret(&["token", "create"], &arguments, "")
        .success();
    let (_, from) = loud.stdout.split_at(loud.stdout.find("wbat-").unwrap());
    let secret = app.remembered(from.split_at(40).0.to_owned());
    assert_eq!(loud.stdout.matches(&secret).count(), 1);
    assert!(!loud.stderr.contains(&secret));
    let regenerate = ["--realm", "witboost", "--quiet", "-"];
    let quiet = app
        .run_secret(&["token", "regenerate"], &regenerate, &secret)
        .success();
    let new = app.remembered(quiet.line());
    assert_eq!(
        (new.len(), new.starts_with("wbat-"), quiet.stderr.as_str()),
        (40, true, "")
    );
}

#[test]
fn an_unknown_key_is_exit_2_with_file_line_and_the_nearest() {
    let app = witboost(site!()).prepare();
    let text = doorward_systems::WITBOOST.replace("max_active = 1", "max_activ = 1");
    app.write_config_text(&text);
    let line = text
        .lines()
        .position(|line| line.starts_with("max_activ "))
        .unwrap()
        + 1;
    for words in [&["check"][..], &["serve"][..], &["token", "list"][..]] {
        let realm: &[&str] = if words.len() == 2 {
            &["--realm", "witboost"]
        } else {
            &[]
        };
        let refused = app.run(words, realm).exit(2);
        let place = format!("doorward.toml:{line}");
        for expected in [place.as_str(), "max_activ", "max_active"] {
            assert!(
                refused.stderr.contains(expected),
                "{words:?}: {expected}: {}",
                refused.stderr
            );
        }
    }
    assert!(!app.store_exists(), "a refused configuration made a store");
}

#[test]
fn wrong_values_and_no_file_are_exit_2() {
    let app = witboost(site!()).prepare();
    for (right, wrong) in [
        ("access_ttl = \"5m\"", "access_ttl = \"5 parsecs\""),
        ("algorithm = \"ES256\"", "algorithm = \"none\""),
        ("prefix = \"wbat-\"", "prefix = \"\""),
        ("basic = \"ui\"", "basic = \"nowhere\""),
        ("errors = \"backstage\"", "errors = \"backstag\""),
        ("max_active = 1", "max_active = -1"),
        ("[realm.witboost]", "[realm.witboost"),
        ("upstream = \"builtin:echo\"", "upstream = \"builtin:eco\""),
    ] {
        let text = doorward_systems::WITBOOST.replacen(right, wrong, 1);
        assert_ne!(text, doorward_systems::WITBOOST, "{right}");
        app.write_config_text(&text);
        let refused = app.run(&["check"], &[]).exit(2);
        assert!(
            refused.stderr.contains("doorward.toml:"),
            "{wrong}: {}",
            refused.stderr
        );
    }
    std::fs::remove_file(app.config_path()).unwrap();
    let _ = app.run(&["check"], &[]).exit(2);
}

#[test]
fn check_proves_all_five_systems() {
    for (name, text) in [
        ("dxtra", doorward_systems::DXTRA),
        ("flotac", doorward_systems::FLOTAC),
        ("heliosdb", doorward_systems::HELIOSDB),
        ("theholefoundation", doorward_systems::THEHOLEFOUNDATION),
        ("witboost", doorward_systems::WITBOOST),
    ] {
        let app = Setup::new(&format!("{}/{name}", site!()), text).prepare();
        app.write_config_text(text);
        let _ = app.run(&["check"], &[]).success();
    }
}

#[test]
fn check_finds_an_expectation_that_does_not_hold() {
    let app = witboost(site!()).prepare();
    let text = doorward_systems::WITBOOST.replacen(
        "outcome = \"insufficient_scope\"",
        "outcome = \"allow\"",
        1,
    );
    app.write_config_text(&text);
    let refused = app.run(&["check"], &[]);
    assert_ne!(refused.code, 0);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("/api/computational-governance/validate"),
        "{said}"
    );
    assert!(said.contains("insufficient_scope"), "{said}");
}

#[test]
fn usage_errors_are_exit_2_and_refusals_exit_1() {
    let app = witboost(site!()).prepare();
    let _ = app
        .run(&["token", "create"], &["--realm", "witboost"])
        .exit(2);
    let _ = app.run(&["token", "crate"], &[]).exit(2);
    let unknown_realm = app.run(&["token", "list"], &["--realm", "witbost", "--json"]);
    assert!(
        matches!(unknown_realm.code, 1 | 2),
        "{}",
        unknown_realm.code
    );
    assert!(
        unknown_realm.stderr.contains("witboost"),
        "{}",
        unknown_realm.stderr
    );
    let nobody = [
        "--realm",
        "witboost",
        "--kind",
        "personal",
        "--owner",
        "nobody@example.com",
    ];
    let _ = app.run(&["token", "create"], &nobody).exit(1);
    app.service_account(ROBOT, &[]);
    let wrong_kind = [
        "--realm", "witboost", "--kind", "personal", "--owner", ROBOT,
    ];
    let _ = app.run(&["token", "create"], &wrong_kind).exit(1);
    let no_such_kind = [
        "--realm",
        "witboost",
        "--kind",
        "key",
        "--owner",
        "tenant:acme",
    ];
    let _ = app.run(&["token", "create"], &no_such_kind).exit(1);
    for life in ["0d", "-1d", "soon", "1.5h"] {
        let arguments = [
            "--realm",
            "witboost",
            "--kind",
            "service",
            "--owner",
            ROBOT,
            "--expires",
            life,
        ];
        let _ = app.run(&["token", "create"], &arguments).exit(2);
    }
    assert_eq!(app.tokens(ROBOT), Vec::<Value>::new());
}

/// Who runs it a second time reads what there is, and how one gets more.
#[test]
fn keys_that_are_there_are_told() {
    let app = witboost(site!()).prepare();
    let made = app.run(&["keys", "init"], &[]).success();
    assert!(
        made.stderr.contains("made the master key"),
        "{}",
        made.stderr
    );
    let again = app.run(&["keys", "init"], &[]).success();
    assert!(
        again.stderr.contains("is there already, made 20"),
        "{}",
        again.stderr
    );
    app.service_account(ROBOT, &[]);
    let told = app.run(&["keys", "init"], &[]).success();
    assert!(
        told.stderr.contains("doorward keys rotate --config "),
        "{}",
        told.stderr
    );
    let listed = app.run(&["keys", "list"], &["--realm", "witboost", "--json"]);
    let listed = listed.success().json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    for key in listed {
        let line = told.stdout.lines().find(|line| {
            let mut words = ["kid", "algorithm", "created_at"].into_iter();
            words.all(|name| line.contains(key[name].as_str().unwrap()))
        });
        assert!(line.unwrap().starts_with("witboost "), "{}", told.stdout);
    }
}

/// The address of a person is not that of the service account that a tenant made.
#[test]
fn a_membership_by_an_address_is_a_users() {
    let app = witboost(site!()).prepare();
    app.service_account(ROBOT, &["--tenant", "globex"]);
    let _password = app.user("ada@example.com", &["--tenant", "acme"]);
    let realm = ["--realm", "witboost", "--tenant", "acme"];
    let join = |whom: &[&str]| app.run(&["membership", "create"], &[&realm[..], whom].concat());
    let refused = join(&["--email", ROBOT]).exit(1);
    assert!(refused.stderr.contains("--id"), "{}", refused.stderr);
    let found = ["--realm", "witboost", "--json"];
    let robots = app
        .run(&["service-account", "list"], &found)
        .success()
        .json();
    let id = robots[0]["id"].as_str().unwrap();
    let _ = join(&["--id", id]).success();
}
