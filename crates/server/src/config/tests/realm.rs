//! What a realm may say: its hosts, classes, tokens, issuers, routes and Basic.

use super::{check, read};
use crate::config::*;

#[test]
fn an_authority_chooses_one_realm() {
    check(
        "[realm.a]\nhosts = [\"api.example.com\"]\n[realm.b]\nhosts = [\"other\", \"API.example.com\"]",
        &[
            "d.toml:4: realm.b.hosts[1]: host \"API.example.com\" belongs to realm \"a\" already; an authority chooses one realm",
        ],
    );
    check(
        "[realm.a]\n[realm.b]",
        &[
            "d.toml:2: realm.b.hosts[0]: host \"*\" belongs to realm \"a\" already; an authority chooses one realm",
        ],
    );
    check(
        "[realm.a]\nhosts = [\"https://a\", \"*.b\", \"\"]",
        &[
            "d.toml:2: realm.a.hosts[0]: …",
            "d.toml:2: realm.a.hosts[1]: …",
            "d.toml:2: realm.a.hosts[2]: …",
        ],
    );
    check(
        "[server]",
        &["d.toml: there is no realm; add one, for example [realm.main]"],
    );
}

#[test]
fn kinds_belong_to_one_class_and_classes_are_told_apart() {
    let class = |kinds: &str, rest: &str| {
        format!("kinds = {kinds}\n{rest}\npresentations = [\"bearer\"]\n")
    };
    let two = |one: String, other: String| {
        format!("[realm.m.api_tokens.one]\n{one}[realm.m.api_tokens.two]\n{other}")
    };
    check(
        &two(
            class("[\"personal\"]", "prefix = \"a_\""),
            class("[\"key\", \"personal\"]", "prefix = \"b_\""),
        ),
        &[
            "d.toml:6: realm.m.api_tokens.two.kinds[1]: kind \"personal\" belongs to class \"one\" already; a kind belongs to one class",
        ],
    );
    check(
        &two(
            class("[\"personal\"]", "prefix = \"a_\""),
            class("[\"key\"]", "prefix = \"a_b_\""),
        ),
        &[
            "d.toml:7: realm.m.api_tokens.two.prefix: tokens of this class cannot be told from those of class \"one\"; neither prefix may begin the other",
        ],
    );
    check(
        &two(
            class("[\"personal\"]", "format = \"uuid\""),
            class("[\"key\"]", "format = \"uuid\""),
        ),
        &["d.toml:5: realm.m.api_tokens.two.prefix: tokens of this class cannot be told…"],
    );
    check(
        &format!(
            "[realm.m.api_tokens.one]\n{}",
            class("[\"persnal\"]", "prefix = \"a_\"")
        ),
        &[
            "d.toml:2: realm.m.api_tokens.one.kinds[0]: unknown kind \"persnal\"; known: personal, service, key",
        ],
    );
    check(
        &format!("[realm.m.api_tokens.one]\n{}", class("[\"key\"]", "")),
        &["d.toml:1: realm.m.api_tokens.one.prefix: this format needs a prefix"],
    );
}

#[test]
fn the_settings_of_a_class_agree() {
    check(
        "[realm.m.api_tokens.c]\nkinds = [\"key\"]\nprefix = \"k_\"\nexpiry = \"policy\"\nmax_active = 0\npresentations = [\"header:X-A\", \"header:X-B\", \"basic\", \"exchange\"]\nenvironments = [\"a_b\"]",
        &[
            "d.toml:1: realm.m.api_tokens.c: expiry = \"policy\" needs expiry_ttl, for example \"90d\"",
            "d.toml:5: realm.m.api_tokens.c.max_active: must be at least 1; leave it out for 100",
            "d.toml:6: realm.m.api_tokens.c.presentations: names more than one header; a class has at most one",
            "d.toml:6: realm.m.api_tokens.c.presentations[2]: \"basic\" needs the realm's [basic] section with a username",
            "d.toml:6: realm.m.api_tokens.c.presentations[3]: \"exchange\" needs the dialect \"oauth\" or \"nhost\", which serve the exchange",
            "d.toml:7: realm.m.api_tokens.c.environments[0]: must not contain \"_\", which ends the environment in a token",
        ],
    );
    check(
        "[realm.m]\nrole_header = \"X-Role\"\n[realm.m.api_tokens.c]\nkinds = [\"key\"]\nprefix = \"k_\"\nexpiry_ttl = \"1d\"\npresentations = [\"header:x-role\"]",
        &[
            "d.toml:6: realm.m.api_tokens.c.expiry_ttl: belongs to expiry \"policy\"; to cap what can be asked for, write expiry_max",
            "d.toml:7: realm.m.api_tokens.c.presentations[0]: the header x-role selects a role or tenant in this realm; it cannot carry a token too",
        ],
    );
}

