//! A look at a database that need not be ours: its tables as a role has them, and the lints.
//! Not here: what is proven by running statements (`prove`).

use super::connect::CONNECT;
use super::lint::{self, Finding};
use super::protect::Protection;
use super::{catalogue, error, tls};
use crate::fault::{Fault, FaultKind};
use crate::schema::Schema;
use doorward_base::Secret;
use std::str::FromStr as _;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Connects to the database of an address. Without `sslmode`, TLS is required unless the host
/// is this machine.
pub(crate) async fn dial(url: &Secret, root_cert: Option<&[u8]>) -> Result<Client, Fault> {
    let text = url.expose();
    // The parser's own words may repeat the text, and so the password.
    let mut config = Config::from_str(text).map_err(|_| {
        let words =
            "the address of the database is wrong: expected postgres://user@host:port/database";
        Fault::because(FaultKind::RequestInvalid, words)
    })?;
    if !text.contains("sslmode=") {
        let local = config.get_hosts().iter().all(super::connect::is_here);
        config.ssl_mode(if local {
            SslMode::Disable
        } else {
            SslMode::Require
        });
    }
    config
        .connect_timeout(CONNECT)
        .application_name("doorward-prove");
    let tls = MakeRustlsConnect::new(tls::client(config.get_ssl_mode(), root_cert)?);
    let connected = config.connect(tls).await;
    let (client, connection) = connected.map_err(|error| error::opening(&error))?;
    // It ends with the client, or with the server, whose last words the client hears too.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// The tables that a role has in a schema, and what the lints find.
pub(crate) async fn survey(
    client: &Client,
    role: &str,
    schema: &str,
    tenant: &str,
) -> Result<(Schema, Vec<Finding>), Fault> {
    let of = Protection {
        role,
        schema,
        tenant,
        // What is found is told, not mended: which tables are bound, and for whom else.
        others: &[],
        own: true,
    };
    let tables = catalogue::read(client, of, 0).await?;
    Ok((tables, lint::all(client, of).await?))
}
