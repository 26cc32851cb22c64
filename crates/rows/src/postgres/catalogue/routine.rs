//! The functions beside the tables: those of an author, for what an extension brought is
//! nobody's to call. Not here: which of them callers may call.

use super::{column, error};
use crate::fault::Fault;
use crate::postgres::protect::Protection;
use crate::postgres::quote::ident;
use crate::schema::{Column, Returns, Routine, Table};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::{Client, Row};

/// What PostgREST calls the column of a function that answers with values.
const VALUE: &str = "pgrst_scalar";

const ROUTINES: &str = "
    SELECT p.oid, p.proname::text, p.prosecdef, p.proretset,
        coalesce((SELECT array_agg(coalesce(u.name, '') ORDER BY u.place)
            FROM unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS u(name, mode, place)
            WHERE u.mode IS NULL OR u.mode IN ('i', 'b', 'v')),
            array_fill(''::text, ARRAY[p.pronargs::int4])),
        p.pronargdefaults::int4, t.typtype = 'p' AND t.typname = 'void',
        (SELECT c.relname::text FROM pg_class c WHERE c.oid = t.typrelid
            AND c.relnamespace = p.pronamespace AND c.relkind IN ('r', 'p', 'v')),
        EXISTS (SELECT FROM pg_proc o WHERE o.pronamespace = p.pronamespace
            AND o.proname = p.proname AND o.oid <> p.oid)
    FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
    WHERE p.pronamespace = to_regnamespace($1) AND p.prokind = 'f'
        AND p.prorettype <> ALL (ARRAY['trigger'::regtype, 'event_trigger'::regtype])
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
            AND d.objid = p.oid AND d.deptype = 'e')
    ORDER BY p.proname, p.oid";

/// The columns of what they answer with: what they put out, the members of a row's type, a
/// value's type; each written as a column of a table is.
const RESULTS: &str = "
    WITH mine AS (SELECT p.*, t.typtype, t.typrelid FROM pg_proc p
        JOIN pg_type t ON t.oid = p.prorettype
        WHERE p.pronamespace = to_regnamespace($1) AND p.prokind = 'f'),
    said AS (
        SELECT m.oid, u.name::text AS name, u.type, -1 AS modifier, u.place, 'o' AS how
        FROM mine m CROSS JOIN unnest(m.proallargtypes, m.proargmodes, m.proargnames)
            WITH ORDINALITY AS u(type, mode, name, place)
        WHERE u.mode IN ('o', 'b', 't')
        UNION ALL
        SELECT m.oid, a.attname::text, a.atttypid, a.atttypmod, a.attnum, 'r'
        FROM mine m JOIN pg_attribute a ON a.attrelid = m.typrelid
        WHERE m.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT m.oid, $2::text, m.prorettype, -1, 1, 'v'
        FROM mine m WHERE m.typtype NOT IN ('c', 'p'))
    SELECT s.oid, s.name, format_type(s.type, s.modifier), true, NULL::text,
        CASE WHEN t.typtype = 'd' THEN b.typcategory ELSE t.typcategory END::text,
        (CASE WHEN t.typtype = 'd' THEN b.typname ELSE t.typname END)::text, s.how
    FROM said s JOIN pg_type t ON t.oid = s.type
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    ORDER BY s.oid, s.place";

/// The columns of one function's answer, by how they are said.
#[derive(Default)]
struct Said {
    put_out: Vec<Column>,
    row: Vec<Column>,
    value: Vec<Column>,
}

/// Reads them, by name.
pub(super) async fn read(owner: &Client, of: Protection<'_>) -> Result<Vec<Routine>, Fault> {
    let schema = ident(of.schema);
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let mut said: HashMap<u32, Said> = HashMap::new();
    let results = owner.query(RESULTS, &[&schema, &VALUE]).await;
    for row in results.map_err(failed)? {
        let column = column(&row, of.tenant).map_err(failed)?;
        let said = said.entry(row.try_get(0).map_err(failed)?).or_default();
        let how: String = row.try_get(7).map_err(failed)?;
        match how.as_str() {
            "o" => said.put_out.push(column),
            "r" => said.row.push(column),
            _ => said.value.push(column),
        }
    }
    let mut routines = BTreeMap::new();
    let rows = owner.query(ROUTINES, &[&schema]).await;
    for row in rows.map_err(failed)? {
        let said = said
            .remove(&row.try_get(0).map_err(failed)?)
            .unwrap_or_default();
        let routine = routine(&row, of.schema, said).map_err(failed)?;
        routines.insert(routine.name.clone(), routine);
    }
    Ok(routines.into_values().collect())
}

fn routine(row: &Row, schema: &str, said: Said) -> Result<Routine, tokio_postgres::Error> {
    let name: String = row.try_get(1)?;
    let defaults: i32 = row.try_get(5)?;
    let (is_void, table): (bool, Option<String>) = (row.try_get(6)?, row.try_get(7)?);
    let answer = |columns: Vec<Column>| Table {
        name: name.clone(),
        comment: None,
        is_view: true,
        columns,
        primary_key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
    };
    let returns = match (said, table) {
        (_, _) if is_void => Returns::Nothing,
        (_, Some(table)) => Returns::RowOf(table),
        (Said { put_out, .. }, None) if !put_out.is_empty() => Returns::Row(answer(put_out)),
        (Said { row, .. }, None) if !row.is_empty() => Returns::Row(answer(row)),
        (Said { value, .. }, None) if !value.is_empty() => Returns::Value(answer(value)),
        _ => Returns::Untyped,
    };
    Ok(Routine {
        schema: schema.to_owned(),
        is_definer: row.try_get(2)?,
        is_set: row.try_get(3)?,
        arguments: row.try_get(4)?,
        defaults: usize::try_from(defaults).unwrap_or(0),
        is_overloaded: row.try_get(8)?,
        returns,
        name,
    })
}
