//! Runs the binary's commands as a person at the command line does. Not here: the
//! long-running `serve` (`server`).

use crate::app::App;
use crate::artifact::must;
use crate::binary;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code; −1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// The outcome, if the command succeeded.
    ///
    /// # Panics
    /// When it did not; the text shows standard error.
    #[must_use]
    pub fn success(self) -> Self {
        self.exit(0)
    }

    /// The outcome, if the command ended with this code.
    ///
    /// # Panics
    /// When it ended with another; the text shows standard error.
    #[must_use]
    pub fn exit(self, code: i32) -> Self {
        if self.code != code {
            panic!("expected exit {code}, got {}: {}", self.code, self.stderr);
        }
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        must(
            "read the command's JSON",
            serde_json::from_str(&self.stdout),
        )
    }

    /// The one line of standard output.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[must_use]
    pub fn line(&self) -> String {
        let lines: Vec<&str> = self.stdout.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("expected one line, got {}", lines.len());
        };
        (*line).to_owned()
    }
}

/// Whether what a command printed may be kept beside the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// It must hold no secret: it is written to `commands.log` and searched.
    Output,
    /// It shows a secret once, as it should.
    Nothing,
}

/// A management command with `--config` and `--database` right after its words.
pub(crate) fn build(app: &App, words: &[&str], arguments: &[&str]) -> Command {
    on(app, app.database(), words, arguments)
}

/// The server, which may reach the store by another way than the commands.
pub(crate) fn serve(app: &App, arguments: &[&str]) -> Command {
    on(app, app.served_database(), &["serve"], arguments)
}

fn on(app: &App, database: &str, words: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(binary::doorward());
    command
        .args(words)
        .arg("--config")
        .arg(app.config_path())
        .args(["--database", database])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    app.apply_environment(&mut command);
    command
}

/// Starts it, with all of its standard input.
pub(crate) fn spawn(mut command: Command, input: &str) -> Child {
    let mut child = must("start the binary", command.spawn());
    if let Some(mut stdin) = child.stdin.take() {
        // A command that refuses at once does not read.
        let _ = stdin.write_all(input.as_bytes());
    }
    child
}

/// Waits for it.
pub(crate) fn finish(child: Child) -> Outcome {
    let output = must("wait for the binary", child.wait_with_output());
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
