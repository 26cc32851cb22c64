//! What a test wants to run: a configuration with some keys changed, a clock, limits of
//! the process. Not here: the installation that comes of it (`app`).

use crate::app::{App, Place};
use crate::artifact::{Artifacts, must};
use crate::cluster::{Cable, Cluster};
use crate::service::{Database, at_address};
use crate::store::{self, Engine, Store};
use std::net::SocketAddr;
use toml::{Table, Value};

/// A description of an installation.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) site: String,
    pub(crate) config: Table,
    pub(crate) wrapper: Vec<String>,
    pub(crate) own_clock: bool,
    pub(crate) listen: String,
    pub(crate) ops: String,
    pub(crate) engine: Engine,
    pub(crate) database: Option<String>,
    pub(crate) through: Option<SocketAddr>,
}

impl Setup {
    /// The installation of a configuration text, in the folder of the test `site`. Its
    /// ports, store and master key are the test's own.
    ///
    /// # Panics
    /// When the text is not TOML.
    #[must_use]
    pub fn new(site: &str, config: &str) -> Self {
        let config = must("read the configuration", config.parse::<Table>());
        Self {
            site: site.to_owned(),
            config,
            wrapper: Vec::new(),
            own_clock: false,
            listen: "127.0.0.1:0".to_owned(),
            ops: "127.0.0.1:0".to_owned(),
            engine: store::engine(),
            database: None,
            through: None,
        }
    }

    /// Sets one key, named with dots.
    ///
    /// # Panics
    /// When the path goes through something that is not a table.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        set(&mut self.config, path, value.into());
        self
    }

    /// Changes the configuration in any other way.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Table)) -> Self {
        change(&mut self.config);
        self
    }

    /// Leads every route there is to this upstream.
    #[must_use]
    pub fn leading_to(self, origin: &str) -> Self {
        self.edit(|config| {
            let realms = config.get_mut("realm").and_then(Value::as_table_mut);
            let realms = realms.into_iter().flat_map(Table::iter_mut);
            let routes = realms.filter_map(|(_, realm)| realm.get_mut("route")?.as_array_mut());
            for route in routes.flatten().filter_map(Value::as_table_mut) {
                route.insert("upstream".to_owned(), origin.into());
            }
        })
    }

    /// Runs the server under another program, such as `prlimit --nofile=64`. It must
    /// replace itself by the server.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Gives the binary a clock that the test moves: [`App::pass`].
    #[must_use]
    pub const fn with_clock(mut self) -> Self {
        self.own_clock = true;
        self
    }

    /// Listens elsewhere than on the loopback.
    #[must_use]
    pub fn listen(mut self, addr: &str) -> Self {
        addr.clone_into(&mut self.listen);
        self
    }

    /// Listens where its configuration says.
    #[must_use]
    pub fn listen_as_configured(mut self) -> Self {
        self.listen.clear();
        self
    }

    /// Keeps its data in this database of PostgreSQL, in place of a new one.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// Has the server reach its database by this address, such as a pooler's, where
    /// commands go straight.
    #[must_use]
    pub const fn through(mut self, addr: SocketAddr) -> Self {
        self.through = Some(addr);
        self
    }

    /// Several servers of one installation, not started yet. They share the store,
    /// which is in PostgreSQL whatever the run's engine is, and the master key.
    ///
    /// # Panics
    /// When a file or the database cannot be made.
    #[must_use]
    pub fn cluster(mut self, nodes: usize, cable: Cable) -> Cluster {
        self.engine = Engine::Postgres;
        Cluster::prepare(&self, nodes, cable)
    }

    /// Writes the configuration, and nothing else: no store, no server.
    ///
    /// # Panics
    /// When a file cannot be written.
    #[must_use]
    pub fn prepare(self) -> App {
        let artifacts = Artifacts::make(&self.site);
        let store = self.make_store(&artifacts);
        let mut place = Place::alone(artifacts, store);
        place.cable = self
            .through
            .map(|addr| at_address(&place.store.url(), addr));
        App::prepare(self, place)
    }

    pub(crate) fn make_store(&self, artifacts: &Artifacts) -> Store {
        match &self.database {
            Some(url) => Store::Database(Database::at(url)),
            None => Store::make(self.engine, artifacts),
        }
    }

    /// Writes the configuration and starts the server.
    ///
    /// # Panics
    /// When the server does not come up.
    #[must_use]
    pub fn start(self) -> App {
        let mut app = self.prepare();
        app.start();
        app
    }
}

/// Sets `path` in a configuration table, making tables on the way.
fn set(table: &mut Table, path: &str, value: Value) {
    let mut table = table;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            table.insert(name.to_owned(), value);
            return;
        }
        let next = table
            .entry(name)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = next else {
            panic!("{path}: {name} is not a table");
        };
        table = inner;
    }
}
