//! Against an independent library, in both directions, for every algorithm; and every
//! single-byte change of a token.
#![expect(
    clippy::unwrap_used,
    reason = "a key or token that cannot be made must fail the test"
)]

use base64::Engine;
use doorward_base::testing::SeededEntropy;
use doorward_base::{Audience, Timestamp};
use doorward_jose::jws::verify_compact;
use doorward_jose::{Algorithm, Expectations, KeySet, SigningKey, TypRule, UnverifiedJwt};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use std::time::Duration;

/// One key for each algorithm; the RSA algorithms share one pair, made once.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    let entropy = SeededEntropy::new(7);
    let rsa = SigningKey::generate(Algorithm::RS256, &entropy).unwrap();
    let rsa = rsa.to_bytes().unwrap();
    Algorithm::ALL
        .into_iter()
        .map(|alg| {
            if alg.is_rsa() {
                SigningKey::from_bytes(alg, &rsa).unwrap()
            } else {
                SigningKey::generate(alg, &entropy).unwrap()
            }
        })
        .collect()
});

fn foreign(alg: Algorithm) -> jsonwebtoken::Algorithm {
    alg.as_str().parse().unwrap()
}

fn decoding_key(key: &SigningKey) -> jsonwebtoken::DecodingKey {
    match key.public_jwk() {
        Some(jwk) => {
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk).unwrap();
            jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap()
        }
        None => jsonwebtoken::DecodingKey::from_secret(&key.to_bytes().unwrap()),
    }
}

fn encoding_key(key: &SigningKey) -> jsonwebtoken::EncodingKey {
    let bytes = key.to_bytes().unwrap();
    match key.algorithm() {
        Algorithm::HS256 => jsonwebtoken::EncodingKey::from_secret(&bytes),
        Algorithm::ES256 | Algorithm::ES384 => jsonwebtoken::EncodingKey::from_ec_der(&bytes),
        Algorithm::EdDSA => jsonwebtoken::EncodingKey::from_ed_der(&bytes),
        _ => {
            let body = base64::engine::general_purpose::STANDARD.encode(&*bytes);
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
            jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
        }
    }
}

fn arbitrary_claims() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let tree = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (
        any::<String>(),
        prop::collection::btree_map("[a-z_]{4,12}", tree, 0..5),
    )
        .prop_map(|(sub, extra)| {
            let mut claims: Map<String, Value> = extra.into_iter().collect();
            claims.insert("iss".to_owned(), "https://id.example".into());
            claims.insert("aud".to_owned(), "api".into());
            claims.insert("sub".to_owned(), sub.into());
            claims.insert("exp".to_owned(), 32_503_680_000_i64.into());
            claims
        })
}

static API: LazyLock<[Audience; 1]> = LazyLock::new(|| [Audience::new("api").unwrap()]);

