//! Which passwords are taken: how long, and not one that everybody tries first. Not here:
//! hashing (`act::password`), and which is somebody's.

use super::refusal::ManageRefusal;
use crate::settings::{CommonPasswords, PasswordChange, SessionSettings};
use doorward_base::Timestamp;
use std::sync::LazyLock;
use std::time::Duration;

/// The longest password, in characters.
pub const MAX_CHARS: usize = 256;
/// A text that repeats no more than this is none, however long.
const UNIT: usize = 4;

/// The passwords people choose most, from 6 characters on, in lower case, sorted by bytes,
/// each in a line: 5,000 of at least 8 characters and 2,500 shorter ones. From the list of
/// zxcvbn (MIT licence), which was made of leaked ones.
const LIST: &str = include_str!("common_passwords.txt");

static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| LIST.lines().collect());

/// Checks a password as it is hashed.
///
/// # Errors
/// [`ManageRefusal::PasswordLength`], [`ManageRefusal::PasswordCommon`].
pub fn check(password: &str, settings: &SessionSettings) -> Result<(), ManageRefusal> {
    let letters: Vec<char> = password.chars().collect();
    if !(least(settings)..=MAX_CHARS).contains(&letters.len()) {
        return Err(ManageRefusal::PasswordLength(least(settings)));
    }
    match settings.common_passwords {
        CommonPasswords::Refuse if is_common(password, &letters) => {
            Err(ManageRefusal::PasswordCommon)
        }
        CommonPasswords::Refuse | CommonPasswords::Allow => Ok(()),
    }
}

/// How long after a sign-in it stands for the current password, where the realm says so.
const RECENT: Duration = Duration::from_secs(24 * 3600);

/// The current password, as a person that wants another one showed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// It showed none.
    Nothing,
    /// It is the right one.
    Right,
    /// It is not, or was not looked at.
    Not(ManageRefusal),
}

/// A person that wants another password, from a session of its own.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// What the realm says it takes.
    pub rule: PasswordChange,
    /// The current password.
    pub shown: Shown,
    /// Whether the new one is the current one.
    pub is_same: bool,
    /// When the person last proved who it is, in the session.
    pub proven_at: Option<Timestamp>,
    /// The request's time.
    pub now: Timestamp,
}

/// Checks that a person may have another password: the session alone may be stolen.
///
/// # Errors
/// [`ManageRefusal::PasswordNotShown`], [`ManageRefusal::ReauthenticationNeeded`],
/// [`ManageRefusal::PasswordSame`], or why the current one was not taken.
pub fn may_change(change: &Renewal) -> Result<(), ManageRefusal> {
    match (&change.shown, change.rule) {
        (Shown::Not(refusal), _) => return Err(refusal.clone()),
        (Shown::Nothing, PasswordChange::CurrentPassword) => {
            return Err(ManageRefusal::PasswordNotShown);
        }
        (Shown::Nothing, PasswordChange::RecentSignIn) => {
            let until = change.proven_at.map(|at| at.plus(RECENT));
            if until.is_none_or(|until| change.now >= until) {
                return Err(ManageRefusal::ReauthenticationNeeded);
            }
        }
        (Shown::Right, _) => {}
    }
    match change.is_same {
        true => Err(ManageRefusal::PasswordSame),
        false => Ok(()),
    }
}

/// The shortest password of a realm, in characters.
#[must_use]
pub fn least(settings: &SessionSettings) -> usize {
    settings.min_password.max(1)
}

/// Whether it is on the list, in whatever case; or one short text again and again, or
/// letters in their order.
fn is_common(password: &str, letters: &[char]) -> bool {
    let lower = password.to_lowercase();
    COMMON.binary_search(&lower.as_str()).is_ok() || repeats(letters) || is_in_order(letters)
}

fn repeats(letters: &[char]) -> bool {
    (1..=UNIT).any(|unit| {
        let following = letters.get(unit..).unwrap_or_default();
        letters.len() >= 2 * unit && letters.iter().zip(following).all(|(a, b)| a == b)
    })
}

