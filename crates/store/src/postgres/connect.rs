//! How one connection is made: the address, TLS, and what a session is set to before
//! anything is said over it. Not here: how connections are kept (`pool`).
//!
//! A session is set by statements after it is up, not by start-up options: poolers
//! refuse or drop those.

use super::open::OpenError;
use super::tls;
use doorward_base::Secret;
use std::future::Future;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may take to come up.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// How the store is reached.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, with `sslmode=disable`, `prefer`
    /// or `require`. Without a mode, TLS is required unless the host is this machine.
    pub url: Secret,
    /// How many connections serve transactions; at least 1. Four more serve look-ups,
    /// audit rows and this process's own upkeep, and one the change feed.
    pub pool_size: usize,
    /// How long a request waits for a free connection.
    pub pool_wait: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// The certificates (PEM) that a server's certificate must be or descend from;
    /// `None` are the system's.
    pub root_cert: Option<Vec<u8>>,
}

/// What a connection is made from.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// The statements that set a session, separated by semicolons.
    pub(super) session: Arc<str>,
}

impl Connector {
    pub(super) fn new(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let text = settings.url.expose();
        // The parser's own words may repeat the text, and so the password.
        let mut config = Config::from_str(text)
            .map_err(|_| OpenError::Url("expected postgres://user@host:port/database".into()))?;
        if config.get_dbname().is_none() || config.get_hosts().is_empty() {
            return Err(OpenError::Url("it names no host or no database".into()));
        }
        if !text.contains("sslmode=") {
            let local = config.get_hosts().iter().all(is_here);
            config.ssl_mode(if local {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        }
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(settings.statement_timeout.max(CONNECT))
            .keepalives_idle(Duration::from_secs(30));
        let tls = tls::client(config.get_ssl_mode(), settings.root_cert.as_deref())?;
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls),
            session: session(settings.statement_timeout).into(),
        })
    }

    /// The same under another name, as `pg_stat_activity` shows it.
    pub(super) fn named(&self, name: &str) -> Self {
        let mut connector = self.clone();
        connector.config.application_name(name);
        connector
    }

    /// The same, but never to a standby, which lags: an address may lead to one later.
    pub(super) fn to_primary(&self, name: &str) -> Self {
        let mut connector = self.named(name);
        connector
            .config
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        connector
    }

    /// Connects, has the connection driven by `drive` (it ends with the client or with
    /// the server), and sets the session.
    pub(super) async fn connect<D>(
        &self,
        drive: impl FnOnce(Driven) -> D,
    ) -> Result<Client, tokio_postgres::Error>
    where
        D: Future<Output = ()> + Send + 'static,
    {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(drive(connection));
        client.batch_execute(&self.session).await?;
        Ok(client)
    }

    /// Where it leads, without the password.
    pub(super) fn place(&self) -> String {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .zip(
                self.config
                    .get_ports()
                    .iter()
                    .chain(std::iter::repeat(&5432)),
            )
            .map(|(host, port)| match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        format!(
            "{} at {}",
            self.config.get_dbname().unwrap_or_default(),
            hosts.join(", ")
        )
    }
}

/// A connection that somebody must poll.
pub(super) type Driven =
    Connection<Socket, <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream>;

/// Plans are made once: every statement here is by key. SSI notices fewer collisions
/// that are none when small tables are read by index.
fn session(statement_timeout: Duration) -> String {
    let millis = statement_timeout.as_millis();
    format!(
        "SET search_path = doorward, pg_temp; SET statement_timeout = {millis}; \
         SET idle_in_transaction_session_timeout = {millis}; \
         SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
         SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
         SET synchronous_commit = on; SET timezone = 'UTC'; \
         SET default_transaction_isolation = 'read committed'; \
         SET default_transaction_read_only = off"
    )
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.is_loopback())
        }
    }
}
