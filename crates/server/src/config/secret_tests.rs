//! No setting that refers to a secret repeats what it referred to, however broken that is.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// A setting that refers to a secret, and a configuration in which it refers to
/// `REFERENCE`.
const SETTINGS: &[(&str, &str)] = &[
    (
        "server.database",
        "[server]\ndatabase = REFERENCE\n[realm.m]",
    ),
    ("server.limits", "[server]\nlimits = REFERENCE\n[realm.m]"),
    (
        "server.master_key",
        "[server]\nmaster_key = REFERENCE\n[realm.m]",
    ),
    (
        "server.egress_ca",
        "[server]\negress_ca = REFERENCE\n[realm.m]",
    ),
    (
        "server.postgres.root_cert",
        "[server]\ndatabase = \"postgres://a@db.example/x\"\npostgres.root_cert = REFERENCE\n[realm.m]",
    ),
    (
        "server.tls.cert",
        "[server]\ntls = { cert = REFERENCE, key = \"env:SOUND_KEY\" }\n[realm.m]",
    ),
    (
        "server.tls.key",
        "[server]\ntls = { cert = \"env:SOUND_CERT\", key = REFERENCE }\n[realm.m]",
    ),
    (
        "server.mail.password",
        "[server.mail]\nurl = \"smtps://mail.example\"\nfrom = \"a@b.example\"\nuser = \"u\"\npassword = REFERENCE\n[realm.m]",
    ),
    (
        "server.mail.ca",
        "[server.mail]\nurl = \"smtps://mail.example\"\nfrom = \"a@b.example\"\nca = REFERENCE\n[realm.m]",
    ),
    (
        "realm.*.issuers[].keys",
        "[[realm.m.issuers]]\nissuer = \"https://i.example\"\naudiences = [\"a\"]\nalgorithms = [\"HS256\"]\nkeys = REFERENCE",
    ),
    (
        "realm.*.data.database",
        "[realm.m]\ndialects = [\"data\"]\ndata.database = REFERENCE\nDATA",
    ),
    (
        "realm.*.data.postgres.root_cert",
        "[realm.m]\ndialects = [\"data\"]\ndata.database = \"postgres://a@db.example/x\"\ndata.postgres.root_cert = REFERENCE\nDATA",
    ),
    (
        "realm.*.notices.webhook.secret",
        "[realm.m]\nnotices.webhook = { url = \"https://hooks.example/x\", secret = REFERENCE }",
    ),
    (
        "realm.*.upstream_tls.ca",
        "[realm.m]\nupstream_tls.ca = REFERENCE\nROUTE",
    ),
    (
        "realm.*.upstream_tls.cert",
        "[realm.m]\nupstream_tls = { cert = REFERENCE, key = \"env:SOUND_KEY\" }\nROUTE",
    ),
    (
        "realm.*.upstream_tls.key",
        "[realm.m]\nupstream_tls = { cert = \"env:SOUND_CERT\", key = REFERENCE }\nROUTE",
    ),
    (
        "realm.*.route[].upstream_tls.ca",
        "ROUTE\nupstream_tls.ca = REFERENCE",
    ),
    (
        "realm.*.route[].upstream_tls.cert",
        "ROUTE\nupstream_tls = { cert = REFERENCE, key = \"env:SOUND_KEY\" }",
    ),
    (
        "realm.*.route[].upstream_tls.key",
        "ROUTE\nupstream_tls = { cert = \"env:SOUND_CERT\", key = REFERENCE }",
    ),
];

const CERT: &str = include_str!("../../../gate/tests/fixture/localhost.pem");
const KEY: &str = include_str!("../../../gate/tests/fixture/localhost-key.pem");

const ROUTE: &str = "[[realm.m.route]]\npath = \"/a\"\nupstream = \"https://u.example\"";

const DATA: &str = "[[realm.m.route]]\npath = \"/api/v1/query\"\nupstream = \"builtin:data\"";

/// Where the schema says that a setting refers to a secret, below `path`.
fn secrets(schema: &Value, at: &Value, path: &str, found: &mut BTreeSet<String>) {
    if at["writeOnly"] == true {
        found.insert(path.to_owned());
    }
    if let Some(name) = at["$ref"].as_str() {
        let definition = schema.pointer(name.strip_prefix('#').unwrap()).unwrap();
        secrets(schema, definition, path, found);
    }
    for any in at["anyOf"].as_array().into_iter().flatten() {
        secrets(schema, any, path, found);
    }
    let dot = if path.is_empty() { "" } else { "." };
    for (name, property) in at["properties"].as_object().into_iter().flatten() {
        secrets(schema, property, &format!("{path}{dot}{name}"), found);
    }
    for every in ["additionalProperties", "patternProperties"] {
        if at[every].is_object() {
            let inner = match every {
                "patternProperties" => at[every].as_object().unwrap().values().next().unwrap(),
                _ => &at[every],
            };
            secrets(schema, inner, &format!("{path}{dot}*"), found);
        }
    }
    if at["items"].is_object() {
        secrets(schema, &at["items"], &format!("{path}[]"), found);
    }
}

