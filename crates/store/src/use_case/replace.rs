//! Replacing, revoking and listing tokens.

use super::world::*;
use crate::conformance::fixture::all;
use doorward_base::principal::CredentialId;
use doorward_base::{ApiTokenId, ErrorCode, Secret};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal, UseRefusal};
use doorward_identity::model::{AuditAction, AuditRow, Change, TokenKind, TokenState};
use doorward_identity::port::{Page, StoreHandle};
use doorward_identity::settings::ExpiryRule;
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

const fn replacing(id: ApiTokenId) -> RegenerateToken {
    RegenerateToken {
        token: TokenRef::Id(id),
        expires_at: None,
        overlap: None,
    }
}

pub(crate) async fn a_replacement_keeps_the_expiry_or_gets_a_new_one(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let policy = ExpiryRule::Policy(Duration::from_secs(500));
    let optional = ExpiryRule::Optional {
        ttl: None,
        max: None,
    };
    for (keeps, rule, asked, expected) in [
        (true, optional, None, Ok(Some(after(100)))),
        (true, policy, None, Ok(Some(after(100)))),
        (
            true,
            optional,
            Some(after(200)),
            Err(TokenRefusal::ExpiryNotChosen),
        ),
        (false, optional, None, Ok(None)),
        (false, optional, Some(after(200)), Ok(Some(after(200)))),
        (false, policy, None, Ok(Some(after(510)))),
        (
            false,
            policy,
            Some(after(200)),
            Err(TokenRefusal::ExpiryNotChosen),
        ),
    ] {
        let new = CreateToken {
            name: Some("ci".to_owned()),
            ceiling: ceiling(None, &["read"]),
            expires_at: Some(after(100)),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
        };
        let old = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
        let world = world.at(10).reconfigured(|settings| {
            settings.classes[0].regenerate_keeps_expiry = keeps;
            settings.classes[0].expiry = rule;
        });
        let request = RegenerateToken {
            token: TokenRef::Secret(old.secret.clone()),
            expires_at: asked,
            overlap: None,
        };
        let made = regenerate_token(world.ctx(), &OPERATOR, request).await;
        let alive = match expected {
            Ok(end) => {
                let made = made.unwrap();
                assert_eq!(made.token.expires_at, end, "{keeps} {rule:?}");
                assert_eq!(made.token.name, old.token.name);
                assert_eq!(made.token.ceiling, old.token.ceiling);
                assert_eq!(made.token.owner, ada);
                assert_ne!(made.token.id, old.token.id);
                made
            }
            Err(refusal) => {
                assert_eq!(reason(made), refusal, "{keeps} {rule:?}");
                old
            }
        };
        exchange(world.ctx(), asking(&alive.secret)).await.unwrap();
    }
}

