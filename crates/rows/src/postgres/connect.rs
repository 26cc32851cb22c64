//! How a connection is made: the address, TLS, and as whom. Not here: how connections are
//! kept (`pool`).

use super::gauge::{Gauge, Gauged, MakeGauged, MakePlain};
use super::secret::{Secrets, role_name};
use super::tls;
use crate::fault::{Fault, FaultKind};
use doorward_base::{RealmName, Secret};
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{CancelToken, Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The largest message to the owner, whose own statements ask for it, in bytes.
const MOST_TO_OWNER: usize = 64 << 20;
/// How long a connection may take to come up.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Where a realm's rows are, and how they are reached.
#[derive(Clone, Debug)]
pub struct PostgresRowsSettings {
    /// `postgres://user:password@host:port/database`, as the owner of the realm's tables.
    /// Without `sslmode`, TLS is required unless the host is this machine.
    pub url: Secret,
    /// The certificates (PEM) that a server's certificate must be or descend from; `None`
    /// are the system's.
    pub root_cert: Option<Vec<u8>>,
    /// Whose rows; the caller role is named after it.
    pub realm: RealmName,
    /// The schema that the tables are in.
    pub schema: String,
    /// The column that holds the tenant.
    pub tenant_column: String,
    /// How many connections serve callers; at least 1.
    pub pool_size: usize,
    /// How long a call waits for a free one.
    pub pool_wait: Duration,
    /// Roles of other applications that work on the same tables and go on seeing all rows.
    pub other_roles: Vec<String>,
    /// Whether the database is Doorward's alone, so that rights which PostgreSQL gives to
    /// everybody may be taken from everybody, and every table of the schema is bound.
    pub own_database: bool,
}

/// What connections are made from.
#[derive(Clone)]
pub(super) struct Connector {
    owner: Config,
    caller: Config,
    tls: MakeRustlsConnect,
    /// The caller role.
    pub(super) role: String,
}

impl Connector {
    /// Connects to nothing yet. Also says what is derived from the seed.
    pub(super) fn new(
        settings: &PostgresRowsSettings,
        seed: &[u8; 32],
    ) -> Result<(Self, Secrets), Fault> {
        let text = settings.url.expose();
        // The parser's own words may repeat the text, and so the password.
        let wrong = |words: &str| {
            let words = format!("the address of the rows' PostgreSQL database is wrong: {words}");
            Fault::because(FaultKind::Unavailable, words)
        };
        let mut owner = Config::from_str(text)
            .map_err(|_| wrong("expected postgres://user@host:port/database"))?;
        let database = owner.get_dbname().unwrap_or_default().to_owned();
        if database.is_empty() || owner.get_hosts().is_empty() {
            return Err(wrong("it names no host or no database"));
        }
        if !text.contains("sslmode=") {
            let local = owner.get_hosts().iter().all(is_here);
            owner.ssl_mode(if local {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        }
        owner
            .connect_timeout(CONNECT)
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(60))
            .application_name("doorward-rows-owner");
        let tls = tls::client(owner.get_ssl_mode(), settings.root_cert.as_deref())?;
        let realm = settings.realm.as_str();
        let secrets = Secrets::derive(seed, &database, realm);
        let role = role_name(&database, realm);
        let mut caller = owner.clone();
        caller
            .user(&role)
            .password(secrets.password().expose())
            .application_name("doorward-rows");
        let connector = Self {
            owner,
            caller,
            tls: MakeRustlsConnect::new(tls),
            role,
        };
        Ok((connector, secrets))
    }

    /// As the tables' owner.
    pub(super) async fn owner(&self) -> Result<Client, Error> {
        self.connect(&self.owner, &Gauge::of(MOST_TO_OWNER)).await
    }

    /// As who works for callers, and how large the server's messages may be.
    pub(super) async fn caller(&self) -> Result<(Client, Gauge), Error> {
        let gauge = Gauge::new();
        let client = self.connect(&self.caller, &gauge).await?;
        Ok((client, gauge))
    }

    async fn connect(&self, config: &Config, gauge: &Gauge) -> Result<Client, Error> {
        if let Some(socket) = socket_of(config) {
            let stream = UnixStream::connect(socket).await;
            // Who is not there is told by the library, in its own error.
            if let Ok(stream) = stream {
                let mut config = config.clone();
                config.ssl_mode(SslMode::Disable);
                let stream = Gauged::new(stream, gauge.clone());
                let (client, connection) = config.connect_raw(stream, NoTls).await?;
                tokio::spawn(async move { drop(connection.await) });
                return Ok(client);
            }
        }
        if config.get_ssl_mode() == SslMode::Disable {
            return self.connect_plain(config, gauge).await;
        }
        let tls = MakeGauged {
            how: self.tls.clone(),
            gauge: gauge.clone(),
        };
        let (client, connection) = config.connect(tls).await?;
        // It ends with the client, or with the server, whose last words the client hears too.
        tokio::spawn(async move { drop(connection.await) });
        match gauge.is_read() {
            true => Ok(client),
            // TLS was preferred, and the server has none.
            false => self.connect_plain(config, gauge).await,
        }
    }

    async fn connect_plain(&self, config: &Config, gauge: &Gauge) -> Result<Client, Error> {
        let mut config = config.clone();
        plain(&mut config);
        let how = MakePlain;
        let gauge = gauge.clone();
        let (client, connection) = config.connect(MakeGauged { how, gauge }).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Ends what runs over a connection that is given up. Only when the server has answered or
    /// has closed it are it and its place let go: some work does not hear of a cancellation,
    /// and the server would otherwise run more of it than there are places.
    pub(super) fn abandon(&self, client: Client, place: impl Send + 'static) {
        let token = client.cancel_token();
        let connector = self.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(CONNECT, connector.cancel(token)).await;
                let _ = client.batch_execute("").await;
                drop((client, place));
            });
        }
    }

    async fn cancel(&self, token: CancelToken) -> Result<(), Error> {
        if let Some(socket) = socket_of(&self.caller)
            && let Ok(stream) = UnixStream::connect(socket).await
        {
            return token.cancel_query_raw(stream, NoTls).await;
        }
        match self.caller.get_ssl_mode() {
            SslMode::Disable => token.cancel_query(MakePlain).await,
            _ => token.cancel_query(self.tls.clone()).await,
        }
    }
}

/// No TLS, and a stream that can be gauged all the same: the library is told that TLS begins
/// at once, and the connector of it does nothing.
fn plain(config: &mut Config) {
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
}

/// The file of a server that is reached by one.
fn socket_of(config: &Config) -> Option<PathBuf> {
    let Some(Host::Unix(folder)) = config.get_hosts().first() else {
        return None;
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Some(folder.join(format!(".s.PGSQL.{port}")))
}

pub(super) fn is_here(host: &Host) -> bool {
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
