//! Giving authority: nobody gives what it does not hold.

use super::action::role_grant;
use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::writing;
use doorward_base::principal::{CredentialId, LostRole};
use doorward_base::{ErrorCode, Permission, SessionId};
use doorward_identity::act::*;
use doorward_identity::decide::authority::Unnamed;
use doorward_identity::decide::manage::ManagementPermission;
use doorward_identity::decide::refusal::{ManageRefusal, TokenRefusal, UseRefusal};
use doorward_identity::model::{Ceiling, ClientKind, Grant, Granted, Outcome, Session, TokenKind};
use doorward_identity::port::{Page, StoreHandle};
use doorward_identity::settings::{DefaultScopes, Presentation};
use serde_json::json;
use std::time::Duration;

const GRANTS: &str = ManagementPermission::GrantsEdit.as_str();
const USERS: &str = ManagementPermission::UsersEdit.as_str();
const SERVICES: &str = ManagementPermission::ServiceAccountsEdit.as_str();
const TOKENS: &str = ManagementPermission::AccessTokensEdit.as_str();
const CLIENTS: &str = ManagementPermission::ClientsEdit.as_str();
const MEMBERS: &str = ManagementPermission::MembershipsEdit.as_str();

pub(crate) async fn nobody_grants_what_it_does_not_hold(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let admin = world
        .person("admin", Some("acme"), &[GRANTS, USERS, MEMBERS, "read"])
        .await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    add_grant(
        world.ctx(),
        &OPERATOR,
        admin.id,
        role_grant(Some(&acme), "viewer"),
    )
    .await
    .unwrap();
    let not_held = |name: &str| Err(ManageRefusal::NotHeld(name.to_owned()));
    for (given, expected) in [
        (grant(Some("acme"), "read"), Ok(())),
        (grant(Some("acme"), GRANTS), Ok(())),
        (grant(Some("acme"), "write"), not_held("write")),
        (grant(Some("acme"), TOKENS), not_held(TOKENS)),
        (role_grant(Some(&acme), "viewer"), Ok(())),
        (role_grant(Some(&acme), "editor"), not_held("editor")),
        (grant(None, "read"), Err(ManageRefusal::RealmWide)),
    ] {
        // Neither to another nor to itself, and what cannot be given cannot be taken.
        for subject in [ada, admin.id] {
            let added = add_grant(world.ctx(), &admin.caller, subject, given.clone()).await;
            match (&expected, given.tenant.is_some()) {
                (Ok(()), _) => drop(added.unwrap()),
                (Err(refusal), true) => assert_eq!(reason(added), *refusal, "{given:?}"),
                (Err(_), false) => assert_eq!(code(added), ErrorCode::InsufficientPermission),
            }
            if expected.is_err() {
                let taken = remove_grant(world.ctx(), &admin.caller, subject, given.clone()).await;
                assert_eq!(code(taken), ErrorCode::InsufficientPermission);
            }
        }
    }
    // By making a user, or by inviting one.
    for (permission, expected) in [("read", Ok(())), ("write", not_held("write"))] {
        let new = CreateUser {
            proven: false,
            ..new_user(permission, placement(Some("acme"), &[permission]))
        };
        let made = create_user(world.ctx(), &admin.caller, new).await;
        assert_eq!(made.map(|_| ()).map_err(refused), expected);
    }
    for (role, expected) in [("viewer", Ok(())), ("editor", not_held("editor"))] {
        let request = Invite {
            email: email("new"),
            tenant: acme.clone(),
            roles: vec![role.parse().unwrap()],
            life: None,
            delivery: None,
        };
        let made = invite(world.ctx(), &admin.caller, request).await;
        assert_eq!(made.map(|_| ()).map_err(refused), expected);
    }
    // Nor to who is no member.
    let bob = world.user("bob", None, &[]).await;
    let added = add_grant(world.ctx(), &admin.caller, bob, grant(Some("acme"), "read")).await;
    assert_eq!(code(added), ErrorCode::NotFound);
}

fn refused(failure: Failure<ManageRefusal>) -> ManageRefusal {
    reason::<(), _>(Err(failure))
}

