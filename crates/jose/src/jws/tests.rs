//! Tests of the compact serialization.

use super::*;
use crate::key::SigningKey;
use crate::key_set::KeySet;
use doorward_base::testing::SeededEntropy;
use serde_json::json;

fn key(alg: Algorithm) -> SigningKey {
    SigningKey::generate(alg, &SeededEntropy::new(5)).unwrap()
}

/// A token with this header, signed by the key over exactly that.
fn forge(key: &SigningKey, header: &str) -> String {
    let input = format!("{}.{}", b64::encode(header.as_bytes()), b64::encode(b"{}"));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", b64::encode(&signature))
}

fn refusal(key: &SigningKey, token: &str) -> JwsError {
    let set = KeySet::from_signing_keys([key]).unwrap();
    let refusal = verify_compact(token, &set).unwrap_err();
    // One key alone does not look at kid; all other checks are the same.
    if refusal != JwsError::KidUnknown {
        assert_eq!(
            verify_compact(token, &key.verifying_key()).unwrap_err(),
            refusal
        );
    }
    refusal
}

#[test]
fn what_is_signed_verifies_and_gives_its_payload() {
    for alg in Algorithm::ALL {
        let key = key(alg);
        let token = key.sign_compact("at+jwt", b"\x00any\xff").unwrap();
        let (header, payload) = verify_compact(&token, &key.verifying_key()).unwrap();
        assert_eq!(payload, b"\x00any\xff");
        assert_eq!(
            header,
            Header {
                alg,
                kid: Some(key.kid().to_owned()),
                typ: Some("at+jwt".to_owned()),
                cty: None,
            }
        );
    }
}

#[test]
fn j1_none_in_every_spelling() {
    let key = key(Algorithm::HS256);
    for alg in [
        "none", "None", "NONE", "nOnE", "none ", " none", "", "hs256", "HS256 ", "HS512",
    ] {
        let header = json!({ "alg": alg }).to_string();
        assert_eq!(
            refusal(&key, &forge(&key, &header)),
            JwsError::Algorithm,
            "{alg:?}"
        );
        let unsigned = format!("{}.e30.", b64::encode(header.as_bytes()));
        assert_eq!(refusal(&key, &unsigned), JwsError::NotCompact);
    }
    for header in [
        "{}",
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":256}"#,
    ] {
        assert!(
            verify_compact(&forge(&key, header), &key.verifying_key()).is_err(),
            "{header}"
        );
    }
}

#[test]
fn j2_missing_and_extra_parts() {
    let key = key(Algorithm::ES256);
    let token = key.sign_compact("JWT", b"{}").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let (h, p, s) = (parts[0], parts[1], parts[2]);
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        h.to_owned(),
        format!("{h}.{p}"),
        format!("{h}.{p}."),
        format!(".{p}.{s}"),
        format!("{h}.{p}.{s}."),
        format!(".{h}.{p}.{s}"),
        format!("{h}.{p}.{s}.{s}"),
    ] {
        assert_eq!(refusal(&key, &bad), JwsError::NotCompact, "{bad}");
    }
    assert_eq!(refusal(&key, &format!("{h}..{s}")), JwsError::Signature);
}

/// The forms in which a public key lies around.
fn public_forms(key: &SigningKey) -> Vec<Vec<u8>> {
    let jwk = key.public_jwk().unwrap();
    let mut forms = vec![jwk.to_string().into_bytes()];
    for member in ["n", "x", "y"] {
        if let Some(number) = jwk[member].as_str() {
            forms.push(number.as_bytes().to_vec());
            forms.push(b64::decode(number).unwrap());
        }
    }
    if let (Some(x), Some(y)) = (jwk["x"].as_str(), jwk["y"].as_str()) {
        let point = [vec![4], b64::decode(x).unwrap(), b64::decode(y).unwrap()].concat();
        // SubjectPublicKeyInfo of P-256 (RFC 5480 §2), in DER and PEM.
        let head = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = [&head[..], &point].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der)
        );
        forms.extend([point, der, pem.into_bytes()]);
    }
    forms
}

#[test]
fn j3_j4_a_public_key_is_no_hmac_secret() {
    for alg in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let key = key(alg);
        for form in public_forms(&key) {
            let Ok(hmac) = SigningKey::from_bytes(Algorithm::HS256, &form) else {
                continue;
            };
            let posing = hmac.with_kid(key.kid()).unwrap();
            let token = posing.sign_compact("JWT", b"{}").unwrap();
            assert_eq!(refusal(&key, &token), JwsError::Algorithm);
        }
    }
}

