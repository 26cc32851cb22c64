//! The rows: which requests, in which order, on whom. Not here: their measurement
//! (`row`).

use crate::data::Stocked;
use crate::database::Database;
use crate::doorward::exchange_host;
use crate::farm::{Farm, OnPostgres, Ours, bearer};
use crate::fill::{self, Filled};
use crate::load::{Kind, Load};
use crate::option::{Options, Part};
use crate::row::{Row, Server};
use crate::site::Site;
use std::net::SocketAddr;
use std::path::Path;

/// The peers' rows that ours are held against.
pub(crate) const PEER_PLAIN: &str = "HAProxy plain";
pub(crate) const PEER_POLICY: &str = "HAProxy policy";
pub(crate) const PEER_TLS: &str = "HAProxy plain, TLS";
pub(crate) const PEER_HTTP2: &str = "HAProxy plain, TLS and HTTP/2";
/// Ours that have a budget.
pub(crate) const PLAIN: &str = "doorward plain";
pub(crate) const WARM: &str = "doorward policy, warm";
pub(crate) const LIMITS: &str = "doorward policy, warm, three limits and one in flight";
pub(crate) const QUOTA: &str = "doorward policy, warm, a limit and a quota of the month";
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

/// PostgreSQL by itself, with as many clients; the second is what an exchange needs.
pub(crate) const LOOK_UP: &str = "pgbench look-up";
pub(crate) const LOOK_UP_AND_INSERT: &str = "pgbench look-up and insert";
const PGBENCH_CLIENTS: [u32; 2] = [1, 16];
/// Clients of the data API and of the engines beside it.
const DATA_CLIENTS: [u32; 2] = [1, 16];

/// What is to be measured.
pub(crate) fn rows<'f>(farm: &'f Farm, site: &Site, options: &Options) -> Vec<Row<'f>> {
    let mut rows = Vec::new();
    if options.wants(Part::Gate) {
        rows.extend(peers(farm, site));
        rows.extend(farm.ours.iter().flat_map(|ours| gate(ours, site)));
    }
    if options.wants(Part::Exchange) {
        rows.extend(farm.ours.iter().flat_map(exchanges));
    }
    rows.extend(farm.on_postgres.iter().flat_map(on_postgres));
    rows.extend(farm.filled.iter().flat_map(look_ups));
    rows.extend(farm.stocked.iter().flat_map(data));
    if let Some(word) = &options.only {
        let peers = ["HAProxy", "pgbench", "sqlite3"];
        rows.retain(|row| {
            row.label.contains(word) || peers.iter().any(|peer| row.label.starts_with(peer))
        });
    }
    rows
}

pub(crate) fn exchange_label(algorithm: &str, clients: u32) -> String {
    format!("doorward exchange to {algorithm}, {clients} clients")
}

/// The exchange on PostgreSQL.
pub(crate) fn postgres_label(clients: u32) -> String {
    exchange_label("ES256 on PostgreSQL", clients)
}

/// The refresh with rotation.
fn refresh_label(engine: &str, clients: u32) -> String {
    format!("doorward refresh on {engine}, {clients} clients")
}

pub(crate) fn pgbench_label(what: &str, clients: u32) -> String {
    format!("{what}, {clients} clients")
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
        Row::new(LIMITS, server, get(url("/limits/1"), &site.token)),
        Row::new(QUOTA, server, get(url("/quota/1"), &site.token)),
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

fn exchanges(ours: &Ours) -> Vec<Row<'_>> {
    let server = Server::Running(ours.process.pid());
    let row = |algorithm: &str, bodies: &Path, clients| {
        let load = exchange(ours.whole.addr, algorithm, bodies, clients);
        Row::new(&exchange_label(algorithm, clients), server, load)
    };
    let exchanges = ours.bodies.iter().flat_map(|(algorithm, bodies)| {
        EXCHANGE_CLIENTS.map(|clients| row(algorithm, bodies, clients))
    });
    let refreshed = EXCHANGE_CLIENTS.map(|clients| {
        let load = refreshes(ours.whole.addr, &ours.sign_in, clients);
        Row::new(&refresh_label("SQLite", clients), server, load)
    });
    exchanges.chain(refreshed).collect()
}

/// Refreshes with rotation, to ES256.
fn refreshes(addr: SocketAddr, sign_in: &Path, clients: u32) -> Load {
    Load {
        url: format!("http://{addr}/me/v1/session/refresh"),
        headers: Vec::new(),
        clients,
        kind: Kind::Refresh {
            sign_in: sign_in.to_owned(),
            signed_in: sign_in.with_extension(format!("{clients}.tokens")),
        },
    }
}

fn exchange(addr: SocketAddr, algorithm: &str, bodies: &Path, clients: u32) -> Load {
    Load {
        url: format!("http://{addr}/oauth/exchange"),
        headers: vec![("Host".to_owned(), exchange_host(algorithm))],
        clients,
        kind: Kind::Post {
            bodies: bodies.to_owned(),
            member: "jwt",
            spread: false,
        },
    }
}

