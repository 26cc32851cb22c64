//! What a single route may be told to let through: a foreign `Authorization`, an access
//! token in the query, a path that others may read in another way; and that nothing else
//! gets through with it.

use super::support::{Running, api_token, ask, open_websocket_at, route, send, start};
use doorward_gate::policy::spec::{
    AmbiguousPaths, AuthorizationRule, CredentialKind, RouteSpec, UpstreamSpec,
};
use doorward_gate::{PolicyError, lower};
use http::Method;

/// A gate with these routes to its upstream beside those of `support`.
async fn with_routes(change: impl FnOnce(UpstreamSpec) -> Vec<RouteSpec>) -> Running {
    start(|realm| {
        let upstream = realm
            .routes
            .iter()
            .find(|route| route.path == "/private/**")
            .unwrap();
        let upstream = upstream.upstream.clone();
        realm.routes.extend(change(upstream));
    })
    .await
}

async fn passing() -> Running {
    with_routes(|upstream| {
        let pass = RouteSpec {
            authorization: AuthorizationRule::Pass,
            ..route("/hook/**", upstream)
        };
        let keyed = RouteSpec {
            path: "/keyed/**".into(),
            ..pass.clone()
        };
        vec![
            RouteSpec {
                public: true,
                ..pass
            },
            keyed,
        ]
    })
    .await
}

#[tokio::test]
async fn a_foreign_authorization_is_left_alone_where_the_route_says_so() {
    let gate = passing().await;
    for foreign in [
        "Basic dXNlcjpwYXNzd29yZA==",
        "Hawk id=\"dh37fgj492je\", mac=\"6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE=\"",
        "Bearer ghp_0123456789abcdefghij",
        "Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLnRlc3QifQ.AAAA",
        "Digest username=\"u\", realm=\"r\", response=\"abc\"",
        "Token abc",
        "bare",
    ] {
        let headers = [("Authorization", foreign)];
        let answer = ask(gate.addr, "POST /hook/x", &headers).await;
        assert_eq!(answer.status, 200, "{foreign}: {answer:?}");
        let head = answer.json()["head"].as_str().unwrap().to_owned();
        assert!(
            head.contains(&format!("authorization: {foreign}")),
            "{foreign}: {head}"
        );
        assert!(!head.contains("x-doorward-subject"), "{head}");
        // Nobody is known by it, and elsewhere it is refused.
        let keyed = ask(gate.addr, "GET /keyed/x", &headers).await;
        assert_eq!(keyed.code(), (401, "unauthorized".into()), "{foreign}");
        assert_eq!(ask(gate.addr, "GET /up/x", &headers).await.status, 401);
    }
}

/// They sign in a connection, which other callers use next.
#[tokio::test]
async fn what_signs_a_connection_in_is_not_passed_on() {
    let gate = passing().await;
    for bound in [
        "NTLM TlRMTVNTUAAB",
        "negotiate YIIZqgYG",
        "Negotiate",
        "nTLM\tx",
    ] {
        for path in ["GET /hook/x", "GET /keyed/x"] {
            let answer = ask(gate.addr, path, &[("Authorization", bound)]).await;
            assert_eq!(answer.code(), (401, "invalid_token".into()), "{bound}");
            assert!(answer.body.contains("sign in a connection"), "{answer:?}");
        }
    }
}

