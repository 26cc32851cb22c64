//! Planted faults: ways to break one protection on purpose, so that a test can show
//! that the suites notice. They exist in builds with debug assertions only; in a
//! release build [`is_planted`] is `false` at compile time and the code behind it is
//! gone. Not here: the tests, and anything a user could set.

/// A protection that can be switched off, by the name that the environment variable
/// `DOORWARD_PLANTED_FAULT` gives it.
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
}

/// Whether the fault was planted in this process.
#[cfg(debug_assertions)]
#[must_use]
pub fn is_planted(fault: Fault) -> bool {
    static PLANTED: std::sync::OnceLock<Option<Fault>> = std::sync::OnceLock::new();
    let planted = PLANTED.get_or_init(|| {
        let name = std::env::var("DOORWARD_PLANTED_FAULT").ok()?;
        [
            ("skip-revocation", Fault::SkipRevocation),
            ("answer-before-commit", Fault::AnswerBeforeCommit),
            ("drop-audit-row", Fault::DropAuditRow),
            ("ignore-realm", Fault::IgnoreRealm),
        ]
        .into_iter()
        .find_map(|(known, fault)| (known == name).then_some(fault))
    });
    *planted == Some(fault)
}

/// Never, in a release build.
#[cfg(not(debug_assertions))]
#[must_use]
pub const fn is_planted(_: Fault) -> bool {
    false
}
