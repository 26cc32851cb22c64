//! Several servers of one installation: what one acknowledges holds at the others, and
//! what they do without PostgreSQL, without its news, and after their own death. They
//! need PostgreSQL: in a run on SQLite there is nothing to do.
#![cfg(test)]

use doorward_testkit::service::Affected;
use doorward_testkit::wait::{self, PATIENCE};
use doorward_testkit::{App, Cable, Cluster, Engine, Request, Setup, engine, site};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long news may take to reach another node.
const NEWS: Duration = Duration::from_secs(1);
/// How long a node that hears no news goes on accepting, in a realm of this kind.
const LEASE: Duration = Duration::from_secs(5);
const ROBOT: &str = "robot@example.com";

/// A realm where what was made from a token ends with the token, and one where it lives
/// on to its own end.
const REALMS: &str = r#"
[realm.now]
hosts = ["now.test"]
issuer = "http://now.test"
dialects = ["oauth"]
tokens = { revocation = "immediate" }
exchange = { path = "/api/auth/access-tokens/jwt" }
api_tokens.access = { kinds = ["service"], prefix = "now-", presentations = ["exchange", "bearer"] }
route = [
    { path = "/token", upstream = "builtin:echo", credentials = ["api_token"] },
    { path = "/jwt", upstream = "builtin:echo" },
]

[realm.slow]
hosts = ["slow.test"]
issuer = "http://slow.test"
dialects = ["oauth"]
tokens = { revocation = "expiry" }
exchange = { path = "/api/auth/access-tokens/jwt" }
api_tokens.access = { kinds = ["service"], prefix = "slow-", presentations = ["exchange", "bearer"] }
route = [
    { path = "/jwt", upstream = "builtin:echo" },
]
"#;

/// Started nodes, or nothing if this run is not about them.
fn cluster(site: &str, nodes: usize, cable: Cable) -> Option<Cluster> {
    if engine() != Engine::Postgres {
        return None;
    }
    let mut cluster = Setup::new(site, REALMS).cluster(nodes, cable);
    cluster.start();
    Some(cluster)
}

fn robot(app: &App, realm: &str) -> String {
    let arguments = ["--realm", realm, "--email", ROBOT];
    let _ = app
        .run(&["service-account", "create"], &arguments)
        .success();
    token(app, realm)
}

fn token(app: &App, realm: &str) -> String {
    let arguments = [
        "--realm", realm, "--kind", "service", "--owner", ROBOT, "--quiet",
    ];
    let made = app
        .run_secret(&["token", "create"], &arguments, "")
        .success();
    app.remembered(made.line())
}

fn revoke(app: &App, realm: &str, secret: &str) {
    let _ = app
        .run_input(&["token", "revoke"], &["--realm", realm, "-"], secret)
        .success();
}

fn at(node: &App, realm: &str, path: &str, credential: &str) -> Request {
    node.request("GET", path)
        .host(&format!("{realm}.test"))
        .bearer(credential)
}

/// The access token that a node gives for a token.
fn exchange(node: &App, realm: &str, token: &str) -> String {
    let answer = node
        .request("POST", doorward_testkit::EXCHANGE)
        .host(&format!("{realm}.test"))
        .json(&json!({ "access_token": token }))
        .send();
    let jwt = answer.expect(200).json()["jwt"]
        .as_str()
        .unwrap()
        .to_owned();
    node.remembered(jwt)
}

#[test]
fn what_one_node_gives_every_node_takes_until_it_is_revoked() {
    let Some(cluster) = cluster(site!(), 3, Cable::Direct) else {
        return;
    };
    let first = cluster.node(0);
    let mut token = robot(first, "now");
    for round in 0..10 {
        let jwt = exchange(cluster.node(round % 3), "now", &token);
        for node in cluster.nodes() {
            at(node, "now", "/token", &token).send().expect(200);
            at(node, "now", "/jwt", &jwt).send().expect(200);
        }
        revoke(first, "now", &token);
        let acknowledged = Instant::now();
        for node in cluster.nodes() {
            for (path, credential) in [("/token", &token), ("/jwt", &jwt)] {
                let request = at(node, "now", path, credential);
                node.until_status(&request, 401);
            }
        }
        let took = acknowledged.elapsed();
        assert!(took <= NEWS, "round {round}: {took:?}");
        exchange_is_refused(cluster.node(1), &token);
        token = crate::token(first, "now");
    }
}