pub(crate) async fn the_old_token_dies_at_once_or_after_the_grace(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let old = world.mint(TokenKind::Personal, ada).await;
    let made = regenerate_token(world.ctx(), &OPERATOR, replacing(old.token.id)).await;
    let middle = made.unwrap();
    let used = exchange(world.ctx(), asking(&old.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);

    let grace = |settings: &mut doorward_identity::settings::RealmSettings| {
        settings.classes[0].grace = Duration::from_secs(60);
    };
    let world = world.reconfigured(grace);
    let made = regenerate_token(world.ctx(), &OPERATOR, replacing(middle.token.id)).await;
    let new = made.unwrap();
    for (seconds, life) in [(0, Some(60)), (59, Some(1)), (60, None)] {
        let world = world.at(seconds);
        exchange(world.ctx(), asking(&new.secret)).await.unwrap();
        let used = exchange(world.ctx(), asking(&middle.secret)).await;
        match life {
            // A JWT outlives the grace by nothing.
            Some(life) => assert_eq!(used.unwrap().expires_in, life),
            None => assert_eq!(reason(used), UseRefusal::Revoked),
        }
    }
}

/// FL-49: an overlap may be shorter than the grace, never longer, and ended before its time by
/// either of the two names.
pub(crate) async fn fl_49_an_overlap_is_chosen_within_the_grace_and_ended_early(
    store: StoreHandle,
) {
    let world = World::with(store, |settings| {
        settings.classes[0].grace = Duration::from_secs(600);
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    let overlapping = |id, seconds| RegenerateToken {
        overlap: Some(Duration::from_secs(seconds)),
        ..replacing(id)
    };
    let first = world.mint(TokenKind::Personal, ada).await;
    let longer = regenerate_token(world.ctx(), &OPERATOR, overlapping(first.token.id, 601)).await;
    assert_eq!(reason(longer), TokenRefusal::OverlapTooLong(600));
    let works = |secret: &Secret, seconds| {
        let (world, secret) = (world.at(seconds), secret.clone());
        async move { exchange(world.ctx(), asking(&secret)).await.is_ok() }
    };
    let made = regenerate_token(world.ctx(), &OPERATOR, overlapping(first.token.id, 60)).await;
    let second = made.unwrap();
    assert!(works(&first.secret, 59).await && !works(&first.secret, 60).await);
    // At once, whatever the grace.
    let made = regenerate_token(world.ctx(), &OPERATOR, overlapping(second.token.id, 0)).await;
    let third = made.unwrap();
    assert!(!works(&first.secret, 0).await && !works(&second.secret, 0).await);
    let mut last = third;
    for by_the_new_name in [true, false] {
        let made = regenerate_token(world.ctx(), &OPERATOR, replacing(last.token.id)).await;
        let new = made.unwrap();
        assert!(works(&last.secret, 599).await);
        let named = if by_the_new_name { &new } else { &last };
        let seq = world.last_change().await;
        let ended = end_token_overlap(world.ctx(), &OPERATOR, TokenRef::Id(named.token.id)).await;
        assert_eq!(ended.unwrap().id, named.token.id);
        let told = world.changes_after(seq).await;
        assert_eq!(told, [Change::ApiToken(last.token.id)]);
        let row = world.last_audit().await;
        assert_eq!(row.event.action, AuditAction::TokenEndOverlap);
        assert!(!works(&last.secret, 0).await && works(&new.secret, 0).await);
        // Again, there is nothing to end.
        let again = end_token_overlap(world.ctx(), &OPERATOR, TokenRef::Id(new.token.id)).await;
        assert_eq!(again.unwrap().state, TokenState::Active);
        assert!(works(&new.secret, 0).await);
        last = new;
    }
}

/// A key ends what it replaced, and not its siblings; nor does the old one end the new one.
pub(crate) async fn a_credential_ends_its_own_overlap_alone(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].grace = Duration::from_secs(600);
    })
    .await;
    let robot = world.service("robot", None, &[]).await;
    let old = world.mint(TokenKind::Service, robot).await;
    let sibling = world.mint(TokenKind::Service, robot).await;
    let made = regenerate_token(world.ctx(), &OPERATOR, replacing(old.token.id)).await;
    let new = made.unwrap();
    let by = |token: ApiTokenId| Caller::Subject {
        subject: robot,
        credential: CredentialId::ApiToken(token),
        carries: None,
    };
    for (caller, named) in [(&old, &new), (&sibling, &new), (&new, &sibling)] {
        let caller = by(caller.token.id);
        let done = end_token_overlap(world.ctx(), &caller, TokenRef::Id(named.token.id)).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
    }
    exchange(world.ctx(), asking(&old.secret)).await.unwrap();
    let own = by(new.token.id);
    let done = end_token_overlap(world.ctx(), &own, TokenRef::Id(new.token.id)).await;
    done.unwrap();
    let used = exchange(world.ctx(), asking(&old.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);
    exchange(world.ctx(), asking(&new.secret)).await.unwrap();
}

/// A chain of replacements would otherwise be as many live secrets as its grace lets
/// in, whatever the class's limit.
pub(crate) async fn one_predecessor_lives_at_a_time(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].grace = Duration::from_secs(60);
        settings.classes[0].max_active = 1;
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    let mut chain = vec![world.mint(TokenKind::Personal, ada).await];
    for _ in 0..4 {
        let last = chain[chain.len() - 1].token.id;
        let seq = world.last_change().await;
        let made = regenerate_token(world.ctx(), &OPERATOR, replacing(last)).await;
        let made = made.unwrap();
        assert_eq!(made.token.replaces, Some(last));
        // Whoever is told of the old one is told of what ended with it.
        let told = world.changes_after(seq).await;
        let mut expected: Vec<ApiTokenId> =
            chain.iter().rev().take(2).map(|one| one.token.id).collect();
        expected.reverse();
        expected.push(made.token.id);
        let expected: Vec<_> = expected.into_iter().map(Change::ApiToken).collect();
        assert_eq!(told, expected);
        chain.push(made);
        for (n, one) in chain.iter().rev().enumerate() {
            let used = exchange(world.ctx(), asking(&one.secret)).await;
            assert_eq!(used.is_ok(), n < 2, "{n} before the last");
        }
    }
    let ids: Vec<ApiTokenId> = chain.iter().map(|one| one.token.id).collect();
    let rows = world.audit().await;
    let replaced = |row: &&AuditRow| {
        row.event.token == Some(ids[3]) && row.event.action == AuditAction::TokenRegenerate
    };
    let row = rows.iter().find(replaced).unwrap();
    assert_eq!(
        row.event.detail["also_revoked"],
        json!([ids[2].to_string()])
    );
    // Who revokes the token that the list calls active is safe at once.
    let seq = world.last_change().await;
    let done = revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(ids[4])).await;
    done.unwrap();
    let told = world.changes_after(seq).await;
    assert_eq!(told, [ids[3], ids[4]].map(Change::ApiToken));
    for one in &chain {
        let used = exchange(world.ctx(), asking(&one.secret)).await;
        assert_eq!(reason(used), UseRefusal::Revoked);
    }
}