/// `12345678`, `hgfedcba`.
fn is_in_order(letters: &[char]) -> bool {
    let step = |pair: &[char]| match pair {
        [a, b] => i64::from(u32::from(*b)) - i64::from(u32::from(*a)),
        _ => 0,
    };
    let mut steps = letters.windows(2).map(step);
    let first = steps.next();
    matches!(first, Some(1 | -1)) && steps.all(|step| Some(step) == first)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, session_settings};
    use super::*;

    fn checked(password: &str, common: CommonPasswords) -> Result<(), ManageRefusal> {
        let sessions = SessionSettings {
            common_passwords: common,
            ..session_settings()
        };
        check(password, &sessions)
    }

    /// P26.
    #[test]
    fn p26_what_everybody_tries_first_is_refused() {
        for common in [
            "password",
            "PassWord",
            "12345678",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "hgfedcba",
            "iloveyou",
            "trustno1",
            "ääääääää",
        ] {
            let refused = checked(common, CommonPasswords::Refuse);
            assert_eq!(refused, Err(ManageRefusal::PasswordCommon), "{common}");
            assert_eq!(checked(common, CommonPasswords::Allow), Ok(()), "{common}");
        }
        // The whole of it is compared.
        for fine in [
            "correct horse",
            "my password 1",
            "abcdefg8",
            "aaaaaaab",
            "пароль мой",
        ] {
            assert_eq!(checked(fine, CommonPasswords::Refuse), Ok(()), "{fine}");
        }
    }

    #[test]
    fn another_password_takes_the_current_one_or_a_recent_sign_in() {
        use ManageRefusal::{PasswordNotShown, PasswordWrong, ReauthenticationNeeded};
        use PasswordChange::{CurrentPassword, RecentSignIn};
        let day = 24 * 3600;
        let wrong = || Shown::Not(PasswordWrong);
        for (rule, shown, age, expected) in [
            (CurrentPassword, Shown::Right, Some(day), Ok(())),
            (
                CurrentPassword,
                Shown::Nothing,
                Some(0),
                Err(PasswordNotShown),
            ),
            (CurrentPassword, wrong(), Some(0), Err(PasswordWrong)),
            (RecentSignIn, Shown::Right, None, Ok(())),
            (RecentSignIn, Shown::Nothing, Some(day - 1), Ok(())),
            (
                RecentSignIn,
                Shown::Nothing,
                Some(day),
                Err(ReauthenticationNeeded),
            ),
            (
                RecentSignIn,
                Shown::Nothing,
                None,
                Err(ReauthenticationNeeded),
            ),
            (RecentSignIn, wrong(), Some(0), Err(PasswordWrong)),
        ] {
            let mut change = Renewal {
                rule,
                shown: shown.clone(),
                is_same: false,
                proven_at: age.map(|age| NOW.minus(Duration::from_secs(age))),
                now: NOW,
            };
            assert_eq!(may_change(&change), expected, "{rule:?} {shown:?} {age:?}");
            change.is_same = true;
            let same = expected.and(Err(ManageRefusal::PasswordSame));
            assert_eq!(may_change(&change), same, "{rule:?} {shown:?} {age:?}");
        }
    }

    #[test]
    fn what_begins_again_before_its_end_repeats_nothing() {
        let sessions = SessionSettings {
            min_password: 1,
            ..session_settings()
        };
        for fine in ["wombw", "wombwo", "wombwom"] {
            assert_eq!(check(fine, &sessions), Ok(()), "{fine}");
        }
        let refused = check("wombwomb", &sessions);
        assert_eq!(refused, Err(ManageRefusal::PasswordCommon));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let check = |text: String| checked(&text, CommonPasswords::Allow);
        assert_eq!(check("é".repeat(8)), Ok(()));
        assert_eq!(check("a".repeat(256)), Ok(()));
        assert_eq!(check("😀".repeat(256)), Ok(()));
        for bad in [String::new(), "a".repeat(7), "a".repeat(257), "é".repeat(7)] {
            let refused = check(bad).unwrap_err();
            assert_eq!(refused, ManageRefusal::PasswordLength(8));
            assert_eq!(refused.to_string(), "a password has 8 to 256 characters");
        }
    }

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        assert_eq!(COMMON.len(), 7500);
        assert!(COMMON.is_sorted());
        for word in &*COMMON {
            assert!(word.len() >= 6 && *word == word.to_lowercase(), "{word}");
        }
    }
}
