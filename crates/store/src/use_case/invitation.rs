//! Invitations: who gets the secret, what it proves, and what taking one does.

use super::action::role_grant;
use super::mail::Recorder;
use super::world::*;
use crate::conformance::fixture::{all, factor, tenant_id};
use crate::conformance::{reading, writing};
use doorward_base::limit::{LocalLimiter, Quota};
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, Secret, SubjectId};
use doorward_identity::act::challenge::{ChallengeTerms, mint};
use doorward_identity::act::mail::{MailLimit, MailPolicy, MailRates, deliver};
use doorward_identity::act::*;
use doorward_identity::decide::invitation::MAX_WAITING;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    Address, AuditAction, ChallengeKind, Delivery, Factor, FactorKind, Identifier, Invitation,
    MadeThrough, MailKind, Mailbox, Metadata, Subject, TokenKind,
};
use doorward_identity::port::{ChallengeKey, StoreHandle};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

mod mails;
mod maker;
mod shown;

pub(crate) use mails::*;
pub(crate) use maker::*;
pub(crate) use shown::*;

const EDIT: &str = "platform.memberships.edit";
const USERS: &str = "platform.users.edit";
const PASSWORD: &str = "correct horse";

fn inviting(name: &str) -> Invite {
    Invite {
        email: email(name),
        tenant: tenant_id("acme"),
        roles: vec![],
        life: None,
        delivery: None,
    }
}

fn taking(key: &Secret, password: Option<&str>) -> AcceptInvitation {
    AcceptInvitation {
        by: None,
        secret: key.clone(),
        password: password.map(secret),
        name: None,
    }
}

/// Sends what is queued, and returns the one secret that the address of this name got.
async fn mailed(world: &World, name: &str) -> Secret {
    let mailer = Recorder::default();
    while deliver(&world.identity, &mailer, world.call.now)
        .await
        .unwrap()
        .claimed
        > 0
    {}
    let letters = mailer.letters.lock().unwrap();
    let [letter] = letters.as_slice() else {
        panic!("{letters:?}")
    };
    assert_eq!(letter.kind, MailKind::Invitation);
    assert_eq!(letter.to, email(name));
    assert_eq!(letter.variables["tenant"].expose(), "acme");
    assert_eq!(letter.variables["tenant_name"].expose(), "acme");
    assert_eq!(letter.variables["minutes"].expose(), "10080");
    assert_eq!(letter.variables["days"].expose(), "7");
    letter.variables["code"].clone()
}

async fn waiting_mails(world: &World) -> u64 {
    world.store().engine().count_mail().await.unwrap().waiting
}

fn is_proven(subject: &Subject) -> bool {
    let contact = subject.identifier.contact().unwrap();
    contact.email.as_ref().is_some_and(Mailbox::is_proven)
}