pub(crate) async fn realm_wide_grants_are_the_operators(store: StoreHandle) {
    let world = World::new(store).await;
    let admin = world.person("admin", None, &[GRANTS, USERS, "read"]).await;
    let ada = world.user("ada", None, &[]).await;
    for given in [grant(None, "read"), role_grant(None, "viewer")] {
        let added = add_grant(world.ctx(), &admin.caller, ada, given.clone()).await;
        assert_eq!(reason(added), ManageRefusal::RealmWide);
        add_grant(world.ctx(), &OPERATOR, ada, given.clone())
            .await
            .unwrap();
        let taken = remove_grant(world.ctx(), &admin.caller, ada, given).await;
        assert_eq!(reason(taken), ManageRefusal::RealmWide);
    }
    let new = new_user("bob", placement(None, &["read"]));
    let made = create_user(world.ctx(), &admin.caller, new).await;
    assert_eq!(reason(made), ManageRefusal::RealmWide);
}

pub(crate) async fn a_new_service_account_gets_what_its_maker_holds(store: StoreHandle) {
    let world = World::new(store).await;
    let wide = world.person("wide", None, &[SERVICES, "read"]).await;
    let local = world
        .person("local", Some("acme"), &[SERVICES, "read"])
        .await;
    for (n, (maker, tenant, permissions, expected)) in [
        (&wide, None, &["read"][..], Ok(())),
        (
            &wide,
            None,
            &["read", "write"],
            Err(ErrorCode::InsufficientPermission),
        ),
        (&wide, Some("acme"), &["read", SERVICES], Ok(())),
        (&local, Some("acme"), &["read"], Ok(())),
        (
            &local,
            Some("acme"),
            &["write"],
            Err(ErrorCode::InsufficientPermission),
        ),
        (&local, None, &[], Err(ErrorCode::InsufficientPermission)),
        (
            &local,
            None,
            &["read"],
            Err(ErrorCode::InsufficientPermission),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let new = CreateServiceAccount {
            email: email(&format!("bot{n}")),
            name: None,
            placement: placement(tenant, permissions),
        };
        let made = create_service_account(world.ctx(), &maker.caller, new).await;
        assert_eq!(outcome(made), expected, "{n}");
    }
    // What it has afterwards is an operator's to change.
    let bot = find_subject_by_email(world.ctx(), &OPERATOR, email("bot0")).await;
    let added = add_grant(
        world.ctx(),
        &wide.caller,
        bot.unwrap().id,
        grant(None, "read"),
    )
    .await;
    assert_eq!(code(added), ErrorCode::InsufficientPermission);
}

pub(crate) async fn an_exchanged_jwt_carries_only_its_scopes(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[USERS, TOKENS, GRANTS]).await;
    let bot = world.service("bot", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await.token;
    let carrying = |scopes: &[&str]| Caller::Subject {
        subject: ada,
        credential: CredentialId::ApiToken(token.id),
        carries: Some(permissions_of(scopes)),
    };
    let service = || new_token(TokenKind::Service, OwnerRef::Subject(bot));
    let refused = TokenRefusal::from(ManageRefusal::SessionNeeded);
    for (n, (scopes, users)) in [
        (&[][..], false),
        (&[USERS], true),
        (&[TOKENS], false),
        (&[USERS, TOKENS], true),
        // A scope that is not held opens nothing.
        (&[SERVICES], false),
    ]
    .into_iter()
    .enumerate()
    {
        let caller = carrying(scopes);
        let new = CreateUser {
            proven: false,
            ..new_user(&format!("user{n}"), placement(None, &[]))
        };
        let made = create_user(world.ctx(), &caller, new).await;
        assert_eq!(made.is_ok(), users, "{scopes:?}");
        // A credential never manages its siblings, whatever it carries.
        let made = create_token(world.ctx(), &caller, service()).await;
        assert_eq!(reason(made), refused, "{scopes:?}");
        let page = Page {
            after: None,
            limit: 10,
        };
        for owner in [None, Some(TokensOf::Owner(OwnerRef::Subject(ada)))] {
            let listed = list_tokens(world.ctx(), &caller, owner, page).await;
            assert_eq!(reason(listed), refused, "{scopes:?}");
        }
    }
}

/// Whoever finds a narrowed credential of an administrator makes nothing that it does not
/// carry, and no credential at all.
pub(crate) async fn what_is_made_through_a_narrowed_credential_is_no_wider(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let held = [USERS, SERVICES, GRANTS, MEMBERS, CLIENTS, "read", "write"];
    let ada = world.user("ada", None, &held).await;
    create_membership(world.ctx(), &OPERATOR, ada, acme.clone())
        .await
        .unwrap();
    let bob = world.user("bob", Some("acme"), &[]).await;
    let bound = CreateToken {
        ceiling: ceiling(Some("acme"), &[USERS, SERVICES, GRANTS, CLIENTS, "read"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let bound = create_token(world.ctx(), &OPERATOR, bound).await.unwrap();
    let free = world.mint(TokenKind::Personal, ada).await;
    let caller = |token: &MintedToken, carries: &[&str]| Caller::Subject {
        subject: ada,
        credential: CredentialId::ApiToken(token.token.id),
        carries: Some(permissions_of(carries)),
    };
    let narrowed = [
        // By its own ceiling, and by what a JWT that was made from it carries.
        caller(&bound, &held),
        caller(&free, &[USERS, SERVICES, GRANTS, CLIENTS, "read"]),
    ];
    let not_held = || ManageRefusal::NotHeld("write".to_owned());
    for (n, by) in narrowed.iter().enumerate() {
        let ctx = world.ctx();
        // What it carries it may give.
        let bot = |name: &str, permission: &str| CreateServiceAccount {
            email: email(&format!("{name}{n}")),
            name: None,
            placement: placement(Some("acme"), &[permission]),
        };
        create_service_account(ctx, by, bot("reader", "read"))
            .await
            .unwrap();
        let made = create_service_account(ctx, by, bot("writer", "write")).await;
        assert_eq!(reason(made), not_held());
        let added = add_grant(ctx, by, bob, grant(Some("acme"), "write")).await;
        assert_eq!(reason(added), not_held());
        let user = |permission: &str| CreateUser {
            proven: false,
            ..new_user(
                &format!("{permission}{n}"),
                placement(Some("acme"), &[permission]),
            )
        };
        // A password would be a credential that outlives this one.
        let let_in = CreateUser {
            password: Some(secret("correct horse")),
            ..user("read")
        };
        let made = create_user(ctx, by, let_in).await;
        assert_eq!(reason(made), ManageRefusal::SessionNeeded);
        create_user(ctx, by, user("read")).await.unwrap();
        assert_eq!(
            reason(create_user(ctx, by, user("write")).await),
            not_held()
        );
        let new = CreateClient {
            name: "an application".to_owned(),
            kind: ClientKind::Confidential,
            ceiling: Ceiling {
                roles: Some(vec![]),
                ..ceiling(Some("acme"), &["read"])
            },
            redirect_uris: vec![],
        };
        let made = create_client(ctx, by, new).await;
        assert_eq!(reason(made), ManageRefusal::SessionNeeded);
    }
    // A word on whose address it is, is the realm's: a token of one tenant has none.
    let vouching = CreateUser {
        proven: true,
        ..new_user("victim", placement(Some("acme"), &[]))
    };
    let made = create_user(world.ctx(), &narrowed[0], vouching).await;
    assert_eq!(reason(made), ManageRefusal::NotVouching);
    // A sign-in that was narrowed makes no wider client.
    let now = world.call.now;
    let id = SessionId::mint(&*world.identity.entropy, now);
    let ceiling_of = ceiling(None, &[CLIENTS, "read"]);
    let session = Session::begin(id, ada, ceiling_of, now, now.plus(Duration::from_secs(60)));
    let (store, realm) = (world.store(), world.realm.id);
    let put = writing!(store, realm, [session], |tx| tx
        .insert_session(&session)
        .await);
    put.unwrap();
    let by = Caller::Subject {
        subject: ada,
        credential: CredentialId::Session(id),
        carries: None,
    };
    for (permission, expected) in [("read", Ok(())), ("write", Err(not_held()))] {
        let new = CreateClient {
            name: "an application".to_owned(),
            kind: ClientKind::Confidential,
            ceiling: Ceiling {
                roles: Some(vec![]),
                ..ceiling(Some("acme"), &[permission])
            },
            redirect_uris: vec![],
        };
        let made = create_client(world.ctx(), &by, new).await;
        assert_eq!(made.map(|_| ()).map_err(refused), expected);
    }
}

/// The administrator of one tenant would otherwise act in all others.
pub(crate) async fn what_reaches_into_other_tenants_no_tenant_gives(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.crossing = Some("tenant:assume".parse().unwrap());
        settings.tokens.default_scopes = DefaultScopes::All;
    })
    .await;
    world.tenant("globex").await;
    let local = world
        .user("local", Some("acme"), &["tenant:assume", "read"])
        .await;
    let wide = world.user("wide", None, &["tenant:assume", "read"]).await;
    let free = world.mint(TokenKind::Personal, wide).await;
    create_membership(world.ctx(), &OPERATOR, wide, tenant_id("acme"))
        .await
        .unwrap();
    let of_local = world.mint(TokenKind::Personal, local).await;
    // A token of one tenant names no other, whoever owns it.
    let bound = world.mint(TokenKind::Personal, wide).await;
    for (token, crosses) in [(of_local, false), (bound, false), (free, true)] {
        let issued = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
        assert_eq!(scope_texts(&issued), ["read", "tenant:assume"]);
        assert_eq!(claims(&issued)["dw"]["x"] == true, crosses);
        let seen = introspect(world.ctx(), &token.secret, &Presentation::Basic).await;
        assert_eq!(seen.unwrap().principal.crosses, crosses);
        // What is narrowed away opens nothing.
        let asked = ExchangeRequest {
            scope: Some("read".to_owned()),
            ..asking(&token.secret)
        };
        let issued = exchange(world.ctx(), asked).await.unwrap();
        assert_eq!(claims(&issued)["dw"].get("x"), None);
    }
}

/// What one tenant gave to somebody who may act in all would be carried into the others.
pub(crate) async fn what_a_tenant_gave_to_who_acts_in_all_stays_there(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.crossing = Some("tenant:assume".parse().unwrap());
        settings.tokens.default_scopes = DefaultScopes::All;
    })
    .await;
    let ada = world
        .user_with_password("ada", "correct horse", Some("acme"))
        .await;
    world.grant(ada, None, "tenant:assume").await;
    let crosses = async |tenant: Option<&str>, scope: Option<&str>| {
        let request = SignIn {
            tenant: tenant.map(tenant_id),
            scope: scope.map(str::to_owned),
            ..signing_in("ada@example.org", "correct horse")
        };
        let signed = sign_in(world.ctx(), request).await.unwrap();
        claims(&signed.issued)["dw"]["x"] == true
    };
    assert!(crosses(Some("acme"), None).await);
    world.grant(ada, Some("acme"), "read").await;
    assert!(!crosses(Some("acme"), None).await);
    assert!(crosses(Some("acme"), Some("tenant:assume")).await);
    // Who names no tenant is in its only one; in several, or where he says so, in none.
    assert!(!crosses(None, None).await);
    let nowhere = SignIn {
        unnamed: Unnamed::Nowhere,
        ..signing_in("ada@example.org", "correct horse")
    };
    let signed = sign_in(world.ctx(), nowhere).await.unwrap();
    assert_eq!(claims(&signed.issued)["dw"]["x"], true);
    let globex = world.tenant("globex").await;
    create_membership(world.ctx(), &OPERATOR, ada, globex)
        .await
        .unwrap();
    assert!(crosses(None, None).await);
    // What is held realm-wide as well was not the tenant's to give.
    world.grant(ada, None, "read").await;
    assert!(crosses(Some("acme"), None).await);
}

