//! Presenting a token itself, and converting it for an upstream.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::principal::CredentialId;
use doorward_base::{ApiTokenId, Permission, Timestamp};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::UseRefusal;
use doorward_identity::model::{Actor, AuditAction, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::Presentation;
use serde_json::Value;
use std::time::Duration;

pub(crate) async fn a_principal_holds_owner_and_ceiling(store: StoreHandle) {
    let world = World::new(store).await;
    let bot = world.service("bot", Some("acme"), &["read", "write"]).await;
    let new = CreateToken {
        ceiling: ceiling(None, &["write", "never-held"]),
        expires_at: Some(after(50)),
        ..new_token(TokenKind::Service, OwnerRef::Subject(bot))
    };
    let token = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let before = world.audit().await.len();
    let seen = introspect(world.ctx(), &token.secret, &Presentation::Basic).await;
    let seen = seen.unwrap();
    let principal = seen.principal;
    assert_eq!(seen.kind, TokenKind::Service);
    assert_eq!(seen.class.as_str(), "access");
    assert_eq!(principal.subject, Some(bot));
    assert_eq!(principal.sub.as_ref(), bot.to_string());
    assert_eq!(principal.tenant, Some(tenant_id("acme")));
    assert_eq!(principal.permissions, permissions_of(&["write"]));
    assert_eq!(principal.scopes.len(), 1);
    assert_eq!(principal.credential, CredentialId::ApiToken(token.token.id));
    assert_eq!(principal.expires_at, after(50));
    assert_eq!(
        principal.epoch,
        world.epoch(bot, Some(&tenant_id("acme"))).await
    );
    assert_eq!(world.audit().await.len(), before);
}

pub(crate) async fn a_presentation_is_the_classs(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let header = |name: &str| Presentation::Header(name.to_owned());
    let open = vec![Presentation::Bearer, header("x-key")];
    let world = world.reconfigured(|settings| settings.classes[0].presentations = open);
    for (via, accepted) in [
        (Presentation::Bearer, true),
        (header("x-key"), true),
        (header("x-other"), false),
        (Presentation::Query("x-key".to_owned()), false),
        (Presentation::Basic, false),
        (Presentation::Exchange, false),
    ] {
        let seen = introspect(world.ctx(), &token.secret, &via).await;
        if accepted {
            assert_eq!(seen.unwrap().principal.expires_at, Timestamp::MAX);
            continue;
        }
        assert_eq!(reason(seen), UseRefusal::Presentation, "{via:?}");
        let event = world.last_audit().await.event;
        assert_eq!(event.action, AuditAction::TokenPresent);
        assert_eq!(event.token, Some(token.token.id));
    }
}

/// Anybody could fill the log otherwise.
pub(crate) async fn a_made_up_token_leaves_no_row(store: StoreHandle) {
    let world = World::new(store).await;
    let before = world.audit().await.len();
    let format = &world.realm.settings.classes[0].format;
    let unknown = format.mint(None, &*world.identity.entropy);
    for (text, refusal) in [
        (unknown.expose(), UseRefusal::Unknown),
        ("pat-0", UseRefusal::Malformed),
    ] {
        let seen = introspect(world.ctx(), &secret(text), &Presentation::Basic).await;
        assert_eq!(reason(seen), refusal);
    }
    assert_eq!(world.audit().await.len(), before);
}

fn for_upstream(token: ApiTokenId, scopes: &[&str]) -> InternalRequest {
    InternalRequest {
        token,
        via: Presentation::Basic,
        audience: "https://upstream.example".parse().unwrap(),
        scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        ttl: Duration::from_secs(60),
    }
}

pub(crate) async fn an_internal_jwt_carries_what_owner_and_module_share(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &["read", "write", "rest"]).await;
    let new = CreateToken {
        ceiling: ceiling(None, &["read", "write"]),
        expires_at: Some(after(100)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let token = create_token(world.ctx(), &OPERATOR, new)
        .await
        .unwrap()
        .token
        .id;
    let plain: &[&str] = &[];
    for (module, expected) in [
        (plain, ""),
        (&["read"], "read"),
        (&["rest"], ""),
        (&["other", "write", "read"], "read write"),
    ] {
        let issued = mint_internal(world.ctx(), for_upstream(token, module)).await;
        let Internal { issued, principal } = issued.unwrap();
        // What the gate is told is what the upstream is told.
        assert_eq!(principal.scopes, issued.scopes);
        let held: Vec<&str> = principal
            .permissions
            .iter()
            .map(Permission::as_str)
            .collect();
        assert_eq!(held.join(" "), expected, "{module:?}");
        assert_eq!(scope_texts(&issued).join(" "), expected, "{module:?}");
        let (header, claims) = decoded(&issued.jwt);
        assert_eq!(header["typ"], INTERNAL_TYP);
        assert_eq!(claims["aud"], "https://upstream.example");
        assert_eq!(claims["sub"], ada.to_string());
        // Signed by a key that is published, and that opens nothing here.
        let kid = header["kid"].as_str().unwrap();
        let keyring = world.realm.keyring();
        assert!(keyring.inbound().find(kid).is_none());
        let published: Vec<&Value> = keyring.jwks()["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| &key["kid"])
            .collect();
        assert!(published.contains(&&header["kid"]));
    }
    let late = world.at(90);
    let issued = mint_internal(late.ctx(), for_upstream(token, &[])).await;
    assert_eq!(issued.unwrap().issued.expires_in, 10);
    let event = world.last_audit().await.event;
    assert_eq!(event.action, AuditAction::TokenPresent);
    assert_eq!(event.actor, Actor::Subject(ada));
    assert_eq!(event.detail["upstream"], "https://upstream.example");
}

pub(crate) async fn an_internal_jwt_needs_a_live_token(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await.token.id;
    let mut bearer = for_upstream(token, &[]);
    bearer.via = Presentation::Bearer;
    let done = mint_internal(world.ctx(), bearer).await;
    assert_eq!(reason(done), UseRefusal::Presentation);
    let unknown = for_upstream(ApiTokenId::from_bytes([1; 16]), &[]);
    let done = mint_internal(world.ctx(), unknown).await;
    assert_eq!(reason(done), UseRefusal::Unknown);
    let id = TokenRef::Id(token);
    revoke_token(world.ctx(), &OPERATOR, id).await.unwrap();
    let done = mint_internal(world.ctx(), for_upstream(token, &[])).await;
    assert_eq!(reason(done), UseRefusal::Revoked);
}

pub(crate) async fn a_last_use_never_moves_backwards(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let last_used = || async {
        world.identity.last_used.flush(world.store()).await.unwrap();
        let listed = list_tokens(world.ctx(), &OPERATOR, None, all()).await;
        listed.unwrap().tokens[0].last_used_at
    };
    assert_eq!(last_used().await, None);
    // Within one flush, and from one flush to the next.
    for (uses, expected) in [([20, 10], 20), ([5, 15], 20), ([30, 25], 30)] {
        for (seconds, by_exchange) in uses.into_iter().zip([true, false]) {
            let world = world.at(seconds);
            if by_exchange {
                exchange(world.ctx(), asking(&token.secret)).await.unwrap();
            } else {
                let seen = introspect(world.ctx(), &token.secret, &Presentation::Basic).await;
                seen.unwrap();
            }
        }
        assert_eq!(last_used().await, Some(after(expected)));
    }
    // A refused use is no use.
    let world_then = world.at(90);
    let done = introspect(world_then.ctx(), &token.secret, &Presentation::Bearer).await;
    assert_eq!(reason(done), UseRefusal::Presentation);
    assert_eq!(last_used().await, Some(after(30)));
}
