//! The text of a refresh token: `SECRET_NUMBER_SEAL`. The secret is the session's and
//! nowhere but in its tokens, the number tells them apart, and the seal proves that both
//! were put together here. Not here: what becomes of one that is presented
//! (`decide::refresh`).

use super::keyring::{DigestKind, Keyring};
use doorward_base::secret::TokenDigest;
use doorward_base::token_format::{FormatError, Shape, TokenBody, TokenFormat};
use doorward_base::{Entropy, Secret};
use std::fmt::Write as _;

/// What refresh tokens begin with.
const PREFIX: &str = "dwr_";

/// A refresh token that was made here.
#[derive(Clone, Debug)]
pub(super) struct RefreshToken {
    /// The session's secret.
    secret: Secret,
    pub(super) number: u32,
}

impl RefreshToken {
    /// The first of a new session.
    pub(super) fn mint(entropy: &dyn Entropy) -> Result<Self, FormatError> {
        let secret = format()?.mint(None, entropy);
        Ok(Self { secret, number: 0 })
    }

    /// Reads a presented one; none unless it was sealed by one of the realm's keys, so that
    /// a made-up one costs no look-up.
    pub(super) fn open(text: &Secret, keyring: &Keyring) -> Option<Self> {
        let (sealed, seal) = text.expose().rsplit_once('_')?;
        let (secret, number) = sealed.rsplit_once('_')?;
        let shape = format().ok()?.shape(secret);
        // One text for each number: no sign, no leading zero.
        let number: u32 = number
            .parse()
            .ok()
            .filter(|n: &u32| n.to_string() == number)?;
        let ours = matches!(shape, Shape::WellFormed(None)) && keyring.is_sealed(sealed, seal);
        ours.then(|| Self {
            secret: Secret::new(secret.to_owned()),
            number,
        })
    }

    /// The session's token of another number.
    pub(super) fn numbered(&self, number: u32) -> Self {
        Self {
            secret: self.secret.clone(),
            number,
        }
    }

    /// The text, sealed by the current key.
    pub(super) fn seal(&self, keyring: &Keyring) -> Secret {
        let mut text = String::with_capacity(96);
        let _ = write!(text, "{}_{}", self.secret.expose(), self.number);
        let seal = keyring.seal(&text);
        let _ = write!(text, "_{seal}");
        Secret::new(text)
    }

    /// The digest its session is stored under, and that digest's key.
    pub(super) fn digest(&self, keyring: &Keyring) -> (TokenDigest, String) {
        keyring.digest(DigestKind::Refresh, &self.secret)
    }

    /// The digests its session may be stored under, the current one first.
    pub(super) fn digests(&self, keyring: &Keyring) -> Vec<(TokenDigest, String)> {
        keyring.digests(DigestKind::Refresh, &self.secret)
    }
}

fn format() -> Result<TokenFormat, FormatError> {
    TokenFormat::new(PREFIX, Vec::new(), TokenBody::Checked)
}
