//! Use-case failures as refusals of this surface: the code decides, and a reason by which
//! the form words it. Wrong inputs are explained, and why nobody signs up so; other inner
//! texts are for the audit log.

use doorward_base::ErrorCode;
use doorward_identity::act::Failure;
use doorward_identity::decide::refusal::{Reason, RefreshRefusal};
use doorward_identity::port::StoreError;
use doorward_surface::Refusal;

/// Reasons beside wrong inputs whose text names the cure, and nothing that the caller may not
/// know.
const EXPLAINED: [&str; 3] = ["sign_up_closed", "account_exists", "invitation_invalid"];

/// The refusal of a failed use-case.
pub(crate) fn refuse<R: Reason>(failure: Failure<R>) -> Refusal {
    let code = failure.code();
    if code.status() >= 500 {
        tracing::error!(code = code.as_str(), %failure, "a use-case failed");
    }
    let mut refusal = Refusal::new(code).because(failure.reason());
    refusal.retry_after = failure.retry_after();
    match failure {
        Failure::Refused(reason)
            if code == ErrorCode::InvalidRequest || EXPLAINED.contains(&reason.name()) =>
        {
            refusal.with_message(reason.to_string())
        }
        _ => refusal,
    }
}

/// The refusal of a refresh. Its reasons are those of several use-cases, so they get names
/// of this surface. A client deletes its session at any 4xx, so what may pass by itself is
/// none.
pub(crate) fn refuse_refresh(failure: Failure<RefreshRefusal>) -> Refusal {
    if let Failure::Store(StoreError::Conflict(what)) = failure {
        return refuse_refresh(Failure::Store(StoreError::Unavailable(what.to_string())));
    }
    let reason = match &failure {
        Failure::Refused(refusal) => match refusal {
            RefreshRefusal::TooOften(_) => Some("refreshed_too_often"),
            RefreshRefusal::Replayed => Some("refresh_replayed"),
            RefreshRefusal::SessionExpired => Some("refresh_expired"),
            RefreshRefusal::SubjectDisabled => Some("refresh_banned"),
            RefreshRefusal::Malformed
            | RefreshRefusal::Unknown
            | RefreshRefusal::Ahead
            | RefreshRefusal::Off
            | RefreshRefusal::SessionEnded
            | RefreshRefusal::TokenEnded
            | RefreshRefusal::MembershipEnded
            | RefreshRefusal::OtherClient
            | RefreshRefusal::NotAllowed
            | RefreshRefusal::InvalidScope => Some("refresh_unknown"),
        },
        Failure::Store(_) | Failure::Busy | Failure::Internal(_) => None,
    };
    refuse(failure).because(reason)
}

/// An input that does not hold its rule.
pub(crate) fn invalid(message: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest).with_message(message)
}
