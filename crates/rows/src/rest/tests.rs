//! The whole way of a request: what is asked, what is answered, what is in the tables
//! afterwards. Each behaviour is one on every engine: `sqlite` and `postgres` take the same
//! tests, and have what is particular to each.

mod engine;
mod postgres;
mod sqlite;

use super::{Terms, answer};
use crate::caller::{Caller, RightScopes};
use crate::engine::{Bounds, Statement, Work};
use crate::plan::{Function, Functions, Policies, Policy};
use crate::value::Value;
use bytes::Bytes;
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{Principal, RoleName, Scope, SubjectKind, TenantId, Timestamp};
use engine::Bed;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

const BOUNDS: Bounds = Bounds {
    rows: 1_000,
    bytes: 1 << 20,
    row: 0,
    time: Duration::from_secs(5),
};

/// Ann of acme, with this role in force and these scopes.
fn caller(role: Option<&str>, scopes: &[&str], claims: Map<String, Json>) -> Caller {
    let scope = |name: &str| Scope::new(name).unwrap();
    let principal = Principal::new(PrincipalParts {
        sub: "ann".into(),
        subject: None,
        kind: SubjectKind::External,
        tenant: Some("acme".parse::<TenantId>().unwrap()),
        permissions: Vec::new(),
        roles: Vec::new(),
        role: role.map(|role| role.parse::<RoleName>().unwrap()),
        scopes: scopes.iter().map(|name| scope(name)).collect(),
        lost_role: None,
        crosses: false,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: "https://issuer.example".into(),
        audience: Vec::new(),
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::new(claims),
    });
    let scopes = RightScopes {
        read: scope("read"),
        write: scope("write"),
        schema: scope("admin"),
    };
    Caller::of(&principal, &scopes).unwrap()
}

/// Somebody, and the tables.
struct World<B> {
    bed: B,
    policies: Policies,
    role: Option<&'static str>,
    scopes: Vec<&'static str>,
    claims: Map<String, Json>,
    aggregates: bool,
    functions: Functions,
    bounds: Bounds,
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.text).expect(&self.text)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn code(&self) -> String {
        let body = self.json();
        body["code"].as_str().expect(&self.text).to_owned()
    }

    fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.code().as_str()),
            (status, code),
            "{}",
            self.text
        );
    }
}

impl<B: Bed> World<B> {
    fn new() -> Self {
        Self {
            bed: RUNTIME.block_on(B::furnished()),
            policies: Policies::default(),
            role: None,
            scopes: vec!["read", "write"],
            claims: Map::new(),
            aggregates: false,
            functions: Functions::default(),
            bounds: BOUNDS,
        }
    }

    fn with_aggregates() -> Self {
        Self {
            aggregates: true,
            ..Self::new()
        }
    }

    fn with_policies(policies: Json, role: &'static str) -> Self {
        let policies: Vec<Policy> = serde_json::from_value(policies).unwrap();
        Self {
            policies: Policies::new(policies).unwrap(),
            role: Some(role),
            ..Self::new()
        }
    }

    fn caller(&self) -> Caller {
        caller(self.role, &self.scopes, self.claims.clone())
    }

    fn send(&self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let uri = ["\"%22", " %20", ">%3E", r"\%5C"];
        let uri = uri.iter().fold(target.to_owned(), |uri, escape| {
            let (letter, escaped) = escape.split_at(1);
            uri.replace(letter, escaped)
        });
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/rest/v1{uri}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        let caller = self.caller();
        RUNTIME.block_on(async {
            let engine = self.bed.engine();
            let scopes = &self.scopes;
            let terms = Terms {
                policies: &self.policies,
                functions: &self.functions,
                aggregates: self.aggregates,
                bounds: self.bounds,
                holds: &|scope| scopes.contains(&scope.as_str()),
            };
            let response = answer(engine, &caller, terms, request, path).await;
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            Answer {
                status: parts.status,
                headers: parts.headers,
                text: String::from_utf8(bytes.to_vec()).unwrap(),
            }
        })
    }

    /// One number, past the language.
    fn number(&self, sql: &str) -> i64 {
        let caller = self.caller();
        let work = Work::one(Statement::new(sql, Vec::new(), false));
        let results = RUNTIME
            .block_on(self.bed.engine().run(&caller, work, BOUNDS))
            .unwrap();
        match results[0].rows[0][0] {
            Value::Int(number) => number,
            ref other => panic!("{other:?}"),
        }
    }

    fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[], "")
    }

    /// The rows of a target that is answered.
    fn rows(&self, target: &str) -> Json {
        let answer = self.get(target);
        assert_eq!(answer.status, StatusCode::OK, "{target}: {}", answer.text);
        answer.json()
    }

    /// One column of the rows.
    fn column(&self, target: &str, name: &str) -> Json {
        let rows = self.rows(target);
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].clone())
            .collect()
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "bodies are written where they are sent"
    )]
    fn send_json(&self, method: Method, target: &str, prefer: &str, body: Json) -> Answer {
        let headers = [("content-type", "application/json"), ("prefer", prefer)];
        self.send(method, target, &headers, &body.to_string())
    }
}

/// `return=representation`, as most clients ask for.
const SHOWN: &str = "return=representation";
