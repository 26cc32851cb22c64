//! SQL by `pgbench`, prepared statements, one loading thread: what PostgreSQL does by
//! itself on this machine. It tells no percentiles. Not here: the tables (`database`).

use super::{Load, Outcome};
use crate::failure::{Context as _, Failure};
use crate::process::capture;
use std::path::Path;
use std::process::Command;

pub(super) fn run(load: &Load, script: &Path, seconds: u32) -> Result<Outcome, Failure> {
    let mut command = Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
        .arg(format!("--client={}", load.clients))
        .arg(format!("--time={seconds}"))
        .arg("--file")
        .arg(script)
        .arg(&load.url);
    let text = capture(&mut command)?;
    parse(&text).during(format!("pgbench reports nothing:\n{text}"))
}

fn parse(text: &str) -> Option<Outcome> {
    let value = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_ascii_whitespace().next()
    };
    let requests: u64 = value("number of transactions actually processed: ")?
        .parse()
        .ok()?;
    let rate: f64 = value("tps = ")?.parse().ok()?;
    let failed = value("number of failed transactions: ");
    Some(Outcome {
        requests,
        seconds: f64::from(u32::try_from(requests).ok()?) / rate,
        p50: None,
        p99: None,
        errors: failed.and_then(|count| count.parse().ok()).unwrap_or(0),
        repeated: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_summary_is_read() {
        let text = "number of transactions actually processed: 3000\n\
            number of failed transactions: 2 (0.067%)\nlatency average = 0.5 ms\n\
            tps = 1500.000000 (without initial connection time)\n";
        let outcome = parse(text).unwrap();
        assert_eq!((outcome.requests, outcome.errors), (3000, 2));
        assert_eq!(outcome.seconds, 2.0);
        assert_eq!(parse("pgbench: error: no\n"), None);
    }
}
