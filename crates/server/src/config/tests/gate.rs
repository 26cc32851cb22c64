//! What a realm tells the gate: where it is reached, from where it is called, and where its
//! routes lead.

use super::{check, read};
use crate::config::*;

/// D16: a listed origin that no browser sends would never match.
#[test]
fn origins_are_written_as_browsers_send_them() {
    let of = |origin: &str| format!("[realm.main]\ncors_origins = [{origin:?}]");
    for (written, sent) in [
        ("https://App.example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("https://app.example.com/", "https://app.example.com"),
    ] {
        let said = format!(
            "d.toml:2: realm.main.cors_origins[0]: no browser sends {written:?}; it sends {sent:?}: write that"
        );
        check(&of(written), &[&said]);
    }
    for wrong in [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/app",
    ] {
        check(&of(wrong), &["d.toml:2: realm.main.cors_origins[0]: …"]);
    }
    for right in [
        "https://app.example.com",
        "http://localhost:3000",
        "http://[::1]:3000",
    ] {
        assert!(read(&of(right)).is_ok(), "{right}");
    }
}

#[test]
fn how_an_upstream_is_recognised_must_be_something_to_go_by() {
    let route = |upstream: &str, more: &str| {
        format!("[realm.m]\n[[realm.m.route]]\npath = \"/a\"\nupstream = \"{upstream}\"\n{more}")
    };
    for (text, says) in [
        (
            route("http://a", "upstream_tls = { server_name = \"a\" }"),
            "upstream_tls: is for an https upstream",
        ),
        (
            route("https://a", "upstream_tls = { ca = \"env:KEYS\" }"),
            "upstream_tls.ca: is not in PEM form (-----BEGIN …)",
        ),
        (
            route("https://a", "upstream_tls = { ca = \"file:none.pem\" }"),
            "upstream_tls.ca: cannot read none.pem",
        ),
        (
            route("http://a", "jwt_query = \"a b\""),
            "jwt_query: \"a b\" is not a name",
        ),
        (
            route(
                "http://a",
                "jwt_query = \"t\"\ncredentials = [\"api_token\"]",
            ),
            "jwt_query: the route accepts no access token",
        ),
        (
            route(
                "http://a",
                "authorization = \"pass\"\nbasic = \"ui\"\n[realm.m.basic]\nusername = \"w\"\nmodules.ui = { enabled = false }",
            ),
            "authorization: \"pass\" leaves Authorization to the upstream",
        ),
    ] {
        let problems = read(&text).expect_err(&text);
        let shown = problems[0].to_string();
        assert!(shown.contains(says), "{text}: {shown}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

/// X1: an address that is not listened on would leave the realm unreachable.
#[test]
fn a_realm_is_bound_to_listeners_that_there_are() {
    let server = "[server]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n";
    let two = |a: &str, b: &str| {
        format!(
            "{server}[realm.a]\n{a}\nissuer = \"http://a\"\n[realm.b]\n{b}\nissuer = \"http://b\""
        )
    };
    let bound = |port: u16| format!("listen = [\"127.0.0.1:{port}\"]");
    let settings = read(&two(&bound(1), &bound(2))).unwrap().settings;
    let listeners = settings.realms[1].gate_spec(Place::default()).listeners;
    assert_eq!(listeners, ["127.0.0.1:2".parse().unwrap()]);
    check(
        &two(&bound(1), &bound(3)),
        &["d.toml:7: realm.b.listen[0]: 127.0.0.1:3 is not an address of [server] listen"],
    );
    check(&two(&bound(1), &bound(1)), &["d.toml:6: realm.b…"]);
    check(&two(&bound(1), ""), &["d.toml:6: realm.b…"]);
    check(
        &two(&bound(1), "listen = []"),
        &[
            "d.toml:6: realm.b…",
            "d.toml:7: realm.b.listen: names no address, so that no request could reach the realm",
        ],
    );
}

/// W3: an address of its own is one that nobody else comes to.
#[test]
fn forward_auth_has_an_address_of_its_own_or_none() {
    let with = |listen: &str, realm: &str, own: &str| {
        format!(
            "[server]\nlisten = [{listen}]\n[realm.m]\n{realm}\nforward_auth = {{ path = \"/f\", listen = \"{own}\" }}"
        )
    };
    let both = "\"127.0.0.1:1\", \"127.0.0.1:2\"";
    assert!(read(&with(both, "", "127.0.0.1:2")).is_ok());
    for (listen, realm) in [
        ("\"127.0.0.1:1\"", ""),
        (both, "listen = [\"127.0.0.1:1\"]"),
    ] {
        check(
            &with(listen, realm, "127.0.0.1:2"),
            &[
                "d.toml:5: realm.m.forward_auth.listen: 127.0.0.1:2 is not an address of [server] listen at which the realm answers",
            ],
        );
        check(
            &with(listen, realm, "127.0.0.1:1"),
            &["d.toml:5: realm.m.forward_auth.listen: is where clients come: …"],
        );
    }
}

#[test]
fn what_the_gate_sets_no_client_may_send() {
    check(
        "[realm.m]\nidentity.pass = [\"X-Goog-Api-Client\", \"X-Doorward-Tenant\", \"X-Forwarded-For\"]",
        &[
            "d.toml:2: realm.m.identity.pass[1]: x-doorward-tenant is set by Doorward, …",
            "d.toml:2: realm.m.identity.pass[2]: x-forwarded-for is set by Doorward, …",
        ],
    );
}

/// A route that is open to anyone and asks something of its callers is a mistake, and an
/// open door if the question was meant.
#[test]
fn a_public_route_asks_nothing_of_anybody() {
    let with = |keys: &str| {
        format!(
            "[realm.m]\n[realm.m.roles]\nr = [\"p\"]\n\
             [realm.m.api_tokens.c]\nkinds = [\"key\"]\nprefix = \"k_\"\nenvironments = [\"live\"]\npresentations = [\"bearer\"]\n\
             [[realm.m.route]]\npath = \"/a\"\nupstream = \"builtin:echo\"\n{keys}"
        )
    };
    for (key, value) in [
        ("credentials", "[\"jwt\"]"),
        ("credentials", "[]"),
        ("permissions", "[\"p\"]"),
        ("scopes", "[\"s\"]"),
        ("scopes_any", "[\"s\"]"),
        ("scopes_read", "[\"s\"]"),
        ("scopes_write", "[\"s\"]"),
        ("roles", "[\"r\"]"),
        ("tenant", "\"required\""),
        ("environments", "[\"live\"]"),
    ] {
        let asked = format!("{key} = {value}");
        let place = format!("d.toml:13: realm.m.route[0].{key}: is asked of nobody…");
        check(&with(&format!("public = true\n{asked}")), &[&place]);
        if value != "[]" {
            assert!(read(&with(&asked)).is_ok(), "{asked}");
        }
    }
    assert!(read(&with("public = true\ntenant = \"optional\"")).is_ok());
}

/// What every reader of a request understands in its own way cannot mean something else.
#[test]
fn a_header_that_means_something_already_is_given_no_other_meaning() {
    for name in [
        "Host",
        "Authorization",
        "Cookie",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
    ] {
        for (keys, place) in [
            (
                format!("role_header = \"{name}\""),
                "role_header: this header cannot select a role",
            ),
            (
                format!("tenant_header = {{ header = \"{name}\", foreign_scope = \"s\" }}"),
                "tenant_header.header: this header cannot select a tenant",
            ),
            (
                format!(
                    "identity.map = {{ {} = \"sub\" }}",
                    name.to_ascii_lowercase()
                ),
                "identity.map.LOWER: this header cannot carry a claim",
            ),
            (
                format!(
                    "api_tokens.c = {{ kinds = [\"key\"], prefix = \"k_\", presentations = [\"header:{name}\"] }}"
                ),
                "api_tokens.c.presentations[0]: …",
            ),
        ] {
            let place = place.replace("LOWER", &name.to_ascii_lowercase());
            let place = place.trim_end_matches('…');
            let place = format!("d.toml:2: realm.m.{place}…");
            check(&format!("[realm.m]\n{keys}"), &[&place]);
        }
    }
}
