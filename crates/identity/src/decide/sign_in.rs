//! Whether a password sign-in goes through, once the password was checked. Not here:
//! the check itself (`act::password`), which costs the same for everybody.

use super::refusal::SignInRefusal;
use crate::model::{Device, Subject, SubjectStatus};
use doorward_base::Timestamp;
use doorward_base::network::link;

/// What the password check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordVerdict {
    /// It matched the stored hash.
    Right,
    /// It did not, or there was none to match.
    Wrong,
}

/// Whether somebody who signed in from one device comes from it again: the same program at
/// the same address (of IPv6, on the same link).
#[must_use]
pub fn is_same_device(known: &Device, device: &Device) -> bool {
    let from = |device: &Device| device.address.map(link);
    device.address.is_some() && from(known) == from(device) && known.user_agent == device.user_agent
}

/// Decides. The public answer is one and the same for an unknown address, a wrong
/// password and a disabled or banned account; the inner text, for audit, tells them apart.
///
/// # Errors
/// [`SignInRefusal::Credentials`].
pub fn sign_in(
    subject: Option<&Subject>,
    verdict: PasswordVerdict,
    now: Timestamp,
) -> Result<&Subject, SignInRefusal> {
    let Some(subject) = subject else {
        return Err(SignInRefusal::Credentials("unknown address"));
    };
    if verdict == PasswordVerdict::Wrong {
        return Err(SignInRefusal::Credentials("wrong password"));
    }
    if subject.status.allows(now) {
        return Ok(subject);
    }
    Err(SignInRefusal::Credentials(match subject.status {
        SubjectStatus::Banned { .. } => "banned",
        SubjectStatus::Active | SubjectStatus::Disabled { .. } => "disabled",
    }))
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Reason as _;
    use super::super::testing::{NOW, user};
    use super::*;
    use crate::model::UserAgent;
    use std::time::Duration;

    /// One whose address is not known is no known device, whatever else is alike.
    #[test]
    fn a_device_is_known_by_its_program_and_its_address() {
        let device = |address: Option<&str>, program: &str| Device {
            address: address.map(|text| text.parse().unwrap()),
            user_agent: UserAgent::clean(program),
        };
        let v4 = || device(Some("198.51.100.7"), "one");
        let v6 = || device(Some("2001:db8::1"), "one");
        for (known, seen, same) in [
            (v4(), v4(), true),
            (v4(), device(Some("198.51.100.7"), "other"), false),
            (v4(), device(Some("198.51.100.8"), "one"), false),
            (v4(), device(None, "one"), false),
            (device(None, "one"), device(None, "one"), false),
            (v6(), device(Some("2001:db8::2"), "one"), true),
            (v6(), device(Some("2001:db8:0:1::1"), "one"), false),
        ] {
            assert_eq!(is_same_device(&known, &seen), same, "{known:?} {seen:?}");
        }
    }

    #[test]
    fn every_way_of_failing_looks_the_same() {
        let active = user(1);
        let mut disabled = user(2);
        disabled.status = SubjectStatus::Disabled {
            at: Timestamp::from_seconds(1),
        };
        let mut banned = user(3);
        banned.status = SubjectStatus::Banned {
            until: NOW.plus(Duration::from_secs(1)),
        };
        for (subject, verdict) in [
            (None, PasswordVerdict::Wrong),
            (None, PasswordVerdict::Right),
            (Some(&active), PasswordVerdict::Wrong),
            (Some(&disabled), PasswordVerdict::Wrong),
            (Some(&disabled), PasswordVerdict::Right),
            (Some(&banned), PasswordVerdict::Right),
        ] {
            let refusal = sign_in(subject, verdict, NOW).unwrap_err();
            assert_eq!(refusal.code().as_str(), "invalid_credentials");
        }
        assert_eq!(
            sign_in(Some(&active), PasswordVerdict::Right, NOW).map(|subject| subject.id),
            Ok(active.id)
        );
        banned.status = SubjectStatus::Banned { until: NOW };
        let after = sign_in(Some(&banned), PasswordVerdict::Right, NOW);
        assert_eq!(after.map(|subject| subject.id), Ok(banned.id));
    }
}
