//! Realms and the questions of other proxies on listeners of their own.

use super::support::{Running, api_token, ask, listen_also, realm, start_with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_gate::policy::spec::RealmSpec;
use doorward_gate::{GateOptions, ListenerOptions, lower};
use std::net::SocketAddr;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A gate on the listeners 1 and 2.
async fn start_two(change: impl FnOnce(&mut RealmSpec)) -> (Running, SocketAddr) {
    let first = ListenerOptions {
        address: Some(address(1)),
        ..ListenerOptions::default()
    };
    let gate = start_with(first, GateOptions::default(), change).await;
    let second = listen_also(&gate, address(2)).await;
    (gate, second)
}

/// X1: whatever `Host` says, a realm is where its listeners are.
#[tokio::test]
async fn x1_a_realm_answers_on_its_own_listeners_alone() {
    for (listeners, first, second) in [
        (&[][..], 200, 200),
        (&[1], 200, 421),
        (&[2], 421, 200),
        (&[1, 2], 200, 200),
    ] {
        let listeners = listeners.iter().map(|port| address(*port)).collect();
        let (gate, other) = start_two(|realm| realm.listeners = listeners).await;
        assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, first);
        assert_eq!(ask(other, "GET /open/x", &[]).await.status, second);
    }
}

#[test]
fn an_authority_belongs_to_one_realm_on_each_listener() {
    let with = |name: &str, host: &str, ports: &[u16]| RealmSpec {
        name: name.parse().unwrap(),
        hosts: vec![host.into()],
        listeners: ports.iter().map(|port| address(*port)).collect(),
        ..realm(address(9))
    };
    for host in ["gate.test", "*"] {
        for (first, second, sound) in [
            (&[1][..], &[2][..], true),
            (&[1], &[1], false),
            (&[1, 2], &[2], false),
            (&[], &[1], false),
            (&[1], &[], false),
            (&[], &[], false),
        ] {
            let specs = vec![with("a", host, first), with("b", host, second)];
            assert_eq!(lower(specs).is_ok(), sound, "{host} {first:?} {second:?}");
        }
    }
}

/// A realm that is named elsewhere takes no name away from who takes the rest here.
#[tokio::test]
async fn who_takes_the_rest_of_a_listener_takes_what_is_named_on_others() {
    let (gate, other) = start_two(|_| {}).await;
    let named = RealmSpec {
        listeners: vec![address(1)],
        ..realm(address(9))
    };
    let mut rest = RealmSpec {
        name: "rest".parse().unwrap(),
        hosts: vec!["*".into()],
        listeners: vec![address(2)],
        ..realm(address(9))
    };
    rest.routes.retain(|route| route.path == "/open/**");
    rest.routes[0].path = "/rest".into();
    gate.gate.swap(lower(vec![named, rest]).unwrap());
    for (listener, path, wanted) in [
        (gate.addr, "/open/x", 200),
        (gate.addr, "/rest", 401),
        (other, "/rest", 200),
        (other, "/open/x", 401),
    ] {
        let answer = ask(listener, &format!("GET {path}"), &[]).await;
        assert_eq!(answer.status, wanted, "{listener} {path}");
    }
}

/// W3: a client that asks forward-auth itself is not told what only upstreams see.
#[tokio::test]
async fn w3_what_stands_for_basic_is_told_where_only_proxies_ask() {
    for own in [None, Some(address(2))] {
        let (gate, other) =
            start_two(|realm| realm.forward_auth.as_mut().unwrap().listener = own).await;
        let token = api_token(1);
        gate.world.know(&token);
        let pair = STANDARD.encode(format!("witboost:{token}"));
        let authorization = format!("Basic {pair}");
        let headers = [
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Uri", "/scoped/x"),
            ("Authorization", &*authorization),
        ];
        let public = ask(gate.addr, "GET /forward-auth", &headers).await;
        let by_proxies = ask(other, "GET /forward-auth", &headers).await;
        assert_eq!(by_proxies.status, 200);
        let converted = by_proxies.header("authorization").unwrap();
        if own.is_none() {
            assert_eq!(public.header("authorization"), Some(""));
            assert_eq!(converted, "");
            continue;
        }
        assert_eq!(converted, "Bearer minted.0.jwt");
        // It is nowhere else, and there is nothing else there.
        assert_eq!(public.code().0, 401);
        assert_eq!(ask(other, "GET /open/x", &[]).await.status, 421);
        assert_eq!(ask(gate.addr, "GET /open/x", &[]).await.status, 200);
    }
}
