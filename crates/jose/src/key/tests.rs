//! Tests of keys: what is taken, what is refused.

use super::*;
use crate::alg::Algorithm;
use crate::{b64, digest};
use doorward_base::testing::SeededEntropy;
use serde_json::{Value, json};

fn generate(alg: Algorithm) -> SigningKey {
    SigningKey::generate(alg, &SeededEntropy::new(3)).unwrap()
}

fn refusal(jwk: &Value) -> JwkError {
    VerifyingKey::from_jwk(jwk).unwrap_err()
}

/// `jwk` with `member` set to `value`.
fn with(jwk: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut jwk = jwk.clone();
    jwk[member] = value.into();
    jwk
}

/// The key of RFC 7638 §3.1.
fn rfc_7638() -> Value {
    json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    })
}

/// The key of RFC 8037 §A.2.
fn rfc_8037() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let thumbprint = |jwk: &Value| VerifyingKey::from_jwk(jwk).unwrap().1.thumbprint().unwrap();
    assert_eq!(
        thumbprint(&rfc_7638()),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    assert_eq!(
        thumbprint(&rfc_8037()),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn eddsa_vector_of_rfc_8037_verifies() {
    let (_, key) = VerifyingKey::from_jwk(&rfc_8037()).unwrap();
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let (_, payload) = crate::jws::verify_compact(token, &key).unwrap();
    assert_eq!(payload, b"Example of Ed25519 signing");
}

#[test]
fn every_algorithm_survives_its_bytes_and_its_jwk() {
    for alg in Algorithm::ALL {
        let key = generate(alg);
        let again = SigningKey::from_bytes(alg, &key.to_bytes().unwrap()).unwrap();
        assert_eq!(again.kid(), key.kid());
        let signature = again.sign(b"message").unwrap();
        assert!(key.verifying_key().verifies(b"message", &signature));
        assert!(!key.verifying_key().verifies(b"messagE", &signature));
        assert!(!key.verifying_key().verifies(b"message", b""));
        let Some(jwk) = key.public_jwk() else {
            assert!(alg.is_symmetric());
            continue;
        };
        assert_eq!(jwk["alg"], alg.as_str());
        assert_eq!(jwk["use"], "sig");
        let (kid, read) = VerifyingKey::from_jwk(&jwk).unwrap();
        assert_eq!(kid.as_deref(), Some(key.kid()));
        assert_eq!(read.algorithm(), alg);
        assert!(read.verifies(b"message", &signature));
    }
}

#[test]
fn the_bytes_of_one_kind_are_no_key_of_another() {
    for alg in Algorithm::ALL {
        let bytes = generate(alg).to_bytes().unwrap();
        for other in Algorithm::ALL {
            // Any 32 bytes are an HMAC secret; RSA pairs fit all RSA algorithms.
            let fits = other == alg || other.is_symmetric() || (alg.is_rsa() && other.is_rsa());
            assert_eq!(
                SigningKey::from_bytes(other, &bytes).is_ok(),
                fits,
                "{alg} as {other}"
            );
        }
    }
    let cut = generate(Algorithm::ES256).to_bytes().unwrap();
    assert!(SigningKey::from_bytes(Algorithm::ES256, &cut[..cut.len() - 1]).is_err());
}

#[test]
fn keys_are_shared_between_threads_and_never_printed() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let key = generate(Algorithm::HS256);
    shareable(&key);
    shareable(&key.verifying_key());
    let secret = b64::encode(&key.to_bytes().unwrap());
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey(HS256 {})", key.kid())
    );
    assert_eq!(format!("{:?}", key.verifying_key()), "VerifyingKey(HS256)");
    assert!(!key.kid().contains(&secret));
    assert_ne!(
        key.kid(),
        b64::encode(&digest::sha256(&key.to_bytes().unwrap()))
    );
    let other = SigningKey::generate(Algorithm::HS256, &SeededEntropy::new(4)).unwrap();
    assert_ne!(key.kid(), other.kid());
}

