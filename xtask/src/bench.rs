//! `bench`: hands its arguments to the benchmark package in a release build.
//! What is measured, and beside which peers, is that package's business.

use std::path::Path;

use crate::{Failure, process};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let cargo = ["run", "--release", "-p", "doorward-bench", "--"];
    process::run(process::cargo(root, cargo).args(args))
}
