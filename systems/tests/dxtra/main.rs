//! Dxtra's guide against the running binary. Each test is named after the row of the
//! requirements list it holds the binary to (`dx_12`: row DX-12); the clients are curl,
//! Python's `requests`, Node's `fetch` and Nhost's own, as published, with the address filled in.
#![cfg(test)]

mod client;
mod engine;
mod furnished;
mod off;
mod pat;
mod role;
mod session;
mod snippet;

/// The rows that describe the server (S), a client (C), trouble (T) or imply a feature (I), as
/// far as they are built. Not yet: second factors, passkeys, mail and other logins (42 to 46).
/// Limits by address and the ends of streams (38, 53) are the realm's, and tested as such.
const ROWS: &[u8] = &[
    1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 32, 33, 34, 35, 36, 37, 40, 47, 48, 50, 51, 52, 54,
];

const SOURCES: &[&str] = &[
    include_str!("client.rs"),
    include_str!("engine.rs"),
    include_str!("pat.rs"),
    include_str!("role.rs"),
    include_str!("session.rs"),
    include_str!("snippet.rs"),
];

#[test]
fn every_row_has_a_test_that_names_it() {
    let missing = doorward_systems::rows_without_a_test("dx", ROWS, SOURCES);
    assert_eq!(missing, Vec::<u8>::new(), "rows without a test");
}
