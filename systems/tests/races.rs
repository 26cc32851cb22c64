//! Several processes and connections at the same thing at the same moment, on one
//! store: what may happen once happens once, and what one process acknowledges the
//! other knows within a second.
#![cfg(test)]

use doorward_testkit::{App, Person, Request, Setup, id_of, secret_of, site, wait};
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const ADA: &str = "ada@example.com";
const CATALOGUE: &str = "/api/catalog/entities";

fn witboost(site: &str) -> Setup {
    Setup::new(site, doorward_systems::WITBOOST)
        .set("realm.witboost.basic.modules.ui.enabled", true)
        // These tests are about races, and see many refusals from one address.
        .set("realm.witboost.failed_credentials.rate", "100000/1m")
}

fn live(app: &App) -> Vec<Value> {
    let mut tokens = app.tokens(ADA);
    tokens.retain(|token| token["state"] == "active");
    tokens
}

#[test]
fn of_processes_that_make_a_pat_at_once_exactly_one_succeeds() {
    let app = witboost(site!()).prepare();
    let _ = app.user(ADA, &[]);
    for round in 0..20 {
        let arguments = [
            "--realm", "witboost", "--kind", "personal", "--owner", ADA, "--quiet",
        ];
        let racing: Vec<_> = (0..4)
            .map(|_| app.spawn(&["token", "create"], &arguments))
            .collect();
        let outcomes: Vec<_> = racing
            .into_iter()
            .map(doorward_testkit::Running::finish)
            .collect();
        let mut codes: Vec<i32> = outcomes.iter().map(|outcome| outcome.code).collect();
        codes.sort_unstable();
        let errors: Vec<&str> = outcomes
            .iter()
            .map(|outcome| outcome.stderr.as_str())
            .collect();
        assert_eq!(codes, [0, 1, 1, 1], "round {round}: {errors:?}");
        for outcome in &outcomes {
            if outcome.code == 0 {
                app.revoke(&app.remembered(outcome.line()));
            } else {
                assert_eq!(outcome.stdout, "", "round {round}");
                assert!(
                    outcome.stderr.contains("token_limit_reached"),
                    "{}",
                    outcome.stderr
                );
            }
        }
        assert_eq!(live(&app), Vec::<Value>::new(), "round {round}");
    }
}

#[test]
fn a_command_and_the_server_race_for_one_pat() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, ADA, &[]);
    let session = ada.sign_in(&app);
    for round in 0..10 {
        let arguments = [
            "--realm", "witboost", "--kind", "personal", "--owner", ADA, "--quiet",
        ];
        let command = app.spawn(&["token", "create"], &arguments);
        let served = session.make_own_token(&json!({}));
        let command = command.finish();
        if command.code == 0 {
            let _ = app.remembered(command.line());
        }
        let done = usize::from(command.code == 0) + usize::from(served.status == 201);
        assert_eq!(done, 1, "round {round}: {} {}", command.code, served.status);
        assert_eq!(live(&app).len(), 1, "round {round}");
        let id = live(&app)[0]["id"].as_str().unwrap().to_owned();
        let _ = app
            .run(&["token", "revoke"], &["--realm", "witboost", &id])
            .success();
    }
}

#[test]
fn of_requests_that_make_a_pat_at_once_exactly_one_succeeds() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, ADA, &[]);
    let session = ada.sign_in(&app);
    for round in 0..5 {
        let request = session.request("POST", "/me/v1/tokens").json(&json!({}));
        let answers = at_once(&request, 32);
        let (mut made, mut refused) = (Vec::new(), 0);
        for answer in answers {
            match answer.status {
                201 => made.push(answer),
                409 => refused += 1,
                status => panic!("round {round}: {status}: {}", answer.text()),
            }
        }
        assert_eq!((made.len(), refused), (1, 31), "round {round}");
        let _ = app.remembered(secret_of(&made[0]));
        session.revoke_own_token(&id_of(&made[0]));
    }
}

