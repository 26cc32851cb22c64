//! How a transaction becomes a tenant's: by Doorward's context, proven with a key that lasts
//! as long as the transaction, or by SQL of the user's. Not here: the transaction (`stage`).

use crate::fault::{Fault, FaultKind};
use crate::postgres::literal;
use serde_json::json;
use tokio_postgres::Client;

/// The way.
#[derive(Clone, Debug)]
pub(super) enum Context {
    /// Doorward's functions.
    Doorward,
    /// SQL in which `$1` is the tenant.
    Sql(String),
}

/// In a transaction that is undone, whoever is connected may prove contexts by this key.
const KEY: &str = "INSERT INTO doorward.rows_key
    SELECT session_user, k, k, k, k FROM (SELECT sha256('doorward prove') AS k) AS one
    ON CONFLICT (role) DO UPDATE SET open_inner = EXCLUDED.open_inner,
        open_outer = EXCLUDED.open_outer, seal_inner = EXCLUDED.seal_inner,
        seal_outer = EXCLUDED.seal_outer";

impl Context {
    /// The user's, or Doorward's where it is installed.
    pub(super) async fn of(client: &Client, sql: Option<&String>) -> Result<Self, Fault> {
        if let Some(sql) = sql {
            return match sql.contains("$1") {
                true => Ok(Self::Sql(sql.clone())),
                false => Err(wrong("the context's SQL does not hold $1 for the tenant")),
            };
        }
        let there = "SELECT to_regclass('doorward.rows_key') IS NOT NULL
            AND to_regprocedure('auth.begin(text, bigint, bytea)') IS NOT NULL";
        let row = client.query_one(there, &[]).await;
        let there = row.and_then(|row| row.try_get::<_, bool>(0));
        match there {
            Ok(true) => Ok(Self::Doorward),
            _ => Err(wrong(
                "Doorward's functions are not installed here, so the SQL that makes a \
                 transaction a tenant's is needed",
            )
            .hint("--context \"SELECT set_config('app.tenant_id', $1, true)\"")),
        }
    }

    /// What a transaction needs before it takes contexts.
    pub(super) const fn prepare(&self) -> Option<&'static str> {
        match self {
            Self::Doorward => Some(KEY),
            Self::Sql(_) => None,
        }
    }

    /// The SQL that makes the transaction this tenant's.
    pub(super) fn enter(&self, tenant: &str) -> String {
        match self {
            Self::Sql(sql) => sql.replace("$1", &literal(tenant)),
            Self::Doorward => {
                let claims = json!({"tenant_id": tenant, "sub": "prove", "role": null,
                    "credential_id": null, "credential_kind": null,
                    "jwt": {"tenant_id": tenant, "sub": "prove"}});
                format!(
                    "SELECT auth.begin(c, u, sha256(k || sha256(k || int4send(pg_backend_pid())
                        || convert_to(lpad(u::text, 12, '0') || c, 'UTF8'))))
                     FROM (SELECT {}::text AS c, 99999999999::bigint AS u,
                        sha256('doorward prove') AS k) AS one",
                    literal(&claims.to_string())
                )
            }
        }
    }
}

pub(super) fn wrong(words: &str) -> Fault {
    Fault::because(FaultKind::RequestInvalid, words)
}
