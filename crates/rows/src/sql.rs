//! A caller's SQL: read, checked against what callers have, printed anew.
//!
//! What runs is the printed tree, never the caller's text, so that what was checked and what
//! runs cannot differ in comments, in quoting or in how a literal is spelt: `lex` gives every
//! literal one form, `walk` gives every name one, and the print is read again and must give
//! the same tree.
//!
//! - `lex`: the bounds that must hold before a recursive parser may see the text.
//! - `grammar`: the parser's dialects, made narrower.
//! - `walk`: everything that is not on the list is refused.
//! - `ddl`: the same for an operator's steps of a schema.
//!
//! Two things only an engine can close: on PostgreSQL `t.f` calls an operator's own function
//! `f(t)` where `t` has no such column, and an operator's type or overloaded operator may run
//! an operator's function. Those are theirs to grant.
//!
//! Not here: whose rows these are. The engine's own fence (a file, a row policy) holds even if
//! this one falls. Nor how much memory a function may take: `zeroblob`, `printf`, `randomblob`
//! and `||` can make large values out of small texts; the engine bounds what a statement
//! may hold (`sqlite`). On PostgreSQL `repeat`, `lpad`, `rpad` and `format` are bounded here (`growth`); what
//! else grows there is bounded by the statement's time, and what it answers by the gauge on
//! the wire (`postgres`).

mod ddl;
mod function;
mod grammar;
mod lex;
mod verb;
mod walk;

#[cfg(test)]
mod tests;

pub use ddl::{SchemaStatement, check_ddl};
pub(crate) use walk::product::{LONGEST, is_narrow};

use crate::caller::Rights;
use crate::engine::{Flavour, Statement};
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use crate::value::Value;
use sqlparser::ast;
use std::collections::BTreeSet;
use std::sync::Arc;
use walk::subtract::Differences;

/// How large a text may be. All are counted before the text is parsed, but for `relations` and
/// `calls`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Tokens, white space and comments aside.
    pub tokens: usize,
    /// How deep parentheses, brackets and `CASE … END` nest.
    pub depth: usize,
    /// How many operators may hang one on another (`1 + 1 + …`, `a AND b AND …`).
    pub chain: usize,
    /// How many times `JOIN` may occur.
    pub joins: usize,
    /// How many times `UNION`, `INTERSECT` and `EXCEPT` may occur.
    pub set_operations: usize,
    /// How many tables, subqueries and functions may occur in `FROM`.
    pub relations: usize,
    /// How many calls of functions, of more than what is written out, may occur on PostgreSQL,
    /// which hears of no cancellation between those of one row.
    pub calls: usize,
    /// How many statements a step of a schema may have.
    pub statements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024,
            tokens: 4_000,
            depth: 64,
            chain: 256,
            joins: 32,
            set_operations: 32,
            relations: 64,
            calls: 256,
            statements: 64,
        }
    }
}

/// One statement that callers may run, without its parameters: it depends on nothing but the
/// text, the flavour and the limits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    text: Arc<str>,
    parameters: usize,
    reads: bool,
    writes: bool,
    tables: BTreeSet<String>,
    short: Vec<(usize, walk::product::Short)>,
    differences: Differences,
}

impl Checked {
    /// The printed text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many parameters it takes.
    #[must_use]
    pub const fn parameters(&self) -> usize {
        self.parameters
    }

    /// Whether it answers with what rows hold.
    #[must_use]
    pub const fn reads(&self) -> bool {
        self.reads
    }

    /// Whether it changes rows, be it in a `WITH`.
    #[must_use]
    pub const fn writes(&self) -> bool {
        self.writes
    }

    /// The tables and views that it names; lower case on SQLite, as PostgreSQL folds them on
    /// PostgreSQL. A name that may be a `WITH` query's is among them unless it surely is one.
    #[must_use]
    pub const fn tables(&self) -> &BTreeSet<String> {
        &self.tables
    }

    /// Whether it depends on the tables' columns whether it may run: see [`Checked::settle`].
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.differences.are_none()
    }

    /// Whether it may run on these tables.
    ///
    /// # Errors
    /// [`FaultKind::StatementForbidden`], with what to write instead.
    pub fn settle(&self, schema: &Schema) -> Result<(), Fault> {
        match self.is_open() {
            true => self.differences.settle(&self.tables, schema),
            false => Ok(()),
        }
    }

    /// With its parameters, for a caller who has these rights.
    ///
    /// # Errors
    /// [`FaultKind::WriteForbidden`], [`FaultKind::ReadForbidden`], each naming the right;
    /// [`FaultKind::RequestInvalid`] where the number of parameters is another;
    /// [`FaultKind::StatementForbidden`] where a text is longer than its place allows.
    pub fn bind(&self, params: Vec<Value>, rights: Rights) -> Result<Statement, Fault> {
        let lacks = |kind, right: &str, verb: &str| {
            let message = format!("This statement {verb} rows, which needs the right `{right}`.");
            Err(Fault::because(kind, message).state("42501"))
        };
        if self.writes && !rights.write {
            return lacks(FaultKind::WriteForbidden, "write", "changes");
        }
        if (self.reads || !self.writes) && !rights.read {
            return lacks(FaultKind::ReadForbidden, "read", "reads");
        }
        if params.len() != self.parameters {
            let (wanted, given) = (self.parameters, params.len());
            let message = format!("The statement takes {wanted} parameters, {given} were given.");
            return Err(Fault::because(FaultKind::RequestInvalid, message).state("08P01"));
        }
        for (number, how) in &self.short {
            let is_short = match params.get(number.saturating_sub(1)) {
                Some(Value::Text(text)) => how.holds(text),
                Some(Value::Json(document)) => how.holds(&document.to_string()),
                _ => true,
            };
            if !is_short {
                let wanted = how.wanted();
                return Err(forbidden(format!(
                    "Parameter {number}, where this statement takes {wanted},"
                )));
            }
        }
        Ok(Statement::new(Arc::clone(&self.text), params, self.writes))
    }
}

