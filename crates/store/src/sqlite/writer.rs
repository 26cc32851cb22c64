//! The one write connection and the thread that owns it. Work that waits is run one
//! after the other, each under a savepoint, committed together, and answered after
//! the commit. Work that fails takes back only what it wrote itself; a commit that
//! fails takes back and fails the whole group.

use super::erase;
use super::open::WRITER_PATIENCE;
use super::presence::Presence;
use super::scope::unavailable;
use super::tx::caught;
use doorward_base::fault::{self, Fault};
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How much work may wait.
const QUEUE: usize = 4096;
/// How much work is committed together.
const GROUP: usize = 512;
/// How long new work waits for a place in the queue.
const QUEUE_PATIENCE: Duration = Duration::from_secs(1);

/// How long emptying the write-ahead log waits for readers. Writes wait behind it.
const SCRUB_PATIENCE: Duration = Duration::from_millis(20);

/// One piece of work, its kind of answer forgotten.
trait Job: Send {
    /// Runs it inside the group's transaction and keeps its value for the answer.
    fn run(&mut self, conn: &mut Connection) -> Result<(), StoreError>;
    /// Answers: with the value, or with what went wrong.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

struct Task<F, T> {
    run: F,
    value: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Task<F, T>
where
    F: FnMut(&mut Connection) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, conn: &mut Connection) -> Result<(), StoreError> {
        self.value = Some((self.run)(conn)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, answer, .. } = *self;
        // Nobody may be waiting any more; the write stands all the same.
        let _ = answer.send(outcome.and_then(|()| value.ok_or_else(lost)));
    }

    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

/// The way to the writer thread.
pub(super) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    /// Whether the last group could not be committed.
    failing: Arc<AtomicBool>,
    /// Ends with the thread.
    ended: watch::Receiver<()>,
}

impl Writer {
    /// Starts the thread. It ends by [`Writer::close`] or when this is dropped.
    pub(super) fn start(mut conn: Connection, presence: Arc<Presence>) -> io::Result<Self> {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let (alive, ended) = watch::channel(());
        let failing = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&failing);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                serve(&mut conn, &presence, &mut waiting, &failed);
                finish(conn);
                drop(alive);
            })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            failing,
            ended,
        })
    }

    /// Whether the last group could not be committed, as on a full disk.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Runs work in a transaction and answers after its commit.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(closed)?;
        let (answer, outcome) = oneshot::channel();
        let job = Box::new(Task {
            run,
            value: None,
            answer,
        });
        match tokio::time::timeout(QUEUE_PATIENCE, queue.send(job)).await {
            Ok(Ok(())) => drop(queue),
            Ok(Err(_)) => return Err(closed()),
            Err(_) => {
                return Err(StoreError::Unavailable(
                    "too many writes are waiting".to_owned(),
                ));
            }
        }
        outcome.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Takes no more work, and returns when the waiting work is done and the file is
    /// tidied up.
    pub(super) async fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // An error is the news that the thread has ended.
        let _ = self.ended.clone().changed().await;
    }
}

fn serve(
    conn: &mut Connection,
    presence: &Presence,
    waiting: &mut mpsc::Receiver<Box<dyn Job>>,
    failing: &AtomicBool,
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        failing.store(!commit_group(conn, presence, group), Ordering::Release);
        scrub_log(conn);
    }
}

/// Empties the write-ahead log after a sweep: pages as they were before lie in it. A reader
/// that stands in the way puts it off to the next group.
fn scrub_log(conn: &Connection) {
    if !erase::take_swept() {
        return;
    }
    let scrubbed = conn
        .busy_timeout(SCRUB_PATIENCE)
        .and_then(|()| conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)))
        .and_then(|busy: i64| conn.busy_timeout(WRITER_PATIENCE).map(|()| busy == 0));
    match scrubbed {
        Ok(true) => {}
        Ok(false) => erase::mark_swept(),
        Err(error) => {
            erase::mark_swept();
            tracing::warn!(%error, "the write-ahead log was not emptied after a deletion");
        }
    }
}

/// Runs a group, commits it, and answers everyone. Says whether it was committed.
fn commit_group(conn: &mut Connection, presence: &Presence, group: Vec<Box<dyn Job>>) -> bool {
    if let Err(error) = presence.check().and_then(|()| begin(conn)) {
        tracing::error!(%error, jobs = group.len(), "no transaction could begin");
        for job in group {
            job.answer(Err(error.clone()));
        }
        return false;
    }
    let mut written = Vec::with_capacity(group.len());
    for mut job in group {
        if job.is_abandoned() {
            continue;
        }
        match run_job(conn, &mut *job) {
            Ok(()) => written.push(job),
            Err(error) => job.answer(Err(error)),
        }
    }
    if fault::is_planted(Fault::AnswerBeforeCommit) {
        for job in written.drain(..) {
            job.answer(Ok(()));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let outcome = end(conn);
    if let Err(error) = &outcome {
        tracing::error!(%error, jobs = written.len(), "a group of transactions was rolled back");
    }
    for job in written {
        job.answer(outcome.clone());
    }
    outcome.is_ok()
}

/// Runs one piece of work under a savepoint.
fn run_job(conn: &mut Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    // The engine ends the whole transaction by itself on some failures (a full disk
    // among them). Outside of one, every statement would commit on its own.
    if conn.is_autocommit() {
        return Err(lost());
    }
    statement(conn, "SAVEPOINT job")?;
    let outcome = caught(|| job.run(conn));
    if conn.is_autocommit() {
        return outcome.and_then(|()| Err(lost()));
    }
    let ended = match outcome {
        Ok(()) => statement(conn, "RELEASE job"),
        Err(_) => statement(conn, "ROLLBACK TO job").and_then(|()| statement(conn, "RELEASE job")),
    };
    if ended.is_err() {
        // What is in the transaction is unknown now: none of it may stay.
        abandon(conn);
    }
    outcome.and(ended)
}

fn begin(conn: &Connection) -> Result<(), StoreError> {
    // Left over from a rollback that failed.
    abandon(conn);
    statement(conn, "BEGIN IMMEDIATE")
}

fn end(conn: &Connection) -> Result<(), StoreError> {
    if conn.is_autocommit() {
        return Err(lost());
    }
    let outcome = statement(conn, "COMMIT");
    if outcome.is_err() {
        abandon(conn);
    }
    outcome
}

/// Takes back whatever is not committed.
fn abandon(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = statement(conn, "ROLLBACK")
    {
        tracing::error!(%error, "a rollback failed");
    }
}

/// The last thing the thread does.
fn finish(conn: Connection) {
    let tidied = conn
        .execute_batch("PRAGMA optimize")
        .and_then(|()| conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    if let Err(error) = tidied {
        tracing::warn!(%error, "the store was closed without a checkpoint; nothing is lost");
    }
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "the store's connection did not close");
    }
}

fn statement(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)
        .and_then(|mut statement| statement.raw_execute())
        .map(drop)
        .map_err(unavailable)
}

fn lost() -> StoreError {
    StoreError::Unavailable("the transaction was rolled back".to_owned())
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}
