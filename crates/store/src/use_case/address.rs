//! An address counts where somebody answers for it: what a tenant's administrator makes
//! under one takes it from nobody, tells of nobody, and goes when its person comes.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use doorward_base::{Effect, Effects, ErrorCode, SubjectId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{AuditAction, Identifier, Subject, TokenKind};
use doorward_identity::port::StoreHandle;

const USERS: &str = "platform.users.edit";
const READ: &str = "platform.users.read";
const SERVICES: &str = "platform.users.service-accounts.edit";
const TOKENS: &str = "platform.users.service-accounts.access-tokens.edit";
const EDIT: &str = "platform.memberships.edit";
const PASSWORD: &str = "correct horse";
const PLANTED: &str = "planted horse";

/// Who administers this tenant and nothing else.
async fn administrator(world: &World, tenant: &str) -> Person {
    let permissions = [USERS, READ, SERVICES, TOKENS, EDIT];
    let name = format!("boss-of-{tenant}");
    world.person(&name, Some(tenant), &permissions).await
}

/// A user as an administrator of a tenant makes it.
fn planted(name: &str, tenant: &str) -> CreateUser {
    CreateUser {
        proven: false,
        password: Some(secret(PLANTED)),
        ..new_user(name, placement(Some(tenant), &[]))
    }
}

async fn stand_in(world: &World, by: &Person, name: &str, tenant: &str) -> SubjectId {
    let made = create_user(world.ctx(), &by.caller, planted(name, tenant)).await;
    let made = made.unwrap();
    assert_eq!(made.identifier.home(), Some(&tenant_id(tenant)));
    made.id
}

fn robot(name: &str, tenant: Option<&str>) -> CreateServiceAccount {
    CreateServiceAccount {
        email: email(name),
        name: None,
        placement: placement(tenant, &[]),
    }
}

fn joining(name: &str, tenant: &str) -> Invite {
    Invite {
        email: email(name),
        tenant: tenant_id(tenant),
        roles: vec![],
        life: None,
        delivery: None,
    }
}

fn taking(invited: Invited) -> AcceptInvitation {
    AcceptInvitation {
        by: None,
        secret: invited.secret.unwrap(),
        password: Some(secret(PASSWORD)),
        name: None,
    }
}

/// Whether it is there, to an operator.
async fn is_there(world: &World, id: SubjectId) -> bool {
    find_subject(world.ctx(), &OPERATOR, id).await.is_ok()
}

