//! Clients that make no progress, by the dozen, from one address and from many: each is
//! ended within its bound, and others are served meanwhile. The soak's mode `hostile`
//! has a thousand of each and measures.

use crate::door;
use doorward_testkit::hostile::{Hostile, Sort, Target, connect_from};
use doorward_testkit::{App, EXCHANGE, Request, Setup, raw, site, streaming, wait};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use toml::{Table, Value};

/// How many of each sort come from one address, and as many from as many.
const COUNT: u16 = 30;
/// The bounds are two seconds; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(20);

/// The door of these tests, with an upstream whose answers do not end.
fn hostile_door(site: &str) -> Setup {
    let mut setup = door(site).edit(|config| {
        let mut route = Table::new();
        route.insert("path".to_owned(), "/stream/**".into());
        route.insert("upstream".to_owned(), streaming::start().into());
        route.insert("public".to_owned(), true.into());
        config["realm"]["witboost"]["route"]
            .as_array_mut()
            .unwrap()
            .push(Value::Table(route));
    });
    for key in ["header_timeout", "idle_timeout", "answer_idle", "body_idle"] {
        setup = setup.set(&format!("server.{key}"), "2s");
    }
    setup
}

fn target(app: &App) -> Target<'static> {
    Target {
        door: app.addr(),
        ops: app.ops(),
        endless: "/stream/endless",
        pushing: "/stream/pushing",
        own: EXCHANGE,
    }
}

/// Tends to all until each is ended, with `meanwhile` between.
fn until_all_ended(all: &mut Vec<Hostile>, mut meanwhile: impl FnMut()) {
    let count = all.len();
    wait::until(&format!("the end of {count}"), BOUND, || {
        meanwhile();
        all.retain_mut(|one| !one.is_ended());
        all.is_empty().then_some(())
    });
}

#[test]
fn s2_s3_s4_s7_who_makes_no_progress_is_ended_and_others_are_served() {
    let app = hostile_door(site!()).start();
    let target = target(&app);
    for sort in Sort::AT_THE_DOOR {
        let mut all = Vec::new();
        for number in 0..COUNT {
            let [high, low] = number.to_be_bytes();
            let many = Ipv4Addr::new(127, 1, high, low.saturating_add(1));
            for from in [Ipv4Addr::new(127, 0, 0, 9), many] {
                all.push(Hostile::open(sort, &target, from).unwrap());
            }
        }
        until_all_ended(&mut all, || {
            app.get("/public/x").expect(200);
        });
    }
}

#[test]
fn s5_one_address_cannot_take_every_place() {
    let app = hostile_door(site!())
        .set("server.max_connections", 24)
        .set("server.header_timeout", "60s")
        .start();
    let from = Ipv4Addr::new(127, 0, 0, 9);
    let mut all: Vec<Hostile> = (0..24)
        .map(|_| Hostile::open(Sort::SlowHead, &target(&app), from).unwrap())
        .collect();
    // A quarter of the places is its share.
    wait::until("the others to be refused", wait::PATIENCE, || {
        all.retain_mut(|one| !one.is_ended());
        (all.len() == 6).then_some(())
    });
    let mut refused = connect_from(from, app.addr()).unwrap();
    refused.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    let _ = refused.write_all(b"GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(raw::read_all(&mut refused).is_empty());
    for _ in 0..100 {
        app.get("/public/x").expect(200);
    }
}

#[test]
fn o6_the_operations_listener_answers_whoever_holds_on_to_it() {
    let app = hostile_door(site!()).start();
    let target = target(&app);
    let mut all: Vec<Hostile> = (0..64)
        .map(|_| Hostile::open(Sort::DeafOperator, &target, Ipv4Addr::LOCALHOST).unwrap())
        .collect();
    until_all_ended(&mut all, || {
        for path in ["/readyz", "/healthz", "/metrics"] {
            Request::new(app.ops(), "GET", path).send().expect(200);
        }
    });
}

#[test]
fn s6_the_control_socket_answers_whoever_holds_on_to_it() {
    let app = hostile_door(site!()).start();
    let socket = app.control_socket();
    let _held: Vec<UnixStream> = (0..256)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    let refused = app.get("/api/catalog/entities");
    let id = refused.header("x-request-id").unwrap().to_owned();
    let explained = app.run(&["explain"], &[&id]).success();
    assert!(explained.stdout.contains(&id));
}
