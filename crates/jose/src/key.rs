//! Keys, each parsed once and bound to exactly one [`Algorithm`](crate::Algorithm):
//! [`SigningKey`] for what we issue, [`VerifyingKey`] for what we check. Not here:
//! choosing a key for a token (`key_set`), and keeping keys (`store`).

mod ed25519;
mod jwk;
mod rsa;
mod signing;
mod verifying;

pub use jwk::JwkError;
pub use signing::{KeyError, SigningKey};
pub use verifying::VerifyingKey;

pub(crate) use jwk::Kid;

/// The longest `kid` that is read or given, in bytes.
pub const MAX_KID: usize = 128;

/// The shortest HMAC secret: the digest's length (RFC 7518 §3.2).
pub const MIN_HMAC_SECRET: usize = 32;

#[cfg(test)]
mod tests;
