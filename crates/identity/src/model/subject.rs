//! Who owns credentials.

use doorward_base::{
    Email, IdentityId, Phone, ProviderName, SubjectId, SubjectKind, TenantId, Timestamp,
};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

/// An object a user or the realm keeps about a subject; at most 16 KiB as JSON.
pub type Metadata = Map<String, Value>;

/// An address of a user. *Confirmed* is what the wire is told, and what a realm may say of
/// an address nobody showed (autoconfirm); *proven* is that somebody answers for it, by his
/// word or by what went there; *shown* is that what went there was followed or taken, or an
/// operator's word. What is shown is proven, and what is proven is confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address<T> {
    /// The address itself.
    pub value: T,
    /// Since when it passes for the user's.
    pub confirmed_at: Option<Timestamp>,
    /// Since when it is known to be the user's. Authority stands on this alone.
    pub proven_at: Option<Timestamp>,
    /// Since when more than the word of who edits users says so: who gave it may sit in the
    /// account. What was sent to the address waits for whoever reads it.
    pub shown_at: Option<Timestamp>,
}

impl<T> Address<T> {
    /// An address that somebody said.
    #[must_use]
    pub const fn said(value: T) -> Self {
        Self {
            value,
            confirmed_at: None,
            proven_at: None,
            shown_at: None,
        }
    }

    /// An address that the realm takes at its word.
    #[must_use]
    pub const fn confirmed(value: T, at: Timestamp) -> Self {
        Self {
            value,
            confirmed_at: Some(at),
            proven_at: None,
            shown_at: None,
        }
    }

    /// An address that somebody answers for by his word.
    #[must_use]
    pub const fn proven(value: T, at: Timestamp) -> Self {
        Self {
            value,
            confirmed_at: Some(at),
            proven_at: Some(at),
            shown_at: None,
        }
    }

    /// An address that was shown to be the user's.
    #[must_use]
    pub const fn shown(value: T, at: Timestamp) -> Self {
        Self {
            value,
            confirmed_at: Some(at),
            proven_at: Some(at),
            shown_at: Some(at),
        }
    }

    /// Whether it was shown.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.shown_at.is_some()
    }

    /// Whether it is known to be the user's.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.proven_at.is_some()
    }

    /// Whether it passes for the user's.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }
}

/// A user's e-mail address, and where it counts: unique there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mailbox {
    /// In the whole realm.
    Wide(Address<Email>),
    /// In this tenant alone: its administrator said it, and nobody answers for it. Whose
    /// it is is a *stand-in* for who has the address.
    In(TenantId, Email),
}

impl Mailbox {
    /// The address itself.
    #[must_use]
    pub const fn value(&self) -> &Email {
        match self {
            Self::Wide(address) => &address.value,
            Self::In(_, email) => email,
        }
    }

    /// The tenant in which alone it counts.
    #[must_use]
    pub const fn home(&self) -> Option<&TenantId> {
        match self {
            Self::Wide(_) => None,
            Self::In(tenant, _) => Some(tenant),
        }
    }

    /// As an address of the realm.
    #[must_use]
    pub const fn wide(&self) -> Option<&Address<Email>> {
        match self {
            Self::Wide(address) => Some(address),
            Self::In(..) => None,
        }
    }

    /// Whether it is known to be the user's.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.wide().is_some_and(Address::is_proven)
    }

    /// Whether it passes for the user's.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.wide().is_some_and(Address::is_confirmed)
    }
}

impl From<Address<Email>> for Mailbox {
    fn from(address: Address<Email>) -> Self {
        Self::Wide(address)
    }
}

/// How a user is known, beside its identities at other logins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contact {
    /// The e-mail address.
    pub email: Option<Mailbox>,
    /// The phone number, unique in the realm once it is confirmed.
    pub phone: Option<Address<Phone>>,
    /// Whether the user came without saying who it is, and has not said so since.
    pub anonymous: bool,
}

/// How a subject is known, one form for each kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identifier {
    /// A person: by addresses, by identities at other logins, or by nothing.
    User(Contact),
    /// A service account, by an address that only identifies it.
    Service {
        /// The folded address, unique where it counts.
        email: Email,
        /// The tenant that it was placed in, in which alone it counts; without one it
        /// counts in the whole realm.
        home: Option<TenantId>,
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
    /// A user known by this e-mail address alone.
    #[must_use]
    pub fn user(email: Address<Email>) -> Self {
        Self::User(Contact {
            email: Some(Mailbox::Wide(email)),
            ..Contact::default()
        })
    }

    /// The kind of subject this identifies.
    #[must_use]
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::User(_) => SubjectKind::User,
            Self::Service { .. } | Self::TenantKeys { .. } => SubjectKind::Service,
            Self::External { .. } => SubjectKind::External,
        }
    }

    /// How a user is known.
    #[must_use]
    pub const fn contact(&self) -> Option<&Contact> {
        match self {
            Self::User(contact) => Some(contact),
            Self::Service { .. } | Self::TenantKeys { .. } | Self::External { .. } => None,
        }
    }

    /// The e-mail address, if there is one.
    #[must_use]
    pub fn email(&self) -> Option<&Email> {
        match self {
            Self::User(contact) => contact.email.as_ref().map(Mailbox::value),
            Self::Service { email, .. } => Some(email),
            Self::TenantKeys { .. } | Self::External { .. } => None,
        }
    }

    /// The tenant in which alone the e-mail address counts.
    #[must_use]
    pub fn home(&self) -> Option<&TenantId> {
        match self {
            Self::User(contact) => contact.email.as_ref()?.home(),
            Self::Service { home, .. } => home.as_ref(),
            Self::TenantKeys { .. } | Self::External { .. } => None,
        }
    }

    /// The e-mail address, if it counts in the whole realm.
    #[must_use]
    pub fn wide_email(&self) -> Option<&Email> {
        self.email().filter(|_| self.home().is_none())
    }

    /// The e-mail address, if it is known to be the subject's.
    #[must_use]
    pub fn proven_email(&self) -> Option<&Email> {
        let email = self.contact()?.email.as_ref()?;
        email.is_proven().then_some(email.value())
    }

    /// The phone number, if there is one.
    #[must_use]
    pub fn phone(&self) -> Option<&Phone> {
        let phone = self.contact().and_then(|contact| contact.phone.as_ref());
        phone.map(|address| &address.value)
    }
}

/// Whether the subject may act at all. A deleted subject has no status: it is found by
/// nothing, and only its id is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectStatus {
    /// It may.
    Active,
    /// It may not, and neither may anything derived from it, until then.
    Banned {
        /// When the ban is over by itself.
        until: Timestamp,
    },
    /// It may not, and neither may anything derived from it.
    Disabled {
        /// Since when.
        at: Timestamp,
    },
}

impl SubjectStatus {
    /// Whether it lets a subject act at `now`.
    #[must_use]
    pub fn allows(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::Banned { until } => until <= now,
            Self::Disabled { .. } => false,
        }
    }
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
    /// When it last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// A subject's name at a login elsewhere: a way in beside its addresses. A subject has
/// none, one or several.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkedIdentity {
    /// Its id.
    pub id: IdentityId,
    /// Whose it is.
    pub subject: SubjectId,
    /// The login.
    pub provider: ProviderName,
    /// Its name there, opaque, compared byte by byte; 1 to 255 bytes.
    pub sub: Arc<str>,
    /// What the login said of it, at most 16 KiB as JSON. Never a source of authority.
    pub data: Metadata,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When somebody last came in by it.
    pub last_used_at: Option<Timestamp>,
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
