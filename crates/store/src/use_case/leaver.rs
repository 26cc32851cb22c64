//! What somebody who leaves a tenant leaves there: what his tokens open, what becomes the
//! tenant's own, and nobody gaining by it.

use super::world::*;
use doorward_base::{ApiTokenId, Audience, ErrorCode};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal, UseRefusal};
use doorward_identity::model::{Ceiling, TokenKind};
use doorward_identity::port::StoreHandle;
use serde_json::json;

const EDIT: &str = "platform.users.service-accounts.access-tokens.edit";

fn handing(token: ApiTokenId) -> HandOver {
    HandOver {
        token,
        name: None,
        expires_at: None,
        environment: None,
    }
}

/// A person's token in the tenant, narrowed to these.
async fn personal(world: &World, owner: doorward_base::SubjectId, tenant: &str) -> MintedToken {
    let new = CreateToken {
        name: Some("nightly export".to_owned()),
        ceiling: Ceiling {
            tenant: Some(tenant.parse().unwrap()),
            ..Ceiling::default()
        },
        expires_at: Some(after(86_400)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(owner))
    };
    create_token(world.ctx(), &OPERATOR, new).await.unwrap()
}

pub(crate) async fn fl_42_what_a_leaver_opens_is_told_before_and_ends_with_him(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    world.tenant("globex").await;
    let ada = world.person("ada", Some("acme"), &["read", EDIT]).await;
    create_membership(world.ctx(), &OPERATOR, ada.id, "globex".parse().unwrap())
        .await
        .unwrap();
    let here = personal(&world, ada.id, "acme").await;
    let there = personal(&world, ada.id, "globex").await;
    let gone = personal(&world, ada.id, "acme").await;
    revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(gone.token.id))
        .await
        .unwrap();
    let key = CreateToken {
        ceiling: ceiling(Some("acme"), &["read"]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(acme.clone()))
    };
    let key = create_token(world.ctx(), &ada.caller, key).await.unwrap();
    let foreseen = foresee_leaving(world.ctx(), &OPERATOR, ada.id, acme.clone()).await;
    let foreseen = foreseen.unwrap();
    let [(token, opens)] = foreseen.ends.as_slice() else {
        panic!("{:?}", foreseen.ends);
    };
    assert_eq!(token.id, here.token.id);
    assert_eq!(*opens, permissions_of(&[EDIT, "read"]));
    let stays: Vec<ApiTokenId> = foreseen.stays.iter().map(|one| one.id).collect();
    assert_eq!(stays, [key.token.id]);
    // Nothing has changed by the question.
    exchange(world.ctx(), asking(&here.secret)).await.unwrap();
    end_membership(world.ctx(), &OPERATOR, ada.id, acme.clone())
        .await
        .unwrap();
    let used = exchange(world.ctx(), asking(&here.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);
    exchange(world.ctx(), asking(&key.secret)).await.unwrap();
    exchange(world.ctx(), asking(&there.secret)).await.unwrap();
    let over = foresee_leaving(world.ctx(), &OPERATOR, ada.id, acme).await;
    assert_eq!(reason(over), ManageRefusal::NotFound("membership"));
}

