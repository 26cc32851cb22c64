//! Mail that waits to be sent, and mail that could not be. Not here: its texts and its
//! way out (`outbound`).

use super::TenantOrigin;
use doorward_base::{Email, MailId, RealmId, RealmName, Secret, SubjectId, TenantId, Timestamp};
use std::collections::BTreeMap;

/// What a mail is about. It chooses the template and says which variables that has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MailKind {
    /// An invitation into a tenant.
    Invitation,
    /// A link or code that proves an address.
    Confirmation,
    /// A link or code by which a forgotten password is replaced.
    Recovery,
    /// A link that signs in.
    MagicLink,
    /// A code that signs in or confirms an act.
    OneTimeCode,
    /// A link or code that proves the new address of an account.
    AddressChange,
    /// API tokens of a tenant will stop by themselves.
    TokensExpiring,
    /// What an operator sends to see whether mail arrives.
    Test,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Invitation,
        Self::Confirmation,
        Self::Recovery,
        Self::MagicLink,
        Self::OneTimeCode,
        Self::AddressChange,
        Self::TokensExpiring,
        Self::Test,
    ];

    /// Its name in the store and of its template's files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::MagicLink => "magic_link",
            Self::OneTimeCode => "one_time_code",
            Self::AddressChange => "address_change",
            Self::TokensExpiring => "tokens_expiring",
            Self::Test => "test",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The variables of its template, besides `realm` and `recipient`, which all have.
    /// One that a mail lacks is empty.
    #[must_use]
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Invitation => &["tenant", "tenant_name", "link", "code", "minutes", "days"],
            Self::Confirmation | Self::Recovery | Self::MagicLink | Self::OneTimeCode => {
                &["link", "code", "minutes"]
            }
            Self::AddressChange => &["old_address", "link", "code", "minutes"],
            Self::TokensExpiring => &[
                "tenant",
                "tenant_name",
                "count",
                "token_1",
                "token_2",
                "token_3",
                "token_4",
                "token_5",
                "token_6",
                "token_7",
                "token_8",
                "token_9",
                "token_10",
                "more",
            ],
            Self::Test => &[],
        }
    }
}

/// A mail that a use-case wants to send.
#[derive(Clone, Debug)]
pub struct MailDraft {
    /// To whom.
    pub to: Email,
    /// Whose mail it is, so that it goes with its subject.
    pub subject: Option<SubjectId>,
    /// Who has it sent, if that is no operator.
    pub maker: Option<SubjectId>,
    /// In whose name, and how that tenant began.
    pub tenant: Option<(TenantId, TenantOrigin)>,
    /// What about.
    pub kind: MailKind,
    /// The language wanted, for example `de` or `de-CH`.
    pub language: Option<String>,
    /// What its text says.
    pub variables: BTreeMap<&'static str, String>,
    /// What of that proves something: links, codes.
    pub secrets: BTreeMap<&'static str, Secret>,
    /// When it is of no use any more.
    pub expires_at: Timestamp,
}

/// A mail in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueuedMail {
    /// Its id, which becomes its `Message-ID`.
    pub id: MailId,
    /// Whose mail it is.
    pub subject: Option<SubjectId>,
    /// To whom.
    pub to: Email,
    /// What about.
    pub kind: MailKind,
    /// The language wanted.
    pub language: Option<String>,
    /// What its text says.
    pub variables: BTreeMap<String, String>,
    /// What of that proves something, sealed under the master key.
    pub sealed: Option<Vec<u8>>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When it is of no use any more.
    pub expires_at: Timestamp,
}

/// A mail that was taken out of the outbox to be sent, with its realm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedMail {
    /// The realm's number.
    pub realm: RealmId,
    /// Its name.
    pub realm_name: RealmName,
    /// The mail; its attempts count this one.
    pub mail: QueuedMail,
}

/// How many mails there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MailCount {
    /// That wait.
    pub waiting: u64,
    /// That could not be sent and are not tried any more.
    pub dead: u64,
}
