//! The rows of the catalogue of attacks on JWTs (`j_25` to `j_48`) against an external issuer,
//! as far as they are about claims and the form of tokens.

use crate::attack::{FOIA, good, header, refused, with_header};
use crate::provider::{ANN, API, Provider, Shared, call, invalid, now, refusal, told};
use doorward_testkit::site;
use serde_json::{Value, json};

#[test]
fn j_25_dates_are_numbers_that_are_dates() {
    let shared = Shared::get();
    for (name, forms) in [("exp", true), ("nbf", false), ("iat", false)] {
        let soon = now() + 600;
        let mut wrong = vec![
            json!(soon.to_string()),
            json!(true),
            json!([soon]),
            json!({"a": soon}),
            json!(-1),
            json!(9_223_372_036_854_775_807_u64),
            json!(18_446_744_073_709_551_615_u64),
            json!(1e300),
        ];
        if forms {
            wrong.push(json!(0));
        }
        for value in wrong {
            let mut claims = shared.provider.claims();
            claims[name] = value.clone();
            let token = shared.provider.sign(&json!({"claims": claims}));
            assert_eq!(shared.judge(&token).0, 401, "{name} {value}");
        }
        // As text, because a reader of JSON may come to another number.
        for text in ["null", "1e400", "0x7fffffff", "NaN", "Infinity", "1_000"] {
            let mut claims = shared.provider.claims();
            claims.as_object_mut().unwrap().remove(name);
            let text = claims
                .to_string()
                .replacen('{', &format!("{{\"{name}\":{text},"), 1);
            let token = shared
                .provider
                .sign(&json!({"header": header(), "claims": text}));
            assert_eq!(shared.judge(&token), invalid(), "{name} {text}");
        }
    }
    assert_eq!(
        shared.judge(&shared.provider.token(&json!({"exp": null}))),
        invalid()
    );
    assert_eq!(
        shared
            .judge(
                &shared
                    .provider
                    .token(&json!({"exp": (now() + 60) as f64 + 0.5}))
            )
            .0,
        200
    );
}

#[test]
fn j_26_times_are_within_the_leeway_and_no_further() {
    let shared = Shared::get();
    for (claims, status) in [
        (json!({"exp": now() - 25}), 200),
        (json!({"exp": now() - 31}), 401),
        (json!({"nbf": now() + 20}), 200),
        (json!({"nbf": now() + 90}), 401),
        (json!({"iat": now() + 30}), 200),
        (json!({"iat": now() + 120}), 401),
    ] {
        assert_eq!(
            shared.judge(&shared.provider.token(&claims)).0,
            status,
            "{claims}"
        );
    }
}

#[test]
fn j_27_the_audience_is_compared_byte_by_byte() {
    let shared = Shared::get();
    let all = [
        json!(null),
        json!("other"),
        json!([]),
        json!([1]),
        json!(API.to_uppercase()),
        json!(format!("{API}/")),
        json!(format!("{API}\u{0}")),
        json!([[API]]),
    ];
    refused(
        &shared,
        all.map(|aud| shared.provider.token(&json!({"aud": aud}))),
    );
    let array = shared.provider.token(&json!({"aud": ["other", API]}));
    assert_eq!(shared.judge(&array).0, 200);
}

#[test]
fn j_28_so_is_the_issuer() {
    let shared = Shared::get();
    let issuer = shared.provider.issuer();
    let bare = issuer.trim_end_matches('/').to_owned();
    let all = [
        json!(bare),
        json!(issuer.replace("http", "HTTP")),
        json!(format!("{issuer}#")),
        json!(format!("{issuer}?")),
        json!([issuer]),
        json!(format!("{issuer}\u{200b}")),
        json!(null),
    ];
    refused(
        &shared,
        all.map(|iss| shared.provider.token(&json!({"iss": iss}))),
    );
}

#[test]
fn j_29_only_an_access_token_is_one() {
    let shared = Shared::get();
    let given = shared.provider.login(ANN, Some(API), "read:foia");
    let code = |name: &str| shared.judge(given[name].as_str().unwrap());
    assert_eq!(code("access_token").0, 200);
    assert_eq!(code("id_token"), refusal(401, "AUTH_ID_TOKEN"));
    for typ in [
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "rt+jwt",
        "oauth-authz-req+jwt",
        "JWS",
        "id_token",
        "token-introspection+jwt",
        "internal+jwt",
    ] {
        let token = with_header(&shared, &json!({"typ": typ}), "RS256");
        assert_eq!(shared.judge(&token), invalid(), "{typ}");
    }
    // Nor is any of them good for anything of our own.
    let access = given["access_token"].as_str().unwrap();
    for path in ["/me/v1/tokens", "/admin/v1/users"] {
        let answer = call(&shared.app, "GET", path, access);
        assert!(
            matches!(answer.status, 401 | 403),
            "{path}: {}",
            answer.status
        );
    }
}

