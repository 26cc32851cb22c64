//! Deleting users and tenants: what dies at once, what is left, what is free again. That
//! nothing personal stays in the store each engine's own tests look for.

use super::world::*;
use crate::conformance::fixture::{all, event, tenant_id};
use crate::conformance::writing;
use doorward_base::{ErrorCode, MailId, Phone, SubjectId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    Actor, AuditAction, Change, MailKind, Metadata, QueuedMail, TokenKind, UserAgent,
};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::Presentation;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const PASSWORD: &str = "correct horse";
/// Where the person's requests come from.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77));

/// A person of whom everything personal is known that the store was told.
pub(crate) struct Somebody {
    pub(crate) world: World,
    pub(crate) id: SubjectId,
    /// What must not be left of it.
    pub(crate) personal: Vec<String>,
}

fn phone() -> Phone {
    Phone::new("+49 170 5550199").unwrap()
}

fn metadata(name: &str, value: &str) -> Metadata {
    Metadata::from_iter([(name.to_owned(), json!(value))])
}

fn deletion(subject: SubjectId, password: Option<&str>) -> DeleteUser {
    DeleteUser {
        subject,
        password: password.map(secret),
    }
}

async fn delete(world: &World, subject: SubjectId) {
    let done = delete_user(world.ctx(), &OPERATOR, deletion(subject, None)).await;
    done.unwrap();
}

async fn link(world: &World, caller: &Caller, subject: SubjectId) {
    let new = LinkIdentity {
        subject,
        provider: "github".parse().unwrap(),
        sub: "gh-4711".to_owned(),
        data: metadata("login", "zebraadalogin"),
        ground: LinkGround::Session(caller.clone()),
    };
    link_identity(world.ctx(), new).await.unwrap();
}

/// Makes a person, and lets it do everything that leaves a trace.
pub(crate) async fn somebody(store: StoreHandle) -> Somebody {
    let mut world = World::new(store).await;
    world.tenant("acme").await;
    let new = CreateUser {
        phone: Some(phone()),
        name: Some("Zebraada Quagga".to_owned()),
        password: Some(secret(PASSWORD)),
        user_metadata: metadata("hobby", "zebrahobby"),
        app_metadata: metadata("plan", "zebraplan"),
        ..new_user(
            "zebraada",
            placement(Some("acme"), &["platform.memberships.edit"]),
        )
    };
    let id = create_user(world.ctx(), &OPERATOR, new).await.unwrap().id;
    // Somebody invites its address elsewhere.
    world.tenant("globex").await;
    invite_to(&world, &OPERATOR, "zebraada", "globex").await;
    world.call.peer = Some(HOME);
    let request = SignIn {
        user_agent: UserAgent::clean("zebrabrowser/1.0"),
        ..signing_in("zebraada@example.org", PASSWORD)
    };
    let signed = sign_in(world.ctx(), request).await;
    let caller = caller_of(&signed.unwrap());
    link(&world, &caller, id).await;
    let named = CreateToken {
        name: Some("zebra laptop".to_owned()),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(id))
    };
    let token = create_token(world.ctx(), &caller, named).await.unwrap();
    exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    // It acts on somebody else, and on nobody.
    invite_to(&world, &caller, "bob", "acme").await;
    // Mail is on its way to it, and to its address.
    for subject in [Some(id), None] {
        let mail = QueuedMail {
            id: MailId::mint(&*world.identity.entropy, NOW),
            subject,
            to: email("zebraada"),
            kind: MailKind::Invitation,
            language: None,
            variables: BTreeMap::from([("who".to_owned(), "zebramail".to_owned())]),
            sealed: None,
            attempts: 0,
            created_at: NOW,
            expires_at: after(60),
        };
        let (store, realm) = (world.store(), world.realm.id);
        let put = writing!(store, realm, [mail], |tx| tx.put_mail(&mail).await);
        put.unwrap();
    }
    let wrong = sign_in(
        world.ctx(),
        signing_in("zebraada@example.org", "wrong horse"),
    )
    .await;
    assert_eq!(code(wrong), ErrorCode::SignInRefused);
    let phone = phone();
    let personal = [
        "zebraada",
        phone.as_str(),
        "Quagga",
        "zebrahobby",
        "zebraplan",
        "gh-4711",
        "zebra laptop",
        "zebrabrowser",
        "zebramail",
        "203.0.113.77",
        "$argon2id$",
    ];
    Somebody {
        world,
        id,
        personal: personal.map(ToOwned::to_owned).to_vec(),
    }
}

impl Somebody {
    /// Deletes it, and lets the sweep do its work.
    pub(crate) async fn delete(&self) {
        delete(&self.world, self.id).await;
    }
}

async fn invite_to(world: &World, by: &Caller, name: &str, tenant: &str) {
    let request = Invite {
        email: email(name),
        tenant: tenant_id(tenant),
        roles: vec![],
        life: None,
        delivery: None,
    };
    invite(world.ctx(), by, request).await.unwrap();
}

