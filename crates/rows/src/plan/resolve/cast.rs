//! Types that values may be cast to. Not here: how a cast is written.

use crate::plan::refusal::Refusal;
use crate::plan::tree::Cast;
use crate::schema::ColumnKind;

/// The types that values may be cast to, as clients and PostgreSQL name them.
const CASTS: [(&str, Cast); 26] = [
    ("text", cast("text", ColumnKind::Text)),
    ("varchar", cast("text", ColumnKind::Text)),
    ("character varying", cast("text", ColumnKind::Text)),
    ("int", cast("integer", ColumnKind::Int)),
    ("integer", cast("integer", ColumnKind::Int)),
    ("int4", cast("integer", ColumnKind::Int)),
    ("smallint", cast("smallint", ColumnKind::Int)),
    ("int2", cast("smallint", ColumnKind::Int)),
    ("bigint", cast("bigint", ColumnKind::Int)),
    ("int8", cast("bigint", ColumnKind::Int)),
    ("real", cast("real", ColumnKind::Real)),
    ("float4", cast("real", ColumnKind::Real)),
    ("float", cast("double precision", ColumnKind::Real)),
    ("float8", cast("double precision", ColumnKind::Real)),
    (
        "double precision",
        cast("double precision", ColumnKind::Real),
    ),
    ("numeric", cast("numeric", ColumnKind::Numeric)),
    ("decimal", cast("numeric", ColumnKind::Numeric)),
    ("bool", cast("boolean", ColumnKind::Bool)),
    ("boolean", cast("boolean", ColumnKind::Bool)),
    ("json", cast("json", ColumnKind::Json)),
    ("jsonb", cast("jsonb", ColumnKind::Json)),
    ("uuid", cast("uuid", ColumnKind::Uuid)),
    ("date", cast("date", ColumnKind::Time)),
    ("time", cast("time", ColumnKind::Time)),
    ("timestamp", cast("timestamp", ColumnKind::Time)),
    ("timestamptz", cast("timestamptz", ColumnKind::Time)),
];

const fn cast(type_name: &'static str, kind: ColumnKind) -> Cast {
    Cast { type_name, kind }
}

/// The type of this name.
///
/// # Errors
/// [`Refusal::CastUnknown`].
pub(super) fn named(name: &str) -> Result<Cast, Refusal> {
    let lower = name.to_ascii_lowercase();
    let known = CASTS.iter().find(|(alias, _)| *alias == lower);
    known
        .map(|&(_, cast)| cast)
        .ok_or_else(|| Refusal::CastUnknown(name.to_owned()))
}
