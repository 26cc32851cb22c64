//! The realm's tables as SQLite itself describes them, read from a database that its steps
//! made and that holds no rows. Not here: how that database is made (`book`).

use super::kind;
use crate::schema::{Column, ForeignKey, Schema, Table};
use rusqlite::{Connection, Result};
use sqlparser::ast::{ColumnOption, Statement, TableConstraint};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

/// The schema in this database; `tenant_column` is the name of the tenant's.
pub(super) fn read(conn: &Connection, version: u64, tenant_column: &str) -> Result<Schema> {
    let mut list = conn.prepare(
        "SELECT name, type = 'view', sql FROM sqlite_schema WHERE type IN ('table', 'view') \
         AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name COLLATE BINARY",
    )?;
    let mut rows = list.query([])?;
    let mut tables = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let is_view = row.get(1)?;
        tables.push(if is_view {
            view(conn, name, tenant_column)?
        } else {
            table(conn, name, &row.get::<_, String>(2)?, tenant_column)?
        });
    }
    refer_to_keys(&mut tables);
    Ok(Schema {
        version,
        tables,
        routines: Vec::new(),
    })
}

fn view(conn: &Connection, name: String, tenant_column: &str) -> Result<Table> {
    let (columns, _) = columns(conn, &name, tenant_column)?;
    Ok(Table {
        name,
        comment: None,
        is_view: true,
        columns,
        primary_key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
    })
}

fn table(conn: &Connection, name: String, sql: &str, tenant_column: &str) -> Result<Table> {
    let (columns, primary_key) = columns(conn, &name, tenant_column)?;
    let mut foreign_keys = foreign_keys(conn, &name)?;
    for (columns, given) in given_names(sql) {
        let named = |key: &&mut ForeignKey| same(&key.columns, &columns);
        if let Some(key) = foreign_keys.iter_mut().find(named) {
            key.name = given;
        }
    }
    Ok(Table {
        unique: unique(conn, &name)?,
        foreign_keys,
        name,
        comment: None,
        is_view: false,
        columns,
        primary_key,
    })
}

/// The columns, and those of the primary key in its order.
fn columns(
    conn: &Connection,
    table: &str,
    tenant_column: &str,
) -> Result<(Vec<Column>, Vec<String>)> {
    let mut list = conn.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1) \
         WHERE hidden <> 1 ORDER BY cid",
    )?;
    let mut rows = list.query([table])?;
    let mut columns = Vec::new();
    let mut key: Vec<(i64, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let place: i64 = row.get(4)?;
        let is_tenant = name.eq_ignore_ascii_case(tenant_column);
        if place > 0 {
            key.push((place, name.clone()));
        }
        columns.push(Column {
            kind: kind::of(&declared),
            type_name: declared.to_ascii_lowercase(),
            nullable: !row.get::<_, bool>(2)? && place == 0,
            // Each tenant's file has another.
            default: if is_tenant { None } else { row.get(3)? },
            name,
            is_tenant,
        });
    }
    key.sort();
    Ok((columns, key.into_iter().map(|(_, name)| name).collect()))
}

fn unique(conn: &Connection, table: &str) -> Result<Vec<Vec<String>>> {
    let mut list = conn.prepare(
        "SELECT i.seq, c.name FROM pragma_index_list(?1) AS i, pragma_index_info(i.name) AS c \
         WHERE i.\"unique\" AND NOT i.partial AND i.origin <> 'pk' ORDER BY i.seq DESC, c.seqno",
    )?;
    let mut rows = list.query([table])?;
    let mut keys: Vec<(i64, Vec<Option<String>>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (index, column): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        match keys.last_mut() {
            Some((last, columns)) if *last == index => columns.push(column),
            _ => keys.push((index, vec![column])),
        }
    }
    // A key over an expression has a column without a name.
    let plain = keys
        .into_iter()
        .filter_map(|(_, columns)| columns.into_iter().collect());
    Ok(plain.collect())
}

