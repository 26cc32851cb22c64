//! Tests of verify-jws.

use super::*;
use crate::alg::Algorithm;
use crate::key::SigningKey;
use doorward_base::testing::SeededEntropy;
use serde_json::json;

fn key(alg: Algorithm) -> SigningKey {
    SigningKey::generate(alg, &SeededEntropy::new(5)).unwrap()
}

fn code(input: &str) -> &'static str {
    let verdict = verify_jws(input);
    assert_eq!(verdict.valid, verdict.code == "valid");
    verdict.code
}

#[test]
fn a_key_over_several_lines_then_the_token() {
    let key = key(Algorithm::ES256);
    let token = key.sign_compact("JWT", b"any bytes").unwrap();
    let jwk = key.public_jwk().unwrap();
    for input in [
        format!("{jwk} {token}"),
        format!("{jwk:#}\n{token}\n"),
        format!("\n{jwk:#}\r\n\r\n\t{token}\r\n"),
        format!("{}\n{token}", json!({ "keys": [jwk] })),
        format!("{:#}\n{token}", json!({ "keys": [{ "kty": "XYZ" }, jwk] })),
    ] {
        assert_eq!(code(&input), "valid", "{input}");
    }
    assert_eq!(verify_jws(&format!("{jwk}\n{token}")).to_string(), "valid");
}

#[test]
fn the_code_names_the_check_that_failed() {
    let key = key(Algorithm::ES256);
    let jwk = key.public_jwk().unwrap();
    let token = key.sign_compact("JWT", b"any bytes").unwrap();
    let cut = |by: usize| token.split_at(token.len() - by).0.to_owned();
    let mut renamed = jwk.clone();
    renamed["kid"] = "other".into();
    let mut for_encryption = jwk.clone();
    for_encryption["use"] = "enc".into();
    let cases = [
        (format!("{jwk}\n{}A", cut(2)), "encoding"),
        (format!("{jwk}\n{}AAAA", cut(4)), "signature"),
        (format!("{jwk}\n{token} "), "encoding"),
        (format!("{jwk}\n{token}\n\n"), "encoding"),
        (format!("{jwk}\n"), "compact"),
        (format!("{jwk}"), "compact"),
        (format!("{jwk}{token}"), "key_malformed"),
        (format!("{renamed}\n{token}"), "kid_unknown"),
        (format!("{for_encryption}\n{token}"), "key_use"),
        (
            format!("{}\n{token}", json!({ "keys": [for_encryption] })),
            "key_use",
        ),
        (
            format!("{}\n{token}", json!({ "keys": [jwk, jwk] })),
            "keys_duplicate_kid",
        ),
        (
            format!("{}\n{token}", json!({ "keys": 1 })),
            "keys_malformed",
        ),
        (
            format!("{{\"kty\":\"EC\",\"kty\":\"EC\"}}\n{token}"),
            "key_malformed",
        ),
        (token.clone(), "key_malformed"),
        (String::new(), "key_malformed"),
        (" ".repeat(1024 * 1024), "key_malformed"),
        (" ".repeat(1024 * 1024 + 1), "input_too_long"),
    ];
    for (input, expected) in cases {
        assert_eq!(
            code(&input),
            expected,
            "{}",
            input.chars().take(200).collect::<String>()
        );
    }
    assert_eq!(
        verify_jws(&format!("{renamed}\n{token}")).to_string(),
        "invalid kid_unknown"
    );
}

#[test]
fn the_hmac_example_of_rfc_7515_verifies() {
    // RFC 7515 §A.1: a key without kid and alg, a header with line breaks in it.
    let input = r#"{"kty":"oct",
      "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
     }
     eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"#;
    assert_eq!(code(input), "valid");
}
