//! Lowering `[server]`. Not here: its stores (`store`).

use super::Lowering;
use super::mail::MailSettings;
use super::secret::MasterKeySource;
use super::store::{Database, LimitStore};
use crate::config::problem::KeyPath;
use crate::config::server::{Log, Server, Tls};
use crate::config::text::Text;
use crate::config::value::{SecretRef, Size, Span};
use doorward_base::Secret;
use doorward_gate::{Pace, Pair};
use doorward_outbound::egress::{EgressSettings, Reach};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The process, lowered.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The public addresses; at least one.
    pub listen: Vec<SocketAddr>,
    /// The address of metrics and readiness in detail.
    pub ops_listen: Option<SocketAddr>,
    /// Where the control data is kept.
    pub database: Database,
    /// Where the control socket lies: beside the SQLite file; with PostgreSQL, beside
    /// the configuration file.
    pub control_socket: PathBuf,
    /// Where the counters of limits are kept.
    pub limits: LimitStore,
    /// The master key, or where it is kept.
    pub master_key: MasterKeySource,
    /// The certificate of the public addresses, where they are TLS.
    pub tls: Option<Pair>,
    /// Peers whose `X-Forwarded-*` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where requests of the process's own may go, and whom they trust.
    pub egress: EgressSettings,
    /// How many connections are open at most.
    pub max_connections: usize,
    /// How many of them one address may have; a quarter, if it is not said.
    pub max_per_address: Option<u32>,
    /// How long a header section may take.
    pub header_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer that is there.
    pub answer_idle: Duration,
    /// How slow a request's body may be.
    pub body_pace: Pace,
    /// How long the process goes on accepting after it was told to stop.
    pub drain_delay: Duration,
    /// How long open requests are waited for at the end.
    pub drain_timeout: Duration,
    /// The largest request body, bytes.
    pub max_body: u64,
    /// How much memory verified tokens may take, bytes.
    pub token_cache: u64,
    /// Mail, if any is sent.
    pub mail: Option<MailSettings>,
    pub log: Log,
}

