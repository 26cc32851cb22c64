//! Bad configurations and what is said of them.

mod realm;

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Loaded, Vec<Problem>> {
    let environment = |name: &str| (name == "KEYS").then(|| "no json".to_owned());
    parse(
        Path::new("d.toml"),
        text.as_bytes(),
        &environment,
        &Overrides::default(),
    )
}

fn sqlite(settings: &Settings) -> &Path {
    match &settings.server.database {
        Database::Sqlite(path) => path,
        Database::Postgres(config) => panic!("{}", config.place),
    }
}

/// Every problem of `text`, as it is shown. A problem whose text ends in `…` stands for
/// all that begin so.
fn check(text: &str, expected: &[&str]) {
    let problems = read(text).expect_err(text);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let alike = |(shown, expected): (&String, &&str)| match expected.strip_suffix('…') {
        Some(start) => shown.starts_with(start),
        None => shown == expected,
    };
    let same = shown.len() == expected.len() && shown.iter().zip(expected).all(alike);
    assert!(same, "{text}\nsays: {shown:#?}\nexpected: {expected:#?}");
}

#[test]
fn a_first_run_needs_almost_nothing() {
    let settings = read("[realm.main]").unwrap().settings;
    let realm = &settings.realms[0];
    assert_eq!(&*realm.identity.issuer, "http://127.0.0.1:8080");
    assert_eq!(
        realm.identity.tokens.audiences[0].as_str(),
        "http://127.0.0.1:8080"
    );
    assert_eq!(sqlite(&settings), Path::new("doorward.db"));
    let claims = &realm.gate_spec(Place::default()).issuers[0].claims;
    assert_eq!(claims.tenant.as_ref().unwrap().to_string(), "tenant_id");
}

#[test]
fn retention_is_a_realms_own_and_names_outlive_what_speaks_of_them() {
    let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
    let text =
        "[realm.a]\nhosts = [\"a\"]\n[realm.b.retention]\naudit = \"800d\"\nchallenges = \"2d\"";
    let settings = read(text).unwrap().settings;
    let [a, b] = &settings.realms[..] else {
        panic!("two realms");
    };
    let (a, b) = (a.identity.retention, b.identity.retention);
    assert_eq!((a.audit, a.tombstones), (days(400), days(400)));
    assert_eq!((a.sessions, a.challenges), (days(90), days(1)));
    assert_eq!((b.audit, b.tombstones), (days(800), days(800)));
    assert_eq!((b.sessions, b.challenges), (days(90), days(2)));
    check(
        "[realm.a.retention]\ntombstones = \"399d\"",
        &["d.toml:2: realm.a.retention.tombstones: is shorter than audit…"],
    );
    check(
        "[realm.a.retention]\naudits = \"1d\"",
        &["d.toml:2: realm.a.retention.audits: unknown key…"],
    );
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let environment = |_: &str| None;
    let text = b"[server]\ndatabase = \"sqlite:data/x.db\"\n[realm.main]";
    let loaded = parse(
        Path::new("/etc/d.toml"),
        text,
        &environment,
        &Overrides::default(),
    )
    .unwrap();
    assert_eq!(sqlite(&loaded.settings), Path::new("/etc/data/x.db"));
    assert_eq!(
        loaded.settings.server.control_socket,
        Path::new("/etc/data/x.db.sock")
    );
    let MasterKeySource::File(key) = &loaded.settings.server.master_key else {
        panic!("the default is a file");
    };
    assert_eq!(key, Path::new("/etc/doorward.key"));
}

