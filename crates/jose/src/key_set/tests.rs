//! Tests of key sets.

use super::*;
use crate::jws::verify_compact;
use doorward_base::testing::SeededEntropy;
use serde_json::json;

fn key(alg: Algorithm, seed: u64) -> SigningKey {
    SigningKey::generate(alg, &SeededEntropy::new(seed)).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    key.public_jwk().unwrap()
}

fn secret(kid: &str) -> Value {
    json!({ "kty": "oct", "alg": "HS256", "kid": kid, "k": "A".repeat(43) })
}

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::from_jwks_json(json!({ "keys": keys }).to_string().as_bytes())
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

#[test]
fn j10_a_set_with_two_keys_of_one_kid_is_refused() {
    let (one, mut two) = (
        jwk(&key(Algorithm::ES256, 1)),
        jwk(&key(Algorithm::ES256, 2)),
    );
    two["kid"] = one["kid"].clone();
    assert_eq!(
        set(&[one.clone(), two]).unwrap_err(),
        KeySetError::DuplicateKid
    );
    assert_eq!(
        set(&[one.clone(), one.clone()]).unwrap_err(),
        KeySetError::DuplicateKid
    );
    // A bad key counts, before and after; one for another use does not.
    let mut bad = one.clone();
    bad["x"] = "AAAA".into();
    for keys in [[one.clone(), bad.clone()], [bad.clone(), one.clone()]] {
        assert_eq!(set(&keys).unwrap_err(), KeySetError::DuplicateKid);
    }
    bad["use"] = "enc".into();
    assert_eq!(set(&[bad, one]).unwrap().len(), 1);
}

#[test]
fn j23_a_mixed_set_and_a_published_private_key_are_refused() {
    let public = jwk(&key(Algorithm::ES256, 1));
    assert_eq!(
        set(&[secret("s"), public.clone()]).unwrap_err(),
        KeySetError::Mixed
    );
    let mut private = public;
    private["d"] = "AAAA".into();
    assert_eq!(set(&[private]).unwrap_err(), KeySetError::Private);
    assert_eq!(set(&[secret("a"), secret("b")]).unwrap().len(), 2);
}

#[test]
fn j23_the_published_set_holds_no_secret() {
    let (public, hmac) = (key(Algorithm::ES256, 1), key(Algorithm::HS256, 1));
    let own = KeySet::from_signing_keys([&public, &hmac]).unwrap();
    assert_eq!(own.len(), 2);
    let jwks = own.public_jwks();
    assert_eq!(jwks, json!({ "keys": [jwk(&public)] }));
    let read = KeySet::from_jwks(&jwks).unwrap();
    let token = public.sign_compact("JWT", b"x").unwrap();
    assert!(verify_compact(&token, &read).is_ok());
}

#[test]
fn entries_that_are_no_keys_for_us_are_skipped_and_named() {
    let good = jwk(&key(Algorithm::ES256, 1));
    let read = set(&[
        json!({ "kty": "XYZ", "kid": "alien" }),
        json!({ "kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "RSA", "kid": "weak", "alg": "RS256", "n": "AQAB", "e": "AQAB" }),
        json!("no object"),
        good.clone(),
    ])
    .unwrap();
    assert_eq!(read.len(), 1);
    assert!(read.find(good["kid"].as_str().unwrap()).is_some());
    let reasons: Vec<_> = read
        .skipped()
        .iter()
        .map(|skipped| (skipped.kid.as_deref(), skipped.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            (Some("alien"), JwkError::TypeUnsupported),
            (Some("enc"), JwkError::Use),
            (Some("weak"), JwkError::TooSmall),
            (None, JwkError::Malformed),
        ]
    );
}

#[test]
fn the_set_is_bounded_and_strict() {
    let many: Vec<Value> = (0..=MAX_KEYS).map(|at| secret(&format!("{at}"))).collect();
    assert_eq!(set(&many[1..]).unwrap().len(), MAX_KEYS);
    assert_eq!(set(&many).unwrap_err(), KeySetError::TooMany);
    let document = |length: usize| {
        let empty = "{\"keys\":[]}";
        format!("{empty}{}", " ".repeat(length - empty.len()))
    };
    let longest = KeySet::from_jwks_json(document(512 * 1024).as_bytes()).unwrap();
    assert!(longest.is_empty());
    assert!(!set(&many[1..]).unwrap().is_empty());
    let long = document(512 * 1024 + 1);
    for document in [
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]}x",
        &long,
    ] {
        assert_eq!(
            KeySet::from_jwks_json(document.as_bytes()).unwrap_err(),
            KeySetError::Malformed
        );
    }
}

#[test]
fn j11_without_a_kid_only_a_single_fitting_key_is_tried() {
    let (one, two) = (key(Algorithm::ES256, 1), key(Algorithm::ES256, 2));
    let other = key(Algorithm::EdDSA, 3);
    let pair = set(&[jwk(&one), jwk(&two), jwk(&other)]).unwrap();
    let chosen = |alg| pair.select(None, alg).map(VerifyingKey::algorithm);
    assert_eq!(chosen(Algorithm::ES256), Err(JwsError::KidMissing));
    assert_eq!(chosen(Algorithm::EdDSA), Ok(Algorithm::EdDSA));
    assert_eq!(chosen(Algorithm::RS256), Err(JwsError::Algorithm));
    assert_eq!(
        KeySet::default()
            .select(None, Algorithm::ES256)
            .unwrap_err(),
        JwsError::KidUnknown
    );
    // A key without a kid answers for any kid, alone of its algorithm.
    let nameless = set(&[without(jwk(&one), "kid"), jwk(&two)]).unwrap();
    let token = one.sign_compact("JWT", b"x").unwrap();
    assert!(verify_compact(&token, &nameless).is_ok());
    let twice = set(&[without(jwk(&one), "kid"), without(jwk(&two), "kid")]).unwrap();
    assert_eq!(
        verify_compact(&token, &twice).unwrap_err(),
        JwsError::KidMissing
    );
}

#[test]
fn j9_another_issuers_kid_is_unknown_here_and_its_key_does_not_verify() {
    let (ours, theirs) = (key(Algorithm::ES256, 1), key(Algorithm::ES256, 2));
    let our_set = KeySet::from_signing_keys([&ours]).unwrap();
    let token = theirs.sign_compact("JWT", b"x").unwrap();
    assert_eq!(
        verify_compact(&token, &our_set).unwrap_err(),
        JwsError::KidUnknown
    );
    let posing = theirs.with_kid(ours.kid()).unwrap();
    let token = posing.sign_compact("JWT", b"x").unwrap();
    assert_eq!(
        verify_compact(&token, &our_set).unwrap_err(),
        JwsError::Signature
    );
}

#[test]
fn j44_a_key_that_left_the_set_verifies_nothing() {
    let (old, new) = (key(Algorithm::ES256, 1), key(Algorithm::ES256, 2));
    let token = old.sign_compact("JWT", b"x").unwrap();
    let during = KeySet::from_signing_keys([&old, &new]).unwrap();
    assert!(verify_compact(&token, &during).is_ok());
    let after = KeySet::from_signing_keys([&new]).unwrap();
    assert_eq!(
        verify_compact(&token, &after).unwrap_err(),
        JwsError::KidUnknown
    );
}