/// A1, A2, A6.
pub(crate) async fn who_invites_gets_no_secret_and_the_address_does(store: StoreHandle) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT, USERS]).await;
    let wide = world.person("wide", None, &[EDIT]).await;
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let ctx = world.ctx();
    for (caller, asked, expected) in [
        (&local.caller, None, Ok(Delivery::Mail)),
        (&local.caller, Some(Delivery::Nobody), Ok(Delivery::Nobody)),
        (
            &local.caller,
            Some(Delivery::Answer),
            Err(ManageRefusal::NotVouching),
        ),
        (&wide.caller, None, Ok(Delivery::Mail)),
        (
            &wide.caller,
            Some(Delivery::Answer),
            Err(ManageRefusal::NotVouching),
        ),
        (&voucher.caller, None, Ok(Delivery::Answer)),
        (&voucher.caller, Some(Delivery::Mail), Ok(Delivery::Mail)),
        (&OPERATOR, None, Ok(Delivery::Answer)),
    ] {
        let request = Invite {
            delivery: asked,
            ..inviting("ada")
        };
        let made = invite(ctx, caller, request).await;
        let made = match (made, expected) {
            (Err(failure), Err(expected)) => {
                assert_eq!(reason::<(), _>(Err(failure)), expected);
                continue;
            }
            (made, expected) => (made.unwrap(), expected.unwrap()),
        };
        let (made, expected) = made;
        assert_eq!(made.delivery, expected);
        assert_eq!(made.secret.is_some(), expected == Delivery::Answer);
        let row = world.last_audit().await.event;
        assert_eq!(row.detail["delivery"], expected.as_str());
    }
    // Each took the place of the one before; the mails of the last but one are dead.
    let mailer = Recorder::default();
    while deliver(&world.identity, &mailer, NOW)
        .await
        .unwrap()
        .claimed
        > 0
    {}
    let letters = mailer.letters.lock().unwrap().clone();
    assert_eq!(letters.len(), 3);
    for letter in letters {
        let key = &letter.variables["code"];
        let done = accept_invitation(ctx, taking(key, Some(PASSWORD))).await;
        assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
    }
    invite(ctx, &local.caller, inviting("ada")).await.unwrap();
    let key = mailed(&world, "ada").await;
    let ada = accept_invitation(ctx, taking(&key, Some(PASSWORD)))
        .await
        .unwrap();
    assert!(is_proven(&ada));
    let done = sign_in(ctx, signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(done.unwrap().issued.tenant, Some(tenant_id("acme")));
}

pub(crate) async fn without_mail_only_who_vouches_invites_a_stranger(store: StoreHandle) {
    let limiter = Arc::new(LocalLimiter::new(1000));
    let mut process = identity(store, 7);
    process.mail = MailPolicy {
        is_on: false,
        limit: MailLimit::new(limiter, &process.master, MailRates::usual().unwrap()).unwrap(),
    };
    let world = World::of(process).await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let ctx = world.ctx();
    // Who has an account needs no secret. The answer does not tell who has one.
    let dave = world.person("dave", None, &[]).await;
    for name in ["ada", "dave"] {
        for asked in [None, Some(Delivery::Mail)] {
            let request = Invite {
                delivery: asked,
                ..inviting(name)
            };
            let made = invite(ctx, &local.caller, request).await;
            assert_eq!(reason(made), ManageRefusal::NoMail);
        }
        let request = Invite {
            delivery: Some(Delivery::Nobody),
            ..inviting(name)
        };
        let made = invite(ctx, &local.caller, request).await.unwrap();
        assert_eq!(
            (made.delivery, made.secret.is_none()),
            (Delivery::Nobody, true)
        );
    }
    let offered = list_own_invitations(ctx, &dave.caller, all())
        .await
        .unwrap();
    let [offered] = offered.as_slice() else {
        panic!("{offered:?}")
    };
    accept_own_invitation(ctx, &dave.caller, offered.id)
        .await
        .unwrap();
    let made = invite(ctx, &OPERATOR, inviting("ada")).await.unwrap();
    let done = accept_invitation(ctx, taking(&made.secret.unwrap(), Some(PASSWORD))).await;
    assert!(is_proven(&done.unwrap()));
}

