//! From the start of a process to its first good answer. Not here: what it costs later
//! (`row`).

use crate::failure::Failure;
use crate::process::Running;
use crate::row::median;
use doorward_testkit::Request;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries; the measured time is at most this much too long.
const PAUSE: Duration = Duration::from_micros(200);

/// The median over `times` starts, milliseconds.
pub(crate) fn first_answer(
    command: &dyn Fn() -> Command,
    addr: SocketAddr,
    path: &str,
    log: &Path,
    times: usize,
) -> Result<f64, Failure> {
    let mut millis = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        let running = Running::start(command(), log)?;
        wait_for_answer(addr, path)?;
        millis.push(begun.elapsed().as_secs_f64() * 1000.0);
        drop(running);
    }
    millis.sort_by(f64::total_cmp);
    Ok(median(&millis).unwrap_or(f64::NAN))
}

/// Asks until the answer is good.
pub(crate) fn wait_for_answer(addr: SocketAddr, path: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = Request::new(addr, "GET", path).try_send();
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!("no answer from {addr}{path}")));
        }
        std::thread::park_timeout(PAUSE);
    }
}