#[test]
fn j_30_the_kind_is_there_in_any_spelling_of_it() {
    let shared = Shared::get();
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/AT+JWT",
    ] {
        let token = with_header(&shared, &json!({"typ": typ}), "RS256");
        assert_eq!(shared.judge(&token).0, 200, "{typ}");
    }
    let all = [
        json!(null),
        json!("at + jwt"),
        json!("application/application/at+jwt"),
        json!(7),
        json!(""),
    ];
    refused(
        &shared,
        all.map(|typ| with_header(&shared, &json!({"typ": typ}), "RS256")),
    );
}

#[test]
fn j_31_a_token_has_the_compact_form() {
    let shared = Shared::get();
    let token = good(&shared);
    let parts: Vec<&str> = token.split('.').collect();
    let flat = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    let general = json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]});
    refused(
        &shared,
        [
            flat.to_string(),
            general.to_string(),
            format!("{}.{}.{}", parts[0], flat, parts[2]),
        ],
    );
}

#[test]
fn j_32_an_encrypted_token_is_none() {
    let shared = Shared::get();
    let token = good(&shared);
    let parts: Vec<&str> = token.split('.').collect();
    let jwe = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
    refused(
        &shared,
        [
            format!("{jwe}.AAAA.AAAA.AAAA.AAAA"),
            format!("{}.AAAA.{}.{}.AAAA", parts[0], parts[1], parts[2]),
            format!("{jwe}.{}.{}", parts[1], parts[2]),
        ],
    );
}

#[test]
fn j_33_a_token_in_a_token_is_not_read() {
    let shared = Shared::get();
    let all = [
        "JWT",
        "jwt",
        "application/xml",
        "application/x-java-serialized-object",
    ];
    refused(
        &shared,
        all.map(|cty| with_header(&shared, &json!({"cty": cty}), "RS256")),
    );
    let inner = good(&shared);
    refused(
        &shared,
        [shared
            .provider
            .sign(&json!({"header": header(), "claims": inner}))],
    );
}

#[test]
fn j_34_work_that_a_token_asks_for_is_not_done() {
    let shared = Shared::get();
    let change = json!({"alg": "PBES2-HS256+A128KW", "p2c": 2_147_483_647_u32, "p2s": "AAAA", "enc": "A128GCM"});
    let token = with_header(&shared, &change, "garbage");
    let began = std::time::Instant::now();
    let jwe = format!("{token}.AAAA.AAAA");
    refused(&shared, [token, jwe]);
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
}

#[test]
fn j_35_nothing_is_unpacked() {
    let shared = Shared::get();
    let all = [
        json!({"zip": "DEF"}),
        json!({"zip": "GZ"}),
        json!({"zip": "DEF", "enc": "A256GCM"}),
    ];
    refused(
        &shared,
        all.map(|change| with_header(&shared, &change, "RS256")),
    );
}

#[test]
fn j_36_length_is_bounded_before_anything_is_read() {
    let shared = Shared::get();
    for text in [
        ".".repeat(15_000),
        "a.".repeat(8_000),
        format!("{}.a.a", "a".repeat(17_000)),
    ] {
        let status = call(&shared.app, "GET", FOIA, &text).status;
        assert!(matches!(status, 401 | 431), "{status}");
    }
    let padded = shared
        .provider
        .token(&json!({"padding": "x".repeat(14_000)}));
    let status = call(&shared.app, "GET", FOIA, &padded).status;
    assert!(
        matches!(status, 401 | 431),
        "{} bytes: {status}",
        padded.len()
    );
    let _ = good(&shared);
}

