//! The provider's keys: row 05, their rotation, its outages, and documents that are none.

use crate::provider::{ANN, Provider, call, explained, invalid, refusal, told};
use doorward_testkit::{App, Request, Setup, site, wait};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FOIA: &str = "/api/foia/requests";

fn status(app: &App, token: &str) -> u16 {
    call(app, "GET", FOIA, token).status
}

/// Waits until the keys were fetched for the first time.
fn until_known(app: &App, token: &str) {
    let request = app.request("GET", FOIA).bearer(token);
    let _ = app.until_status(&request, 200);
}

/// J46: names of keys can be made up without number.
#[test]
fn j_46_made_up_key_ids_are_no_way_to_the_issuer() {
    let provider = Provider::start(site!());
    let app = provider.realm(site!()).start();
    until_known(&app, &provider.token(&json!({})));
    let before = provider.fetches();
    let token = provider.sign(&json!({
        "header": {"alg": "RS256", "typ": "JWT", "kid": "nobody"}, "claims": provider.claims(),
    }));
    let began = std::time::Instant::now();
    for _ in 0..3000 {
        assert_eq!(status(&app, &token), 401);
    }
    let cooldowns = began.elapsed().as_secs() / 30 + 1;
    assert!(provider.fetches() - before <= cooldowns);
}

#[test]
fn ho_05_a_flood_of_unknown_key_ids_costs_one_fetch() {
    let provider = Provider::start(site!());
    let app = provider.realm(site!()).start();
    until_known(&app, &provider.token(&json!({})));
    let before = provider.fetches();
    let claims = provider.claims();
    let body = {
        // Signed once: what each names is what counts.
        let token = provider.sign(&json!({"claims": claims}));
        token.split_once('.').unwrap().1.to_owned()
    };
    let header = |kid: usize| {
        let asked = json!({"header": {"alg": "RS256", "typ": "JWT", "kid": format!("made-up-{kid}")}, "claims": {}});
        let token = provider.sign(&asked);
        token.split_once('.').unwrap().0.to_owned()
    };
    let headers: Vec<String> = (0..1000).map(header).collect();
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for part in headers.chunks(250) {
            let (app, body) = (&app, &body);
            scope.spawn(move || {
                for header in part {
                    let answer = call(app, "GET", FOIA, &format!("{header}.{body}"));
                    assert_eq!(told(&answer), invalid());
                }
            });
        }
    });
    let cooldowns = began.elapsed().as_secs() / 30 + 1;
    let fetched = provider.fetches() - before;
    assert!(fetched <= cooldowns, "{fetched} fetches");
    let answer = call(&app, "GET", FOIA, &format!("{}.{body}", headers[0]));
    let trace = explained(&app, &answer);
    assert_eq!(trace["check"], "kid_unknown");
    assert_eq!(trace["held"], json!(["made-up-0"]));
    let place = format!("a key of {}", provider.jwks_url());
    assert_eq!(trace["required"], json!([place]));
    // Who has a known key is served all along.
    assert_eq!(status(&app, &provider.token(&json!({}))), 200);
}

/// A2, 3: the new key is taken without a restart; the old one goes on while it is published,
/// and opens nothing once it is not, also a token that was verified before.
#[test]
fn j_44_a_rotated_key_is_taken_without_a_restart_and_a_withdrawn_one_leaves_the_cache() {
    let provider = Provider::start(site!());
    let app = provider.realm(site!()).start();
    let old = provider.token(&json!({}));
    until_known(&app, &old);
    provider.publish(&["k2", "k1"]);
    let claims = provider.claims();
    let new = provider.sign(&json!({"claims": claims, "by": "k2"}));
    // The first fetch was a moment ago: the new key is looked for when the cooldown is over.
    let request = app.request("GET", FOIA).bearer(&new);
    wait::until("the new key", Duration::from_secs(45), || {
        (request.send().status == 200).then_some(())
    });
    assert_eq!(status(&app, &old), 200, "both are published");
    provider.publish(&["k2"]);
    let next = provider.sign(&json!({"claims": claims, "by": "k3"}));
    let old_request = app.request("GET", FOIA).bearer(&old);
    // A name that is not known makes it look again, and what is not there any more is gone.
    wait::until(
        "the old key to be forgotten",
        Duration::from_secs(45),
        || {
            let _ = call(&app, "GET", FOIA, &next).expect(401);
            (old_request.send().status == 401).then_some(())
        },
    );
    assert_eq!(status(&app, &new), 200);
}

