//! The JOSE vectors of Wycheproof (Apache-2.0, see `wycheproof/LICENSE`): every
//! invalid token is refused, every valid one with a supported algorithm is accepted.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a vector that cannot be read must fail the test"
)]

use doorward_jose::jws::verify_compact;
use doorward_jose::{KeySet, VerifyingKey, verify_jws};
use serde_json::Value;

/// Marked valid and refused on purpose. Signature vectors 372 and 373 carry a `?`
/// inside base64url, which draft-ietf-oauth-rfc8725bis §3.14 refuses; 346 and 350 are
/// PS384 under a key for PS256.
const REFUSED_THOUGH_VALID: [u64; 4] = [346, 350, 372, 373];

/// Marked invalid, as padded and as not padded base64, but this copy of the vectors
/// has lost the padding: both are byte for byte vector 357, which is valid.
const SAME_AS_VALID: (u64, [u64; 2]) = (357, [367, 370]);

/// Signature vectors that are valid with an algorithm that is not supported: PS384,
/// PS512 and ES512 (whose key says `ES521`).
const UNSUPPORTED_SIGNATURES: [u64; 10] = [320, 321, 322, 323, 325, 326, 327, 328, 347, 351];

/// Key vectors that are valid with an algorithm that is not supported: HS384, HS512.
const UNSUPPORTED_KEYS: [u64; 2] = [14, 15];

/// Judges every JWS of a file. Returns how many were valid and invalid.
fn judge(file: &str, refused_though_valid: &[u64], invalid_in_name_only: &[u64]) -> (usize, usize) {
    let file: Value = serde_json::from_str(file).unwrap();
    let mut counts = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let key = group
            .get("public")
            .filter(|key| !key.is_null())
            .unwrap_or(&group["private"]);
        for test in group["tests"].as_array().unwrap() {
            // One vector is a JWS in JSON form; the JWE vectors have no such member.
            let token = match &test["jws"] {
                Value::Null => continue,
                Value::String(token) => token.clone(),
                other => other.to_string(),
            };
            let number = test["tcId"].as_u64().unwrap();
            let valid = test["result"] == "valid";
            if !valid && invalid_in_name_only.contains(&number) {
                continue;
            }
            let accept = valid && !refused_though_valid.contains(&number);
            let name = format!("{} {number} {}", group["comment"], test["comment"]);
            assert_eq!(accepts(key, &token), accept, "{name}");
            let verdict = verify_jws(&format!("{key:#}\n{token}\n"));
            assert_eq!(verdict.valid, accept, "{name}: {verdict}");
            if valid {
                counts.0 += 1;
            } else {
                counts.1 += 1;
            }
        }
    }
    counts
}

fn accepts(key: &Value, token: &str) -> bool {
    if key.get("keys").is_some() {
        return KeySet::from_jwks(key).is_ok_and(|set| verify_compact(token, &set).is_ok());
    }
    VerifyingKey::from_jwk(key).is_ok_and(|(_, key)| verify_compact(token, &key).is_ok())
}

#[test]
fn j1_j2_j5_j16_j17_j19_j40_signature_vectors() {
    let exceptions = [&REFUSED_THOUGH_VALID[..], &UNSUPPORTED_SIGNATURES].concat();
    let counts = judge(
        include_str!("wycheproof/json_web_signature_test.json"),
        &exceptions,
        &SAME_AS_VALID.1,
    );
    assert_eq!(counts, (46, 353));
}

#[test]
fn the_two_passed_over_are_one_that_is_accepted() {
    let file: Value =
        serde_json::from_str(include_str!("wycheproof/json_web_signature_test.json")).unwrap();
    let group = file["testGroups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["comment"] == "base64")
        .unwrap();
    let token = |number: u64| {
        let tests = group["tests"].as_array().unwrap();
        tests.iter().find(|test| test["tcId"] == number).unwrap()["jws"].clone()
    };
    let (valid, same) = SAME_AS_VALID;
    for number in same {
        assert_eq!(token(number), token(valid));
    }
    assert!(accepts(&group["private"], token(valid).as_str().unwrap()));
}

#[test]
fn j10_j20_j22_j23_j24_key_vectors() {
    let counts = judge(
        include_str!("wycheproof/json_web_key_test.json"),
        &UNSUPPORTED_KEYS,
        &[],
    );
    assert_eq!(counts, (5, 21));
}

#[test]
fn crypto_vectors_of_signatures() {
    let counts = judge(
        include_str!("wycheproof/json_web_crypto_test.json"),
        &[],
        &[],
    );
    assert_eq!(counts, (4, 45));
}
