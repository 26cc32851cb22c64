//! Tests of who may manage which client, and of what a client presents.

use super::super::manage::{Manager, Through};
use super::super::testing::*;
use super::*;
use crate::model::Client;
use doorward_base::ClientId;

const EDIT: &str = "platform.clients.edit";

fn caller(grants: &[Grant], member_of: &[&str]) -> ManagementCaller {
    ManagementCaller::Subject(Box::new(Manager {
        subject: id(1),
        through: Through::SignIn,
        grants: grants.to_vec(),
        member_of: member_of.iter().map(|name| tenant(name)).collect(),
        roles: vec![gives("reader", &["read"]), gives("writer", &["write"])],
        tenant_roles: Vec::new(),
        ceilings: Vec::new(),
    }))
}

/// An administrator of acme who may read there, and write in globex.
fn local() -> ManagementCaller {
    let grants = [
        has(EDIT, Some("acme")),
        has_role("reader", Some("acme")),
        has("write", Some("globex")),
    ];
    caller(&grants, &["acme", "globex"])
}

fn asking(caller: &ManagementCaller, ceiling: &Ceiling) -> Result<Ceiling, ManageRefusal> {
    create(&CreateInput {
        caller,
        name: "an application",
        redirect_uris: &[],
        ceiling,
        audiences: &[audience("https://api")],
    })
}

fn in_tenant(name: &str, permissions: &[&str]) -> Ceiling {
    Ceiling {
        tenant: Some(tenant(name)),
        ..up_to(permissions)
    }
}

#[test]
fn a_tenants_administrator_makes_clients_of_its_tenant_within_its_authority() {
    let local = local();
    let made = asking(&local, &in_tenant("acme", &["read"])).unwrap();
    assert_eq!(made.permissions, Some(permissions(&["read"])));
    assert_eq!(
        made.roles,
        Some(Vec::new()),
        "what was not named is not carried"
    );
    let mut with_role = in_tenant("acme", &[]);
    with_role.roles = Some(vec![role("reader")]);
    assert_eq!(
        asking(&local, &with_role).map(|one| one.roles),
        Ok(with_role.roles.clone())
    );
    with_role.roles = Some(vec![role("writer")]);
    let mut foreign_audience = in_tenant("acme", &[]);
    foreign_audience.audiences = Some(vec![audience("https://other")]);
    for (ceiling, expected) in [
        (
            in_tenant("acme", &["write"]),
            ManageRefusal::NotHeld("write".to_owned()),
        ),
        (with_role, ManageRefusal::NotHeld("writer".to_owned())),
        (
            in_tenant("globex", &["write"]),
            ManageRefusal::NotFound("tenant"),
        ),
        (in_tenant("nowhere", &[]), ManageRefusal::NotFound("tenant")),
        (
            up_to(&["read"]),
            ManageRefusal::NotRealmWide {
                needed: EDIT,
                caller: local.subject().unwrap(),
            },
        ),
        (foreign_audience, ManageRefusal::Invalid("audience")),
    ] {
        assert_eq!(asking(&local, &ceiling), Err(expected), "{ceiling:?}");
    }
    // Without a list it carries nothing, not everything.
    let unnamed = Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    };
    let made = asking(&local, &unnamed).unwrap();
    assert_eq!((made.permissions, made.roles), (Some(vec![]), Some(vec![])));
}

#[test]
fn the_realms_clients_are_the_realms() {
    let (local, operator) = (local(), ManagementCaller::Operator);
    let realm = caller(&[has(EDIT, None), has("read", None)], &[]);
    let nobody = caller(&[has("read", None)], &["acme"]);
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    for (caller, tenant, expected) in [
        (&local, Some(&acme), Ok(())),
        (
            &local,
            Some(&globex),
            Err(ManageRefusal::NotFound("client")),
        ),
        (&local, None, Err(ManageRefusal::NotFound("client"))),
        (&realm, Some(&globex), Ok(())),
        (&realm, None, Ok(())),
        (&operator, None, Ok(())),
        (&nobody, Some(&acme), Err(ManageRefusal::NotPermitted(EDIT))),
    ] {
        assert_eq!(may_handle(caller, tenant), expected, "{tenant:?}");
    }
    assert!(asking(&realm, &up_to(&["read"])).is_ok());
    let beyond = asking(&realm, &up_to(&["write"]));
    assert_eq!(beyond, Err(ManageRefusal::NotHeld("write".to_owned())));
    let made = asking(&operator, &Ceiling::default());
    assert_eq!(
        made,
        Ok(Ceiling::default()),
        "an operator's may be unbounded"
    );
}

#[test]
fn nobody_learns_a_secret_of_a_client_that_carries_more() {
    let (local, operator) = (local(), ManagementCaller::Operator);
    let with_roles = |mut ceiling: Ceiling, roles: &[&str]| {
        ceiling.roles = Some(roles.iter().map(|name| role(name)).collect());
        ceiling
    };
    let unbounded = Ceiling {
        tenant: Some(tenant("acme")),
        ..Ceiling::default()
    };
    for (ceiling, held) in [
        (with_roles(in_tenant("acme", &["read"]), &[]), true),
        (with_roles(in_tenant("acme", &["write"]), &[]), false),
        (with_roles(in_tenant("acme", &[]), &["writer"]), false),
        (in_tenant("acme", &["read"]), false),
        (with_roles(unbounded.clone(), &[]), false),
        (unbounded, false),
    ] {
        assert_eq!(may_learn(&local, &ceiling).is_ok(), held, "{ceiling:?}");
        assert_eq!(may_learn(&operator, &ceiling), Ok(()));
    }
}

