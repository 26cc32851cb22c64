//! The processes of an installation under soak, and how to strike them: one node on
//! SQLite, or several on a PostgreSQL and a Redis of their own. Not here: when they are
//! struck (`fault`), what runs on them (`site`).

use crate::fault::Fault;
use crate::option::{Engine, Options};
use doorward_testkit::service::{Affected, Postgres, Redis};
use doorward_testkit::{App, Cable, Cluster, Outcome, Setup};
use std::net::SocketAddr;
use tempfile::TempDir;

/// The change feed's connections, as PostgreSQL knows them.
const FEED: &str = "doorward-feed";

/// A running installation.
#[derive(Debug)]
pub struct Plant {
    /// Dropped in this order: the nodes end before what they stand on.
    nodes: Nodes,
    services: Option<Services>,
}

#[derive(Debug)]
enum Nodes {
    One(Box<App>),
    Many(Cluster),
}

#[derive(Debug)]
struct Services {
    postgres: Postgres,
    redis: Redis,
    _dir: TempDir,
}

impl Plant {
    /// Starts what the options ask for. Its files lie in the folder of `site`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(site: &str, config: &str, options: &Options) -> Self {
        let mut setup = Setup::new(site, config).set("server.log.level", "info");
        let fault = options.plant.as_ref();
        let planted = fault.map(|fault| format!("DOORWARD_PLANTED_FAULT={fault}"));
        if let Some(planted) = &planted {
            setup = setup.under(&["env", planted]);
        }
        match options.engine {
            Engine::Sqlite => {
                let mut app = setup.prepare();
                make_store(&app, config);
                app.start();
                Self {
                    nodes: Nodes::One(Box::new(app)),
                    services: None,
                }
            }
            Engine::Postgres => Self::start_many(setup, config, options.nodes),
        }
    }

    fn start_many(setup: Setup, config: &str, nodes: usize) -> Self {
        let dir = must("make a folder", TempDir::new());
        let (postgres, redis) = (Postgres::start(dir.path()), Redis::start(dir.path()));
        let mut cluster = setup
            .database(&postgres.create_database())
            .set("server.limits", redis.url())
            .set("server.drain_delay", "1s")
            .cluster(nodes, Cable::Proxied);
        make_store(cluster.node(0), config);
        cluster.start();
        Self {
            nodes: Nodes::Many(cluster),
            services: Some(Services {
                postgres,
                redis,
                _dir: dir,
            }),
        }
    }

    #[must_use]
    pub fn nodes(&self) -> &[App] {
        match &self.nodes {
            Nodes::One(app) => std::slice::from_ref(app),
            Nodes::Many(cluster) => cluster.nodes(),
        }
    }

    /// Where its nodes listen.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes().iter().map(App::addr).collect()
    }

    /// Runs a management command; what it prints is not kept.
    #[must_use]
    pub fn run(&self, words: &[&str], arguments: &[&str], input: &str) -> Outcome {
        match &self.nodes {
            Nodes::One(app) => app.run_secret(words, arguments, input),
            Nodes::Many(cluster) => cluster.node(0).run_secret(words, arguments, input),
        }
    }

    /// Journals a secret.
    pub fn remember(&self, secret: &str) {
        match &self.nodes {
            Nodes::One(app) => app.artifacts().remember(secret),
            Nodes::Many(cluster) => cluster.artifacts().remember(secret),
        }
    }

    /// Whether it has what this fault strikes.
    #[must_use]
    pub const fn can(&self, fault: Fault) -> bool {
        matches!(fault, Fault::KillNode | Fault::StopNode) || self.services.is_some()
    }

    fn node_mut(&mut self, node: usize) -> &mut App {
        match &mut self.nodes {
            Nodes::One(app) => app,
            Nodes::Many(cluster) => cluster.node_mut(node),
        }
    }

    /// kill -9 of a node.
    pub fn kill_node(&mut self, node: usize) {
        self.node_mut(node).kill();
    }

    /// SIGTERM to a node; waits for its end.
    pub fn stop_node(&mut self, node: usize) {
        let _ = self.node_mut(node).stop();
    }

    /// Starts a node that is down and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_node(&mut self, node: usize) -> SocketAddr {
        let app = self.node_mut(node);
        app.start();
        app.until_ready();
        app.addr()
    }

    pub(crate) fn kill_postgres(&mut self) {
        if let Some(services) = &mut self.services {
            services.postgres.kill();
        }
    }

    pub(crate) fn restart_postgres(&mut self) {
        if let Some(services) = &mut self.services {
            services.postgres.restart();
        }
    }

    pub(crate) fn kill_redis(&mut self) {
        if let Some(services) = &mut self.services {
            services.redis.kill();
        }
    }

    pub(crate) fn restart_redis(&mut self) {
        if let Some(services) = &mut self.services {
            services.redis.restart();
        }
    }

    pub(crate) fn cut_feed(&self) {
        if let Nodes::Many(cluster) = &self.nodes {
            let proxies = (0..cluster.len()).map(|node| cluster.proxy(node));
            proxies.for_each(|proxy| proxy.cut(Affected::Application(FEED.to_owned())));
        }
    }

    pub(crate) fn mend_feed(&self) {
        if let Nodes::Many(cluster) = &self.nodes {
            (0..cluster.len()).for_each(|node| cluster.proxy(node).mend());
        }
    }

    pub(crate) fn pause_postgres(&self) {
        if let Some(services) = &self.services {
            services.postgres.pause();
        }
    }

    pub(crate) fn resume_postgres(&self) {
        if let Some(services) = &self.services {
            services.postgres.resume();
        }
    }
}

/// Makes the store and every realm's keys by commands: a fault that is planted in the
/// server must not keep it from starting.
fn make_store(app: &App, config: &str) {
    let realms = config.lines().filter_map(|line| {
        let name = line.strip_prefix("[realm.")?.strip_suffix(']')?;
        (!name.contains('.')).then_some(name)
    });
    for realm in realms {
        let _ = app.run(&["tenant", "list"], &["--realm", realm]).success();
    }
}

/// The value; a soak that cannot be set up is over.
#[expect(
    clippy::panic,
    reason = "as the kit it stands on: its caller is a test, or a tool's main"
)]
pub(crate) fn must<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {what}: {error}"),
    }
}
