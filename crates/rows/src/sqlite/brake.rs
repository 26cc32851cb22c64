//! What stops a piece of work: its time, or that nobody waits for it any more.

use super::book::lock;
use super::spill::Spill;
use crate::fault::{Fault, FaultKind};
use rusqlite::{Connection, InterruptHandle};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Instructions of SQLite's machine after which it asks whether to go on.
pub(super) const STRIDE: i32 = 64;
/// Of those, one in so many is a look at the time where no instruction takes long: some tens
/// of µs go by.
const PACE: u64 = 16;

thread_local! {
    /// Whose work this thread does.
    static AT_WORK: RefCell<Option<Arc<Brake>>> = const { RefCell::new(None) };
}

/// Of one piece of work.
pub(super) struct Brake {
    until: Instant,
    cancelled: AtomicBool,
    /// It has written or noted more than one may.
    spilt: AtomicBool,
    /// How often its statement may still be asked about before it has noted too much.
    strides: AtomicU64,
    /// Whether one of its instructions may take long, as those do that call a function.
    calls: AtomicBool,
    /// Of the connection that does it, while it does.
    handle: Mutex<Option<InterruptHandle>>,
}

impl Brake {
    /// For work that may take this long from now.
    pub(super) fn within(time: Duration) -> Arc<Self> {
        Arc::new(Self {
            until: Instant::now() + time.min(Duration::from_secs(86_400)),
            cancelled: AtomicBool::new(false),
            spilt: AtomicBool::new(false),
            strides: AtomicU64::new(u64::MAX),
            calls: AtomicBool::new(false),
            handle: Mutex::default(),
        })
    }

    /// Whether the work must stop now.
    pub(super) fn is_on(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.until
    }

    /// Of the next statement: for how many instructions it may go on, where there is a bound,
    /// and whether it calls functions.
    pub(super) fn begin(&self, most: Option<u64>, calls: bool) {
        let strides = most.map_or(u64::MAX, |most| most / u64::from(STRIDE.unsigned_abs()));
        self.strides.store(strides, Ordering::Relaxed);
        self.calls.store(calls, Ordering::Relaxed);
    }

    /// Looks at it after a stride: whether it must stop, having written so much or gone on for
    /// too long.
    pub(super) fn look(&self, spill: &mut Spill) -> bool {
        let left = self.strides.load(Ordering::Relaxed);
        if left < u64::MAX {
            self.strides
                .store(left.saturating_sub(1), Ordering::Relaxed);
        }
        let strides = spill.stride();
        if left == 0 || spill.is_too_much() {
            self.spilt.store(true, Ordering::Relaxed);
        }
        let soon = self.calls.load(Ordering::Relaxed) || strides.is_multiple_of(PACE);
        self.is_spilt() || (soon && self.is_on())
    }

    /// While what it answers is kept, this thread does this work on this connection.
    pub(super) fn ride(self: &Arc<Self>, conn: &Connection) -> Ride {
        AT_WORK.set(Some(Arc::clone(self)));
        *lock(&self.handle) = Some(conn.get_interrupt_handle());
        Ride(Arc::clone(self))
    }

    /// Stops what runs of it now, be it one instruction of SQLite's that does not ask whether
    /// to go on, such as counting a table. Nobody else's work is stopped: the connection is
    /// not lent again before the handle is gone.
    pub(super) fn interrupt(&self) {
        if let Some(handle) = lock(&self.handle).as_ref() {
            handle.interrupt();
        }
    }

    /// Waits for work that is under way; it is stopped at its end.
    pub(super) async fn outlast<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        match tokio::time::timeout_at(self.until.into(), work.as_mut()).await {
            Ok(done) => done,
            Err(_) => {
                self.interrupt();
                work.await
            }
        }
    }

    /// Whether the work that this thread does must stop.
    pub(super) fn stops_this_thread() -> bool {
        AT_WORK.with_borrow(|brake| brake.as_ref().is_some_and(|brake| brake.is_on()))
    }

    /// Whether it was stopped because it has written or noted too much.
    pub(super) fn is_spilt(&self) -> bool {
        self.spilt.load(Ordering::Relaxed)
    }

    /// Nothing while the work may go on.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.is_on() {
            Err(Fault::new(FaultKind::TimedOut).state("57014"))
        } else {
            Ok(())
        }
    }

    /// Waits for something that others hold, no longer than the work's time.
    pub(super) async fn wait<T>(&self, turn: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::time::timeout_at(self.until.into(), turn)
            .await
            .map_err(|_| Fault::new(FaultKind::Contended).state("55P03"))
    }
}

/// That this thread does a piece of work.
pub(super) struct Ride(Arc<Brake>);

impl Drop for Ride {
    fn drop(&mut self) {
        AT_WORK.set(None);
        *lock(&self.0.handle) = None;
    }
}

/// Stops the work when it is dropped.
pub(super) struct Waiter(pub(super) Arc<Brake>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        self.0.interrupt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

    #[test]
    fn what_does_not_ask_is_stopped_from_elsewhere_and_what_comes_after_is_not() {
        let conn = Connection::open_in_memory().unwrap();
        let brake = Brake::within(Duration::from_secs(3_600));
        let ride = brake.ride(&conn);
        let stopped = std::thread::scope(|scope| {
            let elsewhere = scope.spawn(|| {
                while !brake.cancelled.load(Ordering::Relaxed) {
                    brake.interrupt();
                }
            });
            let outcome = conn.query_row(ENDLESS, [], |_| Ok(()));
            brake.cancelled.store(true, Ordering::Relaxed);
            elsewhere.join().unwrap();
            outcome.unwrap_err().sqlite_error_code()
        });
        assert_eq!(stopped, Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(Brake::stops_this_thread());
        drop(ride);
        assert!(!Brake::stops_this_thread());
        brake.interrupt();
        let next = conn.query_row("SELECT 1", [], |row| row.get::<_, i64>(0));
        assert_eq!(next, Ok(1));
    }
}
