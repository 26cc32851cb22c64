//! What is taken once: codes and invitations.

use super::world::*;
use crate::conformance::fixture::{all, tenant_id};
use crate::conformance::{reading, writing};
use doorward_base::{ErrorCode, Secret};
use doorward_identity::act::challenge::{ChallengeTerms, mint, take, take_code};
use doorward_identity::act::*;
use doorward_identity::decide::challenge::ChallengeRefusal;
use doorward_identity::decide::refusal::ManageRefusal;
use doorward_identity::model::{
    AuditAction, Ceiling, Challenge, ChallengeKind, ClientKind, Invitation,
};
use doorward_identity::port::{ChallengeKey, Page, StoreHandle};
use std::time::Duration;
use tokio::task::JoinSet;

const EDIT: &str = "platform.memberships.edit";
const CODE: ChallengeKind = ChallengeKind::SignInCode;

/// A pending code for an address.
async fn pending(world: &World, name: &str) -> (Challenge, Secret) {
    let terms = ChallengeTerms {
        address: Some(email(name).as_str().to_owned()),
        ..ChallengeTerms::default()
    };
    let (challenge, code) = mint(world.ctx(), CODE, terms).unwrap();
    let (store, realm) = (world.store(), world.realm.id);
    let put = writing!(store, realm, [challenge], |tx| tx
        .put_challenge(&challenge)
        .await);
    put.unwrap();
    (challenge, code)
}

async fn guess(
    world: &World,
    key: ChallengeKey,
    code: &str,
) -> Result<Challenge, ChallengeRefusal> {
    let (store, realm, now) = (world.store(), world.realm.id, world.call.now);
    let (keyring, code) = (world.realm.keyring(), secret(code));
    let done = writing!(store, realm, [keyring, code, key], |tx| take_code(
        tx, &keyring, &key, &code, now
    )
    .await);
    done.unwrap()
}

/// A code of six digits that is not this one.
fn other_than(code: &Secret) -> &'static str {
    if code.expose() == "000000" {
        "000001"
    } else {
        "000000"
    }
}

pub(crate) async fn a_code_is_taken_once_and_in_time(store: StoreHandle) {
    let world = World::new(store).await;
    let (made, code) = pending(&world, "ada").await;
    let by_slot = ChallengeKey::Slot(CODE, made.slot().unwrap());
    let late = guess(&world.at(600), by_slot.clone(), code.expose()).await;
    assert_eq!(late, Err(ChallengeRefusal::Expired));
    let taken = guess(&world.at(599), by_slot.clone(), code.expose()).await;
    assert_eq!(taken.map(|one| one.id), Ok(made.id));
    let again = guess(&world, by_slot, code.expose()).await;
    assert_eq!(again, Err(ChallengeRefusal::Unknown));
}

/// The code of one challenge is no guess at another's, even where both are the same.
pub(crate) async fn a_code_dies_after_its_wrong_guesses(store: StoreHandle) {
    let world = World::new(store).await;
    let (made, code) = pending(&world, "ada").await;
    let (other, _) = pending(&world, "bob").await;
    let key = ChallengeKey::Id(made.id);
    for _ in 0..4 {
        let done = guess(&world, key.clone(), other_than(&code)).await;
        assert_eq!(done, Err(ChallengeRefusal::WrongCode));
    }
    // Wrong guesses are counted though they were refused, and for this one alone.
    let (store, realm) = (world.store(), world.realm.id);
    for (id, attempts) in [(made.id, 4), (other.id, 0)] {
        let found = writing!(store, realm, [], |tx| tx
            .find_challenge(&ChallengeKey::Id(id))
            .await);
        assert_eq!(found.unwrap().unwrap().attempts, attempts);
    }
    let done = guess(&world, key.clone(), other_than(&code)).await;
    assert_eq!(done, Err(ChallengeRefusal::WrongCode));
    let done = guess(&world, key, code.expose()).await;
    assert_eq!(
        done,
        Err(ChallengeRefusal::Unknown),
        "the right one too late"
    );
}

pub(crate) async fn wrong_guesses_in_parallel_never_exceed_the_cap(store: StoreHandle) {
    let world = World::new(store).await;
    let (made, code) = pending(&world, "ada").await;
    let wrong = other_than(&code);
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (world, key) = (world.clone(), ChallengeKey::Id(made.id));
        tasks.spawn(async move { guess(&world, key, wrong).await });
    }
    let answers = tasks.join_all().await;
    let looked_at = answers
        .iter()
        .filter(|one| **one == Err(ChallengeRefusal::WrongCode));
    assert_eq!(looked_at.count(), 5);
    let dead = answers
        .iter()
        .filter(|one| **one == Err(ChallengeRefusal::Unknown));
    assert_eq!(dead.count(), 59);
}

