//! The realm's tables, read from the server's catalogue by the owner. Not here: the model
//! (`schema`), and how long a reading is kept (the engine).

mod routine;

use super::error;
use super::protect::Protection;
use super::quote::ident;
use crate::fault::Fault;
use crate::schema::{Column, ColumnKind, ForeignKey, Schema, Table};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Row};

/// What the caller role may read; partitions are their parent's.
const TABLES: &str = "
    SELECT c.oid, c.relname::text, obj_description(c.oid, 'pg_class'), c.relkind = 'v'
    FROM pg_class c
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'v')
        AND NOT c.relispartition AND has_any_column_privilege($2::name, c.oid, 'SELECT')";

const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod),
        NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
        CASE WHEN t.typtype = 'd' THEN b.typcategory ELSE t.typcategory END::text,
        (CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END)::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'v')
        AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum";

const KEYS: &str = "
    SELECT i.indrelid, i.indisprimary, array_agg(a.attname::text ORDER BY k.place)
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(at, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.at
    WHERE c.relnamespace = to_regnamespace($1) AND i.indisunique AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indrelid, i.indisprimary
    ORDER BY i.indexrelid";

const REFERENCES: &str = "
    SELECT k.conrelid, k.conname::text, f.relname::text,
        (SELECT array_agg(a.attname::text ORDER BY u.place)
            FROM unnest(k.conkey) WITH ORDINALITY AS u(at, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.at),
        (SELECT array_agg(a.attname::text ORDER BY u.place)
            FROM unnest(k.confkey) WITH ORDINALITY AS u(at, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.at)
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_class f ON f.oid = k.confrelid AND f.relnamespace = c.relnamespace
    WHERE c.relnamespace = to_regnamespace($1) AND k.contype = 'f' AND k.conparentid = 0
    ORDER BY k.conname";

/// The types of columns that PostgreSQL does not have by itself, and arrays of them.
const TYPES: &str = "
    SELECT DISTINCT format('%I.%I', n.nspname, t.typname)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_type t ON t.oid = a.atttypid OR t.typarray = a.atttypid
        OR t.oid = (SELECT s.typarray FROM pg_type s WHERE s.oid = a.atttypid)
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p', 'v')
        AND a.attnum > 0 AND NOT a.attisdropped AND t.oid >= 16384
    ORDER BY 1";

/// Reads everything.
pub(super) async fn read(
    owner: &Client,
    of: Protection<'_>,
    version: u64,
) -> Result<Schema, Fault> {
    let (schema, role, tenant) = (ident(of.schema), of.role, of.tenant);
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let mut tables: BTreeMap<u32, Table> = BTreeMap::new();
    for row in owner
        .query(TABLES, &[&schema, &role])
        .await
        .map_err(failed)?
    {
        let (id, table) = table(&row).map_err(failed)?;
        tables.insert(id, table);
    }
    for row in owner.query(COLUMNS, &[&schema]).await.map_err(failed)? {
        let id: u32 = row.try_get(0).map_err(failed)?;
        if let Some(table) = tables.get_mut(&id) {
            table.columns.push(column(&row, tenant).map_err(failed)?);
        }
    }
    for row in owner.query(KEYS, &[&schema]).await.map_err(failed)? {
        let id: u32 = row.try_get(0).map_err(failed)?;
        let columns: Vec<String> = row.try_get(2).map_err(failed)?;
        match tables.get_mut(&id) {
            Some(table) if row.try_get(1).map_err(failed)? => table.primary_key = columns,
            Some(table) => table.unique.push(columns),
            None => {}
        }
    }
    for row in owner.query(REFERENCES, &[&schema]).await.map_err(failed)? {
        let id: u32 = row.try_get(0).map_err(failed)?;
        if let Some(table) = tables.get_mut(&id) {
            table.foreign_keys.push(reference(&row).map_err(failed)?);
        }
    }
    let mut tables: Vec<Table> = tables.into_values().collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Schema {
        version,
        tables,
        routines: routine::read(owner, of).await?,
    })
}

/// A query that returns a column of every type that a connection must know beforehand.
pub(super) async fn types(owner: &Client, of: Protection<'_>) -> Result<String, Fault> {
    let schema = ident(of.schema);
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let rows = owner.query(TYPES, &[&schema]).await.map_err(failed)?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let name: String = row.try_get(0).map_err(failed)?;
        columns.push(format!("NULL::{name}"));
    }
    if columns.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("SELECT {}", columns.join(", ")))
}

fn table(row: &Row) -> Result<(u32, Table), tokio_postgres::Error> {
    let table = Table {
        name: row.try_get(1)?,
        comment: row.try_get(2)?,
        is_view: row.try_get(3)?,
        columns: Vec::new(),
        primary_key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
    };
    Ok((row.try_get(0)?, table))
}

fn column(row: &Row, tenant: &str) -> Result<Column, tokio_postgres::Error> {
    let name: String = row.try_get(1)?;
    let (category, kind): (String, String) = (row.try_get(5)?, row.try_get(6)?);
    Ok(Column {
        kind: kind_of(&category, &kind),
        type_name: row.try_get(2)?,
        nullable: row.try_get(3)?,
        default: row.try_get(4)?,
        is_tenant: name == tenant,
        name,
    })
}

fn reference(row: &Row) -> Result<ForeignKey, tokio_postgres::Error> {
    Ok(ForeignKey {
        name: row.try_get(1)?,
        table: row.try_get(2)?,
        columns: row.try_get(3)?,
        foreign_columns: row.try_get(4)?,
    })
}

/// By the type's name where it is one of PostgreSQL's own, else by its category.
fn kind_of(category: &str, name: &str) -> ColumnKind {
    match (category, name) {
        ("B", _) => ColumnKind::Bool,
        (_, "int2" | "int4" | "int8" | "oid") => ColumnKind::Int,
        (_, "float4" | "float8") => ColumnKind::Real,
        (_, "numeric") => ColumnKind::Numeric,
        (_, "bytea") => ColumnKind::Bytes,
        (_, "json" | "jsonb") => ColumnKind::Json,
        (_, "uuid") => ColumnKind::Uuid,
        (_, "tsvector") => ColumnKind::TextSearch,
        ("D" | "T", _) => ColumnKind::Time,
        ("A", _) => ColumnKind::Array,
        ("R", _) => ColumnKind::Range,
        ("S" | "E", _) => ColumnKind::Text,
        _ => ColumnKind::Other,
    }
}