/// A2: an hour without the provider, and nobody notices.
#[test]
fn an_outage_of_an_hour_fails_no_request() {
    let mut provider = Provider::start(site!());
    let app = provider.realm(site!()).with_clock().start();
    let tokens: Vec<String> = (0..60)
        .map(|n| {
            let exp = crate::provider::now() + 7200;
            provider.token(&json!({"sub": format!("auth0|{n}"), "exp": exp}))
        })
        .collect();
    until_known(&app, &tokens[0]);
    provider.stop();
    let mut failures = 0;
    for (minute, token) in tokens.iter().enumerate() {
        app.pass(Duration::from_secs(60 * u64::try_from(minute).unwrap()));
        // One that was never seen, and one that was.
        failures += usize::from(status(&app, token) != 200);
        failures += usize::from(status(&app, &tokens[0]) != 200);
    }
    assert_eq!(failures, 0);
}

#[test]
fn without_any_keys_it_is_503_and_recovers_by_itself() {
    let mut provider = Provider::start(site!());
    let token = provider.token(&json!({}));
    provider.stop();
    let began = std::time::Instant::now();
    let app = provider.realm(site!()).start();
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "the start waits for nobody"
    );
    app.until_ready();
    let answer = call(&app, "GET", FOIA, &token);
    assert_eq!(told(&answer), refusal(503, "SERVICE_UNAVAILABLE"));
    assert!(answer.header("retry-after").is_some());
    let trace = explained(&app, &answer);
    assert_eq!(
        (&trace["code"], &trace["check"]),
        (&json!("keys_unavailable"), &json!("keys"))
    );
    // Public and other answers go on.
    assert_eq!(app.get("/healthz").status, 200);
    assert_eq!(app.get(FOIA).status, 401);
    // It comes back with other keys, as after a loss of its disk.
    provider.up();
    let token = provider.token(&json!({}));
    let request = app.request("GET", FOIA).bearer(&token);
    wait::until(
        "the provider's return to be noticed",
        Duration::from_secs(10),
        || (request.send().status == 200).then_some(()),
    );
}

/// By discovery, for whoever does not know where the keys are.
#[test]
fn keys_are_found_by_discovery() {
    let provider = Provider::start(site!());
    let url = format!("{}.well-known/openid-configuration", provider.issuer());
    let discovered = |site: &str, issuer: Option<&str>| {
        let issuer = issuer.map(str::to_owned);
        provider.realm(site).edit(|config| {
            let external = config["realm"]["theholefoundation"]["issuers"][0].as_table_mut();
            let external = external.unwrap();
            external.remove("jwks_url");
            external.insert("discovery_url".to_owned(), url.clone().into());
            if let Some(issuer) = issuer {
                external.insert("issuer".to_owned(), issuer.into());
            }
        })
    };
    let app = discovered(&format!("{}_good", site!()), None).start();
    until_known(&app, &provider.user(ANN, "read:foia"));
    // Metadata of another issuer leads nowhere.
    let bare = provider.issuer().trim_end_matches('/').to_owned();
    let app = discovered(&format!("{}_other", site!()), Some(&bare)).start();
    let token = provider.token(&json!({"iss": bare}));
    assert_eq!(
        told(&call(&app, "GET", FOIA, &token)),
        refusal(503, "SERVICE_UNAVAILABLE")
    );
}