pub(crate) async fn fl_42_a_key_takes_over_from_a_leavers_token(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let ada = world.user("ada", Some("acme"), &["read", "write"]).await;
    let boss = world
        .person("boss", Some("acme"), &["read", "write", EDIT])
        .await;
    let old = personal(&world, ada, "acme").await;
    let made = hand_over_token(world.ctx(), &boss.caller, handing(old.token.id)).await;
    let made = made.unwrap();
    let key = &made.token;
    assert_eq!(
        (key.kind, key.name.clone()),
        (TokenKind::Key, old.token.name)
    );
    assert_eq!(key.expires_at, old.token.expires_at);
    assert_eq!(key.ceiling.tenant, Some(acme.clone()));
    assert_eq!(
        key.ceiling.permissions,
        Some(permissions_of(&["read", "write"]))
    );
    let row = world.last_audit().await;
    assert_eq!(
        row.event.detail["takes_over_from"],
        json!(old.token.id.to_string())
    );
    // The leaver knows another secret; both go on until he is gone.
    assert_ne!(made.secret.expose(), old.secret.expose());
    exchange(world.ctx(), asking(&old.secret)).await.unwrap();
    end_membership(world.ctx(), &OPERATOR, ada, acme)
        .await
        .unwrap();
    let used = exchange(world.ctx(), asking(&old.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);
    let all = ExchangeRequest {
        scope: Some("read write".to_owned()),
        ..asking(&made.secret)
    };
    exchange(world.ctx(), all).await.unwrap();
}

/// Who hands over what he does not hold himself would hold it by the key.
pub(crate) async fn fl_42_nobody_gains_by_handing_over(store: StoreHandle) {
    let world = World::new(store).await;
    for tenant in ["acme", "globex"] {
        world.tenant(tenant).await;
    }
    let ada = world.user("ada", Some("acme"), &["read", "write"]).await;
    let old = personal(&world, ada, "acme").await;
    let reader = world.person("reader", Some("acme"), &["read", EDIT]).await;
    let refused = hand_over_token(world.ctx(), &reader.caller, handing(old.token.id)).await;
    let beyond = TokenRefusal::from(ManageRefusal::NotHeld("write".to_owned()));
    assert_eq!(reason(refused), beyond);
    let missing = TokenRefusal::from(ManageRefusal::NotFound("token"));
    let foreign = world
        .person("foreign", Some("globex"), &["read", "write", EDIT])
        .await;
    let plain = world
        .person("plain", Some("acme"), &["read", "write"])
        .await;
    for caller in [&foreign.caller, &plain.caller] {
        let refused = hand_over_token(world.ctx(), caller, handing(old.token.id)).await;
        assert_eq!(reason(refused), missing);
    }
    // Not by the token itself either.
    let own = Caller::Subject {
        subject: ada,
        credential: doorward_base::principal::CredentialId::ApiToken(old.token.id),
        carries: None,
    };
    let refused = hand_over_token(world.ctx(), &own, handing(old.token.id)).await;
    assert_eq!(code(refused), ErrorCode::InsufficientPermission);
    // What its owner does not hold any more, the key does not get, not even by an operator.
    let taken = remove_grant(world.ctx(), &OPERATOR, ada, grant(Some("acme"), "write")).await;
    taken.unwrap();
    let made = hand_over_token(world.ctx(), &reader.caller, handing(old.token.id)).await;
    let made = made.unwrap().token;
    assert_eq!(made.ceiling.permissions, Some(permissions_of(&["read"])));
    let again = hand_over_token(world.ctx(), &OPERATOR, handing(made.id)).await;
    assert_eq!(reason(again), TokenRefusal::OwnerKind);
    revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(old.token.id))
        .await
        .unwrap();
    let dead = hand_over_token(world.ctx(), &OPERATOR, handing(old.token.id)).await;
    assert_eq!(reason(dead), TokenRefusal::Dead);
}

/// A key's permissions count on every API that its ceiling allows: none is put there that the
/// token has on one alone.
pub(crate) async fn a_key_gets_on_no_api_what_the_token_has_on_another(store: StoreHandle) {
    let (one, two): (Audience, Audience) = ("one".parse().unwrap(), "two".parse().unwrap());
    let audiences = vec![one.clone(), two.clone()];
    let world = World::with(store, |settings| {
        settings.tokens.audiences = audiences.clone();
    })
    .await;
    world.tenant("acme").await;
    let ada = world.user("ada", Some("acme"), &["read"]).await;
    let mut only_one = grant(Some("acme"), "write");
    if let doorward_identity::model::Granted::Permission { audience, .. } = &mut only_one.granted {
        *audience = Some(one.clone());
    }
    add_grant(world.ctx(), &OPERATOR, ada, only_one)
        .await
        .unwrap();
    for (named, expected) in [
        (None, &["read"][..]),
        (Some(vec![one.clone()]), &["read", "write"]),
        (Some(vec![one, two]), &["read"]),
    ] {
        let new = CreateToken {
            ceiling: Ceiling {
                audiences: named.clone(),
                ..Ceiling::default()
            },
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
        };
        let old = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
        let made = hand_over_token(world.ctx(), &OPERATOR, handing(old.token.id)).await;
        let ceiling = made.unwrap().token.ceiling;
        assert_eq!(ceiling.permissions, Some(permissions_of(expected)));
        assert_eq!(ceiling.audiences, named);
    }
}