#[test]
fn a_given_kid_is_taken_and_checked() {
    let named = generate(Algorithm::HS256).with_kid("legacy-1").unwrap();
    assert_eq!(named.kid(), "legacy-1");
    for bad in ["", "a b", "a\"b", "a\\b", "ü", "a\n", &"k".repeat(129)] {
        assert_eq!(
            generate(Algorithm::HS256).with_kid(bad).unwrap_err(),
            KeyError::Kid
        );
    }
}

#[test]
fn j20_weak_keys_are_refused() {
    let rsa = rfc_7638();
    let n = b64::decode(rsa["n"].as_str().unwrap()).unwrap();
    assert_eq!(
        refusal(&with(&rsa, "n", b64::encode(&n[..255]))),
        JwkError::TooSmall
    );
    assert_eq!(
        refusal(&with(&rsa, "n", b64::encode(&n[..128]))),
        JwkError::TooSmall
    );
    let huge = vec![0xff; 1025];
    assert_eq!(
        refusal(&with(&rsa, "n", b64::encode(&huge))),
        JwkError::TooLarge
    );
    let padded = [&[0], n.as_slice()].concat();
    assert_eq!(
        refusal(&with(&rsa, "n", b64::encode(&padded))),
        JwkError::Malformed
    );
    for e in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(
            refusal(&with(&rsa, "e", b64::encode(e))),
            JwkError::Exponent,
            "{e:?}"
        );
    }
    assert_eq!(refusal(&with(&rsa, "e", "")), JwkError::Malformed);
    for length in [0, 1, 31] {
        let k = b64::encode(&vec![7; length]);
        assert_eq!(
            refusal(&json!({ "kty": "oct", "k": k })),
            JwkError::TooSmall
        );
    }
}

#[test]
fn the_largest_rsa_key_and_the_longest_exponent_are_taken() {
    let largest = vec![0xff; 1024];
    assert_eq!(rsa::check(&largest, &[1, 0, 1]), Ok(()));
    assert_eq!(rsa::check(&largest, &[1, 0, 0, 1]), Ok(()));
}

#[test]
fn an_rsa_public_key_is_two_numbers_and_nothing_else() {
    let key = Some((vec![5], vec![3]));
    // A number of 123 octets, so that the whole has 128.
    let long = [&[2, 0x7b, 1][..], &[0; 122], &[2, 1, 3]].concat();
    for (der, expected) in [
        (&[0x30, 6, 2, 1, 5, 2, 1, 3][..], key.clone()),
        (&[0x30, 7, 2, 2, 0, 5, 2, 1, 3], key.clone()),
        (&[0x30, 0x81, 6, 2, 1, 5, 2, 1, 3], key.clone()),
        (&[0x30, 0x84, 0, 0, 0, 6, 2, 1, 5, 2, 1, 3], key),
        // Too long a length, none, and more than the length or the two numbers.
        (&[0x30, 0x85, 0, 0, 0, 0, 6, 2, 1, 5, 2, 1, 3], None),
        (&[&[0x30, 0x80], long.as_slice()].concat(), None),
        (&[0x30, 6, 2, 1, 5, 2, 1, 3, 0], None),
        (&[0x30, 7, 2, 1, 5, 2, 1, 3, 0], None),
        (&[0x30, 6, 2, 1, 5, 4, 1, 3], None),
        (&[0x30, 9, 2, 1, 5, 2, 1, 3], None),
    ] {
        assert_eq!(rsa::components(der), expected, "{der:x?}");
    }
}

#[test]
fn j48_short_hmac_secrets_are_refused() {
    for secret in [
        "",
        "secret",
        "your-256-bit-secret",
        "changemechangemechangemechangem",
    ] {
        assert_eq!(
            VerifyingKey::hmac(secret.as_bytes()).unwrap_err(),
            JwkError::TooSmall
        );
        assert_eq!(
            SigningKey::from_bytes(Algorithm::HS256, secret.as_bytes()).unwrap_err(),
            KeyError::Refused(JwkError::TooSmall)
        );
    }
}