#[test]
fn what_is_named_must_be_there() {
    check(
        "[realm.m.roles]\nuser = []\n[realm.m.users]\ndefault_roles = [\"usr\"]\ndefault_role = \"me\"\n[realm.m.limits.company]\nkey = \"tenant\"\nrate = \"1/1s\"\n[[realm.m.route]]\npath = \"/a\"\nupstream = \"builtin:echo\"\nlimits = [\"compny\"]\nbasic = \"ui\"\nroles = [\"usre\"]\nenvironments = [\"live\"]",
        &[
            "d.toml:4: realm.m.users.default_roles[0]: unknown role \"usr\"; did you mean \"user\"? Known: user",
            "d.toml:5: realm.m.users.default_role: unknown role \"me\". Known: user",
            "d.toml:12: realm.m.route[0].limits[0]: unknown limit \"compny\"; did you mean \"company\"? Known: company",
            "d.toml:13: realm.m.route[0].basic: unknown Basic module \"ui\". Known: none",
            "d.toml:14: realm.m.route[0].roles[0]: unknown role \"usre\"; did you mean \"user\"? Known: user",
            "d.toml:15: realm.m.route[0].environments[0]: unknown environment \"live\". Known: none",
        ],
    );
}

#[test]
fn tokens_and_limits_make_sense() {
    check(
        "[realm.m.tokens]\naccess_ttl = \"2d\"\naudiences = []\nclaims = { scope = \"{scpoe}\" }\n[realm.m.limits.l]\nkey = \"tenant\"\nrate = \"0/1m\"\n[realm.m.sessions]\nabsolute_ttl = \"1500ms\"\nmin_password = 0\nmax_active = 0",
        &[
            "d.toml:2: realm.m.tokens.access_ttl: is longer than max_ttl (86400s); raise max_ttl or lower access_ttl",
            "d.toml:3: realm.m.tokens.audiences: names no audience; leave it out for the issuer",
            "d.toml:4: realm.m.tokens.claims: unknown placeholder {scpoe}; known: {sub} …",
            "d.toml:7: realm.m.limits.l.rate: a limit needs …",
            "d.toml:9: realm.m.sessions.absolute_ttl: must be whole seconds",
            "d.toml:10: realm.m.sessions.min_password: must be from 1 to 128",
            "d.toml:11: realm.m.sessions.max_active: must be at least 1",
        ],
    );
    check(
        "[realm.m.tokens]\nclaims = { exp = 1 }\nmax_ttl = \"0s\"\naccess_ttl = \"0s\"",
        &[
            "d.toml:2: realm.m.tokens.claims: claim exp is written by the engine and cannot be in a template",
            "d.toml:3: realm.m.tokens.max_ttl: must be longer than zero",
            "d.toml:4: realm.m.tokens.access_ttl: must be longer than zero",
        ],
    );
}

