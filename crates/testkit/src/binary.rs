//! Where the binary under test and the files of a run are. Not here: running it.

use std::path::PathBuf;

/// The binary: `DOORWARD_BIN`, or the one cargo built beside the running test.
pub(crate) fn doorward() -> PathBuf {
    let path = std::env::var_os("DOORWARD_BIN")
        .map_or_else(|| profile_dir().join("doorward"), PathBuf::from);
    if !path.is_file() {
        panic!(
            "no binary at {}: run `cargo build` first, or set DOORWARD_BIN",
            path.display()
        );
    }
    path
}

/// A Python that can import `requests`: the one of `cargo xtask setup`, or the system's.
pub(crate) fn python() -> PathBuf {
    let prepared = target_dir().join("tools/venv/bin/python");
    if prepared.is_file() {
        prepared
    } else {
        PathBuf::from("python3")
    }
}

/// Where the JavaScript libraries of `cargo xtask setup` are.
#[must_use]
pub fn node_libraries() -> PathBuf {
    target_dir().join("tools/node")
}

/// A program: the one that `cargo xtask setup` installs, or the system's.
#[must_use]
pub fn tool(name: &str) -> String {
    let prepared = target_dir().join("tools/venv/bin").join(name);
    if prepared.is_file() {
        prepared.display().to_string()
    } else {
        name.to_owned()
    }
}

/// Cargo's target directory.
pub(crate) fn target_dir() -> PathBuf {
    let mut path = profile_dir();
    path.pop();
    path
}

/// `target/debug`: tests lie in its `deps`.
fn profile_dir() -> PathBuf {
    let Ok(mut path) = std::env::current_exe() else {
        panic!("a running test has an executable");
    };
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}
