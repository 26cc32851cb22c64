//! What the process may be told: its store, its limits, its secrets.

use super::{check, read};
use crate::config::*;
use doorward_identity::act::mail::MailRates;

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
    const CERT: &str = include_str!("../../../../gate/tests/fixture/localhost.pem");
    const KEY: &str = include_str!("../../../../gate/tests/fixture/localhost-key.pem");
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

/// A log holds no secret, so mail goes to none; who asks for it is told what to write.
#[test]
fn mail_goes_to_no_log() {
    let from = "from = \"door@example.com\"";
    check(
        "[server]\nmail = \"log\"\n[realm.m]",
        &[
            "d.toml:2: server.mail: mail holds secrets, and no log does; write mail = { url = \"folder:./mail\", from = \"door@example.com\" }",
        ],
    );
    check(
        &format!("[server.mail]\nurl = \"log\"\n{from}\n[realm.m]"),
        &[
            "d.toml:2: server.mail.url: mail holds secrets, and no log does; write url = \"folder:./mail\"",
        ],
    );
    check(
        "[server]\nmail = \"smtp://me:hunter2@m\"\n[realm.m]",
        &["d.toml:2: server.mail: expected a table; write mail = { url = \"folder:./mail\", …"],
    );
    // What it says to write is sound.
    let folder = format!("[server]\nmail = {{ url = \"folder:./mail\", {from} }}\n[realm.m]");
    let settings = read(&folder).unwrap().settings.server.mail.unwrap();
    assert_eq!(settings.rates, MailRates::usual().unwrap());
    let rates = "per_maker = \"5/1h\"\nper_tenant = \"0/1h\"";
    check(
        &format!("[server.mail]\nurl = \"folder:m\"\n{from}\n{rates}\n[realm.m]"),
        &["d.toml:5: server.mail.per_tenant: …"],
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
