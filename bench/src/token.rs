//! An external issuer with one RS256 key, its access tokens, and the order in which
//! many of them are used. Not here: API tokens, which the binary makes itself.

use crate::failure::{Context as _, Failure};
use doorward_base::testing::SeededEntropy;
use doorward_jose::{Algorithm, SigningKey};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The issuer's `iss`.
pub(crate) const ISSUER: &str = "https://login.bench.test/";
/// The audience of its tokens.
pub(crate) const AUDIENCE: &str = "https://api.bench.test";
/// The scope that the measured route asks for; the tokens carry it among others.
pub(crate) const SCOPE: &str = "read:invoices";
/// The other scope that they carry.
pub(crate) const WRITE_SCOPE: &str = "write:invoices";

#[derive(Debug)]
pub(crate) struct Issuer {
    key: SigningKey,
    now: u64,
}

impl Issuer {
    pub(crate) fn make() -> Result<Self, Failure> {
        // RSA keys take no entropy from here; the library draws its own.
        let entropy = SeededEntropy::new(0);
        let key = SigningKey::generate(Algorithm::RS256, &entropy).during("an RSA key")?;
        Ok(Self { key, now: now()? })
    }

    /// Its public key as a JWK set.
    pub(crate) fn key_set(&self) -> Result<String, Failure> {
        let jwk = self
            .key
            .public_jwk()
            .during("an RSA key has a public half")?;
        Ok(json!({ "keys": [jwk] }).to_string())
    }

    /// Its private key, PKCS#8.
    pub(crate) fn private_key(&self) -> Result<Vec<u8>, Failure> {
        let bytes = self.key.to_bytes().during("the RSA key's bytes")?;
        Ok(bytes.to_vec())
    }

    /// A token for subject number `number`, good for two hours.
    pub(crate) fn mint(&self, number: usize) -> Result<String, Failure> {
        self.mint_in(number, &format!("tenant-{:03}", number % 100))
    }

    /// The same in a tenant of this name.
    pub(crate) fn mint_in(&self, number: usize, tenant: &str) -> Result<String, Failure> {
        self.sign(&json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": format!("auth0|{number:024x}"),
            "iat": self.now,
            "exp": self.now + 7200,
            "scope": format!("openid {SCOPE} {WRITE_SCOPE}"),
            "tenant": tenant,
        }))
    }

    /// Tokens that must be refused, each with the status it must get.
    pub(crate) fn mint_refused(&self) -> Result<Vec<(&'static str, u16, String)>, Failure> {
        let good = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "x", "tenant": "t", "scope": SCOPE,
            "iat": self.now, "exp": self.now + 7200,
        });
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            if let Some(claims) = claims.as_object_mut() {
                claims.insert(name.to_owned(), value);
            }
            self.sign(&claims)
        };
        let mut forged = self.sign(&good)?;
        forged.truncate(forged.len() - 12);
        forged.push_str("AAAAAAAAAAAA");
        Ok(vec![
            ("expired", 401, with("exp", json!(self.now - 3600))?),
            (
                "of another issuer",
                401,
                with("iss", json!("https://evil.test/"))?,
            ),
            (
                "for another audience",
                401,
                with("aud", json!("https://other.test"))?,
            ),
            ("with a forged signature", 401, forged),
            ("without the scope", 403, with("scope", json!("openid"))?),
        ])
    }

    /// Tokens for `count` subjects, minted on every processor.
    pub(crate) fn mint_many(&self, count: usize) -> Result<Vec<String>, Failure> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let numbers: Vec<usize> = (0..count).collect();
        let mint = |part: &[usize]| -> Result<Vec<String>, Failure> {
            part.iter().map(|&number| self.mint(number)).collect()
        };
        std::thread::scope(|scope| {
            let parts: Vec<_> = numbers
                .chunks(count.div_ceil(threads).max(1))
                .map(|part| scope.spawn(move || mint(part)))
                .collect();
            let mut tokens = Vec::with_capacity(count);
            for part in parts {
                tokens.extend(part.join().ok().during("minting tokens")??);
            }
            Ok(tokens)
        })
    }

    fn sign(&self, claims: &Value) -> Result<String, Failure> {
        let empty = Map::new();
        let claims = claims.as_object().unwrap_or(&empty);
        self.key
            .sign_jwt("at+jwt", claims)
            .during("an access token")
    }
}

/// An endless draw from 1 to n in which number k is k times rarer than number 1.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// The share of all draws that falls on each number and those before it.
    cumulative: Vec<f64>,
    state: u64,
}

impl Zipf {
    pub(crate) fn new(n: usize) -> Self {
        let mut sum = 0.0;
        let mut weight = 0.0;
        let mut cumulative: Vec<f64> = std::iter::repeat_with(|| {
            weight += 1.0;
            sum += 1.0 / weight;
            sum
        })
        .take(n)
        .collect();
        for share in &mut cumulative {
            *share /= sum;
        }
        Self {
            cumulative,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }
}

impl Iterator for Zipf {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // xorshift64*: repeatable, so that every round asks in the same order.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        let draw = f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX);
        let below = self.cumulative.partition_point(|share| *share < draw);
        Some(below.saturating_add(1).min(self.cumulative.len()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program is the shell: it dates its tokens once"
)]
fn now() -> Result<u64, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).during("the clock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_token_is_its_own() {
        let issuer = Issuer::make().unwrap();
        let tokens = issuer.mint_many(7).unwrap();
        assert_eq!(tokens.len(), 7);
        assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 7);
    }

    #[test]
    fn zipf_draws_the_first_most_and_stays_in_range() {
        let draws: Vec<usize> = Zipf::new(1000).take(50_000).collect();
        let of = |number| draws.iter().filter(|draw| **draw == number).count();
        // The harmonic number of 1,000 is 7.49: number 1 gets 13.4 % of the draws.
        assert!((6_200..7_200).contains(&of(1)), "{}", of(1));
        assert!((3_000..3_700).contains(&of(2)), "{}", of(2));
        assert!(draws.iter().all(|draw| (1..=1000).contains(draw)));
    }
}
