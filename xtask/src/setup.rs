//! `setup`: installs what tests and benchmarks need on a fresh Debian machine.
//! Safe to repeat: what is present is left alone. The Rust toolchain is not installed
//! here, since this program needed it to run.

pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod python;

use std::path::Path;
use std::process::Command;

use crate::{Failure, process};

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    require_components()?;
    debian::install()?;
    python::install(root)?;
    node::install(root)
}

/// `cargo fmt` and `cargo clippy` come as components that a minimal toolchain lacks.
fn require_components() -> Result<(), Failure> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !process::succeeds(Command::new("cargo").args([command, "--version"])) {
            return Err(Failure::with_fix(
                format!("`cargo {command}` is missing"),
                format!("rustup component add {component}"),
            ));
        }
    }
    Ok(())
}
