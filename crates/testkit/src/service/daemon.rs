//! One long-running program that must not outlive this process. A small shell stands
//! between: it starts the program, and ends it when its standard input closes, which
//! the kernel sees to however this process ends. Not here: which program, and when it
//! is ready (`postgres`, `redis`).

use super::process;
use crate::artifact::must;
use crate::wait::{self, PATIENCE};
use rustix::process::Signal;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts `$@` but its first word, says its process id, and ends it by the signal of
/// that word when nobody holds the other end of standard input any more. CONT wakes
/// what was frozen so that it can obey.
const GUARD: &str = "\
end=$1
shift
\"$@\" </dev/null >&2 &
child=$!
echo \"$child\"
read -r never
kill \"-$end\" \"$child\" 2>/dev/null
kill -CONT \"$child\" 2>/dev/null
wait \"$child\"";

/// A running program. Dropping it ends the program.
#[derive(Debug)]
pub(crate) struct Daemon {
    guard: Child,
    pid: i32,
}

impl Daemon {
    /// Starts a program, as another user if one is named. Its output is appended to the
    /// log. The signal `end` must end it at once.
    pub(crate) fn start(user: Option<&str>, end: &str, words: &[&str], log: &Path) -> Self {
        let log = must(
            "open a log",
            File::options().create(true).append(true).open(log),
        );
        let mut command = as_user(user, "sh");
        command
            .args(["-c", GUARD, "doorward-test-guard", end])
            .args(words)
            // The terminal's Ctrl-C is for us alone: the shell must live to tidy up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut guard = must("start a guarded program", command.spawn());
        let mut line = String::new();
        if let Some(stdout) = guard.stdout.take() {
            must(
                "read a program's id",
                BufReader::new(stdout).read_line(&mut line),
            );
        }
        match line.trim().parse() {
            Ok(pid) => Self { guard, pid },
            Err(_) => panic!("no program was started; its log says why"),
        }
    }

    /// The program's process id.
    pub(crate) const fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the program has ended.
    pub(crate) fn is_gone(&self) -> bool {
        process::is_gone(self.pid)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let ended = wait::within(PATIENCE, || self.guard.try_wait().ok().flatten());
        if ended.is_none() {
            process::signal(self.pid, Signal::KILL);
            let _ = self.guard.kill();
            let _ = self.guard.wait();
        }
    }
}

/// A command, run by another user if one is named. Only root may name one.
pub(crate) fn as_user(user: Option<&str>, program: &str) -> Command {
    let Some(user) = user else {
        return Command::new(program);
    };
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--", program]);
    command
}
