//! The recipes of `docs/forward-auth.md`, word for word but for the ports, in the real
//! proxies: what is ours reaches the upstream, nothing of that name that a client made
//! up does, and refusals reach the client as they are.
#![cfg(test)]

use doorward_testkit::service::{Program, free_port};
use doorward_testkit::upstream::Upstream;
use doorward_testkit::{App, EXCHANGE, Person, Request, Response, Setup, site, tool};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;

const RECIPES: &str = include_str!("../../docs/forward-auth.md");
const ROBOT: &str = "robot@example.com";
const ORIGIN: &str = "https://app.example.com";
const REALM: &str = r#"
[server]
trusted_proxies = ["127.0.0.1"]
egress_allow = ["127.0.0.0/8"]

[realm.acme]
hosts = ["*"]
issuer = "http://127.0.0.1:8080"
dialects = ["oauth"]
forward_auth = { path = "/forward-auth" }
cors_origins = ["https://app.example.com"]
exchange = { path = "/api/auth/access-tokens/jwt" }
api_tokens.access = { kinds = ["service"], prefix = "acme-", presentations = ["exchange", "bearer", "basic", "header:X-API-Key", "query:apikey"] }
basic = { username = "acme", modules = { m = { enabled = true } } }
issuers = [{ issuer = "https://idp.example.com", audiences = ["api"], algorithms = ["RS256"], jwks_url = "https://127.0.0.1:1/jwks" }]
limits.few = { rate = "1/1h", key = "address" }
route = [
    { path = "/api/**", upstream = "builtin:echo", basic = "m" },
    { path = "/scoped/**", upstream = "builtin:echo", scopes = ["held:by:nobody"] },
    { path = "/pub/**", upstream = "builtin:echo", public = true },
    { path = "/few/**", upstream = "builtin:echo", public = true, limits = ["few"] },
]
"#;