/// A3, A4: whoever knows an address does nothing to its account, and neither does the
/// secret alone.
pub(crate) async fn a_persons_account_joins_by_its_own_session(store: StoreHandle) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let dave = person_with_password(&world, "dave", Some("globex")).await;
    let eve = world.person("eve", None, &[]).await;
    let token = world.mint(TokenKind::Personal, dave.id).await;
    let ctx = world.ctx();
    invite(ctx, &local.caller, inviting("dave")).await.unwrap();
    let key = mailed(&world, "dave").await;
    let done = accept_invitation(ctx, taking(&key, None)).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);

    let offered = list_own_invitations(ctx, &dave.caller, all())
        .await
        .unwrap();
    assert_eq!(offered.len(), 1);
    let id = offered[0].id;
    let through_token = Caller::Subject {
        subject: dave.id,
        credential: CredentialId::ApiToken(token.token.id),
        carries: Some(vec![]),
    };
    for (caller, expected) in [
        (&eve.caller, ManageRefusal::InvitationInvalid),
        (&local.caller, ManageRefusal::InvitationInvalid),
        (&OPERATOR, ManageRefusal::InvitationInvalid),
        (&through_token, ManageRefusal::SessionNeeded),
    ] {
        let done = accept_own_invitation(ctx, caller, id).await;
        assert_eq!(reason(done), expected, "{caller:?}");
    }
    assert_eq!(
        list_own_invitations(ctx, &eve.caller, all()).await.unwrap(),
        []
    );
    let listed = list_own_invitations(ctx, &through_token, all()).await;
    assert_eq!(reason(listed), ManageRefusal::SessionNeeded);
    // Who made an account of the address, and did not prove it, is not offered anything.
    let squatter = unproven(&world, "frank").await;
    invite(ctx, &local.caller, inviting("frank")).await.unwrap();
    let session = world.session(squatter, None).await;
    assert_eq!(
        list_own_invitations(ctx, &session, all()).await.unwrap(),
        []
    );
    let pending = list_invitations(ctx, &OPERATOR, None, all()).await.unwrap();
    let franks = pending.iter().find(|one| one.email == email("frank"));
    let done = accept_own_invitation(ctx, &session, franks.unwrap().id).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);

    accept_own_invitation(ctx, &dave.caller, id).await.unwrap();
    let row = world.last_audit().await.event;
    assert_eq!(
        (row.subject, row.tenant),
        (Some(dave.id), Some(tenant_id("acme")))
    );
    assert_eq!(row.actor, dave.caller.actor());
    let done = accept_own_invitation(ctx, &dave.caller, id).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
    let profile = load_profile(ctx, &dave.caller, dave.id).await.unwrap();
    assert_eq!(profile.memberships.len(), 2);
    // The token was made before, and does what it did.
    let used = exchange(ctx, asking(&token.secret)).await.unwrap();
    assert_eq!(used.tenant, Some(tenant_id("globex")));
}

/// A person that can sign in, with a session.
async fn person_with_password(world: &World, name: &str, tenant: Option<&str>) -> Person {
    let id = world
        .user_with_password(name, "own password 1", tenant)
        .await;
    Person {
        id,
        caller: world.session(id, None).await,
    }
}

/// Otherwise an invitation is used up by somebody who cannot come in, and no later one
/// helps.
pub(crate) async fn nobody_is_left_without_a_way_in(store: StoreHandle) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT, USERS]).await;
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let ctx = world.ctx();
    // An account that is made, and one that an operator made without a password.
    let bob = world.user("bob", Some("globex"), &["read"]).await;
    let waiting = world.session(bob, None).await;
    for name in ["ada", "bob"] {
        invite(ctx, &local.caller, inviting(name)).await.unwrap();
        let key = mailed(&world, name).await;
        let done = accept_invitation(ctx, taking(&key, None)).await;
        assert_eq!(reason(done), ManageRefusal::PasswordNeeded);
        let taken = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
        let taken = taken.unwrap();
        let row = world.last_audit().await.event;
        assert_eq!(row.detail.get("first_password").is_some(), taken.id == bob);
        let address = format!("{name}@example.org");
        sign_in(ctx, signing_in(&address, PASSWORD)).await.unwrap();
        // From now on it is an account like any other.
        invite(ctx, &local.caller, inviting(name)).await.unwrap();
        let key = mailed(&world, name).await;
        let done = accept_invitation(ctx, taking(&key, Some("another horse"))).await;
        assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    }
    let over = authenticate(ctx, &waiting).await;
    assert_eq!(reason(over), ManageRefusal::SessionEnded);
    let profile = load_profile(ctx, &OPERATOR, bob).await.unwrap();
    assert_eq!(profile.memberships.len(), 2, "it keeps what it had");
    assert_eq!(profile.grants, [grant(Some("globex"), "read")]);
    // Who signs in elsewhere has a way in.
    let carol = world.person("carol", None, &[]).await;
    let link = LinkIdentity {
        subject: carol.id,
        provider: "github".parse().unwrap(),
        sub: "carol".to_owned(),
        data: Metadata::new(),
        ground: LinkGround::Session(carol.caller.clone()),
    };
    link_identity(ctx, link).await.unwrap();
    invite(ctx, &local.caller, inviting("carol")).await.unwrap();
    let key = mailed(&world, "carol").await;
    let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    // Who vouches does not come by what an account holds, unless it has the store.
    let dave = world.user("dave", None, &["platform.keys.edit"]).await;
    let made = invite(ctx, &voucher.caller, inviting("dave")).await;
    let key = made.unwrap().secret.unwrap();
    for password in [Some(PASSWORD), None] {
        let done = accept_invitation(ctx, taking(&key, password)).await;
        assert_eq!(reason(done), ManageRefusal::MailNeeded);
    }
    let made = invite(ctx, &OPERATOR, inviting("dave")).await.unwrap();
    let done = accept_invitation(ctx, taking(&made.secret.unwrap(), Some(PASSWORD))).await;
    assert_eq!(done.unwrap().id, dave);
}

