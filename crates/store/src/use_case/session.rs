//! Sessions: how long they live, what they stand on, who sees and ends them. Each on both
//! engines.

use super::refresh::{PASSWORD, Person, next, refused, seconds, use_it, with, world};
use super::world::*;
use crate::conformance::fixture::tenant_id;
use doorward_base::ErrorCode;
use doorward_base::principal::CredentialId;
use doorward_identity::act::*;
use doorward_identity::decide::refusal::RefreshRefusal;
use doorward_identity::model::{Change, UserAgent};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{RefreshMode, SessionSettings};

pub(crate) async fn both_ends_of_a_session_are_kept(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.sessions = SessionSettings {
            absolute_ttl: seconds(1000),
            idle_ttl: Some(seconds(300)),
            refresh: RefreshMode::Rotate,
            ..settings.sessions
        };
    })
    .await;
    let idle = Person::sign_in(&world, "ada", None).await;
    assert_eq!(
        refused(&world.at(300), &idle.token).await,
        RefreshRefusal::SessionExpired
    );
    let busy = Person::again(&world, idle.id, "ada").await;
    let mut token = busy.token.clone();
    for at in [299, 598, 897] {
        let refreshed = use_it(&world.at(at), &token).await.unwrap();
        // No access token outlives either end.
        let left = (1000 - at).min(300);
        assert_eq!(refreshed.issued.expires_in, left, "{at}");
        token = refreshed.refresh_token;
    }
    assert_eq!(
        refused(&world.at(1000), &token).await,
        RefreshRefusal::SessionExpired
    );
    next(&world.at(999), &token).await;
}

pub(crate) async fn what_stands_behind_a_session_must_stand(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let again = || Person::again(&world, ada.id, "ada");
    let ended = again().await;
    sign_out(world.ctx(), &ended.caller()).await.unwrap();
    assert_eq!(
        refused(&world, &ended.token).await,
        RefreshRefusal::SessionEnded
    );
    // Of another realm it is nothing at all, and leaves no row.
    let other = world.other_realm("two").await;
    let rows = other.audit().await.len();
    assert_eq!(refused(&other, &ada.token).await, RefreshRefusal::Malformed);
    assert_eq!(other.audit().await.len(), rows);
    // Nor is another client's.
    let request = Refresh {
        client: Some(doorward_base::ClientId::from_bytes([1; 16])),
        ..with(&ada.token)
    };
    let stolen = refresh(world.ctx(), request).await;
    assert_eq!(reason(stolen), RefreshRefusal::OtherClient);
    // A disabled subject's sessions end; enabled again, they stay over.
    let disabled = again().await;
    for standing in [StatusChange::Disabled, StatusChange::Enabled] {
        let done = set_subject_status(world.ctx(), &OPERATOR, ada.id, standing).await;
        done.unwrap();
        assert_eq!(
            refused(&world, &disabled.token).await,
            RefreshRefusal::SessionEnded
        );
    }
    // A membership that ended takes its sessions along.
    world.tenant("acme").await;
    let bob = Person::sign_in(&world, "bob", Some("acme")).await;
    next(&world, &Person::again(&world, bob.id, "bob").await.token).await;
    end_membership(world.ctx(), &OPERATOR, bob.id, tenant_id("acme"))
        .await
        .unwrap();
    let refusal = refused(&world, &bob.token).await;
    assert!(
        matches!(
            refusal,
            RefreshRefusal::SessionEnded | RefreshRefusal::MembershipEnded
        ),
        "{refusal}"
    );
}

pub(crate) async fn a_person_sees_and_ends_its_own_sessions(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let second = Person::again(&world.at(1), ada.id, "ada").await;
    let third = Person::again(&world.at(2), ada.id, "ada").await;
    let eve = Person::sign_in(&world, "eve", None).await;
    let list = async |caller: &Caller, of| {
        let listed = list_sessions(world.at(3).ctx(), caller, of).await;
        listed.map(|all| all.iter().map(|one| one.id).collect::<Vec<_>>())
    };
    let all = vec![third.session, second.session, ada.session];
    assert_eq!(list(&ada.caller(), ada.id).await.unwrap(), all);
    assert_eq!(list(&OPERATOR, ada.id).await.unwrap(), all);
    assert_eq!(
        code(list(&eve.caller(), ada.id).await),
        ErrorCode::InsufficientPermission
    );
    let ending = end_session(world.ctx(), &eve.caller(), second.session).await;
    assert_eq!(code(ending), ErrorCode::NotFound);
    // Twice is no error.
    for _ in 0..2 {
        end_session(world.ctx(), &ada.caller(), second.session)
            .await
            .unwrap();
    }
    assert_eq!(
        refused(&world, &second.token).await,
        RefreshRefusal::SessionEnded
    );
    let before = world.last_change().await;
    let ended = end_other_sessions(world.ctx(), &ada.caller())
        .await
        .unwrap();
    assert_eq!(ended, [third.session]);
    assert_eq!(
        world.changes_after(before).await,
        [Change::Session(third.session)]
    );
    assert_eq!(list(&ada.caller(), ada.id).await.unwrap(), [ada.session]);
    next(&world, &eve.token).await;
    // What machines present manages no session.
    let token = world
        .mint(doorward_identity::model::TokenKind::Personal, ada.id)
        .await
        .token
        .id;
    let through_token = Caller::Subject {
        subject: ada.id,
        credential: CredentialId::ApiToken(token),
        carries: None,
    };
    assert_eq!(
        code(list(&through_token, ada.id).await),
        ErrorCode::InsufficientPermission
    );
    let ending = end_session(world.ctx(), &through_token, ada.session).await;
    assert_eq!(code(ending), ErrorCode::InsufficientPermission);
    let ending = end_other_sessions(world.ctx(), &through_token).await;
    assert_eq!(code(ending), ErrorCode::InsufficientPermission);
}

/// What is kept of how a session began, bounded and harmless.
pub(crate) async fn a_session_knows_how_it_began(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    let id = world.user_with_password("ada", PASSWORD, None).await;
    let request = SignIn {
        user_agent: UserAgent::clean("curl/8.5.0"),
        ..signing_in("ada@example.org", PASSWORD)
    };
    sign_in(world.ctx(), request).await.unwrap();
    let session = list_sessions(world.ctx(), &OPERATOR, id)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(session.user_agent.unwrap().as_str(), "curl/8.5.0");
    assert_eq!(session.address, world.call.peer);
    assert_eq!(session.steps.len(), 1);
    assert_eq!(session.steps[0].method.as_str(), "password");
    assert_eq!(session.aal.as_str(), "aal1");
    assert_eq!(session.refreshed_at, None);
}
