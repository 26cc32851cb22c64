//! Making tokens: every rule of a class.

use super::world::*;
use crate::conformance::fixture::all;
use doorward_base::token_format::{TokenBody, TokenFormat};
use doorward_base::{Environment, ErrorCode};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal};
use doorward_identity::model::{AuditAction, Ceiling, Outcome, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{ExpiryRule, RealmSettings};
use std::time::Duration;
use tokio::task::JoinSet;

fn max_active(max: u32) -> impl FnOnce(&mut RealmSettings) {
    move |settings| settings.classes[0].max_active = max
}

async fn personal(world: &World, owner: OwnerRef) -> Result<MintedToken, Failure<TokenRefusal>> {
    create_token(
        world.ctx(),
        &OPERATOR,
        new_token(TokenKind::Personal, owner),
    )
    .await
}

pub(crate) async fn a_class_limits_what_each_owner_has_active(store: StoreHandle) {
    let world = World::with(store, max_active(2)).await;
    let ada = world.user("ada", None, &[]).await;
    let bob = world.user("bob", None, &[]).await;
    let first = world.mint(TokenKind::Personal, ada).await;
    world.mint(TokenKind::Personal, ada).await;
    for owner in [OwnerRef::Subject(ada), OwnerRef::Email(email("ada"))] {
        let third = personal(&world, owner).await;
        assert_eq!(reason(third), TokenRefusal::LimitReached);
    }
    world.mint(TokenKind::Personal, bob).await;
    let id = TokenRef::Id(first.token.id);
    revoke_token(world.ctx(), &OPERATOR, id).await.unwrap();
    world.mint(TokenKind::Personal, ada).await;
}

pub(crate) async fn expired_and_retiring_tokens_do_not_count(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].max_active = 1;
        settings.classes[0].grace = Duration::from_secs(60);
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    let short = CreateToken {
        expires_at: Some(after(10)),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    create_token(world.ctx(), &OPERATOR, short).await.unwrap();
    let early = personal(&world.at(9), OwnerRef::Subject(ada)).await;
    assert_eq!(reason(early), TokenRefusal::LimitReached);
    let second = world.at(10).mint(TokenKind::Personal, ada).await;
    // Replacing needs no free place, and the one in its grace takes none.
    let replace = RegenerateToken {
        token: TokenRef::Id(second.token.id),
        expires_at: None,
        overlap: None,
    };
    let world = world.at(11);
    let third = regenerate_token(world.ctx(), &OPERATOR, replace)
        .await
        .unwrap();
    let full = personal(&world, OwnerRef::Subject(ada)).await;
    assert_eq!(reason(full), TokenRefusal::LimitReached);
    exchange(world.ctx(), asking(&second.secret)).await.unwrap();
    let id = TokenRef::Id(third.token.id);
    revoke_token(world.ctx(), &OPERATOR, id).await.unwrap();
    world.mint(TokenKind::Personal, ada).await;
}

pub(crate) async fn one_of_32_that_race_for_the_last_place_gets_it(store: StoreHandle) {
    let world = World::with(store, max_active(1)).await;
    let ada = world.user("ada", None, &[]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let world = world.clone();
        tasks.spawn(async move { outcome(personal(&world, OwnerRef::Subject(ada)).await) });
    }
    let answers = tasks.join_all().await;
    let refused = Err(ErrorCode::TokenLimitReached);
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|one| **one == refused).count(), 31);
    let listed = list_tokens(world.ctx(), &OPERATOR, None, all()).await;
    assert_eq!(listed.unwrap().tokens.len(), 1);
    let rows = world.audit().await;
    let created = |row: &&_| audit_action(row) == AuditAction::TokenCreate;
    assert_eq!(rows.iter().filter(created).count(), 32);
}

