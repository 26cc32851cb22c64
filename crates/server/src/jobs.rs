//! What is done in the background, and how often: the whole list. Not here: how jobs are
//! run (`runner`), and work that never pauses (the feed, the processes' announcements,
//! issuers' keys).

mod mail;
mod notice;
mod record;
mod retention;
mod runner;

pub(crate) use mail::MailGauge;
pub(crate) use record::Record;

use crate::compose::Composed;
use doorward_base::entropy;
use doorward_identity::act::Identity;
use doorward_identity::port::{BoxFuture, StoreError};
use runner::{Job, Leases, Who};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The most rows that one statement of a job removes: it must not hold up a request.
const SLICE: u32 = 5000;

/// What a run comes to: how many rows, mails or entries.
type Ran = BoxFuture<'static, Result<u64, StoreError>>;

/// Name, period in seconds, who, what.
type Entry = (&'static str, u64, Who, fn(Arc<Composed>) -> Ran);

/// The jobs of a process that serves.
pub(crate) struct Jobs(Vec<(Job, Arc<Record>)>);

impl Jobs {
    /// The whole list.
    pub(crate) fn new(composed: &Arc<Composed>) -> Self {
        let jobs: [Entry; 13] = [
            // Uses of API tokens are gathered in memory: a kill loses as many seconds.
            ("last_used", 30, Who::Each, |composed| {
                Box::pin(async move { composed.flush().await })
            }),
            // What is used of quotas: a kill loses a second of it, and processes that share one
            // are ahead of each other by as much.
            ("quotas", 1, Who::Each, |composed| {
                Box::pin(async move { composed.tell_quotas().await })
            }),
            // Refusals of whoever is not known are counted: one row for many. A kill loses as
            // many seconds of them.
            ("refusals", 300, Who::Each, |composed| {
                Box::pin(async move { composed.write_refusals().await })
            }),
            // What no token can carry any more, what is cached and over, and keys whose time
            // has come.
            ("forget", 30, Who::Each, |composed| {
                Box::pin(async move { composed.forget_what_is_over().await })
            }),
            ("change_log", 30, Who::One, |composed| {
                Box::pin(async move { prune_changes(&composed.identity).await })
            }),
            // What deleted subjects and tenants left.
            ("sweep", 30, Who::One, |composed| {
                Box::pin(async move { composed.sweep().await })
            }),
            // Rows of deleted tenants, and what engines do now and then: each process has its
            // own engines.
            ("erase_rows", 30, Who::Each, |composed| {
                Box::pin(async move { composed.erase_rows().await })
            }),
            ("rows", 15, Who::Each, |composed| {
                Box::pin(async move { composed.tend_rows().await })
            }),
            ("retention", 600, Who::One, |composed| {
                Box::pin(async move { retention::prune(&composed).await })
            }),
            // Each process looks; a mail is one's, because it is claimed.
            ("mail", 1, Who::Each, |composed| {
                Box::pin(async move { mail::send_due(&composed).await })
            }),
            // What is due is found by its index, and told once.
            ("notices", 15, Who::One, |composed| {
                Box::pin(async move { notice::notify(&composed).await })
            }),
            // As with mail: a message is claimed.
            ("webhooks", 5, Who::Each, |composed| {
                Box::pin(async move { notice::deliver(&composed).await })
            }),
            ("mail_count", 15, Who::Each, |composed| {
                Box::pin(async move { mail::count(&composed).await })
            }),
        ];
        let jobs = jobs.map(|entry| job(composed, entry));
        Self(jobs.into())
    }

    /// What became of each, by name.
    pub(crate) fn records(&self) -> Vec<(&'static str, Arc<Record>)> {
        let records = self.0.iter();
        records
            .map(|(job, record)| (job.name, Arc::clone(record)))
            .collect()
    }

    /// Starts them all.
    pub(crate) fn start(self, background: &mut JoinSet<()>, identity: &Identity) {
        let leases = Leases {
            store: identity.store.clone(),
            holder: entropy::bytes(&*identity.entropy),
        };
        for (job, record) in self.0 {
            background.spawn(runner::keep(job, record, leases.clone()));
        }
    }
}

fn job(composed: &Arc<Composed>, (name, seconds, who, run): Entry) -> (Job, Arc<Record>) {
    let composed = Arc::clone(composed);
    let job = Job {
        name,
        period: Duration::from_secs(seconds),
        who,
        run: Box::new(move || {
            let ran = run(Arc::clone(&composed));
            Box::pin(async move { ran.await.map_err(|error| error.to_string()) })
        }),
    };
    (job, Arc::default())
}

/// Removes slice by slice until one is not full.
async fn prune_changes(identity: &Identity) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let rows = identity.store.engine().prune_changes(SLICE).await?;
        removed += rows;
        if rows < u64::from(SLICE) {
            return Ok(removed);
        }
    }
}