#[test]
fn j21_weak_and_unreduced_ed25519_points_are_refused() {
    // Encodings of the points of order 1, 2, 4 and 8, also with the sign bit, and of
    // p, p + 1 and 2^255 - 1 instead of 0, 1 and 18.
    let low: [&str; 9] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let strong = generate(Algorithm::EdDSA);
    let good = strong.sign(b"message").unwrap();
    for text in low {
        let point: Vec<u8> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let jwk = with(&rfc_8037(), "x", b64::encode(&point));
        assert_eq!(refusal(&jwk), JwkError::Point, "{text}");
        // As R of a signature.
        let signature = [&point, &good[32..]].concat();
        assert!(!strong.verifying_key().verifies(b"message", &signature));
    }
    // With A and R of order 1 and s = 0 the equation holds for every message.
    let identity = b64::encode(&[&[1][..], &[0; 31]].concat());
    assert_eq!(refusal(&with(&rfc_8037(), "x", identity)), JwkError::Point);
    // s + L instead of s (RFC 8032 §5.1.7).
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleable = good.clone();
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_ne!(malleable, good);
    assert!(!strong.verifying_key().verifies(b"message", &malleable));
}

#[test]
fn j22_points_off_the_curve_and_wrong_curves_are_refused() {
    let jwk = generate(Algorithm::ES256).public_jwk().unwrap();
    let mut y = b64::decode(jwk["y"].as_str().unwrap()).unwrap();
    y[31] ^= 1;
    assert_eq!(refusal(&with(&jwk, "y", b64::encode(&y))), JwkError::Point);
    assert_eq!(
        refusal(&with(&jwk, "y", b64::encode(&y[..31]))),
        JwkError::Malformed
    );
    assert_eq!(
        refusal(&with(&jwk, "crv", "P-384")),
        JwkError::AlgorithmMismatch
    );
    assert_eq!(
        refusal(&with(&jwk, "crv", "P-521")),
        JwkError::TypeUnsupported
    );
    assert_eq!(
        refusal(&with(&jwk, "crv", "secp256k1")),
        JwkError::TypeUnsupported
    );
    assert_eq!(
        refusal(&with(&jwk, "alg", "ES384")),
        JwkError::AlgorithmMismatch
    );
    assert_eq!(
        refusal(&with(&jwk, "alg", "HS256")),
        JwkError::AlgorithmMismatch
    );
    assert_eq!(
        refusal(&with(&jwk, "alg", "none")),
        JwkError::AlgorithmUnsupported
    );
    assert_eq!(refusal(&with(&jwk, "alg", 256)), JwkError::Malformed);
    assert_eq!(
        refusal(&with(&jwk, "kty", "RSA")),
        JwkError::AlgorithmMismatch
    );
    let zero = b64::encode(&[0; 32]);
    let origin = with(&with(&jwk, "x", zero.clone()), "y", zero);
    assert_eq!(refusal(&origin), JwkError::Point);
}

#[test]
fn j23_private_members_are_refused() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(
            refusal(&with(&rfc_7638(), member, "AQAB")),
            JwkError::Private
        );
    }
    assert_eq!(refusal(&with(&rfc_8037(), "d", "AQAB")), JwkError::Private);
    for alg in Algorithm::ALL {
        let Some(jwk) = generate(alg).public_jwk() else {
            continue;
        };
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(member).is_none(), "{alg} {member}");
        }
    }
}

#[test]
fn j24_keys_for_another_use_are_refused() {
    let jwk = rfc_7638();
    for usage in [json!("enc"), json!("SIG"), json!(null), json!(["sig"])] {
        assert_eq!(refusal(&with(&jwk, "use", usage)), JwkError::Use);
    }
    let bad = [
        json!([]),
        json!(["encrypt"]),
        json!(["sign"]),
        json!("verify"),
        json!(["verify", "verify"]),
    ];
    for operations in bad {
        assert_eq!(
            refusal(&with(&jwk, "key_ops", operations)),
            JwkError::KeyOps
        );
    }
    assert!(VerifyingKey::from_jwk(&with(&jwk, "key_ops", json!(["sign", "verify"]))).is_ok());
}

#[test]
fn a_jwks_kid_is_bounded_text() {
    for kid in [json!(""), json!(7), json!(null), json!("k".repeat(129))] {
        assert_eq!(refusal(&with(&rfc_7638(), "kid", kid)), JwkError::Kid);
    }
    let (kid, _) = VerifyingKey::from_jwk(&with(&rfc_7638(), "kid", "k".repeat(128))).unwrap();
    assert_eq!(kid.unwrap().len(), 128);
}
