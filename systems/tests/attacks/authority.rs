//! Narrowed credentials against what they are narrowed from, at every kind of route, by every
//! way of presenting them, in every role and tenant that a request may name, and asked by
//! another proxy: they may do less, never more; and checks, headers, claims and the JWT that
//! an upstream sees say one and the same.

use crate::dice::{Seeded, rounds};
use doorward_testkit::jwt::Unverified;
use doorward_testkit::{App, Request, Response, Setup, secret_of, sign_in_to, site};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

const REALM: &str = r#"
[server]
trusted_proxies = ["127.0.0.1"]

[realm.acme]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]
exchange = { path = "/exchange", token_field = "access_token", scope_field = "scope", answer_field = "jwt" }
roles = { ab = ["a", "b"], c = ["c"], none = [], goes = ["a", "cross"] }
role_header = "X-Role"
tenant_header = { header = "X-Tenant-ID", foreign_scope = "cross" }
forward_auth = { path = "/ask" }
basic = { username = "acme", modules = { some = { enabled = true, scopes = ["a", "c", "cross"] } } }

[realm.acme.tokens]
revocation = "immediate"
default_scopes = "all"
claims = { scope = "{scope}", may = { list = "{permissions}" }, roles = "{roles}", org = "{tenant}" }

[realm.acme.api_tokens.access]
kinds = ["personal", "service"]
prefix = "acme-"
presentations = ["exchange", "bearer", "basic"]

[realm.acme.identity]
map = { told-scope = "scope", told-permissions = "may.list", told-roles = "roles", told-org = "org" }

[[realm.acme.route]]
path = "/any/**"
upstream = "builtin:echo"
basic = "some"
"#;

/// What a route of the name asks for.
const PERMISSIONS: [&str; 4] = ["a", "b", "c", "cross"];
/// With what each gives.
const ROLES: [(&str, &[&str]); 4] = [
    ("ab", &["a", "b"]),
    ("c", &["c"]),
    ("none", &[]),
    ("goes", &["a", "cross"]),
];
/// Of which the last is none.
const TENANTS: [&str; 3] = ["acme", "globex", "nowhere"];

fn start(site: &str) -> App {
    let mut text = REALM.to_owned();
    for (kind, names) in [
        ("permissions", PERMISSIONS),
        ("scopes", PERMISSIONS),
        ("roles", ROLES.map(|(name, _)| name)),
    ] {
        for name in names {
            text.push_str(&format!(
                "[[realm.acme.route]]\npath = \"/{kind}/{name}\"\nupstream = \"builtin:echo\"\n{kind} = [\"{name}\"]\nbasic = \"some\"\n"
            ));
        }
    }
    Setup::new(site, &text).start()
}

type Names = BTreeSet<String>;

/// All that one credential may do and is told to be.
#[derive(PartialEq, Debug)]
struct Authority {
    permissions: Names,
    scopes: Names,
    roles: Names,
    /// Where it acts.
    tenant: String,
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

/// How a request is made.
#[derive(Clone, Copy, Debug)]
struct Showing<'s> {
    credential: Credential<'s>,
    /// Whether another proxy asks about it.
    is_asked: bool,
    role: Option<&'s str>,
    tenant: Option<&'s str>,
}

#[derive(Clone, Copy)]
enum Credential<'s> {
    Bearer(&'s str),
    Basic(&'s str),
}

/// Without what is secret.
impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(token) if token.contains('.') => "a JWT",
            Self::Bearer(_) => "a token",
            Self::Basic(_) => "Basic",
        })
    }
}

impl<'s> Showing<'s> {
    /// As it is, to the gate itself.
    const fn plain(credential: Credential<'s>) -> Self {
        Self {
            credential,
            is_asked: false,
            role: None,
            tenant: None,
        }
    }

