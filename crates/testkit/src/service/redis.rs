//! A Redis of a test's own, without persistence: what it held is gone with its process.
//! Not here: what Doorward keeps in it.

use super::daemon::Daemon;
use super::{port, process};
use crate::artifact::must;
use crate::wait::{self, PATIENCE};
use rustix::process::Signal;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A Redis on the loopback. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    dir: PathBuf,
    port: u16,
    daemon: Option<Daemon>,
}

impl Redis {
    /// Starts one on a free port; its log goes to `redis.log` in the folder.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        must("make a folder for Redis", fs::create_dir_all(dir));
        let mut redis = Self {
            dir: dir.to_path_buf(),
            port: port::free(),
            daemon: None,
        };
        redis.run();
        redis
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its URL: `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr())
    }

    /// Kills it; what it held is lost.
    ///
    /// # Panics
    /// When it goes on.
    pub fn kill(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            process::signal(daemon.pid(), Signal::KILL);
            process::wait_until_gone(&[daemon.pid()]);
        }
    }

    /// Starts it again, empty, at the same address.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Freezes it: connections stay open and nothing is answered.
    pub fn pause(&self) {
        if let Some(daemon) = &self.daemon {
            process::signal(daemon.pid(), Signal::STOP);
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(daemon) = &self.daemon {
            process::signal(daemon.pid(), Signal::CONT);
        }
    }

    pub fn stop(&mut self) {
        self.daemon = None;
    }

    fn run(&mut self) {
        let (port, dir) = (self.port.to_string(), self.dir.display().to_string());
        let words = [
            "redis-server",
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--dir",
            &dir,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let log = self.dir.join("redis.log");
        let daemon = Daemon::start(None, "TERM", &words, &log);
        let addr = self.addr();
        wait::until("Redis", PATIENCE, || {
            if daemon.is_gone() {
                panic!(
                    "Redis did not start; see {}. apt-get install redis-server?",
                    log.display()
                );
            }
            answers(addr).then_some(())
        });
        self.daemon = Some(daemon);
    }
}

fn answers(addr: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ask().unwrap_or(false)
}
