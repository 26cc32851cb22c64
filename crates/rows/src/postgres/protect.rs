//! Binds a table's rows to tenants: its column, its policies, its rights. The fence is
//! restrictive, so that no policy that somebody adds can widen it. Not here: whether its
//! keys hold the tenant (`lint`).

use super::error;
use super::quote::{ident, literal};
use crate::fault::Fault;
use tokio_postgres::{GenericClient, Transaction};

/// The policy that no other can widen.
pub(super) const FENCE: &str = "doorward_tenant";
/// The policy that lets the caller role in at all.
pub(super) const DOOR: &str = "doorward_rows";
/// The policy by which other applications see what they saw before.
const OTHERS: &str = "doorward_others";

/// For whom, and by which column.
#[derive(Clone, Copy)]
pub(super) struct Protection<'a> {
    pub(super) role: &'a str,
    pub(super) schema: &'a str,
    pub(super) tenant: &'a str,
    /// Roles of other applications, in alphabetical order, each once.
    pub(super) others: &'a [String],
    /// Whether every table of the schema is to be bound.
    pub(super) own: bool,
}

/// What each table lacks is done to it; what it has is left.
const TABLES: &str = "
    SELECT c.relname::text,
        (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped),
        c.relrowsecurity AND c.relforcerowsecurity
            AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $3
                AND p.polroles = ARRAY[CASE WHEN $6::text[] = '{}' THEN 0::oid ELSE
                    (SELECT r.oid FROM pg_roles r WHERE r.rolname = $5) END])
            AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $4)
            AND $6::text[] = (SELECT coalesce(array_agg(r.rolname::text
                    ORDER BY r.rolname::text COLLATE \"C\"), '{}')
                FROM pg_policy p JOIN pg_roles r ON r.oid = ANY (p.polroles)
                WHERE p.polrelid = c.oid AND p.polname = $7),
        EXISTS (SELECT FROM pg_index i JOIN pg_attribute a
            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = c.oid AND a.attname = $2 AND i.indpred IS NULL),
        coalesce((SELECT strpos(pg_get_expr(d.adbin, d.adrelid), 'auth.tenant_id()') > 0
            AND a.attnotnull
            FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attname = $2), false),
        (SELECT pg_get_expr(d.adbin, d.adrelid)
            FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attname = $2),
        has_table_privilege($5::name, c.oid, 'SELECT') AND has_table_privilege($5::name, c.oid,
            'INSERT') AND has_table_privilege($5::name, c.oid, 'UPDATE')
            AND has_table_privilege($5::name, c.oid, 'DELETE')
    FROM pg_class c
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
    ORDER BY c.relname";

/// What would be done to every table of the schema, or to those that are named; `rls install`
/// shows it before it does it.
pub(super) async fn plan<C: GenericClient + Sync>(
    client: &C,
    of: Protection<'_>,
    only: Option<&[String]>,
) -> Result<Vec<String>, Fault> {
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let schema = ident(of.schema);
    let tables = client
        .query(
            TABLES,
            &[
                &schema, &of.tenant, &FENCE, &DOOR, &of.role, &of.others, &OTHERS,
            ],
        )
        .await
        .map_err(failed)?;
    let mut all = Vec::new();
    for row in &tables {
        let name: String = row.try_get(0).map_err(failed)?;
        if only.is_some_and(|only| !only.contains(&name)) {
            continue;
        }
        let state = State {
            kind: row.try_get(1).map_err(failed)?,
            fenced: row.try_get(2).map_err(failed)?,
            indexed: row.try_get(3).map_err(failed)?,
            filled: row.try_get(4).map_err(failed)?,
            default: row.try_get(5).map_err(failed)?,
            granted: row.try_get(6).map_err(failed)?,
        };
        all.extend(todo(&name, of, &state));
    }
    Ok(all)
}

/// Does it.
pub(super) async fn protect(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    only: Option<&[String]>,
) -> Result<(), Fault> {
    for statement in plan(transaction, of, only).await? {
        let done = transaction.batch_execute(&statement).await;
        done.map_err(|error| error::of_step(&error))?;
    }
    grant_others(transaction, of).await
}

/// What a table has of it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts of one row of the catalogue"
)]
struct State {
    /// The type of the tenant's column, where there is one.
    kind: Option<String>,
    fenced: bool,
    indexed: bool,
    filled: bool,
    /// What the column is filled with, where it is.
    default: Option<String>,
    granted: bool,
}

