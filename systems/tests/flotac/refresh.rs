//! Sessions that go on: rows 10, 11 and 44.

use crate::people::*;
use doorward_testkit::{Engine, engine, jwt::Unverified, site};
use serde_json::{Value, json};

/// Tabs, and clients of 2.107 and later, refresh without a lock.
#[test]
fn fl_11_overlapping_refreshes_end_in_one_session() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = r#"
const first = await make().auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
const token = first.data.session.refresh_token;
const tabs = Array.from({ length: 8 }, (_, at) => make(base, { storageKey: `tab${at}` }).auth);
const all = await Promise.all(tabs.map((tab) => tab.refreshSession({ refresh_token: token })));
out.errors = all.filter((one) => one.error !== null).length;
const next = all.map((one) => one.data.session.refresh_token);
out.different = new Set(next).size;
const on = await tabs[3].refreshSession();
out.on = on.error;
"#;
    let expected = json!({"errors": 0, "different": 1, "on": null});
    assert_eq!(printed(&app, rest), expected);
}

/// Sessions that were begun under HS256 go on under ES256, and so do their access tokens.
#[test]
fn fl_44_the_algorithm_changes_under_living_sessions() {
    let mut app = furnished(flotac(site!()).set("realm.flotac.limits.company.burst", 1000));
    invite(&app, "acme", EMAIL);
    let before = sign_up(&app, EMAIL, "acme");
    let alg = |session: &Value| {
        let token = Unverified::of(&text(session, "access_token"));
        token.header["alg"].clone()
    };
    assert_eq!(alg(&before), "HS256");
    app.reconfigure(|config| {
        config["realm"]["flotac"]["tokens"]["algorithm"] = "ES256".into();
    });
    app.start();
    let access = text(&before, "access_token");
    for _ in 0..200 {
        app.get_as(&access, CUSTOMERS).expect(200);
    }
    let after = remembered(&app, &refresh(&app, &text(&before, "refresh_token")));
    assert_eq!(alg(&after), "ES256");
    app.get_as(&text(&after, "access_token"), CUSTOMERS)
        .expect(200);
    app.get_as(&access, CUSTOMERS).expect(200);
    user(&app, &after).expect(200);
}

/// FL-10, and that a transient fault is never a 4xx: the client would delete its session.
#[test]
fn fl_10_a_refresh_that_fails_for_a_while_keeps_the_session() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let rest = r#"
// The first connections are reset, as by a proxy that restarts; then one answer is a 503.
const target = new URL(base);
let faults = 0;
const open = new Set();
const between = net.createServer((socket) => {
  open.add(socket);
  socket.on("error", () => {});
  const fault = faults;
  if (faults > 0) faults -= 1;
  if (fault > 1) { socket.resetAndDestroy(); return; }
  if (fault === 1) {
    socket.once("data", () => socket.end(
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    return;
  }
  const on = net.connect(Number(target.port), target.hostname);
  on.on("error", () => socket.destroy());
  socket.pipe(on).pipe(socket);
});
await new Promise((ready) => between.listen(0, "127.0.0.1", ready));
const through = `http://127.0.0.1:${between.address().port}`;
console.error = () => {};
const client = make(through);
const events = [];
client.auth.onAuthStateChange((event) => events.push(event));
const signed = await client.auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
out.signed = signed.error;
const kept = signed.data.session.refresh_token;
// No connection is left to go on with.
for (const socket of open) socket.resetAndDestroy();
faults = 3;
const next = await client.auth.refreshSession({ refresh_token: kept });
out.next = [next.error, typeof next.data.session?.access_token];
out.left = faults;
out.out = events.includes("SIGNED_OUT");
"#;
    assert_eq!(
        printed(&app, rest),
        json!({"signed": null, "next": [null, "string"], "left": 0, "out": false})
    );
}

/// What the store cannot do now is 503 with `Retry-After`, and the same token works after it.
#[test]
fn fl_11_a_refresh_waits_for_the_store() {
    let app = furnished(flotac(site!()));
    invite(&app, "acme", EMAIL);
    let session = sign_up(&app, EMAIL, "acme");
    // PostgreSQL's own faults: `standing` and `nodes`.
    if engine() != Engine::Sqlite {
        return;
    }
    let lock = rusqlite::Connection::open(app.store_path()).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let token = text(&session, "refresh_token");
    let waiting = refresh(&app, &token);
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(told(&waiting), refusal(503, "unexpected_failure"));
    assert!(waiting.header("retry-after").is_some());
    let _ = remembered(&app, &refresh(&app, &token));
}

/// As often as the product takes, and told as the product tells it.
#[test]
fn fl_11_a_session_is_refreshed_so_often_and_no_more() {
    let app = furnished(flotac(site!()).set("realm.flotac.sessions.refresh_rate", "3/5m"));
    invite(&app, "acme", EMAIL);
    let _ = sign_up(&app, EMAIL, "acme");
    let mut token = text(&sign_in(&app, EMAIL), "refresh_token");
    for _ in 0..3 {
        let next = remembered(&app, &refresh(&app, &token));
        token = text(&next, "refresh_token");
    }
    let refused = refresh(&app, &token);
    assert_eq!(told(&refused), refusal(429, "over_request_rate_limit"));
    assert!(refused.header("retry-after").is_some());
    // The limit is the session's.
    let other = sign_in(&app, EMAIL);
    let _ = remembered(&app, &refresh(&app, &text(&other, "refresh_token")));
}
