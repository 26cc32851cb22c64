//! `soak`: builds the binary in a release build and hands its arguments to the soak
//! package. What is done, and what must hold, is that package's business.

use std::path::Path;

use crate::{Failure, process, setup};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    setup::debian::install()?;
    let packages = ["-p", "doorward-server", "-p", "doorward-soak"];
    let build = ["build", "--release"].iter().chain(&packages);
    process::run(&mut process::cargo(root, build))?;
    let cargo = ["run", "--release", "-p", "doorward-soak", "--"];
    process::run(process::cargo(root, cargo).args(args))
}
