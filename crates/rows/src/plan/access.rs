//! Tables as one caller has them. Whoever writes a table into a statement has it from a
//! [`Scope`], and its [`Access::guard`] is written with it: the tenant's condition where the
//! tenants share the table, and the row policy's.

use super::literal;
use super::policy::{Comparison, Condition, Grant, Operand, Policies, Relation, Scalar};
use super::refusal::{Refusal, Right};
use super::suggest::nearest;
use super::writer::Writer;
use crate::caller::Caller;
use crate::engine::Flavour;
use crate::schema::{Column, Schema, Table};
use serde_json::Value as Json;

/// What plans are made from: the tables, who asks, and the engine's flavour.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    schema: &'a Schema,
    caller: &'a Caller,
    policies: &'a Policies,
    flavour: Flavour,
    aggregates: bool,
}

impl<'a> Scope<'a> {
    /// For this caller.
    #[must_use]
    pub const fn new(
        schema: &'a Schema,
        caller: &'a Caller,
        policies: &'a Policies,
        flavour: Flavour,
    ) -> Self {
        Self {
            schema,
            caller,
            policies,
            flavour,
            aggregates: false,
        }
    }

    /// With functions of many rows (`count()`, `sum()`, …), or without.
    #[must_use]
    pub const fn with_aggregates(self, aggregates: bool) -> Self {
        Self { aggregates, ..self }
    }

    /// Whether there are functions of many rows.
    #[must_use]
    pub const fn has_aggregates(&self) -> bool {
        self.aggregates
    }

