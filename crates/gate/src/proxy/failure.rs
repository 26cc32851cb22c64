//! Why an upstream gave no answer, and what the client hears of it. Not here: how it is
//! written (`case`).

use crate::body::BodyFault;
use crate::stream::Ended;
use doorward_base::ErrorCode;

/// Why an upstream gave no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) check: &'static str,
}

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        Self {
            code: fault.code(),
            check: fault.check(),
        }
    }
}

impl From<Ended> for Failure {
    fn from(ended: Ended) -> Self {
        let (code, check) = match ended {
            Ended::Revoked => (ErrorCode::TokenInvalid, "revoked"),
            Ended::Changed => (ErrorCode::TokenInvalid, "epoch"),
            Ended::Expired => (ErrorCode::TokenExpired, "expired"),
            Ended::Unknown => (ErrorCode::StoreUnavailable, "lease"),
        };
        Self { code, check }
    }
}
