//! Tests of claims and their checks, by attack row.

use super::*;
use crate::alg::Algorithm;
use crate::key::SigningKey;
use crate::key_set::KeySet;
use doorward_base::Audience;
use doorward_base::testing::SeededEntropy;
use serde_json::json;
use std::sync::LazyLock;
use std::time::Duration;

const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDSA, &SeededEntropy::new(1)).unwrap());
static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_signing_keys([&*KEY]).unwrap());
static ACCESS: LazyLock<TypRule> = LazyLock::new(|| TypRule::one_of(["at+jwt"]));
static API: LazyLock<[Audience; 2]> =
    LazyLock::new(|| ["api", "https://api.example"].map(|name| Audience::new(name).unwrap()));

fn strict() -> Expectations<'static> {
    Expectations {
        issuer: "https://id.example",
        audiences: Some(&API[..]),
        typ: &ACCESS,
        leeway: Duration::ZERO,
        require_exp: true,
        max_lifetime: None,
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "user-1", "aud": "api",
        "iat": NOW, "nbf": NOW, "exp": NOW + 300, "jti": "t-1",
    })
}

fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[member] = value.into();
    claims
}

fn without(member: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(member);
    claims
}

fn mint(typ: &str, claims: &Value) -> String {
    KEY.sign_jwt(typ, claims.as_object().unwrap()).unwrap()
}

