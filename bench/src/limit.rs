//! How far the limit of several nodes is from one ideal bucket: in simulated time, where
//! the nodes run the production code, and by two processes over one Redis. Not here:
//! what a check costs (`row`).

use crate::database::Cluster;
use crate::doorward::{Installation, Shape, Wanted};
use crate::failure::{Context as _, Failure};
use crate::load::{self, Kind, Load};
use crate::site::{Site, write_lines};
use crate::start::wait_for_answer;
use doorward_base::limit::{self, Quota, flood, simulate};
use doorward_testkit::service::Redis;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The limit: so many a second, and as many at once.
const RATE: u32 = 200;
/// How long requests keep coming.
const LASTING: u32 = 10;
/// Access tokens whose numbers differ by this name the same tenant.
const TENANTS: usize = 100;
const CLIENTS: usize = 10;

/// What one limit let through beside what one bucket would have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Error {
    pub(crate) simulated: bool,
    pub(crate) nodes: usize,
    /// Requests a second, all nodes together.
    pub(crate) offered: f64,
    pub(crate) admitted: f64,
    pub(crate) ideal: f64,
    /// The most by which the nodes were ahead, and behind, at any moment.
    pub(crate) most: Option<(u64, u64)>,
}

impl Error {
    /// As a part of what one bucket lets through.
    pub(crate) fn relative(&self) -> f64 {
        (self.admitted - self.ideal) / self.ideal
    }
}

/// One, two and four nodes in simulated time.
pub(crate) fn simulated() -> Result<Vec<Error>, Failure> {
    let quota = Quota::new(RATE, Duration::from_secs(1), RATE).during("the limit")?;
    let mut errors = Vec::new();
    for nodes in [1, 2, 4] {
        for offered in [500, 2000, 10_000] {
            let cluster = limit::Cluster {
                nodes,
                quota,
                merge_every: Duration::from_millis(250),
                round_trip: Duration::from_millis(1),
                troubles: Vec::new(),
            };
            let lasting = Duration::from_secs(u64::from(LASTING));
            let outcome = simulate(&cluster, flood(nodes, offered, lasting));
            let outcome = outcome.during("the limit")?;
            errors.push(Error {
                simulated: true,
                nodes,
                offered: f64::from(offered),
                admitted: whole(outcome.admitted)?,
                ideal: whole(outcome.ideal)?,
                most: Some((outcome.most_over, outcome.most_under)),
            });
        }
    }
    Ok(errors)
}

/// Ten clients of one tenant over two processes that share PostgreSQL and Redis.
pub(crate) fn real(
    site: &Site,
    binary: &Path,
    upstream: SocketAddr,
    cluster: &Cluster,
) -> Result<Error, Failure> {
    let redis = Redis::start(&site.file("redis"));
    let (rate, address) = (format!("{RATE}/1s"), redis.url());
    let wanted = Wanted {
        database: Some(cluster.create_database()),
        limits: Some(&address),
        rate: &rate,
        ..Wanted::new("nodes", Shape::Gate)
    };
    let write = || Installation::write(site, binary, &wanted, upstream);
    let nodes = [write()?, write()?];
    let mut running = Vec::new();
    for node in &nodes {
        running.push(node.start()?);
        wait_for_answer(node.addr, "/healthz")?;
    }
    let tokens = site.file("limit.tokens");
    let same_tenant = (0..CLIENTS).map(|number| site.issuer.mint(number * TENANTS));
    write_lines(&tokens, same_tenant.collect::<Result<Vec<_>, _>>()?)?;
    let loads = nodes.each_ref().map(|node| Load {
        url: format!("http://{}/policy/1", node.addr),
        headers: Vec::new(),
        clients: u32::try_from(CLIENTS / nodes.len()).unwrap_or(1),
        kind: Kind::Bearer {
            tokens: tokens.clone(),
            order: None,
        },
    });
    let outcomes = std::thread::scope(|scope| {
        let threads = loads
            .each_ref()
            .map(|load| scope.spawn(|| load::apply(load, site, LASTING)));
        let outcomes = threads.map(|thread| thread.join().ok().during("a load")?);
        outcomes.into_iter().collect::<Result<Vec<_>, Failure>>()
    })?;
    drop(running);
    let lasting = outcomes.iter().map(|o| o.seconds).fold(0.0, f64::max);
    let requests = whole(outcomes.iter().map(|o| o.requests).sum())?;
    let refused = whole(outcomes.iter().map(|o| o.errors).sum())?;
    Ok(Error {
        simulated: false,
        nodes: nodes.len(),
        offered: requests / lasting,
        admitted: requests - refused,
        ideal: f64::from(RATE) + f64::from(RATE) * lasting,
        most: None,
    })
}

fn whole(count: u64) -> Result<f64, Failure> {
    u32::try_from(count).map(f64::from).during("a count")
}
