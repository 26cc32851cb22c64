//! Processes under measurement: started, waited for, and ended by their own id. Not
//! here: what they run (`peer`, `doorward`) and what they cost (`meter`).

use crate::failure::{Context as _, Failure};
use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take until it listens, and a command until it ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts it; what it prints goes to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        let file = File::options().create(true).append(true).open(log);
        let file = file.during("the log of a process")?;
        let copy = file.try_clone().during("the log of a process")?;
        command.stdin(Stdio::null()).stdout(copy).stderr(file);
        command
            .spawn()
            .map(Self)
            .during(format!("{program} does not start"))
    }

    /// Starts it and waits until it accepts connections.
    pub(crate) fn start_listening(
        command: Command,
        log: &Path,
        addr: SocketAddr,
    ) -> Result<Self, Failure> {
        let mut running = Self::start(command, log)?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).is_err() {
            let ended = running.0.try_wait().during("waiting for a process")?;
            if ended.is_some() || Instant::now() > deadline {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::new(format!("nothing listens on {addr}:\n{text}")));
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(running)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop, as Ctrl-C does, and waits.
    pub(crate) fn interrupt(mut self) -> Result<(), Failure> {
        let pid = self.pid().to_string();
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .during("kill")?;
        self.0.wait().during("waiting for a process")?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end and gives its standard output.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.during(format!("{program} does not start (cargo xtask setup?)"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!(
        "{command:?}: {}\n{text}{errors}",
        output.status
    )))
}

/// Runs a command to its end with one line on its standard input.
pub(crate) fn feed(command: &mut Command, line: &str) -> Result<(), Failure> {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.during(format!("{command:?}"))?;
    let mut stdin = child.stdin.take().during("standard input")?;
    writeln!(stdin, "{line}").during(format!("{command:?}"))?;
    drop(stdin);
    let output = child.wait_with_output().during(format!("{command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!(
        "{command:?}: {}\n{errors}",
        output.status
    )))
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .during("a free port")
}