/// The code blocks of a language, in their order.
fn recipes(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    RECIPES
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// A proxy before Doorward and an upstream.
struct Site {
    app: App,
    upstream: Upstream,
    proxy: SocketAddr,
}

impl Site {
    fn start(site: &str) -> Self {
        Self {
            app: Setup::new(site, REALM).start(),
            upstream: Upstream::start(),
            proxy: SocketAddr::from(([127, 0, 0, 1], free_port())),
        }
    }

    /// Writes a recipe with this site's ports, and returns the file's name.
    fn write(&self, name: &str, recipe: &str) -> String {
        let ours = |port: &str, addr: SocketAddr| (port.to_owned(), addr.port().to_string());
        let upstream = self.upstream.origin().replace("http://", "");
        let recipe = [
            ours("8080", self.app.addr()),
            ours("9000", upstream.parse().unwrap()),
            ours("8000", self.proxy),
        ]
        .iter()
        .fold(recipe.to_owned(), |text, (from, to)| text.replace(from, to));
        let file = self.app.artifacts().write(name, &recipe);
        file.display().to_string()
    }

    fn dir(&self) -> &Path {
        self.app.artifacts().dir()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Program {
        let program = tool(program);
        let words = [&[program.as_str()], arguments].concat();
        Program::start(&words, self.proxy, &self.dir().join("proxy.log"))
    }

    fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.proxy, method, target).header("Origin", ORIGIN)
    }

    /// Sends a request that must pass, and returns what the upstream saw of it: header
    /// lines whose names and values are not empty, in lower case, `_` as `-`.
    fn passes(&self, request: &Request) -> Vec<(String, String)> {
        let before = self.upstream.seen().len();
        request.send().expect(200);
        let seen = self.upstream.seen();
        let (_, new) = seen.split_at(before);
        new.lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| {
                let name = name.to_ascii_lowercase().replace('_', "-");
                (name, value.trim().to_owned())
            })
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    fn check(&self) {
        self.app.service_account(ROBOT, &[]);
        let token = self.app.token("service", ROBOT, &[]);
        let jwt = self.app.jwt(&token, &json!({}));
        self.check_own_paths(&token);
        self.check_identity(&token, &jwt);
        self.check_refusals(&token, &jwt);
    }

    /// What is Doorward's own never reaches the upstream, sent to Doorward or refused.
    fn check_own_paths(&self, token: &str) {
        let before = self.upstream.seen().len();
        let ada = Person::make(&self.app, "ada@example.com", &[]);
        let answer = ada.sign_in_at(self.proxy);
        let session = answer.expect(200).json();
        let session = session["access_token"].as_str().unwrap();
        let session = self.app.remembered(session.to_owned());
        let me = self.request("GET", "/me/v1").bearer(&session).send();
        assert!(me.expect(200).text().contains(ada.email()));
        let keys = self.request("GET", "/.well-known/jwks.json").send();
        assert!(keys.expect(200).json()["keys"].is_array());
        for path in ["openid-configuration", "oauth-authorization-server"] {
            let about = self.request("GET", &format!("/.well-known/{path}")).send();
            assert_eq!(about.expect(200).json()["issuer"], "http://127.0.0.1:8080");
        }
        let body = json!({ "token": token });
        for (method, path, status) in [
            // Doorward's, though this realm has nothing there.
            ("POST", "/oauth/exchange", 401),
            ("GET", "/admin/v1/users", 401),
            ("POST", "/me/v1/elsewhere", 401),
            // Asked about, for the recipe does not name it.
            ("POST", EXCHANGE, 404),
            ("GET", "/healthz", 404),
            ("POST", "/me%2fv1/session", 400),
        ] {
            let answer = self.request(method, path).json(&body).send();
            assert_eq!(answer.status, status, "{method} {path}");
            assert!(answer.header("x-request-id").is_some(), "{method} {path}");
        }
        let seen = self.upstream.seen();
        assert_eq!(seen.get(before..), Some(""), "the upstream was told");
    }

    fn check_identity(&self, token: &str, jwt: &str) {
        let forge = |request: Request| {
            [
                ("X-Doorward-Tenant", "victim"),
                ("X-Doorward-Role", "admin"),
                ("X_Doorward_Tenant", "victim"),
                ("X-Doorward_Tenant", "victim"),
                ("X_Doorward_Scopes", "everything"),
            ]
            .iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            })
        };
        let ours = |seen: &[(String, String)]| -> Vec<String> {
            let ours = seen
                .iter()
                .filter(|(name, _)| name.starts_with("x-doorward"));
            ours.map(|(name, _)| name.clone()).collect()
        };
        for credential in [token, jwt] {
            let request = forge(self.request("POST", "/api/x?q=1"))
                .bearer(credential)
                .body(b"body");
            let mut seen = ours(&self.passes(&request));
            seen.sort();
            assert_eq!(
                seen,
                [
                    "x-doorward-credential",
                    "x-doorward-issuer",
                    "x-doorward-kind",
                    "x-doorward-subject"
                ]
            );
        }
        // An API token goes no further, wherever it was found.
        let keyed = forge(self.request("GET", "/api/x")).header("X-API-Key", token);
        let keyed = self.passes(&keyed);
        assert_eq!(ours(&keyed).len(), 4, "{keyed:?}");
        assert!(keyed.iter().all(|(name, _)| name != "x-api-key"));
        let before = self.upstream.seen().len();
        let asked = self
            .request("GET", &format!("/api/x?apikey={token}"))
            .send();
        assert_eq!(asked.status, 400);
        assert_eq!(self.upstream.seen().len(), before);
        assert!(!self.upstream.seen().contains(token));
        let public = forge(self.request("GET", "/pub/x")).header("X-Doorward-Subject", "boss");
        assert_eq!(ours(&self.passes(&public)), Vec::<String>::new());
        // A page asks whether it may ask.
        let preflight = self
            .request("OPTIONS", "/api/x")
            .header("Access-Control-Request-Method", "PUT");
        assert_eq!(ours(&self.passes(&preflight)), Vec::<String>::new());
    }

    fn check_refusals(&self, token: &str, jwt: &str) {
        let readable = |answer: &Response| {
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
            assert!(answer.header("x-request-id").is_some());
        };
        let refused = self.request("GET", "/api/x").send();
        assert_eq!(refused.status, 401);
        readable(&refused);
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        let without_origin = Request::new(self.proxy, "GET", "/api/x").send();
        let challenges = without_origin.header("www-authenticate").unwrap();
        assert_eq!(
            challenges, "Bearer, Basic realm=\"acme\", charset=\"UTF-8\"",
            "both ways to sign in"
        );
        let forbidden = self.request("GET", "/scoped/x").bearer(jwt).send();
        assert_eq!(forbidden.status, 403);
        readable(&forbidden);
        self.request("GET", "/few/x").send().expect(200);
        let limited = self.request("GET", "/few/x").send();
        assert_eq!(limited.status, 429);
        assert!(
            limited
                .header("retry-after")
                .unwrap()
                .parse::<u64>()
                .unwrap()
                > 0
        );
        // An issuer whose keys nobody has seen.
        let unknown = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.\
             eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSIsImF1ZCI6ImFwaSIsInN1YiI6InMiLCJleHAiOjQxMDI0NDQ4MDB9.\
             c2lnbmF0dXJl";
        let unavailable = self.request("GET", "/api/x").bearer(unknown).send();
        assert_eq!(unavailable.status, 503);
        self.app.revoke(token);
        self.app
            .until_status(&self.request("GET", "/api/x").bearer(token), 401);
    }
}

