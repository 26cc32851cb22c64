//! One client on one connection that times each request by itself: percentiles that
//! hold no queue. It stops when each token was presented once, or when the time is over.
//! Not here: load (`wrk`).

use super::{Load, Outcome};
use crate::failure::{Context as _, Failure};
use crate::row::at;
use doorward_testkit::http::{Call, Wire};
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) fn run(load: &Load, tokens: &Path, seconds: u32) -> Result<Outcome, Failure> {
    let tokens = std::fs::read_to_string(tokens).during(tokens.display())?;
    let rest = load.url.strip_prefix("http://");
    let (authority, path) = rest
        .and_then(|rest| rest.split_once('/'))
        .during(&load.url)?;
    let addr = authority.parse().during(authority)?;
    let mut wire = Wire::new(addr, Duration::from_secs(10));
    let (begun, end) = (Instant::now(), Duration::from_secs(u64::from(seconds)));
    let mut millis = Vec::new();
    let mut errors = 0;
    for token in tokens.lines() {
        let call = Call::to_host("GET", &format!("/{path}"), authority).bearer(token);
        let sent = Instant::now();
        let answer = wire.send(&call).during(&load.url)?;
        millis.push(sent.elapsed().as_secs_f64() * 1000.0);
        errors += u64::from(answer.status != 200);
        if begun.elapsed() > end {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    millis.sort_by(f64::total_cmp);
    Ok(Outcome {
        requests: u64::try_from(millis.len()).unwrap_or(u64::MAX),
        seconds,
        p50: at(&millis, 50),
        p99: at(&millis, 99),
        errors,
        repeated: 0,
    })
}