fn verify(token: &str, set: &KeySet) -> Result<Map<String, Value>, doorward_jose::JwtError> {
    let typ = TypRule::one_of(["at+jwt"]);
    let expected = Expectations {
        issuer: "https://id.example",
        audiences: Some(&API[..]),
        typ: &typ,
        leeway: Duration::ZERO,
        require_exp: true,
        max_lifetime: None,
    };
    UnverifiedJwt::parse(token)?
        .verify(set, &expected, Timestamp::from_seconds(1_800_000_000))
        .map(doorward_jose::VerifiedClaims::into_claims)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_we_mint_another_library_accepts(claims in arbitrary_claims()) {
        for key in KEYS.iter() {
            let token = key.sign_jwt("at+jwt", &claims).unwrap();
            let mut validation = jsonwebtoken::Validation::new(foreign(key.algorithm()));
            validation.set_audience(&["api"]);
            validation.set_issuer(&["https://id.example"]);
            let read = jsonwebtoken::decode::<Map<String, Value>>(&token, &decoding_key(key), &validation)
                .map_err(|error| TestCaseError::fail(format!("{}: {error}", key.algorithm())))?;
            prop_assert_eq!(&read.claims, &claims);
            prop_assert_eq!(read.header.kid.as_deref(), Some(key.kid()));
        }
    }

    #[test]
    fn what_another_library_mints_we_accept(claims in arbitrary_claims()) {
        let set = KeySet::from_signing_keys(KEYS.iter().filter(|key| key.algorithm() != Algorithm::RS384
            && key.algorithm() != Algorithm::RS512 && key.algorithm() != Algorithm::PS256)).unwrap();
        for key in KEYS.iter() {
            let mut header = jsonwebtoken::Header::new(foreign(key.algorithm()));
            header.typ = Some("at+jwt".to_owned());
            header.kid = Some(key.kid().to_owned());
            let token = jsonwebtoken::encode(&header, &claims, &encoding_key(key)).unwrap();
            let own = KeySet::from_signing_keys([key]).unwrap();
            prop_assert_eq!(verify(&token, &own), Ok(claims.clone()));
            // J5: the sister algorithms of the one RSA pair do not stand in for RS256.
            let same = set.find(key.kid()).map(doorward_jose::VerifyingKey::algorithm) == Some(key.algorithm());
            prop_assert_eq!(verify(&token, &set).is_ok(), same);
        }
    }

    #[test]
    fn the_parser_does_not_panic(text in any::<String>(), parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        let set = KeySet::from_signing_keys(KEYS.iter().take(2)).unwrap();
        prop_assert!(verify(&text, &set).is_err());
        prop_assert!(verify(&parts.join("."), &set).is_err());
        prop_assert!(!doorward_jose::verify_jws(&text).valid);
    }
}

/// Every token one replaced byte away, for each of `replacements`.
fn assert_fragile(key: &SigningKey, replacements: impl Fn(u8) -> Vec<u8>) {
    let claims = json!({ "iss": "https://id.example", "sub": "u", "exp": 32_503_680_000_i64 });
    let token = key.sign_jwt("at+jwt", claims.as_object().unwrap()).unwrap();
    let verifying = key.verifying_key();
    assert!(verify_compact(&token, &verifying).is_ok());
    let bytes = token.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        for other in replacements(byte) {
            let mut changed = bytes.to_vec();
            if let Some(place) = changed.get_mut(at) {
                *place = other;
            }
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                verify_compact(&changed, &verifying).is_err(),
                "{} byte {at}: {byte} to {other}",
                key.algorithm()
            );
        }
        let mut shorter = bytes.to_vec();
        shorter.remove(at);
        let mut longer = bytes.to_vec();
        longer.insert(at, byte);
        for changed in [shorter, longer] {
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify_compact(&changed, &verifying).is_err(), "{at}");
        }
    }
}

#[test]
fn j40_every_single_byte_change_is_refused() {
    for key in KEYS.iter() {
        assert_fragile(key, |byte| match key.algorithm() {
            Algorithm::HS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                (0..128).filter(|&other| other != byte).collect()
            }
            _ => (0..7).map(|bit| byte ^ (1 << bit)).collect(),
        });
    }
}

#[test]
fn j18_an_ecdsa_twin_may_verify_so_nothing_may_go_by_the_tokens_text() {
    // n - s on P-256 (SEC 2 §2.4.2).
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let key = SigningKey::generate(Algorithm::ES256, &SeededEntropy::new(1)).unwrap();
    let signature = key.sign(b"message").unwrap();
    let (r, s) = signature.split_at(32);
    let mut twin = [0; 32];
    let mut borrow = 0;
    for ((out, n), s) in twin.iter_mut().zip(N).zip(s).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *out = difference.rem_euclid(256) as u8;
    }
    let twin = [r, &twin].concat();
    assert_ne!(twin, signature);
    assert!(key.verifying_key().verifies(b"message", &twin));
}
