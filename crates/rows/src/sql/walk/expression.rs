//! Expressions. Not here: calls of functions (`call`), operators (`operator`), types
//! (`kind`), names (`name`).

use super::super::forbidden;
use super::product::Short;
use super::{Outcome, Walk, absent};
use crate::fault::Fault;
use sqlparser::ast::{
    Array, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr, ExtractSyntax, Ident, Interval,
    Subscript, TypedString, Value, ValueWithSpan,
};

/// What comes after one node: the operand on the left, if the node has one. Chains of
/// operators hang to the left; following them in a loop keeps the stack flat.
pub(super) type Next<'e> = Result<Option<&'e mut Expr>, Fault>;

impl Walk<'_> {
    pub(in super::super) fn expression(&mut self, expression: &mut Expr) -> Outcome {
        let mut next = Some(expression);
        while let Some(expression) = next {
            next = self.node(expression)?;
        }
        Ok(())
    }

    fn node<'e>(&mut self, expression: &'e mut Expr) -> Next<'e> {
        match expression {
            Expr::Identifier(column) => {
                self.column(column)?;
                // What it holds can be told from what is changed, without any answer.
                let is_read = column.value != "DEFAULT" || column.quote_style.is_some();
                self.found.reads |= self.found.writes && is_read;
                Ok(None)
            }
            Expr::CompoundIdentifier(parts) => {
                self.qualified_column(parts.iter_mut().collect())?;
                let given = |table: &Ident| table.value.eq_ignore_ascii_case("excluded");
                let is_read = !parts.first().is_some_and(given);
                self.found.reads |= self.found.writes && is_read;
                Ok(None)
            }
            Expr::QualifiedWildcard(name, _) => {
                absent("A row as a value", self.is_postgres())?;
                self.found.reads |= self.found.writes;
                self.star_of(name).map(|()| None)
            }
            Expr::Value(value) => self.value(value).map(|()| None),
            Expr::Function(function) => self.function(function).map(|()| None),
            Expr::Exists {
                subquery,
                negated: _,
            }
            | Expr::Subquery(subquery) => self.query(subquery).map(|()| None),
            Expr::Nested(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => Ok(Some(inner)),
            Expr::BinaryOp { left, op, right } => {
                self.operator(op)?;
                self.operands(op, left, right)?;
                self.then(right, left)
            }
            Expr::UnaryOp { op, expr } => self.unary(op, expr),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.then(right, left)
            }
            Expr::InList {
                expr,
                list,
                negated: _,
            } => {
                self.expressions(list)?;
                Ok(Some(expr))
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated: _,
            } => {
                self.query(subquery)?;
                Ok(Some(expr))
            }
            Expr::Between {
                expr,
                negated: _,
                low,
                high,
            } => {
                self.expression(low)?;
                self.then(high, expr)
            }
            Expr::Like {
                negated: _,
                any,
                expr,
                pattern,
                escape_char,
            } => {
                absent("LIKE ANY", !*any)?;
                self.optional(escape_char.as_deref_mut())?;
                self.expression(pattern)?;
                self.short("LIKE", pattern, Short::Text)?;
                Ok(Some(expr))
            }
            Expr::Cast {
                kind,
                expr,
                data_type,
                format,
            } => {
                let known = match kind {
                    CastKind::Cast => true,
                    CastKind::DoubleColon => self.is_postgres(),
                    CastKind::TryCast | CastKind::SafeCast => false,
                };
                absent("This kind of cast", known && format.is_none())?;
                self.kind(data_type)?;
                if data_type
                    .to_string()
                    .to_ascii_lowercase()
                    .contains("jsonpath")
                {
                    self.short("A cast to `jsonpath`", expr, Short::Path)?;
                }
                Ok(Some(expr))
            }
            Expr::Collate { expr, collation } => {
                self.bare_column(collation)?;
                Ok(Some(expr))
            }
            Expr::Case {
                case_token: _,
                end_token: _,
                operand,
                conditions,
                else_result,
            } => {
                for CaseWhen { condition, result } in conditions {
                    self.expression(condition)?;
                    self.expression(result)?;
                }
                self.optional(else_result.as_deref_mut())?;
                Ok(operand.as_deref_mut())
            }
            Expr::Tuple(list) => self.expressions(list).map(|()| None),
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
                let plain = CeilFloorKind::DateTimeField(DateTimeField::NoDateTime);
                absent("CEIL or FLOOR TO", *field == plain)?;
                Ok(Some(expr))
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: _,
                shorthand: _,
            } => {
                self.optional(substring_from.as_deref_mut())?;
                self.optional(substring_for.as_deref_mut())?;
                Ok(Some(expr))
            }
            Expr::Trim {
                trim_where: _,
                trim_what,
                expr,
                trim_characters,
            } => {
                let sets = trim_characters.as_deref().unwrap_or_default();
                self.short_sets("trim", trim_what.as_deref().into_iter().chain(sets))?;
                self.optional(trim_what.as_deref_mut())?;
                self.expressions(trim_characters.as_deref_mut().unwrap_or_default())?;
                Ok(Some(expr))
            }
            other if self.is_postgres() => self.postgres_node(other),
            _ => Err(forbidden("This kind of expression")),
        }
    }

    /// Those that only PostgreSQL has.
    fn postgres_node<'e>(&mut self, expression: &'e mut Expr) -> Next<'e> {
        match expression {
            Expr::ILike {
                negated: _,
                any,
                expr,
                pattern,
                escape_char,
            } => {
                absent("ILIKE ANY", !*any)?;
                self.optional(escape_char.as_deref_mut())?;
                self.expression(pattern)?;
                self.short("ILIKE", pattern, Short::Text)?;
                Ok(Some(expr))
            }
            Expr::SimilarTo {
                negated: _,
                expr,
                pattern,
                escape_char,
            } => {
                self.optional(escape_char.as_deref_mut())?;
                self.then(pattern, expr)
            }
            Expr::AnyOp {
                left,
                compare_op,
                right,
                is_some: _,
            }
            | Expr::AllOp {
                left,
                compare_op,
                right,
            } => {
                self.operator(compare_op)?;
                self.each_operand(compare_op)?;
                self.then(right, left)
            }
            Expr::IsJson {
                expr,
                kind: _,
                unique_keys: _,
                negated: _,
            } => Ok(Some(expr)),
            Expr::IsNormalized { .. } => Err(forbidden("IS NORMALIZED")),
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => self.then(time_zone, timestamp),
            Expr::Extract {
                field,
                syntax: ExtractSyntax::From,
                expr,
            } => {
                date_part(field)?;
                Ok(Some(expr))
            }
            Expr::Position { expr, r#in } => {
                self.expression(expr)?;
                self.short("The function `position`", expr, Short::Text)?;
                Ok(Some(r#in))
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                self.expression(overlay_what)?;
                self.optional(overlay_for.as_deref_mut())?;
                self.then(overlay_from, expr)
            }
            Expr::TypedString(TypedString {
                data_type,
                value,
                uses_odbc_syntax: false,
            }) => {
                self.kind(data_type)?;
                self.value(value).map(|()| None)
            }
            Expr::Interval(interval) => self.interval(interval),
            Expr::Array(Array { elem, named: _ }) => self.expressions(elem).map(|()| None),
            Expr::CompoundFieldAccess { root, access_chain } => self.fields(root, access_chain),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                let mut sets = sets.iter_mut();
                sets.try_for_each(|set| self.expressions(set))
                    .map(|()| None)
            }
            _ => Err(forbidden("This kind of expression")),
        }
    }

    fn then<'e>(&mut self, first: &mut Expr, next: &'e mut Expr) -> Next<'e> {
        self.expression(first)?;
        Ok(Some(next))
    }

    /// What lex made of every literal, and nothing else.
    pub(super) fn value(&self, value: &ValueWithSpan) -> Outcome {
        match &value.value {
            Value::Number(_, false)
            | Value::SingleQuotedString(_)
            | Value::HexStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => Ok(()),
            Value::EscapedStringLiteral(_) | Value::SingleQuotedByteStringLiteral(_) => {
                absent("This kind of literal", self.is_postgres())
            }
            Value::Placeholder(name) => {
                let mark = if self.is_postgres() { '$' } else { '?' };
                absent("A named parameter", name.starts_with(mark))
            }
            _ => Err(forbidden("This kind of literal")),
        }
    }

    fn interval<'e>(&self, interval: &'e mut Interval) -> Next<'e> {
        let Interval {
            value,
            leading_field,
            leading_precision: _,
            last_field,
            fractional_seconds_precision: _,
        } = interval;
        for field in [leading_field, last_field].into_iter().flatten() {
            date_part(field)?;
        }
        Ok(Some(value))
    }

    pub(super) fn subscript(&mut self, subscript: &mut Subscript) -> Outcome {
        match subscript {
            Subscript::Index { index } => self.expression(index),
            Subscript::Slice {
                lower_bound,
                upper_bound,
                stride,
            } => {
                absent("A stride", stride.is_none())?;
                self.optional(lower_bound.as_mut())?;
                self.optional(upper_bound.as_mut())
            }
        }
    }
}

/// A part of a date that the parser knows, not a name of the caller's.
fn date_part(field: &DateTimeField) -> Outcome {
    let known = !matches!(
        field,
        DateTimeField::Custom(_) | DateTimeField::Week(Some(_))
    );
    absent("This part of a date", known)
}