/// Opaque tokens, where the realm asks the provider about them (RFC 7662).
#[test]
fn an_opaque_token_is_asked_about_where_the_realm_says_so() {
    let provider = Provider::start(site!());
    let secret = provider.secret();
    let url = format!("{}oauth/introspect", provider.issuer());
    let app = provider.realm(site!()).edit(|config| {
        let external = config["realm"]["theholefoundation"]["issuers"][0].as_table_mut();
        let external = external.unwrap();
        let asked = toml::Table::from_iter([
            ("url".to_owned(), url.into()),
            ("client_id".to_owned(), "gate".into()),
            ("client_secret".to_owned(), "file:gate.secret".into()),
        ]);
        external.insert("introspection".to_owned(), asked.into());
        // The provider's opaque tokens are for no API: its client tells whose they are.
        external.insert("audiences".to_owned(), toml::Value::Array(vec![]));
        let ours = toml::Table::from_iter([("client_id".to_owned(), "web".into())]);
        external.insert("require".to_owned(), ours.into());
        let claims = toml::Table::from_iter([("scope".to_owned(), "scope".into())]);
        external.insert("claims".to_owned(), claims.into());
        let route = config["realm"]["theholefoundation"]["route"][0]
            .as_table_mut()
            .unwrap();
        route["scopes"] = toml::Value::from(vec!["profile"]);
    });
    let mut app = app.prepare();
    // Not among what the test leaves behind: that is searched for secrets.
    let file = app.key_path().with_file_name("gate.secret");
    std::fs::write(&file, &secret).unwrap();
    app.reconfigure(|config| {
        let external = &mut config["realm"]["theholefoundation"]["issuers"][0];
        external["introspection"]["client_secret"] = format!("file:{}", file.display()).into();
    });
    app.start();
    let opaque = provider.login(ANN, None, "");
    let opaque = opaque["access_token"].as_str().unwrap().to_owned();
    let path = "/api/vector-search/query";
    let answer = call(&app, "GET", path, &opaque);
    let _ = answer.expect(200);
    // Its scopes are the provider's word too.
    assert_eq!(call(&app, "GET", FOIA, &opaque).status, 403);
    let made_up = call(&app, "GET", path, "Mv9_6pdt3pVTwMyMQnk1ZqDUpn7sZ2sL");
    assert_eq!(told(&made_up), invalid());
    assert_eq!(explained(&app, &made_up)["check"], "inactive");
}

/// What a hostile or broken issuer publishes, one after the other.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Body(&'static str, String),
    Status(u16),
    Redirect(SocketAddr),
    /// A head, and then nothing.
    Slow,
    Drip,
    Huge,
    Garbage,
}

/// A server that says one thing at a time.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) addr: SocketAddr,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    pub(crate) fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::new(AtomicUsize::new(0)));
        let (told, count) = (Arc::clone(&says), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let says = told.lock().unwrap().clone();
                std::thread::spawn(move || drop(publish(stream, &says)));
            }
        });
        Self { addr, says, asked }
    }

    fn now_says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn publish(mut stream: TcpStream, says: &Says) -> std::io::Result<()> {
    let mut part = [0_u8; 4096];
    let _ = stream.read(&mut part)?;
    let head = |kind: &str, length: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
    };
    match says {
        Says::Body(kind, body) => {
            stream.write_all(head(kind, body.len()).as_bytes())?;
            stream.write_all(body.as_bytes())
        }
        Says::Status(status) => {
            let head = format!("HTTP/1.1 {status} Oh\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        Says::Redirect(to) => {
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://{to}/jwks\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(head.as_bytes())
        }
        Says::Slow => {
            stream.write_all(head("application/json", 1000).as_bytes())?;
            let _ = stream.read(&mut part)?;
            Ok(())
        }
        Says::Drip => {
            stream.write_all(head("application/json", 100_000).as_bytes())?;
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
            for _ in 0..100 {
                stream.write_all(b" ")?;
                let _ = stream.read(&mut part);
            }
            Ok(())
        }
        Says::Huge => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"keys\":[",
            )?;
            for _ in 0..4096 {
                stream.write_all(&[b' '; 4096])?;
            }
            Ok(())
        }
        Says::Garbage => stream.write_all(b"\x16\x03\x01 no HTTP at all\n"),
    }
}

pub(crate) fn published_by(setup: Setup, publisher: &Publisher) -> Setup {
    let url = format!("http://{}/jwks", publisher.addr);
    setup.edit(|config| {
        let external = &mut config["realm"]["theholefoundation"]["issuers"][0];
        external["jwks_url"] = url.into();
    })
}

