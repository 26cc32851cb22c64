//! Running it: starting, refusing to start, reloading, stopping, looking inside.
#![cfg(test)]

use doorward_testkit::service::Held;
use doorward_testkit::{
    App, Engine, Person, Request, Setup, engine, site, upstream::Upstream, wait,
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const ROBOT: &str = "robot@example.com";
const CATALOGUE: &str = "/api/catalog/entities";

fn witboost(site: &str) -> Setup {
    Setup::new(site, doorward_systems::WITBOOST)
}

fn robot(app: &App) -> String {
    app.service_account(ROBOT, &[]);
    app.token("service", ROBOT, &[])
}

fn switch_basic_on(config: &mut toml::Table) {
    let ui = &mut config["realm"]["witboost"]["basic"]["modules"]["ui"];
    ui.as_table_mut()
        .unwrap()
        .insert("enabled".to_owned(), true.into());
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn server_log(app: &App) -> String {
    std::fs::read_to_string(app.artifacts().path("server.log")).unwrap()
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

/// What is accepted and not built yet is proved by `check`, refused by both, and not put
/// in force by a reload.
#[test]
fn what_is_not_built_yet_is_refused_with_its_line_and_the_way_out() {
    let app = witboost(site!())
        .set("realm.witboost.dialects", vec!["oauth", "nhost"])
        .prepare();
    let says = |text: &str| {
        assert!(
            text.contains("realm.witboost.dialects[1]: the dialect \"nhost\""),
            "{text}"
        );
        assert!(text.contains("remove it to serve the rest"), "{text}");
    };
    says(&app.refuse_to_start().exit(2).stderr);
    let checked = app.run(&["check"], &[]).exit(1);
    says(&checked.stderr);
    assert!(
        checked.stderr.contains("6 expectations hold"),
        "{}",
        checked.stderr
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
fn check_proves_all_five_systems_and_refuses_those_that_are_not_built() {
    for (name, text, built) in [
        ("dxtra", doorward_systems::DXTRA, false),
        ("flotac", doorward_systems::FLOTAC, false),
        ("heliosdb", doorward_systems::HELIOSDB, false),
        (
            "theholefoundation",
            doorward_systems::THEHOLEFOUNDATION,
            true,
        ),
        ("witboost", doorward_systems::WITBOOST, true),
    ] {
        let app = Setup::new(&format!("{}/{name}", site!()), text).prepare();
        app.write_config_text(text);
        let checked = app.run(&["check"], &[]);
        if built {
            let _ = checked.success();
            continue;
        }
        // Its dialect is all that is wrong: its expectations hold.
        let said = checked.exit(1).stderr;
        assert_eq!(said.matches("the dialect ").count(), 1, "{said}");
        assert!(said.contains("expectations hold"), "{said}");
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
fn a_reload_switches_basic_on_and_a_bad_one_changes_nothing() {
    let mut app = witboost(site!()).start();
    let token = robot(&app);
    let basic = app.request("GET", CATALOGUE).basic("witboost", &token);
    basic.send().expect(401);
    app.reconfigure(switch_basic_on);
    app.server().signal("HUP");
    app.until_status(&basic, 200);

    let good = std::fs::read_to_string(app.config_path()).unwrap();
    for bad in ["not toml [", "", "[realm.witboost]\nunknown = 1\n"] {
        let before = server_log(&app).len();
        app.write_config_text(bad);
        app.server().signal("HUP");
        wait::until("a word about the bad configuration", wait::PATIENCE, || {
            server_log(&app)
                .get(before..)
                .is_some_and(|new| new.contains("doorward.toml"))
                .then_some(())
        });
        basic.send().expect(200);
    }
    app.write_config_text(&good);
    app.server().signal("HUP");
    app.reconfigure(|config| {
        let ui = &mut config["realm"]["witboost"]["basic"]["modules"]["ui"];
        ui.as_table_mut()
            .unwrap()
            .insert("enabled".to_owned(), false.into());
    });
    app.server().signal("HUP");
    app.until_status(
        &app.request("GET", CATALOGUE).basic("witboost", &token),
        401,
    );
}

#[test]
fn a_changed_file_is_noticed_without_a_signal() {
    let mut app = witboost(site!()).start();
    let token = robot(&app);
    app.reconfigure(switch_basic_on);
    app.until_status(
        &app.request("GET", CATALOGUE).basic("witboost", &token),
        200,
    );
}

#[test]
fn sigterm_lets_a_request_in_flight_finish() {
    let (upstream, release, arrived) = Upstream::held();
    let mut app = witboost(site!())
        .edit(|config| {
            let route = &mut config["realm"]["witboost"]["route"].as_array_mut().unwrap()[0];
            route
                .as_table_mut()
                .unwrap()
                .insert("upstream".to_owned(), upstream.origin().into());
        })
        .start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    let request = app.request("GET", CATALOGUE).bearer(&jwt);
    let health = app.request("GET", "/healthz");
    let flight = std::thread::spawn(move || request.send());
    arrived.recv_timeout(wait::PATIENCE).unwrap();
    app.server().signal("TERM");
    // New connections are turned away while the old request goes on.
    wait::until("the listener to close", wait::PATIENCE, || {
        health
            .try_send()
            .map_or(Some(()), |answer| (answer.status != 200).then_some(()))
    });
    assert!(!flight.is_finished());
    release.send(()).unwrap();
    assert_eq!(flight.join().unwrap().expect(200).json()["upstream"], 1);
    assert_eq!(app.wait_for_exit(), 0);
}

#[test]
fn health_is_public_and_metrics_and_readiness_are_not() {
    let app = witboost(site!()).start();
    app.get("/healthz").expect(200);
    for path in ["/metrics", "/readyz"] {
        let public = app.get(path);
        assert!(
            matches!(public.status, 401 | 404),
            "{path}: {}",
            public.status
        );
        Request::new(app.ops(), "GET", path).send().expect(200);
    }
    app.get_as("junk", CATALOGUE).expect(401);
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    assert!(metrics.contains("doorward_"), "{metrics}");
    assert!(metrics.contains("invalid_token"), "{metrics}");
}

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

#[test]
fn keys_rotate_under_a_running_server_without_a_refused_request() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let before = app.jwt(&token, &json!({}));
    let kid = |jwt: &str| doorward_testkit::jwt::Unverified::of(jwt).header["kid"].clone();
    let _ = app
        .run(&["keys", "rotate"], &["--realm", "witboost"])
        .success();
    app.get_as(&before, CATALOGUE).expect(200);
    let after = app.jwt(&token, &json!({}));
    app.get_as(&after, CATALOGUE).expect(200);
    let jwks = app.get("/.well-known/jwks.json").json();
    let published = |kid: &Value| {
        jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["kid"] == *kid)
    };
    assert!(published(&kid(&before)) && published(&kid(&after)));
    for jwt in [&before, &after] {
        let _ = app.verified(jwt);
    }
}

#[test]
fn a_full_disk_is_503_and_nothing_is_half_written() {
    // A limit on the server's files is a full disk only where the store is one of them.
    if engine() != Engine::Sqlite {
        return;
    }
    // The limit stands in for a full disk: writes beyond 1 MiB fail. The signal that
    // comes with it is ignored, as a disk sends none.
    let limited = "trap '' XFSZ; exec prlimit --fsize=1048576:unlimited \"$@\"";
    let mut app = witboost(site!())
        .under(&["bash", "-c", limited, "bash"])
        .start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    let mut acknowledged = 0_usize;
    let full = (0..20_000).find_map(|_| {
        let answer = app.exchange(&token, &json!({}));
        if answer.status < 500 {
            acknowledged += 1;
            return None;
        }
        Some(answer)
    });
    let full = full.expect("20,000 writes fit into 1 MiB");
    assert_eq!(
        (full.status, full.code().as_str()),
        (503, "store_unavailable")
    );
    assert!(full.header("retry-after").is_some());
    // What needs no write goes on, but new requests should be sent elsewhere.
    app.get_as(&jwt, CATALOGUE).expect(200);
    app.get("/healthz").expect(200);
    let ready = Request::new(app.ops(), "GET", "/readyz");
    let readiness = |wanted| {
        wait::until("readiness", wait::PATIENCE, || {
            (ready.send().status == wanted).then_some(())
        });
    };
    readiness(503);
    let pid = app.server().pid().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:unlimited"])
        .status();
    assert!(raised.unwrap().success());
    readiness(200);
    app.exchange(&token, &json!({})).expect(200);
    app.kill();
    let store = rusqlite::Connection::open(app.store_path()).unwrap();
    let verdict: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    drop(store);
    assert_eq!(app.tokens(ROBOT).len(), 1);
    assert!(acknowledged > 0);
}

/// A store that another process has for itself, until this is dropped.
enum Locked {
    File { _connection: rusqlite::Connection },
    Tables { _connection: Held },
}

fn lock(app: &App) -> Locked {
    match app.engine() {
        Engine::Sqlite => {
            let connection = rusqlite::Connection::open(app.store_path()).unwrap();
            connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
            Locked::File {
                _connection: connection,
            }
        }
        Engine::Postgres => Locked::Tables {
            _connection: app.postgres().lock(),
        },
    }
}

#[test]
fn a_locked_store_is_503_and_recovers() {
    let app = witboost(site!()).start();
    let token = robot(&app);
    let jwt = app.jwt(&token, &json!({}));
    let locked = lock(&app);
    let refused = app.exchange(&token, &json!({}));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "store_unavailable")
    );
    app.get_as(&jwt, CATALOGUE).expect(200);
    drop(locked);
    let body = json!({"access_token": token});
    app.until_status(
        &app.request("POST", doorward_testkit::EXCHANGE).json(&body),
        200,
    );
}

#[test]
fn a_store_of_a_long_path_is_served() {
    let deep = "a".repeat(60);
    let app = witboost(&format!("{}/{deep}/{deep}", site!())).start();
    let token = robot(&app);
    app.exchange(&token, &json!({})).expect(200);
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
