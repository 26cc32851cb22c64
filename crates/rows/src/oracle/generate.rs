//! One statement after the other, by dice, over the tables of a schema: everything that SQL
//! can read from and write to in every place where it may. What they say is mostly valid;
//! nothing in them answers differently by itself (no clock, no randomness), none fails over a
//! caller's own rows by the order in which they are met, and every LIMIT has a whole order.
//! Not here: running them, and what callers may say (`sql`).

mod change;
mod expression;
mod hostile;
mod query;
mod source;

use super::Dice;
use crate::engine::Flavour;
use crate::schema::{ColumnKind, Schema, Table};
use source::Source;
use std::sync::Arc;

/// What statements are written about.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The tables.
    pub schema: Arc<Schema>,
    /// How SQL is spelt.
    pub flavour: Flavour,
    /// The tenant whose statements they are.
    pub own: String,
    /// The one whose rows must not be told of.
    pub other: String,
    /// Texts that either's rows hold.
    pub texts: Vec<String>,
    /// Whole numbers that either's rows hold.
    pub numbers: Vec<i64>,
    /// How far they go.
    pub reach: Reach,
    /// Where the other tenant's rows are, where they have a file of their own.
    pub other_file: Option<String>,
}

/// How far statements go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// Tables, by what SQL has.
    Tables,
    /// Some go for what would make the caller another: settings, roles, files.
    Identity,
    /// Some go for catalogues and statistics too, which no row policy governs.
    Catalogues,
}

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generated {
    /// Its statements; one unless they are hostile.
    pub texts: Vec<String>,
    /// Whether it changes rows.
    pub writes: bool,
    /// Whether it goes for what callers do not have.
    pub is_hostile: bool,
    /// Whether the details of its refusal are fixed by the statement and the caller's rows.
    pub exact: bool,
}

/// What an expression is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    Text,
    Bool,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Int, Self::Text, Self::Bool];

    /// Of a column, where an expression can work with it.
    const fn of(kind: ColumnKind) -> Option<Self> {
        match kind {
            ColumnKind::Int => Some(Self::Int),
            ColumnKind::Text => Some(Self::Text),
            ColumnKind::Bool => Some(Self::Bool),
            _ => None,
        }
    }
}

/// How many queries one statement may hold.
const ROOM: usize = 7;

/// Writes statements.
#[derive(Clone, Debug)]
pub struct Generator {
    ground: Ground,
    dice: Dice,
    /// What columns are in sight: a list of sources for each query around, the innermost last.
    scopes: Vec<Vec<Source>>,
    /// The WITH queries in sight.
    with: Vec<Source>,
    /// How many names were given in this statement.
    names: usize,
    room: usize,
}

impl Generator {
    /// The statements of a seed.
    #[must_use]
    pub const fn new(ground: Ground, seed: u64) -> Self {
        Self {
            ground,
            dice: Dice::new(seed),
            scopes: Vec::new(),
            with: Vec::new(),
            names: 0,
            room: ROOM,
        }
    }

    /// The next one.
    pub fn statement(&mut self) -> Generated {
        self.scopes.clear();
        self.with.clear();
        self.names = 0;
        self.room = ROOM;
        match self.dice.below(100) {
            0..6 if self.ground.reach > Reach::Tables => self.hostile(),
            0..18 => self.insert(),
            18..28 => self.update(),
            28..34 => self.delete(),
            _ => {
                let kinds = self.kinds();
                Generated {
                    texts: vec![self.query(&kinds)],
                    writes: false,
                    is_hostile: false,
                    exact: true,
                }
            }
        }
    }

    fn is_postgres(&self) -> bool {
        self.ground.flavour == Flavour::Postgres
    }

    /// The kinds of one to three columns.
    fn kinds(&mut self) -> Vec<Kind> {
        let count = 1 + self.dice.below(3);
        (0..count).map(|_| self.kind()).collect()
    }

    fn kind(&mut self) -> Kind {
        self.dice.pick(&Kind::ALL).copied().unwrap_or(Kind::Int)
    }

    /// A name that nothing else in the statement has.
    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("x{}", self.names)
    }

    /// A name as SQL: in quotes where it must be, and sometimes where it need not.
    fn ident(&mut self, name: &str) -> String {
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        match plain && !self.dice.chance(25) {
            true => name.to_owned(),
            false => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A table's name, sometimes with its schema's.
    fn table_name(&mut self, name: &str) -> String {
        let schema = if self.is_postgres() { "public" } else { "main" };
        let written = self.ident(name);
        match self.dice.chance(8) {
            true => format!("{schema}.{written}"),
            false => written,
        }
    }

    /// A table, or a view unless it is to be written.
    fn table(&mut self, to_write: bool) -> Option<Table> {
        let schema = Arc::clone(&self.ground.schema);
        let fit = schema.tables.iter();
        let fit: Vec<&Table> = fit.filter(|table| !(to_write && table.is_view)).collect();
        self.dice.pick(&fit).map(|table| (*table).clone())
    }

    /// A text in quotes.
    fn quoted(text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }
}