    /// The engine's flavour.
    #[must_use]
    pub const fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// How many steps made the schema.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.schema.version
    }

    /// The caller's tenant, as its column holds it.
    #[must_use]
    pub fn tenant(&self) -> String {
        self.caller.tenant().to_string()
    }

    /// Refuses a caller without this right.
    ///
    /// # Errors
    /// [`Refusal::NoRight`].
    pub fn require(&self, right: Right) -> Result<(), Refusal> {
        let rights = self.caller.rights();
        let held = match right {
            Right::Read => rights.read,
            Right::Write => rights.write,
        };
        if held {
            Ok(())
        } else {
            Err(Refusal::NoRight(right))
        }
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Refusal::TableUnknown`], also where the caller has nothing of it.
    pub fn table(&self, name: &str) -> Result<Access<'a>, Refusal> {
        let found = self.schema.table(name).and_then(|table| self.access(table));
        found.ok_or_else(|| Refusal::TableUnknown {
            table: name.to_owned(),
            near: nearest(name, self.tables().map(|known| known.table.name.as_str())),
        })
    }

    /// Every table that the caller has something of.
    pub fn tables(&self) -> impl Iterator<Item = Access<'a>> + use<'a> {
        let scope = *self;
        let tables = self.schema.tables.iter();
        tables.filter_map(move |table| scope.access(table))
    }

    /// What a function answers with: no policy is about it.
    #[must_use]
    pub(crate) const fn open(&self, answer: &'a Table) -> Access<'a> {
        Access {
            table: answer,
            grant: Grant::Open,
            scope: *self,
        }
    }

    fn access(&self, table: &'a Table) -> Option<Access<'a>> {
        let grant = self.policies.of(&table.name, self.caller.role());
        let has_any = |column: &Column| {
            let name = column.name.as_str();
            grant.selects(name) || grant.inserts(name) || grant.updates(name)
        };
        let known = grant.deletes() || table.columns.iter().any(has_any);
        known.then_some(Access {
            table,
            grant,
            scope: *self,
        })
    }

    fn claim(&self, name: &str) -> Option<&'a Json> {
        let claims = self.caller.claims();
        if let Some(rest) = name.strip_prefix('/') {
            let (first, deeper) = rest.split_once('/').unwrap_or((rest, ""));
            let first = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
            return match deeper {
                "" => Some(first),
                deeper => first.pointer(&format!("/{deeper}")),
            };
        }
        claims.get(name)
    }
}

/// One table as the caller has it.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    table: &'a Table,
    grant: Grant<'a>,
    scope: Scope<'a>,
}

impl<'a> Access<'a> {
    /// The table.
    #[must_use]
    pub const fn table(&self) -> &'a Table {
        self.table
    }

    /// What the caller has of it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'a> {
        self.grant
    }

    /// What it was reached from.
    #[must_use]
    pub const fn scope(&self) -> Scope<'a> {
        self.scope
    }

    /// A column that the caller may read.
    ///
    /// # Errors
    /// [`Refusal::ColumnUnknown`], also where the caller may not read it.
    pub fn column(&self, name: &str) -> Result<&'a Column, Refusal> {
        let found = self.columns().find(|column| column.name == name);
        found.ok_or_else(|| Refusal::ColumnUnknown {
            table: self.table.name.clone(),
            column: name.to_owned(),
            near: nearest(name, self.columns().map(|column| column.name.as_str())),
        })
    }

    /// The columns that the caller may read.
    pub fn columns(&self) -> impl Iterator<Item = &'a Column> + use<'a> {
        let grant = self.grant;
        let columns = self.table.columns.iter();
        columns.filter(move |column| grant.selects(&column.name))
    }

    /// The tenant's column, where there is one.
    #[must_use]
    pub fn tenant_column(&self) -> Option<&'a Column> {
        self.table.columns.iter().find(|column| column.is_tenant)
    }

    /// These columns without the tenant's.
    pub fn own<'n>(&self, columns: &'n [String]) -> impl Iterator<Item = &'n str> + use<'n, 'a> {
        let tenant = self.tenant_column().map(|column| column.name.as_str());
        let columns = columns.iter().map(String::as_str);
        columns.filter(move |&column| Some(column) != tenant)
    }

    /// The keys that rows are unique by, the primary one first.
    pub fn keys(&self) -> impl Iterator<Item = &'a [String]> + use<'a> {
        let primary = std::iter::once(&self.table.primary_key);
        let keys = primary.chain(&self.table.unique);
        keys.map(Vec::as_slice).filter(|key| !key.is_empty())
    }

    /// Writes what holds of every row of this table that the caller has; at least `TRUE`.
    ///
    /// # Errors
    /// [`Refusal::Denied`] where the policy names a column that is not there.
    pub(crate) fn guard(&self, w: &mut Writer, called: &str) -> Result<(), Refusal> {
        self.tenant_guard(w, called)?;
        if let Some(filter) = self.grant.filter() {
            w.sql(" AND ");
            self.condition(w, called, filter)?;
        }
        Ok(())
    }

    /// Writes that a row is the tenant's: beside row-level security, where tenants share a
    /// table; on SQLite the file holds no other.
    pub(crate) fn tenant_guard(&self, w: &mut Writer, called: &str) -> Result<(), Refusal> {
        match (w.flavour(), self.tenant_column()) {
            (Flavour::Postgres, Some(column)) => {
                w.column(called, &column.name).sql(" = ");
                literal::write(w, column, &self.scope.tenant())
            }
            _ => {
                w.sql("TRUE");
                Ok(())
            }
        }
    }

    /// Writes whether a row's policy lets this caller have made it.
    pub(crate) fn check(&self, w: &mut Writer, called: &str) -> Result<(), Refusal> {
        w.sql("(");
        self.tenant_guard(w, called)?;
        if let Some(check) = self.grant.check() {
            w.sql(" AND ");
            self.condition(w, called, check)?;
        }
        w.sql(") IS TRUE");
        Ok(())
    }

    pub(crate) fn condition(
        &self,
        w: &mut Writer,
        called: &str,
        condition: &Condition,
    ) -> Result<(), Refusal> {
        match condition {
            Condition::All(all) => self.joined(w, called, all, " AND ", "TRUE"),
            Condition::Any(any) => self.joined(w, called, any, " OR ", "FALSE"),
            Condition::Not(not) => {
                w.sql("NOT ");
                self.condition(w, called, not)
            }
            Condition::Null(column) => {
                let column = self.policy_column(column)?;
                w.sql("(").column(called, &column.name).sql(" IS NULL)");
                Ok(())
            }
            Condition::Compare(comparison) => self.comparison(w, called, comparison),
        }
    }

    fn joined(
        &self,
        w: &mut Writer,
        called: &str,
        all: &[Condition],
        between: &str,
        none: &str,
    ) -> Result<(), Refusal> {
        if all.is_empty() {
            w.sql(none);
            return Ok(());
        }
        w.sql("(");
        w.separated(between, all, |w, one| self.condition(w, called, one))?;
        w.sql(")");
        Ok(())
    }

    fn comparison(
        &self,
        w: &mut Writer,
        called: &str,
        comparison: &Comparison,
    ) -> Result<(), Refusal> {
        let column = self.policy_column(&comparison.column)?;
        let list = comparison.is == Relation::In;
        let known = self.operand(&comparison.to);
        let Some(values) = known.filter(|values| list || values.len() == 1) else {
            // Unknown: neither this nor its opposite holds.
            w.sql("NULL");
            return Ok(());
        };
        let operator = match comparison.is {
            Relation::Eq => " = ",
            Relation::Neq => " <> ",
            Relation::Gt => " > ",
            Relation::Gte => " >= ",
            Relation::Lt => " < ",
            Relation::Lte => " <= ",
            Relation::In if values.is_empty() => {
                w.sql("FALSE");
                return Ok(());
            }
            Relation::In => " IN ",
        };
        w.sql("(")
            .column(called, &column.name)
            .sql(operator)
            .sql("(");
        w.separated(", ", &values, |w, value| literal::write(w, column, value))?;
        w.sql("))");
        Ok(())
    }

    /// The values of an operand; `None` where they are not known, or are no values.
    fn operand(&self, operand: &Operand) -> Option<Vec<String>> {
        let claim = match operand {
            Operand::Literal(scalar) => {
                return Some(vec![match scalar {
                    Scalar::Bool(value) => value.to_string(),
                    Scalar::Int(value) => value.to_string(),
                    Scalar::Real(value) => value.to_string(),
                    Scalar::Text(value) => value.clone(),
                }]);
            }
            Operand::Claim(name) if name == "sub" => {
                return Some(vec![self.scope.caller.sub().to_owned()]);
            }
            Operand::Claim(name) => self.scope.claim(name)?,
        };
        match claim {
            Json::Array(values) => values.iter().map(plain).collect(),
            value => plain(value).map(|value| vec![value]),
        }
    }

    fn policy_column(&self, name: &str) -> Result<&'a Column, Refusal> {
        let column = self.table.column(name);
        column.ok_or_else(|| Refusal::Denied(format!("table {}", self.table.name)))
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
