//! A text as tokens: bounded before a recursive parser sees them, each literal in the one form
//! that cannot be read in two ways, parameters numbered. Not here: what the tokens mean.

mod hint;
mod literal;
mod shape;

use super::{Limits, forbidden, grammar, too_complex};
use crate::engine::Flavour;
use crate::fault::{Fault, FaultKind};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use std::collections::BTreeSet;

/// A text's tokens with their literals and parameters in their one form.
pub(super) struct Lexed {
    /// In their order.
    pub(super) tokens: Vec<TokenWithSpan>,
    /// How many parameters there are: they are numbered from 1 without a gap.
    pub(super) parameters: usize,
}

/// A text's tokens as they are written, without white space and comments, when there are not too many, too deep or too wide.
pub(super) fn tokens(
    text: &str,
    flavour: Flavour,
    limits: &Limits,
) -> Result<(Vec<TokenWithSpan>, shape::Depth), Fault> {
    if text.len() > limits.bytes {
        return Err(too_complex("bytes", limits.bytes));
    }
    if let Some(at) = text.chars().position(|c| c == '\0') {
        let at = u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
        return Err(syntax("The SQL holds a NUL character.").at(at));
    }
    let dialect = grammar::tokenizer(flavour);
    let mut tokens = Tokenizer::new(dialect.as_ref(), text)
        .tokenize_with_location()
        .map_err(|error| syntax(error.message).at(position(text, error.location)))?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    let depth = shape::bounded(&tokens, limits)?;
    Ok((tokens, depth))
}

/// The same tokens with literals and parameters in their one form.
pub(super) fn normal(
    mut tokens: Vec<TokenWithSpan>,
    flavour: Flavour,
    text: &str,
) -> Result<Lexed, Fault> {
    let mut parameters = Parameters::default();
    for token in &mut tokens {
        let start = token.span.start;
        let read = match &token.token {
            Token::Placeholder(name) => parameters.number(name, flavour),
            other => literal::normal(other, flavour, || starts_with_digit(text, start)),
        };
        if let Some(other) = read.map_err(|fault| fault.at(position(text, start)))? {
            token.token = other;
        }
    }
    Ok(Lexed {
        parameters: parameters.count()?,
        tokens: match flavour {
            Flavour::Sqlite => hint::without(tokens),
            Flavour::Postgres => tokens,
        },
    })
}

/// Both steps.
pub(super) fn lex(text: &str, flavour: Flavour, limits: &Limits) -> Result<Lexed, Fault> {
    let (tokens, _) = tokens(text, flavour, limits)?;
    normal(tokens, flavour, text)
}

/// A text that is not SQL.
pub(super) fn syntax(message: impl Into<String>) -> Fault {
    Fault::because(FaultKind::SyntaxInvalid, message).state("42601")
}

/// Where a line and column are, in characters from 1.
pub(super) fn position(text: &str, place: Location) -> u32 {
    let lines = usize::try_from(place.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let before: u64 = text
        .split_inclusive('\n')
        .take(lines)
        .map(|line| line.chars().count() as u64)
        .sum();
    u32::try_from(before.saturating_add(place.column.max(1))).unwrap_or(u32::MAX)
}

/// The place after the last character.
pub(super) fn end(text: &str) -> u32 {
    u32::try_from(text.chars().count())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

fn starts_with_digit(text: &str, place: Location) -> bool {
    let at = usize::try_from(position(text, place)).unwrap_or(usize::MAX);
    let first = text.chars().nth(at.saturating_sub(1));
    first.is_some_and(|c| c.is_ascii_digit())
}

/// Parameters as a text names them: `$1` on PostgreSQL; `?`, `?1` and `$1` on SQLite, where
/// `$1` would be a *named* parameter, numbered by when it is first seen.
#[derive(Default)]
struct Parameters {
    used: BTreeSet<usize>,
}

impl Parameters {
    fn number(&mut self, name: &str, flavour: Flavour) -> Result<Option<Token>, Fault> {
        let marked = match flavour {
            Flavour::Sqlite => name.strip_prefix('?').or(name.strip_prefix('$')),
            Flavour::Postgres => name.strip_prefix('$'),
        };
        let digits = marked.ok_or_else(|| syntax("A parameter is written `$1`."))?;
        let number = match digits {
            // SQLite gives a bare `?` the number after the largest so far.
            "" if name == "?" => self.used.last().copied().unwrap_or(0).saturating_add(1),
            _ if digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().unwrap_or(0)
            }
            _ => return Err(forbidden("A named parameter")),
        };
        if number == 0 {
            return Err(syntax("Parameters are numbered from 1."));
        }
        self.used.insert(number);
        let mark = match flavour {
            Flavour::Postgres => '$',
            Flavour::Sqlite => '?',
        };
        Ok(Some(Token::Placeholder(format!("{mark}{number}"))))
    }

    fn count(&self) -> Result<usize, Fault> {
        let largest = self.used.last().copied().unwrap_or(0);
        match (1..=largest).find(|number| !self.used.contains(number)) {
            None => Ok(largest),
            Some(missing) => {
                let message = format!("Parameter {missing} is not used, a later one is.");
                Err(syntax(message))
            }
        }
    }
}
