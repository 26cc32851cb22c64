//! The buckets of one node among several: checks are answered from memory at once, and
//! what they let through is collected in batches for the place where limits are shared.
//! Not here: the connection to it (`outbound`), when a batch is due (`schedule`), and
//! the state of one key (`slot`).

use super::buckets::{Buckets, SHARDS};
use super::ledger::{Entry, Reply};
use super::slot::{Heard, Link, Need, Pace, Slot};
use super::{Quota, Verdict};
use crate::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How long an unspent grant is held, at most.
const HOLD: Duration = Duration::from_millis(250);

/// Buckets whose use is shared with other nodes. Locks are held for the time of a few
/// sums; nothing allocates once a key is known.
#[derive(Debug)]
pub struct SharedBuckets {
    buckets: Buckets<Slot, Lists>,
    /// The shards that have keys on their `now` list.
    due: AtomicU64,
    pace: Pace,
    connected: AtomicBool,
    /// The life of the shared state that answered last; 0 for none.
    epoch: AtomicI64,
}

/// Keys of a shard that have something to say.
#[derive(Debug, Default)]
struct Lists {
    soon: Vec<u128>,
    now: Vec<u128>,
}

/// Whether whoever sends batches must be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// A key has become pressing, and none was before.
    Sender,
    /// It knows, or it is early enough when it comes.
    Nobody,
}

impl SharedBuckets {
    /// At most about `max_keys` buckets of some 150 bytes, merged at the latest each
    /// `merge_every`. It limits alone until it is told that it is connected.
    #[must_use]
    pub fn new(max_keys: usize, merge_every: Duration) -> Self {
        let hold = merge_every.clamp(Duration::from_millis(1), HOLD);
        let hold = i64::try_from(hold.as_micros()).unwrap_or(i64::MAX);
        Self {
            buckets: Buckets::new(max_keys),
            due: AtomicU64::new(0),
            pace: Pace {
                hold,
                ask_every: hold / 32,
            },
            connected: AtomicBool::new(false),
            epoch: AtomicI64::new(0),
        }
    }

