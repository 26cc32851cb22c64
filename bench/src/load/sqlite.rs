//! SQL by SQLite's own program, one after the other, on a tenant's file: what the engine does
//! by itself on this machine. It tells no percentiles. Not here: who wrote the rows (`data`).

use super::{Load, Outcome};
use crate::failure::{Context as _, Failure};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs the script over and over until the time is over.
pub(super) fn run(load: &Load, script: &Path, seconds: u32) -> Result<Outcome, Failure> {
    let text = std::fs::read(script).during(script.display())?;
    let statements = text.iter().filter(|byte| **byte == b'\n').count();
    let statements = u64::try_from(statements).during("the statements")?;
    let (begun, end) = (Instant::now(), Duration::from_secs(u64::from(seconds)));
    let mut requests = 0;
    while requests == 0 || begun.elapsed() < end {
        let status = Command::new("sqlite3")
            .args(["-bail", "-init", "/dev/null", &load.url])
            .arg(format!(".read '{}'", script.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .during("sqlite3 does not start (cargo xtask setup?)")?;
        if !status.success() {
            return Err(Failure::new(format!("sqlite3: {status}")));
        }
        requests += statements;
    }
    Ok(Outcome {
        requests,
        seconds: begun.elapsed().as_secs_f64(),
        p50: None,
        p99: None,
        errors: 0,
        repeated: 0,
    })
}
