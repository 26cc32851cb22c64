//! Flotac with two companies, their people and keys, and the upstream with their customers.

use doorward_testkit::{App, Request, Setup};
use serde_json::json;
use std::net::TcpListener;

pub(crate) const BASE: &str = doorward_examples::customers::BASE;
pub(crate) const CUSTOMERS: &str = "/functions/v1/api-gateway/api/v1/customers";
pub(crate) const ACME: &str = "acme";
pub(crate) const GLOBEX: &str = "globex";

/// Flotac as its file stands, with the upstream of the examples. TLS is another program's
/// here, as it is where the tests of plain HTTP say nothing else.
pub(crate) fn flotac(site: &str) -> Setup {
    flotac_over_tls(site).set("realm.flotac.require_https", "off")
}

/// The same, where plain HTTP is refused.
pub(crate) fn flotac_over_tls(site: &str) -> Setup {
    Setup::new(site, doorward_systems::FLOTAC).leading_to(&upstream())
}

/// The upstream of the examples, on an address of its own.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || doorward_examples::customers::serve(&listener));
    origin
}

/// Makes the two companies.
pub(crate) fn furnish(app: &App) {
    for company in [ACME, GLOBEX] {
        let arguments = ["--realm", "flotac", company];
        let _ = app.run(&["tenant", "create"], &arguments).success();
    }
}

/// A company's key for what is live.
pub(crate) fn key(app: &App, company: &str, permissions: &[&str]) -> String {
    key_of(app, company, "live", permissions)
}

pub(crate) fn key_of(app: &App, company: &str, kind: &str, permissions: &[&str]) -> String {
    let scopes = permissions.iter().flat_map(|name| ["--scope", name]);
    let further: Vec<&str> = ["--environment", kind].into_iter().chain(scopes).collect();
    app.token("key", &format!("tenant:{company}"), &further)
}

/// The access token of a person of a company, or of none.
pub(crate) fn person(app: &App, company: Option<&str>, email: &str) -> String {
    let place = company.map_or(vec![], |company| {
        vec!["--tenant", company, "--role", "company_user"]
    });
    let password = app.user(email, &place);
    let answer = app
        .request("POST", "/auth/v1/token?grant_type=password")
        .header("X-Forwarded-Proto", "https")
        .json(&json!({"email": email, "password": password}))
        .send();
    let token = &answer.expect(200).json()["access_token"];
    app.remembered(token.as_str().unwrap().to_owned())
}

/// A look at the company's customers.
pub(crate) fn customers(app: &App, credential: &str) -> Request {
    app.request("GET", CUSTOMERS).bearer(credential)
}
