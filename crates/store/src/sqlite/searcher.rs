//! Reading on threads of its own: listings and searches, which take long enough to hold up
//! whoever else the caller's thread serves. Few, with a short queue: what is more is refused.

use super::reader::Readers;
use doorward_identity::port::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use tokio::sync::oneshot;

/// How many run at once.
const THREADS: usize = 2;
/// How many wait.
const QUEUE: usize = 64;

type Search = Box<dyn FnOnce() + Send>;

/// The threads that search, started by the first search.
pub(super) struct Searchers {
    readers: Arc<Readers>,
    threads: OnceLock<mpsc::SyncSender<Search>>,
}

impl Searchers {
    pub(super) const fn new(readers: Arc<Readers>) -> Self {
        Self {
            readers,
            threads: OnceLock::new(),
        }
    }

    /// Runs reads over one snapshot, beside the caller's thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let readers = Arc::clone(&self.readers);
        let search: Search = Box::new(move || {
            // Nobody may be waiting any more.
            if !answer.is_closed() {
                drop(answer.send(readers.run(work)));
            }
        });
        self.threads
            .get_or_init(start)
            .try_send(search)
            .map_err(|_| refused("too many searches wait"))?;
        answered
            .await
            .unwrap_or_else(|_| Err(refused("the search was not finished")))
    }
}

fn refused(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

/// The threads end when the sender is dropped.
fn start() -> mpsc::SyncSender<Search> {
    let (searches, waiting) = mpsc::sync_channel::<Search>(QUEUE);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..THREADS {
        let waiting = Arc::clone(&waiting);
        let serve = move || {
            while let Some(search) = next(&waiting) {
                search();
            }
        };
        let thread = std::thread::Builder::new().name("store-search".to_owned());
        if let Err(error) = thread.spawn(serve) {
            tracing::error!(%error, "a thread for searches did not start");
        }
    }
    searches
}

fn next(waiting: &Mutex<mpsc::Receiver<Search>>) -> Option<Search> {
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.recv().ok()
}