#[test]
fn every_setting_that_refers_to_a_secret_is_listed() {
    let schema: Value = serde_json::from_str(&schema::schema_json()).unwrap();
    let mut found = BTreeSet::new();
    secrets(&schema, &schema, "", &mut found);
    let listed: BTreeSet<String> = SETTINGS
        .iter()
        .map(|(path, _)| (*path).to_owned())
        .collect();
    assert_eq!(found, listed);
}

/// Secrets as accidents leave them: line breaks lost or written as two characters, cut
/// off, in the wrong form, addresses that cannot be read.
fn broken() -> Vec<String> {
    let body = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G";
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let mut broken = vec![
        format!("{begin} {body} {end}"),
        format!("{begin}{body}{end}"),
        format!("{begin}\\n{body}\\n{end}"),
        format!("{begin}\n{body}"),
        format!("{begin}\n{body}!\n{end}"),
        format!("{begin}\n{body}"),
        format!("{}\n{body}\n{}", begin.replace("PRIVATE KEY", body), end),
        body.to_owned(),
        format!("{{\"keys\":[{{\"kty\":\"oct\",\"kid\":\"x\",\"k\":\"{body}\"}}]"),
        format!("{{\"keys\":[{{\"kty\":\"{body}\",\"k\":\"{body}\"}}]}}"),
        format!("{{\"keys\":{{\"{body}\":\"{body}\"}}}}"),
        format!("[\"{body}\"]"),
        format!("\u{1b}{body}\0"),
    ];
    let secret = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49";
    for scheme in ["postgres", "redis", "rediss", "smtps", "mysql"] {
        for rest in [
            "h:port/x",
            "h:99999/x",
            "h /x",
            "[::1/x",
            "h/x?sslmode=no",
            "",
        ] {
            broken.push(format!("{scheme}://u:{secret}@{rest}"));
            broken.push(format!("{scheme}:/u:{secret}@{rest}"));
        }
    }
    broken
}

/// Whether a text shows any part of the secrets: as text, or as the numbers of its bytes.
fn shows(text: &str) -> bool {
    let secret = "MIGHAgEAMBMGByqGSM49";
    let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let windows = secret.as_bytes().windows(8);
    windows
        .into_iter()
        .any(|part| text.contains(std::str::from_utf8(part).unwrap()))
        || bytes.windows(4).any(|part| text.contains(&part.join(", ")))
}

fn parse_with(text: &str, secret: &str) -> Result<Loaded, Vec<Problem>> {
    let environment = |name: &str| match name {
        "BROKEN" => Some(secret.to_owned()),
        "SOUND_CERT" => Some(CERT.to_owned()),
        "SOUND_KEY" => Some(KEY.to_owned()),
        _ => None,
    };
    let file = Path::new("d.toml");
    parse(file, text.as_bytes(), &environment, &Overrides::default())
}

fn told(outcome: &Result<Loaded, Vec<Problem>>) -> String {
    match outcome {
        // What was read is printed by nobody, and says nothing either.
        Ok(loaded) => {
            let rows = loaded.settings.realms.iter().map(|realm| &realm.data);
            format!(
                "{:?} {:?}",
                loaded.settings.server,
                rows.collect::<Vec<_>>()
            )
        }
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            format!("{}\n{problems:?}", lines.join("\n"))
        }
    }
}

#[test]
fn l5_what_is_wrong_with_a_secret_is_said_without_it() {
    for (path, text) in SETTINGS {
        let text = text.replace("ROUTE", ROUTE).replace("DATA", DATA);
        let mut refused = 0;
        for secret in broken() {
            let outcome = parse_with(&text.replace("REFERENCE", "\"env:BROKEN\""), &secret);
            refused += usize::from(outcome.is_err());
            let told = told(&outcome);
            assert!(!shows(&told), "{path}: {told}");
        }
        // Any text is a password, and may be a master key until it is used.
        let is_free = path.ends_with("password") || path.ends_with("master_key");
        assert_eq!(refused == 0, is_free, "{path}: {refused}");
    }
}

#[test]
fn l5_a_secret_in_the_place_of_its_reference_is_not_repeated() {
    for (path, text) in SETTINGS {
        let text = text.replace("ROUTE", ROUTE).replace("DATA", DATA);
        for secret in broken() {
            for spelled in [secret.clone(), format!("env:{secret}")] {
                let value = toml::Value::String(spelled).to_string();
                let told = told(&parse_with(&text.replace("REFERENCE", &value), ""));
                assert!(!shows(&told), "{path}: {told}");
            }
        }
        // Nor where the quotes were forgotten.
        let unquoted = text.replace("REFERENCE", "MIGHAgEAMBMGByqGSM49");
        let told = told(&parse_with(&unquoted, ""));
        assert!(!shows(&told), "{path}: {told}");
    }
}
