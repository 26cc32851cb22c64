//! What somebody hostile sends, against the running binary: paths, headers, framing,
//! floods, tokens, other people's and other realms' things, and plain nonsense. The
//! expected outcomes are "refused with a code" and "nothing else noticed".
#![cfg(test)]

mod account;
mod authority;
mod dice;
mod flood;
mod foreign;
mod framing;
mod header;
mod hostile;
mod input;
mod listener;
mod narrowed;
mod path;
mod token;

use doorward_testkit::{App, Setup};
use serde_json::json;
use toml::{Table, Value};

const ROBOT: &str = "robot@example.com";
const GOVERNANCE: &str = "service:computational-governance";

/// Witboost with a route that anybody may call.
fn door(site: &str) -> Setup {
    Setup::new(site, doorward_systems::WITBOOST).edit(|config| {
        let mut route = Table::new();
        route.insert("path".to_owned(), "/public/**".into());
        route.insert("upstream".to_owned(), "builtin:echo".into());
        route.insert("public".to_owned(), true.into());
        config["realm"]["witboost"]["route"]
            .as_array_mut()
            .unwrap()
            .push(Value::Table(route));
    })
}

/// A service account's access token.
fn robot(app: &App) -> String {
    app.service_account(ROBOT, &["--permission", GOVERNANCE]);
    app.token("service", ROBOT, &[])
}

/// A JWT without a scope.
fn plain_jwt(app: &App) -> String {
    app.jwt(&robot(app), &json!({}))
}