/// PostgreSQL by itself, then the exchange on it, in the same round.
fn on_postgres(ours: &OnPostgres) -> Vec<Row<'_>> {
    let server = Server::Running(ours.process.pid());
    let pid = ours.cluster_pid;
    let mut rows = Vec::new();
    for (what, script) in [
        (LOOK_UP, &ours.look_up),
        (LOOK_UP_AND_INSERT, &ours.look_up_and_insert),
    ] {
        rows.extend(PGBENCH_CLIENTS.map(|clients| {
            let load = Load {
                url: ours.pgbench.clone(),
                headers: Vec::new(),
                clients,
                kind: Kind::Sql(script.clone()),
            };
            Row::new(&pgbench_label(what, clients), Server::Cluster(pid), load)
        }));
    }
    rows.extend(EXCHANGE_CLIENTS.map(|clients| Row {
        store: Some(pid),
        ..Row::new(
            &postgres_label(clients),
            server,
            exchange(ours.whole.addr, "ES256", &ours.bodies, clients),
        )
    }));
    rows.extend(EXCHANGE_CLIENTS.map(|clients| Row {
        store: Some(pid),
        ..Row::new(
            &refresh_label("PostgreSQL", clients),
            server,
            refreshes(ours.whole.addr, &ours.sign_in, clients),
        )
    }));
    let key = get(format!("http://{}/key/1", ours.whole.addr), &ours.api_key);
    rows.push(Row {
        store: Some(pid),
        ..Row::new("doorward API key on PostgreSQL, warm", server, key)
    });
    rows
}

/// API tokens that the gate has not seen, beside one that it has.
fn look_ups(filled: &Filled) -> Vec<Row<'_>> {
    let Filled {
        size, installation, ..
    } = filled;
    let engine = installation.database.engine();
    let url = format!("http://{}/key/1", installation.addr);
    let load = |clients, kind| Load {
        url: url.clone(),
        headers: Vec::new(),
        clients,
        kind,
    };
    let mut loads = vec![
        (
            "one token, 1 client",
            load(1, Kind::Single(filled.same.clone())),
        ),
        (
            "each token once, 1 client",
            load(1, Kind::Single(filled.each.clone())),
        ),
    ];
    // Fewer would run out within a round.
    if *size >= fill::KNOWN {
        let once = Kind::Bearer {
            tokens: filled.each.clone(),
            order: None,
        };
        loads.push(("each token once, 64 clients", load(CLIENTS, once)));
    }
    let row = |(what, load): (&str, Load)| Row {
        store: installation.database.server(),
        ..Row::new(
            &format!("doorward API key, {size} tokens on {engine}: {what}"),
            Server::Fresh(installation),
            load,
        )
    };
    loads.into_iter().map(row).collect()
}

/// The bare engine, then the data API on the same rows, in the same round.
fn data(stocked: &Stocked) -> Vec<Row<'_>> {
    let mut rows = bare(stocked);
    rows.extend(data_api(stocked));
    rows
}

fn bare(stocked: &Stocked) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let bare = [
        ("look-up", &stocked.bare_look_up),
        ("insert", &stocked.bare_insert),
    ];
    for (what, script) in bare {
        match &stocked.rows {
            Database::Sqlite(file) => {
                let load = Load {
                    url: file.display().to_string(),
                    headers: Vec::new(),
                    clients: 1,
                    kind: Kind::Sqlite(script.clone()),
                };
                let label = format!("sqlite3 {what} of a row, 1 client");
                rows.push(Row::new(&label, Server::Commands, load));
            }
            Database::Postgres(url, pid) => rows.extend(DATA_CLIENTS.map(|clients| {
                let load = Load {
                    url: url.clone(),
                    headers: Vec::new(),
                    clients,
                    kind: Kind::Sql(script.clone()),
                };
                let label = pgbench_label(&format!("pgbench {what} of a row"), clients);
                Row::new(&label, Server::Cluster(*pid), load)
            })),
        }
    }
    rows
}

fn data_api(stocked: &Stocked) -> Vec<Row<'_>> {
    let engine = stocked.engine;
    let addr = stocked.installation.addr;
    let url = format!("http://{addr}/api/v1/query");
    let post = |bodies: &Path, member| Load {
        url: url.clone(),
        headers: bearer(&stocked.token),
        clients: 0,
        kind: Kind::Post {
            bodies: bodies.to_owned(),
            member,
            spread: false,
        },
    };
    let rest = format!("http://{addr}/rest/v1/item?id=eq.77&select=id,text");
    let loads = [
        ("look-up of a row by SQL", post(&stocked.look_ups, "rows")),
        ("look-up of a row by REST", get(rest, &stocked.token)),
        ("insert by one tenant", post(&stocked.insert, "affected")),
        ("insert by 100 tenants", post(&stocked.inserts, "affected")),
    ];
    let mut rows = Vec::new();
    for (what, load) in loads {
        rows.extend(DATA_CLIENTS.map(|clients| Row {
            store: stocked.rows.server(),
            ..Row::new(
                &format!("doorward {what} on {engine}, {clients} clients"),
                Server::Running(stocked.process.pid()),
                Load {
                    clients,
                    ..load.clone()
                },
            )
        }));
    }
    rows
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
