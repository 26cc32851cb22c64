//! What is kept of a decision: counts, traces, and the audit log's part. Not here: what a
//! trace says (`case`).

use super::Gate;
use crate::case::Case;
use crate::stage::Stop;
use doorward_base::ErrorCode;

impl Gate {
    /// Counts, logs and keeps a refusal.
    pub(crate) fn record(&self, stop: &Stop, case: &Case) {
        self.counters.count_refusal(stop.refusal.code);
        self.note(Some(stop.refusal.code), case);
        if let Some(denial) = case.denial(stop) {
            self.denials.push(denial);
        }
    }

    /// Tells the audit log what was decided, where the realm wants it.
    pub(super) fn note(&self, code: Option<ErrorCode>, case: &Case) {
        if let Some((realm, access)) = case.access(code) {
            self.parts.access.note(realm, &access);
        }
    }
}
