//! One sign-in.

use super::Ceiling;
use doorward_base::{SessionId, SubjectId, Timestamp};

/// Where a session is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionState {
    /// It works until it expires.
    Active,
    /// Signed out, or ended by an administrator or a change.
    Ended {
        /// Since when.
        at: Timestamp,
    },
}

/// One sign-in of a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its id: the `sid` claim.
    pub id: SessionId,
    /// Who signed in.
    pub subject: SubjectId,
    /// The most it may carry; its tenant is the active tenant.
    pub ceiling: Ceiling,
    /// Where it is in its life.
    pub state: SessionState,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether it works at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SessionState::Active && now < self.expires_at
    }
}
