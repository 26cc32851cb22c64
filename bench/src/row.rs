//! The rows of a run: which load on which server, and their measurement in rounds. Not
//! here: what the figures are held against (`budget`) and how they are shown (`report`).

use crate::doorward::Installation;
use crate::failure::{Context as _, Failure};
use crate::load::{self, Load, Outcome};
use crate::meter::{self, CpuTime, Instructions};
use crate::option::Options;
use crate::site::Site;
use crate::start::wait_for_answer;

#[derive(Debug)]
pub(crate) struct Row<'f> {
    pub(crate) label: String,
    pub(crate) server: Server<'f>,
    pub(crate) load: Load,
    /// The first process of the PostgreSQL cluster that works for the server.
    pub(crate) store: Option<u32>,
    /// What else goes on at the same time; its requests are not counted, its errors are.
    pub(crate) beside: Option<Load>,
}

/// Whose cost is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Server<'f> {
    /// A process that runs throughout.
    Running(u32),
    /// One that is started for each measurement, so that it knows nothing yet.
    Fresh(&'f Installation),
    /// A PostgreSQL cluster by itself, by its first process.
    Cluster(u32),
    /// Programs that the load starts.
    Commands,
}

/// What a row came to: the medians of its rounds, except where it says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) label: String,
    pub(crate) rate: f64,
    /// Processor time a request, microseconds.
    pub(crate) micros: f64,
    /// The least and the most of the rounds.
    pub(crate) micros_range: (f64, f64),
    /// Processor time of PostgreSQL a request, microseconds, where it works for the server.
    pub(crate) store_micros: Option<f64>,
    /// Instructions in user space a request, thousands, where they can be counted.
    pub(crate) kilo_instructions: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// The sum of the rounds.
    pub(crate) errors: u64,
    /// The share of requests that used a token again although a fresh server should
    /// see each for the first time.
    pub(crate) repeated: f64,
}

impl<'f> Row<'f> {
    pub(crate) fn new(label: &str, server: Server<'f>, load: Load) -> Self {
        Self {
            label: label.to_owned(),
            server,
            load,
            store: None,
            beside: None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    outcome: Outcome,
    nanos: u64,
    store_nanos: Option<u64>,
    instructions: Option<u64>,
}

/// Measures the rows in turn, round by round, after a short warm-up of each.
pub(crate) fn measure(
    rows: &[Row<'_>],
    site: &Site,
    options: &Options,
) -> Result<Vec<Measured>, Failure> {
    let counting = Instructions::available();
    for row in rows {
        if !matches!(row.server, Server::Fresh(_)) {
            load::prepare(&row.load)?;
            load::apply(&row.load, site, 1)?;
        }
    }
    let mut samples: Vec<Vec<Sample>> = rows.iter().map(|_| Vec::new()).collect();
    for round in 1..=options.rounds {
        for (row, samples) in rows.iter().zip(&mut samples) {
            let sample = sample(row, site, options.seconds, counting)?;
            let rate = sample.outcome.rate();
            eprintln!("round {round}: {:55} {rate:>9.0} /s", row.label);
            samples.push(sample);
        }
    }
    Ok(rows
        .iter()
        .zip(&samples)
        .map(|(row, samples)| summary(row, samples))
        .collect())
}

fn sample(row: &Row<'_>, site: &Site, seconds: u32, counting: bool) -> Result<Sample, Failure> {
    match row.server {
        Server::Running(pid) => sample_of(pid, row, site, seconds, counting),
        Server::Cluster(pid) => {
            let before = meter::cluster_nanos(pid)?;
            let outcome = apply(row, site, seconds)?;
            Ok(Sample {
                outcome,
                nanos: meter::cluster_nanos(pid)? - before,
                store_nanos: None,
                instructions: None,
            })
        }
        Server::Commands => {
            let before = meter::ended_nanos()?;
            let outcome = apply(row, site, seconds)?;
            Ok(Sample {
                outcome,
                nanos: meter::ended_nanos()? - before,
                store_nanos: None,
                instructions: None,
            })
        }
        Server::Fresh(installation) => {
            let running = installation.start()?;
            wait_for_answer(installation.addr, "/healthz")?;
            sample_of(running.pid(), row, site, seconds, counting)
        }
    }
}

fn sample_of(
    pid: u32,
    row: &Row<'_>,
    site: &Site,
    seconds: u32,
    counting: bool,
) -> Result<Sample, Failure> {
    load::prepare(&row.load)?;
    let perf = counting
        .then(|| Instructions::of(pid, site.path()))
        .transpose()?;
    let store = || row.store.map(meter::cluster_nanos).transpose();
    let store_before = store()?;
    let before = CpuTime::of(pid)?;
    let outcome = apply(row, site, seconds)?;
    let nanos = CpuTime::of(pid)?.since(&before);
    let store_nanos = store()?.zip(store_before).map(|(now, before)| now - before);
    if outcome.requests == 0 {
        return Err(Failure::new(format!("{}: no answer at all", row.label)));
    }
    let instructions = perf.map(Instructions::finish).transpose()?;
    Ok(Sample {
        outcome,
        nanos,
        store_nanos,
        instructions,
    })
}

fn apply(row: &Row<'_>, site: &Site, seconds: u32) -> Result<Outcome, Failure> {
    let Some(beside) = &row.beside else {
        return load::apply(&row.load, site, seconds);
    };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| load::apply(beside, site, seconds));
        let mut outcome = load::apply(&row.load, site, seconds)?;
        let beside = beside.join().ok().during("a second load")??;
        outcome.errors += beside.errors;
        Ok(outcome)
    })
}