#[test]
fn a_token_of_a_node_whose_clock_is_ahead_is_taken_by_the_others() {
    if engine() != Engine::Postgres {
        return;
    }
    let setup = Setup::new(site!(), REALMS).with_clock();
    let mut cluster = setup.cluster(2, Cable::Direct);
    cluster.start();
    let (ahead, here) = (cluster.node(0), cluster.node(1));
    let tokens = ["now", "slow"].map(|realm| (realm, robot(here, realm)));
    for seconds in [1, 5, 50] {
        ahead.pass(Duration::from_secs(seconds));
        for (realm, token) in &tokens {
            let jwt = exchange(ahead, realm, token);
            for node in cluster.nodes() {
                at(node, realm, "/jwt", &jwt).send().expect(200);
            }
        }
    }
    // What is further ahead is no difference of clocks.
    ahead.pass(Duration::from_secs(90));
    let (realm, token) = &tokens[0];
    let jwt = exchange(ahead, realm, token);
    at(here, realm, "/jwt", &jwt).send().expect(401);
}

fn exchange_is_refused(node: &App, token: &str) {
    let answer = node
        .request("POST", doorward_testkit::EXCHANGE)
        .host("now.test")
        .json(&json!({ "access_token": token }))
        .send();
    answer.expect(401);
}

#[test]
fn a_killed_node_comes_back_at_its_address_knowing_what_it_missed() {
    let Some(mut cluster) = cluster(site!(), 2, Cable::Direct) else {
        return;
    };
    let token = robot(cluster.node(0), "now");
    let jwt = exchange(cluster.node(1), "now", &token);
    let addr = cluster.node(1).addr();
    cluster.node_mut(1).kill();
    at(cluster.node(0), "now", "/jwt", &jwt).send().expect(200);
    revoke(cluster.node(0), "now", &token);
    let node = cluster.node_mut(1);
    node.start();
    node.until_ready();
    assert_eq!(node.addr(), addr);
    // It was not there when the news came: what it loads before it is ready says it.
    at(node, "now", "/jwt", &jwt).send().expect(401);
    at(node, "now", "/token", &token).send().expect(401);
}

#[test]
fn a_node_without_news_stops_accepting_after_the_lease_and_the_others_go_on() {
    let Some(cluster) = cluster(site!(), 2, Cable::Proxied) else {
        return;
    };
    let (now, slow) = (
        robot(cluster.node(0), "now"),
        robot(cluster.node(0), "slow"),
    );
    let (now, slow) = (
        exchange(cluster.node(0), "now", &now),
        exchange(cluster.node(0), "slow", &slow),
    );
    let (deaf, well) = (cluster.node(1), cluster.node(0));
    at(deaf, "now", "/jwt", &now).send().expect(200);
    for cut in [true, false] {
        let (proxy, feed) = (
            cluster.proxy(1),
            Affected::Application("doorward-feed".to_owned()),
        );
        if cut {
            proxy.cut(feed);
        } else {
            proxy.stall(feed);
        }
        let begin = Instant::now();
        deaf.until_status(&at(deaf, "now", "/jwt", &now), 503);
        let took = begin.elapsed();
        assert!(took <= LEASE + NEWS, "{took:?}");
        // An expiry realm asks for no news, and the other node has them.
        at(deaf, "slow", "/jwt", &slow).send().expect(200);
        at(well, "now", "/jwt", &now).send().expect(200);
        proxy.mend();
        deaf.until_status(&at(deaf, "now", "/jwt", &now), 200);
    }
}

#[test]
fn a_node_that_stops_is_first_not_ready_and_finishes_what_it_took() {
    let Some(mut cluster) = cluster(site!(), 2, Cable::Direct) else {
        return;
    };
    let token = robot(cluster.node(0), "slow");
    let jwt = exchange(cluster.node(0), "slow", &token);
    let node = cluster.node(0);
    assert!(node.is_ready());
    node.server().signal("TERM");
    wait::until("the node to be not ready", PATIENCE, || {
        (!node.is_ready()).then_some(())
    });
    at(cluster.node(1), "slow", "/jwt", &jwt).send().expect(200);
    assert_eq!(cluster.node_mut(0).wait_for_exit(), 0);
}
