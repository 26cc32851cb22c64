//! A PgBouncer of a test's own, with Debian's settings but for addresses, the mode, and that
//! it asks the server who there is.
//! Not here: the PostgreSQL behind it (`postgres`).

use super::daemon::Daemon;
use super::{port, postgres};
use crate::artifact::must;
use crate::wait::{self, PATIENCE};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use tempfile::TempDir;

/// When a server's session goes back to the pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pooling {
    /// When its client leaves.
    Session,
    /// After each transaction.
    Transaction,
}

/// A PgBouncer on the loopback. Dropping it stops it.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _files: Option<TempDir>,
    _daemon: Daemon,
}

impl PgBouncer {
    /// Starts one before a server; its files and its log `pgbouncer.log` go to the
    /// folder, or, where its user cannot reach that, to the system's temporary folder.
    ///
    /// # Panics
    /// When it is not installed, or does not come up.
    #[must_use]
    pub fn start(dir: &Path, server: SocketAddr, pooling: Pooling) -> Self {
        must("make a folder for PgBouncer", fs::create_dir_all(dir));
        let (home, files) = postgres::home(dir);
        let port = port::free();
        let mode = match pooling {
            Pooling::Session => "session",
            Pooling::Transaction => "transaction",
        };
        let (host, server) = (server.ip(), server.port());
        let settings = format!(
            "[databases]\n* = host={host} port={server}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {users}\nauth_user = postgres\npool_mode = {mode}\n",
            users = home.join("users.txt").display(),
        );
        let file = home.join("pgbouncer.ini");
        must("write PgBouncer's settings", fs::write(&file, settings));
        let users = fs::write(home.join("users.txt"), "\"postgres\" \"\"\n");
        must("write PgBouncer's users", users);
        let log = dir.join("pgbouncer.log");
        let words = ["pgbouncer", &file.display().to_string()];
        let daemon = Daemon::start(postgres::user(), "INT", &words, &log);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait::until("PgBouncer", PATIENCE, || {
            if daemon.is_gone() {
                panic!("PgBouncer did not start; see {}", log.display());
            }
            TcpStream::connect(addr).ok()
        });
        Self {
            port,
            _files: files,
            _daemon: daemon,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}
