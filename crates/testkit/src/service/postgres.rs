//! A PostgreSQL cluster of a test's own. It syncs what it commits, so that killing it
//! tests what an operator's would do. Not here: its databases (`database`).

use super::daemon::{self, Daemon};
use super::{Database, port, process};
use crate::artifact::must;
use crate::wait::{self, PATIENCE};
use rustix::process::{Signal, geteuid};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Who runs it when we are root, which it refuses to be.
const USER: &str = "postgres";

/// Beside PostgreSQL's own values. Trust is for the loopback alone, and there is no
/// socket whose path could be too long. Files in place of `/dev/shm`, which is small in
/// containers and keeps what a killed cluster held.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
max_wal_size = 256MB
dynamic_shared_memory_type = mmap
log_line_prefix = '%m [%p] %q%a '
# A statement that fails is logged with its parameters: the search for secrets sees them.
log_parameter_max_length_on_error = -1
";

/// A cluster on the loopback. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    /// Its files, unless its user cannot reach them there.
    data: PathBuf,
    _elsewhere: Option<TempDir>,
    log: PathBuf,
    port: u16,
    daemon: Option<Daemon>,
}

impl Postgres {
    /// Makes a cluster in the folder and starts it on a free port. Its log is
    /// `postgres.log` there. Run as root, the cluster belongs to the user `postgres`,
    /// and where that user cannot reach the folder its files lie in the system's
    /// temporary folder.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not come up.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        must("make a folder for PostgreSQL", fs::create_dir_all(dir));
        let dir = must("find the folder for PostgreSQL", dir.canonicalize());
        let (home, elsewhere) = home(&dir);
        let mut postgres = Self {
            data: home.join("data"),
            _elsewhere: elsewhere,
            log: dir.join("postgres.log"),
            port: port::free(),
            daemon: None,
        };
        postgres.init();
        postgres.run();
        postgres
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of one of its databases: `postgres://postgres@127.0.0.1:PORT/database`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{database}", self.addr())
    }

    /// Makes an empty database of a new name and returns its URL.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn create_database(&self) -> String {
        Database::create(&self.url("postgres")).url().to_owned()
    }

    /// Answers TLS by this certificate and key, PEM, from now on.
    ///
    /// # Panics
    /// When they cannot be put in place.
    pub fn serve_tls(&mut self, cert: &str, key: &str) {
        for (name, pem) in [("server.crt", cert), ("server.key", key)] {
            let file = self.data.join(name);
            must("write a certificate for PostgreSQL", fs::write(&file, pem));
            let mode = fs::Permissions::from_mode(0o600);
            must("hide a key", fs::set_permissions(&file, mode));
            if let Some(user) = user() {
                give(&file, user);
            }
        }
        let configuration = self.data.join("postgresql.conf");
        let mut file = must(
            "open the cluster's configuration",
            fs::File::options().append(true).open(configuration),
        );
        must("switch TLS on", file.write_all(b"ssl = on\n"));
        self.restart();
    }

    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Kills every process of it, as a loss of power does for the processes; what the
    /// kernel was given to write is written.
    ///
    /// # Panics
    /// When one goes on.
    pub fn kill(&mut self) {
        let Some(daemon) = self.daemon.take() else {
            return;
        };
        // Stopped first, it starts no process that the list would lack.
        process::signal(daemon.pid(), Signal::STOP);
        let mut all = process::children(daemon.pid());
        all.push(daemon.pid());
        all.iter()
            .for_each(|&pid| process::signal(pid, Signal::KILL));
        process::wait_until_gone(&all);
        // Its number may by now be another process's, and would keep the next from starting.
        match fs::remove_file(self.data.join("postmaster.pid")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("cannot remove the lock of a killed cluster: {error}")
            }
            _ => {}
        }
    }

    /// Starts it again at the same address, stopping it first where it runs. After
    /// [`Self::kill`] it recovers from its log of changes.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Freezes every process of it: connections stay open and nothing is answered.
    pub fn pause(&self) {
        if let Some(daemon) = &self.daemon {
            process::signal(daemon.pid(), Signal::STOP);
            for child in process::children(daemon.pid()) {
                process::signal(child, Signal::STOP);
            }
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(daemon) = &self.daemon {
            for child in process::children(daemon.pid()) {
                process::signal(child, Signal::CONT);
            }
            process::signal(daemon.pid(), Signal::CONT);
        }
    }

    /// Stops it as an operator does: its connections end, and nothing is left to recover.
    ///
    /// # Panics
    /// When it goes on.
    pub fn stop(&mut self) {
        self.resume();
        if let Some(daemon) = self.daemon.take() {
            process::signal(daemon.pid(), Signal::INT);
            process::wait_until_gone(&[daemon.pid()]);
        }
    }

    fn init(&self) {
        let mut init = daemon::as_user(user(), &program("initdb"));
        init.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync"])
            .args(["--username", USER, "--pgdata"])
            .arg(&self.data);
        run(init);
        let configuration = self.data.join("postgresql.conf");
        let text = must(
            "read the cluster's configuration",
            fs::read_to_string(&configuration),
        );
        let text = format!("{text}{SETTINGS}port = {}\n", self.port);
        must(
            "write the cluster's configuration",
            fs::write(configuration, text),
        );
    }

    fn run(&mut self) {
        let (postgres, data) = (program("postgres"), self.data.display().to_string());
        // QUIT is its immediate shutdown.
        let daemon = Daemon::start(user(), "QUIT", &[&postgres, "-D", &data], &self.log);
        let ready = program("pg_isready");
        wait::until("PostgreSQL", PATIENCE, || {
            if daemon.is_gone() {
                panic!("PostgreSQL did not start; see {}", self.log.display());
            }
            let asked = Command::new(&ready)
                .args(["--quiet", "--host=127.0.0.1", "--timeout=1"])
                .args(["--port", &self.port.to_string()])
                .status();
            must("ask PostgreSQL", asked).success().then_some(())
        });
        self.daemon = Some(daemon);
    }
}

