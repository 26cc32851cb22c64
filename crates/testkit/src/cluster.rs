//! Several servers of one installation: one configuration, one master key, one database
//! of PostgreSQL. Each is an [`App`] with a folder, ports and a log of its own. Not
//! here: what a single server does, and the services they share (`service`).

use crate::app::{App, Place};
use crate::artifact::{Artifacts, must};
use crate::service::{self, Database, Proxy};
use crate::setup::Setup;
use crate::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

/// How a server of a cluster reaches PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cable {
    /// Straight.
    Direct,
    /// Through a [`Proxy`] of its own.
    Proxied,
}

/// The servers. Dropping it stops them and keeps what the database held, for the search
/// for secrets; PostgreSQL must run then.
#[derive(Debug)]
pub struct Cluster {
    /// Dropped in this order: the first keeps the store of all.
    nodes: Vec<App>,
    proxies: Vec<Option<Proxy>>,
    artifacts: Artifacts,
}

impl Cluster {
    pub(crate) fn prepare(setup: &Setup, nodes: usize, cable: Cable) -> Self {
        let keys = must("make a folder for the master key", TempDir::new());
        let keys = Arc::new(keys);
        let artifacts = Artifacts::make(&setup.site);
        let mut store = setup.make_store(&artifacts);
        let mut cluster = Self {
            nodes: Vec::new(),
            proxies: Vec::new(),
            artifacts,
        };
        let url = store.url();
        for number in 0..nodes {
            let mut setup = setup.clone();
            // The ports stay when the node comes back.
            setup.listen = format!("127.0.0.1:{}", service::free_port());
            setup.ops = format!("127.0.0.1:{}", service::free_port());
            let proxy = (cable == Cable::Proxied).then(|| Proxy::start(address(&url)));
            let shared = Store::Shared(Database::at(&url));
            let place = Place {
                artifacts: Artifacts::make(&format!("{}/node-{number}", setup.site)),
                store: std::mem::replace(&mut store, shared),
                cable: proxy.as_ref().map(|proxy| proxy.url(&url)),
                keys: Arc::clone(&keys),
            };
            cluster.nodes.push(App::prepare(setup, place));
            cluster.proxies.push(proxy);
        }
        cluster
    }

    /// Starts every server, one after the other, and waits until each is ready.
    ///
    /// # Panics
    /// When one does not come up.
    pub fn start(&mut self) {
        for node in &mut self.nodes {
            node.start();
            node.until_ready();
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// One of them, from 0 on.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn node(&self, number: usize) -> &App {
        match self.nodes.get(number) {
            Some(node) => node,
            None => panic!("there is no node {number}"),
        }
    }

    /// One of them, to start, stop or kill.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn node_mut(&mut self, number: usize) -> &mut App {
        match self.nodes.get_mut(number) {
            Some(node) => node,
            None => panic!("there is no node {number}"),
        }
    }

    /// Every server.
    #[must_use]
    pub fn nodes(&self) -> &[App] {
        &self.nodes
    }

    /// What lies between a server and PostgreSQL.
    ///
    /// # Panics
    /// When nothing does.
    #[must_use]
    pub fn proxy(&self, number: usize) -> &Proxy {
        match self.proxies.get(number) {
            Some(Some(proxy)) => proxy,
            _ => panic!("node {number} reaches PostgreSQL straight"),
        }
    }

    /// The test's folder and journal; each server has its own besides.
    #[must_use]
    pub const fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// The database they share.
    #[must_use]
    pub fn postgres(&self) -> &Database {
        self.node(0).postgres()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxies.iter().flatten().for_each(Proxy::mend);
        for node in &mut self.nodes {
            if std::thread::panicking() {
                node.kill();
            } else {
                node.stop();
            }
        }
    }
}

/// Where the server of a URL listens.
fn address(url: &str) -> SocketAddr {
    let host = url
        .split_once('@')
        .and_then(|(_, rest)| rest.split_once('/'));
    match host.map(|(host, _)| host.parse()) {
        Some(Ok(addr)) => addr,
        _ => panic!("{url} has no address after an `@`"),
    }
}
