//! Runs an installation's commands: to their end, without waiting, or in a shell. Not
//! here: how a command line is built (`command`), and what tests do with commands again
//! and again (`steps`).

use super::App;
use crate::binary;
use crate::command::{self, Keep, Outcome};
use std::path::Path;
use std::process::{Command, Stdio};

/// A command under way.
#[derive(Debug)]
pub struct Running(std::process::Child);

impl Running {
    /// Waits for its end.
    #[must_use]
    pub fn finish(self) -> Outcome {
        command::finish(self.0)
    }
}

impl App {
    /// The arguments that say where it listens, if its configuration does not.
    pub(super) fn listening(&self) -> Vec<&str> {
        let given = Some(self.listen.as_str()).filter(|listen| !listen.is_empty());
        given.map_or_else(Vec::new, |listen| vec!["--listen", listen])
    }

    /// Runs a command whose output holds no secret; it is kept and searched.
    #[must_use]
    pub fn run(&self, words: &[&str], arguments: &[&str]) -> Outcome {
        self.run_with(words, arguments, "", Keep::Output)
    }

    /// As [`App::run`], with standard input.
    #[must_use]
    pub fn run_input(&self, words: &[&str], arguments: &[&str], input: &str) -> Outcome {
        self.run_with(words, arguments, input, Keep::Output)
    }

    /// Runs a command that prints a secret; its output is not kept.
    #[must_use]
    pub fn run_secret(&self, words: &[&str], arguments: &[&str], input: &str) -> Outcome {
        self.run_with(words, arguments, input, Keep::Nothing)
    }

    /// Runs a shell script as a reader of the documentation does: in the configuration's
    /// folder, with `doorward` on the path. What it prints is not kept.
    ///
    /// # Panics
    /// When there is no shell.
    #[must_use]
    pub fn shell(&self, script: &str) -> Outcome {
        let binary = binary::doorward();
        let folder = binary.parent().unwrap_or(Path::new("/")).display();
        let mut shell = Command::new("sh");
        shell
            .args(["-eu", "-c", &format!("PATH=\"{folder}:$PATH\"\n{script}")])
            .current_dir(self.artifacts.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.apply_environment(&mut shell);
        command::finish(command::spawn(shell, ""))
    }

    /// Starts a command without waiting for it, for races between processes.
    #[must_use]
    pub fn spawn(&self, words: &[&str], arguments: &[&str]) -> Running {
        Running(command::spawn(command::build(self, words, arguments), ""))
    }

    fn run_with(&self, words: &[&str], arguments: &[&str], input: &str, keep: Keep) -> Outcome {
        let command = command::build(self, words, arguments);
        let outcome = command::finish(command::spawn(command, input));
        if keep == Keep::Output {
            self.artifacts
                .append("commands.log", outcome.stdout.as_bytes());
        }
        self.artifacts
            .append("commands.log", outcome.stderr.as_bytes());
        outcome
    }
}