#[test]
fn j5_a_key_has_one_algorithm() {
    let rsa = key(Algorithm::RS256);
    for sister in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let sister = SigningKey::from_bytes(sister, &rsa.to_bytes().unwrap()).unwrap();
        assert_eq!(sister.kid(), rsa.kid());
        let token = sister.sign_compact("JWT", b"{}").unwrap();
        assert_eq!(refusal(&rsa, &token), JwsError::Algorithm);
        // The header lies about what signed it.
        let header = json!({ "alg": "RS256", "kid": rsa.kid() }).to_string();
        assert_eq!(refusal(&rsa, &forge(&sister, &header)), JwsError::Signature);
    }
}

#[test]
fn j6_j7_j8_a_kid_is_only_compared() {
    let key = key(Algorithm::ES256);
    let kids = [
        "../../../../dev/null",
        "/etc/passwd",
        "a\0b",
        "' UNION SELECT 'k'--",
        "*)(uid=*",
        "$(id)",
        "{{7*7}}",
        "",
    ];
    for kid in kids {
        let header = json!({ "alg": "ES256", "kid": kid }).to_string();
        assert_eq!(
            refusal(&key, &forge(&key, &header)),
            JwsError::KidUnknown,
            "{kid}"
        );
    }
    for (length, expected) in [
        (MAX_KID, JwsError::KidUnknown),
        (MAX_KID + 1, JwsError::Header),
    ] {
        let header = json!({ "alg": "ES256", "kid": "k".repeat(length) }).to_string();
        assert_eq!(refusal(&key, &forge(&key, &header)), expected, "{length}");
    }
    for kid in [json!(1), json!(null), json!(["a"]), json!({})] {
        let header = json!({ "alg": "ES256", "kid": kid }).to_string();
        assert_eq!(refusal(&key, &forge(&key, &header)), JwsError::Header);
    }
}

#[test]
fn j12_j13_j14_key_material_in_the_header_counts_for_nothing() {
    let (ours, attacker) = (key(Algorithm::ES256), key(Algorithm::ES256));
    for (member, value) in [
        ("jwk", attacker.public_jwk().unwrap()),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("x5u", json!("https://attacker.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
    ] {
        let header = json!({ "alg": "ES256", "kid": ours.kid(), member: value }).to_string();
        assert_eq!(
            refusal(&ours, &forge(&attacker, &header)),
            JwsError::Signature,
            "{member}"
        );
        let own_kid = json!({ "alg": "ES256", "kid": attacker.kid(), member: value }).to_string();
        assert_eq!(
            refusal(&ours, &forge(&attacker, &own_kid)),
            JwsError::KidUnknown
        );
        // And it takes nothing away from a token that our key did sign.
        assert!(verify_compact(&forge(&ours, &header), &ours.verifying_key()).is_ok());
    }
}

#[test]
fn j15_j35_extensions_are_refused() {
    let key = key(Algorithm::EdDSA);
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["alg"])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let header = json!({ "alg": "EdDSA", "kid": key.kid(), member: value }).to_string();
        assert_eq!(
            refusal(&key, &forge(&key, &header)),
            JwsError::Extension,
            "{header}"
        );
    }
}

#[test]
fn j16_j17_degenerate_and_der_ecdsa_signatures() {
    let key = key(Algorithm::ES256);
    let token = key.sign_compact("JWT", b"{}").unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let raw = b64::decode(signature).unwrap();
    let der = {
        let integer = |bytes: &[u8]| {
            let mut body: Vec<u8> = bytes
                .iter()
                .copied()
                .skip_while(|&byte| byte == 0)
                .collect();
            if body[0] >= 0x80 {
                body.insert(0, 0);
            }
            [&[2, body.len() as u8], body.as_slice()].concat()
        };
        let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
        [&[0x30, body.len() as u8], body.as_slice()].concat()
    };
    let bad = [
        vec![0; 64],
        der,
        [raw.as_slice(), &[0]].concat(),
        [&[0], raw.as_slice()].concat(),
        raw[..63].to_vec(),
        [&raw[32..], &raw[..32]].concat(),
    ];
    for signature in bad {
        let token = format!("{input}.{}", b64::encode(&signature));
        assert_eq!(refusal(&key, &token), JwsError::Signature);
    }
}

#[test]
fn j31_j32_other_serializations() {
    let key = key(Algorithm::ES256);
    let token = key.sign_compact("JWT", b"{}").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let flattened = json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] });
    let general = json!({ "payload": parts[1], "signatures": [{ "protected": parts[0], "signature": parts[2] }] });
    for text in [flattened.to_string(), general.to_string()] {
        assert!(verify_compact(&text, &key.verifying_key()).is_err());
    }
    let five = format!("{token}.{}.{}", parts[1], parts[2]);
    assert_eq!(refusal(&key, &five), JwsError::NotCompact);
}

