//! The connections that callers' work runs over: a bounded number, a bounded wait, a bounded
//! queue. One goes back only when somebody said that no transaction is open on it. Not here:
//! what is said over them (`run`).

use super::connect::{CONNECT, Connector};
use super::error;
use super::gauge::Gauge;
use super::share::{Place, Shares};
use crate::fault::Fault;
use doorward_base::TenantId;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// An idle connection older than this is not used again.
const OLDEST: Duration = Duration::from_secs(30 * 60);

/// What the pool does to a connection when it comes up.
const SETTLE: &str = "SELECT pg_backend_pid(), extract(epoch FROM clock_timestamp())::int8";

/// One connection as the caller role.
pub(super) struct Session {
    pub(super) client: Client,
    /// How large the server's messages may be.
    pub(super) gauge: Gauge,
    /// The server's process behind it.
    pub(super) pid: i32,
    /// The server's clock when it came up, in seconds.
    clock: i64,
    since: Instant,
    /// The pool's generation that it was made in.
    generation: usize,
}

impl Session {
    /// The server's clock, about, in seconds.
    pub(super) fn server_now(&self) -> i64 {
        let passed = i64::try_from(self.since.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.clock.saturating_add(passed)
    }
}

/// The connections of one realm.
pub(super) struct Pool {
    connector: Connector,
    free: Arc<Mutex<Vec<Session>>>,
    shares: Shares,
    /// What is prepared once over a new connection, so that its types are known; it changes
    /// with the schema, and connections of before are not used any more.
    types: Mutex<Arc<str>>,
    generation: AtomicUsize,
}

impl Pool {
    /// Makes no connection yet.
    pub(super) fn new(connector: Connector, size: usize, wait: Duration) -> Self {
        Self {
            connector,
            free: Arc::default(),
            shares: Shares::new(size, wait),
            types: Mutex::new("".into()),
            generation: AtomicUsize::new(0),
        }
    }

    /// Connections from now on know the types that this query returns.
    pub(super) fn learn(&self, types: &str) {
        let mut known = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != *types {
            *known = types.into();
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A connection, within the bounded wait.
    pub(super) async fn get(&self, tenant: &TenantId) -> Result<Lease, Fault> {
        let place = self.shares.place(tenant).await?;
        let generation = self.generation.load(Ordering::Acquire);
        let found = loop {
            let last = self
                .free
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            match last {
                Some(session) if !is_fit(&session, generation) => {}
                other => break other,
            }
        };
        let session = match found {
            Some(session) => session,
            None => self.connect(generation).await?,
        };
        Ok(Lease {
            session: Some(session),
            clean: AtomicBool::new(false),
            free: Arc::clone(&self.free),
            connector: self.connector.clone(),
            place: Some(place),
        })
    }

    /// What is idle is not used again.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    async fn connect(&self, generation: usize) -> Result<Session, Fault> {
        let made = async {
            let (client, gauge) = self.connector.caller().await?;
            let row = client.query_typed(SETTLE, &[]).await?;
            let types = Arc::clone(&self.types.lock().unwrap_or_else(PoisonError::into_inner));
            if !types.is_empty() {
                client.prepare(&types).await?;
            }
            Ok((client, gauge, row))
        };
        let (client, gauge, rows) = tokio::time::timeout(CONNECT, made)
            .await
            .map_err(|_| error::unreachable("no answer in 5 seconds"))?
            .map_err(|error| error::connecting(&error))?;
        let row = rows
            .first()
            .ok_or_else(|| error::unreachable("no answer"))?;
        let get = |error: tokio_postgres::Error| error::connecting(&error);
        Ok(Session {
            pid: row.try_get(0).map_err(get)?,
            clock: row.try_get(1).map_err(get)?,
            since: Instant::now(),
            generation,
            client,
            gauge,
        })
    }
}

fn is_fit(session: &Session, generation: usize) -> bool {
    !session.client.is_closed()
        && session.generation == generation
        && session.since.elapsed() < OLDEST
}

/// A connection on loan. Unless somebody said what is to become of it, dropping it ends what
/// runs over it and throws it away.
pub(super) struct Lease {
    session: Option<Session>,
    clean: AtomicBool,
    free: Arc<Mutex<Vec<Session>>>,
    connector: Connector,
    place: Option<Place>,
}

impl Lease {
    /// Its transaction has ended, and every answer was read.
    pub(super) fn is_clean(&self) {
        self.clean.store(true, Ordering::Release);
    }

    /// The connection; there is one for as long as the loan lasts.
    pub(super) fn session(&self) -> Result<&Session, Fault> {
        let session = self.session.as_ref();
        session.ok_or_else(|| error::unreachable("the connection was given back"))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        if self.clean.load(Ordering::Acquire) {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(session);
        } else if !session.client.is_closed() {
            self.connector.abandon(session.client, self.place.take());
        }
    }
}
