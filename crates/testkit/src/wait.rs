//! Waiting for something another process does: asked again and again until a
//! deadline, which is a failure. Not here: anything that waits a fixed time.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives it up.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(2);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within `patience`; the text says what was waited for.
pub fn until<T>(what: &str, patience: Duration, ask: impl FnMut() -> Option<T>) -> T {
    match within(patience, ask) {
        Some(answer) => answer,
        None => panic!("waited {patience:?} in vain for {what}"),
    }
}

/// Asks until there is an answer, or `patience` is over.
pub fn within<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if begin.elapsed() >= patience {
            return None;
        }
        // Only so that polling does not take the processor from what is waited for.
        std::thread::park_timeout(PAUSE);
    }
}
