//! The real clock, the real randomness, and the priority of threads: the only place
//! that asks the operating system for them.

use doorward_base::{Clock, Entropy, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one clock that the rest is handed"
        )]
        let now = SystemTime::now();
        let micros = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// The cryptographic random generator of aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        // aws-lc seeds itself from the kernel and fails only if the kernel has no
        // randomness to give. Nothing safe can be done without it, so the process ends.
        if aws_lc_rs::rand::fill(out).is_err() {
            std::process::abort();
        }
    }
}

/// Gives the calling thread the lowest priority, so that password hashing takes what
/// the gate leaves over and slows no verification.
pub(crate) fn give_way() {
    // On Linux the priority belongs to the thread, not to the process.
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// Asks for small pages: huge ones would make an idle process hold megabytes that it
/// does not use.
pub(crate) fn stay_small() {
    // An older kernel cannot; the process is then larger, and right all the same.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
