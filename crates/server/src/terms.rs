//! What all processes of one store must agree on, as text that equal terms share. Not
//! here: what may differ while a change is rolled out, such as routes and limits, and
//! secrets.

use crate::config::{LimitStore, Settings};
use doorward_base::{Timestamp, Words as _};
use doorward_identity::port::Node;
use doorward_identity::settings::RealmSettings;
use doorward_jose::digest::sha256;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Since when a process serves on its terms, in microseconds; no term itself.
const SINCE: &str = "since";

/// The terms of these settings: `key = value` lines in a stable order.
pub(crate) fn terms(settings: &Settings) -> String {
    let limits = settings.server.limits.kind();
    let mut lines = BTreeMap::from([("server.limits".to_owned(), limits.to_owned())]);
    if let LimitStore::Redis(config) = &settings.server.limits {
        let at = format!("{}/{}", config.place, database(config.url.expose()));
        let digest = sha256(at.as_bytes()).map(|byte| format!("{byte:02x}"));
        let short = digest.iter().take(8).map(String::as_str).collect();
        lines.insert("server.limits_at".to_owned(), short);
    }
    for realm in &settings.realms {
        of_realm(&realm.identity, &mut lines);
    }
    lines.iter().fold(String::new(), |mut text, (key, value)| {
        // Writing to a text does not fail.
        let _ = writeln!(text, "{key} = {value}");
        text
    })
}

/// The number of a Redis address's database.
fn database(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // A password may hold a slash.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    match place.split_once('/') {
        Some((_, number)) if !number.is_empty() => number,
        _ => "0",
    }
}

/// The terms, with the moment from which a process serves on them.
pub(crate) fn dated(terms: &str, since: Timestamp) -> String {
    format!("{terms}{SINCE} = {}\n", since.as_micros())
}

/// Those that serve on their terms for longer than this process, which on a tie is
/// decided by their ids. One that does not say so is an older version.
pub(crate) fn older(own: &Node, others: &[Node]) -> Vec<Node> {
    let age = |node: &Node| {
        let since = read(&node.terms)
            .get(SINCE)
            .and_then(|since| since.parse().ok());
        (since.unwrap_or(i64::MIN), node.id)
    };
    let mut others = others.to_vec();
    others.retain(|other| age(other) < age(own));
    others
}

fn of_realm(realm: &RealmSettings, lines: &mut BTreeMap<String, String>) {
    let mut say = |key: &str, value: String| {
        lines.insert(format!("realm.{}.{key}", realm.name), value);
    };
    say("issuer", realm.issuer.to_string());
    say(
        "tokens.algorithm",
        realm.tokens.algorithm.as_str().to_owned(),
    );
    let revocation = realm.tokens.revocation.word();
    say("tokens.revocation", revocation.to_owned());
    for class in &realm.classes {
        let mut say = |key: &str, value| say(&format!("api_tokens.{}.{key}", class.name), value);
        say("format", class.format.body().word().to_owned());
        say("prefix", class.format.prefix().to_owned());
        say("max_active", class.max_active.to_string());
    }
}

/// The first key on which `own` and another process differ, in words. A key that one of
/// them does not have, such as those of a realm or a class that only one serves, is no
/// contradiction; processes without a realm in common cannot contradict each other.
pub(crate) fn contradiction(own: &str, others: &[Node]) -> Option<String> {
    let own = read(own);
    others.iter().find_map(|node| {
        let theirs = read(&node.terms);
        let mut common = own
            .iter()
            .filter(|(key, _)| **key != SINCE)
            .filter_map(|(key, here)| Some((key, here, theirs.get(key)?)));
        if !common.clone().any(|(key, ..)| key.starts_with("realm.")) {
            return None;
        }
        let (key, here, there) = common.find(|(_, here, there)| here != there)?;
        Some(format!(
            "{key} is {here:?} here and {there:?} at the process {}, which runs on the same store; all of a store must agree",
            node.name
        ))
    })
}

