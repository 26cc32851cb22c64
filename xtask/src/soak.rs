//! `soak`: builds the binary in a release build and hands its arguments to the soak
//! package. What is done, and what must hold, is that package's business.

use std::path::Path;

use crate::services::Services;
use crate::{Failure, process, setup};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    if args == ["framing"] {
        return framing(root);
    }
    if let Some(("rows", options)) = args.split_first().map(|(mode, rest)| (mode.as_str(), rest)) {
        return rows(root, options);
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

/// The data API's oracle: statements by dice on each engine, none of which may tell anything
/// of another tenant.
fn rows(root: &Path, options: &[String]) -> Result<(), Failure> {
    let wrong = || Failure::new("usage: cargo xtask soak rows [--statements N]");
    let count = match options {
        [] => "1000000",
        [name, count] if name == "--statements" && count.parse::<u64>().is_ok() => count.as_str(),
        _ => return Err(wrong()),
    };
    setup::debian::install()?;
    let services = Services::start(root)?;
    let test = ["test", "--release", "-p", "doorward-rows", "--lib"];
    let which = ["oracle::tests::", "--", "--ignored", "--nocapture"];
    let mut run = process::cargo(root, test.iter().chain(&which));
    services.name_to(&mut run);
    process::run(run.env("DOORWARD_ORACLE_STATEMENTS", count))
}
