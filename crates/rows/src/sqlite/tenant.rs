//! One tenant's file: opened when it is needed, brought to the realm's schema, and its
//! connections lent one at a time. Not here: which files are open (`shelf`), and what runs on
//! a connection (`run`).

use super::authorize::{self, Purpose};
use super::book::{Edition, lock};
use super::line::{Condition, Line, Mark};
use super::upkeep::{self, Trouble};
use super::{error, name, open};
use crate::fault::{Fault, FaultKind};
use doorward_base::{TenantId, Timestamp};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most threads of one tenant.
const TURNS: usize = 2;

/// A tenant and its file, open or not.
pub(super) struct Tenant {
    id: TenantId,
    path: PathBuf,
    /// How large its file may become, bytes.
    room: u64,
    readers: Arc<Semaphore>,
    writer: Arc<Semaphore>,
    /// Of all its connections, so many run at once: few tenants do not take all threads.
    turns: Arc<Semaphore>,
    opened: Mutex<Option<Opened>>,
    /// How many calls use its file now; it is not closed under them.
    pub(super) users: AtomicUsize,
    /// One more than the version that the file is open in; 0 while it is closed.
    ready: AtomicU64,
    /// Whether it counts among the open files.
    pub(super) counted: AtomicBool,
    used: AtomicI64,
}

struct Opened {
    mark: Arc<Mark>,
    writer: Option<Line>,
    readers: Vec<Line>,
}

/// The right to one of a tenant's connections, or to all.
pub(super) struct Lane {
    _held: Vec<OwnedSemaphorePermit>,
}

impl Tenant {
    /// With at most this many readers; its file is not looked at yet.
    pub(super) fn new(id: &TenantId, directory: &Path, readers: usize, room: u64) -> Arc<Self> {
        Arc::new(Self {
            id: id.clone(),
            path: directory.join(name::of(id)),
            room,
            readers: Arc::new(Semaphore::new(readers)),
            writer: Arc::new(Semaphore::new(1)),
            turns: Arc::new(Semaphore::new(TURNS)),
            opened: Mutex::new(None),
            users: AtomicUsize::new(0),
            ready: AtomicU64::new(0),
            counted: AtomicBool::new(false),
            used: AtomicI64::new(0),
        })
    }

    /// Waits for one of its connections. Who reads a file that is not open in this version
    /// yet opens it as a writer does.
    pub(super) async fn lane(&self, purpose: Purpose, version: u64) -> Lane {
        let mut held = Vec::with_capacity(3);
        if purpose == Purpose::Read {
            held.extend(Arc::clone(&self.readers).acquire_owned().await);
        }
        if purpose == Purpose::Write || self.ready.load(Ordering::Acquire) != version + 1 {
            held.extend(Arc::clone(&self.writer).acquire_owned().await);
        }
        held.extend(Arc::clone(&self.turns).acquire_owned().await);
        Lane { _held: held }
    }

    /// Waits until none of its connections is lent, and keeps them.
    pub(super) async fn all_lanes(&self, readers: usize) -> Lane {
        let readers = u32::try_from(readers).unwrap_or(u32::MAX);
        let mut held = Vec::with_capacity(2);
        held.extend(Arc::clone(&self.readers).acquire_many_owned(readers).await);
        held.extend(Arc::clone(&self.writer).acquire_owned().await);
        Lane { _held: held }
    }

    /// Where its file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// When a connection of it was last lent.
    pub(super) fn used(&self) -> Timestamp {
        Timestamp::from_micros(self.used.load(Ordering::Relaxed))
    }

    /// Whether a call uses its file.
    pub(super) fn is_used(&self) -> bool {
        self.users.load(Ordering::Acquire) > 0
    }

    /// Whether its file is open in this version.
    pub(super) fn is_open(&self, version: u64) -> bool {
        self.ready.load(Ordering::Acquire) == version + 1
    }

