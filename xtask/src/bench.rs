//! `bench`: installs the peers, builds the binary in a release build and hands its
//! arguments to the benchmark package. What is measured, and beside which peers, is that
//! package's business.

use std::path::Path;

use crate::{Failure, process, setup};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    setup::debian::install()?;
    let packages = ["-p", "doorward-server", "-p", "doorward-bench"];
    let build = ["build", "--release"].iter().chain(&packages);
    process::run(&mut process::cargo(root, build))?;
    let cargo = ["run", "--release", "-p", "doorward-bench", "--"];
    process::run(process::cargo(root, cargo).args(args))
}
