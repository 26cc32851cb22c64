//! Signing in by password, and what ends a session.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use crate::conformance::{reading, writing};
use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, SignInRefusal};
use doorward_identity::model::{Actor, AuditAction, HashedPassword, Outcome, TokenKind, UserAgent};
use doorward_identity::port::StoreHandle;
use tokio::task::JoinSet;

const PASSWORD: &str = "correct horse";

pub(crate) async fn every_failure_has_one_answer(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let off = world.user_with_password("off", PASSWORD, None).await;
    world.user("bare", None, &[]).await;
    world.service("bot", None, &[]).await;
    let disabled = StatusChange::Disabled;
    let done = set_subject_status(world.ctx(), &OPERATOR, off, disabled).await;
    done.unwrap();
    let long = "x".repeat(5000);
    for (address, password) in [
        ("ada@example.org", "wrong horse"),
        ("ada@example.org", ""),
        ("ada@example.org", &long),
        ("ghost@example.org", PASSWORD),
        ("off@example.org", PASSWORD),
        ("bare@example.org", PASSWORD),
        ("bare@example.org", ""),
        ("bot@example.org", ""),
        ("no address", PASSWORD),
    ] {
        let done = sign_in(world.ctx(), signing_in(address, password)).await;
        assert_eq!(code(done), ErrorCode::SignInRefused, "{address}");
        let event = world.last_audit().await.event;
        assert_eq!(event.action, AuditAction::SignIn);
        assert_eq!(event.outcome, Outcome::Refused(ErrorCode::SignInRefused));
        assert_eq!((event.actor, event.session), (Actor::Anonymous, None));
    }
    let signed = sign_in(world.ctx(), signing_in(" ADA@example.org", PASSWORD)).await;
    let signed = signed.unwrap();
    assert_eq!(signed.subject.id, ada);
    let claims = claims(&signed.issued);
    assert_eq!(claims["sid"], signed.session.to_string());
    assert!(claims["dw"].get("t").is_none());
    assert_eq!(world.last_audit().await.event.session, Some(signed.session));
}

/// P4, P5, P7, X3: guessing at one account stops, whether it exists or not, and goes on
/// later; whoever comes from elsewhere is not locked out.
pub(crate) async fn guessing_at_an_account_stops(store: StoreHandle) {
    let world = World::new(store).await;
    world.user_with_password("ada", PASSWORD, None).await;
    world.user_with_password("bob", PASSWORD, None).await;
    for address in ["ada@example.org", "ghost@example.org"] {
        let spellings = [
            address.to_owned(),
            address.to_uppercase(),
            format!(" {address} "),
        ];
        for guess in 0..10 {
            let spelling = &spellings[guess % spellings.len()];
            let done = sign_in(world.ctx(), signing_in(spelling, "wrong horse")).await;
            assert_eq!(code(done), ErrorCode::SignInRefused, "{address} {guess}");
        }
        let done = sign_in(world.ctx(), signing_in(address, PASSWORD)).await;
        assert_eq!(reason(done), SignInRefusal::TooManyGuesses(90), "{address}");
        // What is not even looked at is counted.
        let before = world.audit().await.len();
        let done = sign_in(world.ctx(), signing_in(address, PASSWORD)).await;
        assert_eq!(code(done), ErrorCode::RateLimited);
        assert_eq!(world.audit().await.len(), before);
        let flushed = world.identity.strangers.flush(world.store()).await;
        assert_eq!(flushed, Ok(1));
        let event = world.last_audit().await.event;
        assert_eq!(event.outcome, Outcome::Refused(ErrorCode::RateLimited));
        assert_eq!(event.detail["count"], 2);
    }
    sign_in(world.ctx(), signing_in("bob@example.org", PASSWORD))
        .await
        .unwrap();
    let mut elsewhere = world.clone();
    elsewhere.call.peer = Some("203.0.113.9".parse().unwrap());
    sign_in(elsewhere.ctx(), signing_in("ada@example.org", PASSWORD))
        .await
        .unwrap();
    let later = world.at(91);
    sign_in(later.ctx(), signing_in("ada@example.org", PASSWORD))
        .await
        .unwrap();
}