fn verify(
    token: &str,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<VerifiedClaims, JwtError> {
    UnverifiedJwt::parse(token)?.verify(&*KEYS, expected, now)
}

fn judge(claims: &Value) -> Result<VerifiedClaims, JwtError> {
    verify(
        &mint("at+jwt", claims),
        &strict(),
        Timestamp::from_seconds(NOW),
    )
}

fn refusal(claims: &Value) -> JwtError {
    judge(claims).unwrap_err()
}

/// A token whose payload is this text as it stands.
fn refusal_of_text(payload: &str) -> JwtError {
    let token = KEY.sign_compact("at+jwt", payload.as_bytes()).unwrap();
    verify(&token, &strict(), Timestamp::from_seconds(NOW)).unwrap_err()
}

#[test]
fn a_good_token_gives_its_claims() {
    let verified = judge(&claims()).unwrap();
    assert_eq!(verified.iss(), "https://id.example");
    assert_eq!(verified.sub(), Some("user-1"));
    assert_eq!(verified.aud(), ["api"]);
    assert_eq!(verified.exp(), Timestamp::from_seconds(NOW + 300));
    assert_eq!(verified.iat(), Some(Timestamp::from_seconds(NOW)));
    assert_eq!(verified.jti(), Some("t-1"));
    assert_eq!(verified.typ(), Some("at+jwt"));
    assert_eq!(verified.kid(), Some(KEY.kid()));
    assert_eq!(Value::Object(verified.into_claims()), claims());
}

#[test]
fn j25_dates_of_a_wrong_type_are_refused_not_ignored() {
    for member in ["exp", "nbf", "iat"] {
        for bad in [
            json!("1800000300"),
            json!(""),
            json!(null),
            json!(true),
            json!([]),
            json!([NOW]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(9_223_372_036_854_775_807_i64),
            json!(u64::MAX),
            json!(253_402_300_800_i64),
            json!(2.6e11),
        ] {
            assert_eq!(
                refusal(&with(member, bad.clone())),
                JwtError::ClaimType,
                "{member} {bad}"
            );
        }
        for text in [
            "1e400",
            "9223372036854775808.0",
            "18446744073709551616",
            "NaN",
            "0x10",
            "1_0",
        ] {
            let error = refusal_of_text(&format!(
                r#"{{"iss":"https://id.example","aud":"api","{member}":{text}}}"#
            ));
            assert!(
                matches!(error, JwtError::ClaimType | JwtError::Claims),
                "{text}"
            );
        }
    }
    assert_eq!(refusal(&without("exp")), JwtError::ExpiryMissing);
    assert!(judge(&with("exp", NOW as f64 + 0.5)).is_ok());
    assert!(judge(&with("exp", 1.800_000_3e9)).is_ok());
    assert!(judge(&with("exp", 253_402_300_799_i64)).is_ok());
    assert!(judge(&without("nbf")).is_ok());
    assert!(judge(&without("iat")).is_ok());
}

#[test]
fn a_missing_expiry_is_accepted_only_where_asked_for_and_a_bad_one_never() {
    let legacy = Expectations {
        require_exp: false,
        ..strict()
    };
    let now = Timestamp::from_seconds(NOW);
    let verified = verify(&mint("at+jwt", &without("exp")), &legacy, now).unwrap();
    assert_eq!(verified.exp(), Timestamp::MAX);
    let error = |claims| verify(&mint("at+jwt", &claims), &legacy, now).unwrap_err();
    assert_eq!(error(with("exp", json!(null))), JwtError::ClaimType);
    assert_eq!(error(with("exp", NOW)), JwtError::Expired);
}

#[test]
fn j26_the_edges_of_time() {
    for leeway in [0, 30] {
        let expected = Expectations {
            leeway: Duration::from_secs(leeway as u64),
            ..strict()
        };
        let judge = |claims: &Value, micros: i64| {
            let now = Timestamp::from_micros(NOW * 1_000_000 + micros);
            verify(&mint("at+jwt", claims), &expected, now).map(|_| ())
        };
        let expiry = (300 + leeway) * 1_000_000;
        assert_eq!(judge(&claims(), expiry - 1), Ok(()));
        assert_eq!(judge(&claims(), expiry), Err(JwtError::Expired));
        let early = -leeway * 1_000_000;
        assert_eq!(judge(&without("iat"), early), Ok(()));
        assert_eq!(judge(&without("iat"), early - 1), Err(JwtError::NotBefore));
    }
    let bounded = Expectations {
        max_lifetime: Some(Duration::from_secs(300)),
        ..strict()
    };
    let judge = |exp: i64| {
        let token = mint("at+jwt", &with("exp", exp));
        verify(&token, &bounded, Timestamp::from_seconds(NOW)).map(|_| ())
    };
    assert_eq!(judge(NOW + 300), Ok(()));
    assert_eq!(judge(NOW + 301), Err(JwtError::Lifetime));
}

#[test]
fn issued_ahead_by_another_clock_is_no_reason_to_refuse_up_to_a_minute() {
    for leeway in [0, 30] {
        let expected = Expectations {
            leeway: Duration::from_secs(leeway),
            max_lifetime: Some(Duration::from_secs(300)),
            ..strict()
        };
        let judge = |ahead: i64, exp: i64| {
            let mut claims = with("iat", NOW + ahead);
            claims["exp"] = json!(exp);
            claims.as_object_mut().unwrap().remove("nbf");
            let now = Timestamp::from_seconds(NOW);
            verify(&mint("at+jwt", &claims), &expected, now).map(|_| ())
        };
        for ahead in [1, 5, 60] {
            let longest = NOW + 300 + ahead.max(leeway as i64);
            assert_eq!(judge(ahead, longest), Ok(()), "{ahead}");
            assert_eq!(judge(ahead, longest + 1), Err(JwtError::Lifetime));
        }
        assert_eq!(judge(61, NOW + 300), Err(JwtError::IssuedAt));
    }
}

#[test]
fn j27_the_audience_is_matched_exactly() {
    for good in [
        json!("api"),
        json!(["api"]),
        json!(["foreign", "api"]),
        json!("https://api.example"),
    ] {
        assert!(judge(&with("aud", good)).is_ok());
    }
    for bad in [
        json!("other"),
        json!("API"),
        json!("api "),
        json!("ap"),
        json!("api/"),
        json!(""),
        json!([]),
        json!(["other"]),
        json!("https://api.example/"),
    ] {
        assert_eq!(
            refusal(&with("aud", bad.clone())),
            JwtError::Audience,
            "{bad}"
        );
    }
    for bad in [
        json!(1),
        json!(null),
        json!({ "api": 1 }),
        json!(["api", 1]),
        json!([["api"]]),
        json!(true),
    ] {
        assert_eq!(
            refusal(&with("aud", bad.clone())),
            JwtError::ClaimType,
            "{bad}"
        );
    }
    assert_eq!(refusal(&without("aud")), JwtError::Audience);
    let nobody = Expectations {
        audiences: Some(&[]),
        ..strict()
    };
    let now = Timestamp::from_seconds(NOW);
    assert_eq!(
        verify(&mint("at+jwt", &claims()), &nobody, now).unwrap_err(),
        JwtError::Audience
    );
    let anybody = Expectations {
        audiences: None,
        ..strict()
    };
    for aud in [json!("somebody"), json!([])] {
        let mut claims = claims();
        claims["aud"] = aud;
        assert!(verify(&mint("at+jwt", &claims), &anybody, now).is_ok());
    }
}

#[test]
fn what_an_issuer_says_of_a_token_is_held_to_what_a_token_is_held_to() {
    let now = Timestamp::from_seconds(NOW);
    let said = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut claims = claims().as_object().unwrap().clone();
        change(&mut claims);
        VerifiedClaims::vouched(claims, &strict(), now)
    };
    assert!(said(&|_| {}).is_ok());
    let unnamed = said(&|claims| drop(claims.remove("iss"))).unwrap();
    assert_eq!(unnamed.iss(), "https://id.example");
    for (name, value, refused) in [
        ("iss", json!("https://other.example"), JwtError::Issuer),
        ("aud", json!("other"), JwtError::Audience),
        ("aud", json!([]), JwtError::Audience),
        ("exp", json!(NOW), JwtError::Expired),
        ("exp", json!("soon"), JwtError::ClaimType),
        ("nbf", json!(NOW + 1), JwtError::NotBefore),
    ] {
        let found = said(&|claims| drop(claims.insert(name.to_owned(), value.clone())));
        assert_eq!(found.unwrap_err(), refused, "{name} {value}");
    }
    let unending = said(&|claims| drop(claims.remove("exp")));
    assert_eq!(unending.unwrap_err(), JwtError::ExpiryMissing);
}

#[test]
fn j28_the_issuer_is_matched_byte_by_byte() {
    for bad in [
        "https://id.example/",
        "http://id.example",
        "https://ID.example",
        "https://id.example ",
        "https://id.exampl\u{435}",
        "https://id.example\0",
        "",
    ] {
        assert_eq!(refusal(&with("iss", bad)), JwtError::Issuer, "{bad}");
    }
    for bad in [json!(["https://id.example"]), json!(1), json!(null)] {
        assert_eq!(refusal(&with("iss", bad)), JwtError::ClaimType);
    }
    assert_eq!(refusal(&without("iss")), JwtError::Issuer);
}

#[test]
fn j29_one_kind_of_token_is_not_another() {
    let kinds = [
        "at+jwt",
        "JWT",
        "logout+jwt",
        "dpop+jwt",
        "doorward-internal+jwt",
    ];
    for minted in kinds {
        for expected in kinds {
            let rule = TypRule::one_of([expected]);
            let expectations = Expectations {
                typ: &rule,
                ..strict()
            };
            let result = verify(
                &mint(minted, &claims()),
                &expectations,
                Timestamp::from_seconds(NOW),
            );
            let diagonal = minted == expected;
            assert_eq!(
                result.map(|_| ()),
                if diagonal { Ok(()) } else { Err(JwtError::Typ) }
            );
        }
    }
}

#[test]
fn j30_typ_is_a_media_type() {
    let rule = TypRule::one_of(["application/AT+jwt", "JWT"]);
    for good in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
        "jwt",
        "application/jwt",
    ] {
        assert!(rule.accepts(Some(good)), "{good}");
    }
    for bad in [
        "",
        "at+jwt ",
        "text/at+jwt",
        "application/application/at+jwt",
        "application/",
        "at",
        "jwt/x",
        // As long as `application/`, which alone is cut off.
        "logout-tokenat+jwt",
        "application.at+jwt",
    ] {
        assert!(!rule.accepts(Some(bad)), "{bad}");
    }
    assert!(!rule.accepts(None));
    assert!(rule.clone().or_absent().accepts(None));
    assert!(!rule.or_absent().accepts(Some("")));
    assert_eq!(
        verify(
            &mint("JWT", &claims()),
            &strict(),
            Timestamp::from_seconds(NOW)
        )
        .unwrap_err(),
        JwtError::Typ
    );
}