#[test]
fn j_37_depth_and_number_are_bounded() {
    let shared = Shared::get();
    let claims = shared.provider.claims().to_string();
    let deep = format!("{}{}", "[".repeat(3000), "]".repeat(3000));
    let deep = claims.replacen('{', &format!("{{\"deep\":{deep},"), 1);
    let objects = format!("{}1{}", "{\"a\":".repeat(900), "}".repeat(900));
    let objects = claims.replacen('{', &format!("{{\"deep\":{objects},"), 1);
    refused(
        &shared,
        [deep, objects].map(|text| {
            shared
                .provider
                .sign(&json!({"header": header(), "claims": text}))
        }),
    );
    let many: Vec<String> = (0..900).map(|n| format!("\"c{n}\":1")).collect();
    let many = claims.replacen('{', &format!("{{{},", many.join(",")), 1);
    let token = shared
        .provider
        .sign(&json!({"header": header(), "claims": many}));
    assert!(matches!(shared.judge(&token).0, 200 | 401));
}

#[test]
fn j_38_a_member_is_there_once() {
    let shared = Shared::get();
    let claims = shared.provider.claims().to_string();
    let twice = |member: &str| claims.replacen('{', &format!("{{{member},"), 1);
    let header_twice = r#"{"alg":"none","alg":"RS256","typ":"JWT","kid":"k1"}"#;
    refused(
        &shared,
        [
            shared
                .provider
                .sign(&json!({"header": header(), "claims": twice("\"sub\":\"admin\"")})),
            shared.provider.sign(
                &json!({"header": header(), "claims": twice("\"scope\":\"admin:database\"")}),
            ),
            shared
                .provider
                .sign(&json!({"header": header(), "claims": twice("\"s\\u0075b\":\"admin\"")})),
            shared
                .provider
                .sign(&json!({"header": header_twice, "claims": claims})),
        ],
    );
}

#[test]
fn j_39_json_is_strict() {
    let shared = Shared::get();
    let claims = shared.provider.claims().to_string();
    let all = [
        format!("\u{feff}{claims}"),
        format!("{claims}x"),
        format!("{claims}{{}}"),
        format!("/* c */{claims}"),
        claims.replacen('{', "{\"a\":NaN,", 1),
        claims.replacen('{', "{\"a\":'b',", 1),
        claims.replacen('{', "{a:1,", 1),
        claims.replacen('{', "{\"a\":\"\\ud800\",", 1),
        claims.replacen('{', "{\"a\":1,,", 1),
        format!("[{claims}]"),
        "null".to_owned(),
    ];
    refused(
        &shared,
        all.map(|text| {
            shared
                .provider
                .sign(&json!({"header": header(), "claims": text}))
        }),
    );
}

#[test]
fn j_40_base64url_has_one_form() {
    let shared = Shared::get();
    let token = good(&shared);
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("three parts");
    };
    // The last character of 256 bytes carries bits that must be zero.
    let (most, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    let unused = &alphabet[at + 1..at + 2];
    refused(
        &shared,
        [
            format!("{head}=.{claims}.{signature}"),
            format!("{head}.{claims}==.{signature}"),
            format!("{token}=="),
            format!("{head}.{claims}.{most}{unused}"),
            format!("{head}.{claims}.{signature}A"),
            format!("{head}.{claims}.+/{}", &signature[2..]),
            format!("{head}.{claims}.%41{}", &signature[3..]),
        ],
    );
}

#[test]
fn j_41_a_subject_is_its_bytes() {
    let provider = Provider::start(site!());
    let app = provider
        .realm(site!())
        .set("realm.theholefoundation.limits.subject.rate", "1/1h")
        .set("realm.theholefoundation.limits.subject.burst", 1)
        .start();
    for sub in [
        "auth0|caf\u{e9}",
        "auth0|cafe\u{301}",
        "auth0|ID",
        "auth0|id",
        "auth0|\u{131}d",
        "auth0|i\u{200b}d",
        "auth0|i\u{501}",
    ] {
        let token = provider.token(&json!({"sub": sub}));
        assert_eq!(
            call(&app, "GET", FOIA, &token).status,
            200,
            "{sub:?} is somebody of his own"
        );
        assert_eq!(call(&app, "GET", FOIA, &token).status, 429, "{sub:?}");
    }
    // The last one no header could tell to the upstream as it is.
    for wrong in [
        json!(null),
        json!(""),
        json!(7),
        json!(["auth0|x"]),
        json!("auth0|id "),
    ] {
        let token = provider.token(&json!({"sub": wrong}));
        assert_eq!(told(&call(&app, "GET", FOIA, &token)), invalid(), "{wrong}");
    }
}