    fn ask(&self, app: &App, path: &str) -> Response {
        let mut request = if self.is_asked {
            app.request("GET", "/ask")
                .header("X-Forwarded-Method", "GET")
                .header("X-Forwarded-Uri", path)
        } else {
            app.request("GET", path)
        };
        request = match self.credential {
            Credential::Bearer(token) => request.bearer(token),
            Credential::Basic(token) => request.basic("acme", token),
        };
        for (name, value) in [("X-Role", self.role), ("X-Tenant-ID", self.tenant)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send()
    }

    /// What an upstream is told: by a header that is not there, nothing.
    fn told(&self, app: &App) -> impl Fn(&str) -> String + use<> {
        let answer = self.ask(app, "/any/x");
        let by_gate = (!self.is_asked).then(|| answer.expect(200).json()["headers"].clone());
        move |name: &str| {
            let told = match &by_gate {
                Some(told) => told.get(name).and_then(Value::as_str),
                None => answer.expect(200).header(name),
            };
            told.unwrap_or_default().to_owned()
        }
    }

    /// Tries every route, and compares with what the upstream is told.
    fn explore(&self, app: &App) -> Authority {
        let passes = |kind: &str, names: [&str; 4]| -> Names {
            let passes = |name: &&str| match self.ask(app, &format!("/{kind}/{name}")).status {
                200 => true,
                403 => false,
                status => panic!("{self:?}: /{kind}/{name}: {status}"),
            };
            let passed = names.into_iter().filter(passes);
            passed.map(str::to_owned).collect()
        };
        let told = self.told(app);
        let authority = Authority {
            permissions: passes("permissions", PERMISSIONS),
            scopes: passes("scopes", PERMISSIONS),
            roles: passes("roles", ROLES.map(|(name, _)| name)),
            tenant: told("x-doorward-tenant"),
        };
        for (name, separator, held) in [
            ("x-doorward-scopes", ' ', &authority.scopes),
            ("told-scope", ' ', &authority.scopes),
            ("told-permissions", ',', &authority.permissions),
            ("told-roles", ',', &authority.roles),
        ] {
            assert_eq!(words(&told(name), separator), *held, "{self:?}: {name}");
        }
        assert_eq!(told("told-org"), authority.tenant, "{self:?}");
        assert_eq!(told("x-doorward-role"), self.role.unwrap_or_default());
        if let Some(jwt) = told("authorization").strip_prefix("Bearer ")
            && jwt.contains('.')
        {
            let claims = Unverified::of(jwt).claims;
            let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(words(text("scope"), ' '), authority.scopes, "{self:?}");
            let may = list(&claims["may"]["list"]);
            assert_eq!(may, authority.permissions, "{self:?}");
            assert_eq!(list(&claims["roles"]), authority.roles, "{self:?}");
            assert_eq!(text("org"), authority.tenant, "{self:?}");
        }
        authority
    }
}

fn by_bearer(app: &App, token: &str) -> Authority {
    Showing::plain(Credential::Bearer(token)).explore(app)
}

fn exchange(app: &App, token: &str, scope: Option<&str>) -> Response {
    let mut body = json!({"access_token": token});
    if let Some(scope) = scope {
        body["scope"] = json!(scope);
    }
    app.request("POST", "/exchange").json(&body).send()
}

fn jwt_of(app: &App, exchanged: &Response) -> String {
    let body = exchanged.expect(200).json();
    app.remembered(body["jwt"].as_str().unwrap().to_owned())
}

fn by_jwt(app: &App, exchanged: &Response) -> Authority {
    by_bearer(app, &jwt_of(app, exchanged))
}

/// Who owns the credentials of a round.
struct Owner {
    email: String,
    /// The permissions and roles that it holds in the whole realm, and not in `acme`, as far
    /// as what it shows may name other tenants.
    wide: (Names, Names),
}

/// The permissions that somebody is given, and the roles.
fn given(dice: &mut Seeded) -> (Vec<&'static str>, Vec<&'static str>) {
    let permissions = dice.some(&PERMISSIONS);
    (permissions, dice.some(&ROLES.map(|(name, _)| name)))
}

fn arguments(given: &(Vec<&'static str>, Vec<&'static str>)) -> Vec<&'static str> {
    let (permissions, roles) = given;
    let permissions = permissions.iter().flat_map(|name| ["--permission", *name]);
    let roles = roles.iter().flat_map(|name| ["--role", *name]);
    permissions.chain(roles).collect()
}

