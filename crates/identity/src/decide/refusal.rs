//! Why a use-case said no: one closed enum per family, each variant with its code.
//! Not here: failures of the store or of a pool (`act::Failure`), and HTTP.

mod manage;
mod sign_up;

pub use manage::ManageRefusal;
pub use sign_up::SignUpRefusal;

use super::issue::IssueRefusal;
use doorward_base::ErrorCode;

/// A decision against the caller.
pub trait Reason: std::error::Error + Send + Sync + 'static {
    /// The variant's stable name and its public code. The variant's own text is for the
    /// log.
    fn row(&self) -> (&'static str, ErrorCode);

    /// The public code.
    fn code(&self) -> ErrorCode {
        self.row().1
    }

    /// The stable name: what a denial's trace calls the check that failed, and what a
    /// dialect's table of answers goes by.
    fn name(&self) -> &'static str {
        self.row().0
    }

    /// How many seconds the caller must wait, where that is known.
    fn retry_after(&self) -> Option<u64> {
        None
    }
}

/// Creating, listing, regenerating or revoking an API token said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// As in management: the caller may not, or does not see it.
    #[error(transparent)]
    Manage(#[from] ManageRefusal),
    /// No class of the realm holds this kind.
    #[error("no class holds this kind of token")]
    KindUnknown,
    /// This kind belongs to another kind of owner.
    #[error("this kind of token belongs to another kind of owner")]
    OwnerKind,
    #[error("the owner is disabled")]
    OwnerDisabled,
    /// The owner is not a member of the tenant.
    #[error("the owner is not a member of the tenant")]
    TenantForbidden,
    /// The owner has `max_active` live tokens of the class.
    #[error("the owner has the maximum of active tokens")]
    LimitReached,
    /// As many were made for the owner in the last hour as may be; the next may be made in
    /// so many seconds.
    #[error("too many tokens were made for the owner in the last hour")]
    TooOften(u64),
    /// The class demands an expiry.
    #[error("this class needs an expiry")]
    ExpiryMissing,
    /// The class sets the expiry itself.
    #[error("this class sets the expiry itself")]
    ExpiryNotChosen,
    /// The expiry is not in the future.
    #[error("the expiry is not in the future")]
    ExpiryPast,
    /// The expiry lies beyond the class's maximum.
    #[error("the expiry is beyond the maximum")]
    ExpiryTooFar,
    /// The overlap is longer than the class's grace, so many seconds.
    #[error("the overlap is longer than the class's grace of {0} seconds")]
    OverlapTooLong(u64),
    /// The environment is missing, or not one of the class's.
    #[error("the environment is missing or not one of the class's")]
    Environment,
    /// An audience that is not the realm's.
    #[error("the audience is not the realm's")]
    Audience,
    /// A scope that is named and that the owner does not hold.
    #[error("the owner does not hold the scope {0}")]
    InvalidScope(String),
    /// A revoked or expired token cannot be regenerated.
    #[error("the token is revoked or expired")]
    Dead,
}

impl Reason for TokenRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::Manage(refusal) => refusal.row(),
            Self::KindUnknown => ("kind_unknown", ErrorCode::InvalidRequest),
            Self::OwnerKind => ("owner_kind", ErrorCode::InvalidRequest),
            Self::OwnerDisabled => ("owner_disabled", ErrorCode::InvalidRequest),
            Self::TenantForbidden => ("tenant_forbidden", ErrorCode::TenantForbidden),
            Self::LimitReached => ("limit_reached", ErrorCode::TokenLimitReached),
            Self::TooOften(_) => ("made_too_often", ErrorCode::RateLimited),
            Self::ExpiryMissing => ("expiry_missing", ErrorCode::InvalidRequest),
            Self::ExpiryNotChosen => ("expiry_not_chosen", ErrorCode::InvalidRequest),
            Self::ExpiryPast => ("expiry_past", ErrorCode::InvalidRequest),
            Self::ExpiryTooFar => ("expiry_too_far", ErrorCode::InvalidRequest),
            Self::OverlapTooLong(_) => ("overlap_too_long", ErrorCode::InvalidRequest),
            Self::Environment => ("environment", ErrorCode::InvalidRequest),
            Self::Audience => ("audience", ErrorCode::InvalidRequest),
            Self::InvalidScope(_) => ("invalid_scope", ErrorCode::InvalidScope),
            Self::Dead => ("dead", ErrorCode::InvalidRequest),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooOften(seconds) => Some(*seconds),
            Self::Manage(refusal) => refusal.retry_after(),
            _ => None,
        }
    }
}

