//! Running other programs: shown on standard error, checked for their exit status.
//! What is run and in which order belongs to the sub-commands.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;

/// Runs a program with our standard streams and fails unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    eprintln!("$ {}", shown(command));
    let status = command.status().map_err(|e| not_started(command, &e))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{}`: {status}", shown(command))))
    }
}

/// Runs a program quietly and gives its standard output; its errors stay visible.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| not_started(command, &e))?;
    if !output.status.success() {
        let what = format!("`{}`: {}", shown(command), output.status);
        return Err(Failure::new(what));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{}`: output is not UTF-8", shown(command))))
}

/// Whether a program can be started and exits with 0, with its output discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program, echoes its standard output and hands over each line as it comes.
/// Gives whether it exited with 0.
pub(crate) fn follow(
    command: &mut Command,
    mut on_line: impl FnMut(&str),
) -> Result<bool, Failure> {
    eprintln!("$ {}", shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| not_started(command, &e))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|e| Failure::new(format!("reading output: {e}")))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            on_line(&line);
        }
    }
    let status = child
        .wait()
        .map_err(|e| Failure::new(format!("`{}`: {e}", shown(command))))?;
    Ok(status.success())
}

/// `cargo` in the repository's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(root: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(args);
    command
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    words.join(" ")
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy().into_owned();
    Failure::with_fix(
        format!("`{}` did not start: {error}", shown(command)),
        format!("is `{program}` installed and on PATH?"),
    )
}