fn read(terms: &str) -> BTreeMap<&str, &str> {
    terms
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};
    use std::path::Path;

    fn of(text: &str) -> String {
        let nothing = |_: &str| None;
        let parsed = parse(
            Path::new("d.toml"),
            text.as_bytes(),
            &nothing,
            &Overrides::default(),
        );
        terms(&parsed.unwrap().settings)
    }

    fn against(own: &str, other: &str) -> Option<String> {
        let node = Node {
            id: [1; 16],
            name: "db1/7".to_owned(),
            terms: of(other),
        };
        contradiction(&of(own), &[node])
    }

    const REALM: &str = "[realm.a]\ndialects = [\"oauth\"]\n[realm.a.api_tokens.pat]\nkinds = [\"personal\"]\nprefix = \"pat_\"\nmax_active = 1\nexpiry = \"optional\"\n";

    #[test]
    fn equal_terms_are_equal_texts() {
        assert_eq!(
            of(REALM),
            "realm.a.api_tokens.pat.format = checked\n\
             realm.a.api_tokens.pat.max_active = 1\n\
             realm.a.api_tokens.pat.prefix = pat_\n\
             realm.a.issuer = http://127.0.0.1:8080\n\
             realm.a.tokens.algorithm = ES256\n\
             realm.a.tokens.revocation = immediate\n\
             server.limits = memory\n"
        );
        assert_eq!(against(REALM, REALM), None);
    }

    #[test]
    fn a_contradiction_names_the_key_both_values_and_the_other_process() {
        for (from, to, key, here, there) in [
            (
                "pat_",
                "tok_",
                "realm.a.api_tokens.pat.prefix",
                "pat_",
                "tok_",
            ),
            (
                "max_active = 1\n",
                "",
                "realm.a.api_tokens.pat.max_active",
                "1",
                "100",
            ),
            (
                "[realm.a]",
                "[realm.a.tokens]\nalgorithm = \"EdDSA\"\n[realm.a]",
                "realm.a.tokens.algorithm",
                "ES256",
                "EdDSA",
            ),
            (
                "[realm.a]",
                "[server]\nlimits = \"redis://cache\"\n[realm.a]",
                "server.limits",
                "memory",
                "redis",
            ),
        ] {
            let said = against(REALM, &REALM.replacen(from, to, 1)).expect(key);
            let expected =
                format!("{key} is {here:?} here and {there:?} at the process db1/7, which");
            assert!(said.starts_with(&expected), "{said}");
        }
    }

    #[test]
    fn the_place_of_shared_limits_is_a_term_and_its_password_is_not() {
        let at = |url: &str| format!("[server]\nlimits = \"{url}\"\n{REALM}");
        let own = at("redis://cache:6379/2");
        assert_eq!(against(&own, &at("valkey://cache/2")), None);
        for other in [
            "redis://cache:6380/2",
            "redis://cache:6379",
            "redis://x:6379/2",
        ] {
            let said = against(&own, &at(other)).expect(other);
            assert!(said.starts_with("server.limits_at is "), "{said}");
        }
        for (url, number) in [
            ("redis://cache", "0"),
            ("redis://cache/", "0"),
            ("redis://u:a/b@cache:6379/3", "3"),
            ("redis://u:a/7@cache:6379", "0"),
            ("rediss://cache/4?protocol=resp3", "4"),
        ] {
            assert_eq!(database(url), number, "{url}");
        }
    }

    #[test]
    fn what_one_of_them_lacks_is_no_contradiction() {
        assert_eq!(against(REALM, "[realm.a]\ndialects = [\"oauth\"]"), None);
        let route = "[[realm.a.route]]\npath = \"/x\"\nupstream = \"builtin:echo\"\n";
        assert_eq!(against(REALM, &format!("{REALM}{route}")), None);
        let elsewhere = "[server]\nlimits = \"redis://cache\"\n[realm.b]";
        assert_eq!(against(REALM, elsewhere), None);
    }
}
