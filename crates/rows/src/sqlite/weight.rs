//! How much memory a statement may hold, and how long its values may be so that it holds no
//! more. SQLite counts no memory of a connection's, so this is known before a statement runs:
//! its program says how many values it can hold at once, each in a register of its own, and
//! no value is longer than [`Weight::longest`] lets it be.
//!
//! Not here: what a statement writes to the disk (`spill`), and how large its answer may
//! become (`run`).

mod code;

use super::open::LONGEST;
use super::spill;
use code::{HOLDS_NOTHING, passes, writes_json};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// What one statement may hold, bytes.
pub(super) const MOST: u64 = 64 << 20;
/// What any takes: its program, the connection's cache of pages, JSON that was read.
const ANY: u64 = 6 << 20;
/// A temporary table's cache of pages (`SQLITE_DEFAULT_CACHE_SIZE`).
const TABLE: u64 = 2 << 20;
/// What each of a statement's sorts gathers before it writes it down, bytes: as a rule, and
/// where there are many.
const SORT: [u64; 2] = [4 << 20, 1 << 20];
/// Rows that are noted to be looked up or deleted, bytes, which SQLite keeps in memory: as a
/// rule, and where too little would be left for values.
const NOTED: [u64; 2] = [48 << 20, 12 << 20];
/// Too little for values.
const LITTLE: u64 = 64 << 10;
/// JSON that is written may have six bytes for one, and needs room to grow into.
const JSON_GROWTH: u64 = 12;
/// JSON that was read and is kept, in values.
const JSON_READ: u64 = 24;
/// The shortest bound of values that is worth running with.
const LEAST: u64 = 4 << 10;

/// What a statement's program may hold, apart from how long the values are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Weight {
    /// Registers with values of their own.
    registers: u64,
    cursors: Vec<Row>,
    /// The most registers that one parameter is in.
    parameters: u64,
    tables: u64,
    sorts: u64,
    notes_rows: bool,
    reads_json: bool,
    writes_json: bool,
    /// How often calls of functions and the like go through a value from end to end, if each
    /// happens once.
    passes: u64,
}

/// How many bytes all of a program's calls together may go through if each happens once. Only
/// where it goes back does SQLite ask whether it is to go on: this much takes a second or two.
const GONE_THROUGH: u64 = 512 << 20;

/// What a statement may take so that it holds no more than one may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Allowance {
    /// The longest value, bytes.
    pub(super) longest: u64,
    /// What its sorts gather, bytes; `None` where it has none.
    pub(super) sort: Option<u64>,
    /// How many rows it may note; `None` where it notes none.
    pub(super) rows: Option<u64>,
}

/// A row that is noted, bytes.
const NOTE: u64 = 24;

/// A row as the registers have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row {
    /// Registers with a column of it.
    columns: u64,
    /// The most registers that one of its columns is in.
    copies: u64,
}

impl Weight {
    /// Of a statement that this connection can prepare.
    pub(super) fn of(conn: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let mut program = Program::default();
        let mut listing = conn.prepare(&format!("EXPLAIN {sql}"))?;
        let mut steps = listing.raw_query();
        while let Some(step) = steps.next()? {
            let name: String = step.get(1)?;
            let about = match step.get_ref(5)? {
                rusqlite::types::ValueRef::Text(text) => text,
                _ => &[],
            };
            let operands = [step.get(2)?, step.get(3)?, step.get(4)?];
            program.step(step.get(0)?, &name, operands, about);
        }
        Ok(program.weight())
    }

    /// What it may take, with parameters of so many bytes in all; `None` where it may hold too
    /// much whatever that is.
    pub(super) fn allowance(&self, parameters: u64) -> Option<Allowance> {
        let [rule, less] = NOTED.map(|noted| {
            let each = SORT.map(|sort| self.longest(parameters, sort, noted));
            each.into_iter()
                .flatten()
                .max_by_key(|allowed| allowed.longest)
        });
        let suffices = |allowed: &Allowance| !self.notes_rows || allowed.longest >= LITTLE;
        rule.filter(suffices).or(less)
    }

    /// The same where sorts and notes take so much.
    fn longest(&self, parameters: u64, sort: u64, noted: u64) -> Option<Allowance> {
        let mut longest = u64::from(LONGEST.unsigned_abs());
        while self.bytes(longest, parameters, sort, noted) > MOST
            || self.passes.saturating_mul(longest) > GONE_THROUGH
        {
            longest /= 2;
            if longest < LEAST {
                return None;
            }
        }
        Some(Allowance {
            longest,
            sort: Some(sort).filter(|_| self.sorts > 0),
            rows: Some(noted / NOTE).filter(|_| self.notes_rows),
        })
    }

    /// Whether one of its steps may take long.
    pub(super) const fn calls(&self) -> bool {
        self.passes > 0
    }