fn summary(row: &Row<'_>, samples: &[Sample]) -> Measured {
    let each = |figure: &dyn Fn(&Sample) -> Option<f64>| -> Vec<f64> {
        let mut figures: Vec<f64> = samples.iter().filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    };
    let micros = each(&|s| Some(float(s.nanos) / 1000.0 / float(s.outcome.requests)));
    let sum = |figure: fn(&Outcome) -> u64| samples.iter().map(|s| figure(&s.outcome)).sum();
    let requests: u64 = sum(|outcome| outcome.requests);
    let repeated: u64 = sum(|outcome| outcome.repeated);
    let store = |s: &Sample| Some(float(s.store_nanos?) / 1000.0 / float(s.outcome.requests));
    let kilo = |s: &Sample| Some(float(s.instructions?) / 1000.0 / float(s.outcome.requests));
    Measured {
        label: row.label.clone(),
        rate: median(&each(&|s| Some(s.outcome.rate()))).unwrap_or(0.0),
        micros_range: (
            micros.first().copied().unwrap_or(0.0),
            micros.last().copied().unwrap_or(0.0),
        ),
        micros: median(&micros).unwrap_or(0.0),
        store_micros: median(&each(&store)),
        kilo_instructions: median(&each(&kilo)),
        p50: median(&each(&|s| s.outcome.p50)),
        p99: median(&each(&|s| s.outcome.p99)),
        errors: sum(|outcome| outcome.errors),
        repeated: match row.server {
            Server::Fresh(_) => float(repeated) / float(requests),
            Server::Running(_) | Server::Cluster(_) | Server::Commands => 0.0,
        },
    }
}

/// The middle of sorted figures; the mean of the two in the middle if they are even.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The figure below which this many in a hundred of sorted figures are.
pub(crate) fn at(sorted: &[f64], percent: usize) -> Option<f64> {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last.min(sorted.len() * percent / 100)).copied()
}

impl Outcome {
    /// Good answers a second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.requests.saturating_sub(self.errors)) / self.seconds
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a few seconds are far below 2^52"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_percentile_has_that_many_in_a_hundred_below_it() {
        let figures: Vec<f64> = (0..200).map(f64::from).collect();
        assert_eq!(at(&figures, 99), Some(198.0));
        assert_eq!(at(&figures, 100), Some(199.0));
        assert_eq!(at(&[], 50), None);
    }
}
