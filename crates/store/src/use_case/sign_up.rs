//! Signing up: what an account gets, whose invitations it takes, and what nobody gains by
//! the address of another.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, Secret, TenantId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{ManageRefusal, SignUpRefusal, UseRefusal};
use doorward_identity::decide::sign_up::AskedRoles;
use doorward_identity::model::{
    AuditAction, Delivery, Mailbox, Metadata, RoleDefinition, Subject, TokenKind,
};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::{Enrolment, RealmSettings, SignUpMode, SignUpSettings};
use serde_json::json;
use std::time::Duration;

const PASSWORD: &str = "correct horse";
const EDIT: &str = "platform.memberships.edit";
const USERS: &str = "platform.users.edit";

fn open(settings: &mut RealmSettings, enrolment: &[Enrolment]) {
    settings.default_roles = vec!["viewer".parse().unwrap()];
    settings.sign_up = SignUpSettings {
        mode: SignUpMode::Open,
        enrolment: enrolment.to_vec(),
        own_tenant_roles: vec!["editor".parse().unwrap()],
    };
}

/// Open to everybody, with both ways that prove nothing.
async fn open_world(store: StoreHandle) -> World {
    let both = [Enrolment::InvitedAddress, Enrolment::OwnTenant];
    World::with(store, |settings| open(settings, &both)).await
}

fn signing_up(name: &str) -> SignUp {
    SignUp {
        email: email(name),
        password: secret(PASSWORD),
        invitation: None,
        name: None,
        roles: AskedRoles::default(),
        user_metadata: Metadata::new(),
        user_agent: None,
    }
}

fn showing(name: &str, invitation: &Secret) -> SignUp {
    SignUp {
        invitation: Some(invitation.clone()),
        ..signing_up(name)
    }
}

fn inviting(name: &str) -> Invite {
    Invite {
        email: email(name),
        tenant: tenant_id("acme"),
        roles: vec!["editor".parse().unwrap()],
        delivery: Some(Delivery::SignUp),
        life: None,
    }
}

fn mailbox(subject: &Subject) -> &Mailbox {
    let contact = subject.identifier.contact().unwrap();
    contact.email.as_ref().unwrap()
}

/// The tenant of a session's own, which is called as its account.
fn own_tenant(signed: &SignedIn) -> Option<TenantId> {
    Some(tenant_id(&signed.subject.id.to_string()))
}

pub(crate) async fn a_stranger_gets_a_tenant_of_its_own_and_no_other(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let request = SignUp {
        user_metadata: Metadata::from_iter([("company_id".to_owned(), json!("acme"))]),
        ..signing_up("ada")
    };
    let ada = sign_up(world.ctx(), request).await.unwrap();
    assert_eq!(ada.issued.tenant, own_tenant(&ada));
    assert_eq!(ada.subject.user_metadata["company_id"], "acme");
    assert!(mailbox(&ada.subject).is_confirmed());
    assert!(!mailbox(&ada.subject).is_proven());
    let profile = load_profile(world.ctx(), &OPERATOR, ada.subject.id).await;
    let profile = profile.unwrap();
    assert_eq!(profile.memberships.len(), 1);
    let grants: Vec<_> = profile.grants.iter().map(|grant| &grant.tenant).collect();
    assert_eq!(grants, [&None, &ada.issued.tenant]);
    let rows = world.audit().await;
    let made = rows
        .iter()
        .find(|row| row.event.action == AuditAction::SignUp)
        .unwrap();
    assert_eq!(made.event.detail["enrolment"], "own_tenant");
    assert_eq!(made.event.subject, Some(ada.subject.id));
    let bob = sign_up(world.ctx(), signing_up("bob")).await.unwrap();
    assert_ne!(bob.issued.tenant, ada.issued.tenant);
    // The session is one as by signing in.
    let again = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(again.unwrap().issued.tenant, ada.issued.tenant);
}