/// All that it gives, by role or directly, and the roles.
fn whole(given: &(Vec<&'static str>, Vec<&'static str>)) -> (Names, Names) {
    let (permissions, roles) = given;
    let by_role = ROLES.iter().filter(|(name, _)| roles.contains(name));
    let by_role = by_role.flat_map(|(_, gives)| gives.iter());
    let permissions = permissions.iter().chain(by_role);
    (
        permissions.map(|name| (*name).to_owned()).collect(),
        roles.iter().map(|name| (*name).to_owned()).collect(),
    )
}

impl Owner {
    fn make(app: &App, dice: &mut Seeded, number: usize) -> Self {
        let is_wide = dice.one_in(2);
        let place: &[&str] = if is_wide { &[] } else { &["--tenant", "acme"] };
        let given = given(dice);
        let email = format!("robot{number}@example.com");
        app.service_account(&email, &[place, &arguments(&given)].concat());
        let wide = if is_wide {
            whole(&given)
        } else {
            Default::default()
        };
        Self { email, wide }
    }

    /// Whether whoever may all this may name another tenant.
    fn crosses(&self, whole: &Authority) -> bool {
        let (permissions, roles) = &self.wide;
        whole.scopes.contains("cross")
            && whole.permissions.is_subset(permissions)
            && whole.roles.is_subset(roles)
    }

    /// Checks what becomes of a selection, given what the credential may without one.
    fn check(&self, app: &App, showing: &Showing<'_>, whole: &Authority) {
        let gives = |role: &str| ROLES.iter().find(|(name, _)| *name == role).unwrap().1;
        let may_cross = self.crosses(whole)
            && showing
                .role
                .is_none_or(|role| gives(role).contains(&"cross"));
        let role_is_held = showing.role.is_none_or(|role| whole.roles.contains(role));
        let is_reached = showing
            .tenant
            .is_none_or(|tenant| tenant == whole.tenant || (may_cross && tenant != TENANTS[2]));
        if !role_is_held || !is_reached {
            let code = if role_is_held {
                "tenant_forbidden"
            } else {
                "role_not_allowed"
            };
            let refused = showing.ask(app, "/any/x");
            assert_eq!(
                (refused.status, &*refused.code()),
                (403, code),
                "{showing:?}"
            );
            return;
        }
        let acting = showing.explore(app);
        assert!(acting.within(whole), "{showing:?}: {acting:?} {whole:?}");
        let tenant = showing.tenant.unwrap_or(&whole.tenant);
        assert_eq!(acting.tenant, tenant, "{showing:?}");
        match showing.role {
            Some(role) => {
                assert_eq!(acting.roles, words(role, ' '), "{showing:?}");
                let given: Names = gives(role).iter().map(|name| (*name).to_owned()).collect();
                assert!(
                    acting.permissions.is_subset(&given),
                    "{showing:?} {acting:?}"
                );
                assert!(acting.scopes.is_subset(&given), "{showing:?} {acting:?}");
            }
            None => assert_eq!(
                (&acting.roles, &acting.scopes),
                (&whole.roles, &whole.scopes)
            ),
        }
    }

    /// The same, of some selection.
    fn check_some(
        &self,
        app: &App,
        dice: &mut Seeded,
        credential: Credential<'_>,
        whole: &Authority,
    ) {
        let showing = Showing {
            credential,
            is_asked: dice.one_in(2),
            role: dice.one_in(2).then(|| dice.of(&ROLES).0),
            tenant: dice.one_in(2).then(|| *dice.of(&TENANTS)),
        };
        self.check(app, &showing, whole);
    }
}

