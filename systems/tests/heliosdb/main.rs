//! HeliosDB Nano's guide against the running binary. Each test is named after the row of
//! the requirements list it holds the binary to (`hd_02`: row HD-02); the clients are curl,
//! bash, Python's `requests`, `fetch` and supabase-js.
#![cfg(test)]
#![expect(clippy::string_slice, reason = "tokens are ASCII, and a test may fail")]

mod session;

use doorward_testkit::Setup;

/// HeliosDB Nano as its file stands.
fn heliosdb(site: &str) -> Setup {
    Setup::new(site, doorward_systems::HELIOSDB)
}
