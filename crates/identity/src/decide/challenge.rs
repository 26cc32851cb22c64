//! What a presented secret of a challenge is worth. Not here: finding and taking
//! (`act::challenge`), and what taking one of a kind means.

use crate::model::Challenge;
use doorward_base::Timestamp;
use doorward_base::secret::TokenDigest;

/// Why a challenge is not taken. To whom presents a secret they are one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeRefusal {
    /// There is none, or it was taken, replaced or ended.
    #[error("there is no such challenge")]
    Unknown,
    /// It was not taken in time.
    #[error("the challenge has expired")]
    Expired,
    /// The code is wrong, and that counts as an attempt.
    #[error("the code is wrong")]
    WrongCode,
}

/// Checks that a challenge that was found can still be taken.
///
/// # Errors
/// [`ChallengeRefusal::Expired`].
pub fn check_life(challenge: &Challenge, now: Timestamp) -> Result<(), ChallengeRefusal> {
    if now < challenge.expires_at {
        Ok(())
    } else {
        Err(ChallengeRefusal::Expired)
    }
}

/// Checks a guess at a code: `presented` is its digests under every live digest key. A
/// guess at a challenge that was guessed at too often is not even looked at.
///
/// # Errors
/// [`ChallengeRefusal`]; only [`ChallengeRefusal::WrongCode`] counts.
pub fn check_code(
    challenge: &Challenge,
    presented: &[TokenDigest],
    now: Timestamp,
) -> Result<(), ChallengeRefusal> {
    check_life(challenge, now)?;
    // A kind whose secret is long is found by its digest and never by a guess.
    if is_used_up(challenge, challenge.attempts) {
        return Err(ChallengeRefusal::Unknown);
    }
    if presented.contains(&challenge.digest) {
        Ok(())
    } else {
        Err(ChallengeRefusal::WrongCode)
    }
}

/// Whether this many wrong guesses end a challenge.
#[must_use]
pub fn is_used_up(challenge: &Challenge, attempts: u16) -> bool {
    challenge
        .kind
        .max_attempts()
        .is_none_or(|most| attempts >= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChallengeKind, Metadata};
    use doorward_base::ChallengeId;

    const RIGHT: TokenDigest = TokenDigest::from_bytes([1; 32]);
    const WRONG: TokenDigest = TokenDigest::from_bytes([2; 32]);

    fn challenge(kind: ChallengeKind, attempts: u16) -> Challenge {
        Challenge {
            id: ChallengeId::from_bytes([1; 16]),
            kind,
            digest: RIGHT,
            subject: None,
            address: Some("ada@example.org".to_owned()),
            tenant: None,
            made_by: None,
            payload: Metadata::new(),
            attempts,
            created_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(100),
        }
    }

    #[test]
    fn a_code_is_right_in_time_and_until_the_last_guess() {
        use ChallengeRefusal::{Expired, Unknown, WrongCode};
        let most = ChallengeKind::SignInCode.max_attempts().unwrap();
        for (attempts, presented, now, expected) in [
            (0, [RIGHT, WRONG], 99, Ok(())),
            (0, [WRONG, RIGHT], 99, Ok(())),
            (most - 1, [RIGHT, WRONG], 0, Ok(())),
            (0, [WRONG, WRONG], 0, Err(WrongCode)),
            (most - 1, [WRONG, WRONG], 0, Err(WrongCode)),
            (most, [RIGHT, RIGHT], 0, Err(Unknown)),
            (most + 1, [RIGHT, RIGHT], 0, Err(Unknown)),
            (0, [RIGHT, RIGHT], 100, Err(Expired)),
            (most, [WRONG, WRONG], 100, Err(Expired)),
        ] {
            let one = challenge(ChallengeKind::SignInCode, attempts);
            let done = check_code(&one, &presented, Timestamp::from_seconds(now));
            assert_eq!(done, expected, "{attempts} {now}");
        }
    }

    #[test]
    fn a_long_secret_is_never_a_code() {
        let one = challenge(ChallengeKind::Invitation, 0);
        let done = check_code(&one, &[RIGHT], Timestamp::from_seconds(0));
        assert_eq!(done, Err(ChallengeRefusal::Unknown));
    }

    #[test]
    fn a_slot_is_of_one_subject_address_and_tenant() {
        let base = challenge(ChallengeKind::Invitation, 0);
        let mut others = vec![base.slot()];
        for change in [
            |one: &mut Challenge| one.tenant = Some("acme".parse().unwrap()),
            |one: &mut Challenge| one.address = Some("bob@example.org".to_owned()),
            |one: &mut Challenge| one.address = None,
            |one: &mut Challenge| {
                one.subject = Some(doorward_base::SubjectId::from_bytes([3; 16]));
            },
        ] {
            let mut other = base.clone();
            change(&mut other);
            assert!(!others.contains(&other.slot()), "{other:?}");
            others.push(other.slot());
        }
    }

    #[test]
    fn every_kind_is_read_back_from_its_text() {
        for &kind in ChallengeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("otp".parse::<ChallengeKind>().is_err());
    }
}