    /// Lends a connection, and opens the file where it is not open, is of another version, or
    /// is not the file of this path any more. Whoever calls holds the lane, and a claim.
    pub(super) fn lend(
        &self,
        purpose: Purpose,
        edition: &Edition,
        column: &str,
        now: Timestamp,
    ) -> Result<Line, Fault> {
        self.used.store(now.as_micros(), Ordering::Relaxed);
        let mut opened = lock(&self.opened);
        let fits = |opened: &Opened| {
            opened.mark.version == edition.version() && opened.mark.is_at(&self.path)
        };
        if !opened.as_ref().is_some_and(fits) {
            self.ready.store(0, Ordering::Release);
            drop(opened.take());
            *opened = Some(
                self.open(edition)
                    .map_err(|trouble| self.fault(&trouble, column))?,
            );
            self.ready.store(edition.version() + 1, Ordering::Release);
        }
        let Some(opened) = opened.as_mut() else {
            return Err(Fault::new(FaultKind::Internal));
        };
        let kept = match purpose {
            Purpose::Write => opened.writer.take(),
            Purpose::Read => opened.readers.pop(),
        };
        let line = match kept {
            Some(line) => line,
            None => self
                .connect(purpose, edition, &opened.mark)
                .map_err(|problem| self.fault(&problem.into(), column))?,
        };
        Ok(line)
    }

    /// Takes a connection back.
    pub(super) fn take_back(&self, line: Line, condition: Condition) {
        let mut opened = lock(&self.opened);
        let same = opened
            .as_mut()
            .filter(|opened| Arc::ptr_eq(&opened.mark, &line.mark));
        match (condition, same) {
            (Condition::Fit, Some(opened)) => match line.purpose {
                Purpose::Write => opened.writer = Some(line),
                Purpose::Read => opened.readers.push(line),
            },
            (Condition::Broken, Some(_)) => {
                self.ready.store(0, Ordering::Release);
                drop(opened.take());
            }
            _ => {}
        }
    }

    /// Closes the file unless a call uses it.
    pub(super) fn close(&self) {
        let mut opened = lock(&self.opened);
        if !self.is_used() {
            self.ready.store(0, Ordering::Release);
            drop(opened.take());
        }
    }

    /// Brings its file to the schema, which does not count as a use of it. Whoever calls holds
    /// the writer's lane.
    pub(super) fn bring_up(&self, edition: &Edition, column: &str) -> Result<(), Fault> {
        let brought = self.brought_up(edition).map(drop);
        brought.map_err(|trouble| self.fault(&trouble, column))
    }

    fn brought_up(&self, edition: &Edition) -> Result<Connection, Trouble> {
        let mut conn = open::writing(&self.path)?;
        open::limit(&conn)?;
        upkeep::bring_up(&mut conn, &self.id, edition)?;
        Ok(conn)
    }

    fn open(&self, edition: &Edition) -> Result<Opened, Trouble> {
        open::make(&self.path).map_err(Trouble::File)?;
        let identity = open::Identity::of(&self.path).ok_or(Trouble::Gone)?;
        let mut conn = self.brought_up(edition)?;
        let mark = Arc::new(Mark {
            version: edition.version(),
            identity,
        });
        // The schema's steps may go beyond.
        open::keep_within(&conn, self.room)?;
        let names = Arc::clone(&edition.names);
        let ours = authorize::callers(&mut conn, Purpose::Write, names)?;
        let writer = Line::new(conn, Purpose::Write, ours, Arc::clone(&mark));
        Ok(Opened {
            mark,
            writer: Some(writer),
            readers: Vec::new(),
        })
    }

    fn connect(
        &self,
        purpose: Purpose,
        edition: &Edition,
        mark: &Arc<Mark>,
    ) -> rusqlite::Result<Line> {
        let mut conn = match purpose {
            Purpose::Read => open::reading(&self.path)?,
            Purpose::Write => open::writing(&self.path)?,
        };
        open::limit(&conn)?;
        if matches!(purpose, Purpose::Write) {
            open::keep_within(&conn, self.room)?;
        }
        let ours = authorize::callers(&mut conn, purpose, Arc::clone(&edition.names))?;
        Ok(Line::new(conn, purpose, ours, Arc::clone(mark)))
    }

    /// What its callers are told; the operator is told more.
    fn fault(&self, trouble: &Trouble, column: &str) -> Fault {
        if let Trouble::Engine(problem) = trouble
            && open::is_busy(problem)
        {
            return error::fault(problem, "", column);
        }
        tracing::warn!(tenant = %self.id, problem = %trouble, "a tenant's file cannot be used");
        Fault::new(FaultKind::Unavailable)
    }
}