/// A token that is presented and one that was exchanged for it see the same rows.
pub(crate) async fn a_role_that_is_narrowed_away_is_told_alike(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.default_role = Some("editor".parse().unwrap());
    })
    .await;
    let ada = world.user("ada", None, &[]).await;
    for role in ["editor", "viewer"] {
        let given = role_grant(None, role);
        assert!(add_grant(world.ctx(), &OPERATOR, ada, given).await.unwrap());
    }
    let editor = || "editor".parse().unwrap();
    let viewers = Ceiling {
        roles: Some(vec!["viewer".parse().unwrap()]),
        ..Ceiling::default()
    };
    for (ceiling, in_force, lost, told) in [
        // The template writes no role.
        (Ceiling::default(), Some(editor()), None, json!("editor")),
        (
            ceiling(None, &["read"]),
            None,
            Some(LostRole::Part(editor())),
            json!("editor"),
        ),
        (viewers, None, Some(LostRole::Whole), json!(true)),
    ] {
        let new = CreateToken {
            ceiling,
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
        };
        let made = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
        let seen = introspect(world.ctx(), &made.secret, &Presentation::Basic).await;
        let seen = seen.unwrap().principal;
        assert_eq!((&seen.role, &seen.lost_role), (&in_force, &lost));
        let issued = exchange(world.ctx(), asking(&made.secret)).await.unwrap();
        assert_eq!(claims(&issued)["dw"]["l"], told);
    }
}

