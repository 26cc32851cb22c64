//! Everything single-use: a challenge is put, taken once, and guessed at no more often
//! than its kind allows. Use-cases call these inside their own transactions. Not here: the
//! rules (`decide::challenge`), and what taking one of a kind means.

use super::Context;
use super::keyring::{DigestKind, Keyring};
use crate::decide::challenge::{ChallengeRefusal, check_code, check_life, is_used_up};
use crate::model::{Challenge, ChallengeKind, MAX_PAYLOAD, Metadata, SecretForm};
use crate::port::{ChallengeKey, StoreError, Tx};
use doorward_base::secret::TokenDigest;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{ChallengeId, Entropy, Secret, SubjectId, TenantId, entropy};
use std::time::Duration;

/// For whom and about what a challenge is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChallengeTerms {
    /// Whose step it is, if that is known.
    pub subject: Option<SubjectId>,
    /// The address it goes to, in its canonical form.
    pub address: Option<String>,
    /// The tenant it is about.
    pub tenant: Option<TenantId>,
    /// Who causes it.
    pub made_by: Option<SubjectId>,
    /// What its kind needs to go on.
    pub payload: Metadata,
    /// How long it can be taken; its kind's own life without.
    pub life: Option<Duration>,
}

/// Why a challenge cannot be made: a defect of whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The payload is larger than [`MAX_PAYLOAD`].
    #[error("a challenge's payload is too large")]
    Payload,
    /// The kind's prefix is none.
    #[error("a challenge's prefix is malformed")]
    Prefix,
}

/// Makes a challenge with its secret. It is not stored yet:
/// [`put_challenge`](crate::port::ChallengeWrite::put_challenge) does, inside the
/// transaction that decides whether it may be.
///
/// # Errors
/// [`MintError`].
pub fn mint(
    ctx: Context<'_>,
    kind: ChallengeKind,
    terms: ChallengeTerms,
) -> Result<(Challenge, Secret), MintError> {
    let size = serde_json::to_vec(&terms.payload).map_or(usize::MAX, |json| json.len());
    if size > MAX_PAYLOAD {
        return Err(MintError::Payload);
    }
    let entropy = &*ctx.identity.entropy;
    let id = ChallengeId::mint(entropy, ctx.call.now);
    let secret = match kind.row().form {
        SecretForm::Long { prefix } => TokenFormat::new(prefix, Vec::new(), TokenBody::Checked)
            .map_err(|_| MintError::Prefix)?
            .mint(None, entropy),
        SecretForm::Code { digits, .. } => mint_code(digits, entropy),
    };
    let digest = ctx
        .realm
        .keyring()
        .digest(DigestKind::Challenge, &digested(kind, id, &secret))
        .0;
    let life = terms.life.unwrap_or(kind.row().life);
    let challenge = Challenge {
        id,
        kind,
        digest,
        subject: terms.subject,
        address: terms.address,
        tenant: terms.tenant,
        made_by: terms.made_by,
        payload: terms.payload,
        attempts: 0,
        created_at: ctx.call.now,
        expires_at: ctx.call.now.plus(life),
    };
    Ok((challenge, secret))
}

/// What is digested of a secret. A long one is found by the digest, which tells its kind;
/// a code is compared with that of one challenge, and equal codes of two have different
/// digests.
fn digested(kind: ChallengeKind, id: ChallengeId, secret: &Secret) -> Secret {
    Secret::new(match kind.row().form {
        SecretForm::Long { .. } => format!("{} {}", kind.as_str(), secret.expose()),
        SecretForm::Code { .. } => format!("{} {id} {}", kind.as_str(), secret.expose()),
    })
}

/// The keys under which a long secret may be stored, one for each live digest key.
pub(super) fn keys_of(
    keyring: &Keyring,
    kind: ChallengeKind,
    secret: &Secret,
) -> Vec<ChallengeKey> {
    // A long secret's digest does not depend on the id.
    let text = digested(kind, ChallengeId::from_bytes([0; 16]), secret);
    keyring
        .digests(DigestKind::Challenge, &text)
        .into_iter()
        .map(|(digest, _)| ChallengeKey::Digest(kind, digest))
        .collect()
}