pub(crate) async fn an_operators_invitation_is_taken_by_the_first_sign_up(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let mut request = inviting("ada");
    let made = invite(world.ctx(), &OPERATOR, request.clone()).await;
    let made = made.unwrap();
    assert!(made.secret.is_none());
    assert_eq!(made.expires_at, after(3600));
    let ada = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    assert_eq!(ada.issued.tenant, Some(tenant_id("acme")));
    assert!(!mailbox(&ada.subject).is_proven());
    let rows = world.audit().await;
    let row = rows
        .iter()
        .find(|row| row.event.action == AuditAction::SignUp)
        .unwrap();
    assert_eq!(row.event.detail["enrolment"], "invited_address");
    assert_eq!(row.event.detail["invitation"], made.id.to_string());
    assert_eq!(row.event.tenant, Some(tenant_id("acme")));
    // It was for that address, and for once.
    let bob = sign_up(world.ctx(), signing_up("bob")).await.unwrap();
    assert_eq!(bob.issued.tenant, own_tenant(&bob));
    // Who vouches for the whole realm invites so too; without the roles it holds.
    request = Invite {
        roles: vec![],
        ..inviting("eve")
    };
    invite(world.ctx(), &voucher.caller, request).await.unwrap();
    let eve = sign_up(world.ctx(), signing_up("eve")).await.unwrap();
    assert_eq!(eve.issued.tenant, Some(tenant_id("acme")));
}

pub(crate) async fn no_other_invitation_is_taken_by_the_address_alone(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let local = world.person("local", Some("acme"), &[EDIT, USERS]).await;
    let asked = Invite {
        roles: vec![],
        ..inviting("ada")
    };
    let refused = invite(world.ctx(), &local.caller, asked.clone()).await;
    assert_eq!(reason(refused), ManageRefusal::NotVouching);
    for (caller, delivery) in [
        (&local.caller, Some(Delivery::Mail)),
        (&local.caller, Some(Delivery::Nobody)),
        (&OPERATOR, Some(Delivery::Answer)),
        (&OPERATOR, Some(Delivery::Mail)),
        (&OPERATOR, Some(Delivery::Nobody)),
    ] {
        let name = format!("ada{:?}", delivery.unwrap()).to_lowercase();
        let name = format!("{name}{}", u8::from(*caller == OPERATOR));
        let request = Invite {
            email: email(&name),
            delivery,
            ..asked.clone()
        };
        invite(world.ctx(), caller, request).await.unwrap();
        let made = sign_up(world.ctx(), signing_up(&name)).await.unwrap();
        assert_eq!(made.issued.tenant, own_tenant(&made), "{name}");
    }
    // Who vouched once and does so no more.
    let voucher = world.person("voucher", None, &[EDIT, USERS]).await;
    let request = Invite {
        email: email("eve"),
        ..asked.clone()
    };
    invite(world.ctx(), &voucher.caller, request).await.unwrap();
    remove_grant(world.ctx(), &OPERATOR, voucher.id, grant(None, USERS))
        .await
        .unwrap();
    let eve = sign_up(world.ctx(), signing_up("eve")).await.unwrap();
    assert_eq!(eve.issued.tenant, own_tenant(&eve));
    // A realm that does not trust whoever comes first has no such invitations.
    let proven = world.reconfigured(|settings| open(settings, &[Enrolment::Proven]));
    let refused = invite(proven.ctx(), &OPERATOR, asked).await;
    assert_eq!(reason(refused), ManageRefusal::AddressProvesNothing);
}

pub(crate) async fn an_invitation_that_is_over_waits_for_nobody(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    for life in [Duration::from_secs(59), Duration::from_secs(86_401)] {
        let request = Invite {
            life: Some(life),
            ..inviting("ada")
        };
        let refused = invite(world.ctx(), &OPERATOR, request).await;
        assert_eq!(
            reason(refused),
            ManageRefusal::Invalid("the invitation's life")
        );
    }
    let request = Invite {
        life: Some(Duration::from_secs(60)),
        ..inviting("ada")
    };
    invite(world.ctx(), &OPERATOR, request).await.unwrap();
    let late = world.at(60);
    let ada = sign_up(late.ctx(), signing_up("ada")).await.unwrap();
    assert_eq!(ada.issued.tenant, own_tenant(&ada));
    let made = invite(world.ctx(), &OPERATOR, inviting("bob")).await;
    withdraw_invitation(world.ctx(), &OPERATOR, made.unwrap().id)
        .await
        .unwrap();
    let bob = sign_up(world.ctx(), signing_up("bob")).await.unwrap();
    assert_eq!(bob.issued.tenant, own_tenant(&bob));
    // A realm that stopped trusting the first comer takes none that was made before.
    invite(world.ctx(), &OPERATOR, inviting("eve"))
        .await
        .unwrap();
    let proven = world.reconfigured(|settings| open(settings, &[]));
    let eve = sign_up(proven.ctx(), signing_up("eve")).await.unwrap();
    assert_eq!(eve.issued.tenant, None);
}

