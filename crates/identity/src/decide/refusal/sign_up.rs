//! Why a sign-up said no.

use super::{ManageRefusal, Reason, SignInRefusal};
use doorward_base::ErrorCode;

/// Signing up said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignUpRefusal {
    /// Nobody signs up in this realm.
    #[error("nobody signs up here: ask to be invited")]
    Closed,
    /// The address has an account.
    #[error("the address has an account: sign in")]
    Exists,
    /// A role that not every new user is granted, or another default role than the realm's.
    #[error("a role that is asked for is not one that everybody gets")]
    Role,
    /// The default role is not among those that are asked for.
    #[error("the default role must be among the roles that are asked for")]
    DefaultRole,
    /// The password, the metadata or the invitation is not taken.
    #[error(transparent)]
    Manage(#[from] ManageRefusal),
    /// The account is made, and no session of it begins.
    #[error(transparent)]
    SignIn(#[from] SignInRefusal),
}

impl Reason for SignUpRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::Closed => ("sign_up_closed", ErrorCode::InsufficientPermission),
            Self::Exists => ("account_exists", ErrorCode::AlreadyExists),
            Self::Role => ("sign_up_role", ErrorCode::InvalidRequest),
            Self::DefaultRole => ("sign_up_default_role", ErrorCode::InvalidRequest),
            Self::Manage(refusal) => refusal.row(),
            Self::SignIn(refusal) => refusal.row(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Closed | Self::Exists | Self::Role | Self::DefaultRole => None,
            Self::Manage(refusal) => refusal.retry_after(),
            Self::SignIn(refusal) => refusal.retry_after(),
        }
    }
}
