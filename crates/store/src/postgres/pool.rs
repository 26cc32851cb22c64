//! Connections: how they are made, kept and handed out. A bounded number, a bounded
//! wait, a bounded queue of those who wait. Not here: what is said over them.

use super::open::OpenError;
use super::scope::{Trouble, describe};
use deadpool_postgres::{
    ClientWrapper, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};
use doorward_base::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may take to come up.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How many may wait for a connection at once, for each that there is.
const WAITING_PER_CONNECTION: usize = 64;

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
    /// The certificates (PEM) that a server's certificate must descend from; `None` are
    /// the system's.
    pub root_cert: Option<Vec<u8>>,
}

/// What a connection is made from.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
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
        let millis = settings.statement_timeout.as_millis();
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(settings.statement_timeout.max(CONNECT))
            .keepalives_idle(Duration::from_secs(30))
            .options(format!(
                // Plans are made once: every statement here is by key. SSI notices
                // fewer collisions that are none when small tables are read by index.
                "-c search_path=doorward,pg_temp -c statement_timeout={millis} \
                 -c idle_in_transaction_session_timeout={millis} \
                 -c plan_cache_mode=force_generic_plan -c enable_seqscan=off \
                 -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off \
                 -c synchronous_commit=on -c timezone=UTC \
                 -c default_transaction_isolation=read\\ committed \
                 -c default_transaction_read_only=off"
            ));
        let tls = MakeRustlsConnect::new(tls(&config, settings.root_cert.as_deref())?);
        Ok(Self { config, tls })
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

fn tls(config: &Config, root_cert: Option<&[u8]>) -> Result<ClientConfig, OpenError> {
    let wrong = |problem: String| OpenError::Tls(problem);
    let mut roots = RootCertStore::empty();
    if config.get_ssl_mode() != SslMode::Disable {
        match root_cert {
            Some(pem) => {
                for cert in CertificateDer::pem_slice_iter(pem) {
                    let cert = cert.map_err(|error| wrong(error.to_string()))?;
                    roots.add(cert).map_err(|error| wrong(error.to_string()))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(wrong("there is no root certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// A pool with bounds.
pub(super) struct Connections {
    pool: Pool,
    size: usize,
    wait: Duration,
}

impl Connections {
    /// Makes no connection yet.
    pub(super) fn new(
        connector: Connector,
        size: usize,
        wait: Duration,
    ) -> Result<Self, OpenError> {
        let size = size.max(1);
        let manager = Manager::from_config(
            connector.config,
            connector.tls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(wait))
            .create_timeout(Some(CONNECT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(Self { pool, size, wait })
    }

    /// A connection, within the bounded wait.
    pub(super) async fn get(&self) -> Result<Leased, Trouble> {
        if self.pool.status().waiting >= self.size * WAITING_PER_CONNECTION {
            return Err(self.busy());
        }
        let object = self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => self.busy(),
            PoolError::Timeout(_) => {
                Trouble::Lost("PostgreSQL did not take a connection in time".to_owned())
            }
            PoolError::Backend(error) => Trouble::Lost(describe(&error)),
            other => Trouble::Lost(other.to_string()),
        })?;
        Ok(Leased {
            object: Some(object),
            clean: AtomicBool::new(false),
        })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    fn busy(&self) -> Trouble {
        Trouble::Store(doorward_identity::port::StoreError::Unavailable(format!(
            "all {} connections to PostgreSQL were busy for {} ms",
            self.size,
            self.wait.as_millis()
        )))
    }
}

/// A connection on loan. It goes back only when somebody said that nothing is left
/// open on it; otherwise it is thrown away, and the server takes everything back.
pub(super) struct Leased {
    object: Option<Object>,
    clean: AtomicBool,
}

impl Leased {
    /// Nothing is open on it any more.
    pub(super) fn is_clean(&self) {
        self.clean.store(true, Ordering::Release);
    }

    pub(super) fn conn(&self) -> Option<&ClientWrapper> {
        self.object.as_deref()
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && !self.clean.load(Ordering::Acquire)
        {
            drop(Object::take(object));
        }
    }
}