/// X3: a neighbour that tries many accounts uses up what strangers have at their address, and
/// nothing of who is known there.
pub(crate) async fn a_neighbour_keeps_no_known_device_out(store: StoreHandle) {
    let mut world = World::new(store).await;
    world.call.peer = Some("203.0.113.9".parse().unwrap());
    for name in ["ada", "bob"] {
        world.user_with_password(name, PASSWORD, None).await;
    }
    let ada = || sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD));
    let bob = async |world: &World| {
        let done = sign_in(world.ctx(), signing_in("bob@example.org", PASSWORD)).await;
        done.map(drop)
    };
    ada().await.unwrap();
    let mut tried = 0;
    loop {
        let ghost = format!("ghost{tried}@example.org");
        let done = sign_in(world.ctx(), signing_in(&ghost, "wrong horse")).await;
        match code(done) {
            ErrorCode::RateLimited => break,
            other => assert_eq!(other, ErrorCode::SignInRefused, "{ghost}"),
        }
        tried += 1;
    }
    assert_eq!(tried, 39, "and ada's first one");
    assert_eq!(reason(bob(&world).await), SignInRefusal::TooManyGuesses(3));
    ada().await.unwrap();
    bob(&world.at(3)).await.unwrap();
    let two = world.other_realm("two").await;
    assert_eq!(code(bob(&two).await), ErrorCode::SignInRefused, "looked at");
}

/// Nobody fills the log with addresses that there are not; and whether a guess has a row of
/// its own tells nothing of its address.
pub(crate) async fn made_up_addresses_are_counted_like_known_ones(store: StoreHandle) {
    let world = World::new(store).await;
    let mut known = Vec::new();
    for n in 0..3 {
        let name = format!("known-{n}");
        known.push(world.user_with_password(&name, PASSWORD, None).await);
    }
    let before = world.audit().await.len();
    let guess = async |address: String| {
        let done = sign_in(world.ctx(), signing_in(&address, "wrong horse")).await;
        assert_eq!(code(done), ErrorCode::SignInRefused, "{address}");
        world.audit().await.len() - before
    };
    guess("known-0@example.org".to_owned()).await;
    for n in 1..20 {
        let written = guess(format!("ghost-{n}@example.org")).await;
        assert_eq!(written, n + 1, "the first have a row each");
    }
    // An address makes forty at once.
    for n in 20..36 {
        assert_eq!(guess(format!("ghost-{n}@example.org")).await, 20);
    }
    for _ in 0..2 {
        assert_eq!(guess("known-1@example.org".to_owned()).await, 20);
    }
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(2));
    let mut counted: Vec<_> = world.audit().await.split_off(before + 20);
    counted.sort_by_key(|row| row.event.subject);
    let counted = counted.iter().map(|row| &row.event);
    let counted: Vec<_> = counted
        .map(|event| (event.subject, event.detail["count"].as_u64()))
        .collect();
    assert_eq!(counted, [(None, Some(16)), (Some(known[1]), Some(2))]);
}

/// P4: guesses made all at once are no more than guesses made in turn; and each right
/// sign-in gives its guess back.
pub(crate) async fn guesses_in_parallel_stop_too(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    for _ in 0..20 {
        let request = signing_in("ada@example.org", PASSWORD);
        sign_in(world.ctx(), request).await.unwrap();
    }
    // Six of the ten; the four that are left have a place each where passwords are hashed.
    for guess in 0..6 {
        let password = format!("wrong pony {guess}");
        let done = sign_in(world.ctx(), signing_in("ada@example.org", &password)).await;
        assert_eq!(code(done), ErrorCode::SignInRefused);
    }
    let mut guesses = JoinSet::new();
    for guess in 0..64 {
        let world = world.clone();
        guesses.spawn(async move {
            let password = format!("wrong horse {guess}");
            code(sign_in(world.ctx(), signing_in("ada@example.org", &password)).await)
        });
    }
    let codes = guesses.join_all().await;
    let limited = codes.iter().filter(|code| **code == ErrorCode::RateLimited);
    assert_eq!(limited.count(), 60);
    let done = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(code(done), ErrorCode::RateLimited);
    // A session is not locked out with them, nor does it lead around the limit.
    let caller = world.session(ada, None).await;
    let guess = |current: &str| SetPassword {
        subject: ada,
        new: secret("another horse"),
        current: Some(secret(current)),
    };
    for number in 0..10 {
        let done = set_password(world.ctx(), &caller, guess("wrong horse")).await;
        assert_eq!(reason(done), ManageRefusal::PasswordWrong, "{number}");
    }
    let done = set_password(world.ctx(), &caller, guess(PASSWORD)).await;
    assert_eq!(reason(done), ManageRefusal::TooManyGuesses(90));
}

