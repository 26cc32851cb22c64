//! Runs jobs: each in a loop of its own, so that it never overlaps itself; one that is
//! for all processes together under a lease of the store. A panic ends one run. Not
//! here: which jobs there are.

use super::record::{Outcome, Record};
use doorward_identity::port::{BoxFuture, StoreHandle};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long one run may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long the lease is held for it: a process that died in a run is waited for so long.
const LEASE: Duration = Duration::from_secs(300);

/// Who runs a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Every process, for itself.
    Each,
    /// One process of the store at a time, once in a period.
    One,
}

/// Something that is done again and again.
pub(crate) struct Job {
    /// What metrics and the store call it.
    pub(crate) name: &'static str,
    /// From the end of a run to the next, a tenth more or less.
    pub(crate) period: Duration,
    pub(crate) who: Who,
    pub(crate) run: Run,
}

/// One run: how many rows, mails or entries it dealt with, or what went wrong.
pub(crate) type Run = Box<dyn Fn() -> BoxFuture<'static, Result<u64, String>> + Send + Sync>;

/// Where leases are taken, and by whom.
#[derive(Clone)]
pub(crate) struct Leases {
    pub(crate) store: StoreHandle,
    /// This process.
    pub(crate) holder: [u8; 16],
}

/// Runs a job for ever. The caller ends it by dropping the future, and the run with it.
pub(crate) async fn keep(job: Job, record: Arc<Record>, leases: Leases) {
    let mut spread = Spread::new(&job, &leases);
    tokio::time::sleep(spread.first()).await;
    let mut failing = false;
    loop {
        let outcome = run_once(&job, &record, &leases).await;
        match &outcome {
            Err(problem) if !failing => {
                tracing::warn!(job = job.name, problem, "a job failed; it is tried again");
            }
            Ok(()) if failing => tracing::info!(job = job.name, "a job succeeds again"),
            _ => {}
        }
        failing = outcome.is_err();
        tokio::time::sleep(spread.next()).await;
    }
}

/// One turn: nothing at all if it is another process's.
pub(super) async fn run_once(job: &Job, record: &Record, leases: &Leases) -> Result<(), String> {
    let began = Instant::now();
    let engine = leases.store.engine();
    if job.who == Who::One {
        match engine.take_lease(job.name, &leases.holder, LEASE).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                record.note(Outcome::Failed, 0, began.elapsed());
                return Err(error.to_string());
            }
        }
    }
    // A task of its own, so that a panic stays in it; dropped, it is ended.
    let mut running = JoinSet::new();
    running.spawn((job.run)());
    let (outcome, rows, result) = match tokio::time::timeout(PATIENCE, running.join_next()).await {
        Ok(Some(Ok(Ok(rows)))) => (Outcome::Done, rows, Ok(())),
        Ok(Some(Ok(Err(problem)))) => (Outcome::Failed, 0, Err(problem)),
        Ok(Some(Err(_)) | None) => (Outcome::Panicked, 0, Err("it panicked".to_owned())),
        Err(_) => (Outcome::Failed, 0, Err("it took too long".to_owned())),
    };
    record.note(outcome, rows, began.elapsed());
    if job.who == Who::One {
        // A little less than the period, so that the next tick is not just too early.
        let rest = job.period.mul_f64(0.8);
        if let Err(error) = engine.rest_lease(job.name, &leases.holder, rest).await {
            tracing::debug!(job = job.name, %error, "a lease was not given back; it ends by itself");
        }
    }
    result
}

/// Pauses that differ from run to run and from process to process, so that not
/// everything happens at once.
struct Spread {
    period: Duration,
    state: u64,
}