/// Otherwise the administrator of one tenant learns how many a person has in another, and
/// takes them away from it.
pub(crate) async fn one_tenants_tokens_take_no_place_of_anothers(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].max_active = 1;
        settings.classes[0].max_hourly = 2;
    })
    .await;
    let globex = world.tenant("globex").await;
    let making = "platform.users.service-accounts.access-tokens.edit";
    let acmes = world.person("acmes", Some("acme"), &[making]).await;
    let globexs = world.person("globexs", Some("globex"), &[making]).await;
    let bot = world.service("bot", Some("acme"), &[]).await;
    create_membership(world.ctx(), &OPERATOR, bot, globex)
        .await
        .unwrap();
    let bound = |tenant: &str| CreateToken {
        ceiling: ceiling(Some(tenant), &[]),
        ..new_token(TokenKind::Service, OwnerRef::Subject(bot))
    };
    let ctx = world.ctx();
    for (by, tenant) in [(&acmes, "acme"), (&globexs, "globex")] {
        let first = create_token(ctx, &by.caller, bound(tenant)).await.unwrap();
        let full = create_token(ctx, &by.caller, bound(tenant)).await;
        assert_eq!(reason(full), TokenRefusal::LimitReached, "{tenant}");
        let id = TokenRef::Id(first.token.id);
        revoke_token(ctx, &by.caller, id).await.unwrap();
        create_token(ctx, &by.caller, bound(tenant)).await.unwrap();
    }
    let free = new_token(TokenKind::Service, OwnerRef::Subject(bot));
    create_token(ctx, &OPERATOR, free.clone()).await.unwrap();
    let full = create_token(ctx, &OPERATOR, free).await;
    assert_eq!(reason(full), TokenRefusal::LimitReached);
}

/// Whoever makes tokens and revokes them in turn does not fill the store.
pub(crate) async fn tokens_are_made_at_a_bounded_rate(store: StoreHandle) {
    let world = World::with(store, |settings| settings.classes[0].max_hourly = 3).await;
    let ada = world.person("ada", None, &[]).await;
    let bob = world.person("bob", None, &[]).await;
    let new = |owner: &Person| new_token(TokenKind::Personal, OwnerRef::Subject(owner.id));
    let replace = |id| RegenerateToken {
        token: TokenRef::Id(id),
        expires_at: None,
        overlap: None,
    };
    let mut last = None;
    for second in 0..2 {
        let world = world.at(second);
        let made = create_token(world.ctx(), &ada.caller, new(&ada)).await;
        let id = made.unwrap().token.id;
        let by_id = TokenRef::Id(id);
        if second == 0 {
            let done = revoke_token(world.ctx(), &ada.caller, by_id).await;
            done.unwrap();
        }
        last = Some(id);
    }
    let third = regenerate_token(world.at(2).ctx(), &ada.caller, replace(last.unwrap())).await;
    let third = third.unwrap().token.id;
    for (second, wait) in [(2, 3598), (3599, 1)] {
        let world = world.at(second);
        let made = create_token(world.ctx(), &ada.caller, new(&ada)).await;
        assert_eq!(reason(made), TokenRefusal::TooOften(wait));
        let made = regenerate_token(world.ctx(), &ada.caller, replace(third)).await;
        let failure = made.unwrap_err();
        assert_eq!(failure.code(), ErrorCode::RateLimited);
        assert_eq!(failure.reason(), Some("made_too_often"));
        assert_eq!(failure.retry_after(), Some(wait));
        let row = world.last_audit().await.event;
        assert_eq!(row.outcome, Outcome::Refused(ErrorCode::RateLimited));
    }
    let soon = world.at(3);
    create_token(soon.ctx(), &bob.caller, new(&bob))
        .await
        .unwrap();
    // An operator has the store; what it makes counts.
    soon.mint(TokenKind::Personal, ada.id).await;
    let later = world.at(3601);
    create_token(later.ctx(), &ada.caller, new(&ada))
        .await
        .unwrap();
    let made = create_token(later.ctx(), &ada.caller, new(&ada)).await;
    assert_eq!(reason(made), TokenRefusal::TooOften(1));
    let later = world.at(3602);
    create_token(later.ctx(), &ada.caller, new(&ada))
        .await
        .unwrap();
}

const fn audit_action(row: &doorward_identity::model::AuditRow) -> AuditAction {
    row.event.action
}

