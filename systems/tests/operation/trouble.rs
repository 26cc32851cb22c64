//! A store that cannot write, or that another process has.

use crate::{CATALOGUE, ROBOT, robot, witboost};
use doorward_testkit::service::Held;
use doorward_testkit::{App, Engine, Request, engine, site, wait};
use serde_json::json;
use std::process::Command;

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
