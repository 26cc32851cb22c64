//! Which open streams hang on what: when something changed, those that it concerns are
//! told to look again, and no others. Ten thousand streams cost a revocation one look-up.
//! Not here: what they find (`stream`).

use doorward_base::principal::CredentialId;
use doorward_base::{SubjectId, TenantId};
use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

/// In how many parts they are kept, so that few wait for each other.
const PARTS: usize = 32;

/// What a stream may hang on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Mark {
    /// A credential, also a client's or an actor's.
    Credential(CredentialId),
    /// A subject: its authority, wherever it acts.
    Subject(SubjectId),
    /// A tenant. Of several realms with tenants of one name all are told.
    Tenant(TenantId),
}

type Part = HashMap<Mark, HashMap<u64, Arc<Entry>>>;

/// The open streams of a gate.
#[derive(Debug)]
pub struct Streams {
    parts: [Mutex<Part>; PARTS],
    hasher: RandomState,
    next: AtomicU64,
    open: AtomicU64,
    ended: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    told: AtomicBool,
    waker: AtomicWaker,
}

impl Entry {
    fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            next: AtomicU64::new(0),
            open: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }
}

impl Streams {
    /// Something changed about these: whatever hangs on them looks again. It is called
    /// after the change can be seen.
    pub fn look_again(&self, marks: impl IntoIterator<Item = Mark>) {
        for mark in marks {
            let concerned: Vec<Arc<Entry>> = match self.part(&mark).get(&mark) {
                Some(entries) => entries.values().cloned().collect(),
                None => continue,
            };
            // Without the lock: whoever wakes may be done and want it.
            concerned.iter().for_each(|entry| entry.tell());
        }
    }

    /// Anything may have changed.
    pub fn all_look_again(&self) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let all: Vec<Arc<Entry>> = part.values().flat_map(HashMap::values).cloned().collect();
            drop(part);
            all.iter().for_each(|entry| entry.tell());
        }
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many were ended because of their credential, since the start.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn count_ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// A stream that hangs on these. It has to look once: what changed before is not told.
    pub(super) fn register(streams: &Arc<Self>, marks: Vec<Mark>) -> Registered {
        let number = streams.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            told: AtomicBool::new(true),
            waker: AtomicWaker::new(),
        });
        for mark in &marks {
            let mut part = streams.part(mark);
            let entries = part.entry(mark.clone()).or_default();
            entries.insert(number, Arc::clone(&entry));
        }
        streams.open.fetch_add(1, Ordering::Relaxed);
        Registered {
            streams: Arc::clone(streams),
            number,
            marks,
            entry,
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let parts = self.parts.iter();
        parts.map(|part| part.lock().unwrap().len()).sum::<usize>() == 0
    }

    fn part(&self, mark: &Mark) -> MutexGuard<'_, Part> {
        let hash = self.hasher.hash_one(mark);
        // As many bits as there are parts.
        let number = usize::try_from(hash % PARTS as u64).unwrap_or_default();
        let [first, ..] = &self.parts;
        let part = self.parts.get(number).unwrap_or(first);
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of one stream; taken out when dropped.
#[derive(Debug)]
pub(super) struct Registered {
    streams: Arc<Streams>,
    number: u64,
    marks: Vec<Mark>,
    entry: Arc<Entry>,
}

impl Registered {
    /// Whether it was told to look since it was asked last; wakes when it is.
    pub(super) fn is_told(&self, cx: &Context<'_>) -> bool {
        self.entry.waker.register(cx.waker());
        self.entry.told.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        for mark in &self.marks {
            let mut part = self.streams.part(mark);
            if let Some(entries) = part.get_mut(mark) {
                entries.remove(&self.number);
                if entries.is_empty() {
                    part.remove(mark);
                }
            }
        }
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
    }
}