#[test]
fn j33_nested_tokens_and_other_content_are_refused() {
    for cty in [
        "JWT",
        "jwt",
        "application/xml",
        "text/xml",
        "application/x-java-serialized-object",
    ] {
        let header =
            json!({ "alg": "EdDSA", "kid": KEY.kid(), "typ": "at+jwt", "cty": cty }).to_string();
        let payload = crate::b64::encode(claims().to_string().as_bytes());
        let input = format!("{}.{payload}", crate::b64::encode(header.as_bytes()));
        let signature = crate::b64::encode(&KEY.sign(input.as_bytes()).unwrap());
        let token = format!("{input}.{signature}");
        let error = verify(&token, &strict(), Timestamp::from_seconds(NOW)).unwrap_err();
        assert_eq!(error, JwtError::Nested, "{cty}");
    }
    let inner = mint("at+jwt", &claims());
    assert_eq!(refusal_of_text(&inner), JwtError::Claims);
    assert_eq!(refusal_of_text(&format!("{inner:?}")), JwtError::Claims);
}

#[test]
fn j37_j38_j39_ambiguous_claims_are_refused() {
    let nested = format!("{{\"a\":{}1{}}}", "[".repeat(4_000), "]".repeat(4_000));
    for text in [
        r#"{"sub":"a","sub":"a"}"#,
        r#"{"iss":"https://id.example","\u0069ss":"https://id.example"}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        "\u{feff}{}",
        "{}x",
        "{}{}",
        "[]",
        "null",
        "\"x\"",
        "",
        nested.as_str(),
    ] {
        assert_eq!(refusal_of_text(text), JwtError::Claims, "{text}");
    }
}

