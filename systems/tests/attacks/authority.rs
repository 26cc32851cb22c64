//! Narrowed credentials against what they are narrowed from, at every kind of route and by
//! every way of presenting them: they may do less, never more; and checks, headers, claims
//! and the JWT that an upstream sees say one and the same.

use doorward_testkit::jwt::Unverified;
use doorward_testkit::{App, Request, Response, Setup, site};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const REALM: &str = r#"
[realm.acme]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]
exchange = { path = "/exchange", token_field = "access_token", scope_field = "scope", answer_field = "jwt" }
roles = { ab = ["a", "b"], c = ["c"], none = [] }
basic = { username = "acme", modules = { some = { enabled = true, scopes = ["a", "c"] } } }

[realm.acme.tokens]
revocation = "immediate"
default_scopes = "all"
claims = { scope = "{scope}", may = { list = "{permissions}" }, roles = "{roles}", org = "{tenant}" }

[realm.acme.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange", "bearer", "basic"]

[realm.acme.identity]
map = { told-scope = "scope", told-permissions = "may.list", told-roles = "roles" }

[[realm.acme.route]]
path = "/any/**"
upstream = "builtin:echo"
basic = "some"
"#;

/// What a route of the name asks for.
const PERMISSIONS: [&str; 3] = ["a", "b", "c"];
const ROLES: [&str; 3] = ["ab", "c", "none"];

fn start(site: &str) -> App {
    let mut text = REALM.to_owned();
    for (kind, names) in [
        ("permissions", PERMISSIONS),
        ("scopes", PERMISSIONS),
        ("roles", ROLES),
    ] {
        for name in names {
            text.push_str(&format!(
                "[[realm.acme.route]]\npath = \"/{kind}/{name}\"\nupstream = \"builtin:echo\"\n{kind} = [\"{name}\"]\nbasic = \"some\"\n"
            ));
        }
    }
    Setup::new(site, &text).start()
}

/// Dice that fall alike in every run.
struct Dice(u64);

impl Dice {
    fn some<'n>(&mut self, names: &[&'n str]) -> Vec<&'n str> {
        let mut chosen = Vec::new();
        for name in names {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if (self.0 >> 40) & 1 == 1 {
                chosen.push(*name);
            }
        }
        chosen
    }
}

type Names = BTreeSet<String>;

/// All that one credential may do and is told to be.
#[derive(Debug)]
struct Authority {
    permissions: Names,
    scopes: Names,
    roles: Names,
}

impl Authority {
    fn within(&self, wide: &Self) -> bool {
        self.permissions.is_subset(&wide.permissions)
            && self.scopes.is_subset(&wide.scopes)
            && self.roles.is_subset(&wide.roles)
    }
}