/// The id of the API token is in the access token, so whoever finds one knows it.
pub(crate) async fn an_exchanged_jwt_gives_itself_no_successor(store: StoreHandle) {
    let world = World::new(store).await;
    let refusal = TokenRefusal::from(ManageRefusal::SessionNeeded);
    let ada = world.user("ada", None, &[TOKENS]).await;
    let bot = world.service("bot", None, &[TOKENS]).await;
    for (owner, kind) in [(ada, TokenKind::Personal), (bot, TokenKind::Service)] {
        let new = CreateToken {
            ceiling: ceiling(None, &[TOKENS]),
            ..new_token(kind, OwnerRef::Subject(owner))
        };
        let old = create_token(world.ctx(), &OPERATOR, new.clone()).await;
        let old = old.unwrap();
        let caller = Caller::Subject {
            subject: owner,
            credential: CredentialId::ApiToken(old.token.id),
            carries: Some(permissions_of(&[TOKENS])),
        };
        let made = create_token(world.ctx(), &caller, new).await;
        assert_eq!(reason(made), refusal);
        let replacing = |token| RegenerateToken {
            token,
            expires_at: None,
            overlap: None,
        };
        let other = world.mint(kind, owner).await;
        for token in [
            TokenRef::Id(old.token.id),
            TokenRef::Id(other.token.id),
            TokenRef::Secret(other.secret),
        ] {
            let made = regenerate_token(world.ctx(), &caller, replacing(token)).await;
            assert_eq!(reason(made), refusal);
            assert_eq!(
                world.last_audit().await.event.outcome,
                Outcome::Refused(ErrorCode::InsufficientPermission)
            );
        }
        exchange(world.ctx(), asking(&old.secret)).await.unwrap();
        let done = revoke_token(world.ctx(), &caller, TokenRef::Id(other.token.id)).await;
        assert_eq!(reason(done), refusal);
        // Whoever has its secret may have another one, but no longer life.
        let proven = || TokenRef::Secret(old.secret.clone());
        let longer = RegenerateToken {
            token: proven(),
            expires_at: Some(world.call.now.plus(Duration::from_secs(60))),
            overlap: None,
        };
        let made = regenerate_token(world.ctx(), &caller, longer).await;
        assert_eq!(reason(made), TokenRefusal::ExpiryNotChosen);
        let made = regenerate_token(world.ctx(), &caller, replacing(proven())).await;
        let new = made.unwrap().token;
        assert_eq!(new.expires_at, old.token.expires_at);
        // It ends itself, whatever it carries.
        let bare = Caller::Subject {
            subject: owner,
            credential: CredentialId::ApiToken(new.id),
            carries: Some(vec![]),
        };
        let done = revoke_token(world.ctx(), &bare, TokenRef::Id(new.id)).await;
        done.unwrap();
    }
}