/// The provider's keys as it publishes them.
pub(crate) fn jwks(provider: &Provider) -> Value {
    let addr: SocketAddr = provider.issuer()["http://".len()..]
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let answer = Request::new(addr, "GET", "/.well-known/jwks.json").send();
    answer.expect(200).json()
}

/// Good keys among others are used, and those that are none are said in the log.
#[test]
fn j_20_good_keys_are_used_and_weak_and_unknown_ones_are_reported() {
    let provider = Provider::start(site!());
    let mut set = jwks(&provider);
    let good = set["keys"][0].clone();
    let with = |changes: Value| {
        let mut key = good.clone();
        key.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        key
    };
    let others = [
        json!({"kty": "OKP", "crv": "X448", "x": "AAAA", "kid": "x448"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "pq"}),
        json!({"kty": "future", "kid": "future"}),
        json!({"kid": "nothing"}),
        with(json!({"kid": "enc", "use": "enc"})),
        with(json!({"kid": "ops", "key_ops": ["encrypt"]})),
        with(json!({"kid": "oaep", "alg": "RSA-OAEP"})),
        with(json!({"kid": "weak", "n": "AQAB"})),
        with(json!({"kid": "exponent", "e": "AQ"})),
        json!("no object"),
    ];
    set["keys"]
        .as_array_mut()
        .unwrap()
        .splice(0..0, others.iter().take(5).cloned());
    set["keys"]
        .as_array_mut()
        .unwrap()
        .extend(others.iter().skip(5).cloned());
    let publisher = Publisher::start(Says::Body("application/json", set.to_string()));
    let app = published_by(provider.realm(site!()), &publisher).start();
    until_known(&app, &provider.token(&json!({})));
    for kid in ["enc", "ops", "oaep", "weak", "exponent", "future"] {
        let claims = provider.claims();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid});
        let token = provider.sign(&json!({"header": header, "claims": claims}));
        assert_eq!(told(&call(&app, "GET", FOIA, &token)), invalid(), "{kid}");
    }
    let log = std::fs::read_to_string(app.artifacts().path("server.log")).unwrap();
    assert!(
        log.contains("an issuer publishes keys that are not used"),
        "{log}"
    );
    for named in ["x448", "pq", "key_type_unsupported", "key_use"] {
        assert!(log.contains(named), "{named}");
    }
}

/// Whatever comes instead of keys, the last good ones serve and nothing waits for long.
#[test]
fn j_10_documents_that_are_no_key_sets_change_nothing() {
    let provider = Provider::start(site!());
    let elsewhere = Publisher::start(Says::Body("application/json", jwks(&provider).to_string()));
    let mut duplicate = jwks(&provider);
    let key = duplicate["keys"][0].clone();
    duplicate["keys"].as_array_mut().unwrap().push(key.clone());
    let mut private = jwks(&provider);
    private["keys"][0]["d"] = "AQAB".into();
    let mixed = json!({"keys": [key.clone(), {"kty": "oct", "k": "AAAA"}]});
    let many = json!({"keys": vec![key; 101]});
    let bodies = [
        (
            "text/html",
            "<html><title>Sign in</title></html>".to_owned(),
        ),
        ("application/json", "{\"keys\":".to_owned()),
        ("application/json", "{}".to_owned()),
        ("application/json", "{\"keys\":{}}".to_owned()),
        ("application/json", "{\"keys\":[]}".to_owned()),
        (
            "application/json",
            format!("{{\"keys\":[],\"keys\":{}}}", jwks(&provider)["keys"]),
        ),
        ("application/json", format!("{}x", jwks(&provider))),
        ("application/json", duplicate.to_string()),
        ("application/json", private.to_string()),
        ("application/json", mixed.to_string()),
        ("application/json", many.to_string()),
        (
            "application/json",
            format!("{{\"keys\":{}}}", "[".repeat(10_000)),
        ),
    ];
    let all = bodies
        .into_iter()
        .map(|(kind, body)| Says::Body(kind, body));
    let all = all.chain([
        Says::Status(500),
        Says::Status(404),
        Says::Redirect(elsewhere.addr),
        Says::Huge,
        Says::Garbage,
        Says::Slow,
        Says::Drip,
    ]);
    let publisher = Publisher::start(Says::Status(500));
    let app = published_by(provider.realm(site!()), &publisher).start();
    let token = provider.token(&json!({}));
    // While none was ever loaded it is asked again every few seconds: each of these is met.
    for says in all {
        publisher.now_says(says.clone());
        let before = publisher.asked();
        wait::until("another attempt", Duration::from_secs(20), || {
            let began = std::time::Instant::now();
            let answer = call(&app, "GET", FOIA, &token);
            assert_eq!(answer.status, 503, "{says:?}");
            assert!(began.elapsed() < Duration::from_secs(8), "{says:?}");
            (publisher.asked() > before).then_some(())
        });
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect is not followed");
    publisher.now_says(Says::Body("application/json", jwks(&provider).to_string()));
    let request = app.request("GET", FOIA).bearer(&token);
    wait::until("the good keys", Duration::from_secs(20), || {
        (request.send().status == 200).then_some(())
    });
    // Now there are keys: a document that never ends holds up nobody who has one.
    publisher.now_says(Says::Slow);
    let claims = provider.claims();
    let unknown = provider
        .sign(&json!({"header": {"alg": "RS256", "typ": "JWT", "kid": "x"}, "claims": claims}));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(status(&app, &unknown), 401));
        for n in 0..20 {
            let other = provider.token(&json!({"sub": format!("auth0|{n}")}));
            let began = std::time::Instant::now();
            assert_eq!(status(&app, &other), 200);
            assert!(began.elapsed() < Duration::from_secs(3));
        }
    });
}

