//! Where somebody is a member: what everybody is given holds there, everybody leaves by himself,
//! and a later membership takes nobody away from home.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::ErrorCode;
use doorward_base::principal::CredentialId;
use doorward_identity::act::*;
use doorward_identity::decide::authority::Unnamed;
use doorward_identity::decide::refusal::{ManageRefusal, SignInRefusal, UseRefusal};
use doorward_identity::model::{AuditAction, RoleDefinition, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::Presentation;

const PASSWORD: &str = "correct horse";
const TOKENS: &str = "platform.users.service-accounts.access-tokens.edit";

/// A role that everybody is given is no office of the realm.
pub(crate) async fn what_everybody_is_given_holds_in_ones_own_tenants(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.default_roles = vec!["keeper".parse().unwrap()];
        settings.roles.push(RoleDefinition {
            role: "keeper".parse().unwrap(),
            permissions: permissions_of(&["read", TOKENS, "platform.users.read"]),
        });
    })
    .await;
    let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
    let member = world.person("member", Some("globex"), &[]).await;
    let key = |tenant: &_| CreateToken {
        ceiling: ceiling(Some(tenant), &["read"]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(tenant_id(tenant)))
    };
    let theirs = create_token(world.ctx(), &OPERATOR, key("acme"))
        .await
        .unwrap();
    let (ctx, me) = (world.ctx(), &member.caller);
    for (tenant, expected) in [("globex", Ok(())), ("acme", Err(ErrorCode::NotFound))] {
        let made = create_token(ctx, me, key(tenant)).await;
        assert_eq!(outcome(made), expected, "{tenant}");
    }
    let ended = revoke_token(ctx, me, TokenRef::Id(theirs.token.id)).await;
    assert_eq!(code(ended), ErrorCode::NotFound);
    introspect(ctx, &theirs.secret, &Presentation::Basic)
        .await
        .unwrap();
    let seen = list_tenant_members(ctx, me, acme, all()).await;
    assert_eq!(reason(seen), ManageRefusal::NotFound("tenant"));
    list_tenant_members(ctx, me, globex, all()).await.unwrap();
    let everybody = list_subjects(ctx, me, all()).await;
    assert_eq!(code(everybody), ErrorCode::InsufficientPermission);
}

/// Whoever was brought in goes as he likes, with all that ending a membership ends.
pub(crate) async fn everybody_leaves_a_tenant_by_himself(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let globex = world.tenant("globex").await;
    let ada = world.person("ada", Some("acme"), &[]).await;
    create_membership(world.ctx(), &OPERATOR, ada.id, globex.clone())
        .await
        .unwrap();
    // Also who holds something in the whole realm, whom no tenant sends away.
    world.grant(ada.id, None, "read").await;
    world.grant(ada.id, Some("globex"), "write").await;
    let there = world.session(ada.id, Some(&globex)).await;
    let here = world.session(ada.id, Some(&acme)).await;
    let new = CreateToken {
        ceiling: ceiling(Some("globex"), &["write"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada.id))
    };
    let token = create_token(world.ctx(), &ada.caller, new).await.unwrap();
    // A token ends no membership of whoever owns it, and nobody ends another's so.
    let by_token = Caller::Subject {
        subject: ada.id,
        credential: CredentialId::ApiToken(token.token.id),
        carries: None,
    };
    let done = leave_tenant(world.ctx(), &by_token, ada.id, globex.clone()).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    let bob = world.person("bob", Some("globex"), &[]).await;
    let done = leave_tenant(world.ctx(), &bob.caller, ada.id, globex.clone()).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("membership"));
    leave_tenant(world.ctx(), &here, ada.id, globex.clone())
        .await
        .unwrap();
    let event = world.last_audit().await.event;
    assert_eq!(event.action, AuditAction::MembershipEnd);
    assert_eq!(
        (event.subject, event.tenant),
        (Some(ada.id), Some(globex.clone()))
    );
    let used = exchange(world.ctx(), asking(&token.secret)).await;
    assert_eq!(reason(used), UseRefusal::Revoked);
    let ended = authenticate(world.ctx(), &there).await;
    assert_eq!(reason(ended), ManageRefusal::SessionEnded);
    authenticate(world.ctx(), &here).await.unwrap();
    let profile = load_profile(world.ctx(), &OPERATOR, ada.id).await.unwrap();
    assert_eq!(profile.grants, [grant(None, "read")]);
    let again = leave_tenant(world.ctx(), &here, ada.id, globex).await;
    assert_eq!(reason(again), ManageRefusal::NotFound("membership"));
    // By the very session that is bound to the tenant, which ends by it.
    leave_tenant(world.ctx(), &here, ada.id, acme)
        .await
        .unwrap();
    let ended = authenticate(world.ctx(), &here).await;
    assert_eq!(reason(ended), ManageRefusal::SessionEnded);
}

