//! The command line. Not here: what is measured (`row`).

use crate::failure::{Context as _, Failure};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [--quick] [--rounds N] [--seconds N] [--only WORD] [--out FILE]

  --quick       2 seconds a row, one round, few tokens: does everything still run?
  --rounds N    rounds, whose median is reported (3)
  --seconds N   seconds a row and round (3)
  --only WORD   only the rows whose label contains WORD, beside those they are compared with
  --out FILE    also write the report there
  --binary FILE the binary to measure; otherwise the one beside this program
  --peers       measure the peers alone";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: u32,
    /// Different access tokens in the rows that use many.
    pub(crate) tokens: usize,
    /// Starts of a process whose median is reported.
    pub(crate) starts: usize,
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
                }
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
    fn nonsense_is_refused() {
        for bad in [
            &["--rounds"][..],
            &["--rounds", "0"],
            &["--rounds", "x"],
            &["--fast"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
