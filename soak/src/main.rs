//! `doorward-soak`: the command line's modes, each with one line of figures in the end.
//! Not here: the modes (the library beside it).
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool: violations go to standard error, figures to standard output"
)]

use doorward_soak::coverage;
use doorward_soak::measure;
use doorward_soak::option::{Mode, Options};
use doorward_soak::plant::Plant;
use doorward_soak::run::run;
use doorward_soak::site;
use std::process::ExitCode;

/// How many violations of a kind are printed.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    eprintln!("seed {}", options.seed);
    let (line, good) = match options.mode {
        Mode::All | Mode::Kill => soak(&options),
        Mode::Rolling => measure::rolling(&options),
        Mode::Revocation => measure::revocation(&options),
        Mode::Limits => measure::limits(&options),
        Mode::Hostile => measure::hostile(&options),
    };
    println!("{line}");
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn soak(options: &Options) -> (String, bool) {
    let mut plant = Plant::start("doorward-soak/run", &site::configuration(), options);
    let ended = run(&mut plant, &options.plan());
    eprint!("{}", ended.report(SHOWN));
    let missing = coverage::missing(&ended.events);
    if !missing.is_empty() {
        eprintln!("never came up: {}", missing.join(", "));
    }
    let good = ended.violations.is_empty() && missing.is_empty();
    (ended.to_string(), good)
}
