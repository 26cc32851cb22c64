//! What requests of this process share: connections, and the lanes on which look-ups
//! and audit rows of many requests are served by one statement.

use super::audit::Audits;
use super::connect::{Connector, PostgresSettings};
use super::dossier::{Clients, Refreshed, Tokens};
use super::gather::{Gather, LANES, Lane, Together};
use super::open::OpenError;
use super::pool::Connections;
use super::session::Rotations;
use doorward_identity::port::Extent;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;

/// How many kinds of lanes there are.
const KINDS: usize = 5;

/// Connections and lanes.
pub(super) struct Shared {
    /// For transactions.
    pub(super) connections: Connections,
    /// API tokens with their owners.
    pub(super) tokens: Gather<Tokens>,
    /// Sessions by their refresh tokens, with their subjects.
    pub(super) refreshed: Gather<Refreshed>,
    /// Clients with their secrets.
    pub(super) clients: Gather<Clients>,
    /// Rotations of refresh tokens, each with its audit row.
    pub(super) rotations: Gather<Rotations>,
    /// Audit rows outside of transactions; an answer comes after the commit.
    pub(super) audits: Gather<Audits>,
    /// How long one statement may take.
    pub(super) statement_timeout: Duration,
    /// For what must not wait behind requests: lanes, feed, announcements.
    pub(super) reserved: Arc<Connections>,
    /// Held by the transaction of this process that runs alone, or is about to; shared by
    /// those that run beside others.
    pub(super) turn: RwLock<()>,
    /// Held, shared, by each transaction that writes; closing waits for them.
    pub(super) running: Arc<RwLock<()>>,
    wait: Duration,
}

impl Shared {
    pub(super) fn new(
        connector: &Connector,
        settings: &PostgresSettings,
    ) -> Result<Self, OpenError> {
        let wait = settings.pool_wait;
        let lanes = Connections::new(
            connector.to_primary("doorward-lanes"),
            LANES * KINDS + 2,
            wait,
        )?;
        let lanes = Arc::new(lanes);
        let lane = Arc::new(Lane {
            connections: Arc::clone(&lanes),
            statement_timeout: settings.statement_timeout,
        });
        Ok(Self {
            connections: Connections::new(
                connector.to_primary("doorward"),
                settings.pool_size,
                wait,
            )?,
            tokens: Gather::start(&lane, wait + settings.statement_timeout),
            refreshed: Gather::start(&lane, wait + settings.statement_timeout),
            clients: Gather::start(&lane, wait + settings.statement_timeout),
            rotations: Gather::start(&lane, wait + settings.statement_timeout),
            audits: Gather::start(&lane, wait + settings.statement_timeout),
            statement_timeout: settings.statement_timeout,
            reserved: lanes,
            turn: RwLock::new(()),
            running: Arc::default(),
            wait,
        })
    }

    /// Where reads of this extent go.
    pub(super) fn for_extent(&self, extent: Extent) -> &Connections {
        match extent {
            Extent::Upkeep => &self.reserved,
            Extent::OneLookUp | Extent::Listing | Extent::Any => &self.connections,
        }
    }

    /// How long a use-case may take in all, its wait for a connection included.
    pub(super) fn patience(&self) -> Duration {
        self.wait + self.statement_timeout.saturating_mul(2)
    }

    /// Waits for the transactions under way, and takes no more.
    pub(super) async fn close(&self) {
        self.tokens.close();
        self.refreshed.close();
        self.clients.close();
        self.rotations.close();
        self.audits.close();
        let ended = tokio::time::timeout(self.patience(), self.running.write()).await;
        self.connections.close();
        self.reserved.close();
        drop(ended);
    }
}

/// A kind of question that is served in groups.
pub(super) trait Kind: Together {
    /// Where it is asked.
    fn lane(shared: &Shared) -> &Gather<Self>
    where
        Self: Sized;
}
