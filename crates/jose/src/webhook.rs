//! Signatures of webhooks as Standard Webhooks 1.0 has them: HMAC-SHA-256 over id, time and
//! body, under a key that is shared with whoever receives them. Not here: sending (`server`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret holds.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// The text is no secret for webhooks. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not \"whsec_\" and 24 to 64 bytes in Base64; make one by: echo whsec_$(openssl rand -base64 32)"
)]
pub struct WebhookKeyError;

/// The key that webhooks are signed with.
#[derive(Clone)]
pub struct WebhookKey(hmac::Key);

impl WebhookKey {
    /// Reads a secret.
    ///
    /// # Errors
    /// [`WebhookKeyError`].
    pub fn from_text(secret: &str) -> Result<Self, WebhookKeyError> {
        let encoded = secret.strip_prefix(PREFIX).ok_or(WebhookKeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| WebhookKeyError)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(WebhookKeyError);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The header `webhook-signature` of a message sent at this second.
    #[must_use]
    pub fn sign(&self, id: &str, at: i64, body: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{id}.{at}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// Prints the type alone.
impl fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // Standard Webhooks, the example of "Verifying signatures".
        let key = WebhookKey::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = "{\"test\": 2432232314}";
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "WebhookKey");
    }

    #[test]
    fn a_secret_is_of_one_form_and_long_enough() {
        for bad in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
            "whsec_c2hvcnQ=",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La-_Sw",
        ] {
            assert!(WebhookKey::from_text(bad).is_err(), "{bad}");
        }
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        assert!(WebhookKey::from_text(&long).is_err());
    }
}
