//! Structured logs on standard error. The level and the form come from `[server] log`.
//! Secrets cannot reach them: they are `Secret`, which prints its type's name. What others
//! wrote is escaped as it is written: it ends no line and commands no terminal.

use crate::config::server::{Log, LogFormat, LogLevel};
use doorward_base::escape::{self, Shown};
use std::io::{self, Write};
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
    let format = log.format;
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        // Colours are control characters, which nobody could tell from others' then.
        .with_ansi(false)
        .with_writer(move || Escaping {
            out: io::stderr(),
            format,
        });
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
    // What panicked may have been somebody's text.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
}

/// Writes events, each of which comes whole and ends with the end of its line.
struct Escaping<W> {
    out: W,
    format: LogFormat,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        let shown = match self.format {
            LogFormat::Text => format!("{}{end}", Shown(text)),
            LogFormat::Json => format!("{}{end}", escape::json(text)),
        };
        // In one piece, or two threads' lines would mix.
        self.out.write_all(shown.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, event: &str) -> String {
        let mut out = Vec::new();
        let mut writer = Escaping {
            out: &mut out,
            format,
        };
        assert_eq!(writer.write(event.as_bytes()).unwrap(), event.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_one_line_and_commands_nothing() {
        let event = "INFO refused realm=a\u{1b}[31m\nINFO forged\r\u{202e}\n";
        assert_eq!(
            written(LogFormat::Text, event),
            "INFO refused realm=a\\u{1b}[31m\\nINFO forged\\r\\u{202e}\n"
        );
        assert_eq!(
            written(LogFormat::Json, "{\"a\":\"\u{9b}\u{202e}\"}\n"),
            "{\"a\":\"\\u009b\\u202e\"}\n"
        );
    }
}