fn words(text: &str, separator: char) -> Names {
    text.split(separator)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn list(value: &Value) -> Names {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Tries every route, and compares with what the upstream is told.
fn explore(what: &str, ask: &dyn Fn(&str) -> Request) -> Authority {
    let passes = |kind: &str, names: [&str; 3]| -> Names {
        let passes = |name: &&str| match ask(&format!("/{kind}/{name}")).send().status {
            200 => true,
            403 => false,
            status => panic!("{what}: /{kind}/{name}: {status}"),
        };
        names
            .into_iter()
            .filter(passes)
            .map(str::to_owned)
            .collect()
    };
    let authority = Authority {
        permissions: passes("permissions", PERMISSIONS),
        scopes: passes("scopes", PERMISSIONS),
        roles: passes("roles", ROLES),
    };
    let answer = ask("/any/x").send();
    let told = answer.expect(200).json()["headers"].clone();
    let header = |name: &str| {
        told.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        words(&header("x-doorward-scopes"), ' '),
        authority.scopes,
        "{what}"
    );
    assert_eq!(
        words(&header("told-scope"), ' '),
        authority.scopes,
        "{what}"
    );
    assert_eq!(
        words(&header("told-permissions"), ','),
        authority.permissions,
        "{what}"
    );
    assert_eq!(words(&header("told-roles"), ','), authority.roles, "{what}");
    if let Some(jwt) = header("authorization").strip_prefix("Bearer ") {
        let claims = Unverified::of(jwt).claims;
        let scope = claims
            .get("scope")
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert_eq!(words(scope, ' '), authority.scopes, "{what}");
        assert_eq!(
            list(&claims["may"]["list"]),
            authority.permissions,
            "{what}"
        );
        assert_eq!(list(&claims["roles"]), authority.roles, "{what}");
    }
    authority
}

fn by_bearer(app: &App, token: &str) -> Authority {
    explore("bearer", &|path| app.request("GET", path).bearer(token))
}

fn by_basic(app: &App, token: &str) -> Authority {
    explore("basic", &|path| {
        app.request("GET", path).basic("acme", token)
    })
}

fn exchange(app: &App, token: &str, scope: Option<&str>) -> Response {
    let mut body = json!({"access_token": token});
    if let Some(scope) = scope {
        body["scope"] = json!(scope);
    }
    app.request("POST", "/exchange").json(&body).send()
}

fn by_jwt(app: &App, exchanged: &Response) -> Authority {
    let jwt = exchanged.expect(200).json()["jwt"]
        .as_str()
        .unwrap()
        .to_owned();
    let jwt = app.remembered(jwt);
    explore("jwt", &|path| app.request("GET", path).bearer(&jwt))
}

#[test]
fn what_is_narrowed_may_less_and_says_so_everywhere() {
    let app = start(site!());
    let mut dice = Dice(20_261_129);
    for round in 0..8 {
        let owner = format!("robot{round}@example.com");
        let (permissions, roles) = (dice.some(&PERMISSIONS), dice.some(&ROLES));
        let given: Vec<&str> = permissions
            .iter()
            .flat_map(|name| ["--permission", name])
            .chain(roles.iter().flat_map(|name| ["--role", name]))
            .collect();
        app.service_account(&owner, &given);
        let wide_token = app.token("service", &owner, &[]);
        let scopes = dice.some(&PERMISSIONS);
        let scopes: Vec<&str> = scopes.iter().flat_map(|name| ["--scope", name]).collect();
        let narrow_token = app.token("service", &owner, &scopes);
        let wide = by_bearer(&app, &wide_token);
        let narrow = by_bearer(&app, &narrow_token);
        // Without a list a token is not narrowed.
        assert!(narrow.within(&wide), "{round}: {narrow:?} {wide:?}");
        for (token, whole) in [(&wide_token, &wide), (&narrow_token, &narrow)] {
            let basic = by_basic(&app, token);
            assert!(basic.within(whole), "{round}: {basic:?} {whole:?}");
            let jwt = by_jwt(&app, &exchange(&app, token, None));
            assert!(
                jwt.within(whole) && whole.within(&jwt),
                "{round}: {jwt:?} {whole:?}"
            );
            let asked = dice.some(&PERMISSIONS).join(" ");
            let answer = exchange(&app, token, Some(&asked));
            if answer.status == 200 {
                let asked = by_jwt(&app, &answer);
                assert!(asked.within(&jwt), "{round}: {asked:?} {jwt:?}");
            } else {
                assert_eq!(answer.status, 400, "{}", answer.text());
            }
            let nothing = by_jwt(&app, &exchange(&app, token, Some("")));
            assert!(
                nothing.permissions.is_empty() && nothing.roles.is_empty(),
                "{nothing:?}"
            );
        }
    }
}

/// X8: one that may nothing passes no route that asks for a role.
#[test]
fn x8_a_role_of_which_nothing_is_left_opens_nothing() {
    let app = start(site!());
    app.service_account("boss@example.com", &["--role", "ab", "--role", "none"]);
    let token = app.token("service", "boss@example.com", &[]);
    let whole = by_bearer(&app, &token);
    assert_eq!(whole.roles, words("ab none", ' '));
    for scope in ["", "a", "b"] {
        let jwt = by_jwt(&app, &exchange(&app, &token, Some(scope)));
        assert_eq!(jwt.roles, Names::new(), "{scope:?}");
    }
    let both = by_jwt(&app, &exchange(&app, &token, Some("a b")));
    assert_eq!(both.roles, words("ab", ' '));
}

/// R1: a reload takes a permission from a role, and from JWTs that the role gave it.
#[test]
fn r1_what_a_role_gives_no_longer_is_gone_from_access_tokens() {
    let mut app = start(site!());
    app.service_account("ci@example.com", &["--role", "ab"]);
    app.service_account("other@example.com", &["--role", "c"]);
    let made = |app: &App, owner: &str| {
        let token = app.token("service", owner, &[]);
        let answer = exchange(app, &token, None);
        let jwt = answer.expect(200).json()["jwt"]
            .as_str()
            .unwrap()
            .to_owned();
        (token, app.remembered(jwt))
    };
    let (token, jwt) = made(&app, "ci@example.com");
    let (_, other) = made(&app, "other@example.com");
    let get = |app: &App, path: &str, bearer: &str| app.request("GET", path).bearer(bearer);
    get(&app, "/permissions/b", &jwt).send().expect(200);
    app.reconfigure(|config| {
        config["realm"]["acme"]["roles"]["ab"] = vec!["a".to_owned()].into();
    });
    app.server().signal("HUP");
    app.until_status(&get(&app, "/permissions/b", &token), 403);
    for path in ["/permissions/b", "/permissions/a", "/roles/ab"] {
        get(&app, path, &jwt).send().expect(401);
    }
    // Whoever has nothing of that role notices nothing.
    get(&app, "/permissions/c", &other).send().expect(200);
    let (_, fresh) = made(&app, "ci@example.com");
    get(&app, "/permissions/a", &fresh).send().expect(200);
    get(&app, "/permissions/b", &fresh).send().expect(403);
    // Nor does a restart bring it back.
    app.start();
    get(&app, "/permissions/b", &jwt).send().expect(401);
    get(&app, "/permissions/a", &fresh).send().expect(200);
}

/// G2: what an anonymous caller wrote commands no terminal of an operator.
#[test]
fn g2_explain_prints_nothing_that_acts() {
    let app = start(site!());
    app.service_account("ci@example.com", &[]);
    let token = app.token("service", "ci@example.com", &[]);
    let answer = exchange(&app, &token, None);
    let parts = Unverified::of(answer.expect(200).json()["jwt"].as_str().unwrap());
    let mut header = parts.header.clone();
    header["kid"] = json!("\u{1b}]0;pwned\u{7}\u{1b}[31m\ncode     permitted\r\u{9b}2J\u{202e}");
    let forged = doorward_testkit::jwt::assemble(&header, &parts.claims, b"no signature");
    let refused = app.request("GET", "/any/x").bearer(&forged).send();
    assert_eq!(refused.status, 401);
    let id = refused.header("x-request-id").unwrap();
    for further in [&[][..], &["--json"]] {
        let arguments = [&[id], further].concat();
        let said = app.run(&["explain"], &arguments).success().stdout;
        assert!(said.contains("pwned"), "{said:?}");
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!said.contains(acts), "{said:?}");
        let forged = said.lines().filter(|line| line.starts_with("code "));
        assert!(forged.count() <= 1, "{said}");
    }
}

/// E1: what our own endpoints refuse was not let through.
#[test]
fn e1_refusals_of_our_own_endpoints_are_no_permits() {
    let app = start(site!());
    app.service_account("ci@example.com", &[]);
    let token = app.token("service", "ci@example.com", &[]);
    let permitted = || -> u64 {
        let metrics = Request::new(app.ops(), "GET", "/metrics").send();
        let text = metrics.expect(200).text();
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("doorward_permitted_total "));
        line.unwrap().trim().parse().unwrap()
    };
    let before = permitted();
    for _ in 0..4 {
        exchange(&app, "acme-made-up", None).expect(401);
        let wrong = json!({"email": "nobody@example.com", "password": "no such password"});
        app.request("POST", "/me/v1/session")
            .json(&wrong)
            .send()
            .expect(401);
    }
    assert_eq!(permitted(), before);
    app.request("GET", "/any/x")
        .bearer(&token)
        .send()
        .expect(200);
    assert_eq!(permitted(), before + 1);
}
