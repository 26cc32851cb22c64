//! One installation under test: its files, its commands, its running server. Not here:
//! how a signed-in person's requests look (`client`).

mod clock;
mod run;
mod steps;

pub use run::Running;

use crate::artifact::{Artifacts, must};
use crate::command::{self, Outcome};
use crate::server::Server;
use crate::service::Database;
use crate::setup::Setup;
use crate::store::{Engine, Store};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use toml::Table;

/// An installation. Dropping it stops the server and leaves its files for the search.
#[derive(Debug)]
pub struct App {
    artifacts: Artifacts,
    config: Table,
    config_path: PathBuf,
    store: Store,
    database: String,
    /// How the server reaches the store, where that is not the commands' way.
    cable: Option<String>,
    /// Where the master key is: beside the artifacts, because it is a secret itself.
    keys: Arc<TempDir>,
    wrapper: Vec<String>,
    listen: String,
    clock: Option<PathBuf>,
    server: Option<Server>,
}

/// What an installation may share with other servers of the same one.
pub(crate) struct Place {
    pub(crate) artifacts: Artifacts,
    pub(crate) store: Store,
    pub(crate) cable: Option<String>,
    pub(crate) keys: Arc<TempDir>,
}

impl Place {
    pub(crate) fn alone(artifacts: Artifacts, store: Store) -> Self {
        let keys = must("make a folder for the master key", TempDir::new());
        Self {
            artifacts,
            store,
            cable: None,
            keys: Arc::new(keys),
        }
    }
}

impl App {
    pub(crate) fn prepare(setup: Setup, place: Place) -> Self {
        let Setup {
            mut config,
            wrapper,
            own_clock,
            listen,
            ops,
            ..
        } = setup;
        let Place {
            artifacts,
            store,
            cable,
            keys,
        } = place;
        let database = store.url();
        let server = config
            .entry("server")
            .or_insert_with(|| Table::new().into());
        if let Some(server) = server.as_table_mut() {
            let key = format!("file:{}", keys.path().join("doorward.key").display());
            let database = cable.as_ref().unwrap_or(&database).as_str();
            server.insert("ops_listen".to_owned(), ops.into());
            server.insert("master_key".to_owned(), key.into());
            server.insert("database".to_owned(), database.into());
            // The more is logged, the more the search for secrets sees.
            let log = Table::from_iter([("level".to_owned(), "debug".into())]);
            server.entry("log").or_insert_with(|| log.into());
        }
        let clock = own_clock.then(|| artifacts.path("clock"));
        let app = Self {
            config_path: artifacts.path("doorward.toml"),
            store,
            database,
            cable,
            artifacts,
            config,
            keys,
            wrapper,
            listen,
            clock,
            server: None,
        };
        app.write_config(&app.config);
        app.pass(Duration::ZERO);
        app
    }

