//! kill -9 under load: what was acknowledged is there afterwards, and what was revoked
//! stays dead. The client notes each acknowledgement before it takes the next step.
#![cfg(test)]

use doorward_testkit::{App, Engine, Person, Request, Setup, site};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, mpsc};

const ADA: &str = "ada@example.com";
const ROUNDS: u32 = 50;
const CLIENTS: usize = 4;

/// What the client knows of one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// Its creation was acknowledged.
    Made,
    /// A revocation was sent; nothing is known of its end.
    Doomed,
    /// Its revocation was acknowledged.
    Revoked,
}

/// The client's own book, by token id: the last thing known, and the secret.
#[derive(Default)]
struct Book {
    tokens: Mutex<BTreeMap<String, (Known, String)>>,
    exchanges: Mutex<usize>,
}

impl Book {
    fn note(&self, id: &str, known: Known, secret: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(id.to_owned(), (known, secret.to_owned()));
    }
}

#[test]
fn no_acknowledged_write_is_lost_and_no_revoked_token_revived() {
    let mut app = Setup::new(site!(), doorward_systems::WITBOOST)
        .set("realm.witboost.api_tokens.access.max_active", 100_000)
        .set("realm.witboost.api_tokens.access.max_hourly", 100_000)
        .prepare();
    let ada = Person::make(&app, ADA, &[]);
    let book = Book::default();
    for round in 0..ROUNDS {
        app.start();
        // From the second round on the server starts on what the last kill left.
        check_sample(&app, &book);
        let session = ada.sign_in(&app).token().to_owned();
        load_and_kill(&mut app, &session, &book, 5 + round as usize % 7 * 4);
        check_all(&app, &book, round);
    }
    check_integrity(&app);
    check_record(&app, &book);
}

/// Runs clients until so many acknowledgements were seen, then kills the server in the
/// middle of whatever they are doing.
fn load_and_kill(app: &mut App, session: &str, book: &Book, acknowledgements: usize) {
    let addr = app.addr();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let tell = tell.clone();
            let (app, session) = (app.artifacts(), session.to_owned());
            scope.spawn(move || {
                // Ends with the server: the first request that fails.
                let _ = client(addr, &session, book, &tell, app);
            });
        }
        for _ in 0..acknowledgements {
            told.recv_timeout(doorward_testkit::wait::PATIENCE).unwrap();
        }
        kill(app.server().pid());
    });
    app.kill();
}

fn kill(pid: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// Makes a token, exchanges it, revokes every second one, and again.
fn client(
    addr: std::net::SocketAddr,
    session: &str,
    book: &Book,
    tell: &mpsc::Sender<()>,
    artifacts: &doorward_testkit::Artifacts,
) -> Option<()> {
    for number in 0.. {
        let make = Request::new(addr, "POST", "/me/v1/tokens").bearer(session);
        let made = make.json(&json!({})).try_send().ok()?;
        assert_eq!(made.status, 201, "{}", made.text());
        let (id, secret) = (
            doorward_testkit::id_of(&made),
            doorward_testkit::secret_of(&made),
        );
        artifacts.remember(&secret);
        book.note(&id, Known::Made, &secret);
        tell.send(()).ok()?;

        let exchange = Request::new(addr, "POST", doorward_testkit::EXCHANGE);
        let exchanged = exchange
            .json(&json!({"access_token": secret}))
            .try_send()
            .ok()?;
        assert_eq!(exchanged.status, 200, "{}", exchanged.text());
        *book
            .exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        tell.send(()).ok()?;

        if number % 2 == 0 {
            book.note(&id, Known::Doomed, &secret);
            let revoke =
                Request::new(addr, "DELETE", &format!("/me/v1/tokens/{id}")).bearer(session);
            let revoked = revoke.try_send().ok()?;
            assert!(revoked.status < 300, "{}", revoked.text());
            book.note(&id, Known::Revoked, &secret);
            tell.send(()).ok()?;
        }
    }
    None
}

/// The store, read by another process, against the book.
fn check_all(app: &App, book: &Book, round: u32) {
    let stored: BTreeMap<String, String> = app
        .tokens(ADA)
        .iter()
        .map(|token| (text(token, "id"), text(token, "state")))
        .collect();
    let tokens = book.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, (known, _)) in tokens.iter() {
        let status = stored.get(id).map(String::as_str);
        let fits = match known {
            Known::Made => status == Some("active"),
            Known::Doomed => matches!(status, Some("active" | "revoked")),
            Known::Revoked => status == Some("revoked"),
        };
        assert!(
            fits,
            "round {round}: a token known as {known:?} is {status:?}"
        );
    }
}

/// What a started server says to some tokens, dead and alive. Few, because wrong
/// credentials are counted against this address.
fn check_sample(app: &App, book: &Book) {
    let tokens = book.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    for (wanted, status) in [(Known::Revoked, 401), (Known::Made, 200)] {
        let latest = tokens
            .values()
            .rev()
            .filter(|(known, _)| *known == wanted)
            .take(10);
        for (_, secret) in latest {
            let answer = app.exchange(secret, &json!({}));
            assert_eq!(answer.status, status, "a token known as {wanted:?}");
        }
    }
}

fn check_integrity(app: &App) {
    if app.engine() == Engine::Postgres {
        app.postgres().check();
        return;
    }
    let store = rusqlite::Connection::open(app.store_path()).unwrap();
    let verdict: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let broken: i64 = store
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(broken, 0);
}

/// Every acknowledged exchange is on record: its row is of the deciding transaction.
fn check_record(app: &App, book: &Book) {
    let filter = [
        "--realm",
        "witboost",
        "--action",
        "token.exchange",
        "--limit",
        "0",
        "--json",
    ];
    let rows = app.run(&["audit"], &filter).success().json();
    let recorded = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "success")
        .count();
    let acknowledged = *book
        .exchanges
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    assert!(recorded >= acknowledged, "{recorded} of {acknowledged}");
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}
