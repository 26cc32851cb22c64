//! What is taken and given.

use crate::caller::InRole;
use crate::engine::ResultSet;
use crate::plan::Policies;
use crate::plan::policy::Grant;
use crate::schema::{Column, ForeignKey, Schema, Table};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

/// One statement of SQL.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryRequest {
    /// The statement: SELECT, INSERT, UPDATE or DELETE.
    pub(super) sql: String,
    /// Its parameters, in their order.
    #[serde(default)]
    pub(super) params: Vec<Json>,
    /// How long it may take, at most as long as the realm lets it.
    pub(super) timeout_ms: Option<u64>,
    /// For operators: what would become of it if these were to ask. Nothing is run.
    pub(super) explain_as: Option<ExplainAs>,
}

/// The same by GET; statements that write are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryParams {
    pub(super) sql: Option<String>,
    /// A number, as texts are all that a query has.
    pub(super) timeout_ms: Option<String>,
}

/// Somebody else, as whom a statement is explained.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainAs {
    /// The tenant it acts in.
    pub(super) tenant: String,
    /// Its `sub`. Default: the operator's own.
    pub(super) sub: Option<String>,
    /// The role in force. Default: none.
    pub(super) role: Option<String>,
    /// Its scopes. Default: the one that lets read.
    pub(super) scopes: Option<Vec<String>>,
    /// Its token's claims. Default: none.
    #[serde(default)]
    pub(super) claims: Map<String, Json>,
}

/// Rows.
#[derive(Serialize, ToSchema)]
pub(super) struct Rows {
    /// The names of the columns.
    columns: Vec<String>,
    /// Their types, as the database names them.
    types: Vec<String>,
    /// The rows, each a list of values in the order of the columns.
    rows: Vec<Vec<Json>>,
    /// How many rows there are.
    row_count: usize,
    /// How many rows were changed.
    affected: u64,
}

impl From<ResultSet> for Rows {
    fn from(result: ResultSet) -> Self {
        let (columns, types) = result.columns.into_iter().unzip();
        let values = |row: Vec<crate::Value>| row.into_iter().map(crate::Value::into_json);
        let rows: Vec<Vec<Json>> = result
            .rows
            .into_iter()
            .map(|row| values(row).collect())
            .collect();
        Self {
            columns,
            types,
            row_count: rows.len(),
            rows,
            affected: result.affected,
        }
    }
}

/// What a caller finds here.
#[derive(Serialize, ToSchema)]
pub(super) struct Info {
    /// Which SQL is spoken: `sqlite` or `postgresql`.
    pub(super) engine: &'static str,
    /// The caller's tenant: the rows of no other are seen.
    pub(super) tenant: String,
    /// What the caller may do: `read`, `write`, `schema`.
    pub(super) rights: Vec<&'static str>,
    /// The most rows of one answer.
    pub(super) max_rows: usize,
    /// The largest answer, bytes.
    pub(super) max_bytes: usize,
    /// How long a query may take, milliseconds.
    pub(super) timeout_ms: u64,
}

/// What would become of a statement.
#[derive(Serialize, ToSchema)]
pub(super) struct Explained {
    /// `allow` or `refuse`.
    pub(super) decision: &'static str,
    /// The code it would be refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// The tenant whose rows it would see.
    pub(super) tenant: String,
    /// What the caller could do.
    pub(super) rights: Vec<&'static str>,
    /// The statement as it would be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statement: Option<String>,
    /// The database's plan for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Rows>,
}

/// A change of the schema.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemaRequest {
    /// The statements, as one step. A step that was applied before changes nothing.
    pub(super) ddl: String,
}

/// What became of a change.
#[derive(Serialize, ToSchema)]
pub(super) struct SchemaChanged {
    /// How many steps made the schema.
    pub(super) version: u64,
}

/// The schema.
#[derive(Serialize, ToSchema)]
pub(super) struct SchemaView<'s> {
    /// How many steps made it.
    version: u64,
    /// Its tables and views.
    tables: Vec<TableView<'s>>,
}

#[derive(Serialize, ToSchema)]
struct TableView<'s> {
    name: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'s str>,
    is_view: bool,
    columns: Vec<ColumnView<'s>>,
    primary_key: &'s [String],
    unique: Vec<&'s [String]>,
    foreign_keys: Vec<ForeignKeyView<'s>>,
}

#[derive(Serialize, ToSchema)]
struct ColumnView<'s> {
    name: &'s str,
    #[serde(rename = "type")]
    type_name: &'s str,
    nullable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'s str>,
    /// Filled and held by the server.
    is_tenant: bool,
}

#[derive(Serialize, ToSchema)]
struct ForeignKeyView<'s> {
    name: &'s str,
    columns: &'s [String],
    table: &'s str,
    foreign_columns: &'s [String],
}

/// What of the schema is shown.
#[derive(Clone, Copy)]
pub(super) enum Sees<'p> {
    /// All.
    All,
    /// What these policies give to this role.
    Granted(&'p Policies, &'p InRole),
}

impl Sees<'_> {
    fn table(self, table: &str) -> bool {
        match self {
            Self::All => true,
            Self::Granted(policies, role) => policies.of(table, role) != Grant::Closed,
        }
    }

    fn column(self, table: &str, column: &str) -> bool {
        match self {
            Self::All => true,
            Self::Granted(policies, role) => {
                let grant = policies.of(table, role);
                grant.selects(column) || grant.inserts(column) || grant.updates(column)
            }
        }
    }

    /// Whether all of these columns are shown: of a key no part is told.
    fn columns(self, table: &str, columns: &[String]) -> bool {
        columns.iter().all(|column| self.column(table, column))
    }
}

impl<'s> SchemaView<'s> {
    pub(super) fn of(schema: &'s Schema, sees: Sees<'_>) -> Self {
        let tables = schema.tables.iter().filter(|of| sees.table(&of.name));
        Self {
            version: schema.version,
            tables: tables.map(|of| table(of, sees)).collect(),
        }
    }
}

fn table<'s>(of: &'s Table, sees: Sees<'_>) -> TableView<'s> {
    let name = of.name.as_str();
    let columns = of.columns.iter();
    let columns = columns.filter(|column| sees.column(name, &column.name));
    let unique = of.unique.iter().filter(|key| sees.columns(name, key));
    let foreign_keys = of.foreign_keys.iter().filter(|key| {
        sees.columns(name, &key.columns)
            && sees.table(&key.table)
            && sees.columns(&key.table, &key.foreign_columns)
    });
    TableView {
        name,
        comment: of.comment.as_deref(),
        is_view: of.is_view,
        columns: columns.map(column).collect(),
        primary_key: if sees.columns(name, &of.primary_key) {
            &of.primary_key
        } else {
            &[]
        },
        unique: unique.map(Vec::as_slice).collect(),
        foreign_keys: foreign_keys.map(foreign_key).collect(),
    }
}

fn column(column: &Column) -> ColumnView<'_> {
    ColumnView {
        name: &column.name,
        type_name: &column.type_name,
        nullable: column.nullable,
        default: column.default.as_deref(),
        is_tenant: column.is_tenant,
    }
}

fn foreign_key(key: &ForeignKey) -> ForeignKeyView<'_> {
    ForeignKeyView {
        name: &key.name,
        columns: &key.columns,
        table: &key.table,
        foreign_columns: &key.foreign_columns,
    }
}
