//! Operators before their operand, which take as much as the engine gives them: the parser
//! gives `~` of `~ a * b` the product, SQLite only `a`. It matters because a sign inside
//! another's operand is printed in parentheses.

use sqlparser::ast::{Expr, UnaryOperator};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

/// Above every operator between two operands.
const TIGHTEST: u8 = 250;

/// PostgreSQL: `::` and `[]` bind tighter than a sign, all else less (the parser's table has
/// 130 for `[]` and 120 for `COLLATE`).
const POSTGRES_SIGN: u8 = 125;

/// PostgreSQL: the others before an operand bind as their like between two does.
const POSTGRES_OTHER: u8 = 70;

/// PostgreSQL's `- + ~ @ |/ ||/`.
pub(super) fn postgres(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let (op, precedence) = match parser.peek_token_ref().token {
        Token::Minus => (UnaryOperator::Minus, POSTGRES_SIGN),
        Token::Plus => (UnaryOperator::Plus, POSTGRES_SIGN),
        Token::Tilde => (UnaryOperator::BitwiseNot, POSTGRES_OTHER),
        Token::AtSign => (UnaryOperator::PGAbs, POSTGRES_OTHER),
        Token::PGSquareRoot => (UnaryOperator::PGSquareRoot, POSTGRES_OTHER),
        Token::PGCubeRoot => (UnaryOperator::PGCubeRoot, POSTGRES_OTHER),
        _ => return None,
    };
    Some(operand(parser, op, precedence))
}

/// SQLite's `- + ~`.
pub(super) fn sqlite(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let op = match parser.peek_token_ref().token {
        Token::Minus => UnaryOperator::Minus,
        Token::Plus => UnaryOperator::Plus,
        Token::Tilde => UnaryOperator::BitwiseNot,
        _ => return None,
    };
    Some(operand(parser, op, TIGHTEST))
}

fn operand(
    parser: &mut Parser<'_>,
    op: UnaryOperator,
    precedence: u8,
) -> Result<Expr, ParserError> {
    parser.advance_token();
    let expr = Box::new(parser.parse_subexpr(precedence)?);
    Ok(Expr::UnaryOp { op, expr })
}
