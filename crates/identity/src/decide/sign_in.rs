//! Whether a password sign-in goes through, once the password was checked. Not here:
//! the check itself (`act::password`), which costs the same for everybody.

use super::refusal::SignInRefusal;
use crate::model::{Subject, SubjectStatus};

/// What the password check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordVerdict {
    /// It matched the stored hash.
    Right,
    /// It did not, or there was none to match.
    Wrong,
}

/// Decides. The public answer is one and the same for an unknown address, a wrong
/// password and a disabled account; the inner text, for audit, tells them apart.
///
/// # Errors
/// [`SignInRefusal::Credentials`].
pub fn sign_in(
    subject: Option<&Subject>,
    verdict: PasswordVerdict,
) -> Result<&Subject, SignInRefusal> {
    let Some(subject) = subject else {
        return Err(SignInRefusal::Credentials("unknown address"));
    };
    if verdict == PasswordVerdict::Wrong {
        return Err(SignInRefusal::Credentials("wrong password"));
    }
    match subject.status {
        SubjectStatus::Active => Ok(subject),
        SubjectStatus::Disabled { .. } => Err(SignInRefusal::Credentials("disabled")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Refusal as _;
    use super::super::testing::user;
    use super::*;
    use doorward_base::Timestamp;

    #[test]
    fn every_way_of_failing_looks_the_same() {
        let active = user(1);
        let mut disabled = user(2);
        disabled.status = SubjectStatus::Disabled {
            at: Timestamp::from_seconds(1),
        };
        for (subject, verdict) in [
            (None, PasswordVerdict::Wrong),
            (None, PasswordVerdict::Right),
            (Some(&active), PasswordVerdict::Wrong),
            (Some(&disabled), PasswordVerdict::Wrong),
            (Some(&disabled), PasswordVerdict::Right),
        ] {
            let refusal = sign_in(subject, verdict).unwrap_err();
            assert_eq!(refusal.code().as_str(), "invalid_credentials");
        }
        assert_eq!(
            sign_in(Some(&active), PasswordVerdict::Right).map(|subject| subject.id),
            Ok(active.id)
        );
    }
}