#[test]
fn the_command_line_overrides_the_file() {
    let overrides = Overrides {
        listen: Some("127.0.0.1:9999".to_owned()),
        database: Some("sqlite:/tmp/other.db".to_owned()),
        token_expiry: Some(7),
        ..Overrides::default()
    };
    let loaded = parse(
        Path::new("d.toml"),
        b"[realm.main]",
        &|_: &str| None,
        &overrides,
    )
    .unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.server.listen[0].port(), 9999);
    assert_eq!(sqlite(&settings), Path::new("/tmp/other.db"));
    assert_eq!(settings.realms[0].identity.tokens.access_ttl.as_secs(), 7);
    let wrong = Overrides {
        listen: Some("localhost".to_owned()),
        ..Overrides::default()
    };
    let problems = parse(
        Path::new("d.toml"),
        b"[realm.main]",
        &|_: &str| None,
        &wrong,
    )
    .unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "d.toml: --listen: \"localhost\" is not an address and port such as \"127.0.0.1:8080\"; a name is not enough"
    );
}

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
fn servers_are_addressed_and_their_passwords_are_kept_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let (file, secret) = (
        directory.path().join("d.toml"),
        directory.path().join("url"),
    );
    std::fs::write(&secret, "postgres://me:hunter2@db:6000/x?sslmode=require\n").unwrap();
    let text = "[server]\ndatabase = \"file:url\"\nlimits = \"env:CACHE\"\nlimits_merge = \"1s\"\npostgres = { pool_size = 4, start_wait = \"1m\" }\n[realm.main]";
    let environment = |name: &str| (name == "CACHE").then(|| "valkey://:pw@cache/1".to_owned());
    let read = |overrides: &Overrides| parse(&file, text.as_bytes(), &environment, overrides);
    let server = read(&Overrides::default()).unwrap().settings.server;
    let Database::Postgres(postgres) = &server.database else {
        panic!("PostgreSQL was configured");
    };
    assert_eq!(
        postgres.url.expose(),
        "postgres://me:hunter2@db:6000/x?sslmode=require"
    );
    assert_eq!(server.database.to_string(), "postgres://db:6000/x");
    assert_eq!((postgres.pool_size, postgres.start_wait.as_secs()), (4, 60));
    assert_eq!(postgres.pool_wait.as_secs(), 2);
    assert_eq!(server.control_socket, directory.path().join("d.toml.sock"));
    let LimitStore::Redis(redis) = &server.limits else {
        panic!("Valkey was configured");
    };
    assert_eq!(
        (redis.url.expose(), &*redis.place),
        ("redis://:pw@cache/1", "cache:6379")
    );
    assert_eq!(redis.merge_every.as_secs(), 1);
    assert!(!format!("{server:?}").contains("hunter2"));

    let mut overrides = Overrides {
        database: Some("postgres://me@other/y".to_owned()),
        ..Overrides::default()
    };
    let server = read(&overrides).unwrap().settings.server;
    assert_eq!(server.database.to_string(), "postgres://other:5432/y");
    overrides.database = Some("postgres://me:hunter2@other/y".to_owned());
    let problem = read(&overrides).unwrap_err()[0].to_string();
    assert!(
        problem.contains("--database") && problem.contains("env:NAME"),
        "{problem}"
    );
    assert!(!problem.contains("hunter2"), "{problem}");
    std::fs::write(&secret, "sqlite:x.db").unwrap();
    let problem = read(&Overrides::default()).unwrap_err()[0].to_string();
    assert!(
        problem.contains("server.database: not the address of a PostgreSQL"),
        "{problem}"
    );
}

#[test]
fn a_pool_and_its_waits_are_something() {
    check(
        "[server]\nlimits_merge = \"0s\"\n[server.postgres]\npool_size = 0\npool_wait = \"0s\"\n[realm.main]",
        &[
            "d.toml:2: server.limits_merge: must be longer than zero",
            "d.toml:4: server.postgres.pool_size: must be from 1 to 1000",
            "d.toml:5: server.postgres.pool_wait: must be longer than zero",
        ],
    );
    check(
        "[server]\nlimits_merge = \"11s\"\n[realm.main]",
        &["d.toml:2: server.limits_merge: must be from 10ms to 10s"],
    );
    check(
        "[server]\ndatabase = \"postgres://u:hunter2@db/x\"\nlimits = \"redis://:hunter2@cache\"\n[realm.main]",
        &[
            "d.toml:2: server.database: the address holds a password; keep it out of here: put the whole address into an environment variable or a file and write \"env:NAME\" or \"file:PATH\"",
            "d.toml:3: server.limits: the address holds a password; …",
        ],
    );
}

