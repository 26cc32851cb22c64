//! Who may manage whom.

use super::action::{Action, Scene, all_but};
use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::principal::CredentialId;
use doorward_base::{ClientId, ErrorCode};
use doorward_identity::act::*;
use doorward_identity::decide::manage::{ManagementPermission, Reach};
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{Ceiling, SubjectStatus, TokenKind};
use doorward_identity::port::StoreHandle;

pub(crate) async fn each_action_needs_its_permission(store: StoreHandle) {
    let world = World::new(store).await;
    let scene = Scene::set(&world, "acme").await;
    for (n, action) in Action::ALL.into_iter().enumerate() {
        let name = format!("all-but-{n}");
        let without = world.person(&name, None, &all_but(action.needs())).await;
        let done = scene.run(&world, &without.caller, action).await;
        assert_eq!(
            done,
            Err(action.denied()),
            "{action:?} without its permission"
        );
    }
    for (n, action) in Action::ALL.into_iter().enumerate() {
        for (m, needed) in action.needs().iter().enumerate() {
            let name = format!("only-{n}-{m}");
            let only = world.person(&name, None, &[needed.as_str()]).await;
            let done = scene.run(&world, &only.caller, action).await;
            assert_eq!(done, Ok(()), "{action:?} with {}", needed.as_str());
        }
    }
    let tested = |one: &&ManagementPermission| {
        !Action::ALL
            .iter()
            .any(|action| action.needs().contains(*one))
    };
    assert_eq!(ManagementPermission::ALL.iter().find(tested), None);
}

pub(crate) async fn an_ordinary_user_manages_itself_alone(store: StoreHandle) {
    let world = World::new(store).await;
    let scene = Scene::set(&world, "acme").await;
    let eve = world.person("eve", Some("acme"), &["read"]).await;
    for action in Action::ALL {
        let done = scene.run(&world, &eve.caller, action).await;
        assert_eq!(done, Err(action.denied()), "{action:?}");
    }
    let (ctx, me) = (world.ctx(), &eve.caller);
    find_subject(ctx, me, eve.id).await.unwrap();
    find_subject_by_email(ctx, me, email("eve")).await.unwrap();
    let profile = load_profile(ctx, me, eve.id).await.unwrap();
    assert_eq!((profile.memberships.len(), profile.grants.len()), (1, 1));
    let new = new_token(TokenKind::Personal, OwnerRef::Subject(eve.id));
    let made = create_token(ctx, me, new).await.unwrap();
    let mine = Some(TokensOf::Owner(OwnerRef::Email(email("eve"))));
    let listed = list_tokens(ctx, me, mine, all()).await.unwrap();
    assert_eq!(listed.tokens, std::slice::from_ref(&made.token));
    let request = RegenerateToken {
        token: TokenRef::Secret(made.secret),
        expires_at: None,
        overlap: None,
    };
    let made = regenerate_token(ctx, me, request).await.unwrap();
    revoke_token(ctx, me, TokenRef::Id(made.token.id))
        .await
        .unwrap();
}

/// The other tenant's test: nothing there is seen, changed, or told from nothing.
pub(crate) async fn a_tenants_administrator_stays_in_its_tenant(store: StoreHandle) {
    let world = World::new(store).await;
    let own = Scene::set(&world, "acme").await;
    let others = Scene::set(&world, "globex").await;
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    for action in Action::ALL {
        let done = others.run(&world, &admin.caller, action).await;
        let expected = match action {
            _ if action.is_realm_wide() => Err(ErrorCode::InsufficientPermission),
            _ if action.is_of_no_tenant() => Ok(()),
            _ => Err(ErrorCode::NotFound),
        };
        assert_eq!(done, expected, "{action:?} elsewhere");
    }
    let tenants = list_tenants(world.ctx(), &admin.caller, all())
        .await
        .unwrap();
    let ids: Vec<&str> = tenants.iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(ids, ["acme"]);
    let reach = authorize(
        world.ctx(),
        &admin.caller,
        ManagementPermission::DenialsRead,
    )
    .await;
    assert_eq!(reach.unwrap(), Reach::Tenants(vec![tenant_id("acme")]));
    let listed = list_tokens(world.ctx(), &admin.caller, None, all())
        .await
        .unwrap();
    let ids: Vec<_> = listed.tokens.iter().map(|token| token.id).collect();
    let mut expected = [own.personal, own.service];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    for action in Action::ALL {
        let done = own.run(&world, &admin.caller, action).await;
        // An account is its person's, whose membership the tenant may end.
        let expected = if action.is_realm_wide() || action == Action::DisableUser {
            Err(ErrorCode::InsufficientPermission)
        } else {
            Ok(())
        };
        assert_eq!(done, expected, "{action:?} at home");
    }
    // A tenant that does not exist looks like one that is somebody else's.
    let none = Scene {
        name: "initech".to_owned(),
        tenant: tenant_id("initech"),
        ..others
    };
    for action in [
        Action::ListMembers,
        Action::ListAudit,
        Action::CreateUser,
        Action::CreateServiceAccount,
        Action::CreateKey,
        Action::Invite,
        Action::ListInvitations,
        Action::CreateClient,
        Action::AddGrant,
        Action::EndMembership,
    ] {
        let done = none.run(&world, &admin.caller, action).await;
        assert_eq!(done, Err(ErrorCode::NotFound), "{action:?}");
    }
}