    /// Starts the server on the store as it is. A running one is stopped first.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(&mut self) {
        self.stop();
        let plain = command::serve(self, &self.listening());
        let serve = match self.wrapper.split_first() {
            None => plain,
            Some((program, arguments)) => {
                let mut wrapped = Command::new(program);
                wrapped
                    .args(arguments)
                    .arg(plain.get_program())
                    .args(plain.get_args());
                self.apply_environment(&mut wrapped);
                wrapped
            }
        };
        self.server = Some(Server::start(serve, &self.artifacts.path("server.log")));
    }

    /// Asks the server to stop and waits for it; its exit code, if it was running.
    pub fn stop(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        server.signal("TERM");
        Some(server.wait())
    }

    /// Kills the server without a chance to clean up.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Waits for the end of a server that was told to stop, and returns its exit code.
    ///
    /// # Panics
    /// When none is running, or it goes on.
    pub fn wait_for_exit(&mut self) -> i32 {
        match self.server.take() {
            Some(mut server) => server.wait(),
            None => panic!("the server is not running"),
        }
    }

    /// Tries to start a server that must refuse to.
    ///
    /// # Panics
    /// When it is still running after 20 s.
    #[must_use]
    pub fn refuse_to_start(&self) -> Outcome {
        let serve = command::serve(self, &self.listening());
        let mut bounded = Command::new("timeout");
        bounded
            .args(["--kill-after=1", "20"])
            .arg(serve.get_program())
            .args(serve.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.apply_environment(&mut bounded);
        let outcome = command::finish(command::spawn(bounded, ""));
        self.artifacts
            .append("commands.log", outcome.stderr.as_bytes());
        if matches!(outcome.code, 124 | 137) {
            panic!("the server started");
        }
        outcome
    }

    /// The running server.
    ///
    /// # Panics
    /// When none is running.
    #[must_use]
    pub const fn server(&self) -> &Server {
        match &self.server {
            Some(server) => server,
            None => panic!("the server is not running"),
        }
    }

    /// Where the server listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.server().addr()
    }

    /// Where its metrics and readiness are.
    #[must_use]
    pub const fn ops(&self) -> SocketAddr {
        self.server().ops()
    }

    /// The URL of a path on the server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// This test's folder and journal.
    #[must_use]
    pub const fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> &Path {
        &self.config_path
    }

    /// The store's URL.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// How the server reaches the store.
    pub(crate) fn served_database(&self) -> &str {
        self.cable.as_ref().unwrap_or(&self.database)
    }

    /// The engine of the store.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.store.engine()
    }

    /// The store's file.
    ///
    /// # Panics
    /// When the store is in PostgreSQL.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.store.path()
    }

    /// Where commands ask the running server.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        let beside = match self.engine() {
            Engine::Sqlite => self.store_path(),
            Engine::Postgres => self.config_path.clone(),
        };
        let mut name = beside.into_os_string();
        name.push(".sock");
        name.into()
    }

    /// The store's database, seen past Doorward.
    ///
    /// # Panics
    /// When the store is in SQLite.
    #[must_use]
    pub fn postgres(&self) -> &Database {
        self.store.database()
    }

    /// Whether a command or the server has made the store.
    ///
    /// # Panics
    /// When PostgreSQL cannot be asked.
    #[must_use]
    pub fn store_exists(&self) -> bool {
        self.store.exists()
    }

    /// Makes the store unreachable, for a server too that has it open.
    ///
    /// # Panics
    /// When that fails.
    pub fn take_store_away(&self) {
        self.store.take_away();
    }

    /// The master key's file.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.keys.path().join("doorward.key")
    }

    /// The first realm of the configuration.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn realm(&self) -> &str {
        let realms = self.config.get("realm").and_then(toml::Value::as_table);
        match realms.and_then(|realms| realms.keys().next()) {
            Some(name) => name,
            None => panic!("the configuration has no realm"),
        }
    }

    /// Changes the configuration file under the running server. It is replaced whole.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Table)) {
        change(&mut self.config);
        self.write_config(&self.config);
    }

    /// Replaces the configuration file by any text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_config_text(&self, text: &str) {
        let next = self.artifacts.write("doorward.toml.next", text);
        must(
            "replace the configuration",
            fs::rename(next, &self.config_path),
        );
    }

    fn write_config(&self, config: &Table) {
        self.write_config_text(&must("write the configuration", toml::to_string(config)));
    }

    /// Lets time pass for the binary, from its start on; see [`Setup::with_clock`]. The
    /// argument is the whole distance from the real time.
    ///
    /// # Panics
    /// When the clock's file cannot be written.
    pub fn pass(&self, distance: Duration) {
        if let Some(clock) = &self.clock {
            let next = clock.with_extension("next");
            must(
                "set the clock",
                fs::write(&next, format!("+{}\n", distance.as_secs())),
            );
            must("set the clock", fs::rename(next, clock));
        }
    }

    pub(crate) fn apply_environment(&self, command: &mut Command) {
        if let Some(clock) = &self.clock {
            command
                .env("LD_PRELOAD", clock::library())
                .env("FAKETIME_TIMESTAMP_FILE", clock)
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("DONT_FAKE_MONOTONIC", "1");
        }
    }
}

/// Witboost's exchange endpoint.
pub const EXCHANGE: &str = "/api/auth/access-tokens/jwt";

impl Drop for App {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.kill();
        } else {
            self.stop();
        }
        if let Ok(key) = fs::read_to_string(self.key_path()) {
            key.lines()
                .for_each(|line| self.artifacts.remember(line.trim()));
        }
        // What a failed test left in PostgreSQL stays there until the cluster goes.
        if std::thread::panicking() {
            return;
        }
        if self.store.settle() {
            let arguments = ["--realm", self.realm(), "--json", "--limit", "0"];
            let audit = command::build(self, &["audit"], &arguments);
            let audit = command::finish(command::spawn(audit, ""));
            self.artifacts.write("audit.json", &audit.stdout);
            self.store.keep(&self.artifacts);
        }
    }
}
