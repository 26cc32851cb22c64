//! JOSE and what is near it: JWS, JWK and JWT parsed, signed and verified on
//! `aws-lc-rs` with keys that are parsed once; keyed digests of opaque tokens; and
//! sealing of stored secrets under the master key.
//!
//! Not here: fetching key sets, caching verdicts, revocation, choosing which issuer
//! is trusted (`gate`), and where keys are kept (`store`). Nothing here reads a clock:
//! `now` comes in as a value.

#![warn(missing_docs)]

mod b64;

pub mod alg;
pub mod command;
pub mod digest;
pub mod json;
pub mod jws;
pub mod jwt;
pub mod key;
pub mod key_set;
pub mod mint;
pub mod seal;
pub mod webhook;

pub use alg::Algorithm;
pub use command::{Verdict, verify_jws};
pub use digest::DigestKey;
pub use jwt::{Expectations, JwtError, TypRule, UnverifiedJwt, VerifiedClaims};
pub use key::{JwkError, KeyError, SigningKey, VerifyingKey};
pub use key_set::{KeySet, KeySetError};
pub use mint::SignError;
pub use seal::MasterKey;
pub use webhook::{WebhookKey, WebhookKeyError};