async fn unproven(world: &World, name: &str) -> SubjectId {
    let new = CreateUser {
        proven: false,
        ..new_user(name, placement(None, &[]))
    };
    create_user(world.ctx(), &OPERATOR, new).await.unwrap().id
}

/// A13: somebody registers a stranger's address and waits for the stranger to be invited.
pub(crate) async fn an_account_that_waited_for_its_owner_is_erased(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let ctx = world.ctx();
    let new = CreateUser {
        proven: false,
        phone: Some("+15550100".parse().unwrap()),
        name: Some("Eve".to_owned()),
        password: Some(secret("eves password")),
        user_metadata: Metadata::from_iter([("role".to_owned(), json!("boss"))]),
        app_metadata: Metadata::from_iter([("role".to_owned(), json!("service_role"))]),
        ..new_user("victim", placement(Some("globex"), &[EDIT]))
    };
    let victim = create_user(ctx, &OPERATOR, new).await.unwrap().id;
    add_grant(ctx, &OPERATOR, victim, role_grant(None, "editor"))
        .await
        .unwrap();
    let waiting = world.session(victim, None).await;
    let link = LinkIdentity {
        subject: victim,
        provider: "github".parse().unwrap(),
        sub: "eve".to_owned(),
        data: Metadata::new(),
        ground: LinkGround::Session(waiting.clone()),
    };
    link_identity(ctx, link).await.unwrap();
    let token = world.mint(TokenKind::Personal, victim).await;
    let pending = ChallengeTerms {
        subject: Some(victim),
        ..ChallengeTerms::default()
    };
    let (pending, _) = mint(ctx, ChallengeKind::SignInCode, pending).unwrap();
    let other = Invite {
        tenant: tenant_id("globex"),
        ..inviting("accomplice")
    };
    invite(ctx, &waiting, other).await.unwrap();
    let factor = Factor {
        subject: victim,
        ..factor(1, 1, FactorKind::Totp)
    };
    let (store, realm) = (world.store(), world.realm.id);
    let put = writing!(store, realm, [factor, pending], |tx| {
        tx.put_challenge(&pending).await?;
        tx.insert_factor(&factor).await
    });
    put.unwrap();

    let invited = invite(ctx, &OPERATOR, inviting("victim")).await.unwrap();
    let key = invited.secret.unwrap();
    let done = accept_invitation(ctx, taking(&key, None)).await;
    assert_eq!(reason(done), ManageRefusal::PasswordNeeded);
    let request = AcceptInvitation {
        by: None,
        name: Some("Vic".to_owned()),
        ..taking(&key, Some(PASSWORD))
    };
    let claimed = accept_invitation(ctx, request).await.unwrap();
    // Whatever says the old id, a token that no realm looks up among them, names nobody.
    assert_ne!(claimed.id, victim);
    let old = find_subject(ctx, &OPERATOR, victim).await;
    assert_eq!(code(old), ErrorCode::NotFound);
    let rows = world.audit().await;
    let deleted = rows
        .iter()
        .find(|row| row.event.action == AuditAction::SubjectDelete);
    let deleted = &deleted.unwrap().event;
    assert_eq!((deleted.subject, deleted.peer), (Some(victim), None));
    let ended: Vec<_> = rows
        .iter()
        .filter(|row| row.event.action == AuditAction::MembershipEnd)
        .map(|row| (row.event.subject, row.event.tenant.clone()))
        .collect();
    assert_eq!(ended, [(Some(victim), Some(tenant_id("globex")))]);
    let stored = find_subject(ctx, &OPERATOR, claimed.id).await.unwrap();
    for subject in [&claimed, &stored] {
        let expected = Subject {
            identifier: Identifier::user(Address::proven(email("victim"), NOW)),
            name: Some("Vic".to_owned()),
            user_metadata: Metadata::new(),
            app_metadata: Metadata::new(),
            ..stored.clone()
        };
        assert_eq!(*subject, expected);
    }
    let profile = load_profile(ctx, &OPERATOR, claimed.id).await.unwrap();
    let tenants: Vec<_> = profile.memberships.iter().map(|one| &one.tenant).collect();
    assert_eq!(tenants, [&tenant_id("acme")]);
    assert_eq!((profile.grants, profile.identities), (vec![], vec![]));
    let over = authenticate(ctx, &waiting).await;
    assert_eq!(reason(over), ManageRefusal::CallerGone);
    let used = exchange(ctx, asking(&token.secret)).await;
    assert_eq!(code(used), ErrorCode::TokenInvalid);
    let now = claimed.id;
    let left = reading!(store, realm, [pending], |tx| Ok((
        tx.list_factors(victim).await?.len()
            + tx.list_devices(victim).await?.len()
            + tx.list_devices(now).await?.len(),
        tx.find_challenge(&ChallengeKey::Id(pending.id))
            .await?
            .is_some(),
    )));
    assert_eq!(left, Ok((0, false)));
    assert_eq!(
        list_invitations(ctx, &OPERATOR, None, all()).await.unwrap(),
        []
    );
    for (password, expected) in [
        ("eves password", Err(ErrorCode::SignInRefused)),
        (PASSWORD, Ok(())),
    ] {
        let done = sign_in(ctx, signing_in("victim@example.org", password)).await;
        assert_eq!(outcome(done), expected);
    }
}

