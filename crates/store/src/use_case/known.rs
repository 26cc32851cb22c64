//! How subjects are known: users without an address, identities at other logins, external
//! subjects; and who is banned.

use super::world::*;
use crate::conformance::fixture::all;
use doorward_base::{Email, ErrorCode, IdentityId, SubjectId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, SignInRefusal};
use doorward_identity::model::{AuditAction, Contact, Metadata, SubjectStatus, TokenKind};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{ExternalIssuer, Provision};
use tokio::task::JoinSet;

const PASSWORD: &str = "correct horse";
const ISSUER: &str = "https://login.example/";

fn linking(subject: SubjectId, sub: &str, ground: LinkGround) -> LinkIdentity {
    LinkIdentity {
        subject,
        provider: "github".parse().unwrap(),
        sub: sub.to_owned(),
        data: Metadata::new(),
        ground,
    }
}

async fn anonymous(world: &World) -> SubjectId {
    let new = CreateUser {
        email: None,
        ..new_user("x", placement(None, &[]))
    };
    create_user(world.ctx(), &OPERATOR, new).await.unwrap().id
}

async fn contact(world: &World, id: SubjectId) -> Contact {
    let found = find_subject(world.ctx(), &OPERATOR, id).await.unwrap();
    found.identifier.contact().unwrap().clone()
}

pub(crate) async fn somebody_without_an_address_says_who_it_is(store: StoreHandle) {
    let world = World::new(store).await;
    let (one, other) = (anonymous(&world).await, anonymous(&world).await);
    assert!(contact(&world, one).await.anonymous);
    let caller = world.session(one, None).await;
    let ground = LinkGround::Session(caller.clone());
    let linked = link_identity(world.ctx(), linking(one, "42", ground.clone())).await;
    let linked = linked.unwrap();
    let event = world.last_audit().await.event;
    assert_eq!(event.action, AuditAction::IdentityLink);
    assert_eq!(event.detail.len(), 1, "nothing personal: {event:?}");
    assert!(!contact(&world, one).await.anonymous);
    let profile = load_profile(world.ctx(), &OPERATOR, one).await.unwrap();
    assert_eq!(profile.identities, [linked]);
    // It is one subject's.
    let theirs = LinkGround::Session(world.session(other, None).await);
    let done = link_identity(world.ctx(), linking(other, "42", theirs)).await;
    assert_eq!(code(done), ErrorCode::AlreadyExists);
    let done = link_identity(world.ctx(), linking(other, "43", ground)).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("subject"));
    assert!(contact(&world, other).await.anonymous);
}

pub(crate) async fn an_identity_is_linked_on_a_proven_address_of_both_sides(store: StoreHandle) {
    let world = World::new(store).await;
    let proven = world.user("ada", None, &[]).await;
    let said = CreateUser {
        proven: false,
        ..new_user("bob", placement(None, &[]))
    };
    let said = create_user(world.ctx(), &OPERATOR, said).await.unwrap().id;
    for (subject, verified, links) in [
        (said, "bob", false),
        (proven, "bob", false),
        (proven, "ada", true),
    ] {
        let ground = LinkGround::Address(email(verified));
        let done = link_identity(world.ctx(), linking(subject, "42", ground)).await;
        assert_eq!(done.is_ok(), links, "{verified}");
    }
}

/// Other systems compose letters otherwise, and browsers write domains otherwise.
pub(crate) async fn an_account_is_one_however_it_is_typed(store: StoreHandle) {
    let world = World::new(store).await;
    let typed = |address: &str| Email::new(address).unwrap();
    let new = CreateUser {
        email: Some(typed("jos\u{e9}@m\u{fc}nchen.example")),
        password: Some(secret("p\u{e4}ssw\u{f6}rter")),
        ..new_user("x", placement(None, &[]))
    };
    let made = create_user(world.ctx(), &OPERATOR, new.clone())
        .await
        .unwrap();
    let apart = "JOSE\u{301}@xn--mnchen-3ya.example";
    let again = CreateUser {
        email: Some(typed(apart)),
        ..new
    };
    let again = create_user(world.ctx(), &OPERATOR, again).await;
    assert_eq!(code(again), ErrorCode::AlreadyExists);
    let signed = sign_in(world.ctx(), signing_in(apart, "pa\u{308}sswo\u{308}rter")).await;
    assert_eq!(signed.unwrap().subject.id, made.id);
}