#[test]
fn issuers_have_one_trustworthy_source_of_keys() {
    let issuer = |rest: &str| {
        format!(
            "[[realm.m.issuers]]\nissuer = \"x\"\naudiences = [\"a\"]\nalgorithms = [\"HS256\"]\n{rest}"
        )
    };
    check(
        &issuer(""),
        &["d.toml:1: realm.m.issuers[0]: has neither jwks_url nor keys; …"],
    );
    check(
        &issuer("jwks_url = \"https://a/b\"\nkeys = \"env:KEYS\""),
        &["d.toml:1: realm.m.issuers[0]: has both jwks_url and keys; keep one"],
    );
    check(
        &issuer("jwks_url = \"https://a/b\"\ndiscovery_url = \"https://a/c\""),
        &["d.toml:1: realm.m.issuers[0]: has both jwks_url and discovery_url; keep one"],
    );
    check(
        &issuer("jwks_url = \"http://a.example/b\""),
        &[
            "d.toml:4: realm.m.issuers[0].algorithms[0]: a shared secret is never published under a jwks_url; give it by keys",
            "d.toml:5: realm.m.issuers[0].jwks_url: must be https: …",
        ],
    );
    check(
        &issuer("keys = \"env:KEYS\"\nleeway = \"1h\""),
        &[
            "d.toml:5: realm.m.issuers[0].keys: what this refers to is not a JWK set in JSON",
            "d.toml:6: realm.m.issuers[0].leeway: must be at most \"5m\": …",
        ],
    );
    check(
        &issuer("").replace("HS256", "none"),
        &["d.toml:4: realm.m.issuers[0].algorithms[0]: not an accepted algorithm …"],
    );
}

/// WB-46: an issuer that others share is pinned to what it says of this realm.
#[test]
fn wb_46_an_issuer_without_audience_or_claim_condition_is_refused() {
    let issuer = |rest: &str| {
        format!(
            "[[realm.m.issuers]]\nissuer = \"https://shared.example/\"\nalgorithms = [\"RS256\"]\njwks_url = \"https://shared.example/jwks\"\n{rest}"
        )
    };
    let open = "d.toml:1: realm.m.issuers[0]: issuer https://shared.example/ names no audience and no claim condition: ";
    let judged = |rest: &str| lowered(&issuer(rest));
    assert_eq!(judged("").len(), 1);
    assert!(judged("")[0].starts_with(open), "{:?}", judged(""));
    assert_eq!(judged("audiences = []").len(), 1);
    for pinned in [
        "audiences = [\"a\"]",
        "require = { azp = \"us\" }",
        "require = { \"org.id\" = [\"a\", 7, true] }",
    ] {
        assert!(judged(pinned).is_empty(), "{pinned}: {:?}", judged(pinned));
    }
    check(
        &issuer("require = { azp = [], iss = \"https://shared.example/\", \"\" = 1 }"),
        &[
            "d.toml:5: realm.m.issuers[0].require.\"\": not a claim path …",
            "d.toml:5: realm.m.issuers[0].require.azp: names no value, so that no token would be accepted",
            "d.toml:5: realm.m.issuers[0].require.iss: says nothing of which tokens: …",
        ],
    );
    check(
        &issuer("require = { azp = 1.5 }"),
        &["d.toml:5: realm.m.issuers[0].require.azp: expected a text, a whole number, …"],
    );
}

