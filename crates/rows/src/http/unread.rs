//! Answers that their clients have not read yet, which hold memory as long as they are not: how
//! much of it one tenant's may hold, and all together. Who has too much of it is refused until
//! it is read, or until the connection of whoever reads nothing is given up, which is the
//! gate's to do. Not here: how large one answer may become (`engine::Bounds`).

use bytes::Bytes;
use doorward_base::{ErrorCode, RealmName, TenantId};
use doorward_surface::body::BodyError;
use doorward_surface::{Body, Refusal};
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// What the unread answers of one tenant may hold, bytes.
pub(super) const OF_TENANT: u64 = 64 << 20;
/// What all of them may hold, bytes.
pub(super) const OF_ALL: u64 = 512 << 20;
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
    /// Refuses a call of a tenant while it, or everybody, has left too much unread.
    pub(super) fn check(&self, realm: &RealmName, tenant: &TenantId) -> Result<(), Refusal> {
        let held = self.held();
        let (code, words, most) = if held.of(realm, tenant) >= OF_TENANT {
            (ErrorCode::RateLimited, "The tenant's answers", OF_TENANT)
        } else if held.all >= OF_ALL {
            (ErrorCode::Busy, "Answers", OF_ALL)
        } else {
            return Ok(());
        };
        let most = most >> 20;
        let message = format!("{words} that nobody has read yet hold {most} MiB; read them first");
        Err(Refusal::new(code).with_message(message))
    }

    /// Counts an answer of a tenant until it is read or given up.
    pub(super) fn count(
        self: &Arc<Self>,
        realm: &RealmName,
        tenant: &TenantId,
        answer: Response<Body>,
    ) -> Response<Body> {
        let length = answer.body().size_hint().lower();
        if length < COUNTED {
            return answer;
        }
        let key = (realm.clone(), tenant.clone());
        {
            let mut held = self.held();
            held.all += length;
            *held.tenants.entry(key.clone()).or_default() += length;
        }
        let entry = Entry {
            unread: Arc::clone(self),
            key,
            length,
        };
        answer.map(|inner| {
            let counted = Counted {
                inner,
                piece: Bytes::new(),
                _entry: entry,
            };
            counted.boxed_unsync()
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, realm: &RealmName, tenant: &TenantId) -> u64 {
        if self.all < OF_TENANT {
            return 0;
        }
        let key = (realm.clone(), tenant.clone());
        self.tenants.get(&key).copied().unwrap_or(0)
    }
}

/// One answer's part.
struct Entry {
    unread: Arc<Unread>,
    key: Key,
    length: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut held = self.unread.held();
        held.all = held.all.saturating_sub(self.length);
        if let Some(of_tenant) = held.tenants.get_mut(&self.key) {
            *of_tenant = of_tenant.saturating_sub(self.length);
            if *of_tenant == 0 {
                held.tenants.remove(&self.key);
            }
        }
    }
}

/// An answer's body, handed on piece by piece.
struct Counted {
    inner: Body,
    /// What came of it and was not handed on yet.
    piece: Bytes,
    _entry: Entry,
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

    fn answer(unread: &Arc<Unread>, of: &str, length: usize) -> Response<Body> {
        let answer = Response::new(body::full(vec![b'x'; length]));
        unread.count(&realm(), &tenant(of), answer)
    }

    fn refused(unread: &Unread, of: &str) -> Option<ErrorCode> {
        let outcome = unread.check(&realm(), &tenant(of));
        outcome.err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_tenant_that_reads_nothing_is_refused_and_no_other() {
        let unread = Arc::default();
        let mut held: VecDeque<_> = (0..8).map(|_| answer(&unread, "acme", 8 << 20)).collect();
        assert_eq!(refused(&unread, "acme"), Some(ErrorCode::RateLimited));
        assert_eq!(refused(&unread, "globex"), None);
        held.pop_front();
        assert_eq!(refused(&unread, "acme"), None);
    }

    #[test]
    fn all_tenants_together_are_refused() {
        let unread = Arc::default();
        let answers = (0..64).map(|at| answer(&unread, &format!("t{}", at % 16), 8 << 20));
        let held: Vec<_> = answers.collect();
        assert_eq!(refused(&unread, "globex"), Some(ErrorCode::Busy));
        drop(held);
        assert_eq!(refused(&unread, "globex"), None);
        assert!(unread.held().tenants.is_empty());
    }

    #[tokio::test]
    async fn an_answer_counts_whole_until_its_last_piece_is_taken() {
        let unread = Arc::default();
        let mut body = answer(&unread, "acme", 3 * PIECE + 1).into_body();
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