/// The functions that callers have, for tests that walk through them.
#[cfg(test)]
pub(crate) fn listed_functions(flavour: Flavour) -> BTreeSet<&'static str> {
    function::all(flavour)
}

/// A caller's SQL as a statement that may run.
///
/// # Errors
/// Those of [`read`] and of [`Checked::bind`].
pub fn check(
    text: &str,
    params: Vec<Value>,
    flavour: Flavour,
    rights: Rights,
    limits: &Limits,
) -> Result<Statement, Fault> {
    read(text, flavour, limits)?.bind(params, rights)
}

/// Reads one statement, checks it and prints it anew.
///
/// # Errors
/// [`FaultKind::TooComplex`] beyond a limit, [`FaultKind::SyntaxInvalid`] with the position,
/// [`FaultKind::StatementForbidden`] naming what callers do not have.
pub fn read(text: &str, flavour: Flavour, limits: &Limits) -> Result<Checked, Fault> {
    let (tokens, depth) = lex::tokens(text, flavour, limits)?;
    verb::permit(&tokens, flavour, text)?;
    let lex::Lexed { tokens, parameters } = lex::normal(tokens, flavour, text)?;
    with_enough_stack(depth.is_shallow(), || {
        let mut statement = match grammar::parse(tokens, flavour, text)? {
            statements if statements.len() > 1 => {
                return Err(forbidden("More than one statement"));
            }
            mut statements => statements
                .pop()
                .ok_or_else(|| lex::syntax("There is no statement.").at(1))?,
        };
        let mut found = walk::statement(&mut statement, flavour, limits)?;
        let text = print(&statement, flavour, limits)?;
        if !found.differences.are_none() {
            found.differences.read(&text);
        }
        Ok(Checked {
            text: text.into(),
            parameters,
            reads: found.reads,
            writes: found.writes,
            tables: found.tables,
            short: found.short,
            differences: found.differences,
        })
    })
}

/// What the deepest text within the limits needs, and as much again.
const STACK: usize = 4 * 1024 * 1024;

/// Runs the recursive part here where a text is shallow, as nearly all are, and on a thread of
/// its own where it is not.
fn with_enough_stack<T: Send>(
    is_shallow: bool,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    if is_shallow {
        return work();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(running) => running
                .join()
                .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal))),
            Err(_) => Err(Fault::new(FaultKind::Unavailable)),
        }
    })
}

/// The tree as text. The text is read again and must be the same tree: a printer's slip
/// (`- -1` as a comment, a quote that closes early) would otherwise run what nobody checked.
fn print(tree: &ast::Statement, flavour: Flavour, limits: &Limits) -> Result<String, Fault> {
    let text = tree.to_string();
    // Quotes and canonical forms make the print longer than what was sent, never by more.
    let roomy = Limits {
        bytes: limits.bytes.saturating_mul(4),
        tokens: limits.tokens.saturating_mul(2),
        depth: limits.depth.saturating_add(limits.chain),
        chain: limits.chain.saturating_mul(2),
        ..*limits
    };
    let again = lex::lex(&text, flavour, &roomy)
        .and_then(|lexed| grammar::parse(lexed.tokens, flavour, &text));
    match again.as_deref() {
        Ok([again]) if again == tree => Ok(text),
        Err(fault) if fault.kind == FaultKind::TooComplex => Err(fault.clone()),
        _ => Err(forbidden(
            "A construct that cannot be printed as it was read",
        )),
    }
}

/// What callers do not have.
fn forbidden(construct: impl AsRef<str>) -> Fault {
    let message = format!("{} is not allowed here.", construct.as_ref());
    Fault::because(FaultKind::StatementForbidden, message).state("42501")
}

/// What is beyond a limit.
fn too_complex(what: &str, most: usize) -> Fault {
    let message = format!("The SQL has too many {what}: at most {most} are allowed.");
    Fault::because(FaultKind::TooComplex, message).state("54001")
}
