//! Routes to local targets: who may call is the route's to say, as for an upstream.

use super::support::{Telling, api_token, ask, realm, route, scope, start};
use doorward_base::CredentialKind::Jwt;
use doorward_gate::lower;
use doorward_gate::policy::problem::Problem;
use doorward_gate::policy::spec::{
    AmbiguousPaths, AuthorizationRule, BuiltIn, RealmSpec, RouteSpec, ScopeRule, TenantRule,
    UpstreamSpec,
};
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local};
use http::{Request, Response};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const TELLING: UpstreamSpec = UpstreamSpec::Local("telling");

fn built_in(realm: &mut RealmSpec) {
    realm.built_in.push(BuiltIn {
        name: "telling",
        target: Arc::new(Telling),
    });
    realm.routes.extend([
        RouteSpec {
            scopes: ScopeRule {
                read: vec![scope("read")],
                write: vec![scope("write")],
                ..ScopeRule::default()
            },
            ..route("/rows/**", TELLING)
        },
        RouteSpec {
            tenant: TenantRule::Required,
            ..route("/tenant/**", TELLING)
        },
        RouteSpec {
            credentials: vec![Jwt],
            ..route("/people/**", TELLING)
        },
    ]);
}

#[tokio::test]
async fn a_route_says_who_may_call_a_local_target() {
    let gate = start(built_in).await;
    let reader = gate.world.bearer(|claims| {
        claims.insert("scope".to_owned(), Value::from("read"));
        claims.remove("tenant");
    });
    let headers = [("authorization", reader.as_str())];
    let read = ask(gate.addr, "GET /rows/x", &headers).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["credential"], "jwt");
    assert_eq!(read.json()["part"], "part of test");
    for (line, headers, code) in [
        ("POST /rows/x", &headers[..], "insufficient_scope"),
        ("GET /tenant/x", &headers, "tenant_required"),
        ("GET /rows/x", &[], "unauthorized"),
    ] {
        let refused = ask(gate.addr, line, headers).await;
        assert_eq!(refused.json()["error"], code, "{line}");
    }
}

#[tokio::test]
async fn an_api_token_reaches_it_and_not_the_query_that_it_came_in() {
    let gate = start(built_in).await;
    let token = api_token(1);
    gate.world.know_of(&token, Some("globex"));
    let in_query = format!("GET /tenant/x?a=1&api_key={token}&b=2");
    let answer = ask(gate.addr, &in_query, &[]).await;
    assert_eq!(answer.json()["query"], "a=1&b=2");
    assert_eq!(answer.json()["tenant"], "globex");
    let headers = [("x-api-key", token.as_str())];
    let answer = ask(gate.addr, "GET /tenant/x", &headers).await;
    assert_eq!(answer.json()["credential"], "api_token");
    let refused = ask(gate.addr, "GET /people/x", &headers).await;
    assert_eq!(refused.json()["error"], "invalid_token");
}

#[test]
fn a_route_names_a_local_target_that_is_there_and_takes_what_it_can() {
    let told = |change: fn(&mut RouteSpec)| {
        let mut realm = realm("127.0.0.1:1".parse().unwrap());
        built_in(&mut realm);
        let mut changed = route("/more/**", TELLING);
        change(&mut changed);
        realm.routes.push(changed);
        let errors = lower(vec![realm]).err().unwrap_or_default();
        let problems = errors.into_iter().map(|error| error.problem);
        problems.collect::<Vec<_>>()
    };
    assert_eq!(told(|_| {}), []);
    let wrong = [
        told(|route| route.upstream = UpstreamSpec::Local("absent")),
        told(|route| route.ambiguous_paths = AmbiguousPaths::Forward),
        told(|route| route.authorization = AuthorizationRule::Pass),
    ];
    for told in wrong {
        assert!(matches!(&told[..], [Problem::Local { .. }]), "{told:?}");
    }
}

/// Says that it was called, and that the call was dropped.
struct Hanging(UnboundedSender<&'static str>);

struct Dropped(UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl Local for Hanging {
    fn call(&self, _: Request<Body>, _: Context) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            let _dropped = Dropped(self.0.clone());
            self.0.send("called").unwrap();
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn a_client_that_goes_away_drops_the_call() {
    let (said, mut says) = unbounded_channel();
    let gate = start(move |realm| {
        realm.built_in.push(BuiltIn {
            name: "hanging",
            target: Arc::new(Hanging(said.clone())),
        });
        let hanging = UpstreamSpec::Local("hanging");
        realm.routes.push(RouteSpec {
            public: true,
            ..route("/hanging", hanging)
        });
    })
    .await;
    let mut client = TcpStream::connect(gate.addr).await.unwrap();
    let request = b"POST /hanging HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 2\r\n\r\n{}";
    client.write_all(request).await.unwrap();
    assert_eq!(says.recv().await, Some("called"));
    drop(client);
    assert_eq!(says.recv().await, Some("dropped"));
}