pub(crate) async fn who_is_in_two_tenants_is_seen_from_one_and_managed_from_neither(
    store: StoreHandle,
) {
    let world = World::new(store).await;
    let globex = world.tenant("globex").await;
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    let bot = world.service("bot", Some("acme"), &["read"]).await;
    create_membership(world.ctx(), &OPERATOR, bot, globex)
        .await
        .unwrap();
    world.grant(bot, Some("globex"), "write").await;
    let profile = load_profile(world.ctx(), &admin.caller, bot).await.unwrap();
    assert_eq!(profile.memberships.len(), 1);
    assert_eq!(profile.memberships[0].tenant.as_str(), "acme");
    assert_eq!(profile.grants, [grant(Some("acme"), "read")]);
    let done = set_subject_status(world.ctx(), &admin.caller, bot, StatusChange::Disabled).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    // Not bound to one tenant, a token would open the other.
    let free = new_token(TokenKind::Service, OwnerRef::Subject(bot));
    let done = create_token(world.ctx(), &admin.caller, free.clone()).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    let made = create_token(world.ctx(), &OPERATOR, free).await.unwrap();
    let done = revoke_token(world.ctx(), &admin.caller, TokenRef::Id(made.token.id)).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    exchange(world.ctx(), asking(&made.secret)).await.unwrap();
}

pub(crate) async fn the_tokens_of_two_tenants_are_kept_apart(store: StoreHandle) {
    let world = World::new(store).await;
    let globex = world.tenant("globex").await;
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    create_membership(world.ctx(), &OPERATOR, ada, globex)
        .await
        .unwrap();
    let mut tokens = Vec::new();
    for (tenant, is_seen, is_revoked) in [
        (Some("acme"), true, true),
        (Some("globex"), false, false),
        // It is of no tenant, and so none's to see or end.
        (None, false, false),
    ] {
        let new = CreateToken {
            ceiling: Ceiling {
                tenant: tenant.map(tenant_id),
                ..Ceiling::default()
            },
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
        };
        let made = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
        tokens.push((made, is_seen, is_revoked));
    }
    let owner = Some(TokensOf::Owner(OwnerRef::Subject(ada)));
    let listed = list_tokens(world.ctx(), &admin.caller, owner, all()).await;
    let listed = listed.unwrap().tokens;
    for (made, is_seen, is_revoked) in tokens {
        let id = made.token.id;
        assert_eq!(listed.iter().any(|token| token.id == id), is_seen);
        let done = revoke_token(world.ctx(), &admin.caller, TokenRef::Id(id)).await;
        let expected = if is_revoked {
            Ok(())
        } else {
            Err(ErrorCode::NotFound)
        };
        assert_eq!(outcome(done), expected);
        let used = exchange(world.ctx(), asking(&made.secret)).await;
        assert_eq!(used.is_err(), is_revoked);
    }
}

/// A platform's administrator may well be a member of just one tenant.
pub(crate) async fn a_tenant_ends_nothing_of_who_holds_realm_wide(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.default_roles = vec!["viewer".parse().unwrap()];
    })
    .await;
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    let (root, ada) = (
        world.person("root", Some("acme"), &[]).await,
        world.person("ada", Some("acme"), &[]).await,
    );
    // Newcomers get something else from now on; who was made before is no more the realm's.
    let world = world.reconfigured(|settings| {
        settings.default_roles = vec!["editor".parse().unwrap()];
    });
    for (name, who, given, expected) in [
        ("root", root, true, Err(ErrorCode::NotFound)),
        // Its default role is realm-wide too, and everybody's.
        ("ada", ada, false, Ok(())),
    ] {
        if given {
            world.grant(who.id, None, "platform.users.edit").await;
        }
        let (ctx, me) = (world.ctx(), &admin.caller);
        for tenant in [None, Some(tenant_id("acme"))] {
            let new = CreateToken {
                ceiling: Ceiling {
                    tenant,
                    ..Ceiling::default()
                },
                ..new_token(TokenKind::Personal, OwnerRef::Subject(who.id))
            };
            let made = create_token(ctx, &OPERATOR, new).await.unwrap();
            let done = revoke_token(ctx, me, TokenRef::Id(made.token.id)).await;
            assert_eq!(outcome(done), expected, "{name}");
        }
        let done = set_subject_status(ctx, me, who.id, StatusChange::Disabled).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission, "{name}");
        authenticate(ctx, &who.caller).await.unwrap();
        let done = end_membership(ctx, me, who.id, tenant_id("acme")).await;
        assert_eq!(outcome(done), expected, "{name}");
    }
}

