//! Everything that runs during the benchmark, started and proven: before anything is
//! measured, each server must answer what the row is about, and refuse what its policy
//! refuses. Not here: the measurements (`row`).

use crate::doorward::{ALGORITHMS, Installation, Shape, exchange_host};
use crate::failure::{Context as _, Failure};
use crate::http::{self, Answer, Request};
use crate::load::{Kind, Load};
use crate::meter;
use crate::option::Options;
use crate::peer::{haproxy, nginx};
use crate::process::Running;
use crate::row::{Row, Server};
use crate::site::{Site, UPSTREAM_BODY};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Clients of the rows at the gate.
const CLIENTS: u32 = 64;
/// The exchange's numbers of clients.
pub(crate) const EXCHANGE_CLIENTS: [u32; 3] = [1, 16, 64];

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
    tls: Installation,
    tls_process: Running,
    api_token: String,
    bodies: Vec<(&'static str, PathBuf)>,
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

    /// What is to be measured.
    pub(crate) fn rows(&self, site: &Site, options: &Options) -> Vec<Row<'_>> {
        let mut rows = self.peer_rows(site);
        if let Some(ours) = &self.ours {
            rows.extend(ours.gate_rows(site));
            rows.extend(ours.exchange_rows());
        }
        if let Some(word) = &options.only {
            rows.retain(|row| row.label.contains(word) || row.label.starts_with("HAProxy"));
        }
        rows
    }

    fn peer_rows(&self, site: &Site) -> Vec<Row<'_>> {
        let proxy = self.haproxy.process.pid();
        let nginx = self.nginx.process.pid();
        let bearer = bearer(&site.token);
        let each_once = Kind::Bearer {
            tokens: site.tokens.clone(),
            order: None,
        };
        let tls = format!("https://{}/policy/1", self.haproxy.tls);
        let at = |addr| format!("http://{addr}/policy/1");
        vec![
            row(
                "direct to nginx",
                nginx,
                at(self.nginx.addr),
                &bearer,
                Kind::Same,
            ),
            row(
                "HAProxy plain",
                proxy,
                at(self.haproxy.plain),
                &bearer,
                Kind::Same,
            ),
            row(
                "HAProxy policy",
                proxy,
                at(self.haproxy.policy),
                &bearer,
                Kind::Same,
            ),
            row(
                "HAProxy policy, each token once",
                proxy,
                at(self.haproxy.policy),
                &[],
                each_once,
            ),
            row(
                "HAProxy plain, TLS",
                proxy,
                tls.clone(),
                &bearer,
                Kind::Same,
            ),
            row(
                "HAProxy plain, TLS and HTTP/2",
                proxy,
                tls,
                &bearer,
                Kind::SameHttp2,
            ),
        ]
    }
}

impl Ours {
    fn start(site: &Site, binary: &Path, upstream: SocketAddr) -> Result<Self, Failure> {
        let write = |shape| Installation::write(site, binary, shape, upstream);
        let whole = write(Shape::Whole)?;
        let api_token = whole.make_gate_token()?;
        let bodies = ALGORITHMS.iter().map(|algorithm| {
            let bodies = whole.make_exchange_bodies(site, algorithm)?;
            Ok((*algorithm, bodies))
        });
        let bodies: Vec<_> = bodies.collect::<Result<_, Failure>>()?;
        // The first start makes signing keys; memory is that of a later one.
        drop(whole.start()?);
        let process = whole.start()?;
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
            api_token,
            bodies,
        };
        ours.prove(site)?;
        Ok(ours)
    }

    fn prove(&self, site: &Site) -> Result<(), Failure> {
        prove_policy("doorward", self.whole.addr, site)?;
        let plain = http::send(self.whole.addr, &Request::get("/plain/1", &[]))?;
        expect("doorward, public route", &plain, 200, UPSTREAM_BODY)?;
        let headers = bearer(&self.api_token);
        let answer = http::send(self.whole.addr, &Request::get("/pat/1", &headers))?;
        expect("doorward, API token", &answer, 200, UPSTREAM_BODY)?;
        for (algorithm, bodies) in &self.bodies {
            let text = std::fs::read_to_string(bodies).during("exchange bodies")?;
            let headers = json_to(&exchange_host(algorithm));
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

    fn gate_rows(&self, site: &Site) -> Vec<Row<'_>> {
        let pid = self.process.pid();
        let jwt = bearer(&site.token);
        let url = |path: &str| format!("http://{}{path}", self.whole.addr);
        let tls = format!("https://{}/policy/1", self.tls.addr);
        let tls_pid = self.tls_process.pid();
        let tokens = |order| Kind::Bearer {
            tokens: site.tokens.clone(),
            order,
        };
        let zipf = tokens(Some(site.zipf.clone()));
        let cold = Load {
            url: format!("http://{}/policy/1", self.cold.addr),
            headers: Vec::new(),
            clients: CLIENTS,
            kind: tokens(None),
        };
        vec![
            row("doorward plain", pid, url("/plain/1"), &[], Kind::Same),
            row(
                "doorward policy, warm",
                pid,
                url("/policy/1"),
                &jwt,
                Kind::Same,
            ),
            row(
                "doorward policy, many tokens by Zipf",
                pid,
                url("/policy/1"),
                &[],
                zipf,
            ),
            Row {
                label: "doorward policy, cold (each token once)".to_owned(),
                server: Server::Fresh(&self.cold),
                load: cold,
            },
            row(
                "doorward API token",
                pid,
                url("/pat/1"),
                &bearer(&self.api_token),
                Kind::Same,
            ),
            row(
                "doorward policy, warm, TLS",
                tls_pid,
                tls.clone(),
                &jwt,
                Kind::Same,
            ),
            row(
                "doorward policy, warm, TLS and HTTP/2",
                tls_pid,
                tls,
                &jwt,
                Kind::SameHttp2,
            ),
        ]
    }

    fn exchange_rows(&self) -> Vec<Row<'_>> {
        let each = |(algorithm, bodies): &(&'static str, PathBuf), clients| Row {
            label: exchange_label(algorithm, clients),
            server: Server::Running(self.process.pid()),
            load: Load {
                url: format!("http://{}/oauth/exchange", self.whole.addr),
                headers: vec![("Host".to_owned(), exchange_host(algorithm))],
                clients,
                kind: Kind::Exchange {
                    bodies: bodies.clone(),
                    member: "jwt",
                },
            },
        };
        self.bodies
            .iter()
            .flat_map(|realm| EXCHANGE_CLIENTS.map(|clients| each(realm, clients)))
            .collect()
    }
}

pub(crate) fn exchange_label(algorithm: &str, clients: u32) -> String {
    format!("doorward exchange to {algorithm}, {clients} clients")
}

fn row<'f>(
    label: &str,
    pid: u32,
    url: String,
    headers: &[(String, String)],
    kind: Kind,
) -> Row<'f> {
    let load = Load {
        url,
        headers: headers.to_vec(),
        clients: CLIENTS,
        kind,
    };
    Row {
        label: label.to_owned(),
        server: Server::Running(pid),
        load,
    }
}

fn bearer(token: &str) -> Vec<(String, String)> {
    vec![("Authorization".to_owned(), format!("Bearer {token}"))]
}

fn json_to(host: &str) -> Vec<(String, String)> {
    vec![
        ("Host".to_owned(), host.to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ]
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
