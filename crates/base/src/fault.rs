//! Planted faults: ways to break one protection on purpose, so that a test can show
//! that the suites notice. They exist in builds with debug assertions only; in a
//! release build [`is_planted`] is `false` at compile time and the code behind it is
//! gone. Not here: the tests, and anything a user could set.

/// A protection that can be switched off, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `skip-revocation`: revoked credentials pass.
    SkipRevocation,
    /// `answer-before-commit`: the answer does not wait for the commit.
    AnswerBeforeCommit,
    /// `drop-audit-row`: every fourth audit row is not written.
    DropAuditRow,
    /// `ignore-realm`: a token is looked up in all realms.
    IgnoreRealm,
    /// `accept-replayed-refresh`: a refresh token that was used up works.
    AcceptReplayedRefresh,
    /// `replay-ends-nothing`: a replayed refresh token leaves its session alive.
    ReplayEndsNothing,
}

#[cfg(debug_assertions)]
static PLANTED: std::sync::OnceLock<Fault> = std::sync::OnceLock::new();

/// Plants the fault of this name, if there is one, for the rest of the process.
#[cfg(debug_assertions)]
pub fn plant(name: &str) {
    let known = [
        ("skip-revocation", Fault::SkipRevocation),
        ("answer-before-commit", Fault::AnswerBeforeCommit),
        ("drop-audit-row", Fault::DropAuditRow),
        ("ignore-realm", Fault::IgnoreRealm),
        ("accept-replayed-refresh", Fault::AcceptReplayedRefresh),
        ("replay-ends-nothing", Fault::ReplayEndsNothing),
    ];
    if let Some((_, fault)) = known.into_iter().find(|(known, _)| *known == name) {
        // The first stays.
        let _ = PLANTED.set(fault);
    }
}

/// Whether the fault was planted in this process.
#[cfg(debug_assertions)]
#[must_use]
pub fn is_planted(fault: Fault) -> bool {
    PLANTED.get() == Some(&fault)
}

/// Never, in a release build.
#[cfg(not(debug_assertions))]
#[must_use]
pub const fn is_planted(_: Fault) -> bool {
    false
}
