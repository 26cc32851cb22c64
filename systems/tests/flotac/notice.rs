//! Notices of keys that expire: row 48.

use crate::furnished::{ACME, GLOBEX, flotac, flotac_over_tls, furnish};
use doorward_testkit::wait::{self, PATIENCE};
use doorward_testkit::{App, Cable, Engine, Person, Request, Setup, engine, script, site};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const DAY: u64 = 86_400;

/// What came to a webhook.
#[derive(Clone, Debug)]
struct Came {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Came {
    fn said(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The tenant, and the names of its keys with the days, sorted.
    fn told(&self) -> (String, Vec<(String, u64)>) {
        let said = self.said();
        let keys = said["data"]["tokens"].as_array().unwrap().iter();
        let keys = keys.map(|key| {
            let name = key["name"].as_str().unwrap().to_owned();
            (name, key["days"].as_u64().unwrap())
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable();
        (said["data"]["tenant"].as_str().unwrap().to_owned(), keys)
    }
}

/// A webhook on the loopback, which answers with one status until told otherwise.
struct Hook {
    addr: SocketAddr,
    status: Arc<AtomicU16>,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Hook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (status, came) = (Arc::new(AtomicU16::new(204)), Arc::default());
        let hook = Self {
            addr,
            status: Arc::clone(&status),
            came: Arc::clone(&came),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (status, came) = (Arc::clone(&status), Arc::clone(&came));
                std::thread::spawn(move || answer(stream, &status, &came));
            }
        });
        hook
    }

    fn url(&self) -> String {
        format!("http://{}/hooks/doorward", self.addr)
    }

