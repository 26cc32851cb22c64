//! Everything that runs during the benchmark, started and proven: before anything is
//! measured, each server must answer what the row is about, and refuse what its policy
//! refuses. Not here: the measurements (`row`).

use crate::data::{self, Stocked};
use crate::database::{Cluster, PGBENCH_ROWS};
use crate::doorward::{ALGORITHMS, Installation, Shape, Wanted, exchange_host};
use crate::failure::{Context as _, Failure};
use crate::fill::{self, Filled};
use crate::load::ask;
use crate::meter;
use crate::option::{Options, Part};
use crate::peer::{haproxy, nginx};
use crate::process::Running;
use crate::site::{Site, UPSTREAM_BODY};
use crate::start::wait_for_answer;
use doorward_testkit::{Request, Response};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Looks a token up by its digest, and writes down that it did.
const PGBENCH_LOOK_UP: &str = "SELECT id, owner, tenant, permissions FROM token \
    WHERE digest = sha256(int4send(:n)) AND state = 'active';";
const PGBENCH_BOTH: &str = "WITH found AS (SELECT id, owner, tenant, permissions FROM token \
    WHERE digest = sha256(int4send(:n)) AND state = 'active'), \
    written AS (INSERT INTO audit (at, request, actor, action, token, peer, detail) \
    SELECT 1800000000000000, gen_random_uuid(), owner, 'token.exchange', id, '127.0.0.1', '{}' \
    FROM found) SELECT * FROM found;";

/// The peers, and ours unless only peers were asked for. What no part needs is missing.
#[derive(Debug)]
pub(crate) struct Farm {
    pub(crate) nginx: nginx::Nginx,
    pub(crate) haproxy: haproxy::Haproxy,
    /// HAProxy's memory before any load, MiB.
    pub(crate) haproxy_idle: f64,
    pub(crate) ours: Option<Ours>,
    pub(crate) on_postgres: Option<OnPostgres>,
    pub(crate) filled: Vec<Filled>,
    pub(crate) stocked: Vec<Stocked>,
    /// After whatever works on it, so that it ends last.
    pub(crate) cluster: Option<Cluster>,
}

/// An installation on PostgreSQL, and the scripts by which `pgbench` does as little as
/// it must.
#[derive(Debug)]
pub(crate) struct OnPostgres {
    pub(crate) whole: Installation,
    pub(crate) process: Running,
    pub(crate) cluster_pid: u32,
    pub(crate) api_key: String,
    pub(crate) bodies: PathBuf,
    pub(crate) sign_in: PathBuf,
    pub(crate) pgbench: String,
    pub(crate) look_up: PathBuf,
    pub(crate) look_up_and_insert: PathBuf,
}

/// The installations of the binary.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) whole: Installation,
    pub(crate) process: Running,
    /// Its memory before any load, MiB.
    pub(crate) idle: f64,
    /// Started anew for each measurement without a warm cache.
    pub(crate) cold: Installation,
    pub(crate) tls: Installation,
    pub(crate) tls_process: Running,
    pub(crate) api_key: String,
    pub(crate) sign_in: PathBuf,
    pub(crate) bodies: Vec<(&'static str, PathBuf)>,
}

impl Farm {
    /// Starts and probes what the parts need.
    pub(crate) fn start(
        site: &Site,
        options: &Options,
        binary: Option<&Path>,
    ) -> Result<Self, Failure> {
        let nginx = nginx::start(site)?;
        let haproxy = haproxy::start(site, nginx.addr)?;
        let haproxy_idle = meter::resident_mib(haproxy.process.pid())?;
        prove_policy("HAProxy", haproxy.policy, site)?;
        let upstream = nginx.addr;
        let mut farm = Self {
            nginx,
            haproxy,
            haproxy_idle,
            ours: None,
            on_postgres: None,
            filled: Vec::new(),
            stocked: Vec::new(),
            cluster: None,
        };
        let Some(binary) = binary else {
            return Ok(farm);
        };
        if options.wants(Part::Gate) || options.wants(Part::Exchange) {
            farm.ours = Some(Ours::start(site, binary, upstream)?);
        }
        let needy = [Part::Postgres, Part::Tokens, Part::Limits, Part::Rows];
        if !needy.into_iter().any(|part| options.wants(part)) {
            return Ok(farm);
        }
        let cluster = Cluster::start(site)?;
        if options.wants(Part::Postgres) {
            farm.on_postgres = Some(OnPostgres::start(site, binary, upstream, &cluster)?);
        }
        if options.wants(Part::Tokens) {
            farm.filled = fill::all(site, binary, upstream, &cluster, &options.stored)?;
        }
        if options.wants(Part::Rows) {
            farm.stocked = data::both(site, binary, upstream, &cluster)?;
        }
        farm.cluster = Some(cluster);
        Ok(farm)
    }
}

