//! What tests do with an installation again and again: subjects, tokens, requests. Not
//! here: starting, stopping and running commands (`app`).

use super::{App, EXCHANGE};
use crate::artifact::must;
use crate::http::{Request, Response, random_secret};
use crate::jwt;
use crate::wait::{self, PATIENCE};
use serde_json::{Value, json};

impl App {
    /// Writes a file beside the configuration.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        if let Some(folder) = self.artifacts.path(name).parent() {
            must("make a folder", std::fs::create_dir_all(folder));
        }
        self.artifacts.write(name, text);
    }

    /// Makes a user with a password that only this test knows, and returns the password.
    #[must_use]
    pub fn user(&self, email: &str, further: &[&str]) -> String {
        let password = random_secret();
        self.artifacts.remember(&password);
        let realm = self.realm();
        let mut arguments = vec!["--realm", realm, "--email", email, "--password-stdin"];
        arguments.extend_from_slice(further);
        let _ = self
            .run_input(&["user", "create"], &arguments, &password)
            .success();
        password
    }

    /// Makes a service account.
    pub fn service_account(&self, email: &str, further: &[&str]) {
        let mut arguments = vec!["--realm", self.realm(), "--email", email];
        arguments.extend_from_slice(further);
        let _ = self
            .run(&["service-account", "create"], &arguments)
            .success();
    }

    /// Makes an API token and returns its secret.
    #[must_use]
    pub fn token(&self, kind: &str, owner: &str, further: &[&str]) -> String {
        let mut arguments = vec![
            "--realm",
            self.realm(),
            "--kind",
            kind,
            "--owner",
            owner,
            "--quiet",
        ];
        arguments.extend_from_slice(further);
        let made = self
            .run_secret(&["token", "create"], &arguments, "")
            .success();
        self.remembered(made.line())
    }

    /// What the store knows of an owner's tokens.
    ///
    /// # Panics
    /// When the listing is not an array.
    #[must_use]
    pub fn tokens(&self, owner: &str) -> Vec<Value> {
        let arguments = ["--realm", self.realm(), "--owner", owner, "--json"];
        let listed = self.run(&["token", "list"], &arguments).success().json();
        match listed {
            Value::Array(tokens) => tokens,
            other => panic!("a token list is an array, not {other}"),
        }
    }

    /// Revokes a token by its secret.
    pub fn revoke(&self, secret: &str) {
        let arguments = ["--realm", self.realm(), "-"];
        let _ = self
            .run_input(&["token", "revoke"], &arguments, secret)
            .success();
    }

    /// A request to the server.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.addr(), method, target)
    }

    /// A GET without a credential.
    #[must_use]
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target).send()
    }

    /// A GET with a bearer token.
    #[must_use]
    pub fn get_as(&self, token: &str, target: &str) -> Response {
        self.request("GET", target).bearer(token).send()
    }

    /// The exchange as Witboost's guide names it; `further` is laid over the body.
    #[must_use]
    pub fn exchange(&self, token: &str, further: &Value) -> Response {
        let mut body = json!({ "access_token": token });
        if let (Some(body), Some(further)) = (body.as_object_mut(), further.as_object()) {
            body.extend(further.clone());
        }
        self.request("POST", EXCHANGE).json(&body).send()
    }

    /// The JWT of an exchange that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn jwt(&self, token: &str, further: &Value) -> String {
        let answer = self.exchange(token, further);
        match answer.expect(200).json().get("jwt").and_then(Value::as_str) {
            Some(jwt) => self.remembered(jwt.to_owned()),
            None => panic!("the exchange answered without a jwt"),
        }
    }

    /// The claims of a token, as an independent library verifies it with the realm's
    /// published keys.
    ///
    /// # Panics
    /// When the library refuses it.
    #[must_use]
    pub fn verified(&self, token: &str) -> Value {
        let jwks = self.get("/.well-known/jwks.json");
        must(
            "verify the token",
            jwt::verify(token, &jwks.expect(200).json()),
        )
    }

    /// Journals a secret and hands it back.
    #[must_use]
    pub fn remembered(&self, secret: String) -> String {
        self.artifacts.remember(&secret);
        secret
    }

    /// The text of the next mail to an address, from the folder `mail` beside the
    /// configuration, which is where `url = "folder:mail"` puts them. It is taken away.
    ///
    /// # Panics
    /// When none comes in time.
    #[must_use]
    pub fn next_mail(&self, to: &str) -> String {
        let folder = self.config_path().with_file_name("mail");
        let header = format!("To: {to}\r\n");
        wait::until(&format!("a mail to {to}"), PATIENCE, || {
            let files = std::fs::read_dir(&folder).ok()?;
            files.flatten().find_map(|file| {
                let text = std::fs::read_to_string(file.path()).ok()?;
                // The last line of a mail of ours ends its multipart.
                let whole = text.contains(&header) && text.trim_end().ends_with("--");
                whole.then(|| must("take a mail away", std::fs::remove_file(file.path())))?;
                Some(text)
            })
        })
    }

    /// The secret of the invitation in the next mail to an address, journalled.
    ///
    /// # Panics
    /// When no mail comes in time, or it has none.
    #[must_use]
    pub fn mailed_invitation(&self, to: &str) -> String {
        let text = self.next_mail(to);
        let Some((_, rest)) = text.split_once("invite_") else {
            panic!("no invitation in {text}");
        };
        let body = rest.split_whitespace().next().unwrap_or_default();
        self.remembered(format!("invite_{body}"))
    }

    /// Waits until a change of the configuration or the store shows in an answer.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn until_status(&self, request: &Request, status: u16) -> Response {
        wait::until(&format!("status {status}"), PATIENCE, || {
            Some(request.send()).filter(|answer| answer.status == status)
        })
    }

    /// Waits until the server says that it is ready.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn until_ready(&self) {
        wait::until("readiness", PATIENCE, || self.is_ready().then_some(()));
    }

    /// Whether the server says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let ready = Request::new(self.ops(), "GET", "/readyz").try_send();
        ready.is_ok_and(|answer| answer.status == 200)
    }
}