/// X3: who guesses at the same address as a person's own device locks out what it comes by
/// itself.
pub(crate) async fn a_known_device_is_not_locked_out(store: StoreHandle) {
    let world = World::new(store).await;
    world.user_with_password("ada", PASSWORD, None).await;
    let by = |agent: &str, password: &str| SignIn {
        user_agent: UserAgent::clean(agent),
        ..signing_in("ada@example.org", password)
    };
    sign_in(world.ctx(), by("adas browser", PASSWORD))
        .await
        .unwrap();
    for number in 0..10 {
        let done = sign_in(world.ctx(), by("script", "wrong horse")).await;
        assert_eq!(code(done), ErrorCode::SignInRefused, "{number}");
    }
    let done = sign_in(world.ctx(), by("script", PASSWORD)).await;
    assert_eq!(code(done), ErrorCode::RateLimited);
    sign_in(world.ctx(), by("adas browser", PASSWORD))
        .await
        .unwrap();
}

/// Sessions grow with sign-ins, and what ends them all must cost the same: one more than
/// the realm lets a subject have ends the oldest.
pub(crate) async fn a_session_too_many_ends_the_oldest(store: StoreHandle) {
    let world = World::with(store, |settings| settings.sessions.max_active = 2).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let mut callers = Vec::new();
    for second in 0..4 {
        let then = world.at(second);
        let signed = sign_in(then.ctx(), signing_in("ada@example.org", PASSWORD)).await;
        callers.push(caller_of(&signed.unwrap()));
    }
    let later = world.at(5);
    let mut live = Vec::new();
    for caller in &callers {
        live.push(authenticate(later.ctx(), caller).await.is_ok());
    }
    assert_eq!(live, [false, false, true, true]);
    let listed = list_sessions(later.ctx(), &callers[3], ada).await.unwrap();
    assert_eq!(listed.len(), 2);
}

pub(crate) async fn a_session_ends_with_what_it_stands_on(store: StoreHandle) {
    #[derive(Clone, Copy)]
    enum End {
        SignOut,
        Disable,
        Password,
        Membership,
        Time,
    }
    let world = World::new(store).await;
    for (n, end) in [
        End::SignOut,
        End::Disable,
        End::Password,
        End::Membership,
        End::Time,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{n}");
        let id = world
            .user_with_password(&name, PASSWORD, Some("acme"))
            .await;
        let request = signing_in(&format!("{name}@example.org"), PASSWORD);
        let signed = sign_in(world.ctx(), request).await.unwrap();
        assert_eq!(signed.issued.tenant, Some(tenant_id("acme")));
        let caller = caller_of(&signed);
        let other = world.session(id, None).await;
        authenticate(world.ctx(), &caller).await.unwrap();
        let (mut then, mut others_die) = (world.clone(), true);
        let ctx = world.ctx();
        match end {
            End::SignOut => {
                sign_out(ctx, &caller).await.unwrap();
                others_die = false;
            }
            End::Disable => {
                let done = set_subject_status(ctx, &OPERATOR, id, StatusChange::Disabled).await;
                done.unwrap();
            }
            End::Password => {
                let request = SetPassword {
                    subject: id,
                    new: secret("another horse"),
                    current: None,
                };
                set_password(ctx, &OPERATOR, request).await.unwrap();
            }
            End::Membership => {
                let done = end_membership(ctx, &OPERATOR, id, tenant_id("acme")).await;
                done.unwrap();
                // The other session is bound to no tenant.
                others_die = false;
            }
            End::Time => then = world.at(86_400),
        }
        let why = match end {
            End::Disable => ManageRefusal::CallerBanned,
            End::Time => ManageRefusal::SessionExpired,
            End::SignOut | End::Password | End::Membership => ManageRefusal::SessionEnded,
        };
        let over = authenticate(then.ctx(), &caller).await;
        assert_eq!(reason(over), why, "{n}");
        let again = sign_out(then.ctx(), &caller).await;
        assert_eq!(reason(again), why, "{n}");
        let others = authenticate(then.ctx(), &other).await;
        assert_eq!(others.is_err(), others_die, "{n}");
    }
}

