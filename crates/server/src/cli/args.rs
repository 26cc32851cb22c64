//! Arguments that several commands share.

use super::Failure;
use clap::Args;
use doorward_base::{RealmName, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Which installation a command works on.
#[derive(Args, Debug, Clone)]
pub(crate) struct Installation {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The store, instead of the configuration's: sqlite:PATH, postgres://USER@HOST/NAME, or
    /// env:NAME or file:PATH that holds such an address with its password
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

/// Which realm of an installation a management command works on, and how it answers.
#[derive(Args, Debug, Clone)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) installation: Installation,
    /// The realm
    #[arg(long)]
    pub(crate) realm: RealmName,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// When something stops by itself: in `90d`, or at `2026-12-31T00:00:00Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expires {
    In(Duration),
    At(Timestamp),
}

impl Expires {
    /// The moment, for a command that runs at `now`.
    pub(crate) fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::In(life) => now.plus(life),
            Self::At(moment) => moment,
        }
    }
}

impl std::str::FromStr for Expires {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(moment) = Timestamp::parse(text) {
            return Ok(Self::At(moment));
        }
        let (number, unit) = text.split_at(
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len()),
        );
        let number: u64 = number.parse().map_err(|_| expires_help())?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            "y" => 365 * 86_400,
            _ => return Err(expires_help()),
        };
        match number.checked_mul(unit) {
            Some(seconds) if (1..=CENTURY).contains(&seconds) => {
                Ok(Self::In(Duration::from_secs(seconds)))
            }
            _ => Err(expires_help()),
        }
    }
}

/// The longest life that can be asked for, seconds.
const CENTURY: u64 = 100 * 365 * 86_400;

fn expires_help() -> String {
    "expected a life such as 90d, 12h or 1y, of at most 100y, or a moment such as 2026-12-31T00:00:00Z"
        .to_owned()
}

/// How long what was replaced goes on working: 12h; 0 ends it at once.
pub(super) fn overlap(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    match text.parse()? {
        Expires::In(time) => Ok(time),
        Expires::At(_) => Err("expected a time such as 12h".to_owned()),
    }
}

/// Reads one line from standard input: a password or a token, at most 4 KiB.
pub(crate) fn read_secret_line(what: &str) -> Result<doorward_base::Secret, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::io::stdin().lock().take(4096).read_to_string(&mut text);
    let line = text.lines().next().unwrap_or_default().to_owned();
    zeroize_text(text);
    match read {
        Ok(_) if !line.is_empty() => Ok(doorward_base::Secret::new(line)),
        Ok(_) => Err(Failure::Usage(format!("expected {what} on standard input"))),
        Err(error) => Err(Failure::Usage(format!(
            "cannot read {what} from standard input: {error}"
        ))),
    }
}

/// Wipes a text that held a secret.
fn zeroize_text(text: String) {
    drop(doorward_base::Secret::new(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_and_moments() {
        let now = Timestamp::from_seconds(1000);
        let at = |text: &str| text.parse::<Expires>().unwrap().moment(now).as_seconds();
        assert_eq!(at("90d"), 1000 + 90 * 86_400);
        assert_eq!(at("2s"), 1002);
        assert_eq!(at("1970-01-01T00:00:05Z"), 5);
        for bad in [
            "",
            "90",
            "d",
            "0d",
            "-1d",
            "1x",
            "99999999999999999999d",
            "18446744073709551615y",
            "200000y",
        ] {
            assert!(bad.parse::<Expires>().is_err(), "{bad}");
        }
    }
}
