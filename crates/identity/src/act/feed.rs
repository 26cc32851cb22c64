//! The snapshot a node loads before it is ready: what may authenticate, and what must
//! be refused.

use super::Context;
use super::work::{Failure, Query, Stop};
use crate::decide::refusal::UseRefusal;
use crate::port::{LiveDigest, Read};
use async_trait::async_trait;
use doorward_base::principal::Epoch;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId, Timestamp};

/// A realm at one moment, for the gate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The digests of tokens that may still authenticate.
    pub digests: Vec<LiveDigest>,
    /// Tokens that stopped since the time asked for: revoked, or replaced with their
    /// grace over.
    pub revoked_tokens: Vec<ApiTokenId>,
    /// Sessions ended since the time asked for.
    pub ended_sessions: Vec<SessionId>,
    /// Every epoch that is not 0, by subject and tenant.
    pub epochs: Vec<(SubjectId, Option<TenantId>, Epoch)>,
}

/// Loads the snapshot. `since` is as far back as an access token can still live.
///
/// # Errors
/// [`Failure::Store`] only.
pub async fn load_snapshot(
    ctx: Context<'_>,
    since: Timestamp,
) -> Result<Snapshot, Failure<UseRefusal>> {
    ctx.query(Load {
        since,
        now: ctx.call.now,
    })
    .await
}

struct Load {
    since: Timestamp,
    now: Timestamp,
}

#[async_trait]
impl Query for Load {
    type Done = Snapshot;
    type Refusal = UseRefusal;

    async fn run(&self, tx: &mut dyn Read) -> Result<Snapshot, Stop<UseRefusal>> {
        let (mut revoked_tokens, ended_sessions) = tx.list_revoked_since(self.since).await?;
        let retiring = tx.list_retiring(self.since).await?;
        let over = retiring.into_iter().filter(|(_, until)| *until <= self.now);
        revoked_tokens.extend(over.map(|(id, _)| id));
        Ok(Snapshot {
            digests: tx.list_live_digests(self.now).await?,
            revoked_tokens,
            ended_sessions,
            epochs: tx.list_epochs().await?,
        })
    }
}