#[test]
fn secrets_must_be_there_and_are_never_written_in_the_file() {
    check(
        "[server]\nmaster_key = \"hunter2\"\n[realm.main]",
        &[
            "d.toml:2: server.master_key: expected a reference to a secret: \"env:NAME\" or \"file:PATH\"; secrets are never written in the configuration",
        ],
    );
    check(
        "[server]\nmaster_key = \"env:NOT_THERE\"\ntls = { cert = \"file:no-such.pem\", key = \"env:KEYS\" }\n[realm.main]",
        &[
            "d.toml:2: server.master_key: the environment variable NOT_THERE is not set",
            "d.toml:3: server.tls.cert: cannot read no-such.pem: …",
            "d.toml:3: server.tls.key: is not in PEM form (-----BEGIN …)",
        ],
    );
}

#[test]
fn what_is_wrong_with_a_key_is_said_without_the_key() {
    const CERT: &str = include_str!("../../../gate/tests/fixture/localhost.pem");
    const KEY: &str = include_str!("../../../gate/tests/fixture/localhost-key.pem");
    let secret = KEY.lines().nth(1).unwrap();
    let shown = |key: &str| {
        let environment = |name: &str| match name {
            "CERT" => Some(CERT.to_owned()),
            "KEY" => Some(key.to_owned()),
            _ => None,
        };
        let text = "[server]\ntls = { cert = \"env:CERT\", key = \"env:KEY\" }\n[realm.main]";
        let read = parse(
            Path::new("d.toml"),
            text.as_bytes(),
            &environment,
            &Overrides::default(),
        );
        read.map(drop)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>())
    };
    assert_eq!(shown(KEY), Ok(()));
    for broken in [
        KEY.replace('\n', " "),
        KEY.replace('\n', ""),
        KEY.replace('\n', "\\n"),
        KEY.replace(secret, "AAAA"),
    ] {
        let says = shown(&broken).unwrap_err();
        assert!(says.starts_with("d.toml:2: server.tls.key: "), "{says}");
        assert!(!says.contains(secret.get(..8).unwrap()), "{says}");
        let bytes = format!("{:?}", &secret.as_bytes()[..4]);
        assert!(!says.contains(bytes.trim_matches(['[', ']'])), "{says}");
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

#[test]
fn the_schema_knows_every_section() {
    let schema: serde_json::Value = serde_json::from_str(&schema::schema_json()).unwrap();
    let realm = &schema["$defs"]["Realm"]["properties"];
    for key in [
        "api_tokens",
        "basic",
        "exchange",
        "route",
        "expect",
        "tokens",
    ] {
        assert!(realm.get(key).is_some(), "{key}");
    }
    assert_eq!(schema["$defs"]["Realm"]["additionalProperties"], false);
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

/// A fault of one key says nothing of what another one allows.
#[test]
fn a_fault_of_tls_hides_nothing_and_invents_nothing() {
    let with = |server: &str| {
        format!(
            "[server]\negress_allow = [\"10.0.0.0/8\"]\n{server}\n[realm.m]\n\
             issuers = [{{ issuer = \"https://idp.test\", audiences = [\"a\"], algorithms = [\"ES256\"], jwks_url = \"https://10.1.2.3/jwks\" }}]"
        )
    };
    assert!(read(&with("")).is_ok());
    check(
        &with("tls = { cert = \"file:no.pem\", key = \"file:no.pem\" }"),
        &[
            "d.toml:3: server.tls.cert: …",
            "d.toml:3: server.tls.key: …",
        ],
    );
    check(
        &with("egress_ca = \"file:no.pem\""),
        &["d.toml:3: server.egress_ca: …"],
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