/// What an upstream could read as a token of ours, though we would not, is not forwarded
/// unverified; what anybody reads as somebody else's is.
#[tokio::test]
async fn a_forged_token_of_ours_is_none_of_somebody_elses() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let gate = passing().await;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let jwt = |header: &str, claims: &str, signature: &str| {
        format!("{}.{}.{signature}", part(header), part(claims))
    };
    let (es256, ours) = (
        r#"{"alg":"ES256"}"#,
        r#"{"iss":"https://gate.test","sub":"boss"}"#,
    );
    let theirs = r#"{"iss":"https://other.test","aud":"https://gate.test","sub":"boss"}"#;
    let elsewhere = r#"{"iss":"https://other.test","sub":"boss"}"#;
    let wide: Vec<u8> = ours.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for forged in [
        jwt(r#"{"alg":"none"}"#, ours, ""),
        jwt(r#"{"alg":"none"}"#, ours, "AAAA"),
        jwt(r#"{"alg":"nOnE"}"#, theirs, ""),
        jwt(es256, ours, ""),
        jwt(r#"{"alg":"none"}"#, elsewhere, "AAAA"),
        jwt(r#" {"alg":"none"}"#, elsewhere, ""),
        // No JSON object, but our name in it; one character more says nothing.
        part(r#"["https://gate.test"]"#),
        format!("{}A", part(r#"["https://gate.test"]"#)),
        jwt(
            es256,
            r#"{"iss":"https://other.test","iss":"https://gate.test"}"#,
            "AAAA",
        ),
        jwt(
            es256,
            r#"{"iss":"https:\/\/gate.test","sub":"boss"}"#,
            "AAAA",
        ),
        jwt(es256, r#"{"iss":["https://gate.test"]}"#, "AAAA"),
        jwt(es256, r#"{"iss":"https://g\u0061te.test",}"#, "AAAA"),
        jwt(
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            theirs,
            "AAAA",
        ),
        jwt(r#"{"alg":"HS512"}"#, ours, "AAAA"),
        jwt(&format!("\u{feff}{es256}"), theirs, "AAAA"),
        format!("{}.{}", part(es256), part(ours)),
        format!("{}.{}.AAAA.AAAA", part(es256), part(ours)),
        format!("{}.{}.AAAA.AAAA.AAAA", part(es256), part(theirs)),
        format!("x.{}.AAAA", part(ours)),
        format!("{}.{}.AAAA", part(es256), URL_SAFE_NO_PAD.encode(&wide)),
        format!(
            "{}.{}.AAAA",
            STANDARD.encode(r#"{"alg":"ES256" }"#),
            STANDARD.encode(ours)
        ),
    ] {
        for value in [
            format!("Bearer {forged}"),
            format!("Token {forged}"),
            forged.clone(),
            format!("Basic {}", STANDARD.encode(format!("user:{forged}"))),
        ] {
            let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &value)]).await;
            assert_eq!(answer.status, 401, "{value}: {answer:?}");
        }
    }
    for foreign in [
        jwt(es256, theirs, "AAAA"),
        jwt(r#"{"alg":"HS512","typ":"JWT"}"#, theirs, "AAAA"),
        jwt(r#"{"alg":"RS256"}"#, r#"{"sub":"no issuer"}"#, "AAAA"),
        // A key as some products make them, and names with dots.
        part(r#"{"k":"abc","n":"key","id":1}"#),
        "eyes.example.test".to_owned(),
        "v2.local.abc.def".to_owned(),
    ] {
        let value = format!("Bearer {foreign}");
        let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &value)]).await;
        assert_eq!(answer.status, 200, "{value}: {answer:?}");
        assert!(answer.body.contains(&foreign), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_ours_is_verified_and_never_passed_on() {
    let gate = passing().await;
    let (known, unknown) = (api_token(1), api_token(2));
    gate.world.know(&known);
    let jwt = gate.world.bearer(|_| {});
    let expired = gate
        .world
        .bearer(|claims| drop(claims.insert("exp".into(), 1_700_000_000.into())));
    let mistyped = known.get(..known.len() - 1).unwrap();
    let basic = |user: &str, password: &str| {
        use base64::Engine as _;
        let pair = format!("{user}:{password}");
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(pair)
        )
    };
    for ours in [
        format!("Bearer {unknown}"),
        format!("Bearer {mistyped}"),
        format!("Token {known}"),
        format!("Digest username=\"{known}\""),
        known.clone(),
        expired,
        jwt.replace("Bearer", "DPoP"),
        format!("{jwt}A"),
        basic("witboost", "anything"),
        basic("someone", &known),
        basic(&known, ""),
        basic("someone", jwt.strip_prefix("Bearer ").unwrap()),
        basic("someone", &known).replace('=', ""),
    ] {
        let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &ours)]).await;
        assert_eq!(answer.status, 401, "{ours}: {answer:?}");
    }
    // RFC 9110 §11.4 allows more than one space.
    for spaces in [" ", "  "] {
        let bearer = format!("Bearer{spaces}{known}");
        let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &bearer)]).await;
        let head = answer.json()["head"].as_str().unwrap().to_owned();
        assert!(
            head.contains("x-doorward-subject") && !head.contains(&known),
            "{head}"
        );
    }
    // An access token goes on where the realm says so, as on any route.
    let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &jwt)]).await;
    assert!(answer.body.contains(&jwt), "{}", answer.body);
    // A caller known by another place, with a foreign one beside it.
    let both = [("X-API-Key", &*known), ("Authorization", "Basic dTpw")];
    let answer = ask(gate.addr, "GET /keyed/x", &both).await;
    let head = answer.json()["head"].as_str().unwrap().to_owned();
    assert!(head.contains("authorization: Basic dTpw"), "{head}");
    assert!(
        head.contains("x-doorward-subject") && !head.contains(&known),
        "{head}"
    );
    let twice = [("X-API-Key", &*known), ("Authorization", &*jwt)];
    assert_eq!(ask(gate.addr, "GET /keyed/x", &twice).await.status, 400);
}

/// What others read of it is not ours to guess.
#[tokio::test]
async fn what_is_ours_is_ours_in_spellings_that_others_read() {
    use base64::Engine as _;
    let gate = passing().await;
    let known = api_token(1);
    gate.world.know(&known);
    let bearer = gate.world.bearer(|_| {});
    let jwt = bearer.strip_prefix("Bearer ").unwrap();
    let encode = |pair: String| base64::engine::general_purpose::STANDARD.encode(pair);
    let ours = encode(format!("witboost:{known}"));
    let users = encode("witboost:anything".to_owned());
    let (begin, end) = users.split_at(8);
    for value in [
        format!("Basic\t{ours}"),
        format!("Basic\t{users}"),
        format!("Basic {begin}!{end}"),
        format!("Basic {begin} {end}"),
        format!("Basic {begin}\t{end}"),
        format!("Basic {users}===="),
        format!("Basic {users} x"),
        format!("Basic,{ours}"),
        format!("Basic={ours}"),
        ours.clone(),
        format!("Token {begin}.{end}"),
        "Basic".to_owned(),
        "Basic dXNlcg==".to_owned(),
        format!("Token .{known}"),
        format!("Token x-{known}"),
        format!("Token x_{known}."),
        format!("Token {}", known.replace('_', "%5F").replace('-', "%2D")),
        format!("Bearer\t{jwt}"),
        format!("Token {}", jwt.replace('.', "%2E")),
    ] {
        let answer = ask(gate.addr, "GET /hook/x", &[("Authorization", &value)]).await;
        assert_eq!(answer.status, 401, "{value}: {answer:?}");
    }
}

/// With a method that it opens nothing for, it is still a token.
#[tokio::test]
async fn an_access_token_in_the_query_goes_no_further_whatever_the_method() {
    let gate = with_routes(|upstream| {
        let live = RouteSpec {
            public: true,
            jwt_query: Some("access_token".into()),
            ..route("/live/**", upstream)
        };
        vec![live]
    })
    .await;
    let bearer = gate.world.bearer(|_| {});
    let jwt = bearer.strip_prefix("Bearer ").unwrap();
    for method in ["POST", "PUT", "DELETE"] {
        let line = format!("{method} /live/x?a=1&access_token={jwt}&b=2");
        let answer = ask(gate.addr, &line, &[]).await;
        let head = answer.json()["head"].as_str().unwrap().to_owned();
        let wanted = format!("{method} /live/x?a=1&b=2 HTTP/1.1");
        assert!(head.starts_with(&wanted), "{head}");
        assert!(!head.contains(jwt), "{head}");
    }
}

#[tokio::test]
async fn an_access_token_in_the_query_opens_what_a_browser_opens_and_goes_no_further() {
    let gate = with_routes(|upstream| {
        let live = RouteSpec {
            jwt_query: Some("access_token".into()),
            ..route("/live/**", upstream)
        };
        vec![live]
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    let jwt = jwt.strip_prefix("Bearer ").unwrap();
    let line = |method: &str, path: &str, token: &str| {
        format!("{method} {path}?a=1&access_token={token}&b=2")
    };
    let answer = ask(gate.addr, &line("GET", "/live/x", jwt), &[]).await;
    let head = answer.json()["head"].as_str().unwrap().to_owned();
    assert!(head.starts_with("GET /live/x?a=1&b=2 HTTP/1.1"), "{head}");
    assert!(
        head.contains("x-doorward-subject") && !head.contains(jwt),
        "{head}"
    );
    let encoded = jwt.replace('.', "%2E");
    let answer = ask(gate.addr, &line("GET", "/live/x", &encoded), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_socket, _) = open_websocket_at(gate.addr, &format!("/live/ws?access_token={jwt}")).await;
    // Nothing else is opened by it.
    for (line, headers) in [
        (line("POST", "/live/x", jwt), vec![]),
        (line("GET", "/private/x", jwt), vec![]),
        (line("GET", "/live/x", "a.b.c"), vec![]),
        (line("GET", "/live/x", jwt.get(1..).unwrap()), vec![]),
        (line("GET", "/live/x", ""), vec![]),
        // The parameter of API tokens holds none either.
        (format!("GET /live/x?api_key={jwt}"), vec![]),
    ] {
        let answer = ask(gate.addr, &line, &headers).await;
        assert_eq!(answer.status, 401, "{line}: {answer:?}");
        let realm = doorward_base::RealmName::new("test").unwrap();
        let denial = &gate.gate.denials().list(&realm, None, 1)[0];
        assert!(!format!("{denial:?}").contains(jwt), "{denial:?}");
    }
    let bearer = format!("Bearer {jwt}");
    let twice = [("Authorization", &*bearer)];
    let answer = ask(gate.addr, &line("GET", "/live/x", jwt), &twice).await;
    assert_eq!(answer.code(), (400, "credential_conflict".into()));
    let doubled = format!("GET /live/x?access_token={jwt}&access_token={jwt}");
    assert_eq!(ask(gate.addr, &doubled, &[]).await.status, 400);
}

/// Routes of a registry: anyone reads packages, below a prefix of its own.
fn registry(upstream: &UpstreamSpec) -> Vec<RouteSpec> {
    vec![
        RouteSpec {
            public: true,
            ambiguous_paths: AmbiguousPaths::Forward,
            ..route("/npm/**", upstream.clone())
        },
        RouteSpec {
            credentials: vec![CredentialKind::Jwt],
            ..route("/npm-admin/**", upstream.clone())
        },
    ]
}

#[tokio::test]
async fn paths_with_encoded_slashes_are_forwarded_as_they_came_where_the_route_says_so() {
    let gate = with_routes(|upstream| registry(&upstream)).await;
    for path in [
        "/npm/@scope%2Fname",
        "/npm/@scope%2fname",
        "/npm/projects/group%2Fproject/files?ref=a%2Fb",
        "/npm/queues/%2F/name",
        "/npm/https:%2F%2Fgit.test%2Fx",
        "/npm/a;v=1",
        "/npm/a%3Bv=1",
        "/npm/list[0]",
        "/npm/plain",
    ] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let head = answer.json()["head"].as_str().unwrap().to_owned();
        assert!(
            head.starts_with(&format!("GET {path} HTTP/1.1")),
            "{path}: {head}"
        );
    }
    let sent = send(gate.addr, "PUT /npm/@scope%2Fname", &[], "package").await;
    assert_eq!(sent.json()["body"], "package");
}

#[tokio::test]
async fn no_reading_of_such_a_path_leads_past_another_routes_rules() {
    let gate = with_routes(|upstream| registry(&upstream)).await;
    for path in [
        // Out of the prefix.
        "/npm/..%2Fnpm-admin%2Fx",
        "/npm/x%2F..%2F..%2Fnpm-admin",
        "/npm/%2e%2e%2fnpm-admin",
        "/npm/..;/npm-admin/x",
        "/npm/..%3B/npm-admin/x",
        "/npm/%252e%252e%252fnpm-admin",
        "/npm/%25%32%65%25%32%65/npm-admin",
        "/npm/..%5Cnpm-admin",
        "/npm//npm-admin",
        "/npm/%00%2F",
        // Into another route, once decoded.
        "/npm%2Fadmin%2Fx",
        "/npm%2F",
        "/x%2Fnpm/a",
        "/%2Fnpm/a",
        "/npm-admin/a%2Fb",
        "/npm-admin%2Fa",
        "/npm;/a",
        "/npm-admin;x/a",
        "/up/a%2Fb",
        "/nowhere/a%2Fb",
    ] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.code(), (400, "path_ambiguous".into()), "{path}");
    }
}

