//! What a database needs before it serves rows: a server that is new enough, the schemas
//! `auth` and `doorward`, the caller role with exactly its rights. All of it is idempotent,
//! and nothing is written where nothing changed. Not here: tables (`protect`).

use super::connect::{Connector, PostgresRowsSettings};
use super::error;
use super::quote::{ident, literal};
use super::secret::{Secrets, digest_of};
use crate::fault::{Fault, FaultKind};
use tokio_postgres::{Client, Transaction};

const AUTH: &str = include_str!("auth.sql");
/// The oldest version that is served, as `server_version_num` writes it.
const OLDEST: i32 = 150_000;
/// What only one process at a time may do to a database.
pub(super) const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('doorward rows schema', 0))";
const MINE: &str = "Doorward: who the caller is";

/// Brings a database to where callers can be served. What it did before it does not do again.
pub(super) async fn install(
    owner: &mut Client,
    connector: &Connector,
    secrets: &Secrets,
    settings: &PostgresRowsSettings,
) -> Result<(), Fault> {
    examine(owner).await?;
    let transaction = owner.transaction().await.map_err(|error| failed(&error))?;
    let done = prepare(&transaction, connector, secrets, settings).await?;
    transaction.commit().await.map_err(|error| failed(&error))?;
    finish(owner, connector, secrets, settings, !done.is_empty()).await
}

/// Does what is not done yet, and says it as it may be shown: without what is derived from
/// the seed.
pub(super) async fn prepare(
    transaction: &Transaction<'_>,
    connector: &Connector,
    secrets: &Secrets,
    settings: &PostgresRowsSettings,
) -> Result<Vec<String>, Fault> {
    let wanted = wanted(connector, secrets, settings);
    let locked = transaction.batch_execute(LOCK).await;
    locked.map_err(|error| failed(&error))?;
    if is_installed(transaction, &connector.role, &wanted).await? {
        return Ok(Vec::new());
    }
    let mut shown = schemas(transaction).await?;
    shown.extend(role(transaction, connector, secrets).await?);
    shown.push(rights(transaction, connector, settings).await?);
    keys(transaction, &connector.role, secrets).await?;
    let done = "INSERT INTO doorward.rows_install (role, digest) VALUES ($1, $2) \
                ON CONFLICT (role) DO UPDATE SET digest = EXCLUDED.digest";
    transaction
        .execute(done, &[&connector.role, &wanted])
        .await
        .map_err(|error| failed(&error))?;
    shown.push("-- and the role's keys in doorward.rows_key, which are not shown".to_owned());
    Ok(shown)
}

/// What follows once it is committed.
pub(super) async fn finish(
    owner: &Client,
    connector: &Connector,
    secrets: &Secrets,
    settings: &PostgresRowsSettings,
    is_new: bool,
) -> Result<(), Fault> {
    // Before anybody logs in as the role: a pooler keeps sessions as they began.
    if is_new {
        hide_activity(owner, &connector.role).await;
        if settings.own_database {
            fence(owner, settings).await;
        }
    }
    if connector.caller().await.is_err() {
        password(owner, connector, secrets).await?;
    }
    Ok(())
}

fn failed(error: &tokio_postgres::Error) -> Fault {
    error::opening(error)
}

fn refused(words: impl Into<String>) -> Fault {
    Fault::because(FaultKind::Unavailable, words)
}

pub(super) async fn examine(owner: &Client) -> Result<(), Fault> {
    let row = owner
        .query_one(
            "SELECT current_setting('server_version_num')::int4, current_setting('server_version'), \
                 pg_is_in_recovery(), current_setting('server_encoding')",
            &[],
        )
        .await
        .map_err(|error| failed(&error))?;
    let (number, version): (i32, String) = (
        row.try_get(0).map_err(|error| failed(&error))?,
        row.try_get(1).map_err(|error| failed(&error))?,
    );
    let (standby, encoding): (bool, String) = (
        row.try_get(2).map_err(|error| failed(&error))?,
        row.try_get(3).map_err(|error| failed(&error))?,
    );
    if number < OLDEST {
        let words = format!("the rows' server is PostgreSQL {version}; 15 or newer is needed");
        return Err(refused(words));
    }
    if is_outdated(number) {
        tracing::warn!(
            version,
            "this minor release of PostgreSQL has a known fault in row-level security under \
             changing roles; rows are served by one role, but update it"
        );
    }
    if standby {
        return Err(refused(
            "the rows' server is a standby that cannot be written; name the primary",
        ));
    }
    if encoding != "UTF8" {
        let words = format!("the rows' database is in {encoding}; it must be in UTF8");
        return Err(refused(words));
    }
    Ok(())
}