/// A2: a password that would be passed over is refused, as is a word that does not count.
pub(crate) async fn what_changes_nothing_is_refused(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    world
        .user_with_password("carol", "own password 1", None)
        .await;
    let made = invite(ctx, &OPERATOR, inviting("carol")).await.unwrap();
    let key = made.secret.unwrap();
    let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::Unused("a password"));
    let named = AcceptInvitation {
        by: None,
        name: Some("Carol".to_owned()),
        ..taking(&key, None)
    };
    let done = accept_invitation(ctx, named).await;
    assert_eq!(reason(done), ManageRefusal::Unused("a name"));
    accept_invitation(ctx, taking(&key, None)).await.unwrap();

    let local = world.person("local", Some("acme"), &[USERS]).await;
    let voucher = world.person("voucher", None, &[USERS]).await;
    let metadata = Metadata::from_iter([("role".to_owned(), json!("service_role"))]);
    let saying = |name: &str, proven, app_metadata| CreateUser {
        proven,
        app_metadata,
        ..new_user(name, placement(Some("acme"), &[]))
    };
    for (name, proven, app_metadata) in
        [("a", true, Metadata::new()), ("b", false, metadata.clone())]
    {
        let new = saying(name, proven, app_metadata);
        let done = create_user(ctx, &local.caller, new.clone()).await;
        assert_eq!(reason(done), ManageRefusal::NotVouching);
        let found = find_subject_by_email(ctx, &OPERATOR, email(name)).await;
        assert_eq!(code(found), ErrorCode::NotFound);
        create_user(ctx, &voucher.caller, new).await.unwrap();
    }
    let new = saying("c", false, Metadata::new());
    let made = create_user(ctx, &local.caller, new).await.unwrap();
    assert!(!is_proven(&made));
}

