//! PostgreSQL's operators and functions whose one call takes time by the product of two
//! lengths, and hears of no cancellation meanwhile: one of the two must stand in the statement,
//! and be short. Not here: sets of characters (`set`), and what makes texts long (`growth`).

use super::super::forbidden;
use super::{Outcome, Walk};
use sqlparser::ast::{
    Array, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, TypedString, Value,
};

/// The longest pattern, needle, delimiter or format, in bytes.
pub(crate) const LONGEST: usize = 256;

/// The most elements of a list or document beside an operator.
pub(crate) const WIDEST: usize = 64;

/// The longest text of a search whose matches are ranked, in bytes: ranking takes time by the
/// square of its words.
const LONGEST_SEARCH: usize = 128;

/// Those that make a search of a text.
const SEARCHES: &[&str] = &[
    "phraseto_tsquery",
    "plainto_tsquery",
    "to_tsquery",
    "websearch_to_tsquery",
];

/// The longest path into a document, in bytes.
const LONGEST_PATH: usize = 1024;

/// Those that make a range, which is of one size.
const RANGES: &[&str] = &[
    "daterange",
    "int4range",
    "int8range",
    "numrange",
    "range_merge",
    "tsrange",
    "tstzrange",
];

/// Those that make a list.
const LISTS: &[&str] = &[
    "array_agg",
    "array_append",
    "array_cat",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_replace",
    "parse_ident",
    "regexp_match",
    "regexp_matches",
    "regexp_split_to_array",
    "string_to_array",
    "trim_array",
    "tsvector_to_array",
];

/// How short a text must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Short {
    /// A pattern, a needle, a delimiter, a format.
    Text,
    /// A list or a document as a text.
    Elements,
    /// A path into a document, which compares with literals only.
    Path,
    /// A search.
    Search,
}

impl Short {
    /// Whether a text is.
    pub(in super::super) fn holds(self, text: &str) -> bool {
        match self {
            Self::Text => text.len() <= LONGEST,
            Self::Elements => is_narrow(text),
            Self::Path => !text.contains('$') || is_plain_path(text),
            Self::Search => text.len() <= LONGEST_SEARCH,
        }
    }

    /// What is asked for.
    pub(in super::super) fn wanted(self) -> String {
        match self {
            Self::Text => format!("a literal or parameter of at most {LONGEST} bytes"),
            Self::Elements => format!(
                "a literal, parameter or ARRAY[…] of literals, with at most {WIDEST} elements, or \
                 a call that makes a range"
            ),
            Self::Path => format!(
                "a literal or parameter of at most {LONGEST_PATH} bytes, with a literal on the \
                 right of each comparison"
            ),
            Self::Search => format!(
                "a search that is written in the call, `to_tsquery(…)` and its like of a literal \
                 or parameter of at most {LONGEST_SEARCH} bytes"
            ),
        }
    }
}

/// Whether a list or document has few elements.
pub(crate) fn is_narrow(text: &str) -> bool {
    // A backslash may stand for a comma, in a text with escapes.
    text.bytes().filter(|byte| b",\\".contains(byte)).count() < WIDEST
}

/// Whether no comparison has a path on its right: two paths are compared value by value.
fn is_plain_path(path: &str) -> bool {
    if path.len() > LONGEST_PATH || path.contains('\\') {
        return false;
    }
    // Names and texts in quotes are left out, and stand as a bare quote.
    let bare: String = path.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    bare.match_indices(['<', '>', '=']).all(|(at, _)| {
        let after = bare.get(at..).unwrap_or_default();
        let value = after.trim_start_matches(['<', '>', '=']).trim_start();
        let number = value.strip_prefix('-').unwrap_or(value);
        number.starts_with(|c: char| c.is_ascii_digit())
            || value.starts_with('"')
            || ["true", "false", "null"]
                .iter()
                .any(|word| value.starts_with(word))
    })
}

