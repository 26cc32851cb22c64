//! The rows of the catalogue of attacks on JWTs against an external issuer, as far as they are
//! about headers, algorithms and signatures (`j_01` to `j_21`). Those about its key sets are in
//! `keys`, those about claims and the form of tokens in `claim`.

use crate::keys::{Publisher, Says, jwks, published_by};
use crate::provider::{API, Provider, Shared, call, invalid, refusal, told};
use doorward_testkit::{App, site};
use serde_json::{Value, json};

pub(crate) const FOIA: &str = "/api/foia/requests";

pub(crate) fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
}

/// A token with a header of these changes, signed as it says.
pub(crate) fn with_header(shared: &Shared, changes: &Value, how: &str) -> String {
    let mut header = header();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value.clone();
        }
    }
    let claims = shared.provider.claims();
    shared
        .provider
        .sign(&json!({"header": header, "claims": claims, "how": how}))
}

/// Nothing but a good token opens anything, and there is one.
pub(crate) fn good(shared: &Shared) -> String {
    let token = shared.provider.token(&json!({}));
    assert_eq!(shared.judge(&token).0, 200);
    token
}

/// Every one of these is refused as what it is: no token of this API.
pub(crate) fn refused(shared: &Shared, tokens: impl IntoIterator<Item = String>) {
    for token in tokens {
        let found = shared.judge(&token);
        let start: String = token.chars().take(60).collect();
        assert!(
            found == invalid() || found == refusal(401, "AUTH_OPAQUE_TOKEN"),
            "{found:?} {start}"
        );
    }
    let _ = good(shared);
}

#[test]
fn j_01_no_algorithm_is_no_signature() {
    let shared = Shared::get();
    let all = ["none", "None", "nOnE", "none ", "NONE", "noNE", "none\u{0}"];
    refused(
        &shared,
        all.map(|alg| with_header(&shared, &json!({"alg": alg}), "none")),
    );
    let dotless = with_header(&shared, &json!({"alg": "none"}), "none");
    refused(&shared, [dotless.trim_end_matches('.').to_owned()]);
}

#[test]
fn j_02_a_token_has_three_parts_and_each_is_there() {
    let shared = Shared::get();
    let token = good(&shared);
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("three parts");
    };
    refused(
        &shared,
        [
            format!("{head}.{claims}."),
            format!("{head}.{claims}"),
            head.to_owned(),
            format!("{head}..{signature}"),
            format!(".{claims}.{signature}"),
            format!("{token}.{signature}"),
            format!("{token}."),
            "..".to_owned(),
        ],
    );
}

#[test]
fn j_03_a_public_key_is_no_shared_secret() {
    let shared = Shared::get();
    let all = [
        "HS256pem",
        "HS256pkcs1",
        "HS256der",
        "HS256jwk",
        "HS256n",
        "HS256empty",
    ];
    refused(
        &shared,
        all.map(|how| with_header(&shared, &json!({"alg": "HS256"}), how)),
    );
}

