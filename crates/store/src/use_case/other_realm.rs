//! The other realm's tests: nothing of one realm means anything in another.

use super::action::{Action, Scene, all_but};
use super::world::*;
use crate::conformance::fixture::all;
use doorward_base::ErrorCode;
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal, UseRefusal};
use doorward_identity::model::TokenKind;
use doorward_identity::port::{AuditFilter, StoreHandle};
use doorward_identity::settings::Presentation;
use std::time::Duration;

pub(crate) async fn an_address_is_free_in_another_realm(store: StoreHandle) {
    let one = World::new(store).await;
    let two = one.other_realm("two").await;
    let ada_one = one.user_with_password("ada", "password one", None).await;
    let ada_two = two.user_with_password("ada", "password two", None).await;
    assert_ne!(ada_one, ada_two);
    let taken = new_user("ada", placement(None, &[]));
    let made = create_user(one.ctx(), &OPERATOR, taken).await;
    assert_eq!(code(made), ErrorCode::AlreadyExists);
    for (world, own, others) in [
        (&one, "password one", "password two"),
        (&two, "password two", "password one"),
    ] {
        let signed = sign_in(world.ctx(), signing_in("ada@example.org", own)).await;
        let signed = signed.unwrap();
        assert_eq!(claims(&signed.issued)["iss"], *world.realm.settings.issuer);
        let done = sign_in(world.ctx(), signing_in("ada@example.org", others)).await;
        assert_eq!(code(done), ErrorCode::SignInRefused);
    }
}

pub(crate) async fn a_token_is_none_in_another_realm(store: StoreHandle) {
    let one = World::new(store).await;
    let two = one.other_realm("two").await;
    let ada = one.user("ada", None, &[]).await;
    two.user("ada", None, &[]).await;
    let token = one.mint(TokenKind::Personal, ada).await;
    let done = exchange(two.ctx(), asking(&token.secret)).await;
    assert_eq!(reason(done), UseRefusal::Unknown);
    let done = introspect(two.ctx(), &token.secret, &Presentation::Basic).await;
    assert_eq!(reason(done), UseRefusal::Unknown);
    let request = InternalRequest {
        token: token.token.id,
        via: Presentation::Basic,
        audience: "https://upstream.example".parse().unwrap(),
        scopes: vec![],
        ttl: Duration::from_secs(60),
    };
    let done = mint_internal(two.ctx(), request).await;
    assert_eq!(reason(done), UseRefusal::Unknown);
    let missing = TokenRefusal::from(ManageRefusal::NotFound("token"));
    for named in [
        TokenRef::Id(token.token.id),
        TokenRef::Secret(token.secret.clone()),
    ] {
        let done = revoke_token(two.ctx(), &OPERATOR, named.clone()).await;
        assert_eq!(reason(done), missing);
        let request = RegenerateToken {
            token: named,
            expires_at: None,
            overlap: None,
        };
        let done = regenerate_token(two.ctx(), &OPERATOR, request).await;
        assert_eq!(reason(done), missing);
    }
    let listed = list_tokens(two.ctx(), &OPERATOR, None, all()).await;
    assert_eq!(listed.unwrap().tokens, []);
    let issued = exchange(one.ctx(), asking(&token.secret)).await.unwrap();
    let kid = decoded(&issued.jwt).0["kid"].as_str().unwrap().to_owned();
    assert!(one.realm.keyring().inbound().find(&kid).is_some());
    assert!(two.realm.keyring().inbound().find(&kid).is_none());
}

pub(crate) async fn a_caller_is_nobody_in_another_realm(store: StoreHandle) {
    let one = World::new(store).await;
    let two = one.other_realm("two").await;
    let scene = Scene::set(&two, "acme").await;
    let admin = one.person("admin", None, &all_but(&[])).await;
    for action in Action::ALL {
        let done = scene.run(&two, &admin.caller, action).await;
        assert_eq!(done, Err(ErrorCode::TokenInvalid), "{action:?}");
    }
    // Even an operator of one realm finds nothing of the other there.
    let found = find_subject(one.ctx(), &OPERATOR, scene.member).await;
    assert_eq!(code(found), ErrorCode::NotFound);
    let filter = AuditFilter {
        subject: Some(scene.member),
        ..AuditFilter::default()
    };
    let rows = list_audit(one.ctx(), &OPERATOR, filter, all()).await;
    assert_eq!(rows.unwrap().rows, []);
}
