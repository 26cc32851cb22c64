//! Opening the store: can it be reached, is it a PostgreSQL that serves, may this role do
//! what it must, is the schema ours. Not here: the schema's versions (`migrate`).

use super::connect::{CONNECT, Connector, Driven};
use super::migrate;
use super::scope::describe;
use doorward_base::tls::verify::find_fault;
use std::error::Error as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

/// The oldest version that is served, as `server_version_num` writes it.
const OLDEST: i32 = 150_000;

/// Why the store was not opened. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody answers, or the server is starting or full: waiting may help.
    #[error("PostgreSQL cannot be reached: {0}")]
    Unreachable(String),
    /// The address is none.
    #[error("the address of the PostgreSQL database is wrong: {0}")]
    Url(String),
    /// TLS cannot be set up.
    #[error(
        "TLS to PostgreSQL: {0}; name the authority in [server.postgres] root_cert, or say sslmode=disable if the network is your own"
    )]
    Tls(String),
    /// A pooler gives every transaction another session.
    #[error(
        "what answers is a pooler in transaction mode, which loses settings, prepared statements, locks and notices; set pool_mode = session for this database, or name the server itself"
    )]
    Pooler,
    /// The server refuses the role, the password or the database.
    #[error("PostgreSQL refuses the connection: {0}; check user, password and database name")]
    Refused(String),
    /// It is too old.
    #[error("the server is PostgreSQL {0}; Doorward needs 15 or newer")]
    Version(String),
    /// It only reads.
    #[error("the server is a standby that cannot be written; name the primary")]
    Standby,
    /// The role may not do what it must.
    #[error("the role {role} may not {what}; run as the database's owner: {fix}")]
    Rights {
        role: String,
        /// What it lacks.
        what: String,
        /// The statement that gives it.
        fix: String,
    },
    /// A newer Doorward was here.
    #[error(
        "the schema is at version {found}, this binary knows {known}; run the newer binary that made it"
    )]
    SchemaNewer {
        /// The version found.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// A migration is not the one that was applied.
    #[error(
        "migration {version} ({name}) is not the one this schema was made with; run the binary that made it"
    )]
    SchemaDiffers { version: i64, name: String },
    /// The schema `doorward` is somebody else's.
    #[error(
        "the schema doorward of this database holds other tables and no schema_migration; use another database"
    )]
    NotAStore,
    /// Anything else.
    #[error("the store could not be opened: {0}")]
    Failed(String),
}

impl OpenError {
    /// What an error of the engine means while opening.
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let text = describe(error);
        let Some(code) = error.code() else {
            // The engine's name for "no TLS there" is a text without a cause.
            let no_tls = error.source().is_none() && error.to_string().contains("TLS");
            return if no_tls || find_fault(error).is_some() {
                Self::Tls(text)
            } else {
                Self::Unreachable(text)
            };
        };
        let class = code.code().get(..2).unwrap_or_default();
        if *code == SqlState::INVALID_CATALOG_NAME || class == "28" {
            return Self::Refused(text);
        }
        if matches!(class, "08" | "53" | "57") {
            return Self::Unreachable(text);
        }
        Self::Failed(text)
    }

    /// A role that was given too little of a schema that another made.
    pub(super) fn missing_tables(role: String, what: &str) -> Self {
        Self::Rights {
            fix: format!(
                "GRANT USAGE ON SCHEMA doorward TO \"{role}\"; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA doorward TO \"{role}\""
            ),
            what: what.to_owned(),
            role,
        }
    }
}

/// Checks the server and brings the schema up to date. Says whether there was none.
pub(super) async fn prepare(connector: &Connector) -> Result<bool, OpenError> {
    let connector = connector.named("doorward-migrate");
    let mut client = connect(&connector).await?;
    check_pooler(&client, &connector).await?;
    examine(&mut client).await
}

async fn connect(connector: &Connector) -> Result<Client, OpenError> {
    let drive = |connection: Driven| async move { drop(connection.await) };
    tokio::time::timeout(CONNECT, connector.connect(drive))
        .await
        .map_err(|_| OpenError::Unreachable("no answer in 5 seconds".to_owned()))?
        .map_err(|error| OpenError::of(&error))
}

/// While another client's transaction holds the session that a pooler in transaction
/// mode gave us last, the next statement runs in another session, or in none.
async fn check_pooler(client: &Client, connector: &Connector) -> Result<(), OpenError> {
    const MARK: &str = "SELECT set_config('doorward.session', gen_random_uuid()::text, false)";
    const LOOK: &str = "SELECT current_setting('doorward.session', true)";
    let marked = ask(client, MARK).await?;
    let other = connect(connector).await?;
    let held = other.batch_execute("BEGIN").await;
    held.map_err(|error| OpenError::of(&error))?;
    match tokio::time::timeout(CONNECT, ask(client, LOOK)).await {
        Ok(Ok(seen)) if seen == marked => Ok(()),
        Ok(Err(error @ OpenError::Unreachable(_))) => Err(error),
        _ => Err(OpenError::Pooler),
    }
}

/// The first value of a statement's answer, by the protocol that prepares nothing.
async fn ask(client: &Client, sql: &str) -> Result<Option<String>, OpenError> {
    let answer = client.simple_query(sql).await;
    let answer = answer.map_err(|error| OpenError::of(&error))?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

async fn examine(client: &mut Client) -> Result<bool, OpenError> {
    let asked = client.query_one(
        "SELECT current_setting('server_version_num')::int4, \
             current_setting('server_version'), pg_is_in_recovery()",
        &[],
    );
    // A server that was stopped just after it took the connection.
    let row = tokio::time::timeout(CONNECT, asked)
        .await
        .map_err(|_| OpenError::Unreachable("no answer in 5 seconds".to_owned()))?
        .map_err(|error| OpenError::of(&error))?;
    let get = |error: tokio_postgres::Error| OpenError::Failed(error.to_string());
    let (number, text, standby): (i32, String, bool) = (
        row.try_get(0).map_err(get)?,
        row.try_get(1).map_err(get)?,
        row.try_get(2).map_err(get)?,
    );
    if number < OLDEST {
        return Err(OpenError::Version(text));
    }
    if standby {
        return Err(OpenError::Standby);
    }
    let created = migrate::migrate(client).await?;
    check_rights(client).await?;
    Ok(created)
}

/// A schema that somebody else made for us may lack rights on its tables.
async fn check_rights(client: &Client) -> Result<(), OpenError> {
    let rows = client
        .query(
            "SELECT current_user::text, relname::text FROM pg_class \
             WHERE relnamespace = 'doorward'::regnamespace AND relkind = 'r' \
             AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') \
                 AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) \
             ORDER BY relname LIMIT 1",
            &[],
        )
        .await
        .map_err(|error| OpenError::of(&error))?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let get = |error: tokio_postgres::Error| OpenError::Failed(error.to_string());
    let (role, table): (String, String) =
        (row.try_get(0).map_err(get)?, row.try_get(1).map_err(get)?);
    let what = format!("read and write the table doorward.{table}");
    Err(OpenError::missing_tables(role, &what))
}
