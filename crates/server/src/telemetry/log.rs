//! Structured logs on standard error. The level and the form come from `[server] log`.
//! Secrets cannot reach them: they are `Secret`, which prints its type's name.

use crate::config::server::{Log, LogFormat, LogLevel};
use std::io::IsTerminal as _;
use tracing::Level;

/// Starts logging. A second call in one process changes nothing.
pub(crate) fn start(log: Log) {
    let level = match log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
    };
    drop(started);
}