pub(crate) async fn who_stands_in_for_the_address_stays(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let local = world.person("local", Some("acme"), &[EDIT, USERS]).await;
    let new = CreateUser {
        proven: false,
        ..new_user("ada", placement(Some("acme"), &[]))
    };
    let stand_in = create_user(world.ctx(), &local.caller, new).await.unwrap();
    invite(world.ctx(), &OPERATOR, inviting("ada"))
        .await
        .unwrap();
    let ada = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    assert_eq!(ada.issued.tenant, own_tenant(&ada));
    let found = find_subject(world.ctx(), &OPERATOR, stand_in.id).await;
    assert!(found.is_ok());
}

pub(crate) async fn a_shown_invitation_undoes_no_ban(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let local = world.person("local", Some("acme"), &[EDIT, USERS]).await;
    let new = CreateUser {
        proven: false,
        ..new_user("ada", placement(Some("acme"), &[]))
    };
    let stand_in = create_user(world.ctx(), &local.caller, new).await.unwrap();
    let banned = set_subject_status(world.ctx(), &OPERATOR, stand_in.id, StatusChange::Disabled);
    banned.await.unwrap();
    let request = Invite {
        delivery: Some(Delivery::Answer),
        ..inviting("ada")
    };
    let made = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    let shown = made.secret.unwrap();
    let refused = sign_up(world.ctx(), showing("ada", &shown)).await;
    assert_eq!(reason(refused), ManageRefusal::InvitationInvalid.into());
    let found = find_subject(world.ctx(), &OPERATOR, stand_in.id).await;
    assert_eq!(found.unwrap().id, stand_in.id);
    // Nor does the address alone.
    invite(world.ctx(), &OPERATOR, inviting("ada"))
        .await
        .unwrap();
    let ada = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    assert_eq!(ada.issued.tenant, own_tenant(&ada));
    assert!(
        find_subject(world.ctx(), &OPERATOR, stand_in.id)
            .await
            .is_ok()
    );
}

pub(crate) async fn invitations_of_others_hide_no_operators(store: StoreHandle) {
    let world = open_world(store).await;
    for number in 0..65 {
        let tenant = world.tenant(&format!("other{number}")).await;
        let request = Invite {
            tenant,
            delivery: Some(Delivery::Nobody),
            ..inviting("ada")
        };
        invite(world.ctx(), &OPERATOR, request).await.unwrap();
    }
    world.tenant("acme").await;
    // Ids go by the second in which they are made.
    let later = world.at(1);
    invite(later.ctx(), &OPERATOR, inviting("ada"))
        .await
        .unwrap();
    let ada = sign_up(later.ctx(), signing_up("ada")).await.unwrap();
    assert_eq!(ada.issued.tenant, Some(tenant_id("acme")));
}

pub(crate) async fn a_squatters_account_is_given_nothing_by_its_address(store: StoreHandle) {
    let world = open_world(store).await;
    let squatter = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    let id = squatter.subject.id;
    let by_address = |name| new_token(TokenKind::Personal, OwnerRef::Email(email(name)));
    let refused = create_token(world.ctx(), &OPERATOR, by_address("ada")).await;
    assert_eq!(reason(refused), ManageRefusal::SelfMade(id).into());
    let by_id = new_token(TokenKind::Personal, OwnerRef::Subject(id));
    assert!(create_token(world.ctx(), &OPERATOR, by_id).await.is_ok());
    // It may name itself, and whom an operator made is whom the operator means.
    let own = create_token(world.ctx(), &caller_of(&squatter), by_address("ada")).await;
    assert!(own.is_ok());
    world.user("bob", None, &[]).await;
    let made = create_token(world.ctx(), &OPERATOR, by_address("bob")).await;
    assert!(made.is_ok());
}

