//! More than is polite: slow senders, many connections, many wrong credentials. The
//! others are served all the same.

use crate::door;
use doorward_testkit::{App, Request, raw, site, streaming, upstream::Upstream, wait};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn slow_headers_are_cut_off_while_others_are_served() {
    let app = door(site!()).set("server.header_timeout", "1s").start();
    let mut slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = raw::connect(app.addr());
            stream
                .write_all(b"GET /public/x HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                .unwrap();
            stream
        })
        .collect();
    let begin = Instant::now();
    app.get("/public/x").expect(200);
    for stream in &mut slow {
        let answer = raw::read_all(stream);
        assert!(
            matches!(raw::status(&answer), 0 | 408),
            "{}",
            raw::status(&answer)
        );
    }
    // A second is the setting; the rest is for a busy machine.
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
    app.get("/public/x").expect(200);
}

#[test]
fn ten_thousand_connections_leave_the_door_and_its_health_answering() {
    raise_own_limit();
    let app = door(site!())
        .under(&["prlimit", "--nofile=20000:20000"])
        .start();
    let mut held = Vec::with_capacity(10_000);
    for _ in 0..10_000 {
        // A cap may close a connection; it may not make the kernel refuse one.
        let mut stream = TcpStream::connect(app.addr()).unwrap();
        let _ = stream.write_all(b"GET /public/x HTTP/1.1\r\n");
        held.push(stream);
    }
    let health = Request::new(app.ops(), "GET", "/healthz").send();
    health.expect(200);
    drop(held);
    wait::until("an answer after the flood", wait::PATIENCE, || served(&app));
}

#[test]
fn beyond_its_cap_the_door_sheds_connections_and_stays_up() {
    let app = door(site!()).set("server.max_connections", 64).start();
    let held: Vec<TcpStream> = (0..512)
        .map(|_| TcpStream::connect(app.addr()).unwrap())
        .collect();
    Request::new(app.ops(), "GET", "/healthz")
        .send()
        .expect(200);
    drop(held);
    wait::until("an answer after the flood", wait::PATIENCE, || served(&app));
}

/// What waits for a client that does not take it is little, whatever the answer's length.
#[test]
fn an_unread_answer_holds_little_memory() {
    const CLIENTS: u64 = 200;
    let app = door(site!()).leading_to(&streaming::start()).start();
    let before = resident(&app);
    let held: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = raw::connect(app.addr());
            stream
                .write_all(b"GET /public/endless HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    // Every answer has begun, and the kernel's buffers are full when memory stays as it is.
    for stream in &held {
        let mut begin = [0; 15];
        let mut stream = stream;
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200 OK");
    }
    let (mut largest, mut since) = (before, Instant::now());
    wait::until("an end of what is kept", wait::PATIENCE, || {
        let now = resident(&app);
        if now > largest {
            (largest, since) = (now, Instant::now());
        }
        (since.elapsed() > Duration::from_secs(1)).then_some(())
    });
    let each = (largest - before) / CLIENTS;
    assert!(each < 400 * 1024, "{each} bytes for each unread answer");
    drop(held);
}

#[test]
fn connections_leave_descriptors_for_upstreams_and_operations() {
    let upstream = Upstream::start();
    // A soft limit of 64 is raised to the hard one.
    let app = door(site!())
        .leading_to(&upstream.origin())
        .under(&["prlimit", "--nofile=64:128"])
        .start();
    let mut first = TcpStream::connect(app.addr()).unwrap();
    let ask = b"GET /public/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let held: Vec<TcpStream> = (0..400)
        .map(|_| TcpStream::connect(app.addr()).unwrap())
        .collect();
    for path in ["/healthz", "/readyz", "/metrics"] {
        Request::new(app.ops(), "GET", path).send().expect(200);
    }
    first.write_all(ask).unwrap();
    assert_eq!(raw::status(&raw::read_all(&mut first)), 200);
    assert!(!log_of(&app).contains("Too many open files"));
    drop(held);
    wait::until("an answer after the flood", wait::PATIENCE, || served(&app));
}

#[test]
fn descriptors_running_out_is_not_the_end() {
    let app = door(site!()).start();
    let pid = app.server().pid().to_string();
    let limit = |nofile: &str| {
        let set = Command::new("prlimit")
            .args(["--pid", &pid, nofile])
            .status();
        assert!(set.unwrap().success());
    };
    let socket = app.control_socket();
    // Fewer than it has open already: no listener gets another one.
    limit("--nofile=8:");
    let held = [
        TcpStream::connect(app.addr()).unwrap(),
        TcpStream::connect(app.ops()).unwrap(),
    ];
    let waiting = UnixStream::connect(&socket).unwrap();
    wait::until("every listener to fail", wait::PATIENCE, || {
        let log = log_of(&app);
        let failed = |listener: &str| {
            log.lines()
                .any(|line| line.contains("Too many open files") && line.contains(listener))
        };
        (failed("operations") && failed("control") && log.matches("accept failed").count() > 2)
            .then_some(())
    });
    limit("--nofile=4096:");
    drop((held, waiting));
    wait::until("an answer afterwards", wait::PATIENCE, || served(&app));
    Request::new(app.ops(), "GET", "/readyz").send().expect(200);
    // A refusal is explained over the socket, which is still there.
    let refused = app.get("/api/catalog/entities");
    let id = refused.header("x-request-id").unwrap().to_owned();
    let explained = app.run(&["explain"], &[&id]).success();
    assert!(explained.stdout.contains(&id));
}

#[test]
fn wrong_credentials_are_slowed_down_by_address() {
    let app = suspicious(site!());
    let mut forged = crate::plain_jwt(&app);
    forged.truncate(forged.len() - 86);
    forged.push_str(&"A".repeat(86));
    let guess = || app.get_as(&forged, "/api/catalog/entities");
    let limited = first_429(&guess);
    assert_eq!(limited.code(), "rate_limited");
    let seconds: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    // A forged address buys no new bucket.
    let forged_address = app
        .request("GET", "/api/catalog/entities")
        .bearer(&forged)
        .header("X-Forwarded-For", "203.0.113.9")
        .send();
    assert_eq!(forged_address.status, 429);
    // Who presents nothing is not guessing.
    app.get("/public/x").expect(200);
}

#[test]
fn guessing_at_the_exchange_is_slowed_down() {
    let app = suspicious(site!());
    let dead = crate::robot(&app);
    app.revoke(&dead);
    let limited = first_429(&|| app.exchange(&dead, &serde_json::json!({})));
    assert!(limited.header("retry-after").is_some());
}

#[test]
fn guessing_at_the_sign_in_is_slowed_down() {
    let app = door(site!()).start();
    let nobody = "nobody@example.com";
    let limited = first_429(&|| doorward_testkit::sign_in(&app, nobody, "wrong password"));
    // One guess each 90 seconds; what is left of the limit by address says nothing of that.
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((70..=90).contains(&wait), "{wait}");
    assert_eq!(limited.header("ratelimit"), None);
}

/// D1: made-up tokens leave one row for all of them, and nothing while they come.
#[test]
fn made_up_tokens_fill_no_log() {
    let mut app = door(site!()).start();
    let rows = |app: &App| {
        let only = [
            "--realm",
            app.realm(),
            "--action",
            "token.exchange",
            "--json",
        ];
        let rows = app.run(&["audit"], &only).success().json();
        rows.as_array().unwrap().clone()
    };
    for _ in 0..30 {
        let refused = app.exchange("x", &serde_json::json!({}));
        assert_eq!(refused.status, 401);
    }
    assert_eq!(rows(&app).len(), 0);
    // A process that is stopped in order loses nothing of what it counted.
    app.stop();
    let rows = rows(&app);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["detail"]["count"], 30);
    assert_eq!(rows[0]["actor"], "anonymous");
}

