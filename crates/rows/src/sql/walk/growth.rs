//! Functions that take memory at a word. PostgreSQL's that make a long text out of a short one:
//! how long must stand written in the statement, and is bounded. SQLite's that keep the length of
//! every separator, where they are not all the same, or copy a document for each path. Not here: what grows by rows or by turns
//! (`string_agg`, `||` in a recursive query, `replace`), which the statement's time bounds on
//! PostgreSQL and the length of a value on SQLite.

use super::super::forbidden;
use super::Outcome;
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Value, ValueWithSpan};

/// The longest that is written, in characters or times.
const MOST: u64 = 65_536;

/// What the calls of one statement make of a text together.
#[derive(Default)]
pub(super) struct Growth {
    /// How much `repeat` multiplies it.
    times: Option<u64>,
    /// How far it is filled up.
    widest: u64,
}

impl Growth {
    /// Checks a call of the function of this name, and adds it to those before.
    pub(super) fn add(&mut self, function: &str, arguments: &[FunctionArg]) -> Outcome {
        check(function, arguments)?;
        let count = || match arguments.get(1) {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(count))) => number(bare(count)),
            _ => None,
        };
        match function {
            "repeat" => {
                let times = self.times.unwrap_or(1);
                self.times = Some(times.saturating_mul(count().unwrap_or(MOST).max(1)));
            }
            "lpad" | "rpad" => self.widest = self.widest.max(count().unwrap_or(MOST)),
            "format" => self.widest = self.widest.max(9_999),
            _ => return Ok(()),
        }
        match self.times {
            Some(times) if times.saturating_mul(self.widest.max(1)) > MOST => {
                Err(forbidden(format!(
                    "A statement whose `repeat`, `lpad`, `rpad` and `format` make more than {MOST} together"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Checks one call.
fn check(function: &str, arguments: &[FunctionArg]) -> Outcome {
    let mut plain = arguments.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(bare(expression)),
        _ => None,
    });
    let first = plain.next().flatten();
    let second = plain.next().flatten();
    let is_bounded = match function {
        "repeat" => second.is_some_and(is_small) && !first.is_some_and(is_repeated),
        "lpad" | "rpad" => second.is_some_and(is_small),
        "format" => first.is_some_and(is_narrow),
        _ => true,
    };
    match (is_bounded, function) {
        (true, _) => Ok(()),
        (false, "format") => Err(forbidden(
            "`format` without its format written out, with fields of at most 4 digits,",
        )),
        (false, "repeat") => Err(forbidden(format!(
            "`repeat` of a `repeat`, or without a number up to {MOST} written out,"
        ))),
        (false, _) => Err(forbidden(format!(
            "`{function}` without a number up to {MOST} written out"
        ))),
    }
}

/// The same on SQLite.
pub(super) fn check_sqlite(function: &str, arguments: &[FunctionArg]) -> Outcome {
    if matches!(function, "json_extract" | "jsonb_extract") && arguments.len() > 3 {
        return Err(forbidden(format!("`{function}` of more than two paths")));
    }
    let joins = matches!(function, "group_concat" | "string_agg");
    let is_written = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(separator)) => {
            matches!(bare(separator), Expr::Value(_))
        }
        _ => false,
    };
    match arguments.get(1) {
        Some(separator) if joins && !is_written(separator) => Err(forbidden(format!(
            "`{function}` with a separator that is not written out"
        ))),
        _ => Ok(()),
    }
}

fn bare(expression: &Expr) -> &Expr {
    let mut expression = expression;
    while let Expr::Nested(inner) = expression {
        expression = inner;
    }
    expression
}

fn is_small(count: &Expr) -> bool {
    number(count).is_some_and(|number| number <= MOST)
}

fn number(count: &Expr) -> Option<u64> {
    match count {
        Expr::Value(ValueWithSpan {
            value: Value::Number(number, false),
            ..
        }) => number.parse().ok(),
        _ => None,
    }
}

/// Whether what is repeated was made by repeating: the counts would multiply.
fn is_repeated(text: &Expr) -> bool {
    // The tree is printed with the names as they are listed.
    text.to_string().contains("repeat(")
}

/// Whether no field of a format is wide, nor as wide as an argument says.
fn is_narrow(format: &Expr) -> bool {
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(format),
        ..
    }) = format
    else {
        return false;
    };
    let digits = format.split(|character: char| !character.is_ascii_digit());
    !format.contains('*') && digits.map(str::len).all(|length| length <= 4)
}
