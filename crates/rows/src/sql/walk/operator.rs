//! Operators, before an operand and between two. Not here: what the operands are.

use super::super::forbidden;
use super::expression::Next;
use super::{Outcome, Walk, absent};
use sqlparser::ast::{BinaryOperator, CastKind, Expr, UnaryOperator};

/// PostgreSQL's operators that the parser has no name for, its extensions' among them.
const MORE_OPERATORS: &[&str] = &[
    "-|-", "<#>", "<%", "%>", "<<%", "%>>", "<+>", "<=>", "<<=", ">>=",
];

impl Walk<'_> {
    pub(super) fn unary<'e>(&self, op: &UnaryOperator, inner: &'e mut Box<Expr>) -> Next<'e> {
        let known = match op {
            UnaryOperator::Plus
            | UnaryOperator::Minus
            | UnaryOperator::Not
            | UnaryOperator::BitwiseNot => true,
            UnaryOperator::PGAbs | UnaryOperator::PGCubeRoot | UnaryOperator::PGSquareRoot => {
                self.is_postgres()
            }
            _ => false,
        };
        absent("This operator", known)?;
        // `- -1` would print as `--1`, which is a comment; `@ -1` as another operator.
        if *op != UnaryOperator::Not && begins_with_sign(inner) {
            let bare = std::mem::replace(inner.as_mut(), Expr::Tuple(Vec::new()));
            **inner = Expr::Nested(Box::new(bare));
        }
        Ok(Some(inner))
    }

    pub(super) fn operator(&self, op: &BinaryOperator) -> Outcome {
        let (everywhere, postgres) = match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow => (true, true),
            BinaryOperator::Glob | BinaryOperator::Regexp => (true, false),
            BinaryOperator::Spaceship
            | BinaryOperator::PGBitwiseXor
            | BinaryOperator::PGExp
            | BinaryOperator::PGOverlap
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
            | BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGNotILikeMatch
            | BinaryOperator::PGStartsWith
            | BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow
            | BinaryOperator::AtAt
            | BinaryOperator::AtArrow
            | BinaryOperator::ArrowAt
            | BinaryOperator::HashMinus
            | BinaryOperator::AtQuestion
            | BinaryOperator::Question
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe
            | BinaryOperator::Overlaps
            | BinaryOperator::LtDashGt
            | BinaryOperator::AndLt
            | BinaryOperator::AndGt => (false, true),
            BinaryOperator::Custom(name) => (false, MORE_OPERATORS.contains(&name.as_str())),
            BinaryOperator::PGCustomBinaryOperator(_) => return Err(forbidden("OPERATOR(…)")),
            BinaryOperator::Match => return Err(forbidden("MATCH")),
            _ => (false, false),
        };
        let known = match self.is_postgres() {
            true => postgres,
            false => everywhere,
        };
        match known {
            true => Ok(()),
            false => Err(forbidden(format!("The operator `{op}`"))),
        }
    }
}

/// Whether the first thing printed is an operator.
fn begins_with_sign(expression: &Expr) -> bool {
    let mut first = expression;
    loop {
        first = match first {
            Expr::UnaryOp { op, .. } => return *op != UnaryOperator::Not,
            Expr::BinaryOp { left, .. } => left,
            Expr::Cast {
                kind: CastKind::DoubleColon,
                expr,
                ..
            }
            | Expr::Collate { expr, .. }
            | Expr::AtTimeZone {
                timestamp: expr, ..
            }
            | Expr::CompoundFieldAccess { root: expr, .. } => expr,
            _ => return false,
        };
    }
}
