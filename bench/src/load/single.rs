//! One client on one connection that times each request by itself: percentiles that
//! hold no queue. It stops when each token was presented once, or when the time is over.
//! Not here: load (`wrk`).

use super::{Load, Outcome};
use crate::failure::{Context as _, Failure};
use crate::row::at;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) fn run(load: &Load, tokens: &Path, seconds: u32) -> Result<Outcome, Failure> {
    let tokens = std::fs::read_to_string(tokens).during(tokens.display())?;
    let rest = load.url.strip_prefix("http://");
    let (authority, path) = rest
        .and_then(|rest| rest.split_once('/'))
        .during(&load.url)?;
    let stream = TcpStream::connect(authority).during(authority)?;
    stream.set_nodelay(true).during(authority)?;
    let timeout = Some(Duration::from_secs(10));
    stream.set_read_timeout(timeout).during(authority)?;
    let mut stream = BufReader::new(stream);
    let (begun, end) = (Instant::now(), Duration::from_secs(u64::from(seconds)));
    let mut millis = Vec::new();
    let mut errors = 0;
    for token in tokens.lines() {
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let sent = Instant::now();
        let status = ask(&mut stream, request.as_bytes()).during(&load.url)?;
        millis.push(sent.elapsed().as_secs_f64() * 1000.0);
        errors += u64::from(status != 200);
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

/// Sends a request and reads its whole answer, whose length a header says.
fn ask(stream: &mut BufReader<TcpStream>, request: &[u8]) -> std::io::Result<u16> {
    stream.get_mut().write_all(request)?;
    let (mut status, mut length) = (0, 0);
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if status == 0 {
            let word = text.split(' ').nth(1);
            status = word.and_then(|word| word.parse().ok()).unwrap_or(599);
        } else if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(status)
}
