//! Use-case failures as refusals of this surface: the code decides; the inner text is
//! for the audit log and is not shown.

use doorward_identity::act::Failure;
use doorward_identity::decide::refusal::Reason;
use doorward_surface::Refusal;

/// The refusal of a failed use-case.
pub(crate) fn refuse<R: Reason>(failure: &Failure<R>) -> Refusal {
    let code = failure.code();
    if code.status() >= 500 {
        tracing::error!(code = code.as_str(), %failure, "a use-case failed");
    }
    Refusal::new(code).because(failure.reason())
}