pub(crate) async fn the_last_way_in_is_not_unlinked(store: StoreHandle) {
    let world = World::new(store).await;
    let (bare, safe) = (
        world.user("bare", None, &[]).await,
        world.user_with_password("safe", PASSWORD, None).await,
    );
    let mut ids = Vec::new();
    for (subject, sub) in [(bare, "1"), (safe, "2")] {
        let ground = LinkGround::Session(world.session(subject, None).await);
        let linked = link_identity(world.ctx(), linking(subject, sub, ground)).await;
        ids.push(linked.unwrap().id);
    }
    let by_bare = world.session(bare, None).await;
    let by_safe = world.session(safe, None).await;
    let unknown = IdentityId::from_bytes([9; 16]);
    for (caller, subject, id, expected) in [
        (&by_bare, bare, ids[0], Err(ErrorCode::InvalidRequest)),
        (&OPERATOR, bare, ids[0], Err(ErrorCode::InvalidRequest)),
        (&by_bare, bare, ids[1], Err(ErrorCode::NotFound)),
        (
            &by_bare,
            safe,
            ids[1],
            Err(ErrorCode::InsufficientPermission),
        ),
        (&by_safe, safe, unknown, Err(ErrorCode::NotFound)),
        (&by_safe, safe, ids[1], Ok(())),
        (&by_safe, safe, ids[1], Err(ErrorCode::NotFound)),
    ] {
        let done = unlink_identity(world.ctx(), caller, subject, id).await;
        assert_eq!(outcome(done), expected, "{caller:?}");
    }
}

pub(crate) async fn a_ban_holds_until_its_end(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let caller = world.session(ada, None).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let before = world.epoch(ada, None).await;
    let until = after(60);
    let banned = StatusChange::Banned { until };
    let done = set_subject_status(world.ctx(), &OPERATOR, ada, banned).await;
    done.unwrap();
    assert!(world.epoch(ada, None).await > before, "access tokens die");
    for (seconds, refused) in [(0, true), (59, true), (60, false)] {
        let then = world.at(seconds);
        let signed = sign_in(then.ctx(), signing_in("ada@example.org", PASSWORD)).await;
        let exchanged = exchange(then.ctx(), asking(&token.secret)).await;
        let managed = load_profile(then.ctx(), &caller, ada).await;
        assert_eq!(signed.is_err(), refused, "{seconds}");
        assert_eq!(exchanged.is_err(), refused, "{seconds}");
        assert_eq!(managed.is_err(), refused, "{seconds}");
    }
    let status = |world: World| async move {
        let found = find_subject(world.ctx(), &OPERATOR, ada).await;
        found.unwrap().status
    };
    assert_eq!(status(world.clone()).await, SubjectStatus::Banned { until });
    let boss = world.tenant("acme").await;
    let boss = world
        .person("boss", Some(boss.as_str()), &["platform.users.edit"])
        .await;
    for (by, standing, expected) in [
        (
            &boss.caller,
            StatusChange::Unbanned,
            Err(ErrorCode::InsufficientPermission),
        ),
        (&OPERATOR, StatusChange::Unbanned, Ok(())),
        (&boss.caller, banned, Err(ErrorCode::InsufficientPermission)),
        (
            &OPERATOR,
            StatusChange::Banned { until: NOW },
            Err(ErrorCode::InvalidRequest),
        ),
        (&OPERATOR, StatusChange::Disabled, Ok(())),
        // Neither a ban nor its end brings back who was disabled.
        (&OPERATOR, banned, Err(ErrorCode::InvalidRequest)),
        (&OPERATOR, StatusChange::Unbanned, Ok(())),
    ] {
        let done = set_subject_status(world.ctx(), by, ada, standing).await;
        assert_eq!(outcome(done), expected, "{standing:?}");
    }
    let disabled = SubjectStatus::Disabled { at: NOW };
    assert_eq!(status(world.clone()).await, disabled);
}