async fn pending(world: &World) -> Vec<String> {
    let listed = list_invitations(world.ctx(), &OPERATOR, None, all()).await;
    let listed = listed.unwrap().into_iter();
    listed.map(|one| one.email.as_str().to_owned()).collect()
}

/// Somebody opens an account of a stranger's address, and lets it end: others' invitations
/// and mails to the address are not its own. Where the address was proven they are.
pub(crate) async fn who_squats_an_address_ends_nothing_that_waits_for_it(store: StoreHandle) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let ctx = world.ctx();
    for (name, kind, deleted, stays) in [
        ("a", "unproven", true, true),
        ("b", "unproven", false, true),
        ("c", "service", true, true),
        ("d", "service", false, true),
        ("e", "proven", true, false),
        ("f", "proven", false, false),
    ] {
        let subject = match kind {
            "unproven" => unproven(&world, name).await,
            "service" => world.service(name, Some("globex"), &[]).await,
            _ => world.user(name, None, &[]).await,
        };
        invite(ctx, &local.caller, inviting(name)).await.unwrap();
        if deleted {
            let request = DeleteUser {
                subject,
                password: None,
            };
            delete_user(ctx, &OPERATOR, request).await.unwrap();
        } else {
            let done = set_subject_status(ctx, &OPERATOR, subject, StatusChange::Disabled);
            done.await.unwrap();
        }
        let left = pending(&world).await.contains(&email(name).to_string());
        assert_eq!(left, stays, "{name} {kind} {deleted}");
    }
    // A mail stays where its account is only disabled; one that is deleted gets none.
    assert_eq!(waiting_mails(&world).await, 5);
}

pub(crate) async fn what_was_taken_away_is_not_brought_back_by_an_invitation(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let globex = world.tenant("globex").await;
    let ctx = world.ctx();
    let ada = world.person("ada", Some("acme"), &[]).await;
    let editor = || role_grant(Some(&tenant_id("acme")), "editor");
    add_grant(ctx, &OPERATOR, ada.id, editor()).await.unwrap();
    let roles = vec!["editor".parse().unwrap()];
    let request = Invite {
        roles: roles.clone(),
        ..inviting("ada")
    };
    let made = invite(ctx, &OPERATOR, request).await.unwrap();
    let elsewhere = Invite {
        tenant: globex,
        ..inviting("ada")
    };
    let elsewhere = invite(ctx, &OPERATOR, elsewhere).await.unwrap();
    invite(ctx, &OPERATOR, inviting("bob")).await.unwrap();
    assert!(
        remove_grant(ctx, &OPERATOR, ada.id, editor())
            .await
            .unwrap()
    );
    let done = accept_invitation(ctx, taking(&made.secret.unwrap(), None)).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
    let profile = load_profile(ctx, &OPERATOR, ada.id).await.unwrap();
    assert!(!profile.grants.contains(&editor()), "{:?}", profile.grants);
    // What waits for it in another tenant, or for others, is as it was.
    assert_eq!(pending(&world).await.len(), 2);
    accept_invitation(ctx, taking(&elsewhere.secret.unwrap(), Some(PASSWORD)))
        .await
        .unwrap();
}