#[test]
fn j_42_a_scope_is_never_read_as_more_than_it_says() {
    let shared = Shared::get();
    for (scope, status) in [
        (json!("read:foia"), 200),
        (json!(["read:foia"]), 200),
        (json!("read:foia  write:foia"), 401),
        (json!("read:foia\twrite:foia"), 401),
        (json!(" read:foia"), 401),
        (json!("read:foia\u{0}"), 401),
        (json!("read:foia,write:foia"), 403),
        (json!(["read:foia write:foia"]), 401),
        (json!([["read:foia"]]), 401),
        (json!({"read:foia": true}), 401),
        (json!(true), 401),
        (json!("READ:FOIA"), 403),
        (json!("read:*"), 403),
        (json!("read"), 403),
        (json!(""), 403),
    ] {
        let token = shared.provider.token(&json!({"scope": scope}));
        assert_eq!(shared.judge(&token).0, status, "{scope}");
    }
    let without = shared
        .provider
        .token(&json!({"scope": null, "scopes": "read:foia", "scp": ["read:foia"]}));
    assert_eq!(shared.judge(&without).0, 403);
}

/// There is no secret to compare with: a wrong signature is told the same wherever it differs.
#[test]
fn j_43_where_a_signature_differs_is_not_told() {
    let shared = Shared::get();
    let token = good(&shared);
    let (start, signature) = token.rsplit_once('.').unwrap();
    let flipped = |at: usize| {
        let other = if signature[at..=at] == *"A" { "B" } else { "A" };
        format!(
            "{start}.{}{other}{}",
            &signature[..at],
            &signature[at + 1..]
        )
    };
    let mut bodies: Vec<Value> = [0, 100, signature.len() - 2]
        .map(|at| {
            let mut body = call(&shared.app, "GET", FOIA, &flipped(at))
                .expect(401)
                .json();
            body["error"]["request_id"] = Value::Null;
            body
        })
        .to_vec();
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[test]
fn j_45_two_tokens_are_none() {
    let shared = Shared::get();
    let (one, other) = (good(&shared), shared.provider.user(ANN, "read:foia"));
    let twice = shared.app.request("GET", FOIA).bearer(&one).bearer(&other);
    assert_eq!(told(&twice.send()), refusal(400, "credential_conflict"));
    let same = shared.app.request("GET", FOIA).bearer(&one).bearer(&one);
    assert_eq!(same.send().status, 400);
    for joined in [
        format!("{one}, {other}"),
        format!("{one},{other}"),
        format!("{one} {other}"),
    ] {
        assert_eq!(shared.judge(&joined), invalid());
    }
}

/// What may be used once is no access token, the first time and the second.
#[test]
fn j_47_a_token_for_one_use_is_good_for_none_here() {
    let shared = Shared::get();
    for typ in ["logout+jwt", "client-authentication+jwt"] {
        let mut header = header();
        header["typ"] = typ.into();
        let mut claims = shared.provider.claims();
        claims["jti"] = "once".into();
        claims["events"] = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        let token = shared
            .provider
            .sign(&json!({"header": header, "claims": claims}));
        for _ in 0..2 {
            assert_eq!(shared.judge(&token), invalid(), "{typ}");
        }
    }
}

#[test]
fn j_48_a_weak_shared_secret_is_no_key_of_an_issuer() {
    let provider = Provider::start(site!());
    let strong =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    for (secret, status) in [
        ("c2VjcmV0", 401),
        ("", 401),
        ("MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMQ", 401),
        (strong, 200),
    ] {
        let site = format!("{}_{}", site!(), secret.len());
        let mut app = provider
            .realm(&site)
            .edit(|config| {
                let external = config["realm"]["theholefoundation"]["issuers"][0].as_table_mut();
                let external = external.unwrap();
                external.remove("jwks_url");
                external.insert("algorithms".to_owned(), vec!["HS256"].into());
                external.insert("keys".to_owned(), "file:issuer.json".into());
            })
            .prepare();
        let set = json!({"keys": [{"kty": "oct", "k": secret, "kid": "s"}]});
        app.write("issuer.json", &set.to_string());
        app.start();
        let asked = json!({
            "header": {"alg": "HS256", "typ": "JWT", "kid": "s"}, "claims": provider.claims(),
            "how": "HS256secret", "signature": secret,
        });
        let token = provider.sign(&asked);
        assert_eq!(call(&app, "GET", FOIA, &token).status, status, "{secret}");
    }
}