#[tokio::test]
async fn an_escape_leads_past_no_narrower_route_that_a_server_finds_without_it() {
    let gate = with_routes(|upstream| {
        let within = |path: &str| RouteSpec {
            credentials: vec![CredentialKind::Jwt],
            ..route(path, upstream.clone())
        };
        let mut routes = registry(&upstream);
        routes.extend([
            within("/npm-admin/keys:destroy"),
            within("/pub/@internal/**"),
            within("/pub/Users(1)"),
            RouteSpec {
                public: true,
                ..route("/pub/**", upstream.clone())
            },
        ]);
        routes
    })
    .await;
    let jwt = gate.world.bearer(|_| {});
    for (path, plain) in [
        ("/pub/%40internal/secret", "/pub/@internal/secret"),
        ("/pub/Users%281%29", "/pub/Users(1)"),
        ("/pub/Users%281)/", "/pub/Users(1)/"),
        ("/npm-admin/keys%3adestroy", "/npm-admin/keys:destroy"),
    ] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, 401, "{path}");
        let facts = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", path)];
        let asked = ask(gate.addr, "GET /forward-auth", &facts).await;
        assert_eq!(asked.status, 401, "{path}");
        // Who may come in is forwarded by the spelling that was judged.
        let let_in = ask(
            gate.addr,
            &format!("GET {path}"),
            &[("Authorization", &*jwt)],
        )
        .await;
        let head = let_in.json()["head"].as_str().unwrap().to_owned();
        assert!(
            head.starts_with(&format!("GET {plain} HTTP/1.1")),
            "{path}: {head}"
        );
    }
    // Where no route tells the spellings apart they are the upstream's affair.
    for path in ["/pub/a%40b", "/pub/%2B", "/npm/%40scope%2Fname"] {
        let answer = ask(gate.addr, &format!("GET {path}"), &[]).await;
        let head = answer.json()["head"].as_str().unwrap().to_owned();
        assert!(
            head.starts_with(&format!("GET {path} HTTP/1.1")),
            "{path}: {head}"
        );
    }
}

