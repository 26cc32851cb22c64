//! Lowering names every contradiction, and the dry run decides as the gate does.

use super::support::{mount, realm, route, scope};
use doorward_base::principal::{CredentialId, Epoch, PrincipalParts};
use doorward_base::{ErrorCode, Principal, RealmName, SubjectKind, Timestamp};
use doorward_gate::policy::spec::{
    CorsSpec, CredentialKind, MountAccess, MountSpec, Origins, RealmSpec, RouteSpec, UpstreamSpec,
};
use doorward_gate::{DryRun, dry_run, lower};
use http::Method;
use serde_json::json;
use std::sync::Arc;

fn spec() -> RealmSpec {
    realm("127.0.0.1:1".parse().unwrap())
}

fn problems(change: impl FnOnce(&mut RealmSpec)) -> Vec<String> {
    let mut spec = spec();
    change(&mut spec);
    let errors = lower(vec![spec]).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn with_route(route: RouteSpec) -> Vec<String> {
    problems(|spec| spec.routes.push(route))
}

#[test]
fn what_is_stated_is_accepted() {
    assert_eq!(problems(|_| {}), Vec::<String>::new());
    // A mount inside a broader route is more specific, and wins.
    assert!(with_route(route("/**", UpstreamSpec::Echo)).is_empty());
}

#[test]
fn a_method_that_is_never_served_cannot_be_named() {
    for (method, sound) in [
        ("PROPFIND", true),
        ("QUERY", true),
        ("TRACE", false),
        ("CONNECT", false),
    ] {
        let mut route = route("/dav", UpstreamSpec::Echo);
        route.methods = vec![method.parse().unwrap()];
        let found = with_route(route);
        assert_eq!(found.is_empty(), sound, "{method}: {found:?}");
    }
}

#[test]
fn g30_routes_that_cannot_be_told_apart_are_errors() {
    for (path, wanted) in [
        ("/api/**", "/api/** and /api/** match the same paths"),
        ("/{x}/b", "overlap and neither is more specific"),
        ("/me/x", "route /me/x lies inside /me/** (mount telling)"),
        ("/me/**", "match the same paths"),
        ("/a/../b", "canonical form"),
        ("api", "begins with /"),
        ("/a/**/b", "a segment is literal"),
    ] {
        let found = with_route(route(path, UpstreamSpec::Echo));
        assert!(
            found.iter().any(|problem| problem.contains(wanted)),
            "{path}: {found:?}"
        );
        assert!(
            found
                .iter()
                .all(|problem| problem.starts_with("realm test: "))
        );
    }
    let get = RouteSpec {
        methods: vec![Method::POST],
        ..route("/get-only", UpstreamSpec::Echo)
    };
    assert!(
        with_route(get).is_empty(),
        "methods apart are no contradiction"
    );
    let twice = problems(|spec| spec.mounts.push(mount("/me/**", MountAccess::Open)));
    assert_eq!(twice.len(), 1, "{twice:?}");
}

#[test]
fn routes_that_could_not_work_are_errors() {
    let upstream = |base: &str| UpstreamSpec::Http {
        base: base.parse().unwrap(),
        strip_prefix: None,
        preserve_host: false,
        tls: None,
    };
    for (broken, wanted) in [
        (route("/n", upstream("https://u")), "https without them"),
        (route("/n", upstream("/path")), "not of the form"),
        (
            route("/n", upstream("http://u/?q")),
            "must not have a query",
        ),
        (
            RouteSpec {
                credentials: vec![],
                ..route("/n", UpstreamSpec::Echo)
            },
            "accepts no kind of credential",
        ),
        (
            RouteSpec {
                basic: Some("uii".into()),
                ..route("/n", UpstreamSpec::Echo)
            },
            "names the basic module \"uii\"",
        ),
    ] {
        let found = with_route(broken);
        assert!(
            found.len() == 1 && found[0].contains(wanted),
            "{wanted}: {found:?}"
        );
    }
}

#[test]
fn realms_do_not_share_hosts_and_issuers_are_not_open() {
    let mut other = spec();
    other.name = RealmName::new("other").unwrap();
    other.hosts = vec!["GATE.test".into(), "*".into()];
    let errors = lower(vec![spec(), other]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        errors[0].to_string(),
        "realm other: host \"GATE.test\" belongs to realm test already"
    );
    assert!(problems(|spec| spec.hosts.clear())[0].contains("hosts is empty"));
    assert!(problems(|spec| spec.issuers[0].audiences.clear())[0].contains("no audience"));
    assert!(problems(|spec| spec.issuers[0].algorithms.clear())[0].contains("no algorithm"));
    let twice = problems(|spec| {
        let issuer = spec.issuers[0].clone();
        spec.issuers.push(issuer);
    });
    assert!(twice[0].contains("is there twice"), "{twice:?}");
    let keys = problems(|spec| {
        let set = json!({"keys": [{"kty": "oct", "k": "AA"}, {"kty": "EC"}]});
        spec.issuers[0].keys = doorward_gate::policy::spec::KeySource::Static(set);
    });
    assert!(keys[0].contains("key set is not acceptable"), "{keys:?}");
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let policies = lower(vec![spec()]).unwrap();
    let name = RealmName::new("test").unwrap();
    let principal = |scopes: &[&str]| Some(holding(scopes));
    for (path, who, wanted, check) in [
        ("/scoped/x", principal(&["service:x"]), None, "permitted"),
        (
            "/scoped/x",
            principal(&[]),
            Some(ErrorCode::InsufficientScope),
            "scope_any",
        ),
        (
            "/scoped/x",
            None,
            Some(ErrorCode::CredentialMissing),
            "credential",
        ),
        (
            "/nowhere",
            principal(&[]),
            Some(ErrorCode::RouteUnknown),
            "path",
        ),
        (
            "/nowhere",
            None,
            Some(ErrorCode::CredentialMissing),
            "credential",
        ),
        (
            "/scoped/../x",
            None,
            Some(ErrorCode::PathAmbiguous),
            "dot_segment",
        ),
        ("/open/x", None, None, "permitted"),
    ] {
        let run = DryRun {
            realm: &name,
            method: &Method::POST,
            path,
            secure: true,
            principal: who,
            credential: CredentialKind::Jwt,
            role: None,
            tenant: None,
        };
        let outcome = dry_run(&policies, &run).unwrap();
        assert_eq!((outcome.code, outcome.check), (wanted, check), "{path}");
    }
    for (path, wanted) in [
        ("/scoped/x", None),
        ("/ui/x", Some(ErrorCode::TokenInvalid)),
        ("/api/x", Some(ErrorCode::TokenInvalid)),
    ] {
        let run = DryRun {
            realm: &name,
            method: &Method::POST,
            path,
            secure: true,
            principal: principal(&["service:x"]),
            credential: CredentialKind::Basic,
            role: None,
            tenant: None,
        };
        assert_eq!(dry_run(&policies, &run).unwrap().code, wanted, "{path}");
    }
    let nobody = RealmName::new("nobody").unwrap();
    let run = DryRun {
        realm: &nobody,
        method: &Method::GET,
        path: "/",
        secure: true,
        principal: None,
        credential: CredentialKind::Jwt,
        role: None,
        tenant: None,
    };
    assert!(dry_run(&policies, &run).is_none());
}

#[test]
fn mounts_that_contradict_themselves_are_errors() {
    let changed = |access: MountAccess, change: fn(&mut MountSpec)| {
        let mut spec = mount("/n", access);
        change(&mut spec);
        problems(|realm| realm.mounts.push(spec))
    };
    let any_origin = |spec: &mut MountSpec| {
        spec.cors = Some(CorsSpec {
            origins: Origins::Any,
            ..CorsSpec::listed(vec![])
        });
    };
    let sign_in = || MountAccess::Required(vec![CredentialKind::Session]);
    for (found, wanted) in [
        (
            changed(MountAccess::Optional(vec![]), |_| {}),
            "accepts no kind of credential",
        ),
        (
            changed(MountAccess::Required(vec![CredentialKind::Basic]), |_| {}),
            "belongs to routes",
        ),
        (changed(sign_in(), |_| {}), "names a cookie"),
        (
            changed(MountAccess::Open, |spec| spec.cookie = Some("s".into())),
            "names a cookie",
        ),
        (changed(MountAccess::Open, any_origin), "every origin"),
    ] {
        assert!(
            found.len() == 1 && found[0].contains(wanted),
            "{wanted}: {found:?}"
        );
    }
    let cookie = |spec: &mut MountSpec| spec.cookie = Some("s".into());
    assert_eq!(changed(sign_in(), cookie), Vec::<String>::new());
    let route = RouteSpec {
        credentials: vec![CredentialKind::Jwt, CredentialKind::Client],
        ..route("/n", UpstreamSpec::Echo)
    };
    let found = with_route(route);
    assert!(found[0].contains("verified at mounts alone"), "{found:?}");
}

/// Each kind of access against each kind of credential.
#[test]
fn a_mount_decides_by_the_kinds_it_names() {
    use CredentialKind::{ApiToken, Client, Jwt, Session};
    let mut realm = spec();
    let named = |path, access| MountSpec {
        cookie: Some("s".to_owned()).filter(|_| path == "/n/required"),
        ..mount(path, access)
    };
    realm.mounts = vec![
        named("/n/open", MountAccess::Open),
        named("/n/required", MountAccess::Required(vec![Jwt, Session])),
        named("/n/optional", MountAccess::Optional(vec![ApiToken, Client])),
    ];
    let policies = lower(vec![realm]).unwrap();
    let name = RealmName::new("test").unwrap();
    let (pass, invalid, missing) = (
        None,
        Some(ErrorCode::TokenInvalid),
        Some(ErrorCode::CredentialMissing),
    );
    for (path, by_nobody, by) in [
        (
            "/n/open",
            pass,
            [
                (Jwt, pass),
                (ApiToken, pass),
                (Client, pass),
                (Session, pass),
            ],
        ),
        (
            "/n/required",
            missing,
            [
                (Jwt, pass),
                (ApiToken, invalid),
                (Client, invalid),
                (Session, pass),
            ],
        ),
        (
            "/n/optional",
            pass,
            [
                (Jwt, invalid),
                (ApiToken, pass),
                (Client, pass),
                (Session, invalid),
            ],
        ),
    ] {
        let mut cases = vec![(None, Jwt, by_nobody)];
        cases.extend(by.map(|(kind, wanted)| (Some(somebody()), kind, wanted)));
        for (principal, credential, wanted) in cases {
            let run = DryRun {
                realm: &name,
                method: &Method::POST,
                path,
                secure: true,
                principal,
                credential,
                role: None,
                tenant: None,
            };
            let outcome = dry_run(&policies, &run).unwrap();
            assert_eq!(outcome.code, wanted, "{path} {credential:?}");
        }
    }
}

fn somebody() -> Arc<Principal> {
    holding(&[])
}

fn holding(scopes: &[&str]) -> Arc<Principal> {
    Arc::new(Principal::new(PrincipalParts {
        sub: "s".into(),
        subject: None,
        kind: SubjectKind::External,
        tenant: None,
        permissions: vec![],
        roles: vec![],
        role: None,
        scopes: scopes.iter().map(|text| scope(text)).collect(),
        lost_role: None,
        crosses: true,
        credential: CredentialId::Foreign,
        client: None,
        actors: Vec::new(),
        environment: None,
        issuer: "i".into(),
        audience: vec![],
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::default(),
    }))
}
