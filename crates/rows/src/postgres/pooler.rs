//! Whether what answers gives a client one session, or a session for each transaction. In
//! the second case what is wiped before a transaction may be another session than the one it
//! then runs in, so it is refused.

use super::connect::{CONNECT, Connector};
use super::error;
use crate::fault::{Fault, FaultKind};
use tokio_postgres::{Client, SimpleQueryMessage};

/// While another client's transaction holds the session that a pooler in transaction mode
/// gave us last, the next statement runs in another session, or in none.
pub(super) async fn check(connector: &Connector) -> Result<(), Fault> {
    let failed = |error: tokio_postgres::Error| error::opening(&error);
    let ours = connector.owner().await.map_err(failed)?;
    let first = process(&ours).await.map_err(failed)?;
    let other = connector.owner().await.map_err(failed)?;
    other.batch_execute("BEGIN").await.map_err(failed)?;
    match tokio::time::timeout(CONNECT, process(&ours)).await {
        Ok(Ok(second)) if second == first => Ok(()),
        Ok(Err(error)) => Err(failed(error)),
        _ => Err(Fault::because(
            FaultKind::Unavailable,
            "what answers for the rows is a pooler in transaction mode, in which one caller's \
             session can become another's",
        )
        .hint("set pool_mode = session for this database, or name the server itself")),
    }
}

/// By the protocol that prepares nothing.
async fn process(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let answer = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