fn external(sub: &str) -> ExternalName {
    ExternalName {
        issuer: ISSUER.into(),
        sub: sub.into(),
    }
}

async fn with_rule(store: StoreHandle, provision: Provision) -> World {
    World::with(store, |settings| {
        settings.externals = vec![ExternalIssuer {
            issuer: ISSUER.into(),
            provision,
        }];
        settings.default_roles = vec!["viewer".parse().unwrap()];
    })
    .await
}

pub(crate) async fn an_external_subject_is_made_on_first_sight_where_the_realm_says_so(
    store: StoreHandle,
) {
    let world = with_rule(store.clone(), Provision::Never).await;
    let found = find_external(world.ctx(), external("auth0|1"), None).await;
    assert_eq!(found.unwrap(), None);
    let world = world.reconfigured(|settings| {
        settings.externals[0].provision = Provision::FirstSight;
    });
    let elsewhere = ExternalName {
        issuer: "https://other.example/".into(),
        ..external("auth0|1")
    };
    assert_eq!(
        find_external(world.ctx(), elsewhere, None).await.unwrap(),
        None,
        "an issuer of which the realm knows nothing"
    );
    let mut racing = JoinSet::new();
    for _ in 0..16 {
        let world = world.clone();
        racing.spawn(async move {
            let found = find_external(world.ctx(), external("auth0|1"), None).await;
            found.map(|known| known.unwrap().subject.id)
        });
    }
    let mut ids = Vec::new();
    while let Some(raced) = racing.join_next().await {
        ids.push(raced.unwrap().unwrap());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1, "one subject for one name");
    let profile = load_profile(world.ctx(), &OPERATOR, ids[0]).await.unwrap();
    assert_eq!(profile.grants.len(), 1, "the default role");
    let long = "x".repeat(256);
    let done = find_external(world.ctx(), external(&long), None).await;
    assert_eq!(code(done), ErrorCode::SignInRefused);
}

pub(crate) async fn a_disabled_external_subject_loses_everything_at_once(store: StoreHandle) {
    let world = with_rule(store, Provision::FirstSight).await;
    let found = find_external(world.ctx(), external("auth0|1"), None).await;
    let subject = found.unwrap().unwrap().subject.id;
    let token = world.mint(TokenKind::Personal, subject).await;
    exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    let before = world.epoch(subject, None).await;
    let done = set_subject_status(world.ctx(), &OPERATOR, subject, StatusChange::Disabled).await;
    done.unwrap();
    let done = find_external(world.ctx(), external("auth0|1"), None).await;
    assert!(matches!(reason(done), SignInRefusal::Credentials(_)));
    let done = exchange(world.ctx(), asking(&token.secret)).await;
    assert_eq!(code(done), ErrorCode::TokenInvalid);
    assert!(world.epoch(subject, None).await > before);
    // Deleted, its name is free and brings nothing.
    let request = DeleteUser {
        subject,
        password: None,
    };
    delete_user(world.ctx(), &OPERATOR, request).await.unwrap();
    let again = find_external(world.ctx(), external("auth0|1"), None).await;
    let again = again.unwrap().unwrap().subject.id;
    assert_ne!(again, subject);
    let owned = Some(TokensOf::Owner(OwnerRef::Subject(again)));
    let tokens = list_tokens(world.ctx(), &OPERATOR, owned, all()).await;
    assert_eq!(tokens.unwrap().tokens, []);
}