/// Before the fix of CVE-2026-14666.
fn is_outdated(version: i32) -> bool {
    let fixed = match version / 10_000 {
        15 => 150_019,
        16 => 160_015,
        17 => 170_011,
        _ => 180_006,
    };
    version < fixed
}

/// Takes the functions that run a text as SQL, keep things outside tables, end or hold up other
/// sessions. What callers say does not reach them; this holds where that check falls.
const FUNCTIONS: &str = "DO $$ DECLARE f regprocedure; BEGIN \
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (\
        proname IN ('ts_stat', 'loread', 'lowrite', 'pg_terminate_backend', 'pg_cancel_backend') \
        OR proname ~ '^lo_|_to_xml(schema|_and_xmlschema)?$|^pg_(try_)?advisory_(xact_)?lock|^pg_sleep') \
    LOOP EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f); END LOOP; END $$";

/// The digest of everything that is installed.
fn wanted(connector: &Connector, secrets: &Secrets, settings: &PostgresRowsSettings) -> String {
    let (schema, own) = (&settings.schema, settings.own_database);
    let mut all = format!("{AUTH}\0{FUNCTIONS}\0{}\0{schema}\0{own}", connector.role);
    for pad in secrets.pads() {
        all.push('\0');
        all.push_str(&literal_bytes(&pad));
    }
    digest_of(&all)
}

async fn is_installed(
    transaction: &Transaction<'_>,
    role: &str,
    wanted: &str,
) -> Result<bool, Fault> {
    let there = "SELECT to_regclass('doorward.rows_install') IS NOT NULL";
    let there = transaction
        .query_one(there, &[])
        .await
        .map_err(|error| failed(&error))?;
    if !there
        .try_get::<_, bool>(0)
        .map_err(|error| failed(&error))?
    {
        return Ok(false);
    }
    let same = "SELECT EXISTS (SELECT FROM doorward.rows_install i \
                JOIN pg_roles r ON r.rolname = i.role WHERE i.role = $1 AND i.digest = $2)";
    let same = transaction
        .query_one(same, &[&role, &wanted])
        .await
        .map_err(|error| failed(&error))?;
    same.try_get(0).map_err(|error| failed(&error))
}

async fn schemas(transaction: &Transaction<'_>) -> Result<Vec<String>, Fault> {
    let whose = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace \
                 WHERE nspname = 'auth'";
    let whose = transaction
        .query_opt(whose, &[])
        .await
        .map_err(|error| failed(&error))?;
    if let Some(row) = whose {
        let comment: Option<String> = row.try_get(0).map_err(|error| failed(&error))?;
        if !comment.is_some_and(|comment| comment.starts_with(MINE)) {
            return Err(refused(
                "the rows' database has a schema auth that is not Doorward's; use another database",
            ));
        }
    }
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS doorward; CREATE SCHEMA IF NOT EXISTS auth; \
         COMMENT ON SCHEMA auth IS {}; \
         CREATE TABLE IF NOT EXISTS doorward.rows_install (role name PRIMARY KEY, digest text NOT NULL); \
         CREATE TABLE IF NOT EXISTS doorward.rows_step (number bigint GENERATED ALWAYS AS IDENTITY, \
             schema name NOT NULL, digest text NOT NULL, ddl text NOT NULL, \
             applied timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (schema, digest)); \
         REVOKE ALL ON ALL TABLES IN SCHEMA doorward FROM PUBLIC",
        literal(MINE)
    );
    transaction
        .batch_execute(&make)
        .await
        .map_err(|error| failed(&error))?;
    transaction
        .batch_execute(AUTH)
        .await
        .map_err(|error| failed(&error))?;
    Ok(vec![make, AUTH.to_owned()])
}