#[test]
fn of_processes_that_regenerate_one_token_exactly_one_succeeds() {
    let app = witboost(site!()).prepare();
    let _ = app.user(ADA, &[]);
    let _ = app.token("personal", ADA, &[]);
    for round in 0..10 {
        let id = live(&app)[0]["id"].as_str().unwrap().to_owned();
        let arguments = ["--realm", "witboost", "--quiet", &id];
        let racing: Vec<_> = (0..4)
            .map(|_| app.spawn(&["token", "regenerate"], &arguments))
            .collect();
        let outcomes: Vec<_> = racing
            .into_iter()
            .map(doorward_testkit::Running::finish)
            .collect();
        for outcome in outcomes.iter().filter(|outcome| outcome.code == 0) {
            let _ = app.remembered(outcome.line());
        }
        let done = outcomes.iter().filter(|outcome| outcome.code == 0).count();
        assert_eq!(done, 1, "round {round}");
        assert_eq!(live(&app).len(), 1, "round {round}");
    }
}

#[test]
fn of_requests_that_regenerate_one_token_exactly_one_succeeds() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, ADA, &[]);
    let session = ada.sign_in(&app);
    session.make_own_token(&json!({})).expect(201);
    for round in 0..5 {
        let id = live(&app)[0]["id"].as_str().unwrap().to_owned();
        let request = session
            .request("POST", &format!("/me/v1/tokens/{id}/regenerate"))
            .json(&json!({}));
        let done: Vec<_> = at_once(&request, 16)
            .into_iter()
            .filter(|answer| answer.status < 300)
            .collect();
        assert_eq!(done.len(), 1, "round {round}");
        let _ = app.remembered(secret_of(&done[0]));
        assert_eq!(live(&app).len(), 1, "round {round}");
    }
}

#[test]
fn a_token_that_a_command_revokes_is_refused_by_the_server_within_a_second() {
    let app = witboost(site!()).start();
    let _ = app.user(ADA, &[]);
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let token = app.token("personal", ADA, &[]);
        let basic = app.request("GET", CATALOGUE).basic("witboost", &token);
        app.until_status(&basic, 200);
        app.exchange(&token, &json!({})).expect(200);
        app.revoke(&token);
        let acknowledged = Instant::now();
        wait::until("the refusal", wait::PATIENCE, || {
            (basic.send().status == 401).then_some(())
        });
        let took = acknowledged.elapsed();
        slowest = slowest.max(took);
        assert!(took <= Duration::from_secs(1), "round {round}: {took:?}");
        app.exchange(&token, &json!({})).expect(401);
    }
    app.artifacts()
        .write("slowest.txt", &format!("{slowest:?}\n"));
}

#[test]
fn a_revocation_that_the_server_acknowledges_is_never_followed_by_an_accept() {
    let app = witboost(site!()).start();
    let ada = Person::make(&app, ADA, &[]);
    let session = ada.sign_in(&app);
    for round in 0..20 {
        let made = session.make_own_token(&json!({}));
        let basic = app
            .request("GET", CATALOGUE)
            .basic("witboost", &secret_of(&made));
        basic.send().expect(200);
        // Others keep the caches warm while it is revoked.
        let after = std::thread::scope(|scope| {
            let users: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| while basic.send().status == 200 {}))
                .collect();
            session.revoke_own_token(&id_of(&made));
            let after = basic.send().status;
            users.into_iter().for_each(|user| user.join().unwrap());
            after
        });
        assert_eq!(after, 401, "round {round}");
    }
}

#[test]
fn a_token_refused_before_it_existed_works_once_it_does() {
    // A regenerated token's secret cannot be known before; the class and the account can.
    let app = witboost(site!()).start();
    let _ = app.user(ADA, &[]);
    for _ in 0..5 {
        let token = app.token("personal", ADA, &[]);
        let made = Instant::now();
        app.until_status(
            &app.request("GET", CATALOGUE).basic("witboost", &token),
            200,
        );
        assert!(
            made.elapsed() <= Duration::from_secs(1),
            "{:?}",
            made.elapsed()
        );
        app.revoke(&token);
    }
}

/// Sends the request from many threads that start together.
fn at_once(request: &Request, threads: usize) -> Vec<doorward_testkit::Response> {
    let barrier = Arc::new(Barrier::new(threads));
    let racing: Vec<_> = (0..threads)
        .map(|_| {
            let (barrier, request) = (Arc::clone(&barrier), request.clone());
            std::thread::spawn(move || {
                barrier.wait();
                request.send()
            })
        })
        .collect();
    racing
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}
