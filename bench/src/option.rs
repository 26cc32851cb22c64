//! The command line. Not here: what is measured (`row`).

use crate::failure::{Context as _, Failure};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--part PART]... [--rounds N] [--seconds N] [--only WORD]
                         [--out FILE]

  --quick       2 seconds a row, one round, few tokens: does everything still run?
  --part PART   only this part, and others so named; otherwise all:
                  gate      the gate beside HAProxy, memory, start
                  exchange  the exchange on SQLite
                  postgres  the exchange and API keys on PostgreSQL, beside pgbench
                  tokens    the look-up of API tokens in small and large stores
                  limits    the limit of several nodes beside one ideal bucket
                  realms    memory and start with many realms of many routes
                  rows      the data API beside the bare engines, and with many tenants
  --rounds N    rounds, whose median is reported (3)
  --seconds N   seconds a row and round (3)
  --only WORD   only the rows whose label contains WORD, beside those they are compared with
  --out FILE    also write the report there
  --binary FILE the binary to measure; otherwise the one beside this program
  --peers       measure the peers alone";

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Gate,
    Exchange,
    Postgres,
    Tokens,
    Limits,
    Realms,
    Rows,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    /// Different access tokens in the rows that use many.
    pub(crate) tokens: usize,
    /// Starts of a process whose median is reported.
    pub(crate) starts: usize,
    /// API tokens in the stores of the part `tokens`.
    pub(crate) stored: [usize; 2],
    /// Realms of the part `realms`, and routes of each.
    pub(crate) realms: &'static [(u16, u16)],
    /// Tenants on SQLite of the part `rows`.
    pub(crate) tenants: &'static [usize],
    /// None are all.
    pub(crate) parts: Vec<Part>,
    pub(crate) only: Option<String>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) peers_only: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            rounds: 3,
            seconds: 3,
            tokens: 100_000,
            starts: 20,
            stored: [10_000, 1_000_000],
            realms: &[(1000, 1), (1000, 40), (200, 200)],
            tenants: &[10, 1000, 10_000],
            parts: Vec::new(),
            only: None,
            out: None,
            binary: None,
            peers_only: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().during(format!("{argument} wants a value"));
            match argument.as_str() {
                "--quick" => {
                    options.rounds = 1;
                    options.seconds = 2;
                    options.tokens = 4_000;
                    options.starts = 3;
                    options.stored = [1_000, 100_000];
                    options.realms = &[(100, 1), (100, 200)];
                    options.tenants = &[10, 100];
                }
                "--part" => options.parts.push(part(&value()?)?),
                "--rounds" => options.rounds = count(&value()?)?,
                "--seconds" => options.seconds = count(&value()?)?,
                "--only" => options.only = Some(value()?),
                "--out" => options.out = Some(value()?.into()),
                "--binary" => options.binary = Some(value()?.into()),
                "--peers" => options.peers_only = true,
                _ => return Err(Failure::new(format!("{argument}?\n{USAGE}"))),
            }
        }
        Ok(options)
    }

    /// Whether a part was asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        match part {
            Part::Gate => self.parts.is_empty() || self.parts.contains(&part),
            _ => !self.peers_only && (self.parts.is_empty() || self.parts.contains(&part)),
        }
    }
}

fn part(text: &str) -> Result<Part, Failure> {
    match text {
        "gate" => Ok(Part::Gate),
        "exchange" => Ok(Part::Exchange),
        "postgres" => Ok(Part::Postgres),
        "tokens" => Ok(Part::Tokens),
        "limits" => Ok(Part::Limits),
        "realms" => Ok(Part::Realms),
        "rows" => Ok(Part::Rows),
        _ => Err(Failure::new(format!("part {text}?\n{USAGE}"))),
    }
}

fn count<N: std::str::FromStr + PartialOrd + Default>(text: &str) -> Result<N, Failure> {
    let number = text
        .parse::<N>()
        .ok()
        .filter(|number| *number > N::default());
    number.during(format!("{text:?} is not a whole number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        Options::parse(arguments.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn later_arguments_refine_quick() {
        let options = parse(&["--quick", "--rounds", "2"]).unwrap();
        assert_eq!((options.rounds, options.seconds), (2, 2));
    }

    #[test]
    fn without_parts_all_are_wanted() {
        let wanted = |arguments: &[&str], part| parse(arguments).unwrap().wants(part);
        assert!(wanted(&[], Part::Limits));
        let two = ["--part", "limits", "--part", "tokens"];
        assert!(wanted(&two, Part::Limits) && wanted(&two, Part::Tokens));
        assert!(!wanted(&two, Part::Gate));
        assert!(wanted(&["--peers"], Part::Gate));
        assert!(!wanted(&["--peers"], Part::Exchange));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &["--rounds"][..],
            &["--rounds", "0"],
            &["--rounds", "x"],
            &["--fast"],
            &["--part", "gates"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
