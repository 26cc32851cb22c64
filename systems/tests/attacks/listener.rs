//! Addresses that are for one realm, or for other proxies alone: no `Host` and no path
//! leads around them.

use doorward_testkit::service::free_port;
use doorward_testkit::{App, Request, Setup, site};
use std::net::SocketAddr;

const REALMS: &str = r#"
[server]
listen = ["127.0.0.1:FIRST", "127.0.0.1:SECOND"]
trusted_proxies = ["127.0.0.1"]

[realm.acme]
hosts = ["*"]
issuer = "http://127.0.0.1:FIRST"
dialects = ["oauth"]
exchange = { path = "/exchange", token_field = "access_token", scope_field = "scope", answer_field = "jwt" }
basic = { username = "acme", modules = { some = { enabled = true } } }
api_tokens.access = { kinds = ["service"], prefix = "acme-", presentations = ["exchange", "basic"] }
route = [
    { path = "/pub/**", upstream = "builtin:echo", public = true },
    { path = "/api/**", upstream = "builtin:echo", basic = "some" },
]
"#;

/// The addresses, the second one first: it is announced last.
fn start(site: &str, acme: &str, further: &str) -> (App, SocketAddr, SocketAddr) {
    let ports = [free_port(), free_port()];
    let text = REALMS.replace("[realm.acme]", &format!("[realm.acme]\n{acme}"));
    let text = format!("{text}\n{further}")
        .replace("FIRST", &ports[0].to_string())
        .replace("SECOND", &ports[1].to_string());
    let app = Setup::new(site, &text).listen_as_configured().start();
    let [first, second] = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    (app, first, second)
}

fn status(address: SocketAddr, host: &str, path: &str) -> u16 {
    Request::new(address, "GET", path).host(host).send().status
}

/// X1: `Host: 127.0.0.1:8081` on the other port was enough.
#[test]
fn x1_a_realm_is_where_its_listeners_are() {
    let (_app, first, second) = start(
        site!(),
        "listen = [\"127.0.0.1:FIRST\"]",
        "[realm.inner]\nhosts = [\"*\"]\nlisten = [\"127.0.0.1:SECOND\"]\nissuer = \"http://inner.example\"\nroute = [{ path = \"/inner\", upstream = \"builtin:echo\", public = true }]",
    );
    for host in [
        first.to_string(),
        second.to_string(),
        "inner.example".to_owned(),
    ] {
        assert_eq!(status(first, &host, "/pub/x"), 200, "{host}");
        assert_eq!(status(second, &host, "/inner"), 200, "{host}");
        assert_eq!(status(first, &host, "/inner"), 401, "{host}");
        assert_eq!(status(second, &host, "/pub/x"), 401, "{host}");
    }
}

/// W3: the answer to Basic holds what only upstreams may see.
#[test]
fn w3_a_client_that_asks_forward_auth_learns_no_internal_token() {
    for (place, told) in [
        ("forward_auth = { path = \"/ask\" }", false),
        (
            "forward_auth = { path = \"/ask\", listen = \"127.0.0.1:SECOND\" }",
            true,
        ),
    ] {
        let (app, first, second) = start(site!(), place, "");
        app.service_account("ci@example.com", &[]);
        let token = app.token("service", "ci@example.com", &[]);
        // Behind a trusted proxy every client looks like this.
        let ask = |address: SocketAddr| {
            Request::new(address, "GET", "/ask")
                .header("X-Forwarded-Method", "GET")
                .header("X-Forwarded-Uri", "/api/x")
                .header("X-Forwarded-For", "198.51.100.7")
                .header("X-Forwarded-Proto", "https")
                .basic("acme", &token)
                .send()
        };
        let by_client = ask(first);
        let learnt = by_client.header("authorization").unwrap_or_default();
        assert_eq!(learnt, "");
        let by_proxy = ask(second);
        by_proxy.expect(200);
        let authorization = by_proxy.header("authorization").unwrap();
        assert_eq!(authorization.starts_with("Bearer "), told, "{place}");
        assert_eq!(status(first, "a.example", "/pub/x"), 200);
        assert_eq!(
            status(second, "a.example", "/pub/x"),
            if told { 421 } else { 200 }
        );
    }
}
