//! Everything that runs during the benchmark, started and proven: before anything is
//! measured, each server must answer what the row is about, and refuse what its policy
//! refuses. Not here: the measurements (`row`).

use crate::doorward::{ALGORITHMS, Installation, Shape, exchange_host};
use crate::failure::{Context as _, Failure};
use crate::http::{self, Answer, Request};
use crate::meter;
use crate::peer::{haproxy, nginx};
use crate::process::Running;
use crate::site::{Site, UPSTREAM_BODY};
use crate::start::wait_for_answer;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The peers, and ours unless only peers were asked for.
#[derive(Debug)]
pub(crate) struct Farm {
    pub(crate) nginx: nginx::Nginx,
    pub(crate) haproxy: haproxy::Haproxy,
    /// HAProxy's memory before any load, MiB.
    pub(crate) haproxy_idle: f64,
    pub(crate) ours: Option<Ours>,
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
    /// Starts and probes everything.
    pub(crate) fn start(site: &Site, binary: Option<&Path>) -> Result<Self, Failure> {
        let nginx = nginx::start(site)?;
        let haproxy = haproxy::start(site, nginx.addr)?;
        let haproxy_idle = meter::resident_mib(haproxy.process.pid())?;
        prove_policy("HAProxy", haproxy.policy, site)?;
        let ours = binary
            .map(|binary| Ours::start(site, binary, nginx.addr))
            .transpose()?;
        Ok(Self {
            nginx,
            haproxy,
            haproxy_idle,
            ours,
        })
    }
}

impl Ours {
    fn start(site: &Site, binary: &Path, upstream: SocketAddr) -> Result<Self, Failure> {
        let write = |shape| Installation::write(site, binary, shape, upstream);
        let whole = write(Shape::Whole)?;
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
        let (cold, tls) = (write(Shape::Gate)?, write(Shape::GateTls)?);
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
        let plain = http::send(self.whole.addr, &Request::get("/plain/1", &[]))?;
        expect("doorward, public route", &plain, 200, UPSTREAM_BODY)?;
        let headers = bearer(&self.api_key);
        let answer = http::send(self.whole.addr, &Request::get("/key/1", &headers))?;
        expect("doorward, API key", &answer, 200, UPSTREAM_BODY)?;
        let body = std::fs::read_to_string(&self.sign_in).during("the sign-in's body")?;
        let headers = [json_content()];
        let request = Request {
            method: "POST",
            path: "/me/v1/session",
            headers: &headers,
            body: body.trim(),
        };
        let answer = http::send(self.whole.addr, &request)?;
        expect("doorward, sign-in", &answer, 200, "\"access_token\"")?;
        for (algorithm, bodies) in &self.bodies {
            let text = std::fs::read_to_string(bodies).during("exchange bodies")?;
            let headers = [
                ("Host".to_owned(), exchange_host(algorithm)),
                json_content(),
            ];
            for body in text.lines() {
                let request = Request {
                    method: "POST",
                    path: "/oauth/exchange",
                    headers: &headers,
                    body,
                };
                let answer = http::send(self.whole.addr, &request)?;
                expect("doorward, exchange", &answer, 200, "\"jwt\"")?;
            }
        }
        Ok(())
    }
}

/// The header that presents a bearer token.
pub(crate) fn bearer(token: &str) -> Vec<(String, String)> {
    vec![("Authorization".to_owned(), format!("Bearer {token}"))]
}

fn json_content() -> (String, String) {
    ("Content-Type".to_owned(), "application/json".to_owned())
}

/// The good token passes, and what the policy is there to refuse is refused.
fn prove_policy(who: &str, addr: SocketAddr, site: &Site) -> Result<(), Failure> {
    let ask = |headers: &[(String, String)]| http::send(addr, &Request::get("/policy/1", headers));
    expect(
        &format!("{who}, good token"),
        &ask(&bearer(&site.token))?,
        200,
        UPSTREAM_BODY,
    )?;
    expect(&format!("{who}, no token"), &ask(&[])?, 401, "")?;
    for (what, status, token) in site.issuer.mint_refused()? {
        expect(
            &format!("{who}, token {what}"),
            &ask(&bearer(&token))?,
            status,
            "",
        )?;
    }
    Ok(())
}

fn expect(what: &str, answer: &Answer, status: u16, text: &str) -> Result<(), Failure> {
    if answer.status == status && answer.body.contains(text) {
        return Ok(());
    }
    let Answer { status: got, body } = answer;
    Err(Failure::new(format!(
        "{what}: expected {status}, got {got}: {body}"
    )))
}
