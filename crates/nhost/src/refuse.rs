//! Use-case failures as refusals of this surface: the code decides, and a reason by which
//! the form words it. Wrong inputs are explained; other inner texts are for the audit log.

use doorward_base::ErrorCode;
use doorward_identity::act::Failure;
use doorward_identity::decide::refusal::{Reason, RefreshRefusal, UseRefusal};
use doorward_identity::port::StoreError;
use doorward_surface::Refusal;

/// The refusal of a failed use-case.
pub(crate) fn refuse<R: Reason>(failure: Failure<R>) -> Refusal {
    let code = failure.code();
    if code.status() >= 500 {
        tracing::error!(code = code.as_str(), %failure, "a use-case failed");
    }
    let mut refusal = Refusal::new(code).because(failure.reason());
    refusal.retry_after = failure.retry_after();
    match failure {
        Failure::Refused(reason) if code == ErrorCode::InvalidRequest => {
            refusal.with_message(reason.to_string())
        }
        _ => refusal,
    }
}

/// The refusal of a refresh. Whatever is wrong with the token, the client signs in again; what
/// may pass by itself is no 401, at which it would forget its session.
pub(crate) fn refuse_refresh(failure: Failure<RefreshRefusal>) -> Refusal {
    if let Failure::Store(StoreError::Conflict(what)) = failure {
        return refuse_refresh(Failure::Store(StoreError::Unavailable(what.to_string())));
    }
    let is_dead = matches!(&failure, Failure::Refused(refusal)
        if !matches!(refusal, RefreshRefusal::TooOften(_)));
    let refusal = refuse(failure);
    if is_dead {
        return Refusal::new(ErrorCode::TokenInvalid).because(Some("refresh_refused"));
    }
    refusal
}

/// The refusal of a personal access token: one answer, whatever is wrong with it.
pub(crate) fn refuse_pat(failure: Failure<UseRefusal>) -> Refusal {
    let is_dead = matches!(failure, Failure::Refused(_));
    let refusal = refuse(failure);
    if is_dead {
        return Refusal::new(ErrorCode::TokenInvalid).because(Some("pat_refused"));
    }
    refusal
}

/// An input that does not hold its rule.
pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest).with_message(message)
}

/// A member that must be there.
pub(crate) fn required<T>(member: Option<T>, name: &str) -> Result<T, Refusal> {
    member.ok_or_else(|| invalid(format!("`{name}` is missing")))
}
