//! Answers that their clients have not read yet, which hold memory as long as they are not: how
//! much of it one tenant's may hold, and all together. An answer counts from the moment that an
//! engine has made it, before its work is there to stay. The less room all together leave, the
//! less of it one tenant has: however few hold much, there is always room for another. Not
//! here: how large one answer may become (`engine::Bounds`), and when the connection of whoever
//! reads nothing is given up, which is the gate's to say.

use crate::engine::Tally;
use crate::fault::{Fault, FaultKind};
use bytes::Bytes;
use doorward_base::{RealmName, TenantId};
use doorward_surface::Body;
use doorward_surface::body::BodyError;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// What the unread answers of one tenant may hold at most, bytes.
const OF_TENANT: u64 = 64 << 20;
/// What all of them may hold, bytes.
const OF_ALL: u64 = 512 << 20;
/// One tenant has this part of the room that the others leave.
const PART: u64 = 8;
/// Shorter answers are not counted: the connection takes them at once.
const COUNTED: u64 = 32 << 10;
/// What the connection is handed at once, bytes: a copy, for it keeps what it is handed until
/// that is sent, and would keep all of the answer.
const PIECE: usize = 32 << 10;

type Key = (RealmName, TenantId);

/// What unread answers hold now.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    all: u64,
    tenants: HashMap<Key, u64>,
}

impl Unread {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, key: &Key) -> u64 {
        self.tenants.get(key).copied().unwrap_or(0)
    }

    /// Whether so much more of the tenant has no room, and why.
    fn refuses(&self, key: &Key, more: u64) -> Option<Fault> {
        let own = self.of(key);
        let others = self.all.saturating_sub(own);
        let left = OF_ALL.saturating_sub(others);
        let most = OF_TENANT.min(left / PART);
        // An only answer may be larger than that: how large is the realm's to say.
        let has_room = own + more <= most || (own == 0 && others + more <= OF_ALL / 2);
        if has_room {
            return None;
        }
        let (kind, whose) = if own + more > OF_TENANT {
            (FaultKind::Unread, "the tenant's answers")
        } else {
            (FaultKind::Contended, "answers")
        };
        let words = format!("{whose} that nobody has read yet hold all the room there is for them");
        Some(Fault::because(kind, words).hint("read them first"))
    }

    /// Takes one length of the tenant for another.
    fn change(&mut self, key: &Key, before: u64, after: u64) {
        self.all = (self.all + after).saturating_sub(before);
        let own = (self.of(key) + after).saturating_sub(before);
        match own {
            0 => self.tenants.remove(key),
            _ => self.tenants.insert(key.clone(), own),
        };
    }
}

/// One answer's part.
#[derive(Debug)]
pub(super) struct Entry {
    unread: Arc<Unread>,
    key: Key,
    length: AtomicU64,
}

impl Entry {
    /// For a call of a tenant.
    ///
    /// # Errors
    /// Where the tenant has left too much unread.
    pub(super) fn new(
        unread: &Arc<Unread>,
        realm: &RealmName,
        tenant: &TenantId,
    ) -> Result<Arc<Self>, Fault> {
        let key = (realm.clone(), tenant.clone());
        let held = unread.held();
        // Whoever has left nothing may ask for little at any time.
        let refusal = (held.of(&key) > 0).then(|| held.refuses(&key, 1)).flatten();
        drop(held);
        match refusal {
            Some(fault) => Err(fault),
            None => Ok(Arc::new(Self {
                unread: Arc::clone(unread),
                key,
                length: AtomicU64::new(0),
            })),
        }
    }

    /// Counts an answer until it is read or given up.
    pub(super) fn hold(self: Arc<Self>, answer: Response<Body>) -> Response<Body> {
        let length = answer.body().size_hint().lower();
        if length < COUNTED {
            return answer;
        }
        {
            let mut held = self.unread.held();
            let before = self.length.swap(length, Ordering::Relaxed);
            held.change(&self.key, before, length);
        }
        answer.map(|inner| {
            let counted = Counted {
                inner,
                piece: Bytes::new(),
                _entry: self,
            };
            counted.boxed_unsync()
        })
    }
}

