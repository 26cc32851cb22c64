//! The server: configuration, wiring, command line, telemetry, shutdown. It is the only
//! crate that sees every other, and owns nothing that another could.

mod accept;
mod adapter;
mod bind;
pub mod check;
mod cli;
mod compose;
pub mod config;
mod control;
mod data;
mod descriptor;
mod engine;
mod feed;
mod introspection;
mod issuers;
mod jobs;
mod limits;
mod live;
mod mounts;
mod nodes;
mod ops;
mod quotas;
mod realms;
mod run;
mod settled;
mod sole;
mod store;
mod system;
mod telemetry;
mod terms;
#[cfg(test)]
mod testing;
mod vitals;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    system::stay_small();
    #[cfg(debug_assertions)]
    plant_fault();
    cli::run()
}

/// For tests that show that a broken protection is noticed.
#[cfg(debug_assertions)]
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: a release build has none of it"
)]
fn plant_fault() {
    if let Ok(name) = std::env::var("DOORWARD_PLANTED_FAULT") {
        doorward_base::fault::plant(&name);
    }
}