pub(crate) async fn a_token_is_not_minted_beyond_its_maker(store: StoreHandle) {
    let world = World::new(store).await;
    let admin = world.person("admin", Some("acme"), &[TOKENS, "read"]).await;
    let strong = world
        .service("strong", Some("acme"), &["read", "write"])
        .await;
    let new = |ceiling| CreateToken {
        ceiling,
        ..new_token(TokenKind::Service, OwnerRef::Subject(strong))
    };
    let beyond = TokenRefusal::from(ManageRefusal::NotHeld("write".to_owned()));
    let made = create_token(world.ctx(), &admin.caller, new(Ceiling::default())).await;
    assert_eq!(reason(made), beyond);
    let made = create_token(world.ctx(), &admin.caller, new(ceiling(None, &["read"]))).await;
    made.unwrap();
    // Nor is an operator's token replaced by one whose secret the maker then knows.
    let old = world.mint(TokenKind::Service, strong).await;
    let request = RegenerateToken {
        token: TokenRef::Id(old.token.id),
        expires_at: None,
        overlap: None,
    };
    let made = regenerate_token(world.ctx(), &admin.caller, request).await;
    assert_eq!(reason(made), beyond);
    exchange(world.ctx(), asking(&old.secret)).await.unwrap();
}

/// Who makes a token for another names nothing that it does not hold: the token would carry
/// it once its owner is given it, and its maker knows the secret.
pub(crate) async fn what_is_named_for_a_token_its_maker_holds(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.tokens.audiences = vec!["https://api.example".parse().unwrap()];
    })
    .await;
    let admin = world.person("admin", Some("acme"), &[TOKENS, "read"]).await;
    let bot = world.service("bot", Some("acme"), &["read"]).await;
    let new = |ceiling| CreateToken {
        ceiling,
        ..new_token(TokenKind::Service, OwnerRef::Subject(bot))
    };
    let named = ceiling(Some("acme"), &["read", "write"]);
    let beyond = TokenRefusal::from(ManageRefusal::NotHeld("write".to_owned()));
    let made = create_token(world.ctx(), &admin.caller, new(named.clone())).await;
    assert_eq!(reason(made), beyond);
    let role = Ceiling {
        roles: Some(vec!["editor".parse().unwrap()]),
        ..ceiling(Some("acme"), &["read"])
    };
    let made = create_token(world.ctx(), &admin.caller, new(role)).await;
    let editor = TokenRefusal::from(ManageRefusal::NotHeld("editor".to_owned()));
    assert_eq!(reason(made), editor);
    // Nor is the secret of an operator's token told to it.
    let old = create_token(world.ctx(), &OPERATOR, new(named)).await;
    let request = RegenerateToken {
        token: TokenRef::Id(old.unwrap().token.id),
        expires_at: None,
        overlap: None,
    };
    let made = regenerate_token(world.ctx(), &admin.caller, request).await;
    assert_eq!(reason(made), beyond);
    let made = create_token(
        world.ctx(),
        &admin.caller,
        new(ceiling(Some("acme"), &["read"])),
    );
    let made = made.await.unwrap();
    world.grant(bot, Some("acme"), "write").await;
    for (scope, expected) in [("read", Ok(())), ("write", Err(ErrorCode::InvalidScope))] {
        let request = ExchangeRequest {
            scope: Some(scope.to_owned()),
            ..asking(&made.secret)
        };
        let done = exchange(world.ctx(), request).await;
        assert_eq!(outcome(done), expected, "{scope}");
    }
}

