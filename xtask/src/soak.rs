//! `soak`: builds the binary in a release build and hands its arguments to the soak
//! package. What is done, and what must hold, is that package's business.

use std::path::Path;

use crate::{Failure, process, setup};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    if args == ["framing"] {
        return framing(root);
    }
    setup::debian::install()?;
    let packages = ["-p", "doorward-server", "-p", "doorward-soak"];
    let build = ["build", "--release"].iter().chain(&packages);
    process::run(&mut process::cargo(root, build))?;
    let cargo = ["run", "--release", "-p", "doorward-soak", "--"];
    process::run(process::cargo(root, cargo).args(args))
}

/// The gate's reading of requests against hyper's, on ten million inputs. It needs nothing
/// but the gate itself.
fn framing(root: &Path) -> Result<(), Failure> {
    let test = ["test", "--release", "-p", "doorward-gate", "--lib"];
    let which = ["f1_ten_million_inputs", "--", "--ignored", "--nocapture"];
    process::run(&mut process::cargo(root, test.iter().chain(&which)))
}
