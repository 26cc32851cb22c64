//! SQLite's `a IS b` for any `b`, which the parser does not know.

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// `a IS b` as `a IS NOT DISTINCT FROM b`, which is the same.
pub(super) fn is_value(parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
    comes_next(parser).then(|| read(parser, left))
}

fn read(parser: &mut Parser<'_>, left: &Expr) -> Result<Expr, ParserError> {
    parser.expect_keyword(Keyword::IS)?;
    let negated = parser.parse_keyword(Keyword::NOT);
    let right = parser.parse_subexpr(SQLiteDialect {}.prec_value(Precedence::Is))?;
    let (left, right) = (Box::new(left.clone()), Box::new(right));
    Ok(match negated {
        true => Expr::IsDistinctFrom(left, right),
        false => Expr::IsNotDistinctFrom(left, right),
    })
}

/// Whether `IS` or `IS NOT` comes next, and then a value: SQLite has that for any.
fn comes_next(parser: &Parser<'_>) -> bool {
    let word = |at| match &parser.peek_nth_token_ref(at).token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let after = match (word(0), word(1)) {
        (Keyword::IS, Keyword::NOT) => word(2),
        (Keyword::IS, other) => other,
        _ => return false,
    };
    !matches!(
        after,
        Keyword::NULL | Keyword::TRUE | Keyword::FALSE | Keyword::DISTINCT
    )
}
