//! HTTP/1.1 by `wrk`, one loading thread mostly, steered by the scripts in `lua/`. Not here:
//! HTTP/2, which it does not speak.

use super::{Kind, Load, Outcome};
use crate::failure::{Context as _, Failure};
use crate::process::capture;
use crate::site::Site;
use std::process::Command;

const REPORT: &str = include_str!("../../lua/report.lua");
const BEARER: &str = include_str!("../../lua/bearer.lua");
const POST: &str = include_str!("../../lua/post.lua");
const REFRESH: &str = include_str!("../../lua/refresh.lua");

pub(super) fn run(load: &Load, site: &Site, seconds: u32) -> Result<Outcome, Failure> {
    let (name, body) = match load.kind {
        Kind::Bearer { .. } => ("bearer.lua", BEARER),
        Kind::Post { .. } => ("post.lua", POST),
        Kind::Refresh { .. } => ("refresh.lua", REFRESH),
        _ => ("same.lua", ""),
    };
    // Two loads may be on at once, on different servers.
    let server = load.url.split('/').nth(2).unwrap_or_default();
    let script = site.write(
        &format!("{server}-{name}"),
        &format!(
            "{body}
{REPORT}"
        ),
    )?;
    // A session's next token is known to who got the answer: a thread for each client.
    let threads = match load.kind {
        Kind::Refresh { .. } => load.clients,
        _ => 1,
    };
    let mut command = Command::new("wrk");
    command
        .args([
            &format!("-t{threads}"),
            &format!("-c{}", load.clients),
            &format!("-d{seconds}s"),
        ])
        .args(["--timeout", "10s", "-s"])
        .arg(script);
    for (name, value) in &load.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.args([&load.url, "--"]);
    add_arguments(&mut command, &load.kind);
    let text = capture(&mut command)?;
    let mut outcome = parse(&text).during(format!("wrk reports nothing:\n{text}"))?;
    if let Kind::Bearer {
        tokens,
        order: None,
    } = &load.kind
    {
        let there = std::fs::read(tokens).during("the tokens")?;
        let there = there.iter().filter(|byte| **byte == b'\n').count();
        let there = u64::try_from(there).unwrap_or(u64::MAX);
        outcome.repeated = outcome.requests.saturating_sub(there);
    }
    Ok(outcome)
}

/// What the script is told.
fn add_arguments(command: &mut Command, kind: &Kind) {
    match kind {
        Kind::Bearer { tokens, order } => {
            command.arg(tokens).args(order);
        }
        Kind::Post {
            bodies,
            member,
            spread,
        } => {
            command
                .arg(bodies)
                .arg(member)
                .args(spread.then_some("spread"));
        }
        Kind::Refresh { signed_in, .. } => {
            command.arg(signed_in);
        }
        _ => {}
    }
}

/// Reads the line that `report.lua` writes.
fn parse(text: &str) -> Option<Outcome> {
    let line = text.lines().find_map(|line| line.strip_prefix("BENCH "))?;
    let numbers: Option<Vec<u64>> = line.split(' ').map(|word| word.parse().ok()).collect();
    let [requests, micros, p50, p99, socket, status, bad] = *numbers?.as_slice() else {
        return None;
    };
    Some(Outcome {
        requests,
        seconds: ratio(micros, 1_000_000),
        p50: Some(ratio(p50, 1000)),
        p99: Some(ratio(p99, 1000)),
        // A bad status is also a bad answer to the script that looks at bodies.
        errors: socket + status.max(bad),
        repeated: 0,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a few seconds are far below 2^52"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_line_is_read() {
        let outcome = parse("x\nBENCH 300 1500000 420 1500 1 2 5\n").unwrap();
        assert_eq!(outcome.requests, 300);
        assert_eq!((outcome.seconds, outcome.errors), (1.5, 6));
        assert_eq!((outcome.p50, outcome.p99), (Some(0.42), Some(1.5)));
        assert_eq!(parse("BENCH 1 2 3\n"), None);
        assert_eq!(parse("unable to connect\n"), None);
    }
}
