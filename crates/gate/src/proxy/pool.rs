//! Open connections to upstreams that wait for their next request. One is given back
//! when its answer was read whole and was of HTTP/1.1: after an answer of HTTP/1.0 hyper
//! speaks 1.0 on it, which has no body of unknown length. One whose upstream began to sign
//! the connection itself in (`scheme`), or may not have read the body of its request
//! (`upload`), serves nobody else. Not here: opening one (`connect`), and what it is made of
//! (`wire`).

use super::wire::{End, Fate};
use crate::body::GateBody;
use http::uri::Authority;
use hyper::client::conn::http1::SendRequest;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// Shorter than the keep-alive of common servers (Node.js: 5 s), so that a pooled
/// connection is seldom one that its server is just closing.
const IDLE: Duration = Duration::from_secs(4);
/// After this a connection is not used again, so that names are looked up anew.
const AGE: Duration = Duration::from_secs(300);
/// The most connections that wait for one upstream.
const MAX_IDLE: usize = 512;
/// How long a connection that serves nobody else stays before it is reset.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);
/// How many may stay so at once; one more is reset at once. They are beside those that clients
/// have a place for.
const MAX_LEAVING: usize = 256;
/// How long a connection rests after an answer without a body: what its upstream sends all
/// the same a little later is seen meanwhile, and ends it. It would be taken for the next
/// answer (RFC 9112 §9.3).
const REST: Duration = Duration::from_millis(50);

/// Room for connections that wait for their end.
pub(super) type Leaving = Arc<Semaphore>;

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
    line: Line,
    born: Instant,
}

impl Conn {
    pub(super) fn new(sender: SendRequest<GateBody>, line: Line) -> Self {
        Self {
            sender,
            line,
            born: Instant::now(),
        }
    }
}

/// A connection as what ends it.
#[derive(Clone)]
pub(super) struct Line {
    /// What reads and writes.
    pub(super) task: AbortHandle,
    pub(super) fate: Fate,
}

impl Line {
    /// Ends it at once, without a state that waits: the ports of this machine towards one
    /// upstream are few, and a client can ask for many endings.
    fn cut(&self) {
        self.fate.set(End::Reset);
        self.task.abort();
    }
}

/// The waiting connections.
pub(crate) struct Pool {
    waiting: Mutex<Waiting>,
    pub(super) leaving: Leaving,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            leaving: Arc::new(Semaphore::new(MAX_LEAVING)),
        }
    }
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
    /// From when on it may be used.
    rested: Instant,
    /// Whether its upstream may yet say what nobody asked for.
    is_doubtful: bool,
}

impl Idle {
    fn is_over(&self, now: Instant) -> bool {
        self.conn.sender.is_closed() || now.duration_since(self.since) >= IDLE
    }

    /// Of those that nobody takes there are few at a time, and servers look for a farewell
    /// between two requests.
    fn part(self) {
        self.conn.line.fate.set(End::Farewell);
    }
}

/// A connection in use, and where it goes afterwards. Dropped, it is closed at once,
/// whatever is still on its way.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    origin: Origin,
    pub(super) conn: Conn,
    next: Next,
    /// Whether the request that it is for has a body.
    has_body: bool,
    cut: Cut,
}

/// Whom a connection serves after its answer, those that serve the fewest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// Whoever comes.
    Anybody,
    /// Whoever comes after [`REST`].
    Later,
    /// Nobody; if its request has a body it stays for [`FAREWELL`].
    Nobody,
    /// Nobody, and its upstream has no use for the rest of the request.
    Reset,
}

/// Closes a connection when dropped: its own sender would first wait for the end of what
/// it sends.
struct Cut(Option<Line>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.cut();
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
    /// For a request that has a body or not.
    pub(super) fn new(pool: Arc<Pool>, origin: Origin, conn: Conn, has_body: bool) -> Self {
        // Where the upstream says that its answer is the last, hyper ends the connection.
        let end = if has_body { End::LateReset } else { End::Reset };
        conn.line.fate.set(end);
        Self {
            pool,
            origin,
            cut: Cut(Some(conn.line.clone())),
            conn,
            next: Next::Anybody,
            has_body,
        }
    }

    /// Whether the request that it is for has a body.
    pub(super) const fn has_body(&self) -> bool {
        self.has_body
    }

    /// Nobody else is served on it.
    pub(super) fn keep_to_itself(&mut self) {
        self.next = self.next.max(Next::Nobody);
    }

    /// The same, and the upstream is not waited for.
    pub(super) fn end_at_once(&mut self) {
        self.next = self.next.max(Next::Reset);
    }

    /// Nobody is served on it before it is clear that the answer has no body.
    pub(super) fn rest(&mut self) {
        self.next = self.next.max(Next::Later);
    }

    /// The request and its answer are whole: the connection may serve the next request.
    pub(super) fn give_back(self) {
        let Self {
            pool,
            origin,
            conn,
            next,
            has_body,
            cut,
        } = self;
        let now = Instant::now();
        let rested = match next {
            Next::Anybody => now,
            Next::Later => now + REST,
            Next::Nobody if has_body => {
                let room = Arc::clone(&pool.leaving).try_acquire_owned();
                // A reset takes from the upstream what it has not read of the request.
                if let Ok(room) = room {
                    tokio::spawn(async move {
                        tokio::time::sleep(FAREWELL).await;
                        drop((cut, conn, room));
                    });
                }
                return;
            }
            Next::Nobody | Next::Reset => return,
        };
        cut.leave();
        pool.put(
            origin,
            Idle {
                conn,
                since: now,
                rested,
                is_doubtful: has_body || next == Next::Later,
            },
        );
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
    /// The connection that was used last and is ready. One that rests is passed over, and one
    /// that has not yet seen the end of its last request: a request would wait behind it.
    pub(super) fn take(&self, origin: &Origin) -> Option<Conn> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let list = waiting.by_origin.get_mut(origin)?;
        let mut at = list.len();
        while let Some(before) = at.checked_sub(1) {
            at = before;
            let idle = list.get(at)?;
            if idle.is_over(now) {
                list.remove(at).part();
            } else if idle.rested <= now && idle.conn.sender.is_ready() {
                let Idle {
                    conn, is_doubtful, ..
                } = list.remove(at);
                if is_doubtful {
                    conn.line.fate.beware();
                }
                return Some(conn);
            }
        }
        None
    }

    fn put(self: &Arc<Self>, origin: Origin, idle: Idle) {
        let conn = &idle.conn;
        if conn.sender.is_closed() {
            return;
        }
        if idle.since.duration_since(conn.born) >= AGE {
            return idle.part();
        }
        let mut waiting = self.lock();
        let list = waiting.by_origin.entry(origin).or_default();
        if list.len() >= MAX_IDLE {
            list.remove(0).conn.line.cut();
        }
        list.push(idle);
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
            let over = list.extract_if(.., |idle| idle.is_over(now));
            over.for_each(Idle::part);
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