#[test]
fn a_route_that_forwards_ambiguous_paths_stands_alone_below_its_prefix() {
    use AmbiguousPaths::{Forward, Refuse};
    let upstream = UpstreamSpec::Echo;
    let open = RouteSpec {
        ambiguous_paths: Forward,
        ..route("/npm/**", upstream.clone())
    };
    let with = |others: Vec<RouteSpec>| -> Vec<String> {
        let mut realm = super::support::realm("127.0.0.1:1".parse().unwrap());
        realm.routes.extend(others);
        let errors: Vec<PolicyError> = lower(vec![realm]).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    };
    assert!(with(vec![open.clone()]).is_empty());
    let methods = |method: Method, paths| RouteSpec {
        methods: vec![method],
        ambiguous_paths: paths,
        ..open.clone()
    };
    assert!(
        with(vec![
            methods(Method::GET, Forward),
            methods(Method::PUT, Forward)
        ])
        .is_empty()
    );
    for others in [
        vec![open.clone(), route("/npm/admin", upstream.clone())],
        vec![open.clone(), route("/npm/{name}", upstream.clone())],
        vec![route("/npm/a/**", upstream.clone()), open.clone()],
        vec![methods(Method::GET, Forward), methods(Method::PUT, Refuse)],
    ] {
        let problems = with(others);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("nothing else may lie"), "{problems:?}");
    }
    let closed = RouteSpec {
        path: "/npm/{name}".into(),
        ..open
    };
    let problems = with(vec![closed]);
    assert!(problems[0].contains("must end with /**"), "{problems:?}");
}
