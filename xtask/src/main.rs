//! The repository's common loops as sub-commands: `setup`, `test`, `services`, `tidy`,
//! `bench`, `soak`, `mutants`,
//! `codegen`.
//!
//! Each sub-command is one module. Nothing here is shipped, and no test lives here
//! but those of the tooling itself.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool: progress goes to standard error, results to standard output"
)]

mod bench;
mod codegen;
mod failure;
mod mutants;
mod process;
mod services;
mod setup;
mod soak;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use failure::Failure;

const USAGE: &str = "\
usage: cargo xtask <command>

  setup              install what tests and benchmarks need (Debian packages, Python venv)
  test [FILTER...]   setup, every check, every test whose name contains a FILTER
  services           a PostgreSQL and a Redis for tests, until standard input ends
  tidy               the repository's own rules: crate edges, lengths, docs
  bench [ARG...]     benchmarks beside their peers, in a release build
  soak [ARG...]      random operations under faults, and what must hold of them
  mutants [SET...]   does a test notice each change of a rule? Sets: decide, gate, jose, limit
  codegen [--check]  write spec/ from the code, or fail if it is stale";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let root = repository_root();
    let outcome = match (command.as_str(), rest) {
        ("setup", []) => setup::run(&root),
        ("test", filters) => test::run(&root, filters),
        ("services", []) => services::run(&root),
        ("tidy", []) => tidy::run(&root),
        ("bench", forwarded) => bench::run(&root, forwarded),
        ("soak", forwarded) => soak::run(&root, forwarded),
        ("mutants", names) => mutants::run(&root, names),
        ("codegen", []) => codegen::write(&root),
        ("codegen", [flag]) if flag == "--check" => codegen::check(&root),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {command}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The folder above this package.
fn repository_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
