//! The realm of most tests, and the pieces that tests change in it.

use super::world::ISSUER;
use doorward_base::limit::Quota;
use doorward_base::testing::SeededEntropy;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{ClassName, ErrorCode, RealmName, Scope, Words};
use doorward_gate::policy::spec::{
    AmbiguousPaths, AuthorizationRule, BasicModule, BasicSpec, ClaimMap, ClassSpec, CredentialKind,
    ForwardAuthSpec, IdentitySpec, IssuerSpec, KeySource, MountAccess, MountSpec, RealmSpec,
    RequireHttps, RouteSpec, ScopeRule, TenantRule, UpstreamSpec,
};
use doorward_jose::Algorithm;
use doorward_surface::body::full;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, RealmParts, Refusal, Template};
use http::{Method, Request, Response};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A local target that tells what it was given, panics at `/panic`, never answers at
/// `…/stuck`, and refuses at `…/tired`.
pub(crate) struct Telling;

impl Local for Telling {
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            assert!(request.uri().path() != "/panic", "asked to");
            if request.uri().path().ends_with("/stuck") {
                std::future::pending::<()>().await;
            }
            if request.uri().path().ends_with("/tired") {
                let mut refusal = Refusal::new(ErrorCode::RateLimited);
                refusal.retry_after = Some(90);
                return refusal.into_answer();
            }
            let told = json!({
                "path": request.uri().path(),
                "query": request.uri().query(),
                "authorization": request.headers().contains_key("authorization"),
                "custom": request.headers().contains_key("x-custom"),
                "forged": request.headers().contains_key("x-user-id"),
                "realm": context.realm.name().as_str(),
                "part": context.realm.get::<&'static str>(),
                "subject": context.principal.as_ref().map(|principal| principal.sub.to_string()),
                "tenant": context.principal.and_then(|principal| principal.tenant.clone()).map(|tenant| tenant.to_string()),
                "credential": context.credential.map(Words::word),
                "peer": context.peer.to_string(),
            });
            Response::new(full(told.to_string()))
        })
    }
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::new(text).unwrap()
}

pub(crate) fn wbat() -> TokenFormat {
    TokenFormat::new("wbat-", vec![], TokenBody::Checked).unwrap()
}

/// An API token of the class `access` with this seed.
pub(crate) fn api_token(seed: u64) -> String {
    wbat()
        .mint(None, &SeededEntropy::new(seed))
        .expose()
        .to_owned()
}

pub(crate) fn route(path: &str, upstream: UpstreamSpec) -> RouteSpec {
    RouteSpec {
        path: path.to_owned(),
        methods: vec![],
        upstream,
        public: false,
        credentials: vec![
            CredentialKind::Jwt,
            CredentialKind::ApiToken,
            CredentialKind::Basic,
        ],
        authorization: AuthorizationRule::default(),
        jwt_query: None,
        ambiguous_paths: AmbiguousPaths::default(),
        scopes: ScopeRule::default(),
        permissions: vec![],
        roles: vec![],
        tenant: TenantRule::default(),
        environments: vec![],
        basic: None,
        limits: vec![],
        counted: true,
        errors: None,
        timeout: Duration::from_secs(5),
        max_body: None,
    }
}

pub(crate) fn mount(path: &str, access: MountAccess) -> MountSpec {
    MountSpec {
        access,
        errors: Arc::new(Template::Plain),
        ..MountSpec::open("telling", vec![path.to_owned()], Arc::new(Telling))
    }
}

fn claim(path: &str) -> Option<doorward_base::claims::ClaimPath> {
    Some(path.parse().unwrap())
}

/// The realm of most tests. `upstream` serves `/up/**`.
pub(crate) fn realm(upstream: SocketAddr) -> RealmSpec {
    let echo = || UpstreamSpec::Echo;
    let real = UpstreamSpec::Http {
        base: format!("http://{upstream}").parse().unwrap(),
        strip_prefix: None,
        preserve_host: false,
        tls: None,
    };
    let routes = vec![
        RouteSpec {
            public: true,
            ..route("/open/**", echo())
        },
        route("/api/**", echo()),
        RouteSpec {
            methods: vec![Method::GET],
            ..route("/get-only", echo())
        },
        RouteSpec {
            scopes: ScopeRule {
                any: vec![scope("service:x")],
                ..ScopeRule::default()
            },
            basic: Some("gov".into()),
            ..route("/scoped/**", echo())
        },
        RouteSpec {
            basic: Some("ui".into()),
            ..route("/ui/**", echo())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/stuck", real.clone())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/never", real.clone())
        },
        RouteSpec {
            public: true,
            timeout: Duration::from_millis(200),
            ..route("/up/deaf", real.clone())
        },
        RouteSpec {
            public: true,
            max_body: Some(1000),
            ..route("/up/small", real.clone())
        },
        RouteSpec {
            public: true,
            ..route("/up/**", real.clone())
        },
        route("/private/**", real),
        RouteSpec {
            public: true,
            ..route(
                "/dead",
                UpstreamSpec::Http {
                    base: "http://127.0.0.1:1".parse().unwrap(),
                    strip_prefix: None,
                    preserve_host: false,
                    tls: None,
                },
            )
        },
    ];
    let failures = Quota::new(30, Duration::from_secs(60), 60).unwrap();
    RealmSpec {
        parts: RealmParts::default().with("part of test"),
        hosts: vec!["gate.test".into()],
        require_https: RequireHttps::Off,
        issuers: vec![IssuerSpec {
            is_recognised: false,
            max_lifetime: None,
            require: Vec::new(),
            introspection: None,
            tenant: None,
            subjects_of: None,
            issuer: ISSUER.into(),
            audiences: vec!["api".parse().unwrap()],
            algorithms: vec![Algorithm::ES256],
            typ: vec!["at+jwt".into()],
            leeway: Duration::ZERO,
            keys: KeySource::Own,
            claims: ClaimMap {
                scopes: claim("scope").into_iter().collect(),
                permissions: claim("permissions"),
                roles: claim("roles"),
                role: claim("role"),
                tenant: claim("tenant"),
                also: Vec::new(),
            },
        }],
        classes: vec![ClassSpec {
            name: ClassName::new("access").unwrap(),
            format: wbat(),
            bearer: true,
            basic: true,
            header: Some("x-api-key".parse().unwrap()),
            query: Some("api_key".into()),
        }],
        basic: Some(BasicSpec {
            username: "witboost".into(),
            modules: vec![
                BasicModule {
                    name: "ui".into(),
                    enabled: false,
                    scopes: vec![],
                },
                BasicModule {
                    name: "gov".into(),
                    enabled: true,
                    scopes: vec![scope("service:x")],
                },
            ],
            ttl: Duration::from_secs(300),
        }),
        role_header: Some("x-hasura-role".parse().unwrap()),
        routes,
        mounts: vec![
            mount("/local/**", MountAccess::Open),
            mount("/panic", MountAccess::Open),
            mount("/me/**", MountAccess::jwt()),
        ],
        identity: IdentitySpec {
            headers: true,
            mapped: vec![("x-hasura-user-id".parse().unwrap(), claim("sub").unwrap())],
            forward_jwt: true,
            strip: vec![],
            pass: vec![],
        },
        cors_origins: vec!["https://app.test".into()],
        forward_auth: Some(ForwardAuthSpec {
            path: "/forward-auth".into(),
            trusted_only: false,
            listener: None,
        }),
        ..RealmSpec::new(RealmName::new("test").unwrap(), failures)
    }
}
