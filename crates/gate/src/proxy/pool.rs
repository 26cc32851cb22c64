//! Open connections to upstreams that wait for their next request. One is given back
//! when its answer was read whole and was of HTTP/1.1: after an answer of HTTP/1.0 hyper
//! speaks 1.0 on it, which has no body of unknown length. One whose upstream began to sign
//! the connection itself in (`scheme`) serves nobody else. Not here: opening one
//! (`connect`).

use crate::body::GateBody;
use http::uri::Authority;
use hyper::client::conn::http1::SendRequest;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// Shorter than the keep-alive of common servers (Node.js: 5 s), so that a pooled
/// connection is seldom one that its server is just closing.
const IDLE: Duration = Duration::from_secs(4);
/// After this a connection is not used again, so that names are looked up anew.
const AGE: Duration = Duration::from_secs(300);
/// The most connections that wait for one upstream.
const MAX_IDLE: usize = 512;

/// Which upstream a connection is good for: its authority, and how it was recognised.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Origin {
    pub(super) authority: Authority,
    pub(super) tls: Option<[u8; 32]>,
}

/// One connection.
pub(crate) struct Conn {
    pub(super) sender: SendRequest<GateBody>,
    /// What reads and writes.
    task: AbortHandle,
    born: Instant,
}

impl Conn {
    pub(super) fn new(sender: SendRequest<GateBody>, task: AbortHandle) -> Self {
        Self {
            sender,
            task,
            born: Instant::now(),
        }
    }
}

/// The waiting connections.
#[derive(Default)]
pub(crate) struct Pool {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    by_origin: HashMap<Origin, Vec<Idle>>,
    /// Whether somebody looks after connections that nobody takes.
    swept: bool,
}

struct Idle {
    conn: Conn,
    since: Instant,
}

impl Idle {
    fn is_over(&self, now: Instant) -> bool {
        self.conn.sender.is_closed() || now.duration_since(self.since) >= IDLE
    }
}

/// A connection in use, and where it goes afterwards. Dropped, it is closed at once,
/// whatever is still on its way.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    origin: Origin,
    pub(super) conn: Conn,
    /// Whether it may serve others.
    is_shared: bool,
    cut: Cut,
}

/// Closes a connection when dropped: its own sender would first wait for the end of what
/// it sends.
struct Cut(Option<AbortHandle>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({:?})", self.origin)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, origin: Origin, conn: Conn) -> Self {
        Self {
            pool,
            origin,
            cut: Cut(Some(conn.task.clone())),
            conn,
            is_shared: true,
        }
    }

    /// Nobody else is served on it.
    pub(super) const fn keep_to_itself(&mut self) {
        self.is_shared = false;
    }

    /// The request and its answer are whole: the connection may serve the next request.
    pub(super) fn give_back(self) {
        let Self {
            pool,
            origin,
            conn,
            is_shared,
            cut,
        } = self;
        cut.leave();
        if is_shared {
            pool.put(origin, conn);
        }
    }

    /// It speaks another protocol now, and is somebody else's.
    pub(super) fn switch(self) {
        self.cut.leave();
    }
}

impl Cut {
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Pool {
    /// The connection that was used last and is ready. One that has not yet seen the end
    /// of its last request is passed over: a request would wait behind it.
    pub(super) fn take(&self, origin: &Origin) -> Option<Conn> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let list = waiting.by_origin.get_mut(origin)?;
        let mut at = list.len();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let idle = list.get(at)?;
            if idle.is_over(now) {
                list.remove(at);
            } else if idle.conn.sender.is_ready() {
                return Some(list.remove(at).conn);
            }
        }
        None
    }

    fn put(self: &Arc<Self>, origin: Origin, conn: Conn) {
        let now = Instant::now();
        if conn.sender.is_closed() || now.duration_since(conn.born) >= AGE {
            return;
        }
        let mut waiting = self.lock();
        let list = waiting.by_origin.entry(origin).or_default();
        if list.len() >= MAX_IDLE {
            list.remove(0);
        }
        list.push(Idle { conn, since: now });
        if !waiting.swept {
            waiting.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what has waited too long; whether anything waits still.
    fn prune(&self) -> bool {
        let now = Instant::now();
        let mut waiting = self.lock();
        for list in waiting.by_origin.values_mut() {
            list.retain(|idle| !idle.is_over(now));
        }
        waiting.by_origin.retain(|_, list| !list.is_empty());
        waiting.swept = !waiting.by_origin.is_empty();
        waiting.swept
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody takes, until none waits.
async fn sweep(pool: std::sync::Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.prune() {
            return;
        }
    }
}