/// `DOORWARD_SEED` repeats a round that failed.
#[test]
fn what_is_narrowed_may_less_and_says_so_everywhere() {
    let app = start(site!());
    for tenant in &TENANTS[..2] {
        let arguments = ["--realm", "acme", tenant];
        let _ = app.run(&["tenant", "create"], &arguments).success();
    }
    for (number, mut dice) in rounds(30).enumerate() {
        let dice = &mut dice;
        let owner = Owner::make(&app, dice, number);
        let wide_token = app.token("service", &owner.email, &[]);
        let scopes = dice.some(&PERMISSIONS);
        let scopes: Vec<&str> = scopes.iter().flat_map(|name| ["--scope", name]).collect();
        let narrow_token = app.token("service", &owner.email, &scopes);
        let wide = by_bearer(&app, &wide_token);
        let narrow = by_bearer(&app, &narrow_token);
        // Without a list a token is not narrowed.
        assert!(narrow.within(&wide), "{narrow:?} {wide:?}");
        for (token, whole) in [(&wide_token, &wide), (&narrow_token, &narrow)] {
            owner.check_some(&app, dice, Credential::Bearer(token), whole);
            let basic = Showing::plain(Credential::Basic(token)).explore(&app);
            assert!(basic.within(whole), "{basic:?} {whole:?}");
            owner.check_some(&app, dice, Credential::Basic(token), &basic);
            let jwt = jwt_of(&app, &exchange(&app, token, None));
            assert_eq!(by_bearer(&app, &jwt), *whole);
            owner.check_some(&app, dice, Credential::Bearer(&jwt), whole);
            let asked = dice.some(&PERMISSIONS).join(" ");
            let answer = exchange(&app, token, Some(&asked));
            if words(&asked, ' ').is_subset(&whole.permissions) {
                let jwt = jwt_of(&app, &answer);
                let asked = by_bearer(&app, &jwt);
                assert!(asked.within(whole), "{asked:?} {whole:?}");
                owner.check_some(&app, dice, Credential::Bearer(&jwt), &asked);
            } else {
                assert_eq!((answer.status, &*answer.code()), (400, "invalid_scope"));
            }
        }
        let nothing = by_jwt(&app, &exchange(&app, &wide_token, Some("")));
        assert!(
            nothing.permissions.is_empty() && nothing.roles.is_empty(),
            "{nothing:?}"
        );
    }
}

/// Who may name any tenant and has something of one besides: none of that goes along.
#[test]
fn what_a_tenant_gave_goes_into_no_other() {
    let app = start(site!());
    for tenant in &TENANTS[..2] {
        let arguments = ["--realm", "acme", tenant];
        let _ = app.run(&["tenant", "create"], &arguments).success();
    }
    let mut seen = [false; 2];
    for (number, mut dice) in rounds(12).enumerate() {
        let dice = &mut dice;
        let (mut in_realm, in_acme) = (given(dice), given(dice));
        if !in_realm.0.contains(&"cross") {
            in_realm.0.push("cross");
        }
        let email = format!("person{number}@example.com");
        let password = app.user(&email, &arguments(&in_realm));
        let place = ["--realm", "acme", "--email", &email, "--tenant", "acme"];
        let _ = app.run(&["membership", "create"], &place).success();
        for one in arguments(&in_acme).chunks(2) {
            let grant = [&place[..], one].concat();
            let _ = app.run(&["grant", "add"], &grant).success();
        }
        let answer = sign_in_to(&app, "acme", &email, &password)
            .expect(200)
            .json();
        let session = app.remembered(answer["access_token"].as_str().unwrap().to_owned());
        let owner = Owner {
            email,
            wide: whole(&in_realm),
        };
        let all = by_bearer(&app, &session);
        seen[usize::from(owner.crosses(&all))] = true;
        let foreign = Showing {
            tenant: Some(TENANTS[1]),
            ..Showing::plain(Credential::Bearer(&session))
        };
        owner.check(&app, &foreign, &all);
        for _ in 0..3 {
            owner.check_some(&app, dice, Credential::Bearer(&session), &all);
        }
        // A token of the tenant stays there, whatever its owner holds.
        let made = app.request("POST", "/me/v1/tokens").bearer(&session);
        let made = made.json(&json!({})).send();
        let token = app.remembered(secret_of(made.expect(201)));
        let bound = Owner {
            wide: Default::default(),
            ..owner
        };
        for shown in [jwt_of(&app, &exchange(&app, &token, None)), token] {
            let all = by_bearer(&app, &shown);
            let foreign = Showing {
                tenant: Some(TENANTS[1]),
                ..Showing::plain(Credential::Bearer(&shown))
            };
            bound.check(&app, &foreign, &all);
        }
    }
    assert_eq!(seen, [true; 2], "some cross and some do not");
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