/// Nothing says who disabled a subject.
pub(crate) async fn a_tenant_does_not_undo_what_the_realm_did(store: StoreHandle) {
    let world = World::new(store).await;
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    let platform = world.person("platform", None, &all_but(&[])).await;
    let user = world.user("ada", Some("acme"), &[]).await;
    let robot = world.service("bot", Some("acme"), &[]).await;
    for who in [user, robot] {
        let ctx = world.ctx();
        let done = set_subject_status(ctx, &OPERATOR, who, StatusChange::Disabled).await;
        done.unwrap();
        let done = set_subject_status(ctx, &admin.caller, who, StatusChange::Enabled).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
        let found = find_subject(ctx, &OPERATOR, who).await.unwrap();
        assert_eq!(found.status, SubjectStatus::Disabled { at: NOW });
        let done = set_subject_status(ctx, &platform.caller, who, StatusChange::Enabled).await;
        done.unwrap();
    }
}

/// Without its membership it would make no key again.
pub(crate) async fn a_tenants_key_subject_stays_in_its_tenant(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let key = || new_token(TokenKind::Key, OwnerRef::Tenant(acme.clone()));
    let made = create_token(world.ctx(), &OPERATOR, key()).await.unwrap();
    let admin = world.person("admin", Some("acme"), &all_but(&[])).await;
    for caller in [&admin.caller, &OPERATOR] {
        let owner = made.token.owner;
        let done = end_membership(world.ctx(), caller, owner, acme.clone()).await;
        assert_eq!(reason(done), ManageRefusal::NotFound("membership"));
    }
    create_token(world.ctx(), &OPERATOR, key()).await.unwrap();
}

/// Names are listed on operators' terminals, with ends of lines between them.
pub(crate) async fn a_name_says_nothing_to_a_terminal(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.person("ada", Some("acme"), &[]).await;
    let ctx = world.ctx();
    for name in ["\u{1b}[2J", "a\nb", "a\0", &"x".repeat(201)] {
        let invalid = ManageRefusal::NameInvalid;
        let name = Some(name.to_owned());
        let new = CreateToken {
            name: name.clone(),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada.id))
        };
        let made = create_token(ctx, &ada.caller, new).await;
        assert_eq!(reason(made), invalid.clone().into());
        let new = CreateUser {
            name: name.clone(),
            ..new_user("bob", placement(None, &[]))
        };
        let made = create_user(ctx, &OPERATOR, new).await;
        assert_eq!(reason(made), invalid);
        let new = CreateServiceAccount {
            email: email("bot"),
            name: name.clone(),
            placement: placement(None, &[]),
        };
        let made = create_service_account(ctx, &OPERATOR, new).await;
        assert_eq!(reason(made), invalid);
        let new = CreateTenant {
            id: tenant_id("globex"),
            name: name.clone(),
        };
        let made = create_tenant(ctx, &OPERATOR, new).await;
        assert_eq!(reason(made), invalid);
        let request = Invite {
            email: email("eve"),
            tenant: tenant_id("acme"),
            roles: vec![],
            life: None,
            delivery: None,
        };
        let invited = invite(ctx, &OPERATOR, request).await.unwrap();
        let taking = |name| AcceptInvitation {
            by: None,
            secret: invited.secret.clone().unwrap(),
            password: None,
            name,
        };
        let done = accept_invitation(ctx, taking(name)).await;
        assert_eq!(reason(done), invalid);
        let found = find_subject_by_email(ctx, &OPERATOR, email("eve")).await;
        assert_eq!(code(found), ErrorCode::NotFound);
    }
}

pub(crate) async fn a_dead_caller_manages_nothing(store: StoreHandle) {
    let world = World::new(store).await;
    let scene = Scene::set(&world, "acme").await;
    let everything = all_but(&[]);
    let gone = world.person("gone", None, &everything).await;
    sign_out(world.ctx(), &gone.caller).await.unwrap();
    let off = world.person("off", None, &everything).await;
    let done = set_subject_status(world.ctx(), &OPERATOR, off.id, StatusChange::Disabled).await;
    done.unwrap();
    // Enabled again, the old session stays over.
    let done = set_subject_status(world.ctx(), &OPERATOR, off.id, StatusChange::Enabled).await;
    done.unwrap();
    let ada = world.person("ada", None, &everything).await;
    let eve = world.person("eve", None, &[]).await;
    let Caller::Subject { credential, .. } = ada.caller else {
        panic!("a person is a subject");
    };
    // Somebody else's session proves nobody.
    let borrowed = Caller::Subject {
        subject: eve.id,
        credential,
        carries: None,
    };
    let token = world.mint(TokenKind::Personal, ada.id).await.token.id;
    let through_token = Caller::Subject {
        subject: ada.id,
        credential: CredentialId::ApiToken(token),
        carries: None,
    };
    authenticate(world.ctx(), &through_token).await.unwrap();
    let done = revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(token)).await;
    done.unwrap();
    let through_client = Caller::Subject {
        subject: ada.id,
        credential: CredentialId::Client(ClientId::from_bytes([1; 16])),
        carries: None,
    };
    for caller in [
        gone.caller,
        off.caller,
        borrowed,
        through_token,
        through_client,
    ] {
        for action in Action::ALL {
            let done = scene.run(&world, &caller, action).await;
            assert_eq!(done, Err(ErrorCode::TokenInvalid), "{action:?} {caller:?}");
        }
    }
}