fn foreign_keys(conn: &Connection, table: &str) -> Result<Vec<ForeignKey>> {
    let mut list = conn.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) \
         ORDER BY id DESC, seq",
    )?;
    let mut rows = list.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if !matches!(keys.last(), Some((last, _)) if *last == id) {
            let key = ForeignKey {
                name: String::new(),
                columns: Vec::new(),
                table: row.get(1)?,
                foreign_columns: Vec::new(),
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            key.foreign_columns.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    let named = keys.into_iter().map(|(_, key)| ForeignKey {
        name: format!("{table}_{}_fkey", key.columns.join("_")),
        ..key
    });
    Ok(named.collect())
}

/// The names that the table's author gave to foreign keys, which SQLite does not tell, each
/// with its columns.
fn given_names(sql: &str) -> Vec<(Vec<String>, String)> {
    let Ok(mut parsed) = Parser::parse_sql(&SQLiteDialect {}, sql) else {
        return Vec::new();
    };
    let Some(Statement::CreateTable(table)) = parsed.pop() else {
        return Vec::new();
    };
    let of_columns = table.columns.iter().flat_map(|column| {
        let named = column.options.iter().filter_map(|option| {
            let is_key = matches!(option.option, ColumnOption::ForeignKey(_));
            option.name.as_ref().filter(|_| is_key)
        });
        named.map(|name| (vec![column.name.value.clone()], name.value.clone()))
    });
    let of_table = table.constraints.iter().filter_map(|constraint| {
        let TableConstraint::ForeignKey(key) = constraint else {
            return None;
        };
        let columns = key.columns.iter().map(|column| column.value.clone());
        Some((columns.collect(), key.name.as_ref()?.value.clone()))
    });
    of_columns.chain(of_table).collect()
}

/// A reference that names no columns is to the other table's primary key; and the other table
/// is called as its author wrote it.
fn refer_to_keys(tables: &mut [Table]) {
    let keys: Vec<(String, Vec<String>)> = tables
        .iter()
        .map(|table| (table.name.clone(), table.primary_key.clone()))
        .collect();
    for key in tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        let found = keys
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&key.table));
        let Some((name, columns)) = found else {
            continue;
        };
        key.table.clone_from(name);
        if key.foreign_columns.is_empty() {
            key.foreign_columns.clone_from(columns);
        }
    }
}

fn same(some: &[String], others: &[String]) -> bool {
    some.len() == others.len()
        && some
            .iter()
            .zip(others)
            .all(|(one, other)| one.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnKind;

    fn schema(sql: &str) -> Schema {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(sql).unwrap();
        read(&conn, 3, "tenant_id").unwrap()
    }

    #[test]
    fn columns_and_keys_are_told_as_they_were_declared() {
        let schema = schema(
            "CREATE TABLE b (x TEXT, y BOOLEAN NOT NULL DEFAULT 1, tenant_id TEXT DEFAULT 't', \
                z JSON, g INT AS (y + 1), PRIMARY KEY (y, x), UNIQUE (z, x));
             CREATE UNIQUE INDEX low ON b (lower(x));
             CREATE UNIQUE INDEX part ON b (x) WHERE y;
             CREATE VIEW a AS SELECT x, y + 1 AS n FROM b;",
        );
        let names: Vec<_> = schema.tables.iter().map(|t| t.name.as_str()).collect();
        assert_eq!((schema.version, names), (3, vec!["a", "b"]));
        let a = schema.table("a").unwrap();
        assert!(a.is_view && a.columns.len() == 2);
        let b = schema.table("b").unwrap();
        assert_eq!(b.primary_key, ["y", "x"]);
        assert_eq!(b.unique, [["z", "x"]]);
        let kinds: Vec<_> = b
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.kind, c.nullable, c.is_tenant))
            .collect();
        assert_eq!(
            kinds,
            [
                ("x", ColumnKind::Text, false, false),
                ("y", ColumnKind::Bool, false, false),
                ("tenant_id", ColumnKind::Text, true, true),
                ("z", ColumnKind::Json, true, false),
                ("g", ColumnKind::Int, true, false),
            ]
        );
        assert_eq!(b.column("y").unwrap().default.as_deref(), Some("1"));
        assert_eq!(b.column("tenant_id").unwrap().default, None);
    }

    #[test]
    fn a_foreign_key_has_its_name_and_both_sides() {
        let schema = schema(
            "CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b));
             CREATE TABLE q (id INTEGER PRIMARY KEY, up INT REFERENCES q,
                n INT CONSTRAINT mine REFERENCES Q (id), a INT, b INT,
                CONSTRAINT both FOREIGN KEY (a, b) REFERENCES p);",
        );
        let keys: Vec<_> = schema
            .table("q")
            .unwrap()
            .foreign_keys
            .iter()
            .map(|k| {
                let (from, to) = (k.columns.join(","), k.foreign_columns.join(","));
                format!("{}: {from} > {}.{to}", k.name, k.table)
            })
            .collect();
        assert_eq!(
            keys,
            [
                "q_up_fkey: up > q.id",
                "mine: n > q.id",
                "both: a,b > p.a,b"
            ]
        );
    }
}