/// What the gate says of a configuration that is sound by itself.
fn lowered(text: &str) -> Vec<String> {
    let loaded = read(text).unwrap();
    let policies = policies(&loaded, &mut |_| Place::default());
    let problems = policies.err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// HO-43: a second name of a login has its subjects and what holds for them.
#[test]
fn ho_43_two_names_of_one_login_share_its_subjects_and_claims() {
    let two = |rest: &str| {
        format!(
            "[[realm.m.issuers]]\nissuer = \"https://a/\"\naudiences = [\"x\"]\nalgorithms = [\"RS256\"]\njwks_url = \"https://a.example/jwks\"\ntenant = \"acme\"\nclaims = {{ scope = [\"scope\", \"permissions\"] }}\n[[realm.m.issuers]]\nissuer = \"https://b/\"\naudiences = [\"x\"]\nalgorithms = [\"RS256\"]\ndiscovery_url = \"https://b.example/meta\"\n{rest}"
        )
    };
    let loaded = read(&two("subjects_of = \"https://a/\"")).unwrap();
    let spec = loaded.settings.realms[0].gate_spec(Place::default());
    let second = &spec.issuers[2];
    assert_eq!(second.tenant.as_ref().unwrap().as_str(), "acme");
    assert_eq!(second.claims.scopes.len(), 2);
    assert!(lowered(&two("subjects_of = \"https://a/\"")).is_empty());
    for (other, own) in [("https://c/", false), ("https://b/", false)] {
        let found = lowered(&two(&format!("subjects_of = {other:?}")));
        assert_eq!(found.len(), 1, "{other} {own}: {found:?}");
        assert!(found[0].contains("shares the subjects of"), "{found:?}");
    }
    check(
        &two(
            "subjects_of = \"https://a/\"\ntenant = \"globex\"\nclaims = { scope = \"scp\" }\nprovision = \"first_sight\"",
        ),
        &[
            "d.toml:14: realm.m.issuers[1].tenant: is that of https://a/, whose subjects these are; write it there",
            "d.toml:15: realm.m.issuers[1].claims: is that of …",
            "d.toml:16: realm.m.issuers[1].provision: is that of …",
        ],
    );
}

#[test]
fn opaque_tokens_are_asked_about_with_a_secret_that_nobody_reads() {
    let issuer = |rest: &str| {
        format!(
            "[[realm.m.issuers]]\nissuer = \"https://a/\"\naudiences = [\"x\"]\n[realm.m.issuers.introspection]\nclient_secret = \"env:KEYS\"\n{rest}"
        )
    };
    let sound = issuer("url = \"https://a.example/introspect\"\nclient_id = \"api\"");
    assert!(lowered(&sound).is_empty());
    check(
        &issuer("url = \"http://a.example/introspect\"\nclient_id = \"\"\ncache = \"1h\""),
        &[
            "d.toml:6: realm.m.issuers[0].introspection.url: must be https: …",
            "d.toml:7: realm.m.issuers[0].introspection.client_id: must not be empty",
            "d.toml:8: realm.m.issuers[0].introspection.cache: must be at most \"5m\": …",
        ],
    );
    let twice = format!("{sound}\n{}", sound.replace("https://a/", "https://b/"));
    let found = lowered(&twice);
    assert!(found[0].contains("is the second one"), "{found:?}");
}

#[test]
fn a_realm_names_codes_in_forms_that_are_no_products() {
    let text = |errors: &str, code: &str| {
        format!("[realm.m]\nerrors = \"{errors}\"\nerror_codes = {{ token_expired = {code} }}")
    };
    assert!(read(&text("nested", "\"AUTH_EXPIRED\"")).is_ok());
    let full = "{ code = \"AUTH_EXPIRED\", message = \"Expired token\" }";
    assert!(read(&text("plain", full)).is_ok());
    check(
        &text("gotrue", "\"\""),
        &[
            "d.toml:3: realm.m.error_codes: is for the forms …",
            "d.toml:3: realm.m.error_codes.token_expired: must be a code of …",
        ],
    );
    check(
        &text("nested", "7"),
        &["d.toml:3: realm.m.error_codes.token_expired: expected a code such as …"],
    );
}

#[test]
fn routes_agree_with_themselves() {
    check(
        "[[realm.m.route]]\npath = \"/a/**\"\nupstream = \"http://127.0.0.1:1\"\nstrip_prefix = \"/b\"\ncredentials = [\"basic\"]\ntimeout = \"0s\"\nmethods = [\"get\"]",
        &[
            "d.toml:7: realm.m.route[0].methods[0]: \"get\" is not a method in capitals such as \"GET\"",
        ],
    );
    check(
        "[[realm.m.route]]\npath = \"/a/**\"\nupstream = \"http://127.0.0.1:1\"\nstrip_prefix = \"/b\"\ncredentials = [\"basic\"]\ntimeout = \"0s\"",
        &[
            "d.toml:4: realm.m.route[0].strip_prefix: \"/b\" is not how \"/a/**\" begins",
            "d.toml:5: realm.m.route[0].credentials: \"basic\" needs the route's basic = \"MODULE\"",
            "d.toml:6: realm.m.route[0].timeout: must be longer than zero",
        ],
    );
    check(
        "[[realm.m.route]]\npath = \"/a\"\nupstream = \"htp://x\"\n[[realm.m.expect]]\nrequest = \"/a\"\noutcome = \"alow\"",
        &[
            "d.toml:3: realm.m.route[0].upstream: \"htp://x\" is not an upstream such as …",
            "d.toml:5: realm.m.expect[0].request: \"/a\" is not a request such as \"GET /api/items\"",
            "d.toml:6: realm.m.expect[0].outcome: unknown outcome \"alow\"; did you mean \"allow\"? …",
        ],
    );
}

#[test]
fn basic_needs_tls_beyond_this_machine() {
    let realm = |issuer: &str, https: &str| {
        format!(
            "[realm.m]\nissuer = \"{issuer}\"\nrequire_https = \"{https}\"\n[realm.m.basic]\nusername = \"w\"\nmodules.ui = {{ enabled = true }}"
        )
    };
    check(
        &realm("http://api.example.com", "off"),
        &[
            "d.toml:6: realm.m.basic.modules.ui: Basic needs TLS: set require_https to \"reject\" or \"redirect\"",
        ],
    );
    assert!(read(&realm("http://127.0.0.1:8080", "off")).is_ok());
    assert!(read(&realm("https://api.example.com", "reject")).is_ok());
    check(
        &realm("https://api.example.com", "reject").replace("\"w\"", "\"a:b\""),
        &[
            "d.toml:5: realm.m.basic.username: must not be empty and must not contain a colon (RFC 7617 §2)",
        ],
    );
}

#[test]
fn the_gates_complaints_have_lines_too() {
    let text = "[[realm.m.route]]\npath = \"/a/{x}\"\nupstream = \"builtin:echo\"\n[[realm.m.route]]\npath = \"/a/{y}\"\nupstream = \"builtin:echo\"\n[[realm.m.route]]\npath = \"no-slash\"\nupstream = \"builtin:echo\"";
    let problems = policies(&read(text).unwrap(), &mut |_| Place::default()).unwrap_err();
    let mut lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    lines.sort_unstable();
    assert_eq!(lines, [Some(5), Some(8)], "{problems:?}");
}

#[test]
fn a_limit_counts_one_thing_and_what_belongs_to_it() {
    let limit = |text: &str| format!("[realm.m.limits.l]\nkey = \"tenant\"\n{text}");
    for sound in [
        "rate = \"100/1m\"\nburst = 200\noverrides = { acme = { rate = \"1/1s\", burst = 9 } }",
        "in_flight = 20\noverrides = { acme = { in_flight = 1 } }",
        "quota = \"5000/day\"\nover = \"require_payment\"\noverrides = { acme = { quota = 7 } }",
        "quota = \"5000/month\"\nmonth_from = 28\nover = \"observe\"",
    ] {
        let text = limit(sound);
        let sound = read(&text).map(|loaded| loaded.settings.realms.len());
        assert_eq!(
            sound.map_err(|problems| format!("{problems:?}")),
            Ok(1),
            "{text}"
        );
    }
    let one = "d.toml:1: realm.m.limits.l: a limit has one of rate, in_flight and quota";
    for (wrong, problem) in [
        ("everywhere = true", one),
        ("rate = \"1/1s\"\nin_flight = 1", one),
        (
            "in_flight = 0",
            "d.toml:3: realm.m.limits.l.in_flight: must be at least 1",
        ),
        ("quota = \"5/week\"", "d.toml:3: realm.m.limits.l.quota: …"),
        ("quota = \"0/day\"", "d.toml:3: realm.m.limits.l.quota: …"),
        (
            "quota = \"5/month\"\nmonth_from = 29",
            "d.toml:3: realm.m.limits.l.quota: …",
        ),
        (
            "quota = \"5/day\"\nmonth_from = 2",
            "d.toml:4: realm.m.limits.l.month_from: …",
        ),
        (
            "in_flight = 1\noverrides = { acme = { quota = 5 } }",
            "d.toml:4: realm.m.limits.l.overrides.acme: says one amount …",
        ),
    ] {
        check(&limit(wrong), &[problem]);
    }
}

#[test]
fn strangers_have_no_quota_and_the_realm_no_tenants_amounts() {
    check(
        "[realm.m.limits.l]\nkey = \"address\"\nquota = \"5/day\"\n[realm.m.limits.r]\nkey = \"realm\"\nrate = \"1/1s\"\noverrides = { acme = { rate = \"1/1s\" } }",
        &[
            "d.toml:2: realm.m.limits.l.key: …",
            "d.toml:7: realm.m.limits.r.overrides: …",
        ],
    );
    check(
        "[realm.m.limits.l]\nkey = \"tenant\"\nrate = \"1/1s\"\n[[realm.m.route]]\npath = \"/a\"\nupstream = \"builtin:echo\"\nlimits = [\"l\"]\nlimited = false",
        &["d.toml:8: realm.m.route[0].limited: …"],
    );
}
