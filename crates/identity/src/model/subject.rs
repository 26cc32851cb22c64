//! Who owns credentials.

use doorward_base::{Email, SubjectId, SubjectKind, TenantId, Timestamp};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// An object a user or the realm keeps about a subject; at most 16 KiB as JSON.
pub type Metadata = Map<String, Value>;

/// How a subject is known, one form for each kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identifier {
    /// A person, by e-mail address, unique in the realm.
    User {
        /// The folded address.
        email: Email,
        /// Whether a followed link or an invitation proved the address. Being
        /// confirmed on the wire (autoconfirm) is not proof.
        proven: bool,
    },
    /// A service account, by an address that only identifies it.
    Service {
        /// The folded address, unique in the realm together with users'.
        email: Email,
    },
    /// The one service subject that owns a tenant's API keys.
    TenantKeys {
        /// The tenant.
        tenant: TenantId,
    },
    /// A subject of a login that is not ours.
    External {
        /// The issuer, compared byte by byte.
        issuer: Arc<str>,
        /// Its name there, opaque, compared byte by byte.
        sub: Arc<str>,
    },
}

impl Identifier {
    /// The kind of subject this identifies.
    #[must_use]
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::User { .. } => SubjectKind::User,
            Self::Service { .. } | Self::TenantKeys { .. } => SubjectKind::Service,
            Self::External { .. } => SubjectKind::External,
        }
    }

    /// The address, for the kinds that have one.
    #[must_use]
    pub const fn email(&self) -> Option<&Email> {
        match self {
            Self::User { email, .. } | Self::Service { email } => Some(email),
            Self::TenantKeys { .. } | Self::External { .. } => None,
        }
    }
}

/// Whether the subject may act at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectStatus {
    /// It may.
    Active,
    /// It may not, and neither may anything derived from it.
    Disabled {
        /// Since when.
        at: Timestamp,
    },
}

/// A subject of a realm.
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    /// Its id.
    pub id: SubjectId,
    /// How it is known.
    pub identifier: Identifier,
    /// A display name, at most 200 characters.
    pub name: Option<String>,
    /// Whether it may act.
    pub status: SubjectStatus,
    /// What it wrote about itself. Never a source of authority.
    pub user_metadata: Metadata,
    /// What the realm wrote about it.
    pub app_metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A password hash as a PHC string; the only form in which a password is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    /// Takes a PHC string made by, or to be checked by, `act::password`.
    #[must_use]
    pub const fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword")
    }
}