/// An issuer with a key of each curve, and one that is none.
fn of_curves(site: &str) -> (Provider, App) {
    let provider = Provider::start(site);
    let public = |kid: &str, alg: &str| {
        let mut key = provider.public(kid);
        key["kid"] = kid.into();
        key["alg"] = alg.into();
        key
    };
    let small = json!({"kty": "OKP", "crv": "Ed25519", "kid": "small", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
    let set = json!({"keys": [public("ec1", "ES256"), public("ed1", "EdDSA"), small]});
    let publisher = Publisher::start(Says::Body("application/json", set.to_string()));
    let setup = published_by(provider.realm(site), &publisher).edit(|config| {
        let external = &mut config["realm"]["theholefoundation"]["issuers"][0];
        external["algorithms"] = toml::Value::from(vec!["ES256", "EdDSA"]);
    });
    (provider, setup.start())
}

/// What becomes of a token by a key of a curve.
fn by_curve(provider: &Provider, app: &App, kid: &str, how: &str, signature: &str) -> u16 {
    let alg = match how {
        hmac if hmac.starts_with("HS") => "HS256",
        "EdDSA" => "EdDSA",
        "literal" if kid != "ec1" => "EdDSA",
        _ => "ES256",
    };
    let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
    let asked = json!({
        "header": header, "claims": provider.claims(), "by": kid, "how": how, "signature": signature,
    });
    call(app, "GET", FOIA, &provider.sign(&asked)).status
}

#[test]
fn j_04_nor_is_one_of_a_curve() {
    let (provider, app) = of_curves(site!());
    for kid in ["ec1", "ed1"] {
        for how in ["HS256pem", "HS256der", "HS256jwk"] {
            assert_eq!(by_curve(&provider, &app, kid, how, ""), 401, "{kid} {how}");
        }
    }
    assert_eq!(by_curve(&provider, &app, "ec1", "ES256", ""), 200);
    assert_eq!(by_curve(&provider, &app, "ed1", "EdDSA", ""), 200);
}

#[test]
fn j_05_a_key_has_one_algorithm() {
    let shared = Shared::get();
    let all = ["RS512", "PS256"];
    refused(
        &shared,
        all.map(|how| with_header(&shared, &json!({"alg": how}), how)),
    );
    // Nor does the name of one make it another's.
    refused(
        &shared,
        all.map(|how| with_header(&shared, &json!({}), how)),
    );
}

#[test]
fn j_06_a_kid_is_a_name_and_no_path() {
    let shared = Shared::get();
    let long = "k".repeat(8000);
    let all = [
        "../../../../etc/passwd",
        "/dev/null",
        "k1\u{0}",
        "./k1",
        "file:///dev/null",
        "K1",
        " k1",
        &long,
    ];
    refused(
        &shared,
        all.map(|kid| with_header(&shared, &json!({"kid": kid}), "HS256empty")),
    );
    refused(
        &shared,
        all.map(|kid| with_header(&shared, &json!({"kid": kid}), "RS256")),
    );
    for kid in [json!(7), json!(["k1"]), json!({"a": 1}), json!(true)] {
        refused(
            &shared,
            [with_header(&shared, &json!({"kid": kid}), "RS256")],
        );
    }
}

#[test]
fn j_07_a_kid_is_no_sql() {
    let shared = Shared::get();
    let all = [
        "' UNION SELECT 'k1'--",
        "k1' OR '1'='1",
        "k1'; DROP TABLE key;--",
    ];
    refused(
        &shared,
        all.map(|kid| with_header(&shared, &json!({"kid": kid}), "RS256")),
    );
}

#[test]
fn j_08_a_kid_is_no_command_and_no_template() {
    let shared = Shared::get();
    let all = [
        "$(touch x)",
        "`id`",
        "*)(uid=*",
        "{{7*7}}",
        "${jndi:ldap://x/}",
        "k1|id",
    ];
    refused(
        &shared,
        all.map(|kid| with_header(&shared, &json!({"kid": kid}), "RS256")),
    );
}

#[test]
fn j_09_a_key_is_its_own_issuers_alone() {
    let shared = Shared::get();
    let own = shared.app.get("/.well-known/jwks.json").expect(200).json();
    let own = own["keys"][0]["kid"].as_str().unwrap().to_owned();
    refused(
        &shared,
        [
            // By a key of somebody else under a known name, and by the realm's own name.
            shared
                .provider
                .sign(&json!({"header": header(), "claims": shared.provider.claims(), "by": "k9"})),
            with_header(&shared, &json!({"kid": own}), "RS256"),
        ],
    );
    // The provider's key signs nothing for the realm.
    let mut claims = shared.provider.claims();
    claims["iss"] = API.into();
    refused(
        &shared,
        [shared
            .provider
            .sign(&json!({"header": header(), "claims": claims}))],
    );
}

#[test]
fn j_11_without_a_kid_one_key_fits_or_none_does() {
    let provider = Provider::start(site!());
    provider.publish(&["k1", "k2", "k3", "k4", "k5", "k6"]);
    let app = provider.realm(site!()).start();
    let named = provider.token(&json!({}));
    assert_eq!(call(&app, "GET", FOIA, &named).status, 200);
    for by in ["k1", "k6"] {
        let asked = json!({"header": {"alg": "RS256", "typ": "JWT"}, "claims": provider.claims(), "by": by});
        let token = provider.sign(&asked);
        assert_eq!(told(&call(&app, "GET", FOIA, &token)), invalid(), "{by}");
    }
}

#[test]
fn j_12_a_token_names_no_place_of_keys() {
    let shared = Shared::get();
    let publisher = Publisher::start(Says::Body(
        "application/json",
        jwks(&shared.provider).to_string(),
    ));
    let url = format!("http://{}/jwks", publisher.addr);
    let claims = shared.provider.claims();
    let tokens: Vec<String> = ["", "trusted@", "k1@"]
        .iter()
        .map(|user| {
            let mut header = header();
            header["jku"] = url.replace("http://", &format!("http://{user}")).into();
            header["kid"] = "attacker".into();
            shared
                .provider
                .sign(&json!({"header": header, "claims": claims, "by": "attacker"}))
        })
        .collect();
    refused(&shared, tokens);
    assert_eq!(publisher.asked(), 0);
}

#[test]
fn j_13_nor_of_certificates() {
    let shared = Shared::get();
    let publisher = Publisher::start(Says::Status(200));
    let url = format!("http://{}/cert", publisher.addr);
    let claims = shared.provider.claims();
    let tokens = [
        json!({"x5u": url}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5t": "AAAA", "x5t#S256": "AAAA"}),
    ]
    .map(|change| {
        let mut header = header();
        header
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        shared
            .provider
            .sign(&json!({"header": header, "claims": claims, "by": "attacker"}))
    });
    refused(&shared, tokens);
    assert_eq!(publisher.asked(), 0);
}

#[test]
fn j_14_nor_a_key_of_its_own() {
    let shared = Shared::get();
    let jwk = shared.provider.public("attacker");
    let claims = shared.provider.claims();
    let tokens = [json!("k1"), json!("attacker"), Value::Null].map(|kid| {
        let mut header = header();
        header["jwk"] = jwk.clone();
        header["kid"] = kid.clone();
        if kid.is_null() {
            header.as_object_mut().unwrap().remove("kid");
        }
        shared
            .provider
            .sign(&json!({"header": header, "claims": claims, "by": "attacker"}))
    });
    refused(&shared, tokens);
}

#[test]
fn j_15_what_is_critical_and_unknown_refuses_the_token() {
    let shared = Shared::get();
    let all = [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"b64": false}),
        json!({"crit": ["x"], "x": 1}),
        json!({"crit": "x"}),
    ];
    refused(
        &shared,
        all.map(|change| with_header(&shared, &change, "RS256")),
    );
}

#[test]
fn j_16_an_empty_signature_on_a_curve_is_none() {
    let (provider, app) = of_curves(site!());
    let zeros = "A".repeat(86);
    let one = format!("{}AQ{}", "A".repeat(41), "A".repeat(43));
    let order = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    for signature in [
        zeros.as_str(),
        &one[..86],
        &format!("{order}{}", "A".repeat(43)),
        "AAAA",
        "",
    ] {
        assert_eq!(
            by_curve(&provider, &app, "ec1", "literal", signature),
            401,
            "{signature}"
        );
    }
    assert_eq!(by_curve(&provider, &app, "ec1", "ES256", ""), 200);
}

#[test]
fn j_17_a_signature_on_a_curve_has_one_form() {
    let (provider, app) = of_curves(site!());
    assert_eq!(by_curve(&provider, &app, "ec1", "ES256der", ""), 401);
    let long = "B".repeat(90);
    let full = "_".repeat(86);
    for signature in [long.as_str(), &full, &"B".repeat(84)] {
        assert_eq!(by_curve(&provider, &app, "ec1", "literal", signature), 401);
    }
    assert_eq!(by_curve(&provider, &app, "ec1", "ES256", ""), 200);
}

/// The twin of a good signature may verify: nothing goes by a token's text.
#[test]
fn j_18_the_twin_of_a_signature_is_no_other_caller() {
    let (provider, app) = of_curves(site!());
    assert_eq!(by_curve(&provider, &app, "ec1", "ES256", ""), 200);
    let twin = by_curve(&provider, &app, "ec1", "ES256twin", "");
    assert!(matches!(twin, 200 | 401), "{twin}");
}

#[test]
fn j_19_a_padding_that_ends_early_is_none() {
    let shared = Shared::get();
    refused(&shared, [with_header(&shared, &json!({}), "RS256lax")]);
}

#[test]
fn j_21_a_point_of_small_order_verifies_nothing() {
    let (provider, app) = of_curves(site!());
    let identity = format!("AQ{}", "A".repeat(84));
    for signature in ["A".repeat(86), identity] {
        assert_eq!(
            by_curve(&provider, &app, "small", "literal", &signature),
            401
        );
    }
    assert_eq!(by_curve(&provider, &app, "ed1", "EdDSA", ""), 200);
}
