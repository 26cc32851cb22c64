//! Dev only: runs the binary `doorward` as its users do, plays its clients, and
//! remembers every secret it saw, so that `cargo xtask test` can look for them in
//! everything that was left behind. It knows the binary by its command line and its
//! wire only; none of the crates it tests is linked here.
//!
//! A test asks for a [`Setup`], starts an [`App`] or a [`Cluster`] and speaks to it through [`App`]'s
//! methods, [`Request`], [`script`] or a raw socket. Waiting is bounded: a deadline
//! and a panic that says what did not happen.
#![expect(
    clippy::panic,
    reason = "a test kit reports by panicking: its caller is a test"
)]

mod app;
mod artifact;
mod binary;
mod client;
mod cluster;
mod command;
pub mod hostile;
pub mod http;
pub mod jwt;
pub mod raw;
pub mod script;
mod server;
pub mod service;
mod setup;
pub mod smtp;
mod store;
pub mod streaming;
pub mod upstream;
pub mod wait;

pub use app::{App, EXCHANGE, Running};
pub use artifact::Artifacts;
pub use binary::{node_libraries, tool};
pub use client::{Person, Session, id_of, secret_of, sign_in, sign_in_to};
pub use cluster::{Cable, Cluster};
pub use command::Outcome;
pub use http::{Request, Response};
pub use script::Fetched;
pub use server::Server;
pub use setup::Setup;
pub use store::{Engine, engine, postgres_url, redis_url};

/// The name of the surrounding test, for its folder below `target/test-artifacts`:
/// binary, module and function.
#[macro_export]
macro_rules! site {
    () => {{
        fn here() {}
        let path = ::std::any::type_name_of_val(&here);
        path.strip_suffix("::here").unwrap_or(path)
    }};
}