    fn seen(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until so many came.
    fn until(&self, count: usize) -> Vec<Came> {
        wait::until(&format!("{count} messages"), PATIENCE, || {
            Some(self.seen()).filter(|seen| seen.len() >= count)
        })
    }
}

fn answer(mut stream: TcpStream, status: &AtomicU16, came: &Mutex<Vec<Came>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head: Vec<(String, String)> = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            head.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let header = |wanted: &str| {
        let found = head.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    came.lock().unwrap().push(Came {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: String::from_utf8(body).unwrap(),
    });
    let status = status.load(Ordering::SeqCst);
    let answer =
        format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes());
}

fn told_by(setup: Setup, hook: &Hook) -> Setup {
    setup
        .set("server.egress_allow", vec!["127.0.0.0/8"])
        .set("realm.flotac.notices.webhook.url", hook.url())
        .set("realm.flotac.notices.webhook.secret", "file:hook.secret")
}

fn begin(setup: Setup) -> App {
    let mut app = setup.prepare();
    app.write("hook.secret", SECRET);
    app.start();
    furnish(&app);
    app
}

fn expiring(app: &App, company: &str, name: &str, days: &str) {
    let further = [
        "--environment",
        "live",
        "--scope",
        "customers:read",
        "--name",
        name,
        "--expires",
        days,
    ];
    let _ = app.token("key", &format!("tenant:{company}"), &further);
}

/// How often a job was done.
fn runs(app: &App, job: &str) -> u64 {
    let metrics = Request::new(app.ops(), "GET", "/metrics").send().text();
    let start = format!("doorward_job_runs_total{{job=\"{job}\",outcome=\"done\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |count| count.parse().unwrap())
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY)
}

/// Verified by a library that knows nothing of us: 1 if it is ours.
fn verified(came: &Came) -> String {
    let program = format!(
        "import base64, hashlib, hmac, json\nsecret = base64.b64decode('{secret}'.removeprefix('whsec_'))\nsigned = json.loads({signed:?})\nexpected = base64.b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).decode()\nprint(int('v1,' + expected == '{signature}'))\n",
        secret = SECRET,
        signed = json!(format!("{}.{}.{}", came.id, came.timestamp, came.body)).to_string(),
        signature = came.signature,
    );
    script::python(&program).success().stdout.trim().to_owned()
}

#[test]
fn fl_48_a_company_is_told_once_by_a_signed_webhook_and_by_mail() {
    let hook = Hook::start();
    let mut app = begin(
        told_by(flotac(site!()), &hook)
            .set("server.mail.url", "folder:mail")
            .set("server.mail.from", "Flotac <door@flotac.example>")
            .with_clock(),
    );
    let _ = Person::make_in(
        &app,
        ACME,
        "boss@acme.example",
        &["platform.users.service-accounts.access-tokens.edit"],
    );
    let _ = Person::make_in(&app, ACME, "ann@acme.example", &["customers:read"]);
    expiring(&app, ACME, "billing", "40d");
    expiring(&app, ACME, "export", "17d");
    expiring(&app, GLOBEX, "weather", "40d");
    let keys = |keys: &[(&str, u64)]| {
        let keys = keys.iter().map(|(name, days)| ((*name).to_owned(), *days));
        keys.collect::<Vec<_>>()
    };
    let mut count = 0;
    for (day, expected) in [
        (
            11,
            vec![
                (ACME.to_owned(), keys(&[("billing", 30), ("export", 7)])),
                (GLOBEX.to_owned(), keys(&[("weather", 30)])),
            ],
        ),
        (16, vec![(ACME.to_owned(), keys(&[("export", 1)]))]),
        (
            34,
            vec![
                (ACME.to_owned(), keys(&[("billing", 7)])),
                (GLOBEX.to_owned(), keys(&[("weather", 7)])),
            ],
        ),
    ] {
        app.pass(days(day));
        // A process that starts looks soon.
        app.start();
        let came = hook.until(count + expected.len());
        let mut told: Vec<_> = came[count..].iter().map(Came::told).collect();
        told.sort_unstable();
        assert_eq!(told, expected, "day {day}");
        count += expected.len();
        let letter = app.next_mail("boss@acme.example");
        assert!(letter.contains("expire"), "{letter}");
    }
    // The process looks again and again, and tells nobody twice.
    let looked = runs(&app, "notices");
    wait::until("another look", 2 * PATIENCE, || {
        (runs(&app, "notices") > looked).then_some(())
    });
    let came = hook.seen();
    assert_eq!(came.len(), count);
    for one in &came {
        assert_eq!(verified(one), "1", "{one:?}");
    }
    let said = came[0].said();
    let key = &said["data"]["tokens"][0];
    assert_eq!(said["type"], "api_token.expiring");
    assert_eq!(said["data"]["realm"], "flotac");
    for member in ["id", "kind", "expires_at", "created_at", "environment"] {
        assert!(key[member].is_string(), "{member} in {said}");
    }
    let folder = app.config_path().with_file_name("mail");
    let letters = std::fs::read_dir(folder).unwrap().flatten();
    let texts = letters.map(|file| std::fs::read_to_string(file.path()).unwrap());
    let to_ann = texts.filter(|text| text.contains("ann@acme.example"));
    assert_eq!(to_ann.count(), 0);
}

/// A target that is down is tried again by the clock, under the same id; meanwhile everything
/// else goes on.
#[test]
fn fl_48_a_webhook_that_is_down_gets_it_later_and_holds_up_nothing() {
    let hook = Hook::start();
    hook.status.store(503, Ordering::SeqCst);
    let mut app = begin(told_by(flotac(site!()), &hook).with_clock());
    expiring(&app, ACME, "billing", "40d");
    let begun = days(11);
    app.pass(begun);
    app.start();
    let first = hook.until(1).remove(0);
    let key = crate::furnished::key(&app, ACME, &["customers:read"]);
    crate::furnished::customers(&app, &key).send().expect(200);
    // Its pause is not over by the clock, however often the process looks.
    let looked = runs(&app, "webhooks");
    wait::until("another look", PATIENCE, || {
        (runs(&app, "webhooks") > looked + 1).then_some(())
    });
    let early = hook.seen().len();
    hook.status.store(200, Ordering::SeqCst);
    app.pass(begun + Duration::from_secs(3600));
    let came = hook.until(early + 1);
    let last = came.last().unwrap();
    assert_eq!((&last.id, &last.body), (&first.id, &first.body));
    assert_ne!(last.timestamp, first.timestamp);
    assert_eq!(verified(last), "1");
    let looked = runs(&app, "webhooks");
    wait::until("another look", PATIENCE, || {
        (runs(&app, "webhooks") > looked + 1).then_some(())
    });
    assert_eq!(hook.seen().len(), early + 1);
}

#[test]
fn fl_48_of_two_nodes_one_tells() {
    if engine() != Engine::Postgres {
        return;
    }
    let hook = Hook::start();
    let mut cluster = told_by(flotac(site!()), &hook)
        .with_clock()
        .cluster(2, Cable::Direct);
    for node in cluster.nodes() {
        node.write("hook.secret", SECRET);
    }
    cluster.start();
    furnish(cluster.node(0));
    for n in 0..3 {
        expiring(cluster.node(0), ACME, &format!("key {n}"), "40d");
    }
    for number in 0..2 {
        cluster.node(number).pass(days(11));
        cluster.node_mut(number).start();
    }
    let came = hook.until(1);
    assert_eq!(came[0].told().1.len(), 3);
    let looked = |job: &str| -> u64 { cluster.nodes().iter().map(|node| runs(node, job)).sum() };
    let (notices, webhooks) = (looked("notices"), looked("webhooks"));
    wait::until("more looks of both", 2 * PATIENCE, || {
        let more = looked("notices") > notices + 1 && looked("webhooks") > webhooks + 3;
        more.then_some(())
    });
    assert_eq!(hook.seen().len(), 1);
}

/// Where no mail is sent and no webhook is named, nobody is told; what is named is checked.
#[test]
fn fl_48_a_webhook_leads_nowhere_that_requests_of_ours_may_not() {
    let site = site!();
    let check = |name: &str, url: &str, secret: &str| {
        let setup = flotac_over_tls(&format!("{site}_{name}"))
            .set("realm.flotac.notices.webhook.url", url)
            .set("realm.flotac.notices.webhook.secret", "file:hook.secret");
        let app = setup.prepare();
        app.write("hook.secret", secret);
        app.run(&["check"], &[])
    };
    let _ = check("good", "https://hooks.example.com/doorward", SECRET).success();
    for (name, url, secret, why) in [
        (
            "plain",
            "http://hooks.example.com/x",
            SECRET,
            "plain http goes to this machine alone",
        ),
        ("private", "https://10.0.0.1/x", SECRET, "egress_allow"),
        (
            "metadata",
            "https://169.254.169.254/x",
            SECRET,
            "egress_allow",
        ),
        ("local", "http://127.0.0.1:9/x", SECRET, "egress_allow"),
        (
            "short",
            "https://hooks.example.com/x",
            "whsec_c2hvcnQ=",
            "whsec_",
        ),
        (
            "bare",
            "https://hooks.example.com/x",
            "hunter2hunter2hunter2hunter2",
            "whsec_",
        ),
    ] {
        let refused = check(name, url, secret).exit(2);
        assert!(refused.stderr.contains(why), "{name}: {}", refused.stderr);
        assert!(!refused.stderr.contains(secret), "{}", refused.stderr);
    }
}
