//! The JavaScript libraries in `target/tools/node`, pinned with all that they need: the
//! acceptance suites run the products' own clients.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Failure, process};

const PINS: [(&str, &str); 2] = [
    ("package.json", include_str!("../../node/package.json")),
    (
        "package-lock.json",
        include_str!("../../node/package-lock.json"),
    ),
];

pub(crate) fn install(root: &Path) -> Result<(), Failure> {
    let directory = root.join("target/tools/node");
    let stamp = directory.join("libraries.stamp");
    let pins: String = PINS.iter().map(|(_, text)| *text).collect();
    if fs::read_to_string(&stamp).is_ok_and(|text| text == pins) {
        return Ok(());
    }
    let fail =
        |at: &Path, error: std::io::Error| Failure::new(format!("{}: {error}", at.display()));
    fs::create_dir_all(&directory).map_err(|error| fail(&directory, error))?;
    for (name, text) in PINS {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| fail(&path, error))?;
    }
    let installed = process::run(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&directory),
    );
    installed.map_err(|e| {
        Failure::with_fix(
            e.to_string(),
            "install Node.js 20 or newer with npm, which must reach a registry with the pins of xtask/node",
        )
    })?;
    fs::write(&stamp, pins).map_err(|error| fail(&stamp, error))
}