impl OnPostgres {
    fn start(
        site: &Site,
        binary: &Path,
        upstream: SocketAddr,
        cluster: &Cluster,
    ) -> Result<Self, Failure> {
        let wanted = Wanted {
            database: Some(cluster.create_database()),
            ..Wanted::new("postgres", Shape::Exchange)
        };
        let whole = Installation::write(site, binary, &wanted, upstream)?;
        let api_key = whole.make_gate_key()?;
        let bodies = whole.make_exchange_bodies(site, "ES256")?;
        let sign_in = whole.make_sign_in_body(site)?;
        let process = whole.start()?;
        wait_for_answer(whole.addr, "/healthz")?;
        prove_key(whole.addr, &api_key)?;
        prove_exchange(whole.addr, "ES256", &bodies)?;
        let script = |name: &str, sql: &str| {
            site.write(name, &format!("\\set n random(1, {PGBENCH_ROWS})\n{sql}\n"))
        };
        Ok(Self {
            whole,
            process,
            cluster_pid: cluster.pid,
            api_key,
            bodies,
            sign_in,
            pgbench: cluster.pgbench.clone(),
            look_up: script("look-up.sql", PGBENCH_LOOK_UP)?,
            look_up_and_insert: script("look-up-and-insert.sql", PGBENCH_BOTH)?,
        })
    }
}

impl Ours {
    fn start(site: &Site, binary: &Path, upstream: SocketAddr) -> Result<Self, Failure> {
        let write =
            |name, shape| Installation::write(site, binary, &Wanted::new(name, shape), upstream);
        let whole = write("whole", Shape::Whole)?;
        let api_key = whole.make_gate_key()?;
        let sign_in = whole.make_sign_in_body(site)?;
        let bodies = ALGORITHMS.iter().map(|algorithm| {
            let bodies = whole.make_exchange_bodies(site, algorithm)?;
            Ok((*algorithm, bodies))
        });
        let bodies: Vec<_> = bodies.collect::<Result<_, Failure>>()?;
        // The first start makes signing keys; memory is that of a later one.
        drop(whole.start()?);
        let process = whole.start()?;
        wait_for_answer(whole.addr, "/healthz")?;
        let idle = meter::resident_mib(process.pid())?;
        let (cold, tls) = (write("gate", Shape::Gate)?, write("tls", Shape::GateTls)?);
        drop(cold.start()?);
        let tls_process = tls.start()?;
        let ours = Self {
            whole,
            process,
            idle,
            cold,
            tls,
            tls_process,
            api_key,
            sign_in,
            bodies,
        };
        ours.prove(site)?;
        Ok(ours)
    }

    fn prove(&self, site: &Site) -> Result<(), Failure> {
        prove_policy("doorward", self.whole.addr, site)?;
        let plain = ask(&Request::new(self.whole.addr, "GET", "/plain/1"))?;
        expect("doorward, public route", &plain, 200, UPSTREAM_BODY)?;
        prove_key(self.whole.addr, &self.api_key)?;
        let body = std::fs::read_to_string(&self.sign_in).during("the sign-in's body")?;
        let request = Request::new(self.whole.addr, "POST", "/me/v1/session");
        let answer = ask(&json(request).body(body.trim()))?;
        expect("doorward, sign-in", &answer, 200, "\"access_token\"")?;
        for (algorithm, bodies) in &self.bodies {
            prove_exchange(self.whole.addr, algorithm, bodies)?;
        }
        Ok(())
    }
}

fn prove_key(addr: SocketAddr, key: &str) -> Result<(), Failure> {
    let answer = ask(&Request::new(addr, "GET", "/key/1").bearer(key))?;
    expect("doorward, API key", &answer, 200, UPSTREAM_BODY)
}

fn prove_exchange(addr: SocketAddr, algorithm: &str, bodies: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(bodies).during("exchange bodies")?;
    let request = Request::new(addr, "POST", "/oauth/exchange").host(&exchange_host(algorithm));
    let request = json(request);
    for body in text.lines() {
        let answer = ask(&request.clone().body(body))?;
        expect("doorward, exchange", &answer, 200, "\"jwt\"")?;
    }
    Ok(())
}

/// The header that presents a bearer token.
pub(crate) fn bearer(token: &str) -> Vec<(String, String)> {
    vec![("Authorization".to_owned(), format!("Bearer {token}"))]
}

fn json(request: Request) -> Request {
    request.header("Content-Type", "application/json")
}

/// The good token passes, and what the policy is there to refuse is refused.
fn prove_policy(who: &str, addr: SocketAddr, site: &Site) -> Result<(), Failure> {
    let bare = Request::new(addr, "GET", "/policy/1");
    let with = |token: &str| ask(&bare.clone().bearer(token));
    let good = with(&site.token)?;
    expect(&format!("{who}, good token"), &good, 200, UPSTREAM_BODY)?;
    expect(&format!("{who}, no token"), &ask(&bare)?, 401, "")?;
    for (what, status, token) in site.issuer.mint_refused()? {
        expect(&format!("{who}, token {what}"), &with(&token)?, status, "")?;
    }
    Ok(())
}

/// Compares an answer with what it must be.
pub(crate) fn expect(
    what: &str,
    answer: &Response,
    status: u16,
    text: &str,
) -> Result<(), Failure> {
    let (got, body) = (answer.status, answer.text());
    if got == status && body.contains(text) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what}: expected {status}, got {got}: {body}"
    )))
}