pub(crate) async fn who_signed_up_sends_no_mail(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let ada = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    world.grant(ada.subject.id, None, EDIT).await;
    let mailed = Invite {
        roles: vec![],
        delivery: Some(Delivery::Mail),
        ..inviting("bob")
    };
    let refused = invite(world.ctx(), &caller_of(&ada), mailed.clone()).await;
    assert_eq!(reason(refused), ManageRefusal::OwnAddressUnproven);
    let quiet = Invite {
        delivery: Some(Delivery::Nobody),
        ..mailed.clone()
    };
    invite(world.ctx(), &caller_of(&ada), quiet).await.unwrap();
    let proven = world.person("eve", None, &[EDIT]).await;
    invite(world.ctx(), &proven.caller, mailed).await.unwrap();
}

/// Nor does whatever it makes in its own tenant, until somebody is there who is known.
pub(crate) async fn what_who_signed_up_made_sends_no_mail(store: StoreHandle) {
    let all = [EDIT, USERS, "platform.users.service-accounts.edit"];
    let world = World::with(store, |settings| {
        open(settings, &[Enrolment::OwnTenant]);
        let mut permissions = permissions_of(&all);
        permissions.sort();
        settings.roles.push(RoleDefinition {
            role: "owner".parse().unwrap(),
            permissions,
        });
        settings.sign_up.own_tenant_roles = vec!["owner".parse().unwrap()];
    })
    .await;
    let ctx = world.ctx();
    let mallory = caller_of(&sign_up(ctx, signing_up("mallory")).await.unwrap());
    let tenant = tenant_id(&mallory.subject().unwrap().to_string());
    let owner = || Placement {
        roles: vec!["owner".parse().unwrap()],
        ..placement(Some(tenant.as_str()), &[])
    };
    let stand_in = CreateUser {
        proven: false,
        ..new_user("m", owner())
    };
    let stand_in = create_user(ctx, &mallory, stand_in).await.unwrap().id;
    let robot = CreateServiceAccount {
        email: email("bot"),
        name: None,
        placement: owner(),
    };
    let robot = create_service_account(ctx, &mallory, robot).await.unwrap();
    let mailed = |name: &str| Invite {
        tenant: tenant.clone(),
        roles: vec![],
        delivery: Some(Delivery::Mail),
        ..inviting(name)
    };
    for made in [stand_in, robot.id] {
        let by = world.session(made, Some(&tenant)).await;
        let refused = invite(ctx, &by, mailed("victim")).await;
        assert_eq!(reason(refused), ManageRefusal::NobodyAnswers);
        let quiet = Invite {
            delivery: Some(Delivery::Nobody),
            ..mailed("victim")
        };
        invite(ctx, &by, quiet).await.unwrap();
    }
    let ann = world.person("ann", None, &[]).await;
    let joined = create_membership(ctx, &OPERATOR, ann.id, tenant.clone());
    joined.await.unwrap();
    world.grant(ann.id, Some(tenant.as_str()), EDIT).await;
    invite(ctx, &ann.caller, mailed("victim")).await.unwrap();
    invite(ctx, &OPERATOR, mailed("bob")).await.unwrap();
}

pub(crate) async fn what_would_be_refused_is_foreseen(store: StoreHandle) {
    let world = open_world(store).await;
    let ada = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    let caller = caller_of(&ada);
    let long = Metadata::from_iter([("a".to_owned(), json!("b".repeat(16 * 1024)))]);
    let refused = check_own_metadata(world.ctx(), &caller, long).await;
    assert_eq!(reason(refused), ManageRefusal::TooLong("the metadata"));
    let short = Metadata::from_iter([("a".to_owned(), json!(1))]);
    check_own_metadata(world.ctx(), &caller, short)
        .await
        .unwrap();
    let found = find_subject(world.ctx(), &OPERATOR, ada.subject.id).await;
    assert!(found.unwrap().user_metadata.is_empty());
}