impl Spread {
    fn new(job: &Job, leases: &Leases) -> Self {
        let bytes = leases.holder.iter().chain(job.name.as_bytes());
        let state = bytes.fold(0xcbf2_9ce4_8422_2325, |state: u64, byte| {
            (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            period: job.period,
            state,
        }
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = u32::try_from(self.state >> 32).unwrap_or(u32::MAX);
        f64::from(high) / f64::from(u32::MAX)
    }

    /// Soon after the start, and not just with it.
    fn first(&mut self) -> Duration {
        self.period
            .mul_f64(0.2 * self.share())
            .min(Duration::from_secs(5))
    }

    fn next(&mut self) -> Duration {
        self.period.mul_f64(0.9 + 0.2 * self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Held;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tempfile::TempDir;

    fn leases(directory: &TempDir, holder: u8) -> Leases {
        let held = Held::new(directory.path());
        Leases {
            store: StoreHandle::new(held),
            holder: [holder; 16],
        }
    }

    fn counting(who: Who, runs: &Arc<AtomicU64>) -> Job {
        let runs = Arc::clone(runs);
        Job {
            name: "counted",
            period: Duration::from_secs(10),
            who,
            run: Box::new(move || {
                let runs = Arc::clone(&runs);
                Box::pin(async move { Ok(runs.fetch_add(1, Ordering::SeqCst) + 1) })
            }),
        }
    }

    #[tokio::test]
    async fn of_all_processes_one_runs_a_job_once_in_its_period() {
        let directory = tempfile::tempdir().unwrap();
        let one = leases(&directory, 1);
        let other = Leases {
            holder: [2; 16],
            ..one.clone()
        };
        let (runs, record) = (Arc::default(), Record::default());
        for who in [&one, &other, &one] {
            run_once(&counting(Who::One, &runs), &record, who)
                .await
                .unwrap();
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        for who in [&one, &other] {
            run_once(&counting(Who::Each, &runs), &record, who)
                .await
                .unwrap();
        }
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_the_next_run_comes() {
        let directory = tempfile::tempdir().unwrap();
        let leases = leases(&directory, 1);
        let record = Record::default();
        let turn = Arc::new(AtomicU64::new(0));
        let job = Job {
            name: "trips",
            period: Duration::ZERO,
            who: Who::Each,
            run: Box::new(move || {
                let turn = turn.fetch_add(1, Ordering::SeqCst);
                Box::pin(async move {
                    assert!(turn != 0, "as planned");
                    if turn == 1 {
                        return Err("no luck".to_owned());
                    }
                    Ok(7)
                })
            }),
        };
        assert!(run_once(&job, &record, &leases).await.is_err());
        assert!(run_once(&job, &record, &leases).await.is_err());
        assert_eq!(record.last_done(), None);
        run_once(&job, &record, &leases).await.unwrap();
        let seen = record
            .outcomes()
            .map(|(outcome, count)| (outcome.as_str(), count));
        assert_eq!(seen, [("done", 1), ("failed", 1), ("panicked", 1)]);
        assert_eq!(record.rows(), 7);
        assert!(record.last_done().is_some());
    }

    #[tokio::test]
    async fn a_dropped_job_ends_its_run() {
        let directory = tempfile::tempdir().unwrap();
        let leases = leases(&directory, 1);
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let guarded = Arc::new(());
        let watched = Arc::downgrade(&guarded);
        let job = Job {
            name: "stuck",
            period: Duration::ZERO,
            who: Who::Each,
            run: Box::new(move || {
                let (begun, guard) = (begun.clone(), Arc::clone(&guarded));
                Box::pin(async move {
                    begun.send(()).unwrap();
                    std::future::pending::<()>().await;
                    drop(guard);
                    Ok(0)
                })
            }),
        };
        let kept = tokio::spawn(keep(job, Arc::default(), leases));
        begins.recv().await.unwrap();
        kept.abort();
        assert!(kept.await.unwrap_err().is_cancelled());
        // The task of the run ends at its next turn of the scheduler.
        while watched.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn pauses_stay_near_the_period() {
        let directory = tempfile::tempdir().unwrap();
        let mut spread = Spread::new(
            &counting(Who::Each, &Arc::default()),
            &leases(&directory, 9),
        );
        let pauses: Vec<f64> = (0..100).map(|_| spread.next().as_secs_f64()).collect();
        assert!(
            pauses.iter().all(|pause| (9.0..=11.0).contains(pause)),
            "{pauses:?}"
        );
        assert!(
            pauses.iter().any(|pause| *pause < 9.7) && pauses.iter().any(|pause| *pause > 10.3)
        );
    }
}
