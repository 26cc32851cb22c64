//! Another program that listens on the loopback, such as a proxy in front of Doorward.
//! Not here: its configuration, which is the test's.

use super::daemon::Daemon;
use crate::binary;
use crate::wait::{self, PATIENCE};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

/// A running program. Dropping it stops it.
#[derive(Debug)]
pub struct Peer {
    _daemon: Daemon,
}

impl Peer {
    /// Starts the program of these words, one that `cargo xtask setup` installed or the
    /// system's, and waits until it listens at the address. Its output goes to the log.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    #[must_use]
    pub fn start(words: &[&str], addr: SocketAddr, log: &Path) -> Self {
        let (program, arguments) = match words.split_first() {
            Some((program, arguments)) => (binary::tool(program), arguments),
            None => panic!("a program has a name"),
        };
        let words: Vec<&str> = std::iter::once(program.as_str())
            .chain(arguments.iter().copied())
            .collect();
        let daemon = Daemon::start(None, "TERM", &words, log);
        wait::until(words.join(" ").as_str(), PATIENCE, || {
            if daemon.is_gone() {
                panic!("{program} did not start; see {}", log.display());
            }
            TcpStream::connect(addr).ok()
        });
        Self { _daemon: daemon }
    }
}