/// Its owner may want out of the old one before the grace is over, and keep the new one.
pub(crate) async fn revoking_a_predecessor_leaves_its_successor(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].grace = Duration::from_secs(60);
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    let old = world.mint(TokenKind::Personal, ada).await;
    let made = regenerate_token(world.ctx(), &OPERATOR, replacing(old.token.id)).await;
    let new = made.unwrap();
    let done = revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(old.token.id)).await;
    done.unwrap();
    let used = exchange(world.ctx(), asking(&old.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);
    exchange(world.ctx(), asking(&new.secret)).await.unwrap();
}

pub(crate) async fn one_of_16_that_race_to_replace_a_token_does(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let old = world.mint(TokenKind::Personal, ada).await;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (world, id) = (world.clone(), old.token.id);
        tasks.spawn(async move { regenerate_token(world.ctx(), &OPERATOR, replacing(id)).await });
    }
    let (done, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 15));
    for one in refused {
        assert_eq!(reason(one), TokenRefusal::Dead);
    }
    let listed = list_tokens(world.ctx(), &OPERATOR, None, all()).await;
    let mut live = listed.unwrap().tokens;
    live.retain(|token| token.is_live(NOW));
    assert_eq!(live.len(), 1);
}

pub(crate) async fn a_dead_token_is_not_replaced(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let new = CreateToken {
        expires_at: Some(after(10)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let short = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    let late = world.at(10);
    let made = regenerate_token(late.ctx(), &OPERATOR, replacing(short.token.id)).await;
    assert_eq!(reason(made), TokenRefusal::Dead);
    let revoked = world.mint(TokenKind::Personal, ada).await.token.id;
    let id = TokenRef::Id(revoked);
    revoke_token(world.ctx(), &OPERATOR, id).await.unwrap();
    let made = regenerate_token(world.ctx(), &OPERATOR, replacing(revoked)).await;
    assert_eq!(reason(made), TokenRefusal::Dead);
}

pub(crate) async fn revoking_again_changes_nothing(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let revoked = TokenState::Revoked { at: after(5) };
    for (seconds, named) in [
        (5, TokenRef::Secret(token.secret.clone())),
        (9, TokenRef::Id(token.token.id)),
    ] {
        let world = world.at(seconds);
        let done = revoke_token(world.ctx(), &OPERATOR, named).await;
        assert_eq!(done.unwrap().state, revoked);
    }
    let listed = list_tokens(world.ctx(), &OPERATOR, None, all()).await;
    assert_eq!(listed.unwrap().tokens[0].state, revoked);
}

/// Whoever guesses ids or finds a secret learns nothing of a token that is not theirs.
pub(crate) async fn anothers_token_looks_like_none(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let bot = world.service("bot", None, &[]).await;
    let eve = world.person("eve", None, &[]).await;
    let missing = TokenRefusal::from(ManageRefusal::NotFound("token"));
    let mut named = vec![
        TokenRef::Id(ApiTokenId::from_bytes([1; 16])),
        TokenRef::Secret(secret("pat-mistyped")),
    ];
    let mut made = Vec::new();
    for (kind, owner) in [(TokenKind::Personal, ada), (TokenKind::Service, bot)] {
        let token = world.mint(kind, owner).await;
        named.push(TokenRef::Id(token.token.id));
        named.push(TokenRef::Secret(token.secret.clone()));
        made.push(token);
    }
    for token in named {
        let done = revoke_token(world.ctx(), &eve.caller, token.clone()).await;
        assert_eq!(reason(done), missing, "{token:?}");
        let request = RegenerateToken {
            token,
            expires_at: None,
            overlap: None,
        };
        let done = regenerate_token(world.ctx(), &eve.caller, request).await;
        assert_eq!(reason(done), missing);
    }
    for token in made {
        exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    }
    // Nor does anybody make a personal token for somebody else.
    let new = new_token(TokenKind::Personal, OwnerRef::Subject(ada));
    let done = create_token(world.ctx(), &eve.caller, new).await;
    assert_eq!(code(done), ErrorCode::NotFound);
}

pub(crate) async fn tokens_are_listed_by_owner_and_page(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.person("ada", None, &[]).await;
    let bob = world.user("bob", None, &[]).await;
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(world.mint(TokenKind::Personal, ada.id).await.token);
        world.mint(TokenKind::Personal, bob).await;
    }
    own.sort_unstable_by_key(|token| token.id);
    let mine = Some(TokensOf::Owner(OwnerRef::Subject(ada.id)));
    let (mut after, mut seen) = (None, Vec::new());
    for count in [2, 1] {
        let page = Page { after, limit: 2 };
        let listed = list_tokens(world.ctx(), &ada.caller, mine.clone(), page).await;
        let listed = listed.unwrap();
        assert_eq!(listed.tokens.len(), count);
        after = listed.next;
        seen.extend(listed.tokens);
    }
    assert_eq!((seen, after), (own, None));
    for owner in [
        None,
        Some(OwnerRef::Subject(bob)),
        Some(OwnerRef::Email(email("ghost"))),
    ] {
        let which = owner.map(TokensOf::Owner);
        let listed = list_tokens(world.ctx(), &ada.caller, which, all()).await;
        assert_eq!(code(listed), ErrorCode::InsufficientPermission);
    }
}

/// Tokens that somebody made for others outlive it, so there is a way to find them.
pub(crate) async fn tokens_are_listed_by_who_made_them(store: StoreHandle) {
    let world = World::new(store).await;
    let globex = world.tenant("globex").await;
    let making = "platform.users.service-accounts.access-tokens.edit";
    let leaves = world.person("leaves", Some("acme"), &[making]).await;
    let stays = world.person("stays", Some("acme"), &[making]).await;
    let bot = world.service("bot", Some("acme"), &[]).await;
    let elsewhere = world.service("elsewhere", Some("globex"), &[]).await;
    create_membership(world.ctx(), &OPERATOR, leaves.id, globex)
        .await
        .unwrap();
    world.grant(leaves.id, Some("globex"), making).await;
    let mut made = Vec::new();
    for (owner, tenant) in [(bot, "acme"), (elsewhere, "globex"), (bot, "acme")] {
        let new = CreateToken {
            ceiling: ceiling(Some(tenant), &[]),
            ..new_token(TokenKind::Service, OwnerRef::Subject(owner))
        };
        let token = create_token(world.ctx(), &leaves.caller, new).await;
        made.push(token.unwrap().token.id);
    }
    world.mint(TokenKind::Service, bot).await;
    let ids = |page: TokenPage| -> Vec<ApiTokenId> {
        page.tokens.into_iter().map(|token| token.id).collect()
    };
    let sorted = |mut ids: Vec<ApiTokenId>| {
        ids.sort_unstable();
        ids
    };
    let by = |maker| Some(TokensOf::Maker(maker));
    for gone in [false, true] {
        if gone {
            let request = DeleteUser {
                subject: leaves.id,
                password: None,
            };
            delete_user(world.ctx(), &OPERATOR, request).await.unwrap();
        }
        let which = by(OwnerRef::Subject(leaves.id));
        let listed = list_tokens(world.ctx(), &OPERATOR, which.clone(), all()).await;
        assert_eq!(ids(listed.unwrap()), sorted(made.clone()));
        // A tenant's administrator sees its tenant's.
        let listed = list_tokens(world.ctx(), &stays.caller, which, all()).await;
        assert_eq!(ids(listed.unwrap()), sorted(vec![made[0], made[2]]));
    }
    let named = by(OwnerRef::Email(email("stays")));
    let listed = list_tokens(world.ctx(), &OPERATOR, named, all()).await;
    assert_eq!(ids(listed.unwrap()), []);
    // Whether there is such an address is told to nobody in a tenant.
    for name in ["ghost", "elsewhere"] {
        let which = by(OwnerRef::Email(email(name)));
        let listed = list_tokens(world.ctx(), &stays.caller, which, all()).await;
        assert_eq!(ids(listed.unwrap()), []);
    }
    let which = by(OwnerRef::Email(email("ghost")));
    let listed = list_tokens(world.ctx(), &OPERATOR, which, all()).await;
    assert_eq!(code(listed), ErrorCode::NotFound);
    let nobody = world.person("nobody", Some("acme"), &[]).await;
    let which = by(OwnerRef::Subject(nobody.id));
    let listed = list_tokens(world.ctx(), &nobody.caller, which, all()).await;
    assert_eq!(code(listed), ErrorCode::InsufficientPermission);
}
