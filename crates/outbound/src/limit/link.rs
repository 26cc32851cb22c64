//! The connection to Redis or Valkey, and the one script that runs there. Not here:
//! what is said and when (`sender`).

use super::LimitsError;
use doorward_base::Secret;
use doorward_base::limit::{Answer, Entry, Reply};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest wait for a connection, and for any answer on it.
const PATIENCE: Duration = Duration::from_secs(1);
/// What keys begin with; the rest is a hash, so that no name is written.
const PREFIX: &str = "dw:l:";
/// Tells one life of the shared state from the next, which has forgotten it.
const LIFE: &str = "dw:l:life";

/// Where limits are shared.
pub(super) struct Server {
    client: Client,
    script: Arc<Script>,
    opened: AtomicU64,
}

/// An open connection; clones share it.
#[derive(Clone)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    script: Arc<Script>,
    number: u64,
}

/// No answer, or a useless one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// The client says why.
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    /// It took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It was none of ours.
    #[error("an answer of the wrong form")]
    Malformed,
}

impl Server {
    pub(super) fn new(url: &Secret) -> Result<Self, LimitsError> {
        let client = Client::open(url.expose())
            .map_err(|error| LimitsError::Url(error.category().to_owned()))?;
        let script = Arc::new(Script::new(include_str!("merge.lua")));
        Ok(Self {
            client,
            script,
            opened: AtomicU64::new(0),
        })
    }

    /// Connects, and proves that limits can be written: a replica or a full memory is
    /// as good as nobody. Returns the connection and the life of what is there.
    pub(super) async fn connect(&self) -> Result<(Link, i64), Lost> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let opening = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let connection = within(PATIENCE, opening).await??;
        let link = Link {
            connection,
            script: Arc::clone(&self.script),
            number: self.opened.fetch_add(1, Ordering::Relaxed),
        };
        let probe = Entry {
            key: 0,
            delta: 1,
            lead: 1,
            floor: 0,
            capacity: 1000,
            want: 0,
            unit: 1,
        };
        let reply = link.merge(&[probe], PATIENCE).await?;
        Ok((link, reply.epoch))
    }
}

impl Link {
    /// Tells one connection from the next.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Counts a batch: one round trip, unless the server does not know the script yet.
    pub(super) async fn merge(&self, batch: &[Entry], patience: Duration) -> Result<Reply, Lost> {
        let mut call = self.script.key(LIFE);
        for entry in batch {
            call.key(format!("{PREFIX}{:032x}", entry.key));
            for number in [
                entry.delta,
                entry.lead,
                entry.floor,
                entry.capacity,
                entry.want,
                entry.unit,
            ] {
                call.arg(number);
            }
        }
        let mut connection = self.connection.clone();
        let numbers: Vec<i64> = within(patience, call.invoke_async(&mut connection)).await??;
        read(batch, &numbers).ok_or(Lost::Malformed)
    }
}

fn read(batch: &[Entry], numbers: &[i64]) -> Option<Reply> {
    let (epoch, pairs) = numbers.split_first()?;
    let (pairs, rest) = pairs.as_chunks::<2>();
    if pairs.len() != batch.len() || !rest.is_empty() {
        return None;
    }
    let answers = batch.iter().zip(pairs).map(|(entry, pair)| {
        let [backlog, granted] = *pair;
        Answer {
            key: entry.key,
            backlog,
            granted,
        }
    });
    Some(Reply {
        epoch: *epoch,
        answers: answers.collect(),
    })
}

async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Result<T, Lost> {
    tokio::time::timeout(patience, work)
        .await
        .map_err(|_| Lost::TimedOut(patience))
}
