//! Sessions.

use super::StoreError;
use crate::model::{Device, Rotation, Session};
use async_trait::async_trait;
use doorward_base::{ApiTokenId, SessionId, SubjectId, TenantId, Timestamp};

/// Reading them.
#[async_trait]
pub trait SessionRead: Send {
    /// Which of these sessions have not ended.
    async fn list_active_sessions(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, StoreError>;
    /// A session.
    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// A subject's sessions that have not ended, newest first, at most 1,000.
    async fn list_sessions(&mut self, subject: SubjectId) -> Result<Vec<Session>, StoreError>;
    /// What a subject's last 200 sessions, ended ones too, were begun by: each once.
    async fn list_devices(&mut self, subject: SubjectId) -> Result<Vec<Device>, StoreError>;
    /// Sessions ended since `since`: what a node must refuse the access tokens of.
    async fn list_ended_sessions(&mut self, since: Timestamp)
    -> Result<Vec<SessionId>, StoreError>;
}

/// Writing them.
#[async_trait]
pub trait SessionWrite: Send {
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Moves a session on, if it is active and has the number that is said; says whether it
    /// was. In a closure of [`super::Extent::OneLookUp`] that turns out at its end, and one
    /// that was too late is run again.
    async fn rotate_refresh_token(&mut self, to: &Rotation) -> Result<bool, StoreError>;
    /// Forgets sessions that ended, or whose last moment came, before a time, and returns
    /// how many: at most `limit`. The time lies further back than an access token lives,
    /// or a node would not learn that those made from them are refused.
    async fn prune_sessions(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    /// Ends every active session of a subject but one, and returns their ids.
    async fn end_other_sessions(
        &mut self,
        subject: SubjectId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Ends the oldest active sessions of the subject of `keep` that were begun by the same
    /// API token, or by none either, beyond the `most` newest, never `keep`, and returns their
    /// ids: a few at a time.
    async fn end_oldest_sessions(
        &mut self,
        keep: &Session,
        most: u32,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Ends every active session of a subject that was begun by an API token of its, and
    /// returns their ids.
    async fn end_sessions_made_from(
        &mut self,
        token: ApiTokenId,
        subject: SubjectId,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Ends a session; says whether it was active.
    async fn end_session(&mut self, id: SessionId, at: Timestamp) -> Result<bool, StoreError>;
    /// Ends every active session of a subject (bound to a tenant, if one is given)
    /// and returns their ids.
    async fn end_sessions_of(
        &mut self,
        subject: SubjectId,
        tenant: Option<&TenantId>,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;
}