/// What becomes of a good token where its issuer publishes this set.
fn judged_by(site: &str, set: &Value, provider: &Provider) -> u16 {
    let publisher = Publisher::start(Says::Body("application/json", set.to_string()));
    let app = published_by(provider.realm(site), &publisher).start();
    let token = provider.token(&json!({}));
    let first = status(&app, &token);
    // Whatever it is, it does not change by asking once more.
    wait::until(
        "a second attempt or an answer",
        Duration::from_secs(20),
        || {
            let known = status(&app, &token) != 503 || publisher.asked() > 1;
            known.then_some(())
        },
    );
    let second = status(&app, &token);
    assert!(first == second || first == 503, "{first} {second}");
    second
}

#[test]
fn j_22_a_point_off_its_curve_is_no_key() {
    let provider = Provider::start(site!());
    let mut set = jwks(&provider);
    let point = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    for (crv, alg) in [("P-256", "ES256"), ("P-384", "ES256"), ("P-256", "ES384")] {
        let off = json!({"kty": "EC", "crv": crv, "alg": alg, "x": point, "y": point, "kid": format!("{crv}{alg}")});
        set["keys"].as_array_mut().unwrap().push(off);
    }
    assert_eq!(
        judged_by(site!(), &set, &provider),
        200,
        "the good one is used"
    );
}

#[test]
fn j_23_a_set_with_a_private_or_a_shared_key_is_no_set() {
    let provider = Provider::start(site!());
    let good = jwks(&provider)["keys"][0].clone();
    let mut private = good.clone();
    private["d"] = "AQAB".into();
    private["kid"] = "other".into();
    let shared =
        json!({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ", "kid": "hmac"});
    for (name, other) in [("private", private), ("shared", shared)] {
        let set = json!({"keys": [good, other]});
        let site = format!("{}_{name}", site!());
        assert_eq!(judged_by(&site, &set, &provider), 503, "{name}");
    }
}

#[test]
fn j_24_a_key_for_something_else_verifies_nothing() {
    let provider = Provider::start(site!());
    for (name, change) in [
        ("use", json!({"use": "enc"})),
        ("ops", json!({"key_ops": ["encrypt"]})),
        ("twice", json!({"key_ops": ["verify", "verify"]})),
    ] {
        let mut set = jwks(&provider);
        let key = set["keys"][0].as_object_mut().unwrap();
        key.extend(change.as_object().unwrap().clone());
        let site = format!("{}_{name}", site!());
        assert_eq!(
            judged_by(&site, &set, &provider),
            503,
            "no key is left: {name}"
        );
    }
}
