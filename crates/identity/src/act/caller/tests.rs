//! What a credential carries when it manages: all of a person's own sign-in, and of
//! everything else what it names.

use super::*;
use doorward_base::claims::ClaimPlaces;
use doorward_base::principal::{Acting, ActorLink, Epoch, PrincipalParts, Selected};
use doorward_base::{ApiTokenId, ClientId, Scope, SessionId, SubjectKind};
use std::sync::Arc;

fn parts(credential: CredentialId) -> PrincipalParts {
    PrincipalParts {
        sub: "ada".into(),
        subject: Some(SubjectId::from_bytes([1; 16])),
        kind: SubjectKind::User,
        tenant: None,
        permissions: vec![],
        roles: vec![],
        role: None,
        scopes: vec![Scope::new("read").unwrap()],
        lost_role: None,
        crosses: false,
        credential,
        client: None,
        actors: vec![],
        environment: None,
        issuer: "https://here.test".into(),
        audience: vec![],
        expires_at: Timestamp::MAX,
        epoch: Epoch(0),
        claims: Arc::default(),
    }
}

#[test]
fn only_a_sign_in_of_ones_own_carries_everything() {
    let token = CredentialId::ApiToken(ApiTokenId::from_bytes([2; 16]));
    let session = CredentialId::Session(SessionId::from_bytes([3; 16]));
    let client = ClientId::from_bytes([4; 16]);
    let actor = ActorLink {
        sub: "bot".into(),
        subject: SubjectId::from_bytes([5; 16]),
        kind: SubjectKind::Service,
        credential: token,
        epoch: Epoch(0),
    };
    let read = || Some(vec![Permission::new("read").unwrap()]);
    for (parts, carries) in [
        (parts(session), None),
        (parts(token), read()),
        (parts(CredentialId::Client(client)), read()),
        (parts(CredentialId::Foreign), read()),
        (
            PrincipalParts {
                client: Some(client),
                ..parts(session)
            },
            read(),
        ),
        (
            PrincipalParts {
                actors: vec![actor.clone()],
                ..parts(session)
            },
            Some(vec![]),
        ),
        (
            PrincipalParts {
                actors: vec![actor],
                ..parts(token)
            },
            Some(vec![]),
        ),
        (
            PrincipalParts {
                scopes: vec![],
                ..parts(token)
            },
            Some(vec![]),
        ),
    ] {
        let principal = Principal::new(parts);
        let caller = Caller::from_principal(&principal);
        let expected = Caller::Subject {
            subject: SubjectId::from_bytes([1; 16]),
            credential: principal.credential,
            carries,
        };
        assert_eq!(caller, Some(expected), "{principal:?}");
    }
    let nobody = Principal::new(PrincipalParts {
        subject: None,
        ..parts(session)
    });
    assert_eq!(Caller::from_principal(&nobody), None);
}

/// Who selects a role for a request manages by it, and not by all that the session holds.
#[test]
fn a_selected_role_narrows_what_a_session_manages() {
    let session = CredentialId::Session(SessionId::from_bytes([3; 16]));
    let permissions = |names: &[&str]| -> Vec<Permission> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let whole = Principal::new(PrincipalParts {
        permissions: permissions(&["platform.users.edit", "read"]),
        ..parts(session)
    });
    let (role, gives) = ("reader".parse().unwrap(), permissions(&["read"]));
    let selected = Selected {
        role: &role,
        gives: &gives,
    };
    let tenant = "globex".parse().unwrap();
    let acting = |role, tenant| {
        whole.acting(&Acting {
            role,
            tenant,
            places: &ClaimPlaces::default(),
        })
    };
    for (role, carried) in [(Some(selected), Some(gives.clone())), (None, None)] {
        let caller = Caller::from_principal(&acting(role, Some(&tenant)));
        let Some(Caller::Subject { carries, .. }) = caller else {
            panic!("it is a subject");
        };
        assert_eq!(carries, carried);
    }
}
