//! The short form of the soak: fixed seeds, on both engines, and planted faults that it
//! must find. A seed that once found something is kept in `seeds.rs` for good.
#![cfg(test)]

mod seeds;

use doorward_soak::check::Kind;
use doorward_soak::coverage;
use doorward_soak::fault::{Fault, Rhythm};
use doorward_soak::option::{Engine, Options};
use doorward_soak::plant::Plant;
use doorward_soak::run::{Ended, Plan, run};
use doorward_soak::site::{self, Size};
use doorward_testkit::site;
use std::time::Duration;

fn options(engine: Engine, seed: u64, plant: Option<&str>) -> Options {
    let mut options = Options::parse([]).unwrap();
    options.engine = engine;
    options.seed = seed;
    options.nodes = if engine == Engine::Sqlite { 1 } else { 3 };
    options.plant = plant.map(str::to_owned);
    options
}

/// One that finds nothing must have met everything.
fn whole_plan(options: &Options, seconds: u64) -> Plan {
    Plan {
        every_sort: true,
        ..plan(options, seconds)
    }
}

fn plan(options: &Options, seconds: u64) -> Plan {
    Plan {
        clients: 6,
        time: Duration::from_secs(seconds),
        least: 150 * usize::try_from(seconds).unwrap(),
        rhythm: Rhythm {
            most: usize::MAX,
            quiet: 1500,
        },
        size: Size {
            people: 1,
            services: 2,
        },
        ..options.plan()
    }
}

fn soak(site: &str, options: &Options, plan: &Plan) -> Ended {
    let mut plant = Plant::start(site, &site::configuration(), options);
    let ended = run(&mut plant, plan);
    println!("{ended}");
    ended
}

fn assert_nothing_is_wrong(ended: &Ended) {
    assert!(ended.violations.is_empty(), "{ended}\n{}", ended.report(3));
    // A run that did nothing finds nothing.
    assert_eq!(
        coverage::missing(&ended.events),
        Vec::<&str>::new(),
        "{ended}"
    );
}

#[test]
fn nothing_is_wrong_on_sqlite_under_faults() {
    for seed in seeds::SQLITE {
        let options = options(Engine::Sqlite, *seed, None);
        assert_nothing_is_wrong(&soak(site!(), &options, &whole_plan(&options, 6)));
    }
}

#[test]
fn nothing_is_wrong_on_three_nodes_and_postgres_under_faults() {
    for seed in seeds::POSTGRES {
        let options = options(Engine::Postgres, *seed, None);
        assert_nothing_is_wrong(&soak(site!(), &options, &whole_plan(&options, 12)));
    }
}

/// How many histories are searched for a planted fault. Each is short, and how much happens
/// in one depends on the machine.
const SEARCHES: u64 = 4;

/// Runs with a protection switched off; one of the kinds must be found.
fn assert_found(site: &str, engine: Engine, plant: &str, kinds: &[Kind]) {
    let mut seen = String::new();
    for seed in 1..=SEARCHES {
        let mut options = options(engine, seed, Some(plant));
        options.nodes = 1;
        let mut plan = plan(&options, 4);
        plan.faults = vec![Fault::KillNode];
        plan.rhythm.quiet = 4000;
        let ended = soak(&format!("{site}/{seed}"), &options, &plan);
        let mut violations = ended.violations.iter();
        if violations.any(|violation| kinds.contains(&violation.kind)) {
            return;
        }
        seen = format!("{seen}{ended}\n{}", ended.report(2));
    }
    panic!("{plant} was not found: {seen}");
}

const PLANTED: [(&str, &[Kind]); 6] = [
    ("skip-revocation", &[Kind::AcceptedAfterEnd]),
    (
        "answer-before-commit",
        &[
            Kind::LostWrite,
            Kind::LiveRefused,
            Kind::AcceptedAfterEnd,
            Kind::AuditMissing,
        ],
    ),
    ("drop-audit-row", &[Kind::AuditMissing]),
    ("ignore-realm", &[Kind::CrossedBoundary]),
    ("accept-replayed-refresh", &[Kind::ReplayAccepted]),
    ("replay-ends-nothing", &[Kind::AcceptedAfterEnd]),
];

#[test]
fn a_planted_fault_in_each_protection_is_found_on_sqlite() {
    for (plant, kinds) in PLANTED {
        assert_found(
            &format!("{}/{plant}", site!()),
            Engine::Sqlite,
            plant,
            kinds,
        );
    }
}

#[test]
fn a_planted_fault_in_each_protection_is_found_on_postgres() {
    for (plant, kinds) in PLANTED {
        assert_found(
            &format!("{}/{plant}", site!()),
            Engine::Postgres,
            plant,
            kinds,
        );
    }
}