    /// Whether limits are shared just now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Limits are shared from now on, by the life `epoch` of the shared state.
    pub fn connect(&self, epoch: i64) {
        self.epoch.store(epoch, Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The others cannot be reached: from now on this node grants the full limit alone.
    /// Says whether it was connected.
    pub fn disconnect(&self) -> bool {
        self.connected.swap(false, Ordering::Relaxed)
    }

    /// Counts one request and says whether it may pass.
    pub fn check(&self, key: u128, quota: &Quota, now: Timestamp) -> (Verdict, Wake) {
        let link = if self.is_connected() {
            Link::Shared
        } else {
            Link::Alone
        };
        self.with(key, quota, now, |slot, at| slot.check(at, &self.pace, link))
    }

    /// The same by this node's own view alone, whether it is connected or not.
    pub fn check_alone(&self, key: u128, quota: &Quota, now: Timestamp) -> (Verdict, Wake) {
        self.with(key, quota, now, |slot, at| {
            slot.check(at, &self.pace, Link::Alone)
        })
    }

    /// Says whether one request would pass, without counting it.
    #[must_use]
    pub fn peek(&self, key: u128, quota: &Quota, now: Timestamp) -> Verdict {
        let at = now.as_micros();
        let mut unknown = Slot::default();
        let mut shard = self.buckets.shard(Buckets::<Slot, Lists>::number(key));
        let slot = shard.map.get_mut(&key).unwrap_or(&mut unknown);
        slot.adopt(quota, at);
        slot.peek(at, &self.pace)
    }

    /// Uncounts one request.
    pub fn give_back(&self, key: u128, quota: &Quota, now: Timestamp) -> Wake {
        let uncount = |slot: &mut Slot, at| slot.give_back(at);
        self.with(key, quota, now, uncount).1
    }

    /// The question whether one request may pass, for the shared side to decide now.
    #[must_use]
    pub fn ask(&self, key: u128, quota: &Quota, now: Timestamp) -> Entry {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let ask = |slot: &mut Slot, at| slot.ask(key, epoch, at);
        self.with(key, quota, now, ask).0
    }

    /// The verdict that answers an [`ask`](Self::ask); none if the reply has no answer.
    pub fn take(
        &self,
        (key, quota): (u128, &Quota),
        reply: &Reply,
        now: Timestamp,
    ) -> Option<(Verdict, Wake)> {
        let heard = self.hear(reply);
        let answer = reply.answers.iter().find(|answer| answer.key == key)?;
        Some(self.with(key, quota, now, |slot, at| {
            slot.take(answer, heard, at, &self.pace)
        }))
    }

    /// Lets every key that has something to say say it with the next batches.
    pub fn sweep(&self) {
        let mut due = 0;
        for number in 0..SHARDS {
            let lists = &mut self.buckets.shard(number).side;
            if lists.soon.is_empty() {
                continue;
            }
            // A key on both lists is harmless: the second time it says nothing.
            if lists.now.is_empty() {
                std::mem::swap(&mut lists.now, &mut lists.soon);
            } else {
                lists.now.append(&mut lists.soon);
            }
            due |= 1 << number;
        }
        self.due.fetch_or(due, Ordering::AcqRel);
    }

    /// Whether a batch would have something in it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire) != 0
    }

    /// Puts what is to be said next into `batch`, up to `most` entries. Each must be
    /// answered by [`apply`](Self::apply) or [`fail`](Self::fail).
    pub fn collect(&self, batch: &mut Vec<Entry>, most: usize, now: Timestamp) {
        let (epoch, at) = (self.epoch.load(Ordering::Relaxed), now.as_micros());
        let due = self.due.swap(0, Ordering::AcqRel);
        let mut left = 0;
        for number in (0..SHARDS).filter(|number| due >> number & 1 == 1) {
            let mut shard = self.buckets.shard(number);
            let shard = &mut *shard;
            while batch.len() < most
                && let Some(key) = shard.side.now.pop()
            {
                let Some(slot) = shard.map.get_mut(&key) else {
                    continue;
                };
                (slot.listed_soon, slot.listed_now) = (false, false);
                match slot.say(key, epoch, at, &self.pace) {
                    Some(entry) => batch.push(entry),
                    // A grant that is held is looked at again.
                    None => {
                        let _: Wake = self.list(number, key, (slot, &mut shard.side), at);
                    }
                }
            }
            if !shard.side.now.is_empty() {
                left |= 1 << number;
            }
        }
        self.due.fetch_or(left, Ordering::AcqRel);
    }

    /// Takes the answers to a batch in.
    pub fn apply(&self, reply: &Reply, now: Timestamp) {
        let (heard, at) = (self.hear(reply), now.as_micros());
        for answer in &reply.answers {
            self.touch(answer.key, at, |slot| slot.apply(answer, heard, at));
        }
    }

    /// The answers to a batch will not come: it is said again later.
    pub fn fail(&self, batch: &[Entry], now: Timestamp) {
        for entry in batch {
            self.touch(entry.key, now.as_micros(), Slot::fail);
        }
    }

    fn hear(&self, reply: &Reply) -> Heard {
        if self.epoch.swap(reply.epoch, Ordering::Relaxed) == reply.epoch {
            Heard::Known(reply.epoch)
        } else {
            Heard::Reborn
        }
    }

    fn with<T>(
        &self,
        key: u128,
        quota: &Quota,
        now: Timestamp,
        act: impl FnOnce(&mut Slot, i64) -> T,
    ) -> (T, Wake) {
        let (number, at) = (Buckets::<Slot, Lists>::number(key), now.as_micros());
        let mut shard = self.buckets.shard(number);
        let (slot, lists) = shard.bucket(key, now);
        slot.adopt(quota, at);
        let done = act(slot, at);
        (done, self.list(number, key, (slot, lists), at))
    }

    /// Does something to a key that is still known, and lists it again.
    fn touch(&self, key: u128, at: i64, act: impl FnOnce(&mut Slot)) {
        let number = Buckets::<Slot, Lists>::number(key);
        let mut shard = self.buckets.shard(number);
        let shard = &mut *shard;
        if let Some(slot) = shard.map.get_mut(&key) {
            act(slot);
            // Whoever touches keys sends them too, and needs no waking.
            let _: Wake = self.list(number, key, (slot, &mut shard.side), at);
        }
    }

    fn list(&self, number: usize, key: u128, of: (&mut Slot, &mut Lists), at: i64) -> Wake {
        let (slot, lists) = of;
        // Lists hold keys that were dropped since; they are no longer than the map may be.
        let most = 2 * self.buckets.per_shard();
        match slot.need(at, &self.pace) {
            Need::Now if !slot.listed_now && lists.now.len() < most => {
                slot.listed_now = true;
                lists.now.push(key);
                let before = self.due.fetch_or(1 << number, Ordering::AcqRel);
                if before == 0 {
                    return Wake::Sender;
                }
            }
            Need::Soon if !slot.listed_soon && !slot.listed_now && lists.soon.len() < most => {
                slot.listed_soon = true;
                lists.soon.push(key);
            }
            Need::Now | Need::Soon | Need::Nothing => {}
        }
        Wake::Nobody
    }
}

#[cfg(test)]
mod tests;
