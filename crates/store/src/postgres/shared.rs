//! What requests of this process share: connections, and the lanes on which look-ups
//! and audit rows of many requests are served by one statement.

use super::gather::{Gather, LANES, Lane, Together};
use super::open::OpenError;
use super::pool::{Connections, Connector, PostgresSettings};
use super::scope::Trouble;
use super::{audit, dossier};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use doorward_base::RealmId;
use doorward_identity::model::{AuditEvent, TokenDossier};
use doorward_identity::port::TokenKey;
use std::sync::Arc;
use std::time::Duration;

/// Connections and lanes.
pub(super) struct Shared {
    /// For transactions.
    pub(super) connections: Connections,
    /// Tokens with their owners.
    pub(super) look_ups: Gather<LookUps>,
    /// Audit rows outside of transactions; an answer comes after the commit.
    pub(super) audits: Gather<Audits>,
    /// How long one statement may take.
    pub(super) statement_timeout: Duration,
    lanes: Arc<Connections>,
}

impl Shared {
    pub(super) fn new(
        connector: &Connector,
        settings: &PostgresSettings,
    ) -> Result<Self, OpenError> {
        let wait = settings.pool_wait;
        let lanes = Connections::new(connector.named("doorward-lanes"), LANES * 2, wait)?;
        let lanes = Arc::new(lanes);
        let lane = Arc::new(Lane {
            connections: Arc::clone(&lanes),
            statement_timeout: settings.statement_timeout,
        });
        Ok(Self {
            connections: Connections::new(connector.named("doorward"), settings.pool_size, wait)?,
            look_ups: Gather::start(&lane, wait),
            audits: Gather::start(&lane, wait),
            statement_timeout: settings.statement_timeout,
            lanes,
        })
    }

    pub(super) fn close(&self) {
        self.look_ups.close();
        self.audits.close();
        self.connections.close();
        self.lanes.close();
    }
}

/// Looks tokens up.
pub(super) struct LookUps;

#[async_trait]
impl Together for LookUps {
    type Ask = (RealmId, TokenKey);
    type Told = Option<TokenDossier>;
    const REPEATABLE: bool = true;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        dossier::find_tokens(conn, asked).await
    }
}

/// Writes audit rows.
pub(super) struct Audits;

#[async_trait]
impl Together for Audits {
    type Ask = (RealmId, AuditEvent);
    type Told = ();
    const REPEATABLE: bool = false;

    async fn serve(conn: &ClientWrapper, asked: &[Self::Ask]) -> Result<Vec<Self::Told>, Trouble> {
        audit::append_many(conn, asked).await?;
        Ok(vec![(); asked.len()])
    }
}
