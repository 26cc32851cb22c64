//! How deep and how wide the tokens are, by counting alone. Not here: grammar.
//!
//! The parser, the walk, the printer and the tree's end all recurse. What makes a tree deep is
//! nesting (parentheses, brackets, `CASE`) and, without any of these, operators one after the
//! other (`1 + 1 + …`, `NOT NOT …`, `x::int::int`), joins and set operations. The sums below
//! are never smaller than the tree's depth.

use super::super::{Limits, forbidden, too_complex};
use crate::fault::Fault;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Forms that the parser reads by unbounded recursion, or that neither engine needs.
const UNREAD: &[&str] = &[
    "JSON_TABLE",
    "MATCH_RECOGNIZE",
    "OPENJSON",
    "PIVOT",
    "SEMANTIC_VIEW",
    "UNPIVOT",
    "XMLTABLE",
];

/// Refuses what is too deep or too wide to be parsed.
pub(super) fn bounded(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Fault> {
    if tokens.len() > limits.tokens {
        return Err(too_complex("tokens", limits.tokens));
    }
    let mut shape = Shape::default();
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at.saturating_add(1)).map(|next| &next.token);
        shape.take(&token.token, next)?;
        shape.check(limits)?;
    }
    Ok(())
}

/// What was counted so far.
#[derive(Default)]
struct Shape {
    /// The statement's own level.
    bare: Level,
    /// The levels that are open, the outermost first.
    open: Vec<Level>,
    /// The sums over all levels.
    chain: usize,
    cases: usize,
    joins: usize,
    set_operations: usize,
}

/// One level of parentheses or brackets.
#[derive(Default)]
struct Level {
    /// Operators since the last comma.
    operators: usize,
    /// `CASE` without its `END`. Operators between the two count for the level as well:
    /// either word may be a name.
    cases: usize,
}

impl Shape {
    fn take(&mut self, token: &Token, next: Option<&Token>) -> Result<(), Fault> {
        match token {
            Token::LParen => self.open.push(Level::default()),
            // `x[1][2]` hangs one on another as `x + 1 + 2` does.
            Token::LBracket => {
                self.operator();
                self.open.push(Level::default());
            }
            Token::RParen | Token::RBracket => {
                if let Some(level) = self.open.pop() {
                    self.chain = self.chain.saturating_sub(level.operators);
                    self.cases = self.cases.saturating_sub(level.cases);
                }
            }
            Token::Comma => {
                let ended = std::mem::take(&mut self.level().operators);
                self.chain = self.chain.saturating_sub(ended);
            }
            Token::Word(word) if word.quote_style.is_none() => {
                let called = matches!(next, Some(Token::LParen));
                let unread = |form: &&str| word.value.eq_ignore_ascii_case(form);
                if let Some(form) = UNREAD.iter().find(|form| called && unread(form)) {
                    return Err(forbidden(form));
                }
                self.word(word.keyword);
            }
            token if is_operator(token) => self.operator(),
            _ => {}
        }
        Ok(())
    }

    fn word(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::CASE => {
                let cases = &mut self.level().cases;
                *cases = cases.saturating_add(1);
                self.cases = self.cases.saturating_add(1);
            }
            Keyword::END => {
                let cases = &mut self.level().cases;
                if let Some(left) = cases.checked_sub(1) {
                    *cases = left;
                    self.cases = self.cases.saturating_sub(1);
                }
            }
            Keyword::JOIN => self.joins = self.joins.saturating_add(1),
            Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::MINUS => {
                self.set_operations = self.set_operations.saturating_add(1);
            }
            Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::NOTNULL
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::OPERATOR
            | Keyword::OVERLAPS
            | Keyword::GLOB
            | Keyword::MATCH
            | Keyword::REGEXP
            | Keyword::RLIKE
            | Keyword::DIV
            | Keyword::MEMBER
            | Keyword::ESCAPE
            | Keyword::INTERVAL
            | Keyword::PRIOR => self.operator(),
            _ => {}
        }
    }

    fn level(&mut self) -> &mut Level {
        self.open.last_mut().unwrap_or(&mut self.bare)
    }

    fn operator(&mut self) {
        let operators = &mut self.level().operators;
        *operators = operators.saturating_add(1);
        self.chain = self.chain.saturating_add(1);
    }

    fn check(&self, limits: &Limits) -> Result<(), Fault> {
        let depth = self.open.len().saturating_add(self.cases);
        for (is, most, what) in [
            (depth, limits.depth, "nested parentheses"),
            (self.chain, limits.chain, "operators in one expression"),
            (self.joins, limits.joins, "joins"),
            (self.set_operations, limits.set_operations, "set operations"),
        ] {
            if is > most {
                return Err(too_complex(what, most));
            }
        }
        Ok(())
    }
}

/// Everything that is not a word, a literal, or what holds others apart. `Token::Mul` is `*`
/// in `count(*)` too.
fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::SemiColon
            | Token::Whitespace(_)
    )
}
