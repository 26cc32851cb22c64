//! The shape of opaque API tokens: how one is minted, and how the gate knows one
//! when it sees it. Not here: the class's rules (`identity`) and digests (`jose`).

use crate::{Entropy, Environment, Secret};
use std::fmt::Write as _;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 27 characters of base 62 carry 160.7 bits.
const BASE62_LENGTH: usize = 27;
const CHECKSUM_LENGTH: usize = 8;

/// What follows the prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenBody {
    /// 27 characters of base 62 (160 bits) and a checksum of 8 hexadecimal digits:
    /// the CRC-32 of everything before it.
    #[default]
    Checked,
    /// 64 lower-case hexadecimal digits, 256 bits, without a checksum.
    Hex64,
    /// A version 4 UUID (RFC 9562 §5.4), 122 bits.
    Uuid,
}

crate::words!(TokenBody { Checked = "checked", Hex64 = "hex64", Uuid = "uuid" });

/// The shape of one class of API tokens: `prefix`, then `environment_` where the
/// class has environments, then the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenFormat {
    prefix: String,
    environments: Vec<Environment>,
    body: TokenBody,
}

/// What a text looks like to one class. A match says nothing about whether the
/// token exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Not of this class.
    Other,
    /// Of this class by its prefix, but mistyped or cut: it cannot exist.
    Malformed,
    /// Well-formed, of this environment.
    WellFormed(Option<Environment>),
}

/// Why a format was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A prefix may hold letters, digits, `-` and `_`, at most 64 of them.
    #[error("a prefix is at most 64 of letters, digits, - and _")]
    Prefix,
    /// A UUID is recognised only by its whole shape.
    #[error("format uuid takes no prefix and no environments")]
    UuidPrefix,
    /// Without a prefix a token cannot be told from others.
    #[error("this format needs a prefix")]
    NoPrefix,
}

impl TokenFormat {
    /// Checks and takes the parts.
    ///
    /// # Errors
    /// [`FormatError`] when tokens of this format could not be recognised.
    pub fn new(
        prefix: &str,
        environments: Vec<Environment>,
        body: TokenBody,
    ) -> Result<Self, FormatError> {
        let clean = prefix.len() <= 64
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !clean {
            return Err(FormatError::Prefix);
        }
        match body {
            TokenBody::Uuid if !prefix.is_empty() || !environments.is_empty() => {
                Err(FormatError::UuidPrefix)
            }
            TokenBody::Checked | TokenBody::Hex64 if prefix.is_empty() => {
                Err(FormatError::NoPrefix)
            }
            _ => Ok(Self {
                prefix: prefix.to_owned(),
                environments,
                body,
            }),
        }
    }

    /// What its tokens begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What follows the prefix.
    #[must_use]
    pub const fn body(&self) -> TokenBody {
        self.body
    }

    /// The environments a token of this class may name; empty if it names none.
    #[must_use]
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// A fresh secret. `environment` is written where the class has environments.
    #[must_use]
    pub fn mint(&self, environment: Option<&Environment>, entropy: &dyn Entropy) -> Secret {
        let mut text = self.prefix.clone();
        if let Some(environment) = environment {
            let _ = write!(text, "{environment}_");
        }
        match self.body {
            TokenBody::Checked => {
                push_base62(&mut text, entropy);
                let checksum = crc32fast::hash(text.as_bytes());
                let _ = write!(text, "{checksum:08x}");
            }
            TokenBody::Hex64 => {
                for byte in crate::entropy::bytes::<32>(entropy) {
                    let _ = write!(text, "{byte:02x}");
                }
            }
            TokenBody::Uuid => {
                let random = crate::entropy::bytes::<16>(entropy);
                let _ = write!(
                    text,
                    "{}",
                    uuid::Builder::from_random_bytes(random).into_uuid()
                );
            }
        }
        Secret::new(text)
    }

