//! `codegen`: the OpenAPI documents in `spec/`, written by the server binary itself.
//! The other files of `spec/`, golden wire fixtures, are written by hand and left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, process};

/// Regenerates the documents in place.
pub(crate) fn write(root: &Path) -> Result<(), Failure> {
    generate(root, &root.join("spec"))
}

/// Regenerates them elsewhere and fails if a committed one differs. Works in a tree
/// with other changes, which a comparison through git would not.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let fresh = root.join("target/codegen");
    match fs::remove_dir_all(&fresh) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::new(format!("{}: {e}", fresh.display())));
        }
        _ => {}
    }
    generate(root, &fresh)?;
    let stale = stale_files(&fresh, &root.join("spec"))?;
    if stale.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = stale.iter().map(|p| p.display().to_string()).collect();
    Err(Failure::with_fix(
        format!("stale in spec/: {}", names.join(", ")),
        "cargo xtask codegen, then commit spec/",
    ))
}

fn generate(root: &Path, dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|e| Failure::new(format!("{}: {e}", dir.display())))?;
    // The whole workspace, whose features the tests are built with: nothing twice.
    process::run(&mut process::cargo(root, ["build", "-q", "--workspace"]))?;
    let mut binary = Command::new(root.join("target/debug/doorward"));
    process::run(binary.current_dir(root).args(["openapi", "--dir"]).arg(dir))
}

/// The files of `fresh` that `committed` lacks or holds with other bytes.
fn stale_files(fresh: &Path, committed: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |e: std::io::Error| Failure::new(format!("{}: {e}", fresh.display()));
    let mut stale = Vec::new();
    let mut generated = 0_usize;
    for entry in fs::read_dir(fresh).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let new = fs::read(entry.path()).map_err(unreadable)?;
        generated += 1;
        if fs::read(committed.join(entry.file_name())).ok() != Some(new) {
            stale.push(PathBuf::from(entry.file_name()));
        }
    }
    if generated == 0 {
        return Err(Failure::new("the server wrote no OpenAPI document"));
    }
    stale.sort();
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_and_a_missing_document_are_stale_and_an_equal_one_is_not() {
        let (fresh, committed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (name, text) in [("same.json", "1"), ("changed.json", "2"), ("new.json", "3")] {
            fs::write(fresh.path().join(name), text).unwrap();
        }
        fs::write(committed.path().join("same.json"), "1").unwrap();
        fs::write(committed.path().join("changed.json"), "old").unwrap();
        fs::write(committed.path().join("by-hand.json"), "fixture").unwrap();
        let stale = stale_files(fresh.path(), committed.path()).unwrap();
        assert_eq!(
            stale,
            [PathBuf::from("changed.json"), PathBuf::from("new.json")]
        );
    }

    #[test]
    fn a_generator_that_wrote_nothing_does_not_pass() {
        let empty = tempfile::tempdir().unwrap();
        assert!(stale_files(empty.path(), empty.path()).is_err());
    }
}
