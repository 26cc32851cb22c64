//! The rows: which requests, in which order, on whom. Not here: their measurement
//! (`row`).

use crate::doorward::exchange_host;
use crate::farm::{Farm, Ours, bearer};
use crate::load::{Kind, Load};
use crate::option::Options;
use crate::row::{Row, Server};
use crate::site::Site;
use std::path::Path;

/// The peers' rows that ours are held against.
pub(crate) const PEER_PLAIN: &str = "HAProxy plain";
pub(crate) const PEER_POLICY: &str = "HAProxy policy";
pub(crate) const PEER_TLS: &str = "HAProxy plain, TLS";
pub(crate) const PEER_HTTP2: &str = "HAProxy plain, TLS and HTTP/2";
/// Ours that have a budget.
pub(crate) const PLAIN: &str = "doorward plain";
pub(crate) const WARM: &str = "doorward policy, warm";
pub(crate) const ZIPF: &str = "doorward policy, many tokens by Zipf";
pub(crate) const COLD: &str = "doorward policy, cold (each token once)";
pub(crate) const KEY: &str = "doorward API key";
pub(crate) const TLS: &str = "doorward policy, warm, TLS";
pub(crate) const HTTP2: &str = "doorward policy, warm, TLS and HTTP/2";
pub(crate) const SIGN_INS: &str = "doorward policy, warm, while two clients sign in";

/// Clients of the rows at the gate.
const CLIENTS: u32 = 64;
/// The exchange's numbers of clients.
const EXCHANGE_CLIENTS: [u32; 3] = [1, 16, 64];

/// What is to be measured.
pub(crate) fn rows<'f>(farm: &'f Farm, site: &Site, options: &Options) -> Vec<Row<'f>> {
    let mut rows = peers(farm, site);
    if let Some(ours) = &farm.ours {
        rows.extend(gate(ours, site));
        rows.extend(exchanges(ours));
    }
    if let Some(word) = &options.only {
        rows.retain(|row| row.label.contains(word) || row.label.starts_with("HAProxy"));
    }
    rows
}

pub(crate) fn exchange_label(algorithm: &str, clients: u32) -> String {
    format!("doorward exchange to {algorithm}, {clients} clients")
}

fn peers(farm: &Farm, site: &Site) -> Vec<Row<'static>> {
    let nginx = Server::Running(farm.nginx.process.pid());
    let proxy = Server::Running(farm.haproxy.process.pid());
    let direct = get(format!("http://{}/policy/1", farm.nginx.addr), &site.token);
    let plain = get(
        format!("http://{}/policy/1", farm.haproxy.plain),
        &site.token,
    );
    let policy = get(
        format!("http://{}/policy/1", farm.haproxy.policy),
        &site.token,
    );
    let tls = get(
        format!("https://{}/policy/1", farm.haproxy.tls),
        &site.token,
    );
    vec![
        Row::new("direct to nginx", nginx, direct),
        Row::new(PEER_PLAIN, proxy, plain),
        Row::new(PEER_POLICY, proxy, policy.clone()),
        Row::new(
            "HAProxy policy, each token once",
            proxy,
            each_once(policy, site),
        ),
        Row::new(PEER_TLS, proxy, tls.clone()),
        Row::new(PEER_HTTP2, proxy, over_http2(tls)),
    ]
}

fn gate<'f>(ours: &'f Ours, site: &Site) -> Vec<Row<'f>> {
    let server = Server::Running(ours.process.pid());
    let tls_server = Server::Running(ours.tls_process.pid());
    let url = |path: &str| format!("http://{}{path}", ours.whole.addr);
    let plain = Load {
        headers: Vec::new(),
        ..get(url("/plain/1"), "")
    };
    let policy = get(url("/policy/1"), &site.token);
    let cold = get(format!("http://{}/policy/1", ours.cold.addr), "");
    let key = get(url("/key/1"), &ours.api_key);
    let tls = get(format!("https://{}/policy/1", ours.tls.addr), &site.token);
    vec![
        Row::new(PLAIN, server, plain),
        Row::new(WARM, server, policy.clone()),
        Row::new(ZIPF, server, by_zipf(policy.clone(), site)),
        Row::new(COLD, Server::Fresh(&ours.cold), each_once(cold, site)),
        Row {
            beside: Some(sign_ins(ours)),
            ..Row::new(SIGN_INS, server, policy)
        },
        Row::new(KEY, server, key),
        Row::new(TLS, tls_server, tls.clone()),
        Row::new(HTTP2, tls_server, over_http2(tls)),
    ]
}

fn exchanges(ours: &Ours) -> Vec<Row<'static>> {
    let server = Server::Running(ours.process.pid());
    let url = format!("http://{}/oauth/exchange", ours.whole.addr);
    let exchange = |algorithm: &str, bodies: &Path, clients| {
        let load = Load {
            url: url.clone(),
            headers: vec![("Host".to_owned(), exchange_host(algorithm))],
            clients,
            kind: Kind::Post {
                bodies: bodies.to_owned(),
                member: "jwt",
                spread: false,
            },
        };
        Row::new(&exchange_label(algorithm, clients), server, load)
    };
    ours.bodies
        .iter()
        .flat_map(|(algorithm, bodies)| {
            EXCHANGE_CLIENTS.map(|clients| exchange(algorithm, bodies, clients))
        })
        .collect()
}

/// People who sign in by password, two at a time.
fn sign_ins(ours: &Ours) -> Load {
    Load {
        url: format!("http://{}/me/v1/session", ours.whole.addr),
        headers: Vec::new(),
        clients: 2,
        kind: Kind::Post {
            bodies: ours.sign_in.clone(),
            member: "access_token",
            spread: true,
        },
    }
}

fn get(url: String, token: &str) -> Load {
    Load {
        url,
        headers: bearer(token),
        clients: CLIENTS,
        kind: Kind::Same,
    }
}

fn over_http2(load: Load) -> Load {
    Load {
        kind: Kind::SameHttp2,
        ..load
    }
}

fn each_once(load: Load, site: &Site) -> Load {
    many(load, site, None)
}

fn by_zipf(load: Load, site: &Site) -> Load {
    many(load, site, Some(&site.zipf))
}

/// The tokens of the site instead of the one that the load presents.
fn many(load: Load, site: &Site, order: Option<&Path>) -> Load {
    let kind = Kind::Bearer {
        tokens: site.tokens.clone(),
        order: order.map(Path::to_owned),
    };
    Load {
        headers: Vec::new(),
        kind,
        ..load
    }
}