    /// What `text` looks like to this class, without any look-up.
    #[must_use]
    pub fn shape(&self, text: &str) -> Shape {
        if self.body == TokenBody::Uuid {
            return if is_uuid_v4(text) {
                Shape::WellFormed(None)
            } else {
                Shape::Other
            };
        }
        let Some(rest) = text.strip_prefix(self.prefix.as_str()) else {
            return Shape::Other;
        };
        let (environment, body) = if self.environments.is_empty() {
            (None, rest)
        } else {
            let Some((name, body)) = rest.split_once('_') else {
                return Shape::Malformed;
            };
            let Some(environment) = self
                .environments
                .iter()
                .find(|known| known.as_str() == name)
            else {
                return Shape::Malformed;
            };
            (Some(environment.clone()), body)
        };
        let sound = match self.body {
            TokenBody::Checked => checksum_holds(text, body),
            TokenBody::Hex64 => {
                body.len() == 64 && body.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            TokenBody::Uuid => false,
        };
        if sound {
            Shape::WellFormed(environment)
        } else {
            Shape::Malformed
        }
    }
}

fn push_base62(text: &mut String, entropy: &dyn Entropy) {
    let mut wanted = BASE62_LENGTH;
    while wanted > 0 {
        for byte in crate::entropy::bytes::<32>(entropy) {
            // 248 = 4 × 62: larger bytes are dropped, so that every letter is as likely.
            if wanted > 0
                && byte < 248
                && let Some(&letter) = BASE62.get(usize::from(byte % 62))
            {
                text.push(char::from(letter));
                wanted -= 1;
            }
        }
    }
}

fn checksum_holds(text: &str, body: &str) -> bool {
    if body.len() != BASE62_LENGTH + CHECKSUM_LENGTH
        || !body.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return false;
    }
    let Some((covered, checksum)) = text.split_at_checked(text.len() - CHECKSUM_LENGTH) else {
        return false;
    };
    checksum == format!("{:08x}", crc32fast::hash(covered.as_bytes()))
}

fn is_uuid_v4(text: &str) -> bool {
    text.len() == 36
        && !text.bytes().any(|b| b.is_ascii_uppercase())
        && uuid::Uuid::try_parse(text).is_ok_and(|id| id.get_version_num() == 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0.fetch_add(41, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    fn entropy() -> Counting {
        Counting(std::sync::atomic::AtomicU8::new(3))
    }

    #[test]
    fn a_minted_token_is_well_formed_and_every_typo_is_seen() {
        let format = TokenFormat::new("wbat-", vec![], TokenBody::Checked).unwrap();
        let secret = format.mint(None, &entropy());
        let text = secret.expose();
        assert_eq!(text.len(), 5 + 35);
        assert_eq!(format.shape(text), Shape::WellFormed(None));
        for at in 5..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(
                format.shape(std::str::from_utf8(&typo).unwrap()),
                Shape::Malformed
            );
        }
        assert_eq!(format.shape(text.get(..30).unwrap()), Shape::Malformed);
        assert_eq!(format.shape("other"), Shape::Other);
    }

    #[test]
    fn environments_are_part_of_the_shape() {
        let live = Environment::new("live").unwrap();
        let format =
            TokenFormat::new("flotac_api_key_", vec![live.clone()], TokenBody::Hex64).unwrap();
        let secret = format.mint(Some(&live), &entropy());
        assert_eq!(secret.expose().len(), "flotac_api_key_live_".len() + 64);
        assert_eq!(format.shape(secret.expose()), Shape::WellFormed(Some(live)));
        assert_eq!(
            format.shape(&secret.expose().replace("live", "prod")),
            Shape::Malformed
        );
        assert_eq!(format.shape(&secret.expose().to_uppercase()), Shape::Other);
        assert_eq!(
            format.shape(secret.expose().get(..83).unwrap()),
            Shape::Malformed
        );
    }

    #[test]
    fn a_uuid_needs_no_prefix_and_nothing_else_lacks_one() {
        let format = TokenFormat::new("", vec![], TokenBody::Uuid).unwrap();
        let secret = format.mint(None, &entropy());
        assert_eq!(format.shape(secret.expose()), Shape::WellFormed(None));
        assert_eq!(
            format.shape("00000000-0000-1000-8000-000000000000"),
            Shape::Other
        );
        assert_eq!(
            TokenFormat::new("", vec![], TokenBody::Hex64),
            Err(FormatError::NoPrefix)
        );
        assert_eq!(
            TokenFormat::new("a b", vec![], TokenBody::Hex64),
            Err(FormatError::Prefix)
        );
    }
}