impl Lowering<'_> {
    pub(super) fn server(&mut self, server: &Server) -> Option<ServerSettings> {
        let path = KeyPath::of(&["server"]);
        let Text(master_key) = server
            .master_key
            .clone()
            .unwrap_or_else(|| Text(SecretRef::File(PathBuf::from("doorward.key"))));
        let max_connections = server.max_connections.unwrap_or(16_384);
        if max_connections == 0 {
            self.wrong(&path.key("max_connections"), "must be at least 1");
        }
        if server.max_per_address == Some(0) {
            self.wrong(&path.key("max_per_address"), "must be at least 1");
        }
        let listen = self.listen(server, &path);
        let database = self.database(server, &path);
        let limits = self.limit_store(server, &path);
        let master_key = self.master_key(&path.key("master_key"), &master_key);
        let tls = server.tls.as_ref();
        let tls = tls.map(|Tls { cert, key }| self.pair(&cert.0, &key.0, &path.key("tls")));
        // What the realms ask of it is known before anything else ends this.
        let egress = self.egress(server, &path);
        let mail = server.mail.as_ref();
        let mail = mail.map(|mail| self.mail(mail, &path.key("mail")));
        let (tls, mail, database) = (read(tls)?, read(mail)?, database?);
        let control_socket = self.control_socket(&database);
        let drain_delay = server.drain_delay;
        let trusted_proxies = server.trusted_proxies.iter();
        let bytes = |given: Option<Text<Size>>, usual| given.map_or(usual, |Text(Size(size))| size);
        let mut span = |key: &str, given, seconds| {
            self.positive(&path.key(key), given, Duration::from_secs(seconds))
        };
        Some(ServerSettings {
            listen,
            ops_listen: server.ops_listen.map(|Text(address)| address),
            control_socket,
            database,
            limits: limits?,
            master_key: master_key?,
            tls,
            trusted_proxies: trusted_proxies.map(|Text(net)| *net).collect(),
            egress: egress?,
            max_connections: usize::try_from(max_connections).unwrap_or(usize::MAX),
            header_timeout: span("header_timeout", server.header_timeout, 10),
            max_per_address: server.max_per_address,
            idle_timeout: span("idle_timeout", server.idle_timeout, 75),
            answer_idle: span("answer_idle", server.answer_idle, 60),
            body_pace: Pace {
                idle: span("body_idle", server.body_idle, 30),
                rate: bytes(server.body_rate, 256),
            },
            drain_delay: drain_delay.map_or(Duration::ZERO, |Text(Span(delay))| delay),
            drain_timeout: span("drain_timeout", server.drain_timeout, 30),
            max_body: bytes(server.max_body, 10 << 20),
            token_cache: bytes(server.token_cache, 128 << 20),
            mail,
            log: server.log,
        })
    }

    fn listen(&mut self, server: &Server, path: &KeyPath) -> Vec<SocketAddr> {
        let listen: Vec<SocketAddr> = match &server.listen {
            Some(given) => given.iter().map(|Text(address)| *address).collect(),
            None => vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
        };
        let place = path.key("listen");
        if listen.is_empty() {
            self.wrong(
                &place,
                "names no address; write for example [\"127.0.0.1:8080\"]",
            );
        }
        for (at, address) in listen.iter().enumerate() {
            let twice = listen.iter().take(at).any(|earlier| earlier == address);
            if twice && address.port() != 0 {
                self.wrong(&place.index(at), format!("{address} is there twice"));
            }
        }
        if let Some(Text(ops)) = server.ops_listen
            && ops.port() != 0
            && listen.contains(&ops)
        {
            self.wrong(
                &path.key("ops_listen"),
                format!("{ops} is a public address too; metrics need an address of their own"),
            );
        }
        listen
    }

    /// Authorities that cannot be read are found here, not by the first request.
    fn egress(&mut self, server: &Server, path: &KeyPath) -> Option<EgressSettings> {
        let allowed = server.egress_allow.iter().map(|Text(net)| *net);
        self.reach = Reach::new(allowed.collect());
        let ca = match &server.egress_ca {
            None => None,
            Some(Text(source)) => {
                let place = path.key("egress_ca");
                let pem = self.secret(&place, source)?;
                Some(pem.expose().as_bytes().to_vec())
            }
        };
        let settings = EgressSettings {
            reach: self.reach.clone(),
            ca,
        };
        if let Err(error) = settings.check() {
            self.wrong(&path.key("egress_ca"), error.to_string());
        }
        Some(settings)
    }

    /// A certificate chain and its key.
    pub(super) fn pair(
        &mut self,
        cert: &SecretRef,
        key: &SecretRef,
        path: &KeyPath,
    ) -> Option<Pair> {
        let (cert_place, key_place) = (path.key("cert"), path.key("key"));
        let (cert, key) = (self.pem(&cert_place, cert), self.pem(&key_place, key));
        let (cert, key) = (cert?, key?);
        match Pair::read(cert.expose().as_bytes(), key.expose().as_bytes()) {
            Ok(pair) => Some(pair),
            Err(error) => {
                let at_fault = if error.is_of_certificate() {
                    cert_place
                } else {
                    key_place
                };
                self.wrong(&at_fault, error.to_string());
                None
            }
        }
    }

    /// A text in PEM form.
    pub(super) fn pem(&mut self, place: &KeyPath, source: &SecretRef) -> Option<Secret> {
        let text = self.secret(place, source)?;
        if !text.expose().contains("-----BEGIN ") {
            self.wrong(place, "is not in PEM form (-----BEGIN …)");
            return None;
        }
        Some(text)
    }
}

/// Nothing, if nothing was given; what was given, if it could be read.
fn read<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    given.map_or(Some(None), |read| read.map(Some))
}
