//! A caller's SQL: read, checked against what callers have, printed anew.

use crate::caller::Rights;
use crate::engine::{Flavour, Statement};
use crate::fault::{Fault, FaultKind};
use crate::value::Value;
use std::collections::BTreeSet;

/// How large a text may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
}

/// One statement that callers may run, without its parameters.
#[derive(Clone, Debug)]
pub struct Checked {
    text: String,
    writes: bool,
    tables: BTreeSet<String>,
}

impl Checked {
    /// The tables and views that it names.
    #[must_use]
    pub const fn tables(&self) -> &BTreeSet<String> {
        &self.tables
    }

    /// With its parameters, for a caller who has these rights.
    ///
    /// # Errors
    /// Which right is missing.
    pub fn bind(&self, params: Vec<Value>, rights: Rights) -> Result<Statement, Fault> {
        if self.writes && !rights.write {
            return Err(Fault::new(FaultKind::WriteForbidden));
        }
        if !self.writes && !rights.read {
            return Err(Fault::new(FaultKind::ReadForbidden));
        }
        Ok(Statement::new(&*self.text, params, self.writes))
    }
}

/// Reads one statement and checks it.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str, _flavour: Flavour, _limits: &Limits) -> Result<Checked, Fault> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let reads = words
        .first()
        .is_some_and(|verb| verb.eq_ignore_ascii_case("SELECT"));
    let named = words.windows(2).filter_map(|pair| match pair {
        ["FROM" | "JOIN" | "INTO" | "UPDATE", name] => Some((*name).to_owned()),
        _ => None,
    });
    Ok(Checked {
        text: text.to_owned(),
        writes: !reads,
        tables: named.collect(),
    })
}

/// The statement of a caller's text, if the caller may run it.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    text: &str,
    params: Vec<Value>,
    flavour: Flavour,
    rights: Rights,
    limits: &Limits,
) -> Result<Statement, Fault> {
    read(text, flavour, limits)?.bind(params, rights)
}