/// Whoever takes somebody into another tenant would take him away from his own.
pub(crate) async fn a_later_membership_takes_nobody_away_from_home(store: StoreHandle) {
    let world = World::new(store).await;
    let (zeta, acme) = (world.tenant("zeta").await, world.tenant("acme").await);
    let ada = world
        .user_with_password("ada", PASSWORD, Some("zeta"))
        .await;
    let at = async |world: &World, unnamed| {
        let request = SignIn {
            unnamed,
            ..signing_in("ada@example.org", PASSWORD)
        };
        let signed = sign_in(world.ctx(), request).await.unwrap();
        let sessions = list_sessions(world.ctx(), &OPERATOR, ada).await.unwrap();
        let mut sessions = sessions.into_iter();
        let begun = sessions.find(|session| session.id == signed.session);
        begun.unwrap().ceiling.tenant
    };
    assert_eq!(at(&world, Unnamed::Home).await, Some(zeta.clone()));
    assert_eq!(at(&world, Unnamed::Nowhere).await, None);
    let later = world.at(60);
    create_membership(later.ctx(), &OPERATOR, ada, acme.clone())
        .await
        .unwrap();
    for (unnamed, expected) in [
        (Unnamed::Home, Some(zeta.clone())),
        (Unnamed::OnlyOne, None),
        (Unnamed::Nowhere, None),
    ] {
        assert_eq!(at(&later, unnamed).await, expected, "{unnamed:?}");
    }
    end_membership(later.ctx(), &OPERATOR, ada, zeta.clone())
        .await
        .unwrap();
    assert_eq!(at(&later, Unnamed::Home).await, Some(acme));
    let gone = SignIn {
        tenant: Some(zeta),
        ..signing_in("ada@example.org", PASSWORD)
    };
    let refused = sign_in(later.ctx(), gone).await;
    assert_eq!(reason(refused), SignInRefusal::TenantForbidden);
}

/// A token that was found tells of the tenant that it is bound to, not of its owner's others.
pub(crate) async fn a_bound_token_reads_of_its_owner_what_is_there(store: StoreHandle) {
    let world = World::new(store).await;
    let (acme, globex) = (world.tenant("acme").await, world.tenant("globex").await);
    let ada = world.person("ada", Some("acme"), &["read"]).await;
    create_membership(world.ctx(), &OPERATOR, ada.id, globex.clone())
        .await
        .unwrap();
    world.grant(ada.id, Some("globex"), "write").await;
    world.grant(ada.id, None, "reports").await;
    let mint = async |tenant: Option<&str>| {
        let new = CreateToken {
            ceiling: ceiling(tenant, &["read"]),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(ada.id))
        };
        let made = create_token(world.ctx(), &ada.caller, new).await.unwrap();
        Caller::Subject {
            subject: ada.id,
            credential: CredentialId::ApiToken(made.token.id),
            carries: None,
        }
    };
    let bound = mint(Some("acme")).await;
    let here = load_profile(world.ctx(), &bound, ada.id).await.unwrap();
    let tenants: Vec<_> = here
        .memberships
        .iter()
        .map(|one| one.tenant.clone())
        .collect();
    assert_eq!(
        (tenants, here.grants),
        (vec![acme], vec![grant(Some("acme"), "read")])
    );
    assert_eq!(here.subject.id, ada.id);
    let whole = load_profile(world.ctx(), &ada.caller, ada.id)
        .await
        .unwrap();
    assert_eq!((whole.memberships.len(), whole.grants.len()), (2, 3));
}
