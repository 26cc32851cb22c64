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
            Self::Manage(refusal) => refusal.row(),
            Self::SignIn(refusal) => refusal.row(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Closed | Self::Exists => None,
            Self::Manage(refusal) => refusal.retry_after(),
            Self::SignIn(refusal) => refusal.retry_after(),
        }
    }
}
