//! Flotac's guide against the running binary, with an upstream that knows no tokens and
//! filters by the company that the gate names. Each test is named after the row of the
//! requirements list it holds the binary to (`fl_12`: row FL-12); the clients are curl,
//! Node's `fetch` and Python's `requests`, as published, with the host and the key filled in.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod company;
mod envelope;
mod furnished;
mod keys_at_the_gate;
mod life;
mod limits;
mod notice;
mod people;
mod refresh;
mod session;

/// The rows that describe the server (S), a client (C), trouble (T) or what a good practice
/// implies (I). The others are advice to people (25, 29) and an empty section (40). Logins
/// elsewhere and magic links (3), and sessions in cookies (28), are not built yet.
const ROWS: &[u8] = &[
    1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 26, 27, 30,
    31, 32, 33, 34, 35, 36, 37, 38, 39, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
];

const SOURCES: &[&str] = &[
    include_str!("company.rs"),
    include_str!("envelope.rs"),
    include_str!("keys_at_the_gate.rs"),
    include_str!("life.rs"),
    include_str!("limits.rs"),
    include_str!("notice.rs"),
    include_str!("refresh.rs"),
    include_str!("session.rs"),
];

#[test]
fn every_row_has_a_test_that_names_it() {
    let missing = doorward_systems::rows_without_a_test("fl", ROWS, SOURCES);
    assert_eq!(missing, Vec::<u8>::new(), "rows without a test");
}