/// A squatter's service account, and its user in a tenant, keep nobody from its address.
pub(crate) async fn nobody_is_kept_from_its_address(store: StoreHandle) {
    let world = World::new(store).await;
    let mallory = administrator(&world, "globex").await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let plant = async |name: &str| {
        let made = create_service_account(ctx, &mallory.caller, robot(name, Some("globex")));
        (
            made.await.unwrap().id,
            stand_in(&world, &mallory, name, "globex").await,
        )
    };
    // One who is made, one who is invited, one whose account waits in the realm.
    let (ada_bot, _) = plant("ada").await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    plant("bob").await;
    let invited = invite(ctx, &OPERATOR, joining("bob", "acme")).await;
    let bob = accept_invitation(ctx, taking(invited.unwrap())).await;
    let bob = bob.unwrap();
    assert!(bob.identifier.proven_email().is_some());
    let signed = sign_in(ctx, signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(signed.unwrap().subject.id, ada);
    let signed = sign_in(ctx, signing_in("bob@example.org", PASSWORD)).await;
    assert_eq!(signed.unwrap().subject.id, bob.id);
    // Neither is the name of a service account taken by another tenant's, or by a person.
    world.service("ada", Some("acme"), &[]).await;
    let wide = world.service("ada", None, &[]).await;
    let owner = OwnerRef::Email(email("ada"));
    for (caller, kind, tenant, expected) in [
        (&OPERATOR, TokenKind::Service, None, wide),
        (&OPERATOR, TokenKind::Service, Some("globex"), ada_bot),
        (&mallory.caller, TokenKind::Service, None, ada_bot),
        (&mallory.caller, TokenKind::Service, Some("globex"), ada_bot),
        (&OPERATOR, TokenKind::Personal, None, ada),
    ] {
        let mut new = new_token(kind, owner.clone());
        new.ceiling.tenant = tenant.map(tenant_id);
        let made = create_token(ctx, caller, new).await;
        assert_eq!(made.unwrap().token.owner, expected, "{kind} {tenant:?}");
    }
    let taken = create_service_account(ctx, &OPERATOR, robot("ada", None)).await;
    assert_eq!(code(taken), ErrorCode::AlreadyExists);
}

/// What was made, but for its id.
fn without_id(made: Subject) -> Subject {
    Subject {
        id: SubjectId::from_bytes([0; 16]),
        ..made
    }
}

/// A tenant's administrator gets one answer, whatever its address is elsewhere.
pub(crate) async fn making_an_account_tells_of_none_elsewhere(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let globex = administrator(&world, "globex").await;
    let ctx = world.ctx();
    world.user("proven", None, &[]).await;
    world.user("member", Some("globex"), &["read"]).await;
    let said = CreateUser {
        proven: false,
        ..new_user("said", placement(None, &[]))
    };
    create_user(ctx, &OPERATOR, said).await.unwrap();
    stand_in(&world, &globex, "standing", "globex").await;
    world.service("bot", Some("globex"), &[]).await;
    world.service("wide", None, &[]).await;
    let named = |name: &str, made: Subject| {
        assert_eq!(made.identifier.email(), Some(&email(name)));
        let identifier = match made.identifier {
            Identifier::Service { home, .. } => Identifier::Service {
                email: email("x"),
                home,
            },
            user => {
                assert_eq!(user.home(), Some(&tenant_id("acme")));
                Identifier::User(doorward_identity::model::Contact::default())
            }
        };
        without_id(Subject { identifier, ..made })
    };
    let mut answers = Vec::new();
    for name in [
        "nobody", "proven", "member", "said", "standing", "bot", "wide",
    ] {
        let user = create_user(ctx, &acme.caller, planted(name, "acme")).await;
        let service = create_service_account(ctx, &acme.caller, robot(name, Some("acme"))).await;
        answers.push((named(name, user.unwrap()), named(name, service.unwrap())));
        // What is its own it is told of.
        let user = create_user(ctx, &acme.caller, planted(name, "acme")).await;
        assert_eq!(reason(user), ManageRefusal::Exists("this address"));
        let service = create_service_account(ctx, &acme.caller, robot(name, Some("acme"))).await;
        assert_eq!(reason(service), ManageRefusal::Exists("this address"));
    }
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    // As it is of a member who is the realm's.
    world.user("inside", Some("acme"), &[]).await;
    let user = create_user(ctx, &acme.caller, planted("inside", "acme")).await;
    assert_eq!(reason(user), ManageRefusal::Exists("this address"));
    // It hands out no number, nor learns one.
    for confirmed in [false, true] {
        let new = CreateUser {
            phone: Some("+15550100".parse().unwrap()),
            proven: confirmed,
            ..new_user(&format!("phone-{confirmed}"), placement(None, &[]))
        };
        create_user(ctx, &OPERATOR, new).await.unwrap();
    }
    for number in ["+15550100", "+15550199"] {
        let new = CreateUser {
            phone: Some(number.parse().unwrap()),
            email: None,
            ..planted("x", "acme")
        };
        let claiming = CreateUser {
            proven: true,
            ..new.clone()
        };
        create_user(ctx, &acme.caller, new).await.unwrap();
        let claimed = create_user(ctx, &acme.caller, claiming).await;
        assert_eq!(reason(claimed), ManageRefusal::NotVouching);
    }
    // Who vouches is answered for, and for the whole realm.
    let wide = world.person("voucher", None, &[USERS]).await;
    let made = create_user(ctx, &wide.caller, planted("standing", "globex")).await;
    assert_eq!(reason(made), ManageRefusal::Exists("this address"));
    let made = create_user(ctx, &wide.caller, planted("nobody", "globex")).await;
    assert_eq!(made.unwrap().identifier.home(), None);
}

/// What an answer hides, the log of the tenant that asked does not tell either.
pub(crate) async fn a_log_tells_of_nobody_elsewhere(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let ctx = world.ctx();
    for tenant in ["globex", "keyless"] {
        world.tenant(tenant).await;
    }
    let key = CreateToken {
        ceiling: ceiling(Some("globex"), &[]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(tenant_id("globex")))
    };
    create_token(ctx, &OPERATOR, key).await.unwrap();
    let bot = world.service("bot", Some("globex"), &[]).await;
    let wide = world.service("wide", None, &[]).await;
    let person = world.user("person", None, &[]).await;
    let member = world.user("member", Some("globex"), &[]).await;
    let nobody = SubjectId::from_bytes([3; 16]);
    let of_tenants = ["globex", "keyless", "nowhere"];
    let of_tenants = of_tenants.map(|tenant| OwnerRef::Tenant(tenant_id(tenant)));
    let by_id = |id| OwnerRef::Subject(id);
    let by_address = |name| OwnerRef::Email(email(name));
    let robots = [
        by_id(bot),
        by_id(wide),
        by_id(nobody),
        by_address("bot"),
        by_address("wide"),
        by_address("nobody"),
    ];
    let people = [
        by_id(person),
        by_id(member),
        by_id(nobody),
        by_address("person"),
        by_address("member"),
        by_address("nobody"),
    ];
    for (kind, owners) in [
        (TokenKind::Key, &of_tenants[..]),
        (TokenKind::Service, &robots),
        (TokenKind::Personal, &people),
    ] {
        let mut told = Vec::new();
        for owner in owners {
            let new = CreateToken {
                ceiling: ceiling(Some("acme"), &[]),
                ..new_token(kind, owner.clone())
            };
            let done = create_token(ctx, &acme.caller, new).await;
            assert_eq!(code(done), ErrorCode::NotFound, "{owner:?}");
            let event = world.last_audit().await.event;
            assert_eq!(event.tenant, Some(tenant_id("acme")), "{owner:?}");
            assert_eq!((event.subject, event.token), (None, None), "{owner:?}");
            told.push((owner, event));
        }
        let (_, first) = &told[0];
        for (owner, event) in &told {
            assert_eq!(event, first, "{owner:?}");
        }
    }
    // Nor who it is that does not take what a tenant offers.
    world.user_with_password("proven", PASSWORD, None).await;
    let invited = invite(ctx, &OPERATOR, joining("proven", "acme")).await;
    let done = accept_invitation(ctx, taking(invited.unwrap())).await;
    assert!(matches!(reason(done), ManageRefusal::Unused(_)));
    let event = world.last_audit().await.event;
    assert_eq!(event.tenant, Some(tenant_id("acme")));
    assert!(event.detail.contains_key("invitation"));
    assert_eq!(event.subject, None);
}

/// Who has an address takes the place of who stood in for it where it joins, however it
/// joins, and nowhere else.
pub(crate) async fn who_joins_takes_the_place_of_who_stood_in(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let globex = administrator(&world, "globex").await;
    let ctx = world.ctx();
    for way in ["session", "invited", "claimed", "vouched", "joined", "made"] {
        let here = stand_in(&world, &acme, way, "acme").await;
        let there = stand_in(&world, &globex, way, "globex").await;
        let session = world.session(here, Some(&tenant_id("acme"))).await;
        let token = world.mint(TokenKind::Personal, here).await;
        exchange(ctx, asking(&token.secret)).await.unwrap();
        let before = match way {
            "session" | "vouched" | "joined" => {
                Some(world.user_with_password(way, PASSWORD, None).await)
            }
            "claimed" => {
                let said = CreateUser {
                    proven: false,
                    ..new_user(way, placement(None, &[]))
                };
                Some(create_user(ctx, &OPERATOR, said).await.unwrap().id)
            }
            _ => None,
        };
        let came = match way {
            "session" => {
                invite(ctx, &acme.caller, joining(way, "acme"))
                    .await
                    .unwrap();
                let person = world.session(before.unwrap(), None).await;
                let offered = list_own_invitations(ctx, &person, all()).await.unwrap();
                // Who stands in is offered nothing.
                assert_eq!(
                    list_own_invitations(ctx, &session, all()).await.unwrap(),
                    []
                );
                accept_own_invitation(ctx, &person, offered[0].id)
                    .await
                    .unwrap()
                    .id
            }
            "joined" => {
                let id = before.unwrap();
                let done = create_membership(ctx, &OPERATOR, id, tenant_id("acme")).await;
                done.unwrap().subject
            }
            "made" => world.user(way, Some("acme"), &[]).await,
            _ => {
                let invited = invite(ctx, &OPERATOR, joining(way, "acme")).await.unwrap();
                let request = AcceptInvitation {
                    by: None,
                    password: (way != "vouched").then(|| secret(PASSWORD)),
                    ..taking(invited)
                };
                accept_invitation(ctx, request).await.unwrap().id
            }
        };
        match (way, before) {
            ("claimed", Some(before)) => {
                assert_ne!(came, before);
                assert!(!is_there(&world, before).await);
            }
            (_, Some(before)) => assert_eq!(came, before, "{way}"),
            (_, None) => {}
        }
        assert!(!is_there(&world, here).await, "{way}");
        let over = authenticate(ctx, &session).await;
        assert_eq!(reason(over), ManageRefusal::CallerGone, "{way}");
        let done = exchange(ctx, asking(&token.secret)).await;
        assert_eq!(code(done), ErrorCode::TokenInvalid, "{way}");
        let gone: Vec<_> = world
            .audit()
            .await
            .into_iter()
            .filter(|row| row.event.action == AuditAction::SubjectDelete)
            .filter(|row| row.event.subject == Some(here))
            .map(|row| (row.event.tenant, row.event.peer))
            .collect();
        assert_eq!(gone, [(Some(tenant_id("acme")), None)], "{way}");
        // Another tenant's stays, and that one is told nothing.
        let seen = find_subject(ctx, &globex.caller, there).await.unwrap();
        assert_eq!(seen.identifier.home(), Some(&tenant_id("globex")));
        let came = find_subject(ctx, &globex.caller, came).await;
        assert_eq!(code(came), ErrorCode::NotFound);
        let address = format!("{way}@example.org");
        let request = SignIn {
            tenant: Some(tenant_id("globex")),
            ..signing_in(&address, PLANTED)
        };
        let signed = sign_in(ctx, request).await.unwrap();
        assert_eq!(signed.subject.id, there);
    }
    // Nobody's word for an address displaces nobody.
    let here = stand_in(&world, &acme, "said", "acme").await;
    let said = CreateUser {
        proven: false,
        ..new_user("said", placement(None, &[]))
    };
    let said = create_user(ctx, &OPERATOR, said).await.unwrap().id;
    let done = create_membership(ctx, &OPERATOR, said, tenant_id("acme")).await;
    assert_eq!(code(done), ErrorCode::AlreadyExists);
    assert!(is_there(&world, here).await);
}

pub(crate) async fn one_signs_in_where_its_address_counts(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let ctx = world.ctx();
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let here = stand_in(&world, &acme, "ada", "acme").await;
    let alone = stand_in(&world, &acme, "bob", "acme").await;
    world.tenant("globex").await;
    let refused = Err(ErrorCode::SignInRefused);
    let at = |name: &str, tenant: Option<&str>, password: &str| SignIn {
        tenant: tenant.map(tenant_id),
        ..signing_in(&format!("{name}@example.org"), password)
    };
    for (name, tenant, password, expected) in [
        ("ada", None, PASSWORD, Ok(ada)),
        ("ada", None, PLANTED, refused),
        ("ada", Some("acme"), PLANTED, Ok(here)),
        ("ada", Some("acme"), PASSWORD, refused),
        ("ada", Some("globex"), PLANTED, refused),
        ("bob", Some("acme"), PLANTED, Ok(alone)),
        // It would tell who stands in somewhere.
        ("bob", None, PLANTED, refused),
        ("bob", Some("globex"), PLANTED, refused),
    ] {
        let done = sign_in(ctx, at(name, tenant, password)).await;
        let done = done.map(|signed| signed.subject.id);
        assert_eq!(
            done.map_err(|failure| failure.code()),
            expected,
            "{name} {tenant:?}"
        );
    }
    // Guesses at who stands in are not guesses at whose the address is, and the limit is
    // the same where nobody stands in.
    for name in ["ada", "bob", "ghost"] {
        let mut looked_at = [0, 0];
        for (count, tenant) in looked_at.iter_mut().zip([Some("acme"), None]) {
            while code(sign_in(ctx, at(name, tenant, "wrong horse")).await)
                == ErrorCode::SignInRefused
            {
                *count += 1;
            }
        }
        let before = match name {
            "ada" => [8, 9],
            // By a device that bob signed in by; a right one takes nothing.
            "bob" => [10, 9],
            _ => [10, 10],
        };
        assert_eq!(looked_at, before, "{name}");
    }
}

/// The number of guesses at a session's password is the account's.
pub(crate) async fn a_session_of_who_stands_in_locks_out_nobody(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let ctx = world.ctx();
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let here = stand_in(&world, &acme, "ada", "acme").await;
    let (own, other) = (
        world.session(ada, None).await,
        world.session(here, Some(&tenant_id("acme"))).await,
    );
    let deleting = |subject, password| DeleteUser {
        subject,
        password: Some(secret(password)),
    };
    for _ in 0..10 {
        let done = delete_user(ctx, &other, deleting(here, "wrong horse")).await;
        assert_eq!(code(done), ErrorCode::SignInRefused);
    }
    let done = delete_user(ctx, &other, deleting(here, PLANTED)).await;
    assert_eq!(code(done), ErrorCode::RateLimited);
    delete_user(ctx, &own, deleting(ada, PASSWORD))
        .await
        .unwrap();
}

/// An operator is told of all, and which to name.
pub(crate) async fn an_address_that_several_have_is_told_with_their_ids(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let globex = administrator(&world, "globex").await;
    let ctx = world.ctx();
    let one = stand_in(&world, &acme, "ada", "acme").await;
    let find = async |caller: &Caller| {
        let found = find_subject_by_email(ctx, caller, email("ada")).await;
        found.map(|found| found.id)
    };
    // Nobody has it in the realm, and whoever made this one may be anybody's.
    let ManageRefusal::Ambiguous(told) = reason(find(&OPERATOR).await) else {
        panic!("it is another's");
    };
    assert_eq!(told, format!("user {one} of acme"));
    let two = stand_in(&world, &globex, "ada", "globex").await;
    let ManageRefusal::Ambiguous(told) = reason(find(&OPERATOR).await) else {
        panic!("there are two");
    };
    assert_eq!(told, format!("user {one} of acme, user {two} of globex"));
    // A tenant knows its own.
    assert_eq!(find(&acme.caller).await.unwrap(), one);
    assert_eq!(find(&globex.caller).await.unwrap(), two);
    let ada = world.user("ada", None, &[]).await;
    assert_eq!(find(&OPERATOR).await.unwrap(), ada);
    assert_eq!(find(&acme.caller).await.unwrap(), one);
    let bot = world.service("ada", None, &[]).await;
    let ManageRefusal::Ambiguous(told) = reason(find(&OPERATOR).await) else {
        panic!("a user and a service account");
    };
    assert_eq!(told, format!("user {ada}, service {bot}"));
    let own = world.session(ada, None).await;
    assert_eq!(find(&own).await.unwrap(), ada);
    let nobody = find_subject_by_email(ctx, &acme.caller, email("ghost")).await;
    assert_eq!(code(nobody), ErrorCode::NotFound);
}

/// Who stands in for an address in a tenant gets nothing elsewhere, by nobody's mistake.
pub(crate) async fn who_stands_in_stays_at_home(store: StoreHandle) {
    let world = World::new(store).await;
    let mallory = administrator(&world, "globex").await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let planted = stand_in(&world, &mallory, "newcomer", "globex").await;
    let joined = create_membership(ctx, &OPERATOR, planted, tenant_id("acme")).await;
    assert_eq!(reason(joined), ManageRefusal::StandIn);
    let added = add_grant(ctx, &OPERATOR, planted, grant(None, "read")).await;
    assert_eq!(reason(added), ManageRefusal::StandIn);
    let added = add_grant(ctx, &OPERATOR, planted, grant(Some("globex"), "read")).await;
    assert!(added.unwrap());
    // What another tenant's administrator made, and makes tokens for, gets nothing of the realm.
    let made = create_service_account(ctx, &mallory.caller, robot("deploy", Some("globex"))).await;
    let added = add_grant(ctx, &OPERATOR, made.unwrap().id, grant(None, "read")).await;
    assert_eq!(reason(added), ManageRefusal::StandIn);
}

/// A tenant gets rid of what it made, and has the address again.
pub(crate) async fn who_leaves_its_only_tenant_is_erased(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let ctx = world.ctx();
    let ada = stand_in(&world, &acme, "ada", "acme").await;
    let made = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    let bot = made.unwrap().id;
    let token = world.mint(TokenKind::Service, bot).await;
    for id in [ada, bot] {
        end_membership(ctx, &acme.caller, id, tenant_id("acme"))
            .await
            .unwrap();
    }
    assert!(!is_there(&world, ada).await);
    assert!(exchange(ctx, asking(&token.secret)).await.is_err());
    assert_ne!(stand_in(&world, &acme, "ada", "acme").await, ada);
    let again = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    assert_ne!(again.unwrap().id, bot);
    assert!(!is_there(&world, bot).await);
    let done = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    assert_eq!(code(done), ErrorCode::AlreadyExists);
    // One that acts for another tenant too is not its first one's to erase.
    let shared = world.service("shared", Some("acme"), &[]).await;
    let globex = world.tenant("globex").await;
    create_membership(ctx, &OPERATOR, shared, globex)
        .await
        .unwrap();
    end_membership(ctx, &acme.caller, shared, tenant_id("acme"))
        .await
        .unwrap();
    let done = create_service_account(ctx, &acme.caller, robot("shared", Some("acme"))).await;
    assert_eq!(code(done), ErrorCode::AlreadyExists);
    assert!(is_there(&world, shared).await);
}

/// What erases somebody is answered when every node knows.
pub(crate) async fn displacing_is_answered_as_an_ending(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    stand_in(&world, &acme, "ada", "acme").await;
    let ada = world.user("ada", None, &[]).await;
    let joining = World {
        effects: Effects::undeclared(),
        ..world.clone()
    };
    create_membership(joining.ctx(), &OPERATOR, ada, tenant_id("acme"))
        .await
        .unwrap();
    assert_eq!(joining.effects.strongest(), Some(Effect::Ends));
    stand_in(&world, &acme, "bob", "acme").await;
    let making = World {
        effects: Effects::undeclared(),
        ..world.clone()
    };
    making.user("bob", Some("acme"), &[]).await;
    assert_eq!(making.effects.strongest(), Some(Effect::Ends));
}

/// What the realm said of who comes by an address in a tenant, no act of the tenant undoes:
/// neither who takes its invitation, nor another account in the place of that one.
pub(crate) async fn a_ban_of_who_stands_in_outlives_the_tenants_word(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    world.tenant("globex").await;
    let ctx = world.ctx();
    let ada = world.person("ada", None, &[]).await;
    let until = after(60);
    for (name, ban) in [
        ("ada", StatusChange::Disabled),
        ("bob", StatusChange::Disabled),
        ("carol", StatusChange::Banned { until }),
    ] {
        let here = stand_in(&world, &acme, name, "acme").await;
        set_subject_status(ctx, &OPERATOR, here, ban).await.unwrap();
        // By the secret, as a session, by an operator's word, and made anew.
        let invited = invite(ctx, &OPERATOR, joining(name, "acme")).await.unwrap();
        let id = invited.id;
        let by_secret = taking(invited);
        if name == "ada" {
            let done = accept_own_invitation(ctx, &ada.caller, id).await;
            assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
            let done = create_membership(ctx, &OPERATOR, ada.id, tenant_id("acme")).await;
            assert_eq!(reason(done), ManageRefusal::Barred(here));
        } else {
            let made = create_user(ctx, &OPERATOR, new_user(name, placement(Some("acme"), &[])));
            assert_eq!(reason(made.await), ManageRefusal::Barred(here));
        }
        let done = accept_invitation(ctx, by_secret).await;
        assert_eq!(reason(done), ManageRefusal::InvitationInvalid, "{name}");
        // Nor does the tenant get rid of it, and have the address again.
        end_membership(ctx, &acme.caller, here, tenant_id("acme"))
            .await
            .unwrap();
        let again = create_user(ctx, &acme.caller, planted(name, "acme")).await;
        assert_eq!(code(again), ErrorCode::AlreadyExists, "{name}");
        assert!(is_there(&world, here).await);
        // It counts where the address counts.
        let elsewhere = invite(ctx, &OPERATOR, joining(name, "globex"))
            .await
            .unwrap();
        accept_invitation(ctx, taking(elsewhere)).await.unwrap();
    }
    // The realm's word, or the end of a ban, lets them in.
    let carol = world.at(61);
    let invited = invite(carol.ctx(), &OPERATOR, joining("carol", "acme")).await;
    let mut by_secret = taking(invited.unwrap());
    by_secret.password = None;
    accept_invitation(carol.ctx(), by_secret).await.unwrap();
    let bob = list_subjects(ctx, &OPERATOR, all()).await.unwrap();
    let is_bobs = |one: &&Subject| {
        one.identifier.email() == Some(&email("bob")) && one.identifier.home().is_some()
    };
    let bob = bob.iter().find(is_bobs).unwrap().id;
    set_subject_status(ctx, &OPERATOR, bob, StatusChange::Enabled)
        .await
        .unwrap();
    // Nothing of it is left but its name.
    assert_ne!(stand_in(&world, &acme, "bob", "acme").await, bob);
    assert!(!is_there(&world, bob).await);
}

/// Nor does a tenant let in who the realm keeps out, by another account of its address.
pub(crate) async fn nobody_stands_in_for_who_may_not_act(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let ctx = world.ctx();
    let until = after(60);
    for (name, tenant, ban) in [
        ("lea", Some("acme"), StatusChange::Disabled),
        ("bob", None, StatusChange::Disabled),
        ("carol", Some("acme"), StatusChange::Banned { until }),
    ] {
        let id = world.user(name, tenant, &[]).await;
        set_subject_status(ctx, &OPERATOR, id, ban).await.unwrap();
        if tenant.is_some() {
            end_membership(ctx, &acme.caller, id, tenant_id("acme"))
                .await
                .unwrap();
        }
        let made = create_user(ctx, &acme.caller, planted(name, "acme")).await;
        assert_eq!(
            reason(made),
            ManageRefusal::Exists("this address"),
            "{name}"
        );
        assert!(is_there(&world, id).await);
    }
    // The end of a ban ends that too.
    stand_in(&world.at(61), &acme, "carol", "acme").await;
    // A service account is not made anew either, nor erased.
    let made = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    let bot = made.unwrap().id;
    set_subject_status(ctx, &OPERATOR, bot, StatusChange::Disabled)
        .await
        .unwrap();
    end_membership(ctx, &acme.caller, bot, tenant_id("acme"))
        .await
        .unwrap();
    let again = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    assert_eq!(code(again), ErrorCode::AlreadyExists);
    assert!(is_there(&world, bot).await);
    set_subject_status(ctx, &OPERATOR, bot, StatusChange::Enabled)
        .await
        .unwrap();
    let again = create_service_account(ctx, &acme.caller, robot("bot", Some("acme"))).await;
    assert_ne!(again.unwrap().id, bot);
}

/// Whom a tenant made without an address is nobody once it is sent away.
pub(crate) async fn who_has_nothing_but_its_tenant_is_erased_with_it(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = administrator(&world, "acme").await;
    let globex = world.tenant("globex").await;
    let ctx = world.ctx();
    let bare = async |phone: Option<&str>, proven| {
        let new = CreateUser {
            email: None,
            phone: phone.map(|phone| phone.parse().unwrap()),
            proven,
            ..new_user("x", placement(Some("acme"), &[]))
        };
        let by = if proven { &OPERATOR } else { &acme.caller };
        create_user(ctx, by, new).await.unwrap().id
    };
    let [nameless, disabled, elsewhere, held, acting, here] = [
        bare(None, false).await,
        bare(None, false).await,
        bare(None, false).await,
        bare(None, false).await,
        bare(None, false).await,
        bare(None, false).await,
    ];
    let by_phone = bare(Some("+15550100"), false).await;
    let confirmed = bare(Some("+15550101"), true).await;
    set_subject_status(ctx, &OPERATOR, disabled, StatusChange::Disabled)
        .await
        .unwrap();
    create_membership(ctx, &OPERATOR, elsewhere, globex)
        .await
        .unwrap();
    world.grant(held, None, "read").await;
    let of_none = world.session(acting, None).await;
    world.session(here, Some(&tenant_id("acme"))).await;
    let token = world.mint(TokenKind::Personal, here).await.token;
    assert_eq!(token.ceiling.tenant, Some(tenant_id("acme")));
    for (id, stays) in [
        (nameless, false),
        (by_phone, false),
        (here, false),
        (confirmed, true),
        (disabled, true),
        (elsewhere, true),
        (held, true),
        (acting, true),
    ] {
        end_membership(ctx, &OPERATOR, id, tenant_id("acme"))
            .await
            .unwrap();
        assert_eq!(is_there(&world, id).await, stays);
    }
    authenticate(ctx, &of_none).await.unwrap();
}

/// An operator who names a person by its address means no service account.
pub(crate) async fn a_users_address_means_no_service_account(store: StoreHandle) {
    let world = World::new(store).await;
    let ctx = world.ctx();
    let bot = world.service("bot", Some("globex"), &[]).await;
    let found = find_subject_by_email(ctx, &OPERATOR, email("bot")).await;
    assert_eq!(found.unwrap().id, bot);
    let found = find_user_by_email(ctx, &OPERATOR, email("bot")).await;
    assert_eq!(code(found), ErrorCode::NotFound);
    let person = world.user("bot", None, &[]).await;
    let found = find_user_by_email(ctx, &OPERATOR, email("bot")).await;
    assert_eq!(found.unwrap().id, person);
}