#[test]
fn j41_a_subject_is_not_normalised() {
    let subjects = [
        "Zo\u{eb}",
        "Zoe\u{308}",
        "zo\u{eb}",
        "Zo\u{200b}\u{eb}",
        "\u{130}",
        "i",
        "a\0",
    ];
    for subject in subjects {
        let verified = judge(&with("sub", subject)).unwrap();
        assert_eq!(verified.sub().map(str::as_bytes), Some(subject.as_bytes()));
    }
    for bad in [json!(1), json!(null), json!(["a"])] {
        assert_eq!(refusal(&with("sub", bad.clone())), JwtError::ClaimType);
        assert_eq!(refusal(&with("jti", bad)), JwtError::ClaimType);
    }
}

#[test]
fn expiry_is_told_only_of_tokens_that_were_good() {
    let late = Timestamp::from_seconds(NOW + 10_000);
    let error = |claims: &Value| verify(&mint("at+jwt", claims), &strict(), late).unwrap_err();
    assert_eq!(error(&claims()), JwtError::Expired);
    assert_eq!(error(&claims()).code(), ErrorCode::TokenExpired);
    assert_eq!(error(&with("aud", "other")), JwtError::Audience);
    assert_eq!(error(&with("iss", "other")), JwtError::Issuer);
    assert_eq!(error(&with("nbf", NOW + 20_000)), JwtError::NotBefore);
    assert_eq!(
        verify(&mint("JWT", &claims()), &strict(), late).unwrap_err(),
        JwtError::Typ
    );
    let stranger = SigningKey::generate(Algorithm::EdDSA, &SeededEntropy::new(2)).unwrap();
    let forged = stranger.with_kid(KEY.kid()).unwrap();
    let forged = forged
        .sign_jwt("at+jwt", claims().as_object().unwrap())
        .unwrap();
    let error = verify(&forged, &strict(), late).unwrap_err();
    assert_eq!(error, JwtError::Jws(JwsError::Signature));
    assert_eq!(
        (error.code(), error.check()),
        (ErrorCode::TokenInvalid, "signature")
    );
}

#[test]
fn the_issuer_can_be_read_before_anything_is_trusted() {
    let token = mint("at+jwt", &claims());
    let jwt = UnverifiedJwt::parse(&token).unwrap();
    assert_eq!(jwt.issuer(), Some("https://id.example"));
    assert_eq!(jwt.header().kid.as_deref(), Some(KEY.kid()));
    let token = mint("at+jwt", &with("iss", 1));
    assert_eq!(UnverifiedJwt::parse(&token).unwrap().issuer(), None);
}

#[test]
fn a_token_is_not_printed() {
    let token = mint("at+jwt", &with("email", "someone@example.com"));
    let signature = token.rsplit_once('.').unwrap().1;
    let jwt = UnverifiedJwt::parse(&token).unwrap();
    let before = format!("{jwt:?}");
    let now = Timestamp::from_seconds(NOW);
    let after = format!("{:?}", jwt.verify(&*KEYS, &strict(), now).unwrap());
    for (printed, named) in [(before, KEY.kid()), (after, "https://id.example")] {
        assert!(printed.contains(named), "{printed}");
        assert!(
            !printed.contains(signature) && !printed.contains("someone"),
            "{printed}"
        );
    }
}
