//! A program of a test's own that listens, such as a web server with a configuration
//! that the test wrote. Not here: the services that Doorward needs itself (`postgres`,
//! `redis`).

use super::daemon::Daemon;
use crate::wait::{self, PATIENCE};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub struct Program {
    _daemon: Daemon,
}

impl Program {
    /// Starts the program in the foreground and waits until it listens on `addr`. Its
    /// output goes to the log. TERM must end it at once.
    ///
    /// # Panics
    /// When it does not listen in time.
    #[must_use]
    pub fn start(words: &[&str], addr: SocketAddr, log: &Path) -> Self {
        let daemon = Daemon::start(None, "TERM", words, log);
        wait::until("a program to listen", PATIENCE, || {
            if daemon.is_gone() {
                panic!(
                    "{words:?} did not start; see {}. `cargo xtask setup`?",
                    log.display()
                );
            }
            TcpStream::connect(addr).is_ok().then_some(())
        });
        Self { _daemon: daemon }
    }
}
