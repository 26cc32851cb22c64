//! JWTs as a client sees them: taken apart without a judgement, and judged by an
//! independent library with the published key set.

use crate::artifact::must;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;

/// A token taken apart. Nothing about it has been checked.
#[derive(Clone, Debug)]
pub struct Unverified {
    pub header: Value,
    pub claims: Value,
}

impl Unverified {
    /// Takes a compact JWS apart.
    ///
    /// # Panics
    /// When it is not three base64url parts with JSON in the first two.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            panic!("{} parts are no JWT", parts.len());
        };
        let _ = must("decode the signature", URL_SAFE_NO_PAD.decode(signature));
        Self {
            header: part(header),
            claims: part(claims),
        }
    }

    /// `exp` − `iat`, seconds.
    ///
    /// # Panics
    /// When one of them is missing or not a whole number.
    #[must_use]
    pub fn life(&self) -> i64 {
        self.number("exp") - self.number("iat")
    }

    /// A claim that is a whole number.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn number(&self, claim: &str) -> i64 {
        match self.claims.get(claim).and_then(Value::as_i64) {
            Some(number) => number,
            None => panic!("claim {claim} is no whole number"),
        }
    }
}

/// Verifies a token with `jsonwebtoken` and the issuer's published keys, at the time
/// the token itself names (tests move the clock), and returns its claims.
///
/// # Errors
/// What the library found.
pub fn verify(token: &str, jwks: &Value) -> Result<Value, String> {
    let keys: JwkSet = serde_json::from_value(jwks.clone()).map_err(|e| e.to_string())?;
    let header = jsonwebtoken::decode_header(token).map_err(|e| e.to_string())?;
    let kid = header.kid.ok_or("the token names no key")?;
    let key = keys.find(&kid).ok_or("the key set lacks the token's key")?;
    let mut validation = Validation::new(header.alg);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).map_err(|e| e.to_string())?;
    jsonwebtoken::decode::<Value>(token, &key, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|e| e.to_string())
}

/// Puts a token together from any three texts.
#[must_use]
pub fn assemble(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes()),
        encode(signature)
    )
}

/// Signs any claims with HS256, for forgeries.
///
/// # Panics
/// When the header is not one the library can write.
#[must_use]
pub fn forge_hs256(claims: &Value, kid: &str, typ: &str, secret: &[u8]) -> String {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    header.typ = Some(typ.to_owned());
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    must("sign", jsonwebtoken::encode(&header, claims, &key))
}

fn part(text: &str) -> Value {
    let bytes = must("decode a part", URL_SAFE_NO_PAD.decode(text));
    must("read a part", serde_json::from_slice(&bytes))
}
