//! The query string: what is asked for, by name. Everything in it is bounded: its length, its
//! parameters, its nesting, its lists. Not here: whether there is such a thing.

mod condition;
mod cursor;
mod key;
mod order;
mod select;

#[cfg(test)]
mod tests;

use crate::plan::Refusal as PlanRefusal;
use crate::plan::request::{Condition, Embed, Item, Order, Read};
use doorward_surface::pairs;
use key::{Key, Parameter};
use std::fmt;

/// The longest query, in bytes as they came.
pub const MAX_LENGTH: usize = 32 * 1024;

/// How deep conditions and embedded tables may be nested.
pub const MAX_DEPTH: usize = 10;

/// How many values a list may have.
pub const MAX_LIST: usize = 1_000;

/// What the query string asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Query {
    /// The rows, and what of them.
    pub read: Read,
    /// The columns that a body gives (`columns`).
    pub columns: Option<Vec<String>>,
    /// The key that tells whether a row is there already (`on_conflict`).
    pub on_conflict: Vec<String>,
    /// Whether `limit`, `offset` or `order` was given for the rows themselves.
    pub arranged: bool,
}

/// Why a query cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryError {
    /// One parameter does not read: what it is, its text, shortened, where in it, counted in
    /// characters from 1, and what was expected there.
    Syntax {
        /// What was read.
        what: &'static str,
        /// The text.
        text: String,
        /// Where.
        at: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A parameter that is given once was given again.
    Repeated(&'static str),
    /// A limit below zero.
    NegativeLimit,
    /// A limit or an offset that is no number.
    NotANumber(&'static str),
    /// The query is not well encoded.
    Encoding,
    /// Longer, deeper or wider than allowed.
    TooComplex(&'static str),
    /// What plans do not do.
    Plan(PlanRefusal),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { what, text, at, .. } => {
                write!(
                    f,
                    "\"failed to parse {what} ({text})\" (line 1, column {at})"
                )
            }
            Self::Repeated(name) => write!(f, "the parameter {name} is given twice"),
            Self::NegativeLimit => f.write_str("Requested range not satisfiable"),
            Self::NotANumber(name) => write!(f, "the parameter {name} is no number"),
            Self::Encoding => f.write_str("the query string is not well encoded"),
            Self::TooComplex(what) => write!(f, "the query has too many {what}"),
            Self::Plan(refusal) => refusal.fmt(f),
        }
    }
}

impl Query {
    /// Reads it.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn read(query: &str) -> Result<Self, QueryError> {
        Self::of(Self::pairs(query)?)
    }

    /// Reads that of a function's call: what is named as one of its arguments is, is such;
    /// and what is neither that nor a filter is an argument that it does not have.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn read_call(
        query: &str,
        is_argument: impl Fn(&str) -> bool,
    ) -> Result<(Self, Vec<(String, String)>), QueryError> {
        let pairs = Self::pairs(query)?;
        let is_given =
            |(name, value): &(String, String)| is_argument(name) || !is_of_query(name, value);
        let (given, asked): (Vec<_>, Vec<_>) = pairs.into_iter().partition(is_given);
        Ok((Self::of(asked)?, given))
    }

    fn pairs(query: &str) -> Result<Vec<(String, String)>, QueryError> {
        if query.len() > MAX_LENGTH {
            return Err(QueryError::TooComplex("characters"));
        }
        let pairs = pairs::parse(query.as_bytes()).map_err(|_| QueryError::Encoding)?;
        Ok(pairs.into_iter().collect())
    }

    fn of(pairs: Vec<(String, String)>) -> Result<Self, QueryError> {
        let mut parsed = Self::default();
        let mut select = None;
        let mut on_conflict = None;
        let mut placed = Vec::new();
        for (name, value) in pairs {
            match Key::read(&name)? {
                Key::Select => once(&mut select, "select", select::read(&value)?)?,
                Key::Columns => {
                    once(&mut parsed.columns, "columns", select::names(&value)?)?;
                }
                Key::OnConflict => {
                    once(&mut on_conflict, "on_conflict", select::names(&value)?)?;
                }
                Key::Of(path, parameter) => {
                    placed.push((path, Part::read(parameter, &value)?));
                }
            }
        }
        parsed.read.select = select
            .filter(|items: &Vec<Item>| !items.is_empty())
            .unwrap_or_else(|| vec![Item::All]);
        parsed.on_conflict = on_conflict.unwrap_or_default();
        for (path, part) in placed {
            parsed.arranged |= path.is_empty() && !matches!(part, Part::Filter(_));
            part.put(of(&mut parsed.read, &path)?)?;
        }
        Ok(parsed)
    }
}

/// Whether a parameter is one of the language's: all are but a plain name whose value is no
/// test.
fn is_of_query(name: &str, value: &str) -> bool {
    match Key::read(name) {
        Ok(Key::Of(path, Parameter::Filter(field))) if path.is_empty() => {
            !field.path.is_empty() || condition::filter(field, value).is_ok()
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), QueryError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(QueryError::Repeated(name)),
    }
}

/// The rows that a path of embedded names leads to.
fn of<'q>(read: &'q mut Read, path: &[String]) -> Result<&'q mut Read, QueryError> {
    let mut found = read;
    for name in path {
        let items = found.select.iter_mut();
        let embeds = items.filter_map(|item| match item {
            Item::Embed(embed) => Some(embed),
            Item::All | Item::Field { .. } | Item::Aggregate { .. } => None,
        });
        let named = |embed: &&mut Box<Embed>| embed.name() == name || embed.target == *name;
        let next = embeds.into_iter().find(named);
        let next = next.ok_or_else(|| QueryError::Plan(PlanRefusal::NotEmbedded(name.clone())))?;
        found = &mut next.read;
    }
    Ok(found)
}

/// What one parameter adds to the rows it is for.
enum Part {
    Filter(Condition),
    Order(Vec<Order>),
    Limit(u64),
    Offset(u64),
}

impl Part {
    fn read(parameter: Parameter, value: &str) -> Result<Self, QueryError> {
        Ok(match parameter {
            Parameter::Filter(field) => Self::Filter(condition::filter(field, value)?),
            Parameter::Logic { all, not } => Self::Filter(condition::logic(all, not, value)?),
            Parameter::Order => Self::Order(order::read(value)?),
            Parameter::Limit => Self::Limit(number("limit", value)?),
            Parameter::Offset => Self::Offset(number("offset", value)?),
        })
    }

    fn put(self, read: &mut Read) -> Result<(), QueryError> {
        match self {
            Self::Filter(condition) => read.filters.push(condition),
            Self::Order(order) if read.order.is_empty() => read.order = order,
            Self::Order(_) => return Err(QueryError::Repeated("order")),
            Self::Limit(limit) => once(&mut read.limit, "limit", limit)?,
            Self::Offset(offset) => read.offset = offset,
        }
        Ok(())
    }
}

fn number(name: &'static str, value: &str) -> Result<u64, QueryError> {
    match value.parse::<i64>() {
        Ok(number) => u64::try_from(number).map_err(|_| QueryError::NegativeLimit),
        Err(_) => Err(QueryError::NotANumber(name)),
    }
}
