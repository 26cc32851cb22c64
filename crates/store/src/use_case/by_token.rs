//! Sessions that an API token began: what they carry, what they may not, and when they end.
//! Each on both engines.

use super::refresh::{next, refused, use_it, world as refreshing};
use super::world::*;
use crate::conformance::fixture::tenant_id;
use doorward_base::Effect;
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, RefreshRefusal, TokenRefusal, UseRefusal};
use doorward_identity::model::{Actor, AuditAction, Change, Outcome, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{DefaultScopes, Presentation, RefreshMode};
use serde_json::json;
use std::time::Duration;

async fn world(store: StoreHandle) -> World {
    refreshing(store, RefreshMode::Rotate, 0).await
}

async fn begin(world: &World, token: &MintedToken) -> Result<SignedIn, Failure<UseRefusal>> {
    let request = SignInByToken {
        token: token.secret.clone(),
        user_agent: None,
    };
    sign_in_by_token(world.ctx(), request).await
}

/// DX-47, DX-50.
pub(crate) async fn a_token_begins_sessions_that_refresh(store: StoreHandle) {
    let world = world(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let [one, other] = [
        begin(&world, &token).await.unwrap(),
        begin(&world, &token).await.unwrap(),
    ];
    assert_ne!(one.session, other.session);
    assert_eq!(one.subject.id, ada);
    let row = world.last_audit().await.event;
    assert_eq!(
        (row.action, row.outcome),
        (AuditAction::TokenExchange, Outcome::Success)
    );
    assert_eq!(
        (row.token, row.session),
        (Some(token.token.id), Some(other.session))
    );
    assert_eq!((row.actor, row.subject), (Actor::Subject(ada), Some(ada)));
    let mut refresh_token = one.refresh_token.unwrap();
    for at in 1..3 {
        refresh_token = next(&world.at(at), &refresh_token).await;
    }
    // Each credential is good in its own place alone.
    assert_eq!(
        refused(&world, &token.secret).await,
        RefreshRefusal::Malformed
    );
    let wrong = SignInByToken {
        token: refresh_token,
        user_agent: None,
    };
    let done = sign_in_by_token(world.ctx(), wrong).await;
    assert_eq!(reason(done), UseRefusal::Malformed);
}

/// What it carries is within the token's ceiling, after a refresh too.
pub(crate) async fn such_a_session_carries_no_more_than_its_token(store: StoreHandle) {
    let world = world(store).await;
    let world = world.reconfigured(|settings| {
        settings.tokens.default_scopes = DefaultScopes::All;
    });
    world.tenant("acme").await;
    let ada = world.user("ada", Some("acme"), &["read", "write"]).await;
    let new = CreateToken {
        ceiling: ceiling(Some("acme"), &["read"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let token = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let begun = begin(&world, &token).await.unwrap();
    assert_eq!(begun.issued.tenant, Some(tenant_id("acme")));
    assert_eq!(claims(&begun.issued)["scope"], "read");
    let refreshed = use_it(&world, &begun.refresh_token.unwrap()).await.unwrap();
    assert_eq!(refreshed.issued.tenant, Some(tenant_id("acme")));
    assert_eq!(claims(&refreshed.issued)["scope"], "read");
}

/// No credential gives itself a successor.
pub(crate) async fn such_a_session_manages_no_credentials(store: StoreHandle) {
    let world = world(store).await;
    let ada = world.person("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada.id).await;
    let begun = begin(&world, &token).await.unwrap();
    let caller = caller_of(&begun);
    let new = new_token(TokenKind::Personal, OwnerRef::Subject(ada.id));
    let needed = || TokenRefusal::Manage(ManageRefusal::SessionNeeded);
    let made = create_token(world.ctx(), &caller, new.clone()).await;
    assert_eq!(reason(made), needed());
    let id = TokenRef::Id(token.token.id);
    let revoked = revoke_token(world.ctx(), &caller, id).await;
    assert_eq!(reason(revoked), needed());
    let others = end_other_sessions(world.ctx(), &caller).await;
    assert_eq!(reason(others), ManageRefusal::SessionNeeded);
    let listed = list_sessions(world.ctx(), &caller, ada.id).await;
    assert_eq!(reason(listed), ManageRefusal::SessionNeeded);
    // It looks at itself, and ends itself.
    load_profile(world.ctx(), &caller, ada.id).await.unwrap();
    sign_out(world.ctx(), &caller).await.unwrap();
    // A sign-in of its person's own does all of it.
    create_token(world.ctx(), &ada.caller, new).await.unwrap();
}

/// DX-34: with what revokes the token, and no other session.
pub(crate) async fn such_a_session_ends_with_its_token(store: StoreHandle) {
    let world = world(store).await;
    let ada = world.person("ada", None, &[]).await;
    let [token, other] = [
        world.mint(TokenKind::Personal, ada.id).await,
        world.mint(TokenKind::Personal, ada.id).await,
    ];
    let begun = begin(&world, &token).await.unwrap();
    let kept = begin(&world, &other).await.unwrap();
    let before = world.last_change().await;
    let id = TokenRef::Id(token.token.id);
    revoke_token(world.ctx(), &ada.caller, id).await.unwrap();
    let changes = world.changes_after(before).await;
    assert!(
        changes.contains(&Change::Session(begun.session)),
        "{changes:?}"
    );
    assert!(
        !changes.contains(&Change::Session(kept.session)),
        "{changes:?}"
    );
    assert_eq!(world.effects.strongest(), Some(Effect::Ends));
    let token = begun.refresh_token.clone().unwrap();
    assert_eq!(refused(&world, &token).await, RefreshRefusal::SessionEnded);
    let gone = load_profile(world.ctx(), &caller_of(&begun), ada.id).await;
    assert_eq!(reason(gone), ManageRefusal::SessionEnded);
    next(&world, &kept.refresh_token.unwrap()).await;
    load_profile(world.ctx(), &ada.caller, ada.id)
        .await
        .unwrap();
}

/// Where nothing ended the session itself, its token still has to work.
pub(crate) async fn such_a_session_is_refreshed_while_its_token_works(store: StoreHandle) {
    let world = world(store).await;
    let world = world.reconfigured(|settings| {
        for class in &mut settings.classes {
            class.grace = Duration::from_secs(60);
        }
    });
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let begun = begin(&world, &token).await.unwrap();
    let replace = RegenerateToken {
        token: TokenRef::Id(token.token.id),
        expires_at: None,
        overlap: None,
    };
    regenerate_token(world.ctx(), &OPERATOR, replace)
        .await
        .unwrap();
    let again = next(&world.at(59), &begun.refresh_token.unwrap()).await;
    assert_eq!(
        refused(&world.at(60), &again).await,
        RefreshRefusal::TokenEnded
    );
    // And a session ends no later than its token.
    let new = CreateToken {
        expires_at: Some(after(100)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let short = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let begun = begin(&world.at(40), &short).await.unwrap();
    assert_eq!(begun.issued.expires_in, 60);
    let token = begun.refresh_token.unwrap();
    let last = next(&world.at(99), &token).await;
    assert_eq!(
        refused(&world.at(100), &last).await,
        RefreshRefusal::SessionExpired
    );
    assert_eq!(
        reason(begin(&world.at(100), &short).await),
        UseRefusal::Expired
    );
}

/// A class that is not exchanged begins nothing, nor does a dead token.
pub(crate) async fn each_dead_token_begins_nothing(store: StoreHandle) {
    let world = world(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let bearers = world.reconfigured(|settings| {
        for class in &mut settings.classes {
            class.presentations = vec![Presentation::Bearer];
        }
    });
    assert_eq!(
        reason(begin(&bearers, &token).await),
        UseRefusal::Presentation
    );
    let row = world.last_audit().await.event;
    assert_eq!((row.token, row.session), (Some(token.token.id), None));
    revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(token.token.id))
        .await
        .unwrap();
    assert_eq!(reason(begin(&world, &token).await), UseRefusal::Revoked);
}

/// Whoever holds a refresh token ends its session, and no other.
pub(crate) async fn a_refresh_token_ends_its_session(store: StoreHandle) {
    let world = world(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let [one, other] = [
        begin(&world, &token).await.unwrap(),
        begin(&world, &token).await.unwrap(),
    ];
    let secret = one.refresh_token.unwrap();
    for _ in 0..2 {
        sign_out_by_refresh_token(world.ctx(), &secret)
            .await
            .unwrap();
        let row = world.last_audit().await.event;
        assert_eq!(
            (row.action, row.session),
            (AuditAction::SignOut, Some(one.session))
        );
    }
    assert_eq!(refused(&world, &secret).await, RefreshRefusal::SessionEnded);
    next(&world, &other.refresh_token.unwrap()).await;
    let rows = world.audit().await.len();
    let unknown = sign_out_by_refresh_token(world.ctx(), &token.secret).await;
    assert_eq!(reason(unknown), RefreshRefusal::Malformed);
    assert_eq!(world.audit().await.len(), rows);
}

/// A token in a body is checked as the gate checks one in a header.
pub(crate) async fn an_access_token_is_checked_with_what_it_stands_on(store: StoreHandle) {
    let world = world(store).await;
    let world = world.reconfigured(|settings| {
        settings.tokens.audiences = vec!["https://api.example".parse().unwrap()];
    });
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let begun = begin(&world, &token).await.unwrap();
    let jwt = &begun.issued.jwt;
    let checked = check_token(world.ctx(), jwt).await.unwrap();
    assert_eq!(checked.claims["sub"], json!(ada.to_string()));
    assert_eq!(checked.expires_at, begun.issued.expires_at);
    let exchanged = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    check_token(world.ctx(), &exchanged.jwt).await.unwrap();
    let late = world.at(300);
    assert_eq!(
        reason(check_token(late.ctx(), jwt).await),
        UseRefusal::Expired
    );
    for wrong in [
        format!("{}A", jwt.expose()),
        "a.b.c".to_owned(),
        token.secret.expose().to_owned(),
    ] {
        let done = check_token(world.ctx(), &secret(&wrong)).await;
        assert_eq!(reason(done), UseRefusal::Malformed, "{wrong}");
    }
    let other = world.other_realm("two").await;
    let done = check_token(other.ctx(), jwt).await;
    assert!(matches!(
        reason(done),
        UseRefusal::Unknown | UseRefusal::Malformed
    ));
    sign_out(world.ctx(), &caller_of(&begun)).await.unwrap();
    assert_eq!(
        reason(check_token(world.ctx(), jwt).await),
        UseRefusal::Revoked
    );
    check_token(world.ctx(), &exchanged.jwt).await.unwrap();
    revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(token.token.id))
        .await
        .unwrap();
    let done = check_token(world.ctx(), &exchanged.jwt).await;
    assert_eq!(reason(done), UseRefusal::Revoked);
}
