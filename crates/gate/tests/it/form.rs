//! Body forms: a dialect words and numbers its refusals itself, and the gate's refusals
//! at its mount too, while counters and traces go by our codes.

use super::support::{Answer, ask, mount, send, start, start_with};
use doorward_base::limit::Quota;
use doorward_base::{ErrorCode, RealmName};
use doorward_gate::policy::spec::{LimitKey, LimitSpec, MountAccess, MountSpec};
use doorward_gate::{Gate, GateOptions, ListenerOptions};
use doorward_surface::form::json;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Denial, Form, Local, Refusal, RequestFacts};
use http::{HeaderName, Request, Response};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

static VERSION: HeaderName = HeaderName::from_static("x-api-version");

/// Like a dialect's: its own codes, 400 for a wrong password, two bodies by version.
#[derive(Debug)]
struct Dialect;

impl Form for Dialect {
    fn reads(&self) -> &'static [HeaderName] {
        std::slice::from_ref(&VERSION)
    }

    fn write(&self, refusal: &Refusal, facts: &RequestFacts<'_>) -> Response<Body> {
        let (status, code) = match (refusal.reason, refusal.code) {
            (Some("credentials"), _) => (400, "invalid_login"),
            (_, ErrorCode::CredentialMissing) => (401, "no_login"),
            (_, code) => (code.status(), "other"),
        };
        let place = format!("{} {}", facts.method, facts.path);
        json(
            status,
            &match facts.headers.get(&VERSION) {
                Some(_) => json!({"code": code, "place": place, "seen": facts.headers.len()}),
                None => json!({"code": status, "error_code": code}),
            },
        )
    }
}

/// A local target that refuses every password.
struct Refusing;

impl Local for Refusing {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        let refusal = Refusal::new(ErrorCode::SignInRefused).because(Some("credentials"));
        let mut answer = refusal.into_answer();
        answer
            .headers_mut()
            .insert("allow", "POST".parse().unwrap());
        Box::pin(std::future::ready(answer))
    }
}

fn sign_in() -> MountSpec {
    MountSpec {
        name: "dialect",
        target: Arc::new(Refusing),
        errors: Arc::new(Dialect),
        ..mount("/token", MountAccess::Open)
    }
}

fn trace(gate: &Gate, answer: &Answer) -> Denial {
    let id = answer.header("x-request-id").unwrap().parse().unwrap();
    let realm = RealmName::new("test").unwrap();
    gate.denials().find(&realm, id).unwrap()
}

fn refused(gate: &Gate, code: ErrorCode) -> u64 {
    let mut refused = gate.counters().refused();
    refused.find(|(counted, _)| *counted == code).unwrap().1
}

#[tokio::test]
async fn a_dialect_answers_its_own_code_and_status_while_we_count_and_trace_ours() {
    let running = start(|spec| spec.mounts.push(sign_in())).await;
    let answer = ask(running.addr, "POST /token", &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({"code": 400, "error_code": "invalid_login"})
    );
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(answer.header("www-authenticate"), None);
    let denial = trace(&running.gate, &answer);
    assert_eq!(denial.code, ErrorCode::SignInRefused);
    assert_eq!((denial.stage, denial.check), ("dialect", "credentials"));
    assert_eq!(denial.route.as_deref(), Some("/token"));
    assert_eq!(refused(&running.gate, ErrorCode::SignInRefused), 1);
}

#[tokio::test]
async fn a_form_sees_the_request_and_only_the_headers_it_reads() {
    let running = start(|spec| spec.mounts.push(sign_in())).await;
    let headers = [("X-Api-Version", "2"), ("X-Other", "1")];
    let answer = ask(running.addr, "POST /token/", &headers).await;
    assert_eq!(
        answer.json(),
        json!({"code": "invalid_login", "place": "POST /token/", "seen": 1})
    );
}

#[tokio::test]
async fn what_the_gate_refuses_at_a_mount_has_the_form_of_the_mount() {
    let few = LimitSpec::rate(
        "few",
        LimitKey::Address,
        Quota::new(1, Duration::from_secs(60), 1).unwrap(),
    );
    let options = GateOptions {
        max_body: 8,
        ..GateOptions::default()
    };
    let running = start_with(ListenerOptions::default(), options, |spec| {
        spec.mounts.push(sign_in());
        spec.mounts.push(MountSpec {
            access: MountAccess::jwt(),
            paths: vec!["/account".into()],
            ..sign_in()
        });
        spec.mounts.push(MountSpec {
            paths: vec!["/few".into()],
            limits: vec![few],
            ..sign_in()
        });
    })
    .await;
    let code = |answer: &Answer| answer.json()["error_code"].as_str().map(str::to_owned);
    let missing = ask(running.addr, "GET /account", &[]).await;
    assert_eq!(
        (missing.status, code(&missing).as_deref()),
        (401, Some("no_login"))
    );
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    let large = send(running.addr, "POST /token", &[], "123456789").await;
    assert_eq!(
        (large.status, code(&large).as_deref()),
        (413, Some("other"))
    );
    ask(running.addr, "POST /few", &[]).await;
    let limited = ask(running.addr, "POST /few", &[]).await;
    assert_eq!(
        (limited.status, code(&limited).as_deref()),
        (429, Some("other"))
    );
    assert!(limited.header("retry-after").is_some());
    for (answer, ours) in [
        (missing, ErrorCode::CredentialMissing),
        (large, ErrorCode::BodyTooLarge),
        (limited, ErrorCode::RateLimited),
    ] {
        assert_eq!(trace(&running.gate, &answer).code, ours);
        assert_eq!(refused(&running.gate, ours), 1);
    }
}
