//! Whether an HTTP/2 client takes its answers. The connection may be up and its window
//! closed, or that of one stream: then nobody asks for more of the body, and what is open
//! for it (an upstream's connection, a place) would stay so for ever. Each stream runs in
//! a future of ours, which ends it. Not here: a connection that takes nothing at all
//! (`stall`).

use super::stall::Stall;
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static THIS: Given;
}

/// What an answer has given its stream to send. Odd: it is the client's turn to take it;
/// even: there is nothing to take.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(Arc<AtomicU64>);

impl Given {
    /// That of the stream whose future asks; one that nobody reads elsewhere.
    pub(super) fn of_this_stream() -> Self {
        THIS.try_with(Self::clone).unwrap_or_default()
    }

    /// Something was given.
    pub(super) fn give(&self) {
        // One task alone writes it.
        let before = self.0.load(Ordering::Relaxed);
        self.0
            .store((before | 1).wrapping_add(2), Ordering::Relaxed);
    }

    /// There is nothing to give yet.
    pub(super) fn wait(&self) {
        self.0
            .store(self.0.load(Ordering::Relaxed) & !1, Ordering::Relaxed);
    }

    fn turn(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the streams of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    /// How long a client may take nothing of one.
    pub(super) limit: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let given = Given::default();
        tokio::spawn(Taking {
            stream: THIS.scope(given.clone(), stream),
            given,
            seen: 0,
            stall: Stall::new(self.limit),
        });
    }
}

pin_project! {
    /// One stream. It is over when the client takes nothing for too long: dropped, it is
    /// reset (`CANCEL`).
    struct Taking<F> {
        #[pin]
        stream: TaskLocalFuture<Given, F>,
        given: Given,
        // The last turn that was seen.
        seen: u64,
        stall: Stall,
    }
}

impl<F: Future<Output = ()>> Future for Taking<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let turn = this.given.turn();
        if turn != *this.seen {
            this.stall.end();
            *this.seen = turn;
        }
        if turn & 1 == 0 {
            return Poll::Pending;
        }
        this.stall.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::{Instant, sleep};

    const LIMIT: Duration = Duration::from_secs(60);

    async fn run(stream: impl Future<Output = ()> + Send + 'static) -> Duration {
        struct Told(Option<tokio::sync::oneshot::Sender<()>>);
        impl Drop for Told {
            fn drop(&mut self) {
                if let Some(told) = self.0.take() {
                    let _ = told.send(());
                }
            }
        }
        let (told, over) = tokio::sync::oneshot::channel();
        let told = Told(Some(told));
        let began = Instant::now();
        Streams { limit: LIMIT }.execute(async move {
            let _told = told;
            stream.await;
        });
        over.await.unwrap();
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_which_nothing_is_taken_is_given_up() {
        let stream = async {
            Given::of_this_stream().give();
            sleep(LIMIT / 2).await;
            // It was taken, and there is more.
            Given::of_this_stream().give();
            pending::<()>().await;
        };
        assert_eq!(run(stream).await, LIMIT / 2 + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_of_the_upstream_is_not_the_clients() {
        let stream = async {
            let given = Given::of_this_stream();
            given.give();
            given.wait();
            sleep(LIMIT * 3).await;
            given.give();
            pending::<()>().await;
        };
        assert_eq!(run(stream).await, LIMIT * 4);
    }
}
