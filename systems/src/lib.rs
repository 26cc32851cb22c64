//! The five published systems as realm configurations. The files are the content of
//! this package; the tests beside it hold each to its guide. Not here: any behaviour.

/// Dxtra: personal access tokens exchanged for JWTs with Hasura roles.
pub const DXTRA: &str = include_str!("../dxtra.toml");
/// Flotac: sessions and company API keys.
pub const FLOTAC: &str = include_str!("../flotac.toml");
/// HeliosDB Nano: its own issuer, three presentations, a tenant per query.
pub const HELIOSDB: &str = include_str!("../heliosdb.toml");
/// The HOLE Foundation: an external issuer, scopes by endpoint category.
pub const THEHOLEFOUNDATION: &str = include_str!("../theholefoundation.toml");
/// Witboost: access tokens exchanged for short-lived JWTs, or presented by Basic.
pub const WITBOOST: &str = include_str!("../witboost.toml");

/// The rows of a system's list, `prefix` and number, that no test in `sources` is named
/// after (`hd_02_…`: row 2 of `hd`).
#[must_use]
pub fn rows_without_a_test(prefix: &str, rows: &[u8], sources: &[&str]) -> Vec<u8> {
    let tests: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.split("#[test]").skip(1))
        .filter_map(|after| after.trim_start().strip_prefix("fn "))
        .collect();
    let is_missing = |row: &u8| {
        let name = format!("{prefix}_{row:02}_");
        !tests.iter().any(|test| test.starts_with(&name))
    };
    rows.iter().copied().filter(is_missing).collect()
}