pub(crate) async fn a_deleted_user_is_dead_at_once(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ada = world
        .user_with_password("ada", PASSWORD, Some("acme"))
        .await;
    let caller = world.session(ada, None).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    let (seq, epoch) = (world.last_change().await, world.epoch(ada, None).await);
    delete(&world, ada).await;
    let told = world.changes_after(seq).await;
    assert!(told.contains(&Change::Subject(ada)), "{told:?}");
    assert!(world.epoch(ada, None).await > epoch);
    let ctx = world.ctx();
    for by in [&OPERATOR, &caller] {
        let expected = match by {
            Caller::Operator => ErrorCode::NotFound,
            Caller::Subject { .. } => ErrorCode::TokenInvalid,
        };
        assert_eq!(code(find_subject(ctx, by, ada).await), expected);
    }
    let done = sign_in(ctx, signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(code(done), ErrorCode::SignInRefused);
    let done = exchange(ctx, asking(&token.secret)).await;
    assert_eq!(code(done), ErrorCode::TokenInvalid);
    let done = introspect(ctx, &token.secret, &Presentation::Exchange).await;
    assert_eq!(code(done), ErrorCode::TokenInvalid);
    let enabled = set_subject_status(ctx, &OPERATOR, ada, StatusChange::Enabled).await;
    assert_eq!(code(enabled), ErrorCode::NotFound);
    let again = delete_user(ctx, &OPERATOR, deletion(ada, None)).await;
    assert_eq!(code(again), ErrorCode::NotFound);
    let members = list_tenant_members(ctx, &OPERATOR, tenant_id("acme"), all()).await;
    assert_eq!(members.unwrap(), []);
    assert_eq!(list_subjects(ctx, &OPERATOR, all()).await.unwrap(), []);
}

pub(crate) async fn an_address_is_free_again_and_brings_nothing(store: StoreHandle) {
    let person = somebody(store).await;
    let world = &person.world;
    person.delete().await;
    let new = CreateUser {
        phone: Some(phone()),
        password: Some(secret("another horse")),
        ..new_user("zebraada", placement(None, &[]))
    };
    let again = create_user(world.ctx(), &OPERATOR, new).await.unwrap().id;
    assert_ne!(again, person.id);
    let profile = load_profile(world.ctx(), &OPERATOR, again).await.unwrap();
    assert_eq!((profile.memberships, profile.grants), (vec![], vec![]));
    assert_eq!(profile.identities, []);
    assert!(profile.subject.user_metadata.is_empty());
    let owned = Some(TokensOf::Owner(OwnerRef::Subject(again)));
    let tokens = list_tokens(world.ctx(), &OPERATOR, owned, all()).await;
    assert_eq!(tokens.unwrap().tokens, []);
    let done = sign_in(world.ctx(), signing_in("zebraada@example.org", PASSWORD)).await;
    assert_eq!(code(done), ErrorCode::SignInRefused);
    let signed = sign_in(
        world.ctx(),
        signing_in("zebraada@example.org", "another horse"),
    );
    let signed = signed.await.unwrap();
    // The name at the other login is free too.
    link(world, &caller_of(&signed), again).await;
    let rows = world.audit().await;
    let deleted = rows.iter().find(|row| {
        row.event.action == AuditAction::SubjectDelete && row.event.subject == Some(person.id)
    });
    assert_eq!(deleted.unwrap().event.actor, Actor::Operator);
    let created = rows.iter().any(|row| {
        row.event.action == AuditAction::UserCreate && row.event.subject == Some(person.id)
    });
    assert!(created, "what was written down stays");
}

pub(crate) async fn a_person_deletes_itself_by_its_password(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let bob = world.user_with_password("bob", PASSWORD, None).await;
    let caller = world.session(ada, None).await;
    for (subject, password, expected) in [
        (ada, None, ErrorCode::SignInRefused),
        (ada, Some("wrong horse"), ErrorCode::SignInRefused),
        (bob, Some(PASSWORD), ErrorCode::InsufficientPermission),
    ] {
        let done = delete_user(world.ctx(), &caller, deletion(subject, password)).await;
        assert_eq!(code(done), expected);
        let event = world.last_audit().await.event;
        assert_eq!(event.action, AuditAction::SubjectDelete);
    }
    let done = delete_user(world.ctx(), &caller, deletion(ada, Some(PASSWORD))).await;
    done.unwrap();
    assert_eq!(world.last_audit().await.event.actor, Actor::Subject(ada));
    assert_eq!(
        code(load_profile(world.ctx(), &caller, ada).await),
        ErrorCode::TokenInvalid
    );
    // Who has no password has come in a moment ago, or is sent to sign in again.
    let nobody = CreateUser {
        email: None,
        ..new_user("x", placement(None, &[]))
    };
    let nobody = create_user(world.ctx(), &OPERATOR, nobody)
        .await
        .unwrap()
        .id;
    let caller = world.session(nobody, None).await;
    let late = world.at(601);
    let done = delete_user(late.ctx(), &caller, deletion(nobody, None)).await;
    assert_eq!(reason(done), ManageRefusal::SignInTooOld);
    let done = delete_user(world.ctx(), &caller, deletion(nobody, None)).await;
    done.unwrap();
}

pub(crate) async fn a_tenants_administrator_deletes_nobody(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let permissions = ["platform.users.edit", "platform.tenants.edit"];
    let boss = world.person("boss", Some("acme"), &permissions).await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    let done = delete_user(world.ctx(), &boss.caller, deletion(ada, None)).await;
    assert_eq!(code(done), ErrorCode::InsufficientPermission);
    let done = delete_tenant(world.ctx(), &boss.caller, tenant_id("acme")).await;
    assert_eq!(code(done), ErrorCode::InsufficientPermission);
    let admin = world.person("admin", None, &permissions).await;
    let done = delete_user(world.ctx(), &admin.caller, deletion(ada, None)).await;
    done.unwrap();
}

pub(crate) async fn a_deleted_tenant_is_dead_at_once(store: StoreHandle) {
    let world = World::new(store).await;
    for id in ["acme", "globex"] {
        world.tenant(id).await;
    }
    let acme = tenant_id("acme");
    let ada = world.user("ada", Some("acme"), &["read"]).await;
    create_membership(world.ctx(), &OPERATOR, ada, tenant_id("globex"))
        .await
        .unwrap();
    let bound = CreateToken {
        ceiling: ceiling(Some("acme"), &["read"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    let bound = create_token(world.ctx(), &OPERATOR, bound).await.unwrap();
    let key = CreateToken {
        ceiling: ceiling(Some("acme"), &[]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(acme.clone()))
    };
    let key = create_token(world.ctx(), &OPERATOR, key).await.unwrap();
    for token in [&bound, &key] {
        exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    }
    let (here, elsewhere) = (
        world.session(ada, Some(&acme)).await,
        world.session(ada, Some(&tenant_id("globex"))).await,
    );
    let seq = world.last_change().await;
    let done = delete_tenant(world.ctx(), &OPERATOR, acme.clone()).await;
    done.unwrap();
    // What was signed in there is over, as after the end of a membership.
    let done = authenticate(world.ctx(), &here).await;
    assert_eq!(reason(done), ManageRefusal::SessionEnded);
    authenticate(world.ctx(), &elsewhere).await.unwrap();
    let told = world.changes_after(seq).await;
    assert!(told.contains(&Change::Tenants), "{told:?}");
    for token in [&bound, &key] {
        let done = exchange(world.ctx(), asking(&token.secret)).await;
        assert_eq!(code(done), ErrorCode::TokenInvalid);
    }
    let profile = load_profile(world.ctx(), &OPERATOR, ada).await.unwrap();
    let tenants: Vec<_> = profile.memberships.iter().map(|one| &one.tenant).collect();
    assert_eq!(tenants, [&tenant_id("globex")]);
    assert_eq!(profile.grants, []);
    let listed = list_tenants(world.ctx(), &OPERATOR, all()).await.unwrap();
    assert_eq!(listed.len(), 1);
    let done = delete_tenant(world.ctx(), &OPERATOR, acme.clone()).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    // Its id is never given again: others may still know it.
    let again = CreateTenant {
        id: acme.clone(),
        name: None,
    };
    let again = create_tenant(world.ctx(), &OPERATOR, again).await;
    assert_eq!(code_of(again), ErrorCode::AlreadyExists);
    let placed = create_user(
        world.ctx(),
        &OPERATOR,
        new_user("eve", placement(Some("acme"), &[])),
    )
    .await;
    assert_eq!(code_of(placed), ErrorCode::AlreadyExists);
}

fn code_of<T, R: doorward_identity::decide::refusal::Reason>(
    result: Result<T, Failure<R>>,
) -> ErrorCode {
    outcome(result).unwrap_err()
}

/// Who is erased one after the other writes no more by it each time: what the others left is
/// the job's.
pub(crate) async fn an_erasure_costs_nothing_for_who_was_erased_before(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let mut left = Vec::new();
    for name in ["ada", "bob"] {
        let erased = world.user(name, None, &[]).await;
        delete(&world, erased).await;
        // A request that was under way writes this down after the erasure.
        let mut straggler = event(1, AuditAction::TokenExchange);
        straggler.subject = Some(erased);
        straggler.actor = Actor::Subject(erased);
        straggler.peer = Some(HOME);
        let (store, realm) = (world.store(), world.realm.id);
        let written = writing!(store, realm, [straggler], |tx| tx
            .append_audit(&straggler)
            .await);
        written.unwrap();
        left.push(erased);
        assert_eq!(with_peer(&world).await, left);
    }
    delete_tenant(world.ctx(), &OPERATOR, tenant_id("globex"))
        .await
        .unwrap();
    assert_eq!(with_peer(&world).await, left);
    let swept = sweep_erased(&world.identity, NOW).await;
    assert_eq!(swept, Ok(2));
    assert_eq!(with_peer(&world).await, []);
}

/// Whose own exchanges are in the log with the address they came from.
async fn with_peer(world: &World) -> Vec<SubjectId> {
    let rows = world.audit().await.into_iter();
    let held = rows
        .filter(|row| row.event.action == AuditAction::TokenExchange && row.event.peer.is_some());
    held.filter_map(|row| row.event.subject).collect()
}
