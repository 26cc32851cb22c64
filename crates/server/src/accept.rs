//! Taking connections for the operators' listeners, which outlive whatever goes wrong
//! with one connection, and however many there are. Not here: the gate's listener, which
//! has its own caps.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How long a listener rests after a failure: out of descriptors, some must be closed
/// before it can go on.
const REST: Duration = Duration::from_millis(100);

/// The next connection. Failures are waited out; the first of a row is logged.
pub(crate) async fn next<T, F>(listener: &'static str, accept: impl Fn() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    let mut failed = false;
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) if !failed => {
                tracing::warn!(%error, listener, "accept failed; it is tried again");
                failed = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(REST).await;
    }
}

/// So many connections at once. An operator's tool that is refused is of no use, and what
/// it asks takes a moment: whoever comes last is served, and makes whoever was here
/// longest go.
pub(crate) struct Few {
    most: usize,
    open: VecDeque<AbortHandle>,
}

impl Few {
    /// At most `most`.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            open: VecDeque::new(),
        }
    }

    /// Serves one more.
    pub(crate) fn serve(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        self.open.retain(|one| !one.is_finished());
        if self.open.len() >= self.most
            && let Some(longest) = self.open.pop_front()
        {
            longest.abort();
        }
        self.open.push_back(tokio::spawn(connection).abort_handle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn whoever_comes_last_is_served() {
        let mut few = Few::new(2);
        let mut serve = || {
            let (told, over) = oneshot::channel::<()>();
            few.serve(async move {
                let _told = told;
                std::future::pending::<()>().await;
            });
            over
        };
        let mut all: Vec<_> = (0..4).map(|_| serve()).collect();
        let later = all.split_off(2);
        for over in all {
            over.await.unwrap_err();
        }
        for mut over in later {
            assert_eq!(over.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        }
        // Who is done takes no place.
        let (told, done) = oneshot::channel();
        let mut few = Few::new(1);
        few.serve(async move {
            let _ = told.send(());
        });
        done.await.unwrap();
        tokio::task::yield_now().await;
        let (told, still) = oneshot::channel::<()>();
        few.serve(async move {
            let _told = told;
        });
        still.await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_waited_out() {
        let tried = Cell::new(0);
        let accepted = next("test", async || {
            tried.set(tried.get() + 1);
            if tried.get() < 50 {
                return Err(io::Error::from_raw_os_error(24));
            }
            Ok(tried.get())
        });
        let began = tokio::time::Instant::now();
        assert_eq!(accepted.await, 50);
        assert_eq!(began.elapsed(), REST * 49);
    }
}