async fn hash_of(world: &World, subject: doorward_base::SubjectId) -> HashedPassword {
    let (store, realm) = (world.store(), world.realm.id);
    let hash = reading!(store, realm, [], |tx| tx.find_password(subject).await);
    hash.unwrap().unwrap()
}

pub(crate) async fn a_weak_hash_is_replaced_when_it_matches(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let params = Params::new(8 * 1024, 1, 1, None).unwrap();
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16])
        .unwrap();
    let weak = HashedPassword::from_phc(weak.to_string());
    let (engine, realm) = (world.store(), world.realm.id);
    let set = writing!(engine, realm, [weak], |tx| tx
        .set_password(ada, &weak)
        .await);
    set.unwrap();
    let wrong = sign_in(world.ctx(), signing_in("ada@example.org", "wrong horse")).await;
    assert_eq!(code(wrong), ErrorCode::SignInRefused);
    assert_eq!(hash_of(&world, ada).await, weak);
    for _ in 0..2 {
        let signed = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
        signed.unwrap();
        let hash = hash_of(&world, ada).await;
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
    // One that is strong enough stays.
    let strong = hash_of(&world, ada).await;
    let signed = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    signed.unwrap();
    assert_eq!(hash_of(&world, ada).await, strong);
}

pub(crate) async fn a_scope_and_a_tenant_are_held_or_refused(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let ada = world
        .user_with_password("ada", PASSWORD, Some("acme"))
        .await;
    world.grant(ada, Some("acme"), "read").await;
    for (tenant, role, scope, expected) in [
        (None, None, None, Ok(())),
        (Some("acme"), None, Some("read"), Ok(())),
        (Some("globex"), None, None, Err(ErrorCode::TenantForbidden)),
        (None, Some("editor"), None, Err(ErrorCode::RoleNotAllowed)),
        (None, None, Some("write"), Err(ErrorCode::InvalidScope)),
        (None, None, Some("\""), Err(ErrorCode::InvalidScope)),
    ] {
        let request = SignIn {
            tenant: tenant.map(tenant_id),
            role: role.map(|role: &str| role.parse().unwrap()),
            scope: scope.map(ToOwned::to_owned),
            ..signing_in("ada@example.org", PASSWORD)
        };
        let done = sign_in(world.ctx(), request).await;
        assert_eq!(outcome(done), expected, "{tenant:?} {role:?} {scope:?}");
    }
}

pub(crate) async fn a_person_sets_its_own_password_and_no_other(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    let bob = world.user_with_password("bob", PASSWORD, None).await;
    let bot = world.service("bot", None, &[]).await;
    let every: Vec<&str> = doorward_identity::decide::manage::ManagementPermission::ALL
        .iter()
        .map(|one| one.as_str())
        .collect();
    for name in every {
        world.grant(ada, None, name).await;
    }
    let (new, short) = ("another horse", "short");
    for (subject, current, new, expected) in [
        (bob, Some(PASSWORD), new, ManageRefusal::NotFound("subject")),
        (ada, None, new, ManageRefusal::PasswordNotShown),
        (ada, Some("wrong horse"), new, ManageRefusal::PasswordWrong),
        (ada, Some(PASSWORD), short, ManageRefusal::PasswordLength(8)),
    ] {
        let caller = world.session(ada, None).await;
        let request = SetPassword {
            subject,
            new: secret(new),
            current: current.map(secret),
        };
        let done = set_password(world.ctx(), &caller, request).await;
        assert_eq!(reason(done), expected);
    }
    let caller = world.session(ada, None).await;
    let request = |subject, current: Option<Secret>| SetPassword {
        subject,
        new: secret(new),
        current,
    };
    let token = world.mint(TokenKind::Personal, ada).await.token.id;
    let exchanged = Caller::Subject {
        subject: ada,
        credential: CredentialId::ApiToken(token),
        carries: None,
    };
    let known = || request(ada, Some(secret(PASSWORD)));
    let done = set_password(world.ctx(), &exchanged, known()).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    let done = set_password(world.ctx(), &caller, known()).await;
    done.unwrap();
    let done = set_password(world.ctx(), &OPERATOR, request(bot, None)).await;
    assert_eq!(reason(done), ManageRefusal::NotFound("subject"));
    for (password, expected) in [(PASSWORD, Err(ErrorCode::SignInRefused)), (new, Ok(()))] {
        let done = sign_in(world.ctx(), signing_in("ada@example.org", password)).await;
        assert_eq!(outcome(done), expected);
    }
}