/// What clients send names no counter: metrics do not grow with it.
#[test]
fn metrics_grow_with_nothing_that_clients_send() {
    let app = door(site!()).start();
    let names = || {
        let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
        let names = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let mut names: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
        // When jobs were last done is told once they were.
        names.retain(|name| !name.starts_with("doorward_job_last_success"));
        names.sort();
        names
    };
    let before = names();
    for number in 0..50 {
        let path = format!("/p{number}/x?q={number}");
        let method = format!("M{number}");
        let odd = app.request(&method, &path).host(&format!("h{number}.test"));
        let _ = odd
            .header(&format!("x-h{number}"), "v")
            .bearer("x.y.z")
            .send();
    }
    assert_eq!(names(), before);
}

/// G3: whoever is not known pushes out nobody else's evidence.
#[test]
fn refused_strangers_push_out_no_denial_of_who_is_known() {
    let app = door(site!()).start();
    let known = app.get_as(&crate::plain_jwt(&app), "/api/computational-governance/x");
    assert_eq!(known.status, 403);
    let id = known.header("x-request-id").unwrap().to_owned();
    let mut strange = String::new();
    for number in 0..1100 {
        let refused = app.get("/api/catalog/entities");
        refused.expect(401);
        if number == 0 {
            refused
                .header("x-request-id")
                .unwrap()
                .clone_into(&mut strange);
        }
    }
    let explained = app.run(&["explain"], &[&id]).success();
    assert!(explained.stdout.contains(&id));
    // Its own, which it makes as many of as it likes, are pushed out.
    let _ = app.run(&["explain"], &[&strange]).exit(1);
}

/// A door that lets one address fail 60 times.
fn suspicious(site: &str) -> App {
    door(site)
        .set("realm.witboost.failed_credentials.rate", "30/1m")
        .set("realm.witboost.failed_credentials.burst", 60)
        .start()
}

fn first_429(guess: &dyn Fn() -> doorward_testkit::Response) -> doorward_testkit::Response {
    (0..200)
        .map(|_| guess())
        .find(|answer| answer.status == 429)
        .expect("200 wrong credentials in a row were all judged")
}

fn log_of(app: &App) -> String {
    std::fs::read_to_string(app.artifacts().path("server.log")).unwrap()
}

/// The resident memory of the server, bytes.
fn resident(app: &App) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.server().pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.unwrap().trim().parse::<u64>().unwrap() * 1024
}

fn served(app: &App) -> Option<()> {
    let answer = app.request("GET", "/public/x").try_send().ok()?;
    (answer.status == 200).then_some(())
}

/// This process holds the other ends of the connections.
fn raise_own_limit() {
    let raised = Command::new("prlimit")
        .args([
            "--pid",
            &std::process::id().to_string(),
            "--nofile=20000:20000",
        ])
        .status()
        .unwrap();
    assert!(
        raised.success(),
        "10,000 connections take a hard limit of 20,000 descriptors"
    );
}