impl Tally for Entry {
    fn count(&self, bytes: usize) -> Result<(), Fault> {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX);
        if more < COUNTED {
            return Ok(());
        }
        let mut held = self.unread.held();
        if let Some(fault) = held.refuses(&self.key, more) {
            return Err(fault);
        }
        let before = self.length.fetch_add(more, Ordering::Relaxed);
        held.change(&self.key, before, before + more);
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let length = self.length.load(Ordering::Relaxed);
        if length > 0 {
            self.unread.held().change(&self.key, length, 0);
        }
    }
}

/// An answer's body, handed on piece by piece.
struct Counted {
    inner: Body,
    /// What came of it and was not handed on yet.
    piece: Bytes,
    _entry: Arc<Entry>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while self.piece.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.piece = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        let length = self.piece.len().min(PIECE);
        let piece = self.piece.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.size_hint();
        let piece = self.piece.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + piece);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + piece);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_surface::body;
    use std::collections::VecDeque;

    fn realm() -> RealmName {
        RealmName::new("main").unwrap()
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    /// What an engine makes and nobody reads.
    fn answer(unread: &Arc<Unread>, of: &str, length: usize) -> Result<Arc<Entry>, FaultKind> {
        let entry = Entry::new(unread, &realm(), &tenant(of)).map_err(|fault| fault.kind)?;
        entry.count(length).map_err(|fault| fault.kind)?;
        Ok(entry)
    }

    #[test]
    fn a_tenant_that_reads_nothing_is_refused_and_no_other() {
        let unread = Arc::default();
        let mut held: VecDeque<_> = (0..8).map(|_| answer(&unread, "acme", 8 << 20)).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(answer(&unread, "acme", 10).err(), Some(FaultKind::Unread));
        assert!(answer(&unread, "globex", 8 << 20).is_ok());
        held.pop_front();
        assert!(answer(&unread, "acme", 8 << 20).is_ok());
    }

    /// All were let in while there was room, and their answers are made afterwards.
    #[test]
    fn what_is_made_has_room_or_is_refused() {
        let unread: Arc<Unread> = Arc::default();
        let entries: Vec<_> = (0..60)
            .map(|_| Entry::new(&unread, &realm(), &tenant("acme")).unwrap())
            .collect();
        let fits = entries.iter().filter(|one| one.count(8 << 20).is_ok());
        assert_eq!(fits.count(), 8);
        assert_eq!(unread.held().all, OF_TENANT);
        drop(entries);
        assert_eq!(unread.held().all, 0);
    }

    /// As many as sign up from one address within five minutes.
    #[test]
    fn however_much_thirty_others_leave_there_is_room_for_another() {
        let unread: Arc<Unread> = Arc::default();
        let mut held = Vec::new();
        for at in 0..30 {
            let name = format!("t{at}");
            while let Ok(answer) = answer(&unread, &name, 1 << 20) {
                held.push(answer);
            }
            assert!(answer(&unread, "victim", 1 << 20).is_ok(), "{at}");
        }
        assert!(unread.held().all < OF_ALL);
        let large = answer(&unread, "victim", 64 << 20).err();
        assert_eq!(large, Some(FaultKind::Contended));
        // And for what is short, whoever holds how much.
        let all = OF_ALL - unread.held().all;
        unread.held().change(&(realm(), tenant("rest")), 0, all);
        assert!(answer(&unread, "victim", 10_000).is_ok());
        unread.held().change(&(realm(), tenant("rest")), all, 0);
        drop(held);
        assert!(unread.held().tenants.is_empty());
    }

    /// An only answer may be as large as a realm lets it be.
    #[test]
    fn an_only_answer_may_be_large() {
        let unread = Arc::default();
        assert!(answer(&unread, "acme", 200 << 20).is_ok());
    }

    #[tokio::test]
    async fn an_answer_counts_whole_until_its_last_piece_is_taken() {
        let unread = Arc::default();
        let made = Response::new(body::full(vec![b'x'; 3 * PIECE + 1]));
        let entry = answer(&unread, "acme", 3 * PIECE + 9).unwrap();
        let mut body = entry.hold(made).into_body();
        assert_eq!(body.size_hint().exact(), Some(3 * PIECE as u64 + 1));
        let mut lengths = Vec::new();
        while let Some(frame) = body.frame().await {
            assert_eq!(unread.held().all, 3 * PIECE as u64 + 1);
            lengths.push(frame.unwrap().into_data().unwrap().len());
        }
        assert_eq!(lengths, [PIECE, PIECE, PIECE, 1]);
        drop(body);
        assert_eq!(unread.held().all, 0);
    }
}
