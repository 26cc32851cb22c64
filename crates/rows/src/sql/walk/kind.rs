//! Types, in casts and in tables. Not here: what a column of a type holds.

use super::super::forbidden;
use super::{Outcome, Walk, absent};
use sqlparser::ast::{ArrayElemTypeDef, DataType, GeometricTypeKind, ObjectName};

/// PostgreSQL's types that look things up in the catalogue, or are no values at all, and
/// those of many points, whose operators take time by a product. Those
/// that begin with `pg_` or with `_` (the list of another type) are refused by that.
const REFUSED: &[&str] = &[
    "aclitem",
    "cid",
    "cstring",
    "event_trigger",
    "fdw_handler",
    "gtsvector",
    "index_am_handler",
    "int2vector",
    "internal",
    "language_handler",
    "oid",
    "oidvector",
    "opaque",
    "path",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "table_am_handler",
    "tid",
    "trigger",
    "tsm_handler",
    "txid_snapshot",
    "void",
    "xid",
    "xid8",
    "xml",
];

impl Walk<'_> {
    pub(in super::super) fn kind(&self, kind: &mut DataType) -> Outcome {
        let mut kind = kind;
        while let DataType::Array(element) = kind {
            absent("A list's type", self.is_postgres())?;
            let ArrayElemTypeDef::SquareBracket(inner, _) = element else {
                return Err(forbidden("This form of a list's type"));
            };
            kind = inner;
        }
        match kind {
            DataType::Custom(name, modifiers) => {
                let digits = |text: &String| text.bytes().all(|b| b.is_ascii_digit());
                absent("A type's modifier", modifiers.iter().all(digits))?;
                self.named_kind(name)
            }
            DataType::Regclass => Err(forbidden("The type `regclass`")),
            DataType::Character(_)
            | DataType::Char(_)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Varchar(_)
            | DataType::Nvarchar(_)
            | DataType::Uuid
            | DataType::Clob(_)
            | DataType::Blob(_)
            | DataType::Binary(_)
            | DataType::Varbinary(_)
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::Dec(_)
            | DataType::Float(_)
            | DataType::TinyInt(_)
            | DataType::Int2(_)
            | DataType::SmallInt(_)
            | DataType::MediumInt(_)
            | DataType::Int(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::Float4
            | DataType::Real
            | DataType::Float8
            | DataType::Double(_)
            | DataType::DoublePrecision
            | DataType::Bool
            | DataType::Boolean
            | DataType::Date
            | DataType::Time(..)
            | DataType::Datetime(_)
            | DataType::Timestamp(..)
            | DataType::Interval { .. }
            | DataType::JSON
            | DataType::JSONB
            | DataType::Text
            | DataType::Bytea
            | DataType::Bit(_)
            | DataType::BitVarying(_)
            | DataType::VarBit(_)
            | DataType::GeometricType(
                GeometricTypeKind::Point
                | GeometricTypeKind::Line
                | GeometricTypeKind::LineSegment
                | GeometricTypeKind::GeometricBox
                | GeometricTypeKind::Circle,
            )
            | DataType::TsVector
            | DataType::TsQuery
            | DataType::Unspecified => Ok(()),
            DataType::GeometricType(_) => Err(forbidden("A geometric type of many points")),
            _ => Err(forbidden("This type")),
        }
    }

    /// An extension's type, or one that an operator made.
    fn named_kind(&self, name: &mut ObjectName) -> Outcome {
        let shown: String = name.to_string().chars().take(64).collect();
        let refused = || forbidden(format!("The type `{shown}`"));
        let own = self.table(name).map_err(|_| refused())?;
        let catalogue = own.starts_with('_') || REFUSED.contains(&own.as_str());
        match self.is_postgres() && catalogue {
            true => Err(refused()),
            false => Ok(()),
        }
    }
}