fn taking(invited: &Invited, password: Option<&str>) -> AcceptInvitation {
    AcceptInvitation {
        by: None,
        secret: invited.secret.clone().unwrap(),
        password: password.map(secret),
        name: None,
    }
}

async fn invited(world: &World, name: &str) -> Invited {
    let request = Invite {
        email: email(name),
        tenant: tenant_id("acme"),
        roles: vec!["viewer".parse().unwrap()],
        life: None,
        delivery: None,
    };
    invite(world.ctx(), &OPERATOR, request).await.unwrap()
}

pub(crate) async fn an_invitation_is_taken_once_and_expires(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let replaced = invited(&world, "ada").await;
    let first = invited(&world, "ada").await;
    let late = invited(&world, "bob").await;
    let invalid = ManageRefusal::InvitationInvalid;
    let done = accept_invitation(world.ctx(), taking(&replaced, None)).await;
    assert_eq!(reason(done), invalid);
    let ada = accept_invitation(world.ctx(), taking(&first, Some(PASSWORD))).await;
    let ada = ada.unwrap();
    let done = accept_invitation(world.ctx(), taking(&first, Some(PASSWORD))).await;
    assert_eq!(reason(done), invalid);
    let week = world.at(7 * 86_400);
    let done = accept_invitation(week.ctx(), taking(&late, None)).await;
    assert_eq!(reason(done), invalid);
    let signed = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    let signed = signed.unwrap();
    assert_eq!(signed.subject.id, ada.id);
    assert_eq!(signed.issued.tenant, Some(tenant_id("acme")));
    let profile = load_profile(world.ctx(), &caller_of(&signed), ada.id).await;
    assert_eq!(profile.unwrap().grants.len(), 1);
}

/// Otherwise a tenant's administrator waits in an account that another tenant invites.
pub(crate) async fn a_tenant_does_not_vouch_for_an_address(store: StoreHandle) {
    let world = World::new(store).await;
    let edit = &["platform.users.edit"];
    let local = world.person("local", Some("acme"), edit).await;
    let realm = world.person("realm", None, edit).await;
    for (name, caller, vouches) in [
        ("by-tenant", &local.caller, false),
        ("by-realm", &realm.caller, true),
        ("by-operator", &OPERATOR, true),
    ] {
        for wanted in [true, false] {
            let new = CreateUser {
                proven: wanted,
                ..new_user(&format!("{name}-{wanted}"), placement(Some("acme"), &[]))
            };
            let made = create_user(world.ctx(), caller, new).await;
            if wanted && !vouches {
                assert_eq!(reason(made), ManageRefusal::NotVouching);
                continue;
            }
            let made = made.unwrap();
            let stored = find_subject(world.ctx(), &OPERATOR, made.id).await;
            for subject in [made, stored.unwrap()] {
                let contact = subject.identifier.contact().unwrap();
                let proven = contact.email.as_ref().unwrap().is_proven();
                assert_eq!(proven, wanted, "{name}");
            }
        }
    }
}

pub(crate) async fn one_of_16_that_race_for_an_invitation_takes_it(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    // Its account joins by the word of an operator, at no cost.
    world.user_with_password("ada", PASSWORD, None).await;
    let invited = invited(&world, "ada").await;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (world, taking) = (world.clone(), taking(&invited, None));
        tasks.spawn(async move { outcome(accept_invitation(world.ctx(), taking).await) });
    }
    let answers = tasks.join_all().await;
    let refused = Err(ErrorCode::NotFound);
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|one| **one == refused).count(), 15);
    let members = list_tenant_members(world.ctx(), &OPERATOR, tenant_id("acme"), all()).await;
    assert_eq!(members.unwrap().len(), 1);
}