impl Drop for Postgres {
    /// A frozen child obeys its cluster's end only when it is killed, seconds later.
    fn drop(&mut self) {
        self.resume();
    }
}

/// The other user that must run it, if any.
pub(super) fn user() -> Option<&'static str> {
    geteuid().is_root().then_some(USER)
}

/// Where the cluster's files go: in the folder, which is handed to the cluster's user,
/// or elsewhere if that user cannot reach it.
pub(super) fn home(dir: &Path) -> (PathBuf, Option<TempDir>) {
    let Some(user) = user() else {
        return (dir.to_path_buf(), None);
    };
    give(dir, user);
    let reached = daemon::as_user(Some(user), "test")
        .arg("-w")
        .arg(dir)
        .status();
    if must("run runuser", reached).success() {
        return (dir.to_path_buf(), None);
    }
    let elsewhere = must("make a temporary folder", TempDir::new());
    give(elsewhere.path(), user);
    (elsewhere.path().to_path_buf(), Some(elsewhere))
}

fn give(dir: &Path, user: &str) {
    let mut chown = Command::new("chown");
    chown.arg(user).arg(dir);
    run(chown);
}

/// A program of PostgreSQL's: the newest version's that Debian installed, or the one on
/// the path.
pub(crate) fn program(name: &str) -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .flatten()
        .map(|version| version.path())
        .filter(|path| path.join("bin").join(name).is_file())
        .max_by_key(|path| {
            let name = path.file_name().and_then(OsStr::to_str);
            name.and_then(|name| name.parse::<u32>().ok())
        });
    newest.map_or_else(
        || name.to_owned(),
        |path| path.join("bin").join(name).display().to_string(),
    )
}

/// Runs a program that is quiet unless it fails.
fn run(mut command: Command) {
    let what = format!("run {}", command.get_program().to_string_lossy());
    let output = must(&what, command.stdin(Stdio::null()).output());
    if !output.status.success() {
        panic!(
            "cannot {what}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
