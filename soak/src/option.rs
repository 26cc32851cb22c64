//! The command line of the soak. Not here: what the modes do.

use crate::fault::{Fault, Rhythm};
use crate::run::Plan;
use crate::site::Size;
use std::time::Duration;

/// How it is called.
pub const USAGE: &str = "\
usage: cargo xtask soak [MODE] [OPTION...]

modes
  (none)       random operations under every fault, then the checker
  kill         the same, with kill -9 of nodes alone
  rolling      restarts behind HAProxy: no request may fail
  revocation   from the acknowledgement on one node to the refusal on another
  limits       one tenant's limit over two nodes, then with Redis killed
  hostile      clients that make no progress; one node on SQLite
  rows         the data API's oracle on both engines: --statements N (default 1000000)
  framing      the gate's and hyper's reading of ten million requests (no options)

options
  --seed N        what the choices come from (default 1)
  --engine E      sqlite or postgres (default postgres); sqlite is one node
  --nodes N       how many nodes (default 3; limits: 2)
  --clients N     how many clients at once (default 8)
  --seconds N     for how long (default 60; limits: 30)
  --rounds N      kill: how many times (default 100)
  --restarts N    rolling: how many (default 20)
  --requests N    rolling: how many at least (default 200000)
  --pace N        rolling: seconds between two restarts (default 0)
  --count N       revocation: how many; hostile: of each sort (default 1000)
  --plant FAULT   sets DOORWARD_PLANTED_FAULT for the nodes (a debug binary's)";

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Every fault.
    All,
    /// kill -9 alone.
    Kill,
    /// Rolling restarts.
    Rolling,
    /// The time a revocation takes.
    Revocation,
    /// The limiter's error.
    Limits,
    /// Another client's times while many make no progress.
    Hostile,
}

/// What keeps the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// SQLite, one node.
    Sqlite,
    /// PostgreSQL and Redis.
    Postgres,
}

/// The command line, parsed.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to do.
    pub mode: Mode,
    pub engine: Engine,
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// How many clients.
    pub clients: usize,
    /// For how long.
    pub seconds: u64,
    /// How many kills.
    pub rounds: usize,
    /// How many restarts.
    pub restarts: usize,
    /// How many requests at least.
    pub requests: usize,
    /// Seconds between two restarts.
    pub pace: u64,
    /// How many revocations.
    pub count: usize,
    /// A planted fault by its name.
    pub plant: Option<String>,
}

impl Options {
    /// Parses the words after the program's name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter().peekable();
        let mode = match words.peek().map(String::as_str) {
            Some("kill") => Mode::Kill,
            Some("rolling") => Mode::Rolling,
            Some("revocation") => Mode::Revocation,
            Some("limits") => Mode::Limits,
            Some("hostile") => Mode::Hostile,
            _ => Mode::All,
        };
        if mode != Mode::All {
            let _ = words.next();
        }
        let limits = mode == Mode::Limits;
        let mut options = Self {
            mode,
            engine: Engine::Postgres,
            seed: 1,
            nodes: if limits { 2 } else { 3 },
            clients: if limits { 10 } else { 8 },
            seconds: if limits { 30 } else { 60 },
            rounds: 100,
            restarts: 20,
            requests: 200_000,
            pace: 0,
            count: 1000,
            plant: None,
        };
        while let Some(name) = words.next() {
            let value = words.next();
            let value = value.ok_or_else(|| format!("{name} needs a value\n{USAGE}"))?;
            options.set(&name, &value)?;
        }
        if options.engine == Engine::Sqlite {
            options.nodes = 1;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |_| format!("{name} {value}: not a whole number");
        match name {
            "--seed" => self.seed = value.parse().map_err(wrong)?,
            "--nodes" => self.nodes = value.parse().map_err(wrong)?,
            "--clients" => self.clients = value.parse().map_err(wrong)?,
            "--seconds" => self.seconds = value.parse().map_err(wrong)?,
            "--rounds" => self.rounds = value.parse().map_err(wrong)?,
            "--restarts" => self.restarts = value.parse().map_err(wrong)?,
            "--requests" => self.requests = value.parse().map_err(wrong)?,
            "--pace" => self.pace = value.parse().map_err(wrong)?,
            "--count" => self.count = value.parse().map_err(wrong)?,
            "--plant" => self.plant = Some(value.to_owned()),
            "--engine" => {
                self.engine = match value {
                    "sqlite" => Engine::Sqlite,
                    "postgres" => Engine::Postgres,
                    _ => return Err(format!("--engine {value}: sqlite or postgres")),
                }
            }
            _ => return Err(format!("{name} is not known\n{USAGE}")),
        }
        Ok(())
    }

    /// The plan of a run with the checker.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let (time, faults, rhythm) = match self.mode {
            // The kills end it.
            Mode::Kill => {
                let rhythm = Rhythm {
                    most: self.rounds,
                    quiet: 800,
                };
                (24 * 3600, vec![Fault::KillNode], rhythm)
            }
            _ => {
                let rhythm = Rhythm {
                    most: usize::MAX,
                    quiet: 2500,
                };
                (self.seconds, Fault::ALL.to_vec(), rhythm)
            }
        };
        Plan {
            seed: self.seed,
            clients: self.clients,
            time: Duration::from_secs(time),
            least: 0,
            every_sort: false,
            faults,
            rhythm,
            size: Size {
                people: 2,
                services: 4,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_mode_comes_first_and_options_follow_with_their_values() {
        let options = parse("kill --rounds 7 --seed 3 --engine sqlite").unwrap();
        assert_eq!(
            (options.mode, options.rounds, options.seed, options.nodes),
            (Mode::Kill, 7, 3, 1)
        );
        let options = parse("--seconds 5").unwrap();
        assert_eq!((options.mode, options.nodes), (Mode::All, 3));
        assert_eq!(options.plan().time, Duration::from_secs(5));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["--seed", "--seed x", "--engine oracle", "--what 1", "kil"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
