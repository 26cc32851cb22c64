//! The provider that plays Auth0, and Doorward beside it.

use doorward_testkit::service::{Program, free_port};
use doorward_testkit::{App, Artifacts, Request, Response, Setup, node_libraries};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

const PROGRAM: &str = include_str!("provider.js");
pub(crate) const REALM: &str = "theholefoundation";
pub(crate) const API: &str = "https://api.theholefoundation.org";
/// A subject as Auth0 names one.
pub(crate) const ANN: &str = "auth0|507f1f77bcf86cd799439011";
pub(crate) const BOB: &str = "auth0|507f1f77bcf86cd799439012";
/// Every scope of the guide.
pub(crate) const SCOPES: [&str; 15] = [
    "read:transparency",
    "read:foia",
    "write:foia",
    "chat:assistant",
    "compile:documents",
    "read:database",
    "admin:database",
    "execute:workflows",
    "read:storage",
    "write:storage",
    "read:vectors",
    "write:vectors",
    "admin:vectors",
    "read:projects",
    "write:projects",
];

/// The provider. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Provider {
    addr: SocketAddr,
    artifacts: Artifacts,
    program: Option<Program>,
}

impl Provider {
    /// Running.
    pub(crate) fn start(site: &str) -> Self {
        let mut provider = Self::down(site);
        provider.up();
        provider
    }

    /// Not running yet; its address is known.
    pub(crate) fn down(site: &str) -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], free_port())),
            artifacts: Artifacts::make(&format!("{site}_provider")),
            program: None,
        }
    }

    pub(crate) fn up(&mut self) {
        let libraries = node_libraries().join("node_modules");
        let program = format!(
            "const LIBRARIES = {:?}, PORT = {};\n{PROGRAM}",
            libraries.display().to_string(),
            self.addr.port()
        );
        let words = ["node", "--input-type=module", "-e", &program];
        let log = self.artifacts.path("provider.log");
        self.program = Some(Program::start(&words, self.addr, &log));
    }

    /// Ends it; its address stays its own.
    pub(crate) fn stop(&mut self) {
        self.program = None;
    }

    /// Its `iss`.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}/", self.addr)
    }

    pub(crate) fn jwks_url(&self) -> String {
        format!("{}.well-known/jwks.json", self.issuer())
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        Request::new(self.addr, "POST", path).json(body).send()
    }

    fn tell(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).expect(200).json()
    }

    fn remembered(&self, token: &Value) -> String {
        let token = token.as_str().unwrap().to_owned();
        self.artifacts.remember(&token);
        token
    }

    /// The secret of every client.
    pub(crate) fn secret(&self) -> String {
        self.remembered(&self.tell("/test/secret", &json!({}))["secret"])
    }

    /// A machine's token, as the guide asks for one (HO-07).
    pub(crate) fn machine(&self, scope: &str) -> String {
        self.remembered(&self.machine_answer(scope)["access_token"])
    }

    pub(crate) fn machine_answer(&self, scope: &str) -> Value {
        let asked = json!({
            "client_id": "machine", "client_secret": self.secret(), "audience": API,
            "grant_type": "client_credentials", "scope": scope,
        });
        self.tell("/oauth/token", &asked)
    }

    /// What a sign-in of this subject gives (HO-06).
    pub(crate) fn login(&self, sub: &str, audience: Option<&str>, scope: &str) -> Value {
        let asked = json!({"sub": sub, "audience": audience, "scope": scope});
        let given = self.tell("/test/login", &asked);
        for member in ["access_token", "id_token"] {
            let _ = self.remembered(&given[member]);
        }
        given
    }

    /// An access token of this subject.
    pub(crate) fn user(&self, sub: &str, scope: &str) -> String {
        self.remembered(&self.login(sub, Some(API), scope)["access_token"])
    }

    /// A token that the provider's key signs, whatever it says.
    pub(crate) fn sign(&self, asked: &Value) -> String {
        self.remembered(&self.tell("/test/sign", asked)["token"])
    }

    /// Claims of a token that is accepted.
    pub(crate) fn claims(&self) -> Value {
        let now = now();
        json!({
            "iss": self.issuer(), "sub": ANN, "aud": API, "iat": now, "exp": now + 3600,
            "scope": "read:foia write:foia",
        })
    }

    /// A token of those claims with these laid over; `null` takes one away.
    pub(crate) fn token(&self, changed: &Value) -> String {
        let mut claims = self.claims();
        for (name, value) in changed.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        self.sign(&json!({"claims": claims}))
    }

    /// The public half of a key, which is made if it is new.
    pub(crate) fn public(&self, kid: &str) -> Value {
        self.tell("/test/public", &json!({ "kid": kid }))
    }

    /// Publishes these keys, and signs with the first.
    pub(crate) fn publish(&self, kids: &[&str]) {
        let _ = self.tell("/test/keys", &json!({"publish": kids}));
    }

    /// How often its keys were fetched.
    pub(crate) fn fetches(&self) -> u64 {
        self.tell("/test/fetches", &json!({}))["fetches"]
            .as_u64()
            .unwrap()
    }

    /// The realm as its file stands, with this provider in Auth0's place, and without TLS,
    /// which is another program's here.
    pub(crate) fn realm(&self, site: &str) -> Setup {
        self.realm_over_tls(site)
            .set("realm.theholefoundation.require_https", "off")
            .set("realm.theholefoundation.limits.subject.rate", "100000/1m")
            .set("realm.theholefoundation.limits.subject.burst", 100_000)
            .edit(|config| {
                let limit = toml::Table::from_iter([("rate".to_owned(), "100000/1m".into())]);
                let realm = config["realm"][REALM].as_table_mut().unwrap();
                realm.insert("failed_credentials".to_owned(), limit.into());
            })
    }

    /// The same, where plain HTTP is refused, and with the limits of the file.
    pub(crate) fn realm_over_tls(&self, site: &str) -> Setup {
        let (issuer, jwks_url) = (self.issuer(), self.jwks_url());
        Setup::new(site, doorward_systems::THEHOLEFOUNDATION)
            .set("server.egress_allow", vec!["127.0.0.0/8"])
            .edit(move |config| {
                let external = &mut config["realm"][REALM]["issuers"][0];
                external["issuer"] = issuer.into();
                external["jwks_url"] = jwks_url.into();
            })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "who signs elsewhere does so by the clock of the machine"
)]
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// A request with a token.
pub(crate) fn call(app: &App, method: &str, path: &str, token: &str) -> Response {
    app.request(method, path).bearer(token).send()
}

