//! What is asked for, resolved: every name was found in the schema, every table is reached
//! through what the caller has of it. Not here: SQL.

use super::access::Access;
use super::call::Call;
use super::request::{Function, Step, Test};
use crate::schema::{Column, ColumnKind};
use std::sync::Arc;

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The table.
    pub access: Access<'a>,
    /// The call of a function that its rows come from, if they do not come from the table.
    pub call: Option<Call<'a>>,
    /// What each row has.
    pub outputs: Vec<Output<'a>>,
    /// All of which hold.
    pub filters: Vec<Predicate<'a>>,
    /// In which order.
    pub order: Vec<Ordering<'a>>,
    /// At most so many.
    pub limit: Option<u64>,
    /// After so many.
    pub offset: u64,
}

impl Node<'_> {
    /// Whether its rows are put together, one for each set of the other values.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        let mut sources = self.outputs.iter().map(|output| &output.source);
        sources.any(|source| matches!(source, Source::Aggregate(_)))
    }
}

/// One named value of a row.
#[derive(Clone, Debug)]
pub struct Output<'a> {
    /// Its name in the answer.
    pub name: String,
    /// Where from.
    pub source: Source<'a>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// A field of the row.
    Field(Place<'a>),
    /// Embedded rows, as one value.
    Embedded(Arc<Embedded<'a>>),
    /// One value of the embedded row, the one at this position among its outputs; of several
    /// rows the list of them.
    Spread(Arc<Embedded<'a>>, usize),
    /// That there is a row: never NULL.
    Row,
    /// One value of many rows.
    Aggregate(Box<Aggregate<'a>>),
}

/// One value of many rows.
#[derive(Clone, Debug)]
pub struct Aggregate<'a> {
    /// How it comes of them.
    pub function: Function,
    /// Of which value of each; `None` counts the rows.
    pub of: Option<Source<'a>>,
    /// The type it is cast to.
    pub cast: Option<Cast>,
}

/// A column, a place in its document, and the type it is read as.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The column.
    pub column: &'a Column,
    /// The way into its document.
    pub path: Vec<Step>,
    /// Whether what is there is read as a text.
    pub as_text: bool,
    /// The type it is cast to.
    pub cast: Option<Cast>,
}

/// A type that values may be cast to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cast {
    /// As PostgreSQL names it.
    pub type_name: &'static str,
    /// What it is.
    pub kind: ColumnKind,
}

/// What is asked of a row.
#[derive(Clone, Debug)]
pub enum Predicate<'a> {
    /// All of these.
    All(Vec<Predicate<'a>>),
    /// One of these at least.
    Any(Vec<Predicate<'a>>),
    /// Not this.
    Not(Box<Predicate<'a>>),
    /// A test of a field.
    Test(Place<'a>, Test),
    /// There are such embedded rows.
    Exists(Arc<Embedded<'a>>),
}

/// One term of an order.
#[derive(Clone, Debug)]
pub struct Ordering<'a> {
    /// The embedded row that it is of, if not the row itself.
    pub through: Option<Arc<Embedded<'a>>>,
    /// By what.
    pub place: Place<'a>,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether NULLs come first.
    pub nulls_first: bool,
}

/// Rows of another table that belong to a row.
#[derive(Clone, Debug)]
pub struct Embedded<'a> {
    /// How they belong to it.
    pub link: Link<'a>,
    /// Whether there may be several.
    pub many: bool,
    /// What of them.
    pub node: Node<'a>,
}

/// How rows of one table belong to a row of another: pairs of columns that are equal.
#[derive(Clone, Debug)]
pub enum Link<'a> {
    /// The outer row's columns and theirs.
    Direct(Vec<(&'a str, &'a str)>),
    /// By way of a third table.
    Through {
        /// The join table.
        junction: Access<'a>,
        /// The outer row's columns and the join table's.
        near: Vec<(&'a str, &'a str)>,
        /// The join table's columns and theirs.
        far: Vec<(&'a str, &'a str)>,
    },
}
