//! Use-case failures as refusals of these surfaces: the code decides. Only a missing
//! permission and a wrong input are explained; other inner texts are for the audit log.

use doorward_base::ErrorCode;
use doorward_identity::act::Failure;
use doorward_identity::decide::refusal::Reason;
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
        Failure::Refused(reason) if is_explained(code) || reason.name() == "invitation_invalid" => {
            refusal.with_message(reason.to_string())
        }
        _ => refusal,
    }
}

/// Codes whose reason tells the caller nothing but what it sent or what it lacks.
const fn is_explained(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InsufficientPermission
            | ErrorCode::InvalidRequest
            | ErrorCode::InvalidScope
            | ErrorCode::AlreadyExists
    )
}

/// A member of the body or the query that does not hold its rule.
pub(crate) fn invalid(name: &str, problem: impl std::fmt::Display) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest).with_message(format!("`{name}`: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal};

    #[test]
    fn a_missing_permission_is_named() {
        let failure = Failure::Refused(ManageRefusal::NotPermitted("platform.users.edit"));
        let refusal = refuse(failure);
        assert_eq!(refusal.code, ErrorCode::InsufficientPermission);
        assert!(refusal.message.unwrap().contains("platform.users.edit"));
    }

    #[test]
    fn what_is_there_and_out_of_reach_looks_like_what_is_not_there() {
        for what in ["token", "owner", "tenant"] {
            let failure = Failure::Refused(TokenRefusal::Manage(ManageRefusal::NotFound(what)));
            let refusal = refuse(failure);
            assert_eq!(refusal.code, ErrorCode::NotFound);
            assert_eq!(refusal.message, None);
        }
    }

    #[test]
    fn an_inner_cause_is_not_shown() {
        let failure: Failure<ManageRefusal> = Failure::Internal("disk /dev/sda".to_owned());
        let refusal = refuse(failure);
        assert_eq!(refusal.code, ErrorCode::Internal);
        assert_eq!(refusal.message, None);
    }
}