/// Using an API token (exchanging or presenting it) said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UseRefusal {
    /// Of no class, mistyped, or cut: it cannot exist.
    #[error("the token is malformed")]
    Malformed,
    /// No such token.
    #[error("the token is unknown")]
    Unknown,
    /// Revoked, or retired and past its grace.
    #[error("the token is revoked")]
    Revoked,
    /// Past its expiry.
    #[error("the token has expired")]
    Expired,
    /// Its owner is disabled or gone.
    #[error("the token's owner is disabled")]
    OwnerDisabled,
    /// Its class is no longer configured, or holds its kind no longer.
    #[error("the token's class is not configured")]
    ClassUnknown,
    /// Its class is not accepted in this presentation.
    #[error("the token's class is not accepted this way")]
    Presentation,
    /// The membership it is bound to has ended.
    #[error("the token's membership has ended")]
    MembershipEnded,
    /// The requested tenant is not the owner's, or not the token's.
    #[error("the tenant is not the owner's")]
    TenantForbidden,
    /// The requested role is not held.
    #[error("the role is not held")]
    RoleNotAllowed,
    /// The audience is not the realm's, or outside the token's ceiling.
    #[error("the audience is not allowed")]
    AudienceForbidden,
    /// A requested scope is malformed or outside the authority.
    #[error("a scope is malformed or outside the authority")]
    InvalidScope,
    /// The requested duration is not a whole number of seconds within the bounds.
    #[error("the duration is outside the bounds")]
    DurationInvalid,
    /// Who would act for the owner may act no more, or the chain is too long.
    #[error("an actor may act no more, or the chain is too long")]
    Actor,
}

impl From<IssueRefusal> for UseRefusal {
    fn from(refusal: IssueRefusal) -> Self {
        match refusal {
            IssueRefusal::Tenant => Self::TenantForbidden,
            IssueRefusal::Role => Self::RoleNotAllowed,
            IssueRefusal::Audience => Self::AudienceForbidden,
            IssueRefusal::Scope => Self::InvalidScope,
            IssueRefusal::Duration => Self::DurationInvalid,
            IssueRefusal::Expired => Self::Expired,
            IssueRefusal::Actor => Self::Actor,
        }
    }
}

impl From<IssueRefusal> for SignInRefusal {
    fn from(refusal: IssueRefusal) -> Self {
        match refusal {
            IssueRefusal::Tenant => Self::TenantForbidden,
            IssueRefusal::Role => Self::RoleNotAllowed,
            IssueRefusal::Audience | IssueRefusal::Scope => Self::InvalidScope,
            IssueRefusal::Duration | IssueRefusal::Expired | IssueRefusal::Actor => {
                Self::SessionOver
            }
        }
    }
}

impl Reason for UseRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::Malformed => ("malformed", ErrorCode::TokenInvalid),
            Self::Unknown => ("unknown", ErrorCode::TokenInvalid),
            Self::Revoked => ("revoked", ErrorCode::TokenInvalid),
            Self::Expired => ("expired", ErrorCode::TokenExpired),
            Self::OwnerDisabled => ("owner_disabled", ErrorCode::TokenInvalid),
            Self::ClassUnknown => ("class_unknown", ErrorCode::TokenInvalid),
            Self::Presentation => ("presentation", ErrorCode::TokenInvalid),
            Self::MembershipEnded => ("membership_ended", ErrorCode::TokenInvalid),
            Self::TenantForbidden => ("tenant", ErrorCode::TenantForbidden),
            Self::RoleNotAllowed => ("role", ErrorCode::RoleNotAllowed),
            Self::AudienceForbidden => ("audience", ErrorCode::InvalidScope),
            Self::InvalidScope => ("scope", ErrorCode::InvalidScope),
            Self::DurationInvalid => ("duration", ErrorCode::DurationInvalid),
            Self::Actor => ("actor", ErrorCode::TokenInvalid),
        }
    }
}

/// Refreshing a session said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// It was not made here, or is cut or mistyped.
    #[error("the refresh token is malformed or not of this realm")]
    Malformed,
    /// Its session is not known any more.
    #[error("the refresh token is unknown")]
    Unknown,
    /// It was used before. Its session has ended with this.
    #[error("the refresh token was used before; its session has ended")]
    Replayed,
    /// It is newer than its session: the store was put back to an older state.
    #[error("the refresh token is newer than its session")]
    Ahead,
    /// The realm gives no refresh tokens any more.
    #[error("the realm refreshes no sessions")]
    Off,
    #[error("the session has ended")]
    SessionEnded,
    /// The API token that the session was begun by works no more.
    #[error("the token that the session was begun by works no more")]
    TokenEnded,
    /// The session is past one of its ends.
    #[error("the session is over")]
    SessionExpired,
    /// The subject may not act.
    #[error("the subject is disabled")]
    SubjectDisabled,
    /// The membership the session is bound to has ended.
    #[error("the session's membership has ended")]
    MembershipEnded,
    /// It is another client's.
    #[error("the refresh token is another client's")]
    OtherClient,
    /// A requested scope is malformed or outside the authority.
    #[error("a scope is malformed or outside the authority")]
    InvalidScope,
    /// The session's role or audience is not allowed any more.
    #[error("the session's role or audience is not allowed any more")]
    NotAllowed,
    /// The session was refreshed as often of late as it may be; again in so many seconds.
    #[error("the session is refreshed too often")]
    TooOften(u64),
}