/// Status and code of an answer.
pub(crate) fn told(answer: &Response) -> (u16, String) {
    (answer.status, answer.code())
}

pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The trace of a refusal, as `doorward explain` has it.
pub(crate) fn explained(app: &App, answer: &Response) -> Value {
    let id = answer.header("x-request-id").unwrap();
    app.run(&["explain"], &[id, "--json"]).success().json()
}

/// A provider with Doorward beside it, for tests that change neither: those that run at the
/// same time share one.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) provider: Provider,
    pub(crate) app: App,
}

impl Shared {
    pub(crate) fn get() -> Arc<Self> {
        static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());
        static MADE: AtomicU32 = AtomicU32::new(0);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.upgrade() {
            return known;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let site = format!("theholefoundation::shared::shared_{number}");
        let provider = Provider::start(&site);
        let app = provider.realm(&site).start();
        let made = Arc::new(Self { provider, app });
        *shared = Arc::downgrade(&made);
        made
    }

    /// What becomes of a token at a route that its claims open.
    pub(crate) fn judge(&self, token: &str) -> (u16, String) {
        told(&call(&self.app, "GET", "/api/foia/requests", token))
    }
}

/// What a token is refused with that is none of this API's.
pub(crate) fn invalid() -> (u16, String) {
    refusal(401, "AUTH_INVALID_TOKEN")
}