    fn bytes(&self, longest: u64, parameters: u64, sort: u64, noted: u64) -> u64 {
        let row = |row: &Row| {
            // What is stored together is no longer than a row may be.
            let stored = row.copies.saturating_mul(u64::from(LONGEST.unsigned_abs()));
            longest + stored.min(row.columns.saturating_mul(longest))
        };
        let held = self.registers.saturating_mul(longest)
            + self.cursors.iter().map(row).sum::<u64>()
            + self.parameters.saturating_mul(parameters);
        // A call of a function may copy all that it is given.
        let called = match self.writes_json {
            true => held.saturating_mul(JSON_GROWTH),
            false => held,
        };
        let read = if self.reads_json { JSON_READ } else { 2 };
        // Of each piece that a sort wrote down one is in memory, in room for up to two.
        let sorted = match self.sorts {
            0 => 0,
            _ => 2 * spill::MOST / sort,
        };
        let noted = if self.notes_rows { noted } else { 0 };
        (ANY + noted + self.tables * TABLE + self.sorts * sort)
            .saturating_add((read + sorted) * longest)
            .saturating_add(held)
            .saturating_add(called)
    }
}

/// A program as it is read.
#[derive(Default)]
struct Program {
    weight: Weight,
    /// How many listings of steps began: the statement's own, then one for each trigger.
    frames: i64,
    /// Registers, by frame.
    registers: BTreeSet<(i64, i64)>,
    /// The registers that each column of each cursor is in, by frame.
    columns: BTreeMap<(i64, i64), BTreeMap<i64, BTreeSet<i64>>>,
    parameters: BTreeMap<i64, BTreeSet<(i64, i64)>>,
    /// Values of other kinds.
    others: u64,
    /// Whether the program of a trigger calls another, which may be itself.
    recurs: bool,
}

/// How deep the programs of foreign keys may call each other.
const DEPTH: u64 = 100;

impl Program {
    fn step(&mut self, address: i64, name: &str, [p1, p2, p3]: [i64; 3], about: &[u8]) {
        if address == 0 {
            self.frames += 1;
        }
        match name {
            "Column" | "VColumn" => {
                let cursor = self.columns.entry((self.frames, p1)).or_default();
                cursor.entry(p2).or_default().insert(p3);
            }
            "Variable" => {
                let places = self.parameters.entry(p1).or_default();
                places.insert((self.frames, p2));
            }
            "Function" | "PureFunc" => {
                let reads = about.starts_with(b"json") || about.starts_with(b"->");
                self.weight.reads_json |= reads;
                self.weight.writes_json |= reads && writes_json(about);
                self.weight.passes += passes(about);
                self.hold(p3, 1);
            }
            "Concat" | "AggValue" => {
                self.weight.passes += 1;
                self.hold(p3, 1);
            }
            "MakeRecord" => self.hold(p3, 1),
            "AggStep" | "AggInverse" => {
                self.weight.passes += 1;
                self.hold(p3, 2);
            }
            "AggFinal" | "Cast" => self.hold(p1, 1),
            "SorterData" | "RowData" => self.hold(p2, 1),
            "Copy" => self.hold(p2, p3 + 1),
            "Move" => self.hold(p2, p3),
            // A table of JSON: its text, as it was read, and where it is in it.
            "VFilter" => {
                self.weight.reads_json = true;
                self.weight.passes += 1;
                self.others += 4;
            }
            "Program" => self.recurs |= self.frames > 1,
            "RowSetAdd" | "RowSetTest" => self.weight.notes_rows = true,
            "OpenEphemeral" | "OpenAutoindex" => self.weight.tables += 1,
            "SorterOpen" => self.weight.sorts += 1,
            _ if HOLDS_NOTHING.contains(&name) => {}
            _ => self.others += 1,
        }
    }

    fn hold(&mut self, first: i64, count: i64) {
        let registers = (first..first.saturating_add(count)).map(|at| (self.frames, at));
        self.registers.extend(registers);
    }

    fn weight(self) -> Weight {
        let times = |frame: i64| if frame > 1 && self.recurs { DEPTH } else { 1 };
        let registers: u64 = self.registers.iter().map(|(frame, _)| times(*frame)).sum();
        let mut cursors = Vec::new();
        for ((frame, _), columns) in &self.columns {
            let counts = columns.values().map(|places| places.len() as u64);
            cursors.push(Row {
                columns: counts.clone().sum::<u64>() * times(*frame),
                copies: counts.max().unwrap_or(0) * times(*frame),
            });
        }
        let places = self.parameters.values().map(|places| places.len() as u64);
        Weight {
            registers: registers + self.others * times(self.frames),
            cursors,
            parameters: places.max().unwrap_or(0),
            ..self.weight
        }
    }
}