/// Grants by names of APIs that there are not would have no end, and each use of what their
/// subject has would pay for them, in other tenants too.
pub(crate) async fn a_grant_is_for_an_api_of_the_realm(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.tokens.audiences = vec!["https://api.example".parse().unwrap()];
    })
    .await;
    let admin = world.person("admin", Some("acme"), &[GRANTS, "read"]).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let on = |audience: &str| Grant {
        tenant: Some(tenant_id("acme")),
        granted: Granted::Permission {
            permission: "read".parse().unwrap(),
            audience: Some(audience.parse().unwrap()),
        },
    };
    for caller in [&admin.caller, &OPERATOR] {
        let added = add_grant(world.ctx(), caller, ada, on("https://none.example")).await;
        assert_eq!(reason(added), ManageRefusal::Invalid("the audience"));
    }
    let added = add_grant(world.ctx(), &admin.caller, ada, on("https://api.example")).await;
    assert!(added.unwrap());
}

/// A tenant's keys are ended by who may handle keys, one by one.
pub(crate) async fn the_owner_of_a_tenants_keys_is_not_disabled(store: StoreHandle) {
    let world = World::new(store).await;
    let clerk = world.person("clerk", Some("acme"), &[SERVICES]).await;
    let new = CreateToken {
        ceiling: ceiling(Some("acme"), &["read"]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(tenant_id("acme")))
    };
    let key = create_token(world.ctx(), &OPERATOR, new).await.unwrap();
    for caller in [&clerk.caller, &OPERATOR] {
        let owner = key.token.owner;
        let done = set_subject_status(world.ctx(), caller, owner, StatusChange::Disabled).await;
        assert_eq!(reason(done), ManageRefusal::NotFound("subject"));
    }
}

