//! Erasing a tenant: every row of it goes in one transaction, by the caller role and under
//! the tenant's own context, so that the policies keep this from any other tenant's rows too.
//! Not here: when a tenant is erased.

use super::quote::ident;
use crate::engine::{Bounds, Statement, Work};
use crate::schema::{Schema, Table};
use std::time::Duration;

/// What it may take: it returns no rows.
pub(super) const BOUNDS: Bounds = Bounds {
    rows: 0,
    bytes: 0,
    row: 0,
    time: Duration::from_secs(600),
};

/// Deletes what the context's tenant has, what refers to others first.
pub(super) fn work(schema: &Schema, place: &str) -> Work {
    let delete = |table: &Table| {
        let text = format!("DELETE FROM {}.{}", ident(place), ident(&table.name));
        Statement::new(text, Vec::new(), true)
    };
    Work {
        statements: in_order(schema).into_iter().map(delete).collect(),
        ..Work::one(Statement::new("", Vec::new(), true))
    }
}

/// The tables that have a tenant, so that none comes before one that refers to it. In a ring
/// of references the first by name is first: the ring itself must say what a deletion does.
fn in_order(schema: &Schema) -> Vec<&Table> {
    let holds = |table: &&Table| !table.is_view && table.columns.iter().any(|c| c.is_tenant);
    let mut left: Vec<&Table> = schema.tables.iter().filter(holds).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |table: &&Table| {
            let refers = |other: &&Table| {
                let mut keys = other.foreign_keys.iter();
                other.name != table.name && keys.any(|key| key.table == table.name)
            };
            !left.iter().any(refers)
        };
        let at = left.iter().position(is_free).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, ColumnKind, ForeignKey};

    fn table(name: &str, refers_to: &[&str]) -> Table {
        let tenant = Column {
            name: "tenant_id".to_owned(),
            kind: ColumnKind::Text,
            type_name: "text".to_owned(),
            nullable: false,
            default: None,
            is_tenant: true,
        };
        let key = |other: &&str| ForeignKey {
            name: format!("{name}_{other}"),
            columns: Vec::new(),
            table: (*other).to_owned(),
            foreign_columns: Vec::new(),
        };
        Table {
            name: name.to_owned(),
            comment: None,
            is_view: false,
            columns: vec![tenant],
            primary_key: Vec::new(),
            unique: Vec::new(),
            foreign_keys: refers_to.iter().map(key).collect(),
        }
    }

    fn texts(tables: Vec<Table>) -> Vec<String> {
        let schema = Schema {
            version: 1,
            tables,
            routines: Vec::new(),
        };
        let work = work(&schema, "public");
        let texts = work.statements.iter();
        texts.map(|statement| statement.text().to_owned()).collect()
    }

    #[test]
    fn what_refers_to_a_table_goes_before_it() {
        let tables = vec![
            table("a", &[]),
            table("b", &["a", "b"]),
            table("c", &["b", "a"]),
        ];
        let expected = ["c", "b", "a"].map(|name| format!("DELETE FROM \"public\".\"{name}\""));
        assert_eq!(texts(tables), expected);
    }

    #[test]
    fn a_ring_of_references_comes_to_an_end_and_tables_without_a_tenant_stay() {
        let mut shared = table("shared", &[]);
        shared.columns.clear();
        let tables = vec![table("a", &["b"]), table("b", &["a"]), shared];
        assert_eq!(texts(tables).len(), 2);
    }
}
