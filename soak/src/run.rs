//! One soak: an installation, clients and faults for a time, then the checker. Not here:
//! the measuring modes (`measure`).

use crate::check::{Report, Violation, check};
use crate::client::{Client, Ground};
use crate::coverage;
use crate::dice::Dice;
use crate::fault::{self, Fault, Rhythm};
use crate::history::{Event, Log};
use crate::plant::Plant;
use crate::site::{self, Size};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a run is extended at most for what must be in it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the choices come from.
    pub seed: u64,
    /// How many clients at once.
    pub clients: usize,
    /// For how long.
    pub time: Duration,
    /// How many acknowledged operations there must be, however long it takes; a slow
    /// machine must not make a run say nothing.
    pub least: usize,
    /// Whether every sort of operation must come up, likewise.
    pub every_sort: bool,
    /// What may happen meanwhile, as far as the installation has it.
    pub faults: Vec<Fault>,
    /// How it happens. The run is over when there is no more of it.
    pub rhythm: Rhythm,
    /// How many subjects.
    pub size: Size,
}

/// What came of it.
#[derive(Debug)]
pub struct Ended {
    pub seed: u64,
    /// The whole history.
    pub events: Vec<Event>,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// The faults that were struck.
    pub struck: Vec<Fault>,
    /// How many audit rows were compared.
    pub rows: usize,
}

/// Runs a plan on a running installation of [`site::configuration`].
#[must_use]
pub fn run(plant: &mut Plant, plan: &Plan) -> Ended {
    let ground = site::settle(plant, plan.size);
    let struck = work(plant, &ground, plan);
    let rows = site::look(plant, &ground);
    for secret in ground.book.take_secrets() {
        plant.remember(&secret);
    }
    let events = ground.log.events();
    let violations = check(&ground.world, &events, &rows);
    Ended {
        seed: plan.seed,
        events,
        violations,
        struck,
        rows: rows.len(),
    }
}

/// Lets clients and faults run for the plan's time.
fn work(plant: &mut Plant, ground: &Ground, plan: &Plan) -> Vec<Fault> {
    let dice = Dice::new(plan.seed);
    let over = AtomicBool::new(false);
    let (stop, told) = mpsc::channel();
    let possible: Vec<Fault> = plan
        .faults
        .iter()
        .copied()
        .filter(|fault| plant.can(*fault))
        .collect();
    std::thread::scope(|scope| {
        for number in 0..plan.clients {
            let (over, dice) = (&over, &dice);
            scope.spawn(move || {
                let mut client = Client::new(ground, number, dice);
                while !over.load(Ordering::Relaxed) {
                    client.step();
                }
            });
        }
        let over_too = &over;
        scope.spawn(move || {
            let begin = Instant::now();
            let goes_on = || {
                let soon = begin.elapsed() < plan.time;
                let late = begin.elapsed() > plan.time + PATIENCE;
                soon || (!late && is_wanting(&ground.log, plan))
            };
            while goes_on() && !over_too.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_millis(50));
            }
            // Nobody listens any more if the faults ended first.
            let _ = stop.send(());
        });
        let (nodes, rhythm) = (&ground.nodes, plan.rhythm);
        let _end = Sets(&over);
        fault::strike_until(&told, plant, nodes, &possible, rhythm, dice.part(0))
    })
}

/// Whether something is not in the history that must be.
fn is_wanting(log: &Log, plan: &Plan) -> bool {
    log.acknowledged() < plan.least
        || (plan.every_sort && !coverage::missing(&log.events()).is_empty())
}

/// Set however a block is left: clients end also when a node does not come up again, and the
/// run fails by that instead of waiting for them.
struct Sets<'a>(&'a AtomicBool);

impl Drop for Sets<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Ended {
    /// The violations, at most so many of each kind, each with its events.
    #[must_use]
    pub fn report(&self, each: usize) -> String {
        let mut shown = BTreeMap::new();
        let mut text = String::new();
        for violation in &self.violations {
            let count: &mut usize = shown.entry(violation.kind).or_default();
            *count += 1;
            if *count <= each {
                let report = Report {
                    violation,
                    events: &self.events,
                };
                text.push_str(&report.to_string());
            }
        }
        text
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |fits: fn(&Event) -> bool| self.events.iter().filter(|event| fits(event)).count();
        let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
        for fault in &self.struck {
            *faults.entry(*fault).or_default() += 1;
        }
        write!(
            f,
            "seed {}: {} operations, {} acknowledged, {} unknown; {} audit rows; {} faults {:?}; {} violations",
            self.seed,
            self.events.len(),
            count(Event::is_ok),
            count(|event| matches!(event.outcome, crate::history::Outcome::Unknown(_))),
            self.rows,
            self.struck.len(),
            faults,
            self.violations.len()
        )
    }
}