pub(crate) async fn a_key_carries_what_was_named_for_it(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let admin = world
        .person("admin", Some("acme"), &[TOKENS, "read", "write"])
        .await;
    let key = |permissions: &[&str]| CreateToken {
        ceiling: ceiling(None, permissions),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(acme.clone()))
    };
    let ctx = world.ctx();
    let wide = create_token(ctx, &admin.caller, key(&["read", "write"])).await;
    let narrow = create_token(ctx, &admin.caller, key(&["read"])).await;
    let bare = new_token(TokenKind::Key, OwnerRef::Tenant(acme.clone()));
    let bare = create_token(ctx, &admin.caller, bare).await;
    let beyond = create_token(ctx, &admin.caller, key(&["rest"])).await;
    let beyond = reason(beyond);
    assert_eq!(beyond, ManageRefusal::NotHeld("rest".to_owned()).into());
    // It survives who made it.
    let done = set_subject_status(ctx, &OPERATOR, admin.id, StatusChange::Disabled).await;
    done.unwrap();
    let plain: &[&str] = &[];
    for (made, expected) in [
        (wide, &["read", "write"][..]),
        (narrow, &["read"]),
        (bare, plain),
    ] {
        let made = made.unwrap();
        assert_eq!(made.token.ceiling.tenant, Some(tenant_id("acme")));
        let seen = introspect(ctx, &made.secret, &Presentation::Basic)
            .await
            .unwrap();
        assert_eq!(seen.principal.tenant, Some(tenant_id("acme")));
        let held: Vec<&str> = seen
            .principal
            .permissions
            .iter()
            .map(Permission::as_str)
            .collect();
        assert_eq!(held, expected);
    }
}

pub(crate) async fn a_role_must_be_defined(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    for (role, known) in [("viewer", true), ("Viewer", false), ("nobody", false)] {
        let given = role_grant(Some(&acme), role);
        let Granted::Role(name) = given.granted.clone() else {
            panic!("a role grant grants a role");
        };
        let added = add_grant(world.ctx(), &OPERATOR, ada, given).await;
        if known {
            assert!(added.unwrap());
        } else {
            assert_eq!(reason(added), ManageRefusal::RoleUnknown(name.to_string()));
        }
    }
}

/// Otherwise an invitation back would bring an old administrator's rights along.
pub(crate) async fn who_leaves_and_returns_holds_nothing(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", Some("acme"), &[USERS, "read"]).await;
    world.grant(ada, None, "write").await;
    let acme = tenant_id("acme");
    end_membership(world.ctx(), &OPERATOR, ada, acme.clone())
        .await
        .unwrap();
    create_membership(world.ctx(), &OPERATOR, ada, acme)
        .await
        .unwrap();
    let profile = load_profile(world.ctx(), &OPERATOR, ada).await.unwrap();
    assert_eq!(profile.grants, [grant(None, "write")]);
}

/// D4: what is written to end a membership, and what every node has to follow, does not
/// depend on how many tokens there are.
pub(crate) async fn ending_a_membership_costs_the_same_for_many_tokens(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let mut costs = Vec::new();
    for tokens in [1, 60] {
        let name = format!("bot{tokens}");
        let bot = world.service(&name, Some("acme"), &[]).await;
        let mut minted = Vec::new();
        for _ in 0..tokens {
            minted.push(world.mint(TokenKind::Service, bot).await);
        }
        let before = world.last_change().await;
        let epoch = world.epoch(bot, Some(&acme)).await;
        end_membership(world.ctx(), &OPERATOR, bot, acme.clone())
            .await
            .unwrap();
        costs.push(world.changes_after(before).await.len());
        assert!(world.epoch(bot, Some(&acme)).await > epoch);
        // All are dead at once, also for who comes back, and stay so when it is written
        // into each.
        let back = create_membership(world.ctx(), &OPERATOR, bot, acme.clone()).await;
        back.unwrap();
        for settled in [false, true] {
            if settled {
                let swept = sweep_erased(&world.identity, NOW).await;
                assert_eq!(swept, Ok(tokens));
            }
            for token in &minted {
                let done = exchange(world.ctx(), asking(&token.secret)).await;
                assert_eq!(reason(done), UseRefusal::Revoked);
                let via = &Presentation::Basic;
                let done = introspect(world.ctx(), &token.secret, via).await;
                assert_eq!(reason(done), UseRefusal::Revoked);
            }
            // What is made now is another one.
            let new = world.mint(TokenKind::Service, bot).await;
            let done = exchange(world.ctx(), asking(&new.secret)).await;
            done.unwrap();
        }
    }
    assert_eq!(costs, [1, 1]);
}
