//! Witboost's guide against the running binary. Each test is named after the row of the
//! requirements list it holds the binary to (`wb_12`: row WB-12); the clients are curl
//! and Python's `requests`, as published, with the host and the token filled in.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod account;
mod basic;
mod basic_module;
mod exchange;
mod jwt;
mod management;
mod refusal;
mod scenario;
mod token;

use doorward_testkit::{App, Setup};

/// The scope of the governance module.
const GOVERNANCE: &str = "service:computational-governance";
/// The permission that lets somebody make service accounts.
const EDIT_ACCOUNTS: &str = "platform.users.service-accounts.edit";
/// The permission that lets somebody make tokens for service accounts.
const EDIT_TOKENS: &str = "platform.users.service-accounts.access-tokens.edit";
/// A service account of many tests.
const ROBOT: &str = "robot@example.com";

/// Witboost as its file stands: Basic is off.
fn witboost(site: &str) -> Setup {
    Setup::new(site, doorward_systems::WITBOOST)
}

/// Witboost with the two switches on that the guide names.
fn witboost_with_basic(site: &str) -> Setup {
    witboost(site)
        .set("realm.witboost.basic.modules.ui.enabled", true)
        .set("realm.witboost.basic.modules.governance.enabled", true)
}

/// A service account and its token.
fn robot(app: &App) -> String {
    app.service_account(ROBOT, &["--permission", GOVERNANCE]);
    app.token("service", ROBOT, &[])
}

/// The rows that describe the server (S), a client (C), trouble (T) or imply a feature
/// (I). The others are screens (07, 11) and advice to people (24, 37).
const ROWS: &[u8] = &[
    1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29,
    30, 31, 32, 33, 34, 35, 36, 38, 39, 40, 41, 42, 44, 45, 47,
];

const SOURCES: &[&str] = &[
    include_str!("account.rs"),
    include_str!("basic.rs"),
    include_str!("basic_module.rs"),
    include_str!("exchange.rs"),
    include_str!("jwt.rs"),
    include_str!("management.rs"),
    include_str!("refusal.rs"),
    include_str!("token.rs"),
];

#[test]
fn every_row_has_a_test_that_names_it() {
    let missing = doorward_systems::rows_without_a_test("wb", ROWS, SOURCES);
    assert_eq!(missing, Vec::<u8>::new(), "rows without a test");
}