pub(crate) async fn one_of_16_that_sign_up_with_an_address_gets_it(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    invite(world.ctx(), &OPERATOR, inviting("ada"))
        .await
        .unwrap();
    let racing = (0..16).map(|n| {
        let world = world.clone();
        tokio::spawn(async move {
            let request = SignUp {
                password: secret(&format!("{PASSWORD} {n}")),
                ..signing_up("ada")
            };
            sign_up(world.ctx(), request).await
        })
    });
    let racing: Vec<_> = racing.collect();
    let mut tenants = Vec::new();
    for one in racing {
        match one.await.unwrap() {
            Ok(signed) => tenants.push(signed.issued.tenant),
            // The pool of passwords is smaller than the crowd.
            Err(Failure::Busy) => {}
            refused => assert_eq!(reason(refused), SignUpRefusal::Exists),
        }
    }
    assert_eq!(tenants, [Some(tenant_id("acme"))]);
}

pub(crate) async fn who_signs_up_with_anothers_address_gains_nothing(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let squatter = sign_up(world.ctx(), signing_up("ada")).await.unwrap();
    let caller = caller_of(&squatter);
    // An invitation that waits takes no account that is there.
    invite(world.ctx(), &OPERATOR, inviting("ada"))
        .await
        .unwrap();
    let again = sign_up(world.ctx(), signing_up("ada")).await;
    assert_eq!(reason(again), SignUpRefusal::Exists);
    let mine = list_own_invitations(
        world.ctx(),
        &caller,
        doorward_identity::port::Page {
            after: None,
            limit: 10,
        },
    );
    assert_eq!(mine.await.unwrap(), []);
    // Its owner comes with a proof.
    let request = Invite {
        delivery: Some(Delivery::Answer),
        ..inviting("ada")
    };
    let made = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    let shown = made.secret.unwrap();
    let owner = sign_up(world.ctx(), showing("ada", &shown)).await.unwrap();
    assert_ne!(owner.subject.id, squatter.subject.id);
    assert!(mailbox(&owner.subject).is_proven());
    assert_eq!(owner.issued.tenant, Some(tenant_id("acme")));
    let dead = authenticate(world.ctx(), &caller).await;
    assert_eq!(code(dead), ErrorCode::TokenInvalid);
    let gone = find_subject(world.ctx(), &OPERATOR, squatter.subject.id).await;
    assert_eq!(code(gone), ErrorCode::NotFound);
}

pub(crate) async fn a_secret_proves_the_address_it_was_made_for(store: StoreHandle) {
    let world = World::with(store, |settings| open(settings, &[])).await;
    world.tenant("acme").await;
    let request = Invite {
        delivery: Some(Delivery::Answer),
        ..inviting("ada")
    };
    let made = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    let shown = made.secret.unwrap();
    let invalid = SignUpRefusal::Manage(ManageRefusal::InvitationInvalid);
    for (name, presented) in [("bob", &shown), ("ada", &secret("invite_nothing"))] {
        let refused = sign_up(world.ctx(), showing(name, presented)).await;
        assert_eq!(reason(refused), invalid, "{name}");
    }
    let ada = sign_up(world.ctx(), showing("ada", &shown)).await.unwrap();
    assert!(mailbox(&ada.subject).is_proven());
    assert_eq!(ada.issued.tenant, Some(tenant_id("acme")));
    let again = sign_up(world.ctx(), showing("ada", &shown)).await;
    assert_eq!(reason(again), invalid);
    // A person's account is not taken over by any invitation.
    let request = Invite {
        delivery: Some(Delivery::Answer),
        ..inviting("ada")
    };
    let made = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    let other = SignUp {
        password: secret("another horse"),
        ..showing("ada", &made.secret.unwrap())
    };
    let refused = sign_up(world.ctx(), other).await;
    assert_eq!(reason(refused), SignUpRefusal::Exists);
    let same = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(same.unwrap().subject.id, ada.subject.id);
}