pub(crate) async fn one_of_64_that_race_with_the_right_code_takes_it(store: StoreHandle) {
    let world = World::new(store).await;
    let (made, code) = pending(&world, "ada").await;
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (world, code) = (world.clone(), code.clone());
        let key = ChallengeKey::Id(made.id);
        tasks.spawn(async move { guess(&world, key, code.expose()).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 1);
}

/// A secret of one kind, realm or address takes nothing else.
pub(crate) async fn a_secret_is_of_one_kind_and_realm(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let invited = invited(&world, "ada").await;
    let other = world.other_realm("two").await;
    for (world, kind, expected) in [
        (
            &other,
            ChallengeKind::Invitation,
            Err(ChallengeRefusal::Unknown),
        ),
        (&world, CODE, Err(ChallengeRefusal::Unknown)),
        (&world, ChallengeKind::Invitation, Ok(invited.id)),
    ] {
        let (store, realm, now) = (world.store(), world.realm.id, world.call.now);
        let (keyring, secret) = (world.realm.keyring(), invited.secret.clone().unwrap());
        let taken = writing!(store, realm, [keyring, secret], |tx| take(
            tx, &keyring, kind, &secret, now
        )
        .await);
        assert_eq!(taken.unwrap().map(|one| one.id), expected);
    }
}

async fn invited(world: &World, name: &str) -> Invited {
    invited_by(world, &OPERATOR, name, "acme").await
}

async fn invited_by(world: &World, caller: &Caller, name: &str, tenant: &str) -> Invited {
    let request = Invite {
        email: email(name),
        tenant: tenant_id(tenant),
        roles: Vec::new(),
        life: None,
        delivery: None,
    };
    invite(world.ctx(), caller, request).await.unwrap()
}

async fn listed(world: &World, caller: &Caller, tenant: Option<&str>) -> Vec<Invitation> {
    let tenant = tenant.map(tenant_id);
    let listed = list_invitations(world.ctx(), caller, tenant, all()).await;
    listed.unwrap()
}

fn addresses(list: &[Invitation]) -> Vec<&str> {
    let mut names: Vec<_> = list.iter().map(|one| one.email.as_str()).collect();
    names.sort_unstable();
    names
}

pub(crate) async fn invitations_are_listed_within_reach(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    let local = world.person("local", Some("acme"), &[EDIT]).await;
    let realm = world.person("realm", None, &[EDIT]).await;
    let member = world.person("member", Some("acme"), &["read"]).await;
    invited_by(&world, &local.caller, "a", "acme").await;
    invited_by(&world, &realm.caller, "b", "globex").await;
    let (a, b) = ("a@example.org", "b@example.org");
    for (caller, tenant, expected) in [
        (&local.caller, None, &[a][..]),
        (&local.caller, Some("acme"), &[a]),
        (&realm.caller, None, &[a, b]),
        (&realm.caller, Some("globex"), &[b]),
        (&OPERATOR, None, &[a, b]),
    ] {
        assert_eq!(addresses(&listed(&world, caller, tenant).await), expected);
    }
    let made = listed(&world, &OPERATOR, Some("acme")).await;
    assert_eq!(made[0].made_by, Some(local.id));
    for (caller, tenant, expected) in [
        (&local.caller, Some("globex"), ErrorCode::NotFound),
        (&local.caller, Some("nowhere"), ErrorCode::NotFound),
        (&realm.caller, Some("nowhere"), ErrorCode::NotFound),
        (&member.caller, None, ErrorCode::InsufficientPermission),
        (
            &member.caller,
            Some("acme"),
            ErrorCode::InsufficientPermission,
        ),
    ] {
        let tenant = tenant.map(tenant_id);
        let done = list_invitations(world.ctx(), caller, tenant, all()).await;
        assert_eq!(code(done), expected);
    }
    // Pages follow one another, and what expired is none.
    let first = Page {
        after: None,
        limit: 1,
    };
    let one = list_invitations(world.ctx(), &OPERATOR, None, first).await;
    let one = one.unwrap();
    let rest = Page {
        after: Some(one[0].id),
        limit: 1000,
    };
    let rest = list_invitations(world.ctx(), &OPERATOR, None, rest).await;
    assert_eq!((one.len(), rest.unwrap().len()), (1, 1));
    let week = world.at(7 * 86_400);
    assert_eq!(listed(&week, &OPERATOR, None).await, []);
}

pub(crate) async fn a_withdrawn_invitation_takes_nothing(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("globex").await;
    let local = world.person("local", Some("globex"), &[EDIT]).await;
    let owner = world.person("owner", Some("acme"), &[EDIT]).await;
    let made = invited_by(&world, &OPERATOR, "ada", "acme").await;
    // From the other tenant it is not there, as one that never was.
    for (caller, id, expected) in [
        (&local.caller, made.id, Err(ErrorCode::NotFound)),
        (
            &local.caller,
            doorward_base::ChallengeId::from_bytes([1; 16]),
            Err(ErrorCode::NotFound),
        ),
        (&owner.caller, made.id, Ok(())),
        (&owner.caller, made.id, Err(ErrorCode::NotFound)),
    ] {
        let done = withdraw_invitation(world.ctx(), caller, id).await;
        assert_eq!(outcome(done), expected);
        let row = world.last_audit().await.event;
        assert_eq!(row.action, AuditAction::InvitationWithdraw);
        assert_eq!(row.detail["invitation"], id.to_string());
    }
    // A code is no invitation.
    let (pending, _) = pending(&world, "bob").await;
    let done = withdraw_invitation(world.ctx(), &OPERATOR, pending.id).await;
    assert_eq!(code(done), ErrorCode::NotFound);
    let taking = AcceptInvitation {
        by: None,
        secret: made.secret.unwrap(),
        password: None,
        name: None,
    };
    let done = accept_invitation(world.ctx(), taking).await;
    assert_eq!(reason(done), ManageRefusal::InvitationInvalid);
}

/// Otherwise who is sent away comes back by an invitation made before, its own or one
/// that lies in its mail.
pub(crate) async fn invitations_end_with_who_made_them_and_whom_they_are_for(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    world.tenant("globex").await;
    for (leaves, left) in [
        (true, &["other@example.org", "to@example.org"][..]),
        (false, &["other@example.org"]),
    ] {
        let name = if leaves { "leaver" } else { "disabled" };
        let person = world.person(name, Some("acme"), &[EDIT]).await;
        let other = world.person(&format!("other-{name}"), None, &[EDIT]).await;
        world.grant(person.id, Some("acme"), "read").await;
        invited_by(&world, &person.caller, "from", "acme").await;
        invited_by(&world, &other.caller, name, "acme").await;
        invited_by(&world, &other.caller, "other", "acme").await;
        invited_by(&world, &other.caller, name, "globex").await;
        let (ctx, id) = (world.ctx(), person.id);
        if leaves {
            let done = end_membership(ctx, &OPERATOR, id, tenant_id("acme")).await;
            done.unwrap();
        } else {
            let done = set_subject_status(ctx, &OPERATOR, id, StatusChange::Disabled).await;
            done.unwrap();
        }
        let open = listed(&world, &OPERATOR, None).await;
        let open: Vec<_> = open
            .iter()
            .map(|one| one.email.as_str().replace(name, "to"))
            .collect();
        let mut open: Vec<&str> = open.iter().map(String::as_str).collect();
        open.sort_unstable();
        assert_eq!(open, left, "{name}");
        for one in listed(&world, &OPERATOR, None).await {
            withdraw_invitation(ctx, &OPERATOR, one.id).await.unwrap();
        }
    }
}

pub(crate) async fn what_is_over_is_pruned_when_its_time_has_come(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ada = world.user("ada", Some("acme"), &[]).await;
    world.grant(ada, Some("acme"), "read").await;
    let invitation = invited(&world, "bob").await;
    let client = CreateClient {
        name: "an application".to_owned(),
        kind: ClientKind::Public,
        ceiling: Ceiling::default(),
        redirect_uris: vec![],
    };
    let client = create_client(world.ctx(), &OPERATOR, client).await.unwrap();
    let client = client.profile.client.id;
    revoke_client(world.ctx(), &OPERATOR, client).await.unwrap();
    let (day, life) = (86_400, Duration::from_secs(86_400));
    for (seconds, removed, left) in [
        // The epoch goes an hour after the last access token of before it.
        (day + 3600, 0, (true, true, true)),
        (day + 3601, 1, (true, true, false)),
        // An invitation lives a week, and is kept a day more.
        (8 * day, 0, (true, true, false)),
        (8 * day + 1, 1, (false, true, false)),
        (400 * day, 0, (false, true, false)),
        // With the client go the audit rows of all that was done above.
        (400 * day + 1, 1 + 9, (false, false, false)),
    ] {
        let done = prune(world.store(), &world.realm, life, after(seconds)).await;
        assert_eq!(done, Ok(removed), "{seconds}");
        let (store, realm) = (world.store(), world.realm.id);
        let key = ChallengeKey::Id(invitation.id);
        let kept = reading!(store, realm, [key], |tx| Ok((
            tx.find_challenge(&key).await?.is_some(),
            tx.find_client(client).await?.is_some(),
            !tx.list_epochs_of(&[ada]).await?.is_empty(),
        )));
        assert_eq!(kept, Ok(left), "{seconds}");
    }
}
