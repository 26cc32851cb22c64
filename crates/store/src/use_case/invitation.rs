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
use doorward_identity::decide::refusal::{ManageRefusal, SignInRefusal};
use doorward_identity::model::{
    Address, AuditAction, ChallengeKind, Delivery, Factor, FactorKind, Identifier, Invitation,
    MadeThrough, MailKind, Mailbox, Metadata, Subject, TokenKind,
};
use doorward_identity::port::{ChallengeKey, StoreHandle};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const EDIT: &str = "platform.memberships.edit";
const USERS: &str = "platform.users.edit";
const PASSWORD: &str = "correct horse";

fn inviting(name: &str) -> Invite {
    Invite {
        email: email(name),
        tenant: tenant_id("acme"),
        roles: vec![],
        delivery: None,
    }
}

fn taking(key: &Secret, password: Option<&str>) -> AcceptInvitation {
    AcceptInvitation {
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
    assert_eq!(reason(over), SignInRefusal::SessionOver);
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
    assert_eq!(reason(over), SignInRefusal::SessionOver);
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

/// A5: who was sent away gives nothing any more, whatever became of it.
pub(crate) async fn an_invitation_is_as_good_as_its_maker(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    for (n, loses) in ["nothing", "the role", "the permission", "everything"]
        .into_iter()
        .enumerate()
    {
        let boss = world
            .person(&format!("boss-{n}"), Some("acme"), &[EDIT])
            .await;
        let role = role_grant(Some(&tenant_id("acme")), "editor");
        add_grant(ctx, &OPERATOR, boss.id, role.clone())
            .await
            .unwrap();
        let name = format!("accomplice-{n}");
        let request = Invite {
            roles: vec!["editor".parse().unwrap()],
            ..inviting(&name)
        };
        invite(ctx, &boss.caller, request).await.unwrap();
        let key = mailed(&world, &name).await;
        let taken = match loses {
            "the role" => Some(role),
            "the permission" => Some(grant(Some("acme"), EDIT)),
            _ => None,
        };
        if let Some(taken) = taken {
            remove_grant(ctx, &OPERATOR, boss.id, taken).await.unwrap();
        }
        if loses == "everything" {
            let request = DeleteUser {
                subject: boss.id,
                password: None,
            };
            delete_user(ctx, &OPERATOR, request).await.unwrap();
        }
        let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
        if loses == "nothing" {
            done.unwrap();
        } else {
            assert_eq!(reason(done), ManageRefusal::InvitationInvalid, "{loses}");
            let found = find_subject_by_email(ctx, &OPERATOR, email(&name)).await;
            assert_eq!(code(found), ErrorCode::NotFound);
        }
    }
    // Who vouched when it got the secret, and does not any more.
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let made = invite(ctx, &voucher.caller, inviting("ada")).await.unwrap();
    remove_grant(ctx, &OPERATOR, voucher.id, grant(None, USERS))
        .await
        .unwrap();
    let done = accept_invitation(ctx, taking(&made.secret.unwrap(), Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
}

/// A caller that presents an API token, or what was exchanged for it.
fn through(token: &MintedToken, carries: &[&str]) -> Caller {
    Caller::Subject {
        subject: token.token.owner,
        credential: CredentialId::ApiToken(token.token.id),
        carries: Some(permissions_of(carries)),
    }
}

/// Whoever finds a narrowed credential makes nothing by it that outgrows it: neither roles,
/// nor a word on whose address it is.
pub(crate) async fn an_invitation_gives_no_more_than_what_it_was_made_through(store: StoreHandle) {
    let world = World::new(store).await;
    let acme = world.tenant("acme").await;
    let ctx = world.ctx();
    let boss = world.user("boss", Some("acme"), &[EDIT]).await;
    for grants in [grant(None, EDIT), grant(None, USERS)] {
        add_grant(ctx, &OPERATOR, boss, grants).await.unwrap();
    }
    let narrow = CreateToken {
        ceiling: ceiling(Some("acme"), &[EDIT]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
    };
    let narrow = create_token(ctx, &OPERATOR, narrow).await.unwrap();
    let whole = world.mint(TokenKind::Personal, boss).await;
    let client = Caller::Subject {
        subject: boss,
        credential: CredentialId::Foreign,
        carries: Some(permissions_of(&[EDIT])),
    };
    for (n, caller) in [
        // By its own ceiling, by what its JWT carries, and through a client.
        through(&narrow, &[EDIT, USERS, "read", "write"]),
        through(&whole, &[EDIT]),
        client,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("accomplice-{n}");
        let role = || Invite {
            roles: vec!["editor".parse().unwrap()],
            ..inviting(&name)
        };
        let done = invite(ctx, &caller, role()).await;
        assert_eq!(reason(done), ManageRefusal::NotHeld("editor".to_owned()));
        let in_answer = Invite {
            delivery: Some(Delivery::Answer),
            ..inviting(&name)
        };
        let done = invite(ctx, &caller, in_answer).await;
        assert_eq!(reason(done), ManageRefusal::NotVouching);
        // A role that is empty now, and gives something when it is taken.
        let early = world.reconfigured(|settings| {
            for role in &mut settings.roles {
                role.permissions.clear();
            }
        });
        add_grant(ctx, &OPERATOR, boss, role_grant(Some(&acme), "viewer"))
            .await
            .unwrap();
        let later = Invite {
            roles: vec!["viewer".parse().unwrap()],
            ..inviting(&name)
        };
        let made = invite(early.ctx(), &caller, later).await;
        assert_eq!(reason(made), ManageRefusal::NotHeld("viewer".to_owned()));
        invite(ctx, &caller, inviting(&name)).await.unwrap();
        let key = mailed(&world, &name).await;
        let done = accept_invitation(ctx, taking(&key, Some(PASSWORD))).await;
        let taken = done.unwrap();
        let profile = load_profile(ctx, &OPERATOR, taken.id).await.unwrap();
        assert_eq!(profile.grants, []);
    }
    // What it held when it invited, and its credential does not let it give any more: the
    // role was within the ceiling, and is not now.
    let reader = CreateToken {
        ceiling: ceiling(Some("acme"), &[EDIT, "read"]),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
    };
    let reader = create_token(ctx, &OPERATOR, reader).await.unwrap();
    for carries in [&[EDIT, "read"][..], &[EDIT, "read", "write"]] {
        let request = Invite {
            roles: vec!["viewer".parse().unwrap()],
            ..inviting("ada")
        };
        let made = invite(ctx, &through(&reader, carries), request).await;
        made.unwrap();
        let key = mailed(&world, "ada").await;
        let grown = world.reconfigured(|settings| {
            settings.roles[1].permissions = permissions_of(&["read", "write"]);
        });
        let all = grant(Some("acme"), "write");
        add_grant(ctx, &OPERATOR, boss, all).await.unwrap();
        let done = accept_invitation(grown.ctx(), taking(&key, Some(PASSWORD))).await;
        assert_eq!(
            reason(done),
            ManageRefusal::InvitationInvalid,
            "{carries:?}"
        );
    }
    let found = find_subject_by_email(ctx, &OPERATOR, email("ada")).await;
    assert_eq!(code(found), ErrorCode::NotFound);
}

/// Somebody who found a token does not stay by what it made while it lived.
pub(crate) async fn an_invitation_ends_with_the_token_it_was_made_through(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    for (n, end) in ["none", "revoked", "expired", "replaced", "membership"]
        .into_iter()
        .enumerate()
    {
        let boss = world.user(&format!("boss-{n}"), None, &[EDIT]).await;
        create_membership(ctx, &OPERATOR, boss, tenant_id("acme"))
            .await
            .unwrap();
        let new = CreateToken {
            expires_at: Some(after(100)),
            ceiling: ceiling(Some("acme"), &[EDIT]),
            ..new_token(TokenKind::Personal, OwnerRef::Subject(boss))
        };
        let token = create_token(ctx, &OPERATOR, new).await.unwrap();
        let name = format!("accomplice-{n}");
        // Made from elsewhere, so that its end takes no pending invitations away itself.
        invite(ctx, &through(&token, &[EDIT]), inviting(&name))
            .await
            .unwrap();
        let key = mailed(&world, &name).await;
        let id = TokenRef::Id(token.token.id);
        let mut later = world.clone();
        match end {
            "revoked" => drop(revoke_token(ctx, &OPERATOR, id).await.unwrap()),
            "expired" => later = world.at(100),
            "replaced" => {
                let request = RegenerateToken {
                    token: id,
                    expires_at: None,
                };
                drop(regenerate_token(ctx, &OPERATOR, request).await.unwrap());
            }
            "membership" => {
                let done = end_membership(ctx, &OPERATOR, boss, tenant_id("acme"));
                done.await.unwrap();
            }
            _ => {}
        }
        let done = accept_invitation(later.ctx(), taking(&key, Some(PASSWORD))).await;
        match end {
            "none" => drop(done.unwrap()),
            _ => assert_eq!(reason(done), ManageRefusal::InvitationInvalid, "{end}"),
        }
    }
    // A sign-in's invitation is its person's, and outlives the session.
    let boss = world.person("boss", Some("acme"), &[EDIT]).await;
    invite(ctx, &boss.caller, inviting("ada")).await.unwrap();
    let key = mailed(&world, "ada").await;
    sign_out(ctx, &boss.caller).await.unwrap();
    accept_invitation(ctx, taking(&key, Some(PASSWORD)))
        .await
        .unwrap();
}

/// Its word was nobody's when the secret was handed out.
pub(crate) async fn who_vouches_only_later_did_not_vouch(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let boss = world.person("boss", None, &[EDIT]).await;
    // Nobody is given the secret, so it is as if who invites had it: from the store's copy.
    invite(ctx, &boss.caller, inviting("carol")).await.unwrap();
    world
        .user_with_password("carol", "own password 1", None)
        .await;
    world.grant(boss.id, None, USERS).await;
    let key = mailed(&world, "carol").await;
    let done = accept_invitation(ctx, taking(&key, None)).await;
    assert_eq!(reason(done), ManageRefusal::SessionNeeded);
    // Where it vouched from the first, the secret alone would do.
    let request = Invite {
        delivery: Some(Delivery::Mail),
        ..inviting("carol")
    };
    invite(ctx, &boss.caller, request).await.unwrap();
    let key = mailed(&world, "carol").await;
    accept_invitation(ctx, taking(&key, None)).await.unwrap();
}

/// They end together with a membership, so there are not too many.
pub(crate) async fn one_maker_has_so_many_invitations_waiting(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let boss = world.person("boss", Some("acme"), &[EDIT]).await;
    let other = world.person("other", Some("acme"), &[EDIT]).await;
    let ctx = world.ctx();
    let nobody = |name: &str, tenant: &str| Invite {
        tenant: tenant_id(tenant),
        delivery: Some(Delivery::Nobody),
        ..inviting(name)
    };
    let payload = Invitation::payload(&[], Delivery::Nobody, &MadeThrough::default());
    let mut waiting = Vec::new();
    for n in 0..MAX_WAITING - 1 {
        let terms = ChallengeTerms {
            address: Some(format!("n{n}@example.org")),
            tenant: Some(tenant_id("acme")),
            made_by: Some(boss.id),
            payload: payload.clone(),
            ..ChallengeTerms::default()
        };
        waiting.push(mint(ctx, ChallengeKind::Invitation, terms).unwrap().0);
    }
    let (store, realm) = (world.store(), world.realm.id);
    let put = writing!(store, realm, [waiting], |tx| {
        for one in &waiting {
            tx.put_challenge(one).await?;
        }
        Ok(())
    });
    put.unwrap();
    invite(ctx, &boss.caller, nobody("last", "acme"))
        .await
        .unwrap();
    let done = invite(ctx, &boss.caller, nobody("one-more", "acme")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyInvitations(MAX_WAITING));
    // Neither another tenant nor another maker has less room for it.
    create_membership(ctx, &OPERATOR, boss.id, tenant_id("globex"))
        .await
        .unwrap();
    world.grant(boss.id, Some("globex"), EDIT).await;
    invite(ctx, &boss.caller, nobody("one-more", "globex"))
        .await
        .unwrap();
    invite(ctx, &other.caller, nobody("one-more", "acme"))
        .await
        .unwrap();
    let listed = list_invitations(ctx, &boss.caller, Some(tenant_id("acme")), all()).await;
    let id = listed.unwrap()[0].id;
    withdraw_invitation(ctx, &boss.caller, id).await.unwrap();
    invite(ctx, &boss.caller, nobody("two-more", "acme"))
        .await
        .unwrap();
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

pub(crate) async fn the_mails_of_an_address_are_not_used_up_by_who_may_not_invite(
    store: StoreHandle,
) {
    let world = World::new(store).await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let wide = world.person("wide", None, &[EDIT]).await;
    let eve = world.person("eve", Some("acme"), &["read"]).await;
    let ctx = world.ctx();
    for _ in 0..20 {
        let done = invite(ctx, &eve.caller, inviting("ada")).await;
        assert_eq!(code(done), ErrorCode::InsufficientPermission);
    }
    // Nor by what is refused to who may.
    let to = |tenant: &str, role: &str| Invite {
        tenant: tenant_id(tenant),
        roles: vec![role.parse().unwrap()],
        ..inviting("ada")
    };
    for (caller, request, expected) in [
        (
            &local.caller,
            to("acme", "editor"),
            ManageRefusal::NotHeld("editor".to_owned()),
        ),
        (
            &wide.caller,
            to("nowhere", "editor"),
            ManageRefusal::NotFound("tenant"),
        ),
    ] {
        for _ in 0..6 {
            let done = invite(ctx, caller, request.clone()).await;
            assert_eq!(reason(done), expected);
            let row = world.last_audit().await.event;
            assert_eq!(row.action, AuditAction::TenantInvite, "it is written down");
        }
    }
    for _ in 0..6 {
        invite(ctx, &local.caller, inviting("ada")).await.unwrap();
    }
    assert_eq!(waiting_mails(&world).await, 6);
    let done = invite(ctx, &local.caller, inviting("ada")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyMails(300));
    // What one tenant has sent to an address is no other's; all together are bounded.
    let mut sent = 6;
    for tenant in ["globex", "initech", "hooli", "umbrella"] {
        world.tenant(tenant).await;
        let asked = Invite {
            tenant: tenant_id(tenant),
            delivery: Some(Delivery::Mail),
            ..inviting("ada")
        };
        for _ in 0..6 {
            match invite(ctx, &OPERATOR, asked.clone()).await {
                Ok(_) => sent += 1,
                refused => assert_eq!(reason(refused), ManageRefusal::TooManyMails(75)),
            }
        }
    }
    assert_eq!(sent, 24);
}

/// Who makes addresses up is stopped by what it sends, and its tenant with it; others go on.
pub(crate) async fn who_invites_everybody_is_stopped_and_its_neighbour_is_not(store: StoreHandle) {
    let limiter = Arc::new(LocalLimiter::new(1000));
    let hour = Duration::from_secs(3600);
    let rates = MailRates {
        per_maker: Quota::new(3, hour, 3).unwrap(),
        per_tenant: Quota::new(5, hour, 5).unwrap(),
    };
    let mut process = identity(store, 7);
    process.mail = MailPolicy {
        is_on: true,
        limit: MailLimit::new(limiter, &process.master, rates).unwrap(),
    };
    let world = World::of(process).await;
    world.tenant("globex").await;
    let eve = world.person("eve", Some("acme"), &[EDIT]).await;
    let bob = world.person("bob", Some("acme"), &[EDIT]).await;
    let wide = world.person("wide", None, &[EDIT]).await;
    let ctx = world.ctx();
    let to = |name: &str, tenant: &str| Invite {
        tenant: tenant_id(tenant),
        delivery: Some(Delivery::Mail),
        ..inviting(name)
    };
    let mut sent = 0;
    for name in ["a", "b", "c"] {
        invite(ctx, &eve.caller, to(name, "acme")).await.unwrap();
        sent += 1;
    }
    let done = invite(ctx, &eve.caller, to("d", "acme")).await;
    assert_eq!(reason(done), ManageRefusal::TooManyMails(1200), "the maker");
    // What was refused to one is not taken from the other, nor from the address.
    for name in ["d", "e"] {
        invite(ctx, &bob.caller, to(name, "acme")).await.unwrap();
        sent += 1;
    }
    for caller in [&bob.caller, &OPERATOR] {
        let done = invite(ctx, caller, to("f", "acme")).await;
        assert_eq!(reason(done), ManageRefusal::TooManyMails(720), "the tenant");
    }
    let done = invite(ctx, &wide.caller, to("a", "globex")).await;
    done.expect("the other tenant");
    sent += 1;
    assert_eq!(waiting_mails(&world).await, sent);
    let later = world.at(1200);
    invite(later.ctx(), &eve.caller, to("g", "acme"))
        .await
        .unwrap();
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
