//! The library that gives a process another clock. Not here: whose clock, and what it
//! shows (`app`).

use crate::artifact::must;
use std::fs;
use std::path::PathBuf;

/// Debian keeps the preloaded library in a folder named after the machine.
pub(super) fn library() -> PathBuf {
    let machines = must("look for libfaketime", fs::read_dir("/usr/lib"));
    let library = machines
        .flatten()
        .map(|machine| machine.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file());
    match library {
        Some(library) => library,
        None => panic!("no libfaketime: apt-get install faketime"),
    }
}
