//! Nodes that share a limit, in simulated time: what they let through beside what one
//! bucket would have. The nodes run the code that runs in production; the shared side
//! is a [`Ledger`], the network a fixed round trip. For tests and the bench only
//! (feature `testing`). Not here: real connections (`outbound`).

use super::ledger::{Entry, Ledger, Reply};
use super::{Arrival, Next, Quota, QuotaError, Schedule, SharedBuckets, Wake, decide};
use crate::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The key that everybody uses.
const KEY: u128 = 0x5eed;
/// What the clocks of two neighbouring nodes differ by, and the shared one from theirs.
const SKEW: Duration = Duration::from_secs(7);
/// Entries of a batch.
const MOST: usize = 256;

/// Nodes and what lies between them.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How many.
    pub nodes: usize,
    /// The limit.
    pub quota: Quota,
    /// The longest time from use to merge.
    pub merge_every: Duration,
    /// From sending a batch to its answer.
    pub round_trip: Duration,
    /// What happens to the shared side, and when.
    pub troubles: Vec<(Duration, Trouble)>,
}

/// What happens to the shared side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It forgets everything.
    Forget,
    /// It cannot be reached.
    Down,
    /// It can be reached again.
    Up,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// What the nodes let through.
    pub admitted: u64,
    /// What one bucket would have let through.
    pub ideal: u64,
    /// The most by which the nodes were ahead of the one bucket at any moment.
    pub most_over: u64,
    /// The most by which they were behind it.
    pub most_under: u64,
    /// Batches sent by all nodes.
    pub batches: u64,
    /// When a request was last refused that the one bucket let through.
    pub last_wrong_refusal: Option<Duration>,
}

impl Outcome {
    /// The difference of what was let through from what one bucket would have, as a
    /// part of the latter.
    #[must_use]
    pub fn error(&self) -> f64 {
        let difference = self.admitted.abs_diff(self.ideal);
        difference as f64 / self.ideal.max(1) as f64
    }
}

/// Requests at an even rate, to the nodes in turn.
pub fn flood(
    nodes: usize,
    per_second: u32,
    lasting: Duration,
) -> impl Iterator<Item = (Duration, usize)> {
    let count = lasting.as_micros() * u128::from(per_second) / 1_000_000;
    (0..u64::try_from(count).unwrap_or(u64::MAX)).map(move |n| {
        let at = Duration::from_micros(n.saturating_mul(1_000_000) / u64::from(per_second.max(1)));
        let node = usize::try_from(n).unwrap_or(0) % nodes.max(1);
        (at, node)
    })
}

/// Runs requests, each with its moment and its node, in order of time.
///
/// # Errors
/// [`QuotaError`] never, unless the schedule's constants are nonsense.
pub fn simulate(
    cluster: &Cluster,
    requests: impl IntoIterator<Item = (Duration, usize)>,
) -> Result<Outcome, QuotaError> {
    let mut run = Run::new(cluster)?;
    for (at, trouble) in &cluster.troubles {
        run.plan(start().plus(*at), Event::Trouble(*trouble));
    }
    for (at, node) in requests {
        let now = start().plus(at);
        run.until(now);
        run.request(node, now, at);
    }
    Ok(run.outcome)
}

const fn start() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

#[derive(Debug)]
enum Event {
    /// A batch reaches the shared side.
    Reached(usize, Vec<Entry>),
    /// Its answer reaches the node, or does not.
    Answered(usize, Vec<Entry>, Option<Reply>),
    /// A node looks whether there is something to send.
    Look(usize),
    Trouble(Trouble),
}

struct Node {
    buckets: SharedBuckets,
    schedule: Schedule,
    sending: bool,
    look_at: Option<Timestamp>,
    ahead: Duration,
}

struct Run<'c> {
    cluster: &'c Cluster,
    nodes: Vec<Node>,
    ledger: Ledger,
    down: bool,
    events: BTreeMap<(Timestamp, u64), Event>,
    planned: u64,
    ideal: Arrival,
    outcome: Outcome,
}

