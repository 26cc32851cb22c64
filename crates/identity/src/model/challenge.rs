//! What is pending and can be taken once: an invitation, a code, a link. One table and
//! one family of use-cases (`act::challenge`) for all of them. Not here: what taking one
//! of a kind means.

use super::Metadata;
use doorward_base::secret::TokenDigest;
use doorward_base::{ChallengeId, SubjectId, TenantId, Timestamp};
use std::time::Duration;

/// The most bytes of a payload as JSON.
pub const MAX_PAYLOAD: usize = 16_384;

/// What a challenge's secret is like, and so how it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretForm {
    /// Long enough that nobody guesses it: found by its digest alone.
    Long {
        /// What it begins with.
        prefix: &'static str,
    },
    /// Short enough to be typed: found by its id, or by what it is pending for, and
    /// compared by its digest. Wrong guesses count, and the last one allowed ends it.
    Code {
        /// Its decimal digits.
        digits: u8,
        /// How many wrong guesses end it.
        attempts: u16,
    },
}

/// What a kind of challenge is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindRow {
    /// The stable text.
    pub name: &'static str,
    /// How long it can be taken, unless a realm says otherwise.
    pub life: Duration,
    /// Its secret.
    pub form: SecretForm,
    /// Whether a newer one for the same address, subject and tenant takes its place.
    pub replaces: bool,
}

/// What a challenge is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChallengeKind {
    /// An address is invited into a tenant.
    Invitation,
    /// A code sent to an address signs in whoever reads it there.
    SignInCode,
}

impl ChallengeKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Invitation, Self::SignInCode];

    /// What the kind is like.
    #[must_use]
    pub const fn row(self) -> KindRow {
        match self {
            Self::Invitation => KindRow {
                name: "invitation",
                life: Duration::from_secs(7 * 86_400),
                form: SecretForm::Long { prefix: "invite_" },
                replaces: true,
            },
            Self::SignInCode => KindRow {
                name: "sign_in_code",
                life: Duration::from_secs(600),
                form: SecretForm::Code {
                    digits: 6,
                    attempts: 5,
                },
                replaces: true,
            },
        }
    }

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// How many wrong guesses end a challenge of this kind; `None` for a secret that is
    /// not guessed at.
    #[must_use]
    pub const fn max_attempts(self) -> Option<u16> {
        match self.row().form {
            SecretForm::Long { .. } => None,
            SecretForm::Code { attempts, .. } => Some(attempts),
        }
    }
}

impl std::str::FromStr for ChallengeKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        found.ok_or("no such kind of challenge")
    }
}

/// Whom a challenge's secret was given to. What that proves: `decide::proof`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The address alone, by mail.
    Mail,
    /// Whoever made the challenge, in the answer.
    Answer,
    /// Nobody.
    Nobody,
    /// Nobody: whoever signs up first with the address takes it.
    SignUp,
}

impl Delivery {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Answer => "answer",
            Self::Nobody => "nobody",
            Self::SignUp => "sign_up",
        }
    }

    /// The delivery of this text.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let all = [Self::Mail, Self::Answer, Self::Nobody, Self::SignUp];
        all.into_iter().find(|delivery| delivery.as_str() == text)
    }
}

/// One pending single-use step.
#[derive(Clone, PartialEq, Debug)]
pub struct Challenge {
    /// Its id, which may be told.
    pub id: ChallengeId,
    /// What it is for.
    pub kind: ChallengeKind,
    /// The keyed digest of its secret.
    pub digest: TokenDigest,
    /// Whose step it is, if that is known.
    pub subject: Option<SubjectId>,
    /// The address it was sent to, in its canonical form.
    pub address: Option<String>,
    /// The tenant it is about.
    pub tenant: Option<TenantId>,
    /// Who caused it; `None` is an operator at the command line, or nobody known.
    pub made_by: Option<SubjectId>,
    /// What its kind needs to go on; at most [`MAX_PAYLOAD`] bytes as JSON.
    pub payload: Metadata,
    /// How many wrong guesses were counted.
    pub attempts: u16,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

impl Challenge {
    /// What it is the one pending of its kind for, where its kind has one at a time.
    #[must_use]
    pub fn slot(&self) -> Option<String> {
        self.kind
            .row()
            .replaces
            .then(|| slot_of(self.subject, self.address.as_deref(), self.tenant.as_ref()))
    }
}

/// The text under which at most one challenge of a kind is pending. None of its parts
/// contains a space.
#[must_use]
pub fn slot_of(
    subject: Option<SubjectId>,
    address: Option<&str>,
    tenant: Option<&TenantId>,
) -> String {
    let subject = subject.map(|subject| subject.to_string());
    let parts = [subject.as_deref(), address, tenant.map(TenantId::as_str)];
    parts.map(Option::unwrap_or_default).join(" ")
}
