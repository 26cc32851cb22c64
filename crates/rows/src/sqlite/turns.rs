//! Whose statement runs next. There are so many threads for all tenants of a realm: a tenant
//! that has none comes before one that has, whoever was served longest ago comes first, and
//! the last threads are for tenants that have none. Few tenants that are busy for long do not
//! keep the others waiting. Not here: how many statements of one tenant run (`tenant`).

use super::book::lock;
use doorward_base::TenantId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// The threads of a realm.
pub(super) struct Turns {
    most: usize,
    /// How many of them are for tenants that have none.
    kept: usize,
    state: Mutex<State>,
}

/// Who runs and who waits; `None` is the realm itself, which keeps house.
type Whose = Option<TenantId>;

#[derive(Default)]
struct State {
    running: usize,
    /// Whoever runs or waits.
    parts: HashMap<Whose, Part>,
    waiting: VecDeque<Waiting>,
    /// How many turns were given.
    given: u64,
}

#[derive(Default)]
struct Part {
    running: usize,
    waiting: usize,
    /// Which of all turns it was given last.
    served: u64,
}

struct Waiting {
    whose: Whose,
    tell: oneshot::Sender<Turn>,
}

/// The right to a thread.
pub(super) struct Turn {
    turns: Arc<Turns>,
    whose: Whose,
}

impl Turns {
    /// So many, of which a quarter is for tenants that have none.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            kept: most / 4,
            state: Mutex::default(),
        })
    }

    /// Waits for one.
    pub(super) async fn take(self: &Arc<Self>, whose: Option<&TenantId>) -> Option<Turn> {
        let (tell, told) = oneshot::channel();
        let whose = whose.cloned();
        {
            let mut state = lock(&self.state);
            state.parts.entry(whose.clone()).or_default().waiting += 1;
            state.waiting.push_back(Waiting { whose, tell });
        }
        self.give();
        // It is told: what waits is kept until then.
        told.await.ok()
    }

    /// How many are free.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.most - lock(&self.state).running
    }

    /// Gives the free ones away. One that comes too late is dropped here, without the lock.
    fn give(self: &Arc<Self>) {
        loop {
            let next = lock(&self.state).next(self.most, self.kept);
            let Some(Waiting { whose, tell }) = next else {
                return;
            };
            let turns = Arc::clone(self);
            drop(tell.send(Turn { turns, whose }));
        }
    }
}

impl State {
    /// Whoever has the next turn, if there is one; it counts as given.
    fn next(&mut self, most: usize, kept: usize) -> Option<Waiting> {
        let free = most.saturating_sub(self.running);
        if free == 0 {
            return None;
        }
        self.forget_gone();
        let parts = &self.parts;
        let place = |waiting: &Waiting| {
            let part = parts.get(&waiting.whose);
            let (running, served) = part.map_or((0, 0), |part| (part.running, part.served));
            // Keeping house is short, and all wait for it.
            let running = if waiting.whose.is_some() { running } else { 0 };
            (running, served)
        };
        let places = self.waiting.iter().map(place).enumerate();
        let (at, (running, _)) = places.min_by_key(|(_, place)| *place)?;
        if running > 0 && free <= kept {
            return None;
        }
        let next = self.waiting.remove(at)?;
        self.running += 1;
        self.given += 1;
        let part = self.parts.entry(next.whose.clone()).or_default();
        part.waiting = part.waiting.saturating_sub(1);
        part.running += 1;
        part.served = self.given;
        Some(next)
    }

    /// Nobody waits for them any more.
    fn forget_gone(&mut self) {
        let parts = &mut self.parts;
        self.waiting.retain(|waiting| {
            let gone = waiting.tell.is_closed();
            if gone && let Some(part) = parts.get_mut(&waiting.whose) {
                part.waiting = part.waiting.saturating_sub(1);
            }
            !gone
        });
        self.parts
            .retain(|_, part| part.running > 0 || part.waiting > 0);
    }

    fn end(&mut self, whose: &Whose) {
        self.running = self.running.saturating_sub(1);
        if let Some(part) = self.parts.get_mut(whose) {
            part.running = part.running.saturating_sub(1);
        }
        self.forget_gone();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.turns.state).end(&self.whose);
        self.turns.give();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    type Asked = Pin<Box<dyn Future<Output = Option<Turn>>>>;

    fn ask(turns: &Arc<Turns>, whose: &str) -> Asked {
        let turns = Arc::clone(turns);
        let whose = TenantId::new(whose).unwrap();
        let mut asked: Asked = Box::pin(async move { turns.take(Some(&whose)).await });
        // It stands in line from now on, or has its turn already.
        if let Poll::Ready(turn) = poll(&mut asked) {
            return Box::pin(async { turn });
        }
        asked
    }

    fn poll(asked: &mut Asked) -> Poll<Option<Turn>> {
        asked.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn turn(asked: &mut Asked) -> Option<Turn> {
        match poll(asked) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_last_threads_are_for_tenants_that_have_none() {
        let turns = Turns::new(32);
        let busy: Vec<String> = (0..18).map(|at| format!("busy{at}")).collect();
        let mut held: Vec<Turn> = Vec::new();
        let mut asked = Vec::new();
        for name in busy.iter().chain(&busy) {
            let mut one = ask(&turns, name);
            match turn(&mut one) {
                Some(turn) => held.push(turn),
                None => asked.push(one),
            }
        }
        assert_eq!((held.len(), turns.free()), (24, 8));
        assert!(turn(&mut ask(&turns, "victim")).is_some());
        assert_eq!(asked.len(), 12);
        // A thread that is given back goes to one of those.
        drop(held.pop());
        let served = asked.iter_mut().filter_map(turn).collect::<Vec<_>>();
        assert_eq!((served.len(), turns.free()), (1, 8));
    }

    #[test]
    fn tenants_have_their_turns_one_after_another() {
        let turns = Turns::new(1);
        let first = turn(&mut ask(&turns, "busy"));
        assert!(first.is_some());
        let mut more = [ask(&turns, "busy"), ask(&turns, "busy")];
        let mut late = ask(&turns, "late");
        let gone = ask(&turns, "gone");
        drop(gone);
        drop(first);
        let second = turn(&mut late);
        assert!(second.is_some());
        assert!(more.iter_mut().all(|asked| turn(asked).is_none()));
        drop(second);
        let third = turn(&mut more[0]);
        assert!(third.is_some());
        drop((third, more));
        assert_eq!(turns.free(), 1);
        lock(&turns.state).forget_gone();
        assert!(lock(&turns.state).parts.is_empty());
    }
}