pub(crate) async fn what_is_not_taken_makes_no_account(store: StoreHandle) {
    let world = open_world(store).await;
    let closed = world.reconfigured(|settings| settings.sign_up.mode = SignUpMode::Closed);
    let refused = sign_up(closed.ctx(), signing_up("ada")).await;
    assert_eq!(reason(refused), SignUpRefusal::Closed);
    for (password, expected) in [
        ("short", ManageRefusal::PasswordLength(8)),
        ("password", ManageRefusal::PasswordCommon),
    ] {
        let request = SignUp {
            password: secret(password),
            ..signing_up("ada")
        };
        let refused = sign_up(world.ctx(), request).await;
        assert_eq!(reason(refused), expected.into());
    }
    let request = SignUp {
        user_metadata: Metadata::from_iter([("a".to_owned(), json!("b".repeat(16 * 1024)))]),
        ..signing_up("ada")
    };
    let refused = sign_up(world.ctx(), request).await;
    let long = ManageRefusal::TooLong("the metadata");
    assert_eq!(reason(refused), long.into());
    assert!(sign_up(world.ctx(), signing_up("ada")).await.is_ok());
}

pub(crate) async fn what_a_user_says_of_itself_changes_by_its_session(store: StoreHandle) {
    let world = open_world(store).await;
    let request = SignUp {
        user_metadata: Metadata::from_iter([("a".to_owned(), json!(1))]),
        ..signing_up("ada")
    };
    let ada = sign_up(world.ctx(), request).await.unwrap();
    let caller = caller_of(&ada);
    let changes = Metadata::from_iter([
        ("a".to_owned(), json!(null)),
        ("b".to_owned(), json!({"c": [2]})),
    ]);
    let after = update_own_metadata(world.ctx(), &caller, changes).await;
    let expected = Metadata::from_iter([("b".to_owned(), json!({"c": [2]}))]);
    assert_eq!(after.unwrap().user_metadata, expected);
    let found = find_subject(world.ctx(), &OPERATOR, ada.subject.id).await;
    assert_eq!(found.unwrap().user_metadata, expected);
    let long = Metadata::from_iter([("d".to_owned(), json!("e".repeat(16 * 1024)))]);
    let refused = update_own_metadata(world.ctx(), &caller, long).await;
    assert_eq!(reason(refused), ManageRefusal::TooLong("the metadata"));
    let nobody = update_own_metadata(world.ctx(), &OPERATOR, expected).await;
    assert_eq!(reason(nobody), ManageRefusal::NotFound("subject"));
    // A password changed from a session leaves that one.
    let other = sign_in(world.ctx(), signing_in("ada@example.org", PASSWORD)).await;
    let request = SetPassword {
        subject: ada.subject.id,
        new: secret("another horse"),
        current: Some(secret(PASSWORD)),
    };
    set_password_and_stay(world.ctx(), &caller, request)
        .await
        .unwrap();
    assert!(authenticate(world.ctx(), &caller).await.is_ok());
    let dead = authenticate(world.ctx(), &caller_of(&other.unwrap())).await;
    assert_eq!(code(dead), ErrorCode::TokenInvalid);
}

/// An invitation to the address into `acme`, as an operator makes and hands it over.
async fn handed(world: &World, name: &str) -> Secret {
    let request = Invite {
        delivery: Some(Delivery::Answer),
        ..inviting(name)
    };
    let invited = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    invited.secret.unwrap()
}

fn taking(secret: &Secret, by: Option<Caller>, password: Option<&str>) -> AcceptInvitation {
    AcceptInvitation {
        secret: secret.clone(),
        by,
        password: password.map(super::world::secret),
        name: None,
    }
}

fn caller_of(signed: &SignedIn) -> Caller {
    Caller::Subject {
        subject: signed.subject.id,
        credential: CredentialId::Session(signed.session),
        carries: None,
    }
}

