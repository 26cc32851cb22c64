//! The HOLE Foundation's guide against the running binary, with an OpenID provider that nobody
//! here wrote in the place of Auth0. Each test is named after the row of the requirements list
//! it holds the binary to (`ho_12`: row HO-12), or after the row of the catalogue of attacks
//! (`j_03`: J3, `n_01`: N1); the clients are curl, Python's `requests` and Node's `fetch`.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod attack;
mod category;
mod claim;
mod keys;
mod limit;
mod newer;
mod provider;
mod published;
mod refusal;
mod rows;

/// The rows that describe the server (S, I), a client (C) or trouble (T). The other one is
/// advice to people (37).
const ROWS: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 38, 39, 40, 41, 42, 43, 44, 45,
];

const SOURCES: &[&str] = &[
    include_str!("attack.rs"),
    include_str!("category.rs"),
    include_str!("claim.rs"),
    include_str!("keys.rs"),
    include_str!("limit.rs"),
    include_str!("newer.rs"),
    include_str!("published.rs"),
    include_str!("refusal.rs"),
    include_str!("rows.rs"),
];

#[test]
fn every_row_has_a_test_that_names_it() {
    let attacks: Vec<u8> = (1..=48).collect();
    let newer: Vec<u8> = (1..=12).collect();
    for (prefix, rows) in [("ho", ROWS), ("j", &attacks), ("n", &newer)] {
        let missing = doorward_systems::rows_without_a_test(prefix, rows, SOURCES);
        assert_eq!(missing, Vec::<u8>::new(), "rows of {prefix} without a test");
    }
}
