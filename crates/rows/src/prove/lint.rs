//! Two more looks at the catalogue, at what statements alone may not show. Not here: the
//! lints that Doorward's own databases are held to (`postgres`).

use super::Proof;
use super::stage::{Stage, failed, get};
use crate::fault::Fault;

/// Columns that count by a sequence which all tenants share.
const SEQUENCES: &str = "
    SELECT format('%I.%I (%I)', n.nspname, c.relname, a.attname),
        format('-- a key by tenant and number, or a random one: ALTER TABLE %I.%I ALTER %I \
            SET DEFAULT gen_random_uuid()', n.nspname, c.relname, a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
        AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%')
        AND has_any_column_privilege($2::name, c.oid, 'INSERT')
        AND has_column_privilege($2::name, c.oid, a.attnum, 'SELECT')
    ORDER BY 1";

/// Tenants' columns that a setting fills in.
const DEFAULTS: &str = "
    SELECT format('%I.%I (%I)', n.nspname, c.relname, a.attname),
        format('ALTER TABLE %I.%I ALTER %I SET DEFAULT auth.tenant_id()',
            n.nspname, c.relname, a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
    JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE n.nspname = $1 AND has_any_column_privilege($2::name, c.oid, 'INSERT')
        AND pg_get_expr(d.adbin, d.adrelid) ~* 'current_setting'
    ORDER BY 1";

/// What they find.
pub(super) async fn more(stage: &Stage, schema: &str, tenant: &str) -> Result<Vec<Proof>, Fault> {
    let mut findings = Vec::new();
    let role = &stage.role;
    let shared = stage.client.query(SEQUENCES, &[&schema, role]).await;
    for row in shared.map_err(|error| failed(&error))? {
        findings.push(Proof {
            code: "sequence_shared".to_owned(),
            object: get(&row, 0)?,
            says: "tenants share a sequence: its gaps tell how much the others insert".to_owned(),
            sql: get(&row, 1)?,
        });
    }
    let set = stage
        .client
        .query(DEFAULTS, &[&schema, role, &tenant])
        .await;
    for row in set.map_err(|error| failed(&error))? {
        findings.push(Proof {
            code: "tenant_from_setting".to_owned(),
            object: get(&row, 0)?,
            says: "a setting, which whoever writes SQL can set, fills in the tenant".to_owned(),
            sql: get(&row, 1)?,
        });
    }
    Ok(findings)
}
