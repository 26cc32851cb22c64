//! A server that runs: reloading, stopping, health, keys that rotate.

use crate::{CATALOGUE, robot, server_log, witboost};
use doorward_testkit::{Engine, Request, site, upstream::Upstream, wait};
use serde_json::{Value, json};

fn switch_basic_on(config: &mut toml::Table) {
    let ui = &mut config["realm"]["witboost"]["basic"]["modules"]["ui"];
    ui.as_table_mut()
        .unwrap()
        .insert("enabled".to_owned(), true.into());
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
    let mut app = witboost(site!()).leading_to(&upstream.origin()).start();
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
    if app.engine() == Engine::Sqlite {
        // The next server may start meanwhile.
        let lock = format!("{}.lock", app.store_path().display());
        std::fs::File::open(lock).unwrap().try_lock().unwrap();
    }
    release.send(()).unwrap();
    assert_eq!(flight.join().unwrap().expect(200).json()["upstream"], 1);
    assert_eq!(app.wait_for_exit(), 0);
}

/// A probe that is told 429 takes the server out of a load balancer.
#[test]
fn health_is_counted_by_no_limit() {
    let app = witboost(site!())
        .edit(|config| {
            let realm = config["realm"]["witboost"].as_table_mut().unwrap();
            let limits = realm
                .entry("limits")
                .or_insert_with(|| toml::Table::new().into());
            let few = toml::toml! { key = "address" rate = "1/1h" everywhere = true };
            limits
                .as_table_mut()
                .unwrap()
                .insert("all".to_owned(), few.into());
        })
        .start();
    for wanted in [200, 429] {
        app.get("/.well-known/jwks.json").expect(wanted);
        for _ in 0..3 {
            app.get("/healthz").expect(200);
        }
    }
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
