//! An installation with two tenants that have rows, and with who may read them.

use crate::heliosdb;
use doorward_testkit::{App, Person, Response, Setup};
use serde_json::{Value, json};

/// Where SQL is taken.
pub(crate) const QUERY: &str = "/api/v1/query";
pub(crate) const ACME: &str = "acme-corp";
pub(crate) const GLOBEX: &str = "globex";
/// In every row of globex, and nowhere else.
pub(crate) const MARK: &str = "gxmark";

/// The installation, and access tokens.
pub(crate) struct Furnished {
    pub(crate) app: App,
    /// Of somebody of acme-corp who reads and writes.
    pub(crate) acme: String,
    /// The same of globex.
    pub(crate) globex: String,
    /// Of an operator: `admin`, `read` and `write` in the whole realm, no tenant.
    pub(crate) admin: String,
}

impl Furnished {
    pub(crate) fn new(site: &str) -> Self {
        Self::of(heliosdb(site))
    }

    pub(crate) fn of(setup: Setup) -> Self {
        let app = setup.start();
        for tenant in [ACME, GLOBEX] {
            let arguments = ["--realm", "heliosdb", tenant];
            let _ = app.run(&["tenant", "create"], &arguments).success();
        }
        let acme = signed_in(&app, Some(ACME), "ann@example.com", &["read", "write"]);
        let globex = signed_in(&app, Some(GLOBEX), "hank@example.com", &["read", "write"]);
        let admin = signed_in(&app, None, "root@example.com", &["admin", "read", "write"]);
        let furnished = Self {
            app,
            acme,
            globex,
            admin,
        };
        furnished.fill();
        furnished
    }

    fn fill(&self) {
        for (token, rows) in [
            (
                &self.acme,
                "(1, 'ann@example.com', 'Ann'), (2, 'bob@example.com', 'Bob')",
            ),
            (
                &self.globex,
                "(1, 'gxmark@example.com', 'gxmark'), (3, 'gxmark3@example.com', 'gxmark')",
            ),
        ] {
            let sql = format!("INSERT INTO users (id, email, name) VALUES {rows}");
            self.query(token, &sql).expect(200);
        }
        for (token, rows) in [
            (&self.acme, "(1, 1, 'paid', 4200), (2, 2, 'open', 1250)"),
            (
                &self.globex,
                "(1, 1, 'gxmark', 990000), (7, 3, 'gxmark', 1)",
            ),
        ] {
            let sql =
                format!("INSERT INTO orders (id, user_id, status, total_cents) VALUES {rows}");
            self.query(token, &sql).expect(200);
        }
    }

    /// Runs one statement as whoever has this token.
    pub(crate) fn query(&self, token: &str, sql: &str) -> Response {
        self.ask(token, &json!({ "sql": sql }))
    }

    /// The same with a whole body.
    pub(crate) fn ask(&self, token: &str, body: &Value) -> Response {
        let request = self.app.request("POST", QUERY).bearer(token);
        request.json(body).send()
    }

    /// The same as an operator who names a tenant.
    pub(crate) fn query_in(&self, tenant: &str, token: &str, sql: &str) -> Response {
        let request = self.app.request("POST", QUERY).bearer(token);
        let request = request.header("X-Tenant-ID", tenant);
        request.json(&json!({ "sql": sql })).send()
    }

    /// An API key of a tenant with these scopes.
    pub(crate) fn key(&self, tenant: &str, scopes: &[&str]) -> String {
        let further: Vec<&str> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
        self.app.token("key", &format!("tenant:{tenant}"), &further)
    }
}

fn signed_in(app: &App, tenant: Option<&str>, email: &str, rights: &[&str]) -> String {
    let person = match tenant {
        Some(tenant) => Person::make_in(app, tenant, email, rights),
        None => Person::make(app, email, rights),
    };
    person.sign_in(app).token().to_owned()
}

/// The rows of an answer.
pub(crate) fn rows(answer: &Response) -> Vec<Value> {
    let rows = answer.expect(200).json()["data"]["rows"].clone();
    rows.as_array().unwrap().clone()
}