/// Takes a challenge by its long secret: of any number that try, one gets it.
///
/// # Errors
/// [`StoreError`]; inside it, [`ChallengeRefusal`].
pub async fn take(
    tx: &mut dyn Tx,
    keyring: &Keyring,
    kind: ChallengeKind,
    secret: &Secret,
    now: doorward_base::Timestamp,
) -> Result<Result<Challenge, ChallengeRefusal>, StoreError> {
    for key in keys_of(keyring, kind, secret) {
        if let Some(challenge) = tx.take_challenge(&key).await? {
            return Ok(check_life(&challenge, now).map(|()| challenge));
        }
    }
    Ok(Err(ChallengeRefusal::Unknown))
}

/// Takes a challenge by its code. A wrong guess counts, also though the answer is a
/// refusal, and the last one allowed ends the challenge; so whoever calls this commits.
///
/// # Errors
/// [`StoreError`]; inside it, [`ChallengeRefusal`].
pub async fn take_code(
    tx: &mut dyn Tx,
    keyring: &Keyring,
    key: &ChallengeKey,
    code: &Secret,
    now: doorward_base::Timestamp,
) -> Result<Result<Challenge, ChallengeRefusal>, StoreError> {
    let Some(challenge) = tx.find_challenge(key).await? else {
        return Ok(Err(ChallengeRefusal::Unknown));
    };
    let text = digested(challenge.kind, challenge.id, code);
    let presented: Vec<TokenDigest> = keyring
        .digests(DigestKind::Challenge, &text)
        .into_iter()
        .map(|(digest, _)| digest)
        .collect();
    let by_id = ChallengeKey::Id(challenge.id);
    match check_code(&challenge, &presented, now) {
        Ok(()) => {
            let taken = tx.take_challenge(&by_id).await?;
            Ok(taken.ok_or(ChallengeRefusal::Unknown))
        }
        Err(ChallengeRefusal::WrongCode) => {
            if is_used_up(&challenge, challenge.attempts + 1) {
                tx.take_challenge(&by_id).await?;
            } else {
                tx.count_attempt(challenge.id).await?;
            }
            Ok(Err(ChallengeRefusal::WrongCode))
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Decimal digits, each as likely as the other.
fn mint_code(digits: u8, entropy: &dyn Entropy) -> Secret {
    let mut code = String::with_capacity(digits.into());
    while code.len() < digits.into() {
        let [byte] = entropy::bytes::<1>(entropy);
        // 250 is the largest multiple of ten in a byte; the rest would favour small digits.
        if byte < 250 {
            code.push(char::from(b'0' + byte % 10));
        }
    }
    Secret::new(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_base::testing::SeededEntropy;

    #[test]
    fn a_code_has_its_digits_and_all_of_them() {
        let entropy = SeededEntropy::new(3);
        let mut seen = [0_u32; 10];
        for _ in 0..1000 {
            let code = mint_code(6, &entropy);
            assert_eq!(code.expose().len(), 6);
            for digit in code.expose().bytes() {
                seen[usize::from(digit - b'0')] += 1;
            }
        }
        // 600 each on average; five standard deviations are 116.
        assert!(seen.iter().all(|n| (484..=716).contains(n)), "{seen:?}");
    }

    #[test]
    fn a_code_is_digested_with_its_challenge() {
        let (one, two) = (
            ChallengeId::from_bytes([1; 16]),
            ChallengeId::from_bytes([2; 16]),
        );
        let code = Secret::new("123456".to_owned());
        let of = |kind, id| digested(kind, id, &code).expose().to_owned();
        let (short, long) = (ChallengeKind::SignInCode, ChallengeKind::Invitation);
        assert_ne!(of(short, one), of(short, two));
        assert_eq!(of(long, one), of(long, two));
        assert_ne!(of(short, one), of(long, one));
    }
}
