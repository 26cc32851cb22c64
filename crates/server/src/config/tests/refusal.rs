//! What is said of a text that is no configuration, whatever it is.

use super::{check, read};
use crate::config::*;
use proptest::prelude::*;

#[test]
fn syntax_has_a_line() {
    check(
        "[realm.main]\nhosts = [\"a\"\nissuer = 1",
        &["d.toml:3: not valid TOML: …"],
    );
    check(
        "[realm.main]\n[realm.main]",
        &["d.toml:2: not valid TOML: …"],
    );
}

#[test]
fn unknown_keys_name_the_nearest() {
    check(
        "[server]\nlisen = [\"127.0.0.1:1\"]\n[realm.main]\n[realm.main.tokens]\naccess_tll = \"5m\"\n[sever]",
        &[
            "d.toml:2: server.lisen: unknown key \"lisen\"; did you mean \"listen\"? Known: answer_idle, body_idle, …",
            "d.toml:5: realm.main.tokens.access_tll: unknown key \"access_tll\"; did you mean \"access_ttl\"? Known: access_ttl, algorithm, audiences, claims, default_scopes, max_ttl, revocation, streams_at_exp, typ",
            "d.toml:6: sever: unknown key \"sever\"; did you mean \"server\"? Known: realm, server",
        ],
    );
    check(
        "[[realm.main.route]]\npath = \"/a\"\nupstream = \"builtin:echo\"\n[[realm.main.route]]\npath = \"/b\"\nupstream = \"builtin:echo\"\nscope = [\"x\"]",
        &["d.toml:7: realm.main.route[1].scope: unknown key \"scope\"; did you mean \"scopes\"? …"],
    );
}

#[test]
fn wrong_types_and_values_are_all_found() {
    check(
        "[server]\nlisten = \"127.0.0.1:80\"\nmax_connections = -1\nheader_timeout = 15\nmax_body = \"1MB\"\n[realm.main]\nrequire_https = \"rejct\"\npath = 1\ntokens = 7",
        &[
            "d.toml:2: server.listen: expected a list such as [\"…\"], found text",
            "d.toml:3: server.max_connections: expected a whole number in range, found -1",
            "d.toml:4: server.header_timeout: a plain number has no unit; write \"15s\" (a duration such as \"15m\" (ms, s, m, h or d))",
            "d.toml:5: server.max_body: \"1MB\" is not a size such as \"1MiB\" (B, KiB, MiB or GiB)",
            "d.toml:7: realm.main.require_https: unknown value \"rejct\"; did you mean \"reject\"? Known: off, redirect, reject",
            "d.toml:8: realm.main.path: unknown key \"path\". Known: …",
            "d.toml:9: realm.main.tokens: expected a table, found a number",
        ],
    );
    check(
        "[realm.main]\nhosts = [\"a\", 5, \"b\", true]\nissuer = \"api.example.com\"\nconsole.admin = \"yes\"\n[realm.Main]",
        &[
            "d.toml:2: realm.main.hosts[1]: …",
            "d.toml:2: realm.main.hosts[3]: …",
            "d.toml:3: realm.main.issuer: \"api.example.com\" is not an address such as \"https://api.example.com\"",
            "d.toml:4: realm.main.console.admin: expected true or false, found text",
            "d.toml:5: realm.Main: a realm's name must be 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit",
        ],
    );
}

#[test]
fn a_missing_key_is_named_where_its_table_begins() {
    check(
        "[realm.main]\n[[realm.main.route]]\nupstream = \"builtin:echo\"",
        &["d.toml:2: realm.main.route[0]: the key \"path\" is missing"],
    );
    // A key that is there but wrong is one problem, not two.
    check(
        "[[realm.main.route]]\npath = 5\nupstream = \"builtin:echo\"",
        &["d.toml:2: realm.main.route[0].path: …"],
    );
}

#[test]
fn what_this_build_lacks_is_said() {
    check(
        "[realm.main]\ndialects = [\"supabse\"]",
        &[
            "d.toml:2: realm.main.dialects[0]: unknown value \"supabse\"; did you mean \"supabase\"? Known: data, nhost, oauth, supabase",
        ],
    );
}

#[test]
fn deep_nesting_is_refused_not_overflowed() {
    for text in [
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[realm.m.tokens]\nclaims = {}", "[".repeat(100_000)),
        format!("[realm.m.tokens.{}x]", "y.".repeat(100_000)),
    ] {
        assert!(read(&text).is_err());
    }
}

/// Fragments that make up configurations, sound and broken.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "[server]",
            "[realm.a]",
            "[[realm.a.route]]",
            "[realm.a.tokens]",
            "[realm.a.basic]",
            "[realm.a.api_tokens.x]",
            "[[realm.a.expect]]",
            "[[realm.a.issuers]]",
            "[realm]",
            "path = \"/a/**\"",
            "upstream = \"builtin:echo\"",
            "kinds = [\"key\"]",
            "prefix = \"é\"",
            "listen = [\"[::1]:0\"]",
            "access_ttl = \"9999999999999d\"",
            "claims = { \"*\" = \"{sub}\" }",
            "request = \"GET /%\"",
            "outcome = \"allow\"",
            "headers = { \"\" = \"\\u0000\" }",
            "a = 1979-05-27T07:32:00Z",
            "a.b.c = nan",
            "issuer = \"\"",
            "max_active = 0xffffffffffffffff",
            "hosts = [[[]]]",
            "username = \"\"",
            "modules = 1",
            "rate = \"1/0s\"",
            "'' = ''",
        ])
        .prop_map(str::to_owned),
        "[ -~é\n\"'=.\\[\\]{}]{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(Path::new("d.toml"), &bytes, &|_: &str| None, &Overrides::default());
    }

    #[test]
    fn no_text_makes_it_panic_and_every_refusal_has_a_reason(
        lines in proptest::collection::vec(fragment(), 0..25)
    ) {
        match read(&lines.join("\n")) {
            Ok(loaded) => drop(policies(&loaded, &mut |_| Place::default())),
            Err(problems) => prop_assert!(
                !problems.is_empty() && problems.iter().all(|problem| !problem.message.is_empty())
            ),
        }
    }
}