#[test]
fn a_credential_manages_no_client() {
    let ManagementCaller::Subject(mut manager) = local() else {
        panic!("a subject");
    };
    manager.through = Through::ApiToken(doorward_base::ApiTokenId::from_bytes([3; 16]));
    let by_token = ManagementCaller::Subject(manager);
    let acme = tenant("acme");
    let handled = may_handle(&by_token, Some(&acme));
    assert_eq!(handled, Err(ManageRefusal::SessionNeeded));
    let made = asking(&by_token, &in_tenant("acme", &[]));
    assert_eq!(made, Err(ManageRefusal::SessionNeeded));
}

#[test]
fn redirect_uris_are_absolute_and_lead_to_the_application() {
    for good in [
        "https://app.example.org/callback",
        "https://app.example.org:8443/cb?x=1",
        "http://localhost:3000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:9/cb",
        "http://[::1]/cb",
        "org.example.app:/cb",
    ] {
        assert!(is_redirect_uri(good), "{good}");
    }
    let long = format!("https://a/{}", "x".repeat(MAX_URI));
    for bad in [
        "",
        "/callback",
        "//app.example.org/cb",
        "https:",
        "https:///cb",
        "https://:443/cb",
        "http://app.example.org/cb",
        "http://localhost.example.org/cb",
        "http://localhost@example.org/cb",
        "https://user@app.example.org/cb",
        "https://app.example.org/cb#x",
        "https://app.example.org/*",
        "https://app.example.org/a b",
        "https://app.example.org/\u{e9}",
        "https://app.example.org\\@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "HTTPS://app.example.org/cb",
        "org.example.app:",
        "org.example_app:/cb",
        "1.example.app:/cb",
        "http://localhost:x/cb",
        &long,
    ] {
        assert!(!is_redirect_uri(bad), "{bad}");
    }
    let many = vec!["https://a/".to_owned(); MAX_REDIRECT_URIS + 1];
    assert_eq!(check_redirect_uris(&many[1..]), Ok(()));
    let done = check_redirect_uris(&many);
    assert_eq!(done, Err(ManageRefusal::TooMany("redirect_uris")));
}

fn client(kind: ClientKind, state: ClientState) -> Client {
    Client {
        id: ClientId::from_bytes([1; 16]),
        name: "an application".to_owned(),
        kind,
        ceiling: Ceiling::default(),
        redirect_uris: Vec::new(),
        state,
        created_at: NOW,
        created_by: None,
    }
}

fn secret(n: u8, expires_at: Option<Timestamp>) -> ClientSecret {
    ClientSecret {
        digest: TokenDigest::from_bytes([n; 32]),
        created_at: NOW,
        expires_at,
        last_used_at: None,
        last_used_from: None,
    }
}

#[test]
fn either_secret_works_until_it_ends() {
    let end = NOW.plus(Duration::from_secs(10));
    let secrets = [secret(2, None), secret(1, Some(end))];
    let found = |kind, state| ClientDossier {
        client: client(kind, state),
        tenant_stands: true,
        secrets: secrets.to_vec(),
    };
    let active = found(ClientKind::Confidential, ClientState::Active);
    let digest = |n| TokenDigest::from_bytes([n; 32]);
    let before = NOW.plus(Duration::from_secs(9));
    for (presented, now, expected) in [
        (vec![digest(2)], before, Ok(secrets[0])),
        (vec![digest(9), digest(1)], before, Ok(secrets[1])),
        (vec![digest(1)], end, Err(ClientRefusal::Replaced)),
        (vec![digest(2)], end, Ok(secrets[0])),
        (vec![digest(3)], before, Err(ClientRefusal::WrongSecret)),
        (vec![], before, Err(ClientRefusal::WrongSecret)),
    ] {
        let done = authenticate(&active, &presented, now);
        assert_eq!(done, expected);
    }
    let revoked = found(ClientKind::Confidential, ClientState::Revoked { at: NOW });
    let orphan = ClientDossier {
        tenant_stands: false,
        ..active
    };
    let public = found(ClientKind::Public, ClientState::Active);
    for (dead, expected) in [
        (revoked, ClientRefusal::Revoked),
        (orphan, ClientRefusal::Revoked),
        (public, ClientRefusal::Public),
    ] {
        let done = authenticate(&dead, &[digest(2)], NOW);
        assert_eq!(done, Err(expected));
    }
}

#[test]
fn an_overlap_is_bounded() {
    assert_eq!(overlap_end(None, NOW), Ok(NOW.plus(OVERLAP)));
    assert_eq!(overlap_end(Some(Duration::ZERO), NOW), Ok(NOW));
    let longest = Duration::from_secs(30 * 86_400);
    assert_eq!(overlap_end(Some(longest), NOW), Ok(NOW.plus(longest)));
    let longer = overlap_end(Some(longest + Duration::from_secs(1)), NOW);
    assert_eq!(longer, Err(ManageRefusal::Invalid("overlap")));
}
