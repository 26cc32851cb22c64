//! Taking connections for the operators' listeners, which outlive whatever goes wrong
//! with one connection. Not here: the gate's listener, which has its own caps.

use std::future::Future;
use std::io;
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

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
