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

/// For whom, and by which column.
#[derive(Clone, Copy)]
pub(super) struct Protection<'a> {
    pub(super) role: &'a str,
    pub(super) schema: &'a str,
    pub(super) tenant: &'a str,
}

/// What each table lacks is done to it; what it has is left.
const TABLES: &str = "
    SELECT c.relname::text,
        (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped),
        c.relrowsecurity AND c.relforcerowsecurity
            AND (SELECT count(*) FROM pg_policy p
                WHERE p.polrelid = c.oid AND p.polname IN ($3, $4)) = 2,
        EXISTS (SELECT FROM pg_index i JOIN pg_attribute a
            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = c.oid AND a.attname = $2 AND i.indpred IS NULL),
        coalesce((SELECT pg_get_expr(d.adbin, d.adrelid) = 'auth.tenant_id()'
            AND a.attnotnull
            FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attname = $2), false),
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
        .query(TABLES, &[&schema, &of.tenant, &FENCE, &DOOR, &of.role])
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
            granted: row.try_get(5).map_err(failed)?,
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
        all.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {own}, \
             ALTER COLUMN {column} SET NOT NULL"
        ));
    }
    if !state.fenced {
        let same = format!("{column} = (SELECT {own})");
        all.push(format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        ));
        all.push(format!("DROP POLICY IF EXISTS {FENCE} ON {table}"));
        all.push(format!(
            "CREATE POLICY {FENCE} ON {table} AS RESTRICTIVE FOR ALL TO PUBLIC \
             USING ({same}) WITH CHECK ({same})"
        ));
        all.push(format!("DROP POLICY IF EXISTS {DOOR} ON {table}"));
        all.push(format!(
            "CREATE POLICY {DOOR} ON {table} AS PERMISSIVE FOR ALL TO {role} \
             USING (true) WITH CHECK (true)"
        ));
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

/// Views that run with their reader's rights, and the sequences behind columns.
async fn grant_others(transaction: &Transaction<'_>, of: Protection<'_>) -> Result<(), Fault> {
    let grant = format!(
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
    );
    let done = transaction.batch_execute(&grant).await;
    done.map_err(|error| error::of_step(&error))
}