pub(crate) async fn each_expiry_rule_is_kept(store: StoreHandle) {
    use TokenRefusal::*;
    let day = Duration::from_secs(100);
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    for (rule, asked, expected) in [
        (ExpiryRule::Policy(day), None, Ok(Some(100))),
        (ExpiryRule::Policy(day), Some(50), Err(ExpiryNotChosen)),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: None,
            },
            None,
            Ok(None),
        ),
        (
            ExpiryRule::Optional {
                ttl: Some(day),
                max: Some(day),
            },
            None,
            Ok(Some(100)),
        ),
        (
            ExpiryRule::Optional {
                ttl: Some(day),
                max: Some(day),
            },
            Some(50),
            Ok(Some(50)),
        ),
        (
            ExpiryRule::Optional {
                ttl: Some(day),
                max: Some(day),
            },
            Some(101),
            Err(ExpiryTooFar),
        ),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: None,
            },
            Some(50),
            Ok(Some(50)),
        ),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: None,
            },
            Some(0),
            Err(ExpiryPast),
        ),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: Some(day),
            },
            None,
            Ok(None),
        ),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: Some(day),
            },
            Some(100),
            Ok(Some(100)),
        ),
        (
            ExpiryRule::Optional {
                ttl: None,
                max: Some(day),
            },
            Some(101),
            Err(ExpiryTooFar),
        ),
        (ExpiryRule::Required { max: None }, None, Err(ExpiryMissing)),
        (ExpiryRule::Required { max: None }, Some(1), Ok(Some(1))),
        (
            ExpiryRule::Required { max: Some(day) },
            Some(0),
            Err(ExpiryPast),
        ),
        (
            ExpiryRule::Required { max: Some(day) },
            Some(101),
            Err(ExpiryTooFar),
        ),
    ] {
        let world = world.reconfigured(|settings| settings.classes[0].expiry = rule);
        let new = CreateToken {
            expires_at: asked.map(after),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
        };
        let made = create_token(world.ctx(), &OPERATOR, new).await;
        match expected {
            Ok(end) => assert_eq!(made.unwrap().token.expires_at, end.map(after), "{rule:?}"),
            Err(refusal) => assert_eq!(reason(made), refusal, "{rule:?} {asked:?}"),
        }
    }
}

pub(crate) async fn each_kind_has_its_kind_of_owner(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let ada = OwnerRef::Subject(world.user("ada", None, &[]).await);
    let bot = OwnerRef::Subject(world.service("bot", None, &[]).await);
    let keys = OwnerRef::Tenant(acme);
    let wrong = Err(TokenRefusal::OwnerKind);
    for (kind, owner, expected) in [
        (TokenKind::Personal, &ada, Ok(())),
        (TokenKind::Personal, &bot, wrong.clone()),
        (TokenKind::Personal, &keys, wrong.clone()),
        (TokenKind::Service, &ada, wrong.clone()),
        (TokenKind::Service, &bot, Ok(())),
        (TokenKind::Service, &keys, wrong.clone()),
        (TokenKind::Key, &ada, wrong.clone()),
        (TokenKind::Key, &bot, wrong.clone()),
        (TokenKind::Key, &keys, Ok(())),
    ] {
        let made = create_token(world.ctx(), &OPERATOR, new_token(kind, owner.clone())).await;
        match expected {
            Ok(()) => assert_eq!(made.unwrap().token.kind, kind),
            Err(refusal) => assert_eq!(reason(made), refusal, "{kind} {owner:?}"),
        }
    }
    for owner in [
        OwnerRef::Email(email("ghost")),
        OwnerRef::Tenant("ghost".parse().unwrap()),
    ] {
        let made = create_token(world.ctx(), &OPERATOR, new_token(TokenKind::Key, owner)).await;
        assert_eq!(reason(made), ManageRefusal::NotFound("owner").into());
    }
}

