//! Configurations, sound and bad: what a file comes to, and what is said of it.

mod data;
mod gate;
mod realm;
mod refusal;
mod server;
mod sign_up;

use super::*;

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
