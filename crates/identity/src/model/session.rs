//! One sign-in, and the refresh tokens that carry it on.

use super::Ceiling;
use doorward_base::authn::{AssuranceLevel, AuthStep};
use doorward_base::secret::TokenDigest;
use doorward_base::{ApiTokenId, ClientId, FactorId, SessionId, SubjectId, Timestamp};
use std::fmt;
use std::net::IpAddr;

/// Where a session is in its life. Its ends are not states: they are read off the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionState {
    /// It works until one of its ends.
    Active,
    /// Signed out, or ended by an administrator, a change, or a replayed refresh token.
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
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_until: Option<Timestamp>,
    /// By what its subject proved who it is, first things first; at most
    /// [`doorward_base::authn::MAX_STEPS`].
    pub steps: Vec<AuthStep>,
    /// How sure that is.
    pub aal: AssuranceLevel,
    /// The second factor that was used.
    pub factor: Option<FactorId>,
    /// The client it was begun for.
    pub client: Option<ClientId>,
    /// The API token it was begun by, with which it ends; none for a sign-in of its subject's
    /// own.
    pub made_from: Option<ApiTokenId>,
    /// From where it began.
    pub address: Option<IpAddr>,
    /// By what program.
    pub user_agent: Option<UserAgent>,
    /// When it was last refreshed.
    pub refreshed_at: Option<Timestamp>,
    /// Its refresh tokens; none where the realm gave none.
    pub refresh: Option<RefreshFamily>,
}

/// The refresh tokens of a session. All share one secret, which is nowhere but in them;
/// they differ by a number, and only the one with the current number works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshFamily {
    /// The keyed digest of the secret.
    pub digest: TokenDigest,
    /// Which digest key made it.
    pub digest_key: String,
    /// The current number. It grows with every rotation.
    pub number: u32,
}

/// A session that goes on: its refresh token of number `from` was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Which session.
    pub session: SessionId,
    /// The number that it must have.
    pub from: u32,
    /// The number that it gets; the same where it does not rotate.
    pub to: u32,
    /// When.
    pub at: Timestamp,
    /// When it ends unless it is refreshed again.
    pub idle_until: Option<Timestamp>,
    /// The digest under the current key and that key, if it was made by an older one.
    pub rekey: Option<(TokenDigest, String)>,
}

impl Session {
    /// A session from `at` to `expires_at` of which nothing else is known yet.
    #[must_use]
    pub const fn begin(
        id: SessionId,
        subject: SubjectId,
        ceiling: Ceiling,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            subject,
            ceiling,
            state: SessionState::Active,
            created_at: at,
            expires_at,
            idle_until: None,
            steps: Vec::new(),
            aal: AssuranceLevel::Aal1,
            factor: None,
            client: None,
            made_from: None,
            address: None,
            user_agent: None,
            refreshed_at: None,
            refresh: None,
        }
    }

    /// When it ends by itself, if nothing carries it on.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.idle_until
            .map_or(self.expires_at, |idle| idle.min(self.expires_at))
    }

    /// Whether it works at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SessionState::Active && now < self.ends_at()
    }

    /// When its subject last proved who it is.
    #[must_use]
    pub fn proven_at(&self) -> Timestamp {
        let last = self.steps.iter().map(|step| step.at).max();
        last.unwrap_or(self.created_at)
    }
}

/// What somebody signs in by, as far as it can be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Where it is.
    pub address: Option<IpAddr>,
    /// What it says it is.
    pub user_agent: Option<UserAgent>,
}

/// What a client says it is: at most 256 characters that do nothing to a terminal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserAgent(String);

/// The longest text that is kept, in characters.
const LONGEST: usize = 256;

impl UserAgent {
    /// Takes what can be shown of a text; nothing if that is nothing.
    #[must_use]
    pub fn clean(text: &str) -> Option<Self> {
        let shown = text.chars().filter(|letter| !letter.is_control());
        let kept: String = shown.take(LONGEST).collect();
        let kept = kept.trim();
        (!kept.is_empty()).then(|| Self(kept.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_short_and_says_nothing_to_a_terminal() {
        let clean = |text: &str| UserAgent::clean(text).map(|agent| agent.to_string());
        assert_eq!(clean(" curl/8.5.0 "), Some("curl/8.5.0".to_owned()));
        assert_eq!(clean("a\u{1b}[2Jb\nc\0"), Some("a[2Jbc".to_owned()));
        assert_eq!(clean("\t \u{7f}"), None);
        assert_eq!(clean(&"\u{e9}".repeat(300)), Some("\u{e9}".repeat(256)));
    }
}