#[test]
fn j34_no_password_based_work_is_done() {
    let key = key(Algorithm::ES256);
    let header = r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"AAAA"}"#;
    assert_eq!(refusal(&key, &forge(&key, header)), JwsError::Algorithm);
}

#[test]
fn j36_long_tokens_are_refused_unread() {
    let key = key(Algorithm::EdDSA);
    assert_eq!(refusal(&key, &".".repeat(1_000_000)), JwsError::TooLong);
    assert_eq!(refusal(&key, &"A".repeat(10_000_000)), JwsError::TooLong);
    let fits = key.sign_compact("JWT", &vec![b'x'; 12_000]).unwrap();
    assert!(fits.len() <= MAX_TOKEN);
    assert!(verify_compact(&fits, &key.verifying_key()).is_ok());
    let over = key.sign_compact("JWT", &vec![b'x'; 13_000]).unwrap();
    assert_eq!(refusal(&key, &over), JwsError::TooLong);
    // To the byte: a header may have white space.
    let key = self::key(Algorithm::HS256);
    let header = format!("{{\"alg\":\"HS256\"{}}}", " ".repeat(12_237));
    let fits = forge(&key, &header);
    assert_eq!(fits.len(), MAX_TOKEN);
    assert!(verify_compact(&fits, &key.verifying_key()).is_ok());
    assert_eq!(refusal(&key, &format!("{fits}A")), JwsError::TooLong);
}

#[test]
fn j38_j39_an_ambiguous_header_is_refused() {
    let key = key(Algorithm::EdDSA);
    for header in [
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        r#"{"alg":"none","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","x":{"a":1,"a":1}}"#,
        "\u{feff}{\"alg\":\"EdDSA\"}",
        r#"{"alg":"EdDSA"}{}"#,
        r#"{"alg":"EdDSA"} x"#,
        r#"{"alg":"EdDSA",}"#,
        r#"{"alg":"EdDSA","x":"\ud800"}"#,
        r#"["EdDSA"]"#,
        r#""EdDSA""#,
        "null",
        "",
    ] {
        let error = verify_compact(&forge(&key, header), &key.verifying_key()).unwrap_err();
        assert!(
            matches!(error, JwsError::Header | JwsError::NotCompact),
            "{header}"
        );
    }
    let many: String = (0..1_000).map(|at| format!(r#","m{at}":1"#)).collect();
    let header = format!(r#"{{"alg":"EdDSA"{many}}}"#);
    assert!(verify_compact(&forge(&key, &header), &key.verifying_key()).is_ok());
}

#[test]
fn j40_other_base64_is_refused() {
    let key = key(Algorithm::EdDSA);
    // One byte and four bytes over a multiple of three: both leave unused bits.
    for payload in [&b"1"[..], b"22"] {
        let token = key.sign_compact("JWT", payload).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let (h, p, s) = (parts[0], parts[1], parts[2]);
        let (start, last) = p.split_at(p.len() - 1);
        let bits_set = format!("{start}{}", char::from(last.as_bytes()[0] + 1));
        for bad in [
            format!("{p}="),
            format!("{p}=="),
            format!(" {p}"),
            format!("{p} "),
            format!("{p}\n"),
            format!("{p}+"),
            format!("{p}/"),
            format!("{p}?"),
            format!("{p}é"),
            bits_set,
        ] {
            // Signed as it stands, so that only the encoding can be at fault.
            let input = format!("{h}.{bad}");
            let signature = b64::encode(&key.sign(input.as_bytes()).unwrap());
            assert_eq!(
                refusal(&key, &format!("{input}.{signature}")),
                JwsError::Encoding,
                "{bad}"
            );
        }
        for bad in [
            format!("{s}="),
            format!("{s}=="),
            format!("{s}\n"),
            format!(" {s}"),
        ] {
            assert_eq!(refusal(&key, &format!("{h}.{p}.{bad}")), JwsError::Encoding);
        }
    }
}

#[test]
fn a_typ_that_json_would_have_to_escape_is_not_signed() {
    let key = key(Algorithm::EdDSA);
    for typ in ["", "a b", "a\"", "a\\", "é", "a\n"] {
        assert_eq!(key.sign_compact(typ, b""), Err(crate::mint::SignError::Typ));
    }
}

#[test]
fn a_token_prints_its_header_alone() {
    let key = key(Algorithm::ES256);
    let token = key.sign_compact("JWT", b"{}").unwrap();
    let jws = UnverifiedJws::parse(&token).unwrap();
    let expected = format!("UnverifiedJws({:?})", jws.header());
    assert_eq!(format!("{jws:?}"), expected);
}
