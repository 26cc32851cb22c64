//! Sets of characters in calls. PostgreSQL compares each character of the text with each of
//! the set, and hears of no cancellation meanwhile: a long set would keep a session, and a
//! processor, for minutes after its caller is gone. Not here: other arguments (`call`).

use super::super::forbidden;
use super::{Outcome, Walk};
use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, Value};

/// The longest set, in characters.
const LONGEST: usize = 64;

impl Walk<'_> {
    /// The second argument of the functions that take a set.
    pub(super) fn short_set_of(&self, function: &str, arguments: &[FunctionArg]) -> Outcome {
        if !matches!(function, "btrim" | "ltrim" | "rtrim" | "translate" | "trim") {
            return Ok(());
        }
        let mut arguments = arguments.iter();
        let (_, Some(set)) = (arguments.next(), arguments.next()) else {
            return Ok(());
        };
        match set {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(set)) => self.short_sets(function, [set]),
            _ => self.short_sets(function, [&Expr::Value(Value::Null.into())]),
        }
    }

    /// On PostgreSQL each must be a literal, and short.
    pub(super) fn short_sets<'e>(
        &self,
        function: &str,
        sets: impl IntoIterator<Item = &'e Expr>,
    ) -> Outcome {
        let is_short = |set: &Expr| match set {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                    text.chars().count() <= LONGEST
                }
                _ => false,
            },
            _ => false,
        };
        match !self.is_postgres() || sets.into_iter().all(is_short) {
            true => Ok(()),
            false => Err(forbidden(format!(
                "The function `{function}` with a set that is not a literal of at most \
                 {LONGEST} characters"
            ))),
        }
    }
}