impl<'c> Run<'c> {
    fn new(cluster: &'c Cluster) -> Result<Self, QuotaError> {
        let mut ledger = Ledger::new();
        let epoch = ledger.merge(&[], 0).epoch;
        let mut nodes = Vec::with_capacity(cluster.nodes);
        let mut ahead = Duration::ZERO;
        for _ in 0..cluster.nodes {
            ahead += SKEW;
            let buckets = SharedBuckets::new(1000, cluster.merge_every);
            buckets.connect(epoch);
            nodes.push(Node {
                buckets,
                schedule: Schedule::new(cluster.merge_every)?,
                sending: false,
                look_at: None,
                ahead,
            });
        }
        let mut run = Self {
            cluster,
            nodes,
            ledger,
            down: false,
            events: BTreeMap::new(),
            planned: 0,
            ideal: Arrival::default(),
            outcome: Outcome::default(),
        };
        for number in 0..cluster.nodes {
            // Nodes start, and so sweep, at different moments.
            let part = u32::try_from(number).unwrap_or(0);
            let whole = u32::try_from(cluster.nodes).unwrap_or(1).max(1);
            let phase = cluster.merge_every * part / whole;
            run.plan(start().plus(phase), Event::Look(number));
        }
        Ok(run)
    }

    fn plan(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    fn until(&mut self, now: Timestamp) {
        while let Some(first) = self.events.first_entry()
            && first.key().0 <= now
        {
            let ((at, _), event) = first.remove_entry();
            self.happen(event, at);
        }
    }

    fn request(&mut self, number: usize, now: Timestamp, at: Duration) {
        let (kept, ideal) = decide(self.ideal, &self.cluster.quota, now);
        self.ideal = kept;
        let Some(node) = self.nodes.get_mut(number) else {
            return;
        };
        let there = now.plus(node.ahead);
        let (verdict, wake) = node.buckets.check(KEY, &self.cluster.quota, there);
        let outcome = &mut self.outcome;
        outcome.ideal += u64::from(ideal.allowed);
        outcome.admitted += u64::from(verdict.allowed);
        if ideal.allowed && !verdict.allowed {
            outcome.last_wrong_refusal = Some(at);
        }
        let over = outcome.admitted.saturating_sub(outcome.ideal);
        let under = outcome.ideal.saturating_sub(outcome.admitted);
        outcome.most_over = outcome.most_over.max(over);
        outcome.most_under = outcome.most_under.max(under);
        if wake == Wake::Sender {
            self.look(number, now);
        }
    }

    fn happen(&mut self, event: Event, now: Timestamp) {
        let half = self.cluster.round_trip / 2;
        match event {
            Event::Look(number) => {
                if let Some(node) = self.nodes.get_mut(number) {
                    node.look_at = None;
                }
                self.look(number, now);
            }
            Event::Reached(number, batch) => {
                let reply = (!self.down).then(|| self.ledger.merge(&batch, now.as_micros()));
                self.plan(now.plus(half), Event::Answered(number, batch, reply));
            }
            Event::Answered(number, batch, reply) => {
                if let Some(node) = self.nodes.get_mut(number) {
                    let there = now.plus(node.ahead);
                    node.sending = false;
                    match reply {
                        Some(reply) => node.buckets.apply(&reply, there),
                        None => {
                            node.buckets.fail(&batch, there);
                            node.buckets.disconnect();
                        }
                    }
                }
                self.look(number, now);
            }
            Event::Trouble(Trouble::Forget) => self.ledger.forget(),
            Event::Trouble(Trouble::Down) => self.down = true,
            Event::Trouble(Trouble::Up) => {
                self.down = false;
                let epoch = self.ledger.merge(&[], 0).epoch;
                for number in 0..self.nodes.len() {
                    if let Some(node) = self.nodes.get(number) {
                        node.buckets.connect(epoch);
                    }
                    self.look(number, now);
                }
            }
        }
    }

    /// What the sender of a node does when it is woken.
    fn look(&mut self, number: usize, now: Timestamp) {
        let Some(node) = self.nodes.get_mut(number) else {
            return;
        };
        if node.sending || !node.buckets.is_connected() {
            return;
        }
        let there = now.plus(node.ahead);
        let mut batch = Vec::new();
        loop {
            match node.schedule.next(&node.buckets, there) {
                Next::Send => node.buckets.collect(&mut batch, MOST, there),
                Next::Wait(until) => {
                    let until = until.minus(node.ahead);
                    if node.look_at.is_none_or(|planned| planned > until) {
                        node.look_at = Some(until);
                        self.plan(until, Event::Look(number));
                    }
                    return;
                }
            }
            if !batch.is_empty() {
                break;
            }
        }
        node.sending = true;
        self.outcome.batches += 1;
        let reached = now.plus(self.cluster.round_trip / 2);
        self.plan(reached, Event::Reached(number, batch));
    }
}

#[cfg(test)]
mod tests;