/// Who signed up, works there, and later shows that the address is his.
pub(crate) async fn who_is_signed_in_proves_his_address_and_keeps_his_account(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let ada = sign_up(ctx, signing_up("ada")).await.unwrap();
    let other = world.session(ada.subject.id, None).await;
    let token = world.mint(TokenKind::Personal, ada.subject.id).await;
    let secret = handed(&world, "ada").await;
    let by = || Some(caller_of(&ada));
    let proven = accept_invitation(ctx, taking(&secret, by(), Some(PASSWORD))).await;
    let proven = proven.unwrap();
    assert_eq!(proven.id, ada.subject.id);
    assert!(mailbox(&proven).is_proven());
    let profile = load_profile(ctx, &OPERATOR, ada.subject.id).await.unwrap();
    assert!(mailbox(&profile.subject).is_proven());
    let mut tenants: Vec<_> = profile.memberships.iter().map(|one| &one.tenant).collect();
    tenants.sort();
    let own = own_tenant(&ada).unwrap();
    let acme = tenant_id("acme");
    let mut expected = vec![&own, &acme];
    expected.sort();
    assert_eq!(tenants, expected);
    let row = world.last_audit().await.event;
    assert_eq!(row.detail["proven"], true);
    assert_eq!(row.subject, Some(ada.subject.id));
    // What was opened and made before may be of somebody who waited there.
    authenticate(ctx, &caller_of(&ada)).await.unwrap();
    let before = authenticate(ctx, &other).await;
    assert_eq!(code(before), ErrorCode::TokenInvalid);
    let before = exchange(ctx, asking(&token.secret)).await;
    assert_eq!(reason(before), UseRefusal::Revoked);
    let after = world.mint(TokenKind::Personal, ada.subject.id).await;
    exchange(ctx, asking(&after.secret)).await.unwrap();
    let again = accept_invitation(ctx, taking(&secret, by(), Some(PASSWORD))).await;
    assert_eq!(reason(again), ManageRefusal::InvitationInvalid);
}

/// Somebody signed up with an address that is not his, and waits. Its owner has the mail and
/// no session; or somebody put the squatter's session into his browser.
pub(crate) async fn a_squatter_gets_nothing_by_what_the_owner_shows(store: StoreHandle) {
    let world = open_world(store).await;
    world.tenant("acme").await;
    let ctx = world.ctx();
    let squat = sign_up(ctx, signing_up("ada")).await.unwrap();
    let secret = handed(&world, "ada").await;
    let planted = || Some(caller_of(&squat));
    // In the squatter's session the owner does not know the password.
    for password in [None, Some("another horse"), Some("short")] {
        let done = accept_invitation(ctx, taking(&secret, planted(), password)).await;
        assert_eq!(
            reason(done),
            ManageRefusal::OwnPasswordNeeded,
            "{password:?}"
        );
        let kept = find_subject(ctx, &OPERATOR, squat.subject.id)
            .await
            .unwrap();
        assert!(!mailbox(&kept).is_proven(), "{password:?}");
    }
    // A session of somebody else, and one that is over, are none of the account's.
    let bob = sign_up(ctx, signing_up("bob")).await.unwrap();
    let over = world.session(squat.subject.id, None).await;
    sign_out(ctx, &over).await.unwrap();
    let done = accept_invitation(ctx, taking(&secret, Some(over), Some(PASSWORD))).await;
    assert_eq!(reason(done), ManageRefusal::SessionEnded);
    let by_bob = Some(caller_of(&bob));
    let owner = accept_invitation(ctx, taking(&secret, by_bob, Some("another horse"))).await;
    let owner = owner.unwrap();
    assert_ne!(owner.id, squat.subject.id);
    assert!(mailbox(&owner).is_proven());
    let dead = authenticate(ctx, &caller_of(&squat)).await;
    assert_eq!(reason(dead), ManageRefusal::CallerGone);
    let profile = load_profile(ctx, &OPERATOR, owner.id).await.unwrap();
    let tenants: Vec<_> = profile.memberships.iter().map(|one| &one.tenant).collect();
    assert_eq!(tenants, [&tenant_id("acme")]);
    let signed = sign_in(ctx, signing_in("ada@example.org", PASSWORD)).await;
    assert_eq!(code(signed), ErrorCode::SignInRefused);
    // The tenant that nobody is left in is named in the realm's log.
    let rows = world.audit().await;
    let deleted = rows
        .iter()
        .find(|row| row.event.action == AuditAction::SubjectDelete)
        .unwrap();
    let left = own_tenant(&squat).unwrap().to_string();
    assert_eq!(deleted.event.detail["tenants_left_empty"], json!([left]));
}
