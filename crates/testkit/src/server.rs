//! A running `doorward serve`: started, found by the address it prints, told to stop,
//! or killed. Not here: what it serves (`setup`, `app`).

use crate::artifact::must;
use crate::wait::{self, PATIENCE};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;

/// One process. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    said: Said,
}

/// Where a server says it listens.
#[derive(Clone, Copy, Debug)]
struct Said {
    public: SocketAddr,
    operations: Option<SocketAddr>,
}

impl Server {
    /// Starts the command and waits until it says where it listens. Both outputs go to
    /// the log file.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let log = must(
            "open the server's log",
            File::options().create(true).append(true).open(log),
        );
        let stdout = must("share the server's log", log.try_clone());
        command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        let mut child = must("start the server", command.spawn());
        let (tell, told) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || copy(stderr, log, &tell));
        }
        // The channel closes when the process ends.
        let Ok(said) = told.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not say `listening on http://…`; see its server.log");
        };
        let server = Self { child, said };
        // A realm may refuse plain HTTP on the public address.
        let health = said.operations.unwrap_or(said.public);
        wait::until("/healthz", PATIENCE, || {
            let answer = crate::Request::new(health, "GET", "/healthz").try_send();
            answer.ok().filter(|answer| answer.status == 200)
        });
        server
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.said.public
    }

    /// Where its metrics and readiness are.
    ///
    /// # Panics
    /// When it has no such listener.
    #[must_use]
    pub const fn ops(&self) -> SocketAddr {
        match self.said.operations {
            Some(addr) => addr,
            None => panic!("the server has no operations listener"),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM` or `HUP`.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        if !must("run kill", sent).success() {
            panic!("the server is gone before SIG{name}");
        }
    }

    /// Kills it without a chance to clean up.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        must("kill the server", self.child.kill());
        let _ = must("wait for the server", self.child.wait());
    }

    /// Waits until it has ended and returns its exit code; −1 for a signal.
    ///
    /// # Panics
    /// When it goes on.
    pub fn wait(&mut self) -> i32 {
        wait::until("the server's end", PATIENCE, || {
            must("look at the server", self.child.try_wait())
        })
        .code()
        .unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Copies standard error to the log and passes on where the server says it listens. The
/// public address comes last.
fn copy(stderr: ChildStderr, mut log: File, tell: &mpsc::Sender<Said>) {
    let mut operations = None;
    for line in BufReader::new(stderr).split(b'\n') {
        let Ok(mut line) = line else { return };
        let text = String::from_utf8_lossy(&line);
        operations = operations.or_else(|| address(&text, "operations on "));
        if let Some(public) = address(&text, "listening on ") {
            let _ = tell.send(Said { public, operations });
        }
        line.push(b'\n');
        let _ = log.write_all(&line);
    }
}

fn address(line: &str, before: &str) -> Option<SocketAddr> {
    let (_, url) = line.split_once(before)?;
    let url = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let end = url
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | ','))
        .unwrap_or(url.len());
    url.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_any_line_that_names_it() {
        let listening = |line| address(line, "listening on ");
        let addr = "127.0.0.1:4711".parse().ok();
        assert_eq!(listening("listening on http://127.0.0.1:4711"), addr);
        assert_eq!(
            listening("{\"message\":\"listening on http://127.0.0.1:4711\"}"),
            addr
        );
        assert_eq!(listening("listening"), None);
    }
}
