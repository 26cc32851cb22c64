//! Keys and references with the tenant in them. Not here: where they are written.

use super::super::quote::{ident, idents};
use super::{folded, forbidden, last, qualified};
use crate::fault::Fault;
use sqlparser::ast::{
    ConstraintCharacteristics, ConstraintReferenceMatchKind, Expr, ForeignKeyConstraint, Ident,
    IndexColumn, NullsDistinctOption, ObjectName, PrimaryKeyConstraint, ReferentialAction,
    UniqueConstraint,
};

/// A foreign key to be made once every table is there.
#[derive(Debug)]
pub(in super::super) struct Reference {
    /// The table that refers, as SQL.
    pub(in super::super) table: String,
    /// The constraint's name.
    pub(in super::super) name: String,
    /// The columns, without the tenant's.
    columns: Vec<String>,
    /// The table referred to, as SQL.
    pub(in super::super) target: String,
    /// The columns there, without the tenant's; where there are none, those of its primary
    /// key are meant.
    pub(in super::super) target_columns: Vec<String>,
    actions: String,
}

impl Reference {
    /// The statement that makes it, with the columns there.
    pub(in super::super) fn sql(&self, target_columns: &[String], tenant: &str) -> String {
        let tenant = ident(tenant);
        format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({tenant}, {}) \
             REFERENCES {} ({tenant}, {}){}",
            self.table,
            ident(&self.name),
            idents(&self.columns),
            self.target,
            idents(target_columns),
            self.actions
        )
    }

    /// Of a written one.
    pub(super) fn of(
        table: &ObjectName,
        written: &ForeignKeyConstraint,
        tenant: &str,
    ) -> Result<Self, Fault> {
        let mine = |names: &[Ident]| -> Vec<String> {
            let names = names.iter().map(folded);
            names.filter(|name| name != tenant).collect()
        };
        let columns = mine(&written.columns);
        if columns.is_empty() {
            return Err(forbidden(
                "a reference by the tenant alone",
                "refer by the key of the row that is meant",
            ));
        }
        let full = matches!(written.match_kind, Some(ConstraintReferenceMatchKind::Full));
        if full && columns.len() > 1 {
            return Err(forbidden(
                "MATCH FULL over several columns",
                "the tenant is never NULL; make the columns NOT NULL",
            ));
        }
        let name = written.name.as_ref().map_or_else(
            || format!("{}_{}_fkey", last(table), columns.join("_")),
            folded,
        );
        Ok(Self {
            table: qualified(table),
            name,
            target: qualified(&written.foreign_table),
            target_columns: mine(&written.referred_columns),
            actions: actions(written, &columns)?,
            columns,
        })
    }
}

fn actions(written: &ForeignKeyConstraint, columns: &[String]) -> Result<String, Fault> {
    let mut text = String::new();
    if let Some(action) = &written.on_delete {
        text.push_str(&format!(" ON DELETE {action}"));
        // The tenant's column stays what it is.
        if sets(action) {
            text.push_str(&format!(" ({})", idents(columns)));
        }
    }
    if let Some(action) = &written.on_update {
        if sets(action) {
            return Err(forbidden(
                &format!("ON UPDATE {action}"),
                "it would change the tenant's column too; use ON UPDATE CASCADE",
            ));
        }
        text.push_str(&format!(" ON UPDATE {action}"));
    }
    text.push_str(&characteristics(written.characteristics.as_ref()));
    Ok(text)
}

const fn sets(action: &ReferentialAction) -> bool {
    matches!(
        action,
        ReferentialAction::SetNull | ReferentialAction::SetDefault
    )
}

fn characteristics(written: Option<&ConstraintCharacteristics>) -> String {
    written.map_or_else(String::new, |written| format!(" {written}"))
}

/// `PRIMARY KEY (tenant, …)`, as a constraint of a table.
pub(super) fn primary(
    table: &ObjectName,
    written: &PrimaryKeyConstraint,
    tenant: &str,
) -> Result<String, Fault> {
    let name = written
        .name
        .as_ref()
        .map_or_else(|| format!("{}_pkey", last(table)), folded);
    Ok(format!(
        "CONSTRAINT {} PRIMARY KEY ({}){}",
        ident(&name),
        keyed(&written.columns, tenant)?,
        characteristics(written.characteristics.as_ref())
    ))
}

/// `UNIQUE (tenant, …)`, as a constraint of a table.
pub(super) fn unique(
    table: &ObjectName,
    written: &UniqueConstraint,
    tenant: &str,
) -> Result<String, Fault> {
    let columns = names(&written.columns)?;
    let name = written.name.as_ref().map_or_else(
        || format!("{}_{}_key", last(table), columns.join("_")),
        folded,
    );
    let nulls = match written.nulls_distinct {
        NullsDistinctOption::NotDistinct => " NULLS NOT DISTINCT",
        NullsDistinctOption::None | NullsDistinctOption::Distinct => "",
    };
    Ok(format!(
        "CONSTRAINT {} UNIQUE{nulls} ({}){}",
        ident(&name),
        keyed(&written.columns, tenant)?,
        characteristics(written.characteristics.as_ref())
    ))
}

fn keyed(columns: &[IndexColumn], tenant: &str) -> Result<String, Fault> {
    let mut all = names(columns)?;
    if !all.iter().any(|name| name == tenant) {
        all.insert(0, tenant.to_owned());
    }
    Ok(idents(&all))
}

/// The plain names of a key's columns.
pub(super) fn names(columns: &[IndexColumn]) -> Result<Vec<String>, Fault> {
    let names = columns.iter().map(|column| match &column.column.expr {
        Expr::Identifier(name) => Ok(folded(name)),
        _ => Err(forbidden(
            "a key over an expression",
            "make a unique index instead",
        )),
    });
    names.collect()
}
