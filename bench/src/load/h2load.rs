//! HTTP/2 by `h2load`: the clients are streams, eight to a connection. It tells no
//! percentiles. Not here: many tokens.

use super::{Load, Outcome};
use crate::failure::{Context as _, Failure};
use crate::process::capture;
use std::process::Command;

const STREAMS: u32 = 8;

pub(super) fn run(load: &Load, seconds: u32) -> Result<Outcome, Failure> {
    let connections = (load.clients / STREAMS).max(1);
    let mut command = Command::new("h2load");
    command
        .args(["-t1", &format!("-c{connections}"), &format!("-m{STREAMS}")])
        .arg(format!("-D{seconds}"));
    for (name, value) in &load.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    command.arg(&load.url);
    let text = capture(&mut command)?;
    parse(&text, f64::from(seconds)).during(format!("h2load reports nothing:\n{text}"))
}

fn parse(text: &str, seconds: f64) -> Option<Outcome> {
    let requests = text
        .lines()
        .find_map(|line| line.strip_prefix("requests: "))?;
    let statuses = text
        .lines()
        .find_map(|line| line.strip_prefix("status codes: "))?;
    let done = number(requests, "done")?;
    let good = number(statuses, "2xx")?;
    Some(Outcome {
        requests: done,
        seconds,
        p50: None,
        p99: None,
        errors: done.saturating_sub(good) + number(requests, "errored")?,
        repeated: 0,
    })
}

/// The number before `word` in `7 total, 6 done`.
fn number(line: &str, word: &str) -> Option<u64> {
    line.split(", ").find_map(|part| {
        let (number, name) = part.split_once(' ')?;
        (name == word).then(|| number.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_summary_is_read() {
        let text = "finished in 2.00s, 5.00 req/s, 1KB/s\n\
            requests: 12 total, 13 started, 12 done, 10 succeeded, 2 failed, 1 errored, 0 timeout\n\
            status codes: 10 2xx, 0 3xx, 2 4xx, 0 5xx\n";
        let outcome = parse(text, 2.0).unwrap();
        assert_eq!((outcome.requests, outcome.errors), (12, 3));
        assert_eq!(parse("requests: 1 total\n", 2.0), None);
    }
}
