//! What many realms with many routes cost a process that starts with them: memory, and
//! the time to the first answer. Not here: a process with one realm (`figure`).

use crate::doorward::{Installation, Shape, Wanted, bare_host};
use crate::failure::{Context as _, Failure};
use crate::farm::expect;
use crate::load::ask;
use crate::meter;
use crate::site::{Site, UPSTREAM_BODY};
use crate::start::wait_for_answer;
use doorward_testkit::Request;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

/// What a start with so many realms came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Housed {
    pub(crate) realms: u16,
    /// Routes of each.
    pub(crate) routes: u16,
    /// Start to first answer, seconds.
    pub(crate) start: f64,
    /// Memory then, MiB.
    pub(crate) idle: f64,
}

/// Starts the binary with each of these.
pub(crate) fn measure(
    site: &Site,
    binary: &Path,
    upstream: SocketAddr,
    sizes: &[(u16, u16)],
) -> Result<Vec<Housed>, Failure> {
    let start = |&(realms, routes)| Housed::measure(site, binary, upstream, realms, routes);
    sizes.iter().map(start).collect()
}

impl Housed {
    fn measure(
        site: &Site,
        binary: &Path,
        upstream: SocketAddr,
        realms: u16,
        routes: u16,
    ) -> Result<Self, Failure> {
        eprintln!("starting with {realms} realms of {routes} routes");
        let name = format!("realms-{realms}-{routes}");
        let wanted = Wanted::new(&name, Shape::Realms { realms, routes });
        let installation = Installation::write(site, binary, &wanted, upstream)?;
        // The first start makes a signing key for each.
        let first = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        drop(first);
        let begun = Instant::now();
        let running = installation.start()?;
        wait_for_answer(installation.addr, "/healthz")?;
        let start = begun.elapsed().as_secs_f64();
        let idle = meter::resident_mib(running.pid())?;
        // The last route of the last realm is there.
        if let (Some(realm), Some(route)) = (realms.checked_sub(1), routes.checked_sub(1)) {
            let target = format!("/p{route}/1");
            let request = Request::new(installation.addr, "GET", &target);
            let answer = ask(&request.host(&bare_host(realm)))?;
            let what = format!("doorward, route {route} of realm {realm}");
            expect(&what, &answer, 200, UPSTREAM_BODY).during(&name)?;
        }
        Ok(Self {
            realms,
            routes,
            start,
            idle,
        })
    }
}