async fn role(
    transaction: &Transaction<'_>,
    connector: &Connector,
    secrets: &Secrets,
) -> Result<Option<String>, Fault> {
    let there = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
    let there = transaction
        .query_one(there, &[&connector.role])
        .await
        .map_err(|error| failed(&error))?;
    if there.try_get(0).map_err(|error| failed(&error))? {
        return Ok(None);
    }
    let make = |verifier: &str| {
        format!(
            "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION \
             NOINHERIT PASSWORD {}",
            ident(&connector.role),
            literal(verifier)
        )
    };
    let with_password = make(&secrets.verifier());
    let made = transaction.batch_execute(&with_password).await;
    made.map_err(|error| {
        failed(&error).hint(format!(
            "have somebody who may create roles run: {with_password}"
        ))
    })?;
    Ok(Some(make("…")))
}

/// The seed changed, or somebody set another password.
async fn password(owner: &Client, connector: &Connector, secrets: &Secrets) -> Result<(), Fault> {
    let set = format!(
        "ALTER ROLE {} LOGIN PASSWORD {}",
        ident(&connector.role),
        literal(&secrets.verifier())
    );
    let done = owner.batch_execute(&set).await;
    done.map_err(|error| {
        failed(&error).hint(format!("have somebody who may alter roles run: {set}"))
    })?;
    // It must be let in now, or nobody is served.
    connector
        .caller()
        .await
        .map(drop)
        .map_err(|error| failed(&error))
}

/// What the role may, and how its sessions begin; what is said later in a session goes back
/// to this between callers.
async fn rights(
    transaction: &Transaction<'_>,
    connector: &Connector,
    settings: &PostgresRowsSettings,
) -> Result<String, Fault> {
    let (role, schema) = (ident(&connector.role), ident(&settings.schema));
    let database = transaction
        .query_one("SELECT current_database()::text", &[])
        .await
        .map_err(|error| failed(&error))?;
    let database: String = database.try_get(0).map_err(|error| failed(&error))?;
    let here = format!("ALTER ROLE {role} IN DATABASE {} SET", ident(&database));
    let all = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; \
         GRANT CONNECT ON DATABASE {} TO {role}; \
         GRANT USAGE ON SCHEMA {schema}, auth TO {role}; \
         GRANT EXECUTE ON FUNCTION auth.begin(text, bigint, bytea), \
             auth.next_id(regclass, text) TO {role}; \
         {here} search_path = {schema}, pg_temp; \
         {here} default_transaction_read_only = on; \
         {here} idle_in_transaction_session_timeout = '60s'; \
         {here} statement_timeout = '60s'; \
         {here} jit = off; {here} timezone = 'UTC'; {here} row_security = on",
        ident(&database)
    );
    transaction
        .batch_execute(&all)
        .await
        .map_err(|error| failed(&error))?;
    Ok(all)
}

async fn keys(transaction: &Transaction<'_>, role: &str, secrets: &Secrets) -> Result<(), Fault> {
    let [open_inner, open_outer, seal_inner, seal_outer] = secrets.pads();
    let put = "INSERT INTO doorward.rows_key VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (role) DO UPDATE SET open_inner = EXCLUDED.open_inner, \
               open_outer = EXCLUDED.open_outer, seal_inner = EXCLUDED.seal_inner, \
               seal_outer = EXCLUDED.seal_outer";
    transaction
        .execute(
            put,
            &[&role, &open_inner, &open_outer, &seal_inner, &seal_outer],
        )
        .await
        .map(drop)
        .map_err(|error| failed(&error))
}

/// Callers share a role, and each may see what the role runs. Only a superuser may change
/// that; where the owner is none, a lint names it.
async fn hide_activity(owner: &Client, role: &str) {
    let hide = format!("ALTER ROLE {} SET track_activities = off", ident(role));
    take(owner, &hide).await;
}

/// Takes from everybody, in a database of ours, what PostgreSQL gives to everybody and
/// callers have no use for. What this owner may not take, the lints name.
async fn fence(owner: &Client, settings: &PostgresRowsSettings) {
    let schema = ident(&settings.schema);
    take(
        owner,
        "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', \
         current_database()); END $$",
    )
    .await;
    take(owner, FUNCTIONS).await;
    take(
        owner,
        &format!("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"),
    )
    .await;
}

async fn take(owner: &Client, taken: &str) {
    if let Err(error) = owner.batch_execute(taken).await {
        tracing::debug!(taken, error = %error::describe(&error), "a right stays everybody's");
    }
}

fn literal_bytes(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
