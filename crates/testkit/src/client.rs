//! A person of a realm at the self-service and admin APIs. The paths and bodies of
//! `/me/v1` and `/admin/v1` are written here and nowhere else in the tests.

use crate::app::App;
use crate::http::{Request, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;

const SIGN_IN: &str = "/me/v1/session";

/// Somebody with a password.
#[derive(Clone, Debug)]
pub struct Person {
    email: String,
    password: String,
}

/// Somebody signed in.
#[derive(Debug)]
pub struct Session<'a> {
    app: &'a App,
    token: String,
}

impl Person {
    /// Makes a user with these permissions in the whole realm, and a password of its
    /// own.
    #[must_use]
    pub fn make(app: &App, email: &str, permissions: &[&str]) -> Self {
        Self::make_with(app, email, &[], permissions)
    }

    /// Makes a user with these permissions in a tenant.
    #[must_use]
    pub fn make_in(app: &App, tenant: &str, email: &str, permissions: &[&str]) -> Self {
        Self::make_with(app, email, &["--tenant", tenant], permissions)
    }

    fn make_with(app: &App, email: &str, place: &[&str], permissions: &[&str]) -> Self {
        let mut further = place.to_vec();
        further.extend(
            permissions
                .iter()
                .flat_map(|permission| ["--permission", permission]),
        );
        Self {
            email: email.to_owned(),
            password: app.user(email, &further),
        }
    }

    /// The address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Asks for a sign-in at this address, such as that of a proxy.
    #[must_use]
    pub fn sign_in_at(&self, addr: SocketAddr) -> Response {
        let request = Request::new(addr, "POST", SIGN_IN);
        signing_in(request, &self.email, &self.password)
    }

    /// Signs in.
    ///
    /// # Panics
    /// When that is refused.
    #[must_use]
    pub fn sign_in<'a>(&self, app: &'a App) -> Session<'a> {
        let answer = sign_in(app, &self.email, &self.password);
        match answer
            .expect(200)
            .json()
            .get("access_token")
            .and_then(Value::as_str)
        {
            Some(token) => Session {
                app,
                token: app.remembered(token.to_owned()),
            },
            None => panic!("the sign-in answered without an access_token"),
        }
    }
}

/// A password sign-in, whatever comes of it.
#[must_use]
pub fn sign_in(app: &App, email: &str, password: &str) -> Response {
    signing_in(app.request("POST", SIGN_IN), email, password)
}

/// A password sign-in to a tenant, whatever comes of it.
#[must_use]
pub fn sign_in_to(app: &App, tenant: &str, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password, "tenant": tenant });
    app.request("POST", SIGN_IN).json(&body).send()
}

fn signing_in(request: Request, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    request.json(&body).send()
}

impl Session<'_> {
    /// The session's access token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A request with the session's token.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        self.app.request(method, target).bearer(&self.token)
    }

    /// The person's own tokens.
    #[must_use]
    pub fn own_tokens(&self) -> Response {
        self.request("GET", "/me/v1/tokens").send()
    }

    /// Makes a personal access token.
    #[must_use]
    pub fn make_own_token(&self, further: &Value) -> Response {
        self.journalled(self.request("POST", "/me/v1/tokens").json(further).send())
    }

    /// Regenerates one of the person's own tokens.
    #[must_use]
    pub fn regenerate_own_token(&self, id: &str) -> Response {
        let target = format!("/me/v1/tokens/{id}/regenerate");
        self.journalled(self.request("POST", &target).json(&json!({})).send())
    }

    /// Revokes one of the person's own tokens.
    ///
    /// # Panics
    /// When that is refused.
    pub fn revoke_own_token(&self, id: &str) {
        let answer = self
            .request("DELETE", &format!("/me/v1/tokens/{id}"))
            .send();
        answer.expect(204);
    }

    /// Makes a service account; `further` is laid over the body.
    #[must_use]
    pub fn make_service_account(&self, email: &str, further: &Value) -> Response {
        let mut body = json!({ "email": email });
        if let (Some(body), Some(further)) = (body.as_object_mut(), further.as_object()) {
            body.extend(further.clone());
        }
        self.request("POST", "/admin/v1/service-accounts")
            .json(&body)
            .send()
    }

    /// Makes a token for a service account.
    #[must_use]
    pub fn make_service_token(&self, owner: &str, further: &Value) -> Response {
        let mut body = json!({ "kind": "service", "owner": owner });
        if let (Some(body), Some(further)) = (body.as_object_mut(), further.as_object()) {
            body.extend(further.clone());
        }
        self.journalled(self.request("POST", "/admin/v1/tokens").json(&body).send())
    }

    /// Denials with their traces.
    #[must_use]
    pub fn denials(&self) -> Response {
        self.request("GET", "/admin/v1/denials").send()
    }

    /// Audit rows.
    #[must_use]
    pub fn audit(&self) -> Response {
        self.request("GET", "/admin/v1/audit").send()
    }

    fn journalled(&self, answer: Response) -> Response {
        if answer.status < 300 {
            let _ = self.app.remembered(secret_of(&answer));
        }
        answer
    }
}

/// The secret in an answer that shows one.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn secret_of(answer: &Response) -> String {
    text_at(&answer.json(), "/token")
}

/// The id of what an answer is about.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn id_of(answer: &Response) -> String {
    text_at(&answer.json(), "/id")
}

fn text_at(body: &Value, place: &str) -> String {
    match body.pointer(place).and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => panic!("no text at {place}"),
    }
}