/// The statements for one table.
fn todo(name: &str, of: Protection<'_>, state: &State) -> Vec<String> {
    let table = format!("{}.{}", ident(of.schema), ident(name));
    let (column, role) = (ident(of.tenant), ident(of.role));
    let kind = state.kind.as_deref().unwrap_or("text");
    let own = match kind {
        "uuid" | "bigint" | "integer" => format!("auth.tenant_id()::{kind}"),
        _ => "auth.tenant_id()".to_owned(),
    };
    let mut all: Vec<String> = Vec::new();
    if state.kind.is_none() {
        all.push(format!(
            "ALTER TABLE {table} ADD COLUMN {column} text NOT NULL DEFAULT auth.tenant_id()"
        ));
    } else if !state.filled {
        // What other applications were given, they are given still.
        let filled = match &state.default {
            Some(before) if !before.contains("auth.tenant_id()") => {
                format!("coalesce({own}, {before})")
            }
            _ => own.clone(),
        };
        all.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {filled}, \
             ALTER COLUMN {column} SET NOT NULL"
        ));
    }
    if !state.fenced {
        all.extend(fence(&table, of, &own));
    }
    if !state.indexed {
        all.push(format!("CREATE INDEX ON {table} ({column})"));
    }
    if !state.granted {
        all.push(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"
        ));
    }
    all
}

/// Row-level security and its policies.
fn fence(table: &str, of: Protection<'_>, own: &str) -> Vec<String> {
    let (column, role) = (ident(of.tenant), ident(of.role));
    let mut all = Vec::new();
    // A fence around everybody would hold the others too.
    let bound = match of.others {
        [] => "PUBLIC",
        _ => role.as_str(),
    };
    let same = format!("{column} = (SELECT {own})");
    all.push(format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    ));
    all.push(format!("DROP POLICY IF EXISTS {FENCE} ON {table}"));
    all.push(format!(
        "CREATE POLICY {FENCE} ON {table} AS RESTRICTIVE FOR ALL TO {bound} \
         USING ({same}) WITH CHECK ({same})"
    ));
    all.push(format!("DROP POLICY IF EXISTS {OTHERS} ON {table}"));
    if !of.others.is_empty() {
        let others: Vec<String> = of.others.iter().map(|name| ident(name)).collect();
        all.push(format!(
            "CREATE POLICY {OTHERS} ON {table} AS PERMISSIVE FOR ALL TO {} \
             USING (true) WITH CHECK (true)",
            others.join(", ")
        ));
    }
    all.push(format!("DROP POLICY IF EXISTS {DOOR} ON {table}"));
    all.push(format!(
        "CREATE POLICY {DOOR} ON {table} AS PERMISSIVE FOR ALL TO {role} \
         USING (true) WITH CHECK (true)"
    ));
    all
}

async fn grant_others(transaction: &Transaction<'_>, of: Protection<'_>) -> Result<(), Fault> {
    let done = transaction.batch_execute(&further_grants(of)).await;
    done.map_err(|error| error::of_step(&error))
}

/// Views that run with their reader's rights, and the sequences behind columns.
pub(super) fn further_grants(of: Protection<'_>) -> String {
    format!(
        "DO $do$ DECLARE o record; BEGIN \
         FOR o IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c \
             WHERE c.relnamespace = to_regnamespace({schema}) AND (c.relkind = 'v' \
                 AND 'security_invoker=true' = ANY (c.reloptions) \
                 OR c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid \
                     AND d.classid = 'pg_class'::regclass AND d.deptype = 'a')) LOOP \
             EXECUTE format('GRANT %s ON %s TO %s', CASE o.relkind WHEN 'v' \
                 THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'USAGE' END, \
                 CASE o.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || o.name, {role}); \
         END LOOP; END $do$",
        schema = literal(&ident(of.schema)),
        role = literal(&ident(of.role)),
    )
}

/// The tables of the schema that callers do not get at, by number: what a step leaves alone
/// in a database that is not Doorward's.
pub(super) async fn unbound(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
) -> Result<Vec<u32>, Fault> {
    const UNBOUND: &str = "SELECT c.oid FROM pg_class c \
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') \
        AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $2)";
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let rows = transaction
        .query(UNBOUND, &[&ident(of.schema), &DOOR])
        .await;
    let rows = rows.map_err(failed)?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(failed))
        .collect()
}

/// The names of the tables of the schema, without these.
pub(super) async fn names_without(
    transaction: &Transaction<'_>,
    of: Protection<'_>,
    without: &[u32],
) -> Result<Vec<String>, Fault> {
    const NAMES: &str = "SELECT c.relname::text FROM pg_class c \
        WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') \
        AND c.oid <> ALL ($2) ORDER BY 1";
    let failed = |error: tokio_postgres::Error| error::of_step(&error);
    let rows = transaction
        .query(NAMES, &[&ident(of.schema), &without])
        .await;
    let rows = rows.map_err(failed)?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(failed))
        .collect()
}
