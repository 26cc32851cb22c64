//! The benchmark: the binary beside its peers, in one run on one machine, as ratios
//! and as processor time a request, with the budgets beside them.
//!
//! Servers run as their users run them, on loopback, in a folder that goes away; the
//! load comes from `wrk` and `h2load`. Nothing here measures a function by itself, and
//! nothing of what is measured is linked here but `jose`, which mints the tokens of an
//! external issuer and digests API tokens, and the limit, which is also simulated.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool: progress goes to standard error, results to standard output"
)]

mod budget;
mod data;
mod database;
mod doorward;
mod failure;
mod farm;
mod figure;
mod fill;
mod limit;
mod load;
mod meter;
mod option;
mod peer;
mod plan;
mod process;
mod realms;
mod report;
mod row;
mod site;
mod start;
mod token;

use failure::{Context as _, Failure};
use farm::Farm;
use option::{Options, Part};
use site::Site;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let binary = match options.peers_only {
        true => None,
        false => Some(doorward::find_binary(options.binary.as_deref())?),
    };
    let haproxy = peer::haproxy::version()?;
    let load = meter::load_averages()?;
    // Other parts need no more of an issuer's tokens than those of a probe.
    let tokens = if options.wants(Part::Gate) {
        options.tokens
    } else {
        1
    };
    eprintln!("minting {tokens} access tokens");
    let site = Site::make(tokens)?;
    let farm = Farm::start(&site, options, binary.as_deref())?;
    let rows = row::measure(&plan::rows(&farm, &site, options), &site, options)?;
    let mut limits = Vec::new();
    if let (true, Some(binary), Some(cluster)) = (
        options.wants(Part::Limits),
        binary.as_deref(),
        &farm.cluster,
    ) {
        limits = limit::simulated()?;
        limits.push(limit::real(&site, binary, farm.nginx.addr, cluster)?);
    }
    let housed = match (options.wants(Part::Realms), binary.as_deref()) {
        (true, Some(binary)) => realms::measure(&site, binary, farm.nginx.addr, options.realms)?,
        _ => Vec::new(),
    };
    let grown = data::grow(&site, binary.as_deref(), farm.nginx.addr, options)?;
    let stores = farm.filled.iter().map(report::Stored::of).collect();
    let figures = match options.wants(Part::Gate) {
        true => Some(figure::measure(farm, &site, options, binary.as_deref())?),
        false => None,
    };
    let run = report::Run {
        haproxy,
        rounds: options.rounds,
        seconds: options.seconds,
        tokens,
        starts: options.starts,
        load,
    };
    let verdicts = budget::judge(&rows, figures.as_ref(), &limits);
    let findings = report::Findings {
        rows,
        figures,
        stores,
        limits,
        housed,
        grown,
    };
    let text = report::render(&run, &findings, &verdicts);
    println!("{text}");
    match &options.out {
        Some(path) => std::fs::write(path, &text).during(path.display()),
        None => Ok(()),
    }
}