impl Reason for RefreshRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::Malformed => ("malformed", ErrorCode::TokenInvalid),
            Self::Unknown => ("unknown", ErrorCode::TokenInvalid),
            Self::Replayed => ("replayed", ErrorCode::TokenInvalid),
            Self::Ahead => ("ahead", ErrorCode::TokenInvalid),
            Self::Off => ("off", ErrorCode::TokenInvalid),
            Self::SessionEnded => ("session_ended", ErrorCode::TokenInvalid),
            Self::TokenEnded => ("token_ended", ErrorCode::TokenInvalid),
            Self::SessionExpired => ("session_expired", ErrorCode::TokenInvalid),
            Self::SubjectDisabled => ("subject_disabled", ErrorCode::TokenInvalid),
            Self::MembershipEnded => ("membership_ended", ErrorCode::TokenInvalid),
            Self::OtherClient => ("other_client", ErrorCode::TokenInvalid),
            Self::InvalidScope => ("invalid_scope", ErrorCode::InvalidScope),
            Self::NotAllowed => ("not_allowed", ErrorCode::TokenInvalid),
            Self::TooOften(_) => ("refreshed_too_often", ErrorCode::RateLimited),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooOften(seconds) => Some(*seconds),
            _ => None,
        }
    }
}

impl From<IssueRefusal> for RefreshRefusal {
    fn from(refusal: IssueRefusal) -> Self {
        match refusal {
            IssueRefusal::Tenant => Self::MembershipEnded,
            IssueRefusal::Role | IssueRefusal::Audience | IssueRefusal::Actor => Self::NotAllowed,
            IssueRefusal::Scope => Self::InvalidScope,
            IssueRefusal::Duration | IssueRefusal::Expired => Self::SessionExpired,
        }
    }
}

/// Signing in, signing out, or going on with a session said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefusal {
    /// Unknown address, wrong password, no password, disabled: one public answer.
    #[error("sign-in refused: {0}")]
    Credentials(&'static str),
    /// The account was guessed at too often of late, whether it exists or not; the next
    /// guess may be made in so many seconds.
    #[error("too many wrong guesses of late")]
    TooManyGuesses(u64),
    /// The requested tenant is not the user's.
    #[error("the tenant is not the user's")]
    TenantForbidden,
    /// The requested role is not held.
    #[error("the role is not held")]
    RoleNotAllowed,
    /// A requested scope is malformed or outside the authority.
    #[error("a scope is malformed or outside the authority")]
    InvalidScope,
    /// The session or token behind the caller is dead, or its subject disabled.
    #[error("the session is over")]
    SessionOver,
}

impl Reason for SignInRefusal {
    fn row(&self) -> (&'static str, ErrorCode) {
        match self {
            Self::Credentials(_) => ("credentials", ErrorCode::SignInRefused),
            Self::TooManyGuesses(_) => ("too_many_guesses", ErrorCode::RateLimited),
            Self::TenantForbidden => ("tenant_forbidden", ErrorCode::TenantForbidden),
            Self::RoleNotAllowed => ("role_not_allowed", ErrorCode::RoleNotAllowed),
            Self::InvalidScope => ("invalid_scope", ErrorCode::InvalidScope),
            Self::SessionOver => ("session_over", ErrorCode::TokenInvalid),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyGuesses(seconds) => Some(*seconds),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_too_often_is_told_when_to_come_again() {
        let manage = SignUpRefusal::Manage(ManageRefusal::TooManyMails(8));
        let sign_in = SignUpRefusal::SignIn(SignInRefusal::TooManyGuesses(7));
        let refusals: [(&dyn Reason, Option<u64>); 16] = [
            (&manage, Some(8)),
            (&sign_in, Some(7)),
            (&SignUpRefusal::Closed, None),
            (&SignUpRefusal::Exists, None),
            (&ManageRefusal::TooManyGuesses(7), Some(7)),
            (&ManageRefusal::TooManyMails(8), Some(8)),
            (&ManageRefusal::TooManyPasswords(9), Some(9)),
            (&ManageRefusal::NameInvalid, None),
            (&TokenRefusal::TooOften(7), Some(7)),
            (
                &TokenRefusal::Manage(ManageRefusal::TooManyMails(8)),
                Some(8),
            ),
            (&TokenRefusal::Dead, None),
            (&SignInRefusal::TooManyGuesses(7), Some(7)),
            (&SignInRefusal::SessionOver, None),
            (&UseRefusal::Revoked, None),
            (&RefreshRefusal::TooOften(6), Some(6)),
            (&RefreshRefusal::Replayed, None),
        ];
        for (refusal, expected) in refusals {
            assert_eq!(refusal.retry_after(), expected, "{refusal}");
        }
    }

    #[test]
    fn a_refusal_goes_by_its_name_and_its_code() {
        let refusal = TokenRefusal::Manage(ManageRefusal::NameInvalid);
        assert_eq!(refusal.name(), "name_invalid");
        assert_eq!(refusal.code(), ErrorCode::InvalidRequest);
    }
}