#[test]
fn d1_d7_d15_nginx() {
    let site = Site::start(site!());
    let [recipe] = recipes("nginx").try_into().unwrap();
    let dir = site.dir().display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {dir}/nginx_{kind};\n"))
        .collect();
    let conf = site.write(
        "nginx.conf",
        &format!(
            "daemon off;\nerror_log stderr;\npid {dir}/nginx.pid;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{recipe}}}\n"
        ),
    );
    let _nginx = site.run("nginx", &["-e", "stderr", "-c", &conf]);
    site.check();
}

#[test]
fn d1_d7_d15_caddy() {
    let site = Site::start(site!());
    let [recipe] = recipes("caddyfile").try_into().unwrap();
    let dir = site.dir().display();
    let global = format!("{{\n\tadmin off\n\tstorage file_system {dir}/caddy\n}}\n");
    let conf = site.write("Caddyfile", &format!("{global}{recipe}"));
    let _caddy = site.run(
        "caddy",
        &["run", "--adapter", "caddyfile", "--config", &conf],
    );
    site.check();
}

#[test]
fn d1_d7_d15_traefik() {
    let site = Site::start(site!());
    let [recipe, _] = recipes("yaml").try_into().unwrap();
    let dynamic = site.write("traefik-dynamic.yaml", &recipe);
    let fixed = format!(
        "global: {{ checkNewVersion: false, sendAnonymousUsage: false }}\n\
         entryPoints: {{ web: {{ address: \"127.0.0.1:8000\" }} }}\n\
         providers: {{ file: {{ filename: \"{dynamic}\" }} }}\n"
    );
    let conf = site.write("traefik.yaml", &fixed);
    let _traefik = site.run("traefik", &[&format!("--configFile={conf}")]);
    // It listens before it has read its routes.
    site.app.until_status(&site.request("GET", "/pub/x"), 200);
    site.check();
}

#[test]
fn d1_d7_d15_envoy() {
    let site = Site::start(site!());
    let [_, recipe] = recipes("yaml").try_into().unwrap();
    let conf = site.write("envoy.yaml", &recipe);
    let _envoy = site.run(
        "envoy",
        &["--use-dynamic-base-id", "-l", "warning", "-c", &conf],
    );
    site.check();
}

#[test]
fn d1_d7_d15_haproxy() {
    let site = Site::start(site!());
    let [lua] = recipes("lua").try_into().unwrap();
    let [recipe] = recipes("haproxy").try_into().unwrap();
    let script = site.write("doorward.lua", &lua);
    let conf = site.write("haproxy.cfg", &recipe.replace("doorward.lua", &script));
    let _haproxy = site.run("haproxy", &["-f", &conf]);
    site.check();
}