impl Walk<'_> {
    /// The operands of an operator.
    pub(super) fn operands(&mut self, op: &BinaryOperator, left: &Expr, right: &Expr) -> Outcome {
        if !self.is_postgres() {
            return Ok(());
        }
        match op {
            BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGNotILikeMatch => {
                self.short(&format!("The operator `{op}`"), right, Short::Text)
            }
            BinaryOperator::AtArrow | BinaryOperator::ArrowAt | BinaryOperator::PGOverlap
                if self.is_short(left, Short::Elements) =>
            {
                Ok(())
            }
            BinaryOperator::AtArrow
            | BinaryOperator::ArrowAt
            | BinaryOperator::PGOverlap
            | BinaryOperator::QuestionPipe
            | BinaryOperator::QuestionAnd => {
                self.short(&format!("The operator `{op}`"), right, Short::Elements)
            }
            BinaryOperator::Minus if is_list(right) => {
                self.short("The operator `-`", right, Short::Elements)
            }
            BinaryOperator::Minus => self.subtracted(right),
            BinaryOperator::AtQuestion => self.short("The operator `@?`", right, Short::Path),
            BinaryOperator::AtAt if is_written(right) => {
                self.short("The operator `@@`", right, Short::Path)
            }
            _ => Ok(()),
        }
    }

    /// An operator beside each element of a list.
    pub(super) fn each_operand(&self, op: &BinaryOperator) -> Outcome {
        let is_product = matches!(
            op,
            BinaryOperator::PGLikeMatch
                | BinaryOperator::PGILikeMatch
                | BinaryOperator::PGNotLikeMatch
                | BinaryOperator::PGNotILikeMatch
                | BinaryOperator::AtArrow
                | BinaryOperator::ArrowAt
                | BinaryOperator::PGOverlap
                | BinaryOperator::QuestionPipe
                | BinaryOperator::QuestionAnd
                | BinaryOperator::AtQuestion
                | BinaryOperator::AtAt
        );
        match is_product && self.is_postgres() {
            true => Err(forbidden(format!("The operator `{op}` with ANY or ALL"))),
            false => Ok(()),
        }
    }

    /// The arguments of a function.
    pub(super) fn short_arguments(&mut self, name: &str, arguments: &[FunctionArg]) -> Outcome {
        let how = match name {
            "unhex" if !self.is_postgres() && arguments.len() > 1 => {
                return Err(forbidden("The function `unhex` with a second argument"));
            }
            _ if !self.is_postgres() => return Ok(()),
            // What stands between the elements, or for those that are NULL.
            "array_to_string" => {
                let further = arguments.get(2);
                further.map_or(Ok(()), |text| self.short_argument(name, text, Short::Text))?;
                Short::Text
            }
            "replace" | "split_part" | "string_to_array" | "string_to_table" | "strpos"
            | "to_char" | "to_date" | "to_number" | "to_timestamp" => Short::Text,
            "ts_headline" => return without_options(arguments),
            "ts_rank" | "ts_rank_cd" => return self.short_search(name, arguments),
            _ if name.starts_with("jsonb_path_") => Short::Path,
            _ => return Ok(()),
        };
        let named = |argument: &FunctionArg| !matches!(argument, FunctionArg::Unnamed(_));
        match (
            arguments.iter().find(|argument| named(argument)),
            arguments.get(1),
        ) {
            (Some(argument), _) | (None, Some(argument)) => {
                self.short_argument(name, argument, how)
            }
            (None, None) => Ok(()),
        }
    }

    /// One of them.
    fn short_argument(&mut self, name: &str, argument: &FunctionArg, how: Short) -> Outcome {
        let what = format!("The function `{name}`");
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => {
                self.short(&what, argument, how)
            }
            FunctionArg::Unnamed(_) => Ok(()),
            _ => Err(forbidden(format!("{what} with named arguments"))),
        }
    }

    /// The search of `ts_rank([weights,] document, search [, normalization])`.
    fn short_search(&mut self, name: &str, arguments: &[FunctionArg]) -> Outcome {
        let is_number = |argument: &FunctionArg| {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else {
                return false;
            };
            matches!(value.value, Value::Number(..))
        };
        let at: usize = match arguments.last() {
            Some(last) if arguments.len() > 2 && is_number(last) => 2,
            _ => 1,
        };
        match arguments.iter().rev().nth(at.saturating_sub(1)) {
            Some(search) => self.short_argument(name, search, Short::Search),
            None => Ok(()),
        }
    }

    /// Refuses what is not short.
    pub(super) fn short(&mut self, what: &str, operand: &Expr, how: Short) -> Outcome {
        match !self.is_postgres() || self.is_short(operand, how) {
            true => Ok(()),
            false => Err(forbidden(format!(
                "{what} with anything but {}",
                how.wanted()
            ))),
        }
    }

    /// Whether the text of a search is.
    fn is_short_text(&mut self, text: &FunctionArg) -> bool {
        match text {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(text)) => {
                !matches!(text, Expr::Function(_)) && self.is_short(text, Short::Search)
            }
            _ => false,
        }
    }

    fn is_short(&mut self, operand: &Expr, how: Short) -> bool {
        match operand {
            Expr::Nested(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::Collate { expr: inner, .. } => self.is_short(inner, how),
            Expr::Value(value) | Expr::TypedString(TypedString { value, .. }) => {
                match &value.value {
                    Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                        how.holds(text)
                    }
                    Value::Placeholder(name) => {
                        let number = name.trim_start_matches('$').parse().unwrap_or(0);
                        self.found.short.push((number, how));
                        true
                    }
                    _ => true,
                }
            }
            Expr::Array(Array { elem, named: _ }) => {
                how == Short::Elements && elem.len() <= WIDEST && elem.iter().all(is_one)
            }
            Expr::Function(Function { name, args, .. }) => {
                let name = name.to_string().replace('"', "").to_ascii_lowercase();
                match (how, args) {
                    (Short::Elements, _) => RANGES.contains(&name.as_str()),
                    (Short::Search, FunctionArguments::List(list)) => {
                        let text = list.args.last();
                        let is_search = SEARCHES.contains(&name.as_str());
                        is_search && text.is_some_and(|text| self.is_short_text(text))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// Whether it stands in the statement.
fn is_written(operand: &Expr) -> bool {
    match operand {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_written(inner),
        other => matches!(other, Expr::Value(_) | Expr::TypedString(_)),
    }
}

/// Whether it is one value that is written, and no list.
fn is_one(element: &Expr) -> bool {
    match element {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => is_one(inner),
        Expr::Cast {
            expr, data_type, ..
        } => !matches!(data_type, DataType::Array(_)) && is_one(expr),
        other => matches!(other, Expr::Value(_)),
    }
}

/// Whether it surely is a list.
fn is_list(operand: &Expr) -> bool {
    match operand {
        Expr::Nested(inner) => is_list(inner),
        Expr::Cast {
            expr, data_type, ..
        } => matches!(data_type, DataType::Array(_)) || is_list(expr),
        Expr::TypedString(TypedString { data_type, .. }) => matches!(data_type, DataType::Array(_)),
        Expr::Array(_) => true,
        Expr::Function(Function { name, .. }) => {
            is_maker(&name.to_string().replace('"', "").to_ascii_lowercase())
        }
        _ => false,
    }
}

/// Whether the function of this name makes a list.
pub(super) fn is_maker(name: &str) -> bool {
    name == "array" || LISTS.contains(&name)
}

/// `ts_headline` of a text and a query, after the name of a language if need be.
fn without_options(arguments: &[FunctionArg]) -> Outcome {
    let has_language = arguments.len() == 3
        && matches!(
            arguments.first(),
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(_))))
        );
    match arguments.len() <= 2 || has_language {
        true => Ok(()),
        false => Err(forbidden("The function `ts_headline` with options")),
    }
}