pub(crate) async fn an_environment_is_named_where_there_are_any(store: StoreHandle) {
    let environment = |name: &str| name.parse::<Environment>().unwrap();
    let world = World::with(store, |settings| {
        let known = vec![environment("live"), environment("test")];
        settings.classes[0].format = TokenFormat::new("pat_", known, TokenBody::Checked).unwrap();
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    let acme = OwnerRef::Tenant(world.tenant("acme").await);
    for (kind, owner, named, prefix) in [
        (
            TokenKind::Personal,
            OwnerRef::Subject(ada),
            Some("live"),
            Some("pat_live_"),
        ),
        (
            TokenKind::Personal,
            OwnerRef::Subject(ada),
            Some("test"),
            Some("pat_test_"),
        ),
        (
            TokenKind::Personal,
            OwnerRef::Subject(ada),
            Some("prod"),
            None,
        ),
        (TokenKind::Personal, OwnerRef::Subject(ada), None, None),
        (TokenKind::Key, acme.clone(), None, Some("key-")),
        (TokenKind::Key, acme, Some("live"), None),
    ] {
        let new = CreateToken {
            ceiling: Ceiling {
                environment: named.map(environment),
                ..Ceiling::default()
            },
            ..new_token(kind, owner)
        };
        let made = create_token(world.ctx(), &OPERATOR, new).await;
        match prefix {
            Some(prefix) => assert!(made.unwrap().secret.expose().starts_with(prefix)),
            None => assert_eq!(reason(made), TokenRefusal::Environment, "{kind} {named:?}"),
        }
    }
}

pub(crate) async fn a_ceiling_stays_within_owner_and_realm(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.tokens.audiences = vec!["https://api.example".parse().unwrap()];
    })
    .await;
    world.tenant("globex").await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let base = new_token(TokenKind::Personal, OwnerRef::Subject(ada));
    let audience = |text: &str| Ceiling {
        audiences: Some(vec![text.parse().unwrap()]),
        ..Ceiling::default()
    };
    for (name, ceiling, expected) in [
        (200, Ceiling::default(), None),
        (
            201,
            Ceiling::default(),
            Some(ManageRefusal::NameInvalid.into()),
        ),
        (1, ceiling(Some("acme"), &[]), None),
        (
            1,
            ceiling(Some("globex"), &[]),
            Some(TokenRefusal::TenantForbidden),
        ),
        (1, audience("https://api.example"), None),
        (
            1,
            audience("https://else.example"),
            Some(TokenRefusal::Audience),
        ),
    ] {
        let new = CreateToken {
            name: Some("é".repeat(name)),
            ceiling,
            ..base.clone()
        };
        let made = create_token(world.ctx(), &OPERATOR, new).await;
        match expected {
            None => assert!(made.is_ok()),
            Some(refusal) => assert_eq!(reason(made), refusal),
        }
    }
    let disabled = StatusChange::Disabled;
    let done = set_subject_status(world.ctx(), &OPERATOR, ada, disabled).await;
    done.unwrap();
    let made = create_token(world.ctx(), &OPERATOR, base).await;
    assert_eq!(reason(made), TokenRefusal::OwnerDisabled);
}

pub(crate) async fn a_kind_without_a_class_is_refused_and_written_down(store: StoreHandle) {
    let world = World::with(store, |settings| drop(settings.classes.pop())).await;
    let owner = OwnerRef::Tenant(world.tenant("acme").await);
    let made = create_token(world.ctx(), &OPERATOR, new_token(TokenKind::Key, owner)).await;
    assert_eq!(reason(made), TokenRefusal::KindUnknown);
    let row = world.last_audit().await.event;
    assert_eq!(row.action, AuditAction::TokenCreate);
    assert_eq!(row.outcome, Outcome::Refused(ErrorCode::InvalidRequest));
}

pub(crate) async fn a_class_names_the_permission_to_create(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.classes[0].create_permission = Some("tokens.mint".parse().unwrap());
    })
    .await;
    let bot = world.service("bot", None, &[]).await;
    let edit = "platform.users.service-accounts.access-tokens.edit";
    for (name, permission, expected) in [
        ("minter", "tokens.mint", Ok(())),
        ("editor", edit, Err(ErrorCode::InsufficientPermission)),
        (
            "reader",
            "platform.users.read",
            Err(ErrorCode::InsufficientPermission),
        ),
    ] {
        let person = world.person(name, None, &[permission]).await;
        let new = new_token(TokenKind::Service, OwnerRef::Subject(bot));
        let made = create_token(world.ctx(), &person.caller, new).await;
        assert_eq!(outcome(made), expected, "{name}");
    }
    // Without one, only operators may.
    let world = world.reconfigured(|settings| settings.classes[0].create_permission = None);
    for name in ["minter", "editor"] {
        let found = find_subject_by_email(world.ctx(), &OPERATOR, email(name)).await;
        let caller = world.session(found.unwrap().id, None).await;
        let new = new_token(TokenKind::Service, OwnerRef::Subject(bot));
        let made = create_token(world.ctx(), &caller, new).await;
        assert_eq!(reason(made), ManageRefusal::OperatorsOnly.into(), "{name}");
    }
    world.mint(TokenKind::Service, bot).await;
}
