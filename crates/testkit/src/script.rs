//! The clients of the published guides, run as their readers run them: curl with its
//! arguments, Python programs that import `requests`, and scripts of bash and Node.js. Nothing they send or receive
//! is written down.

use crate::artifact::must;
use crate::binary;
use crate::command::Outcome;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What curl got.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub status: u16,
    pub body: String,
}

/// Runs curl with exactly these arguments, and `-s`; the status is asked for with `-w`.
///
/// # Panics
/// When curl fails.
#[must_use]
pub fn curl(arguments: &[&str]) -> Fetched {
    let output = Command::new("curl")
        .args(arguments)
        .args(["-s", "--max-time", "30", "-w", "\n%{http_code}"])
        .output();
    let output = must("run curl", output);
    if !output.status.success() {
        panic!("curl failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((body, status)) = text.rsplit_once('\n') else {
        panic!("curl printed no status");
    };
    Fetched {
        status: must("read curl's status", status.parse()),
        body: body.to_owned(),
    }
}

/// Runs a Python program from standard input.
///
/// # Panics
/// When there is no Python.
#[must_use]
pub fn python(program: &str) -> Outcome {
    let mut python = Command::new(binary::python());
    hand(python.arg("-"), program)
}

/// Runs a JavaScript module from standard input, which may import the libraries of
/// `xtask/node`.
///
/// # Panics
/// When there is no Node.js.
#[must_use]
pub fn node(program: &str) -> Outcome {
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-"])
        .current_dir(binary::node_libraries());
    hand(&mut node, program)
}

/// Runs a program of the shell `bash` from standard input.
///
/// # Panics
/// When there is no bash.
#[must_use]
pub fn bash(program: &str) -> Outcome {
    hand(Command::new("bash").arg("-s"), program)
}

fn hand(command: &mut Command, program: &str) -> Outcome {
    let child = command
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = must("run a script (try `cargo xtask setup`)", child);
    if let Some(mut stdin) = child.stdin.take() {
        must("hand the program over", stdin.write_all(program.as_bytes()));
    }
    crate::command::finish(child)
}
