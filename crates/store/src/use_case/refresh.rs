//! Refreshing sessions: rotation, the reuse interval, replay. Not here: how long a session
//! lives and what it stands on (`session`). Each on both engines.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::reading;
use doorward_base::limit::Quota;
use doorward_base::principal::CredentialId;
use doorward_base::{ErrorCode, Secret, SessionId, SubjectId};
use doorward_identity::act::*;
use doorward_identity::decide::refusal::{Reason as _, RefreshRefusal};
use doorward_identity::model::{AuditAction, Change, KeyPurpose, Outcome, SessionState};
use doorward_identity::port::StoreHandle;
use doorward_identity::settings::RefreshMode;
use futures_util::future::join_all;
use std::time::Duration;

pub(super) const PASSWORD: &str = "correct horse battery";

pub(super) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A realm that refreshes sessions in this way.
pub(super) async fn world(store: StoreHandle, mode: RefreshMode, interval: u64) -> World {
    World::with(store, |settings| {
        settings.sessions.refresh = mode;
        settings.sessions.reuse_interval = seconds(interval);
    })
    .await
}

/// Whoever has a token that is dead asks as often as it likes, and fills no log; that a token
/// was used twice is told however much there was before.
pub(crate) async fn dead_tokens_are_counted_and_a_replay_is_written_down(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    let dead = Person::sign_in(&world, "ada", Some("acme")).await;
    let stolen = Person::sign_in(&world, "bob", Some("acme")).await;
    next(&world, &stolen.token).await;
    sign_out(world.ctx(), &dead.caller()).await.unwrap();
    let before = world.audit().await.len();
    for _ in 0..100 {
        let done = use_it(&world, &dead.token).await;
        assert_eq!(reason(done), RefreshRefusal::SessionEnded);
    }
    let written = world.audit().await.len() - before;
    assert!((1..=20).contains(&written), "{written}");
    let done = use_it(&world, &stolen.token).await;
    assert_eq!(reason(done), RefreshRefusal::Replayed);
    let row = world.last_audit().await.event;
    assert_eq!(row.session, Some(stolen.session));
    assert_eq!(world.audit().await.len(), before + written + 1);
    let flushed = world.identity.strangers.flush(world.store()).await;
    assert_eq!(flushed, Ok(1));
    let row = world.last_audit().await.event;
    assert_eq!(row.detail["count"], 100 - written);
    assert_eq!(
        (row.subject, row.session),
        (Some(dead.id), Some(dead.session))
    );
    assert_eq!(row.tenant, Some(tenant_id("acme")));
    // A new period has room again.
    drop(use_it(&world, &dead.token).await);
    assert_eq!(world.audit().await.len(), before + written + 3);
}

/// A signed-in person.
pub(super) struct Person {
    pub(super) id: SubjectId,
    pub(super) session: SessionId,
    pub(super) token: Secret,
}

impl Person {
    pub(super) async fn sign_in(world: &World, name: &str, tenant: Option<&str>) -> Self {
        let id = world.user_with_password(name, PASSWORD, tenant).await;
        Self::again(world, id, name).await
    }

    pub(super) async fn again(world: &World, id: SubjectId, name: &str) -> Self {
        let request = signing_in(&format!("{name}@example.org"), PASSWORD);
        let signed = sign_in(world.ctx(), request).await.unwrap();
        Self {
            id,
            session: signed.session,
            token: signed.refresh_token.unwrap(),
        }
    }

    pub(super) fn caller(&self) -> Caller {
        Caller::Subject {
            subject: self.id,
            credential: CredentialId::Session(self.session),
            carries: None,
        }
    }
}

pub(super) fn with(token: &Secret) -> Refresh {
    Refresh {
        token: token.clone(),
        scope: None,
        client: None,
    }
}

pub(super) async fn use_it(
    world: &World,
    token: &Secret,
) -> Result<Refreshed, Failure<RefreshRefusal>> {
    refresh(world.ctx(), with(token)).await
}

/// The next refresh token.
pub(super) async fn next(world: &World, token: &Secret) -> Secret {
    use_it(world, token).await.unwrap().refresh_token
}

pub(super) async fn refused(world: &World, token: &Secret) -> RefreshRefusal {
    reason(use_it(world, token).await)
}

async fn state(world: &World, session: SessionId) -> SessionState {
    let (store, realm) = (world.store(), world.realm.id);
    let found = reading!(store, realm, [], |tx| tx.find_session(session).await);
    found.unwrap().unwrap().state
}

pub(crate) async fn a_rotating_token_works_once_and_gives_the_next(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    world.tenant("acme").await;
    let ada = Person::sign_in(&world, "ada", Some("acme")).await;
    let mut seen = vec![ada.token.expose().to_owned()];
    let mut token = ada.token.clone();
    for at in 1..4 {
        let later = world.at(at * 60);
        let refreshed = use_it(&later, &token).await.unwrap();
        assert_eq!(refreshed.session, ada.session);
        assert_eq!(refreshed.issued.subject, ada.id);
        assert_eq!(refreshed.issued.tenant, Some(tenant_id("acme")));
        assert_eq!(refreshed.issued.issued_at, later.call.now);
        token = refreshed.refresh_token;
        assert!(!seen.contains(&token.expose().to_owned()));
        seen.push(token.expose().to_owned());
        let row = later.last_audit().await.event;
        assert_eq!(row.action, AuditAction::SessionRefresh);
        assert_eq!(row.outcome, Outcome::Success);
        assert_eq!(
            (row.session, row.subject),
            (Some(ada.session), Some(ada.id))
        );
    }
    // Nothing ends by it, so nobody is told.
    let before = world.last_change().await;
    next(&world.at(600), &token).await;
    assert_eq!(world.changes_after(before).await, []);
}

/// A token that was used up is in two hands: neither goes on.
pub(crate) async fn a_replay_ends_the_session_and_is_written_down(store: StoreHandle) {
    for age in [1, 3] {
        let world = world(store.clone(), RefreshMode::Rotate, 0).await;
        let world = world
            .other_realm(&format!("age{age}"))
            .await
            .reconfigured(|settings| {
                settings.sessions.refresh = RefreshMode::Rotate;
                settings.sessions.reuse_interval = Duration::ZERO;
            });
        let ada = Person::sign_in(&world, "ada", None).await;
        let other = Person::again(&world, ada.id, "ada").await;
        let mut token = ada.token.clone();
        for _ in 0..age {
            token = next(&world, &token).await;
        }
        let before = world.last_change().await;
        assert_eq!(refused(&world, &ada.token).await, RefreshRefusal::Replayed);
        let row = world.last_audit().await.event;
        assert_eq!(row.outcome, Outcome::Refused(ErrorCode::TokenInvalid));
        assert_eq!(row.session, Some(ada.session));
        assert!(
            row.detail["reason"]
                .as_str()
                .unwrap()
                .contains("used before")
        );
        let told = world.changes_after(before).await;
        assert_eq!(told, [Change::Session(ada.session)]);
        let ended = SessionState::Ended { at: world.call.now };
        assert_eq!(state(&world, ada.session).await, ended);
        // The newest is dead too, and a second replay ends nothing more.
        for token in [&token, &ada.token] {
            assert_eq!(refused(&world, token).await, RefreshRefusal::SessionEnded);
        }
        assert_eq!(world.changes_after(before).await.len(), 1);
        // Another session of the same person goes on.
        next(&world, &other.token).await;
    }
}

pub(crate) async fn the_parent_gets_the_same_child_within_the_interval(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 10).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let child = next(&world, &ada.token).await;
    for at in [0, 9] {
        let again = next(&world.at(at), &ada.token).await;
        assert_eq!(again.expose(), child.expose());
    }
    let row = world.last_audit().await.event;
    assert_eq!(row.detail["again"], true);
    // The child goes on; then what was its parent is a grandparent.
    let grandchild = next(&world.at(9), &child).await;
    let again = next(&world.at(18), &child).await;
    assert_eq!(again.expose(), grandchild.expose());
    assert_eq!(
        refused(&world.at(18), &ada.token).await,
        RefreshRefusal::Replayed
    );
    assert_eq!(
        refused(&world.at(18), &grandchild).await,
        RefreshRefusal::SessionEnded
    );
}

pub(crate) async fn the_parent_is_a_replay_after_the_interval(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 10).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let child = next(&world, &ada.token).await;
    assert_eq!(
        refused(&world.at(10), &ada.token).await,
        RefreshRefusal::Replayed
    );
    assert_eq!(
        refused(&world.at(10), &child).await,
        RefreshRefusal::SessionEnded
    );
}

pub(crate) async fn a_token_that_does_not_rotate_stays(store: StoreHandle) {
    let world = world(store, RefreshMode::Reuse, 0).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    for at in [0, 0, 60, 3600] {
        let same = next(&world.at(at), &ada.token).await;
        assert_eq!(same.expose(), ada.token.expose());
    }
    let world = world.at(3600);
    // A realm that begins to rotate does so from the next use.
    let world = world.at(3600);
    let rotating = world.reconfigured(|settings| {
        settings.sessions.refresh = RefreshMode::Rotate;
    });
    let child = next(&rotating, &ada.token).await;
    assert_ne!(child.expose(), ada.token.expose());
    let off = world.reconfigured(|settings| settings.sessions.refresh = RefreshMode::Off);
    assert_eq!(refused(&off, &child).await, RefreshRefusal::Off);
    next(&rotating, &child).await;
}

/// Without an interval exactly one of 64 uses of one token wins; with one all get the same
/// answer; without rotation all get their own token back.
pub(crate) async fn one_of_64_uses_at_once_wins(store: StoreHandle) {
    for (name, mode, interval, winners) in [
        ("none", RefreshMode::Rotate, 0, 1),
        ("some", RefreshMode::Rotate, 10, 64),
        ("reuse", RefreshMode::Reuse, 0, 64),
    ] {
        let first = world(store.clone(), mode, interval).await;
        let world = first.other_realm(name).await.reconfigured(|settings| {
            settings.sessions.refresh = mode;
            settings.sessions.reuse_interval = seconds(interval);
        });
        let ada = Person::sign_in(&world, "ada", None).await;
        let uses = (0..64).map(|_| {
            let (world, token) = (world.clone(), ada.token.clone());
            tokio::spawn(async move { use_it(&world, &token).await })
        });
        let mut given = Vec::new();
        for used in join_all(uses).await {
            match used.unwrap() {
                Ok(refreshed) => given.push(refreshed.refresh_token.expose().to_owned()),
                Err(Failure::Refused(refusal)) => assert!(
                    matches!(
                        refusal,
                        RefreshRefusal::Replayed | RefreshRefusal::SessionEnded
                    ),
                    "{name} {refusal}"
                ),
                Err(other) => panic!("{name}: {other}"),
            }
        }
        assert_eq!(given.len(), winners, "{name}");
        given.dedup();
        assert_eq!(given.len(), 1, "{name}: all got the same");
        // Each has a row of its own, or is counted with those of its kind.
        let flushed = world.identity.strangers.flush(world.store()).await;
        flushed.unwrap();
        let rows = world.audit().await;
        let refreshes = rows
            .iter()
            .filter(|row| row.event.action == AuditAction::SessionRefresh);
        let told = refreshes.map(|row| {
            let count = row.event.detail.get("count");
            count.map_or(Some(1), serde_json::Value::as_u64).unwrap()
        });
        assert_eq!(told.sum::<u64>(), 64, "{name}");
        // Of two hands that hold one token, one is a thief's.
        let ended = matches!(state(&world, ada.session).await, SessionState::Ended { .. });
        assert_eq!(ended, winners == 1, "{name}");
    }
}

pub(crate) async fn a_made_up_token_costs_no_look_up_and_leaves_no_row(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 10).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let text = ada.token.expose();
    let parts: Vec<&str> = text.rsplitn(3, '_').collect();
    let [seal, number, family] = parts[..] else {
        panic!("{} parts", parts.len());
    };
    assert_eq!(number, "0");
    let rows = world.audit().await.len();
    for made_up in [
        String::new(),
        "dwr_".to_owned(),
        text.to_uppercase(),
        text.chars().take(text.len() - 1).collect(),
        format!("{text}0"),
        // The next number, and other spellings of this one.
        format!("{family}_1_{seal}"),
        format!("{family}_00_{seal}"),
        format!("{family}_+0_{seal}"),
        format!("{family}_4294967296_{seal}"),
        format!("{family}__{seal}"),
        format!("{family}_0_"),
    ] {
        let refusal = refused(&world, &Secret::new(made_up.clone())).await;
        assert_eq!(refusal, RefreshRefusal::Malformed, "{made_up}");
    }
    assert_eq!(world.audit().await.len(), rows);
    next(&world, &ada.token).await;
}

/// A session that was narrowed when it began stays so, whatever a refresh asks for.
pub(crate) async fn a_refresh_widens_nothing(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 0).await;
    let ada = world.user_with_password("ada", PASSWORD, None).await;
    for permission in ["read", "write"] {
        world.grant(ada, None, permission).await;
    }
    let request = SignIn {
        scope: Some("read".to_owned()),
        ..signing_in("ada@example.org", PASSWORD)
    };
    let signed = sign_in(world.ctx(), request).await.unwrap();
    assert_eq!(names(&signed.issued), ["read"]);
    let mut token = signed.refresh_token.unwrap();
    let mut asking = async |scope: Option<&str>| {
        let request = Refresh {
            scope: scope.map(str::to_owned),
            ..with(&token)
        };
        let done = refresh(world.ctx(), request).await;
        done.map(|refreshed| {
            token = refreshed.refresh_token;
            names(&refreshed.issued)
        })
    };
    assert_eq!(asking(None).await.unwrap(), ["read"]);
    assert_eq!(asking(Some("read")).await.unwrap(), ["read"]);
    assert_eq!(
        reason(asking(Some("write")).await),
        RefreshRefusal::InvalidScope
    );
    // It follows what its subject may now, and a refusal used nothing up.
    let taken = remove_grant(world.ctx(), &OPERATOR, ada, grant(None, "read")).await;
    assert!(taken.unwrap());
    assert_eq!(asking(None).await.unwrap(), Vec::<String>::new());
}

fn names(issued: &Issued) -> Vec<String> {
    issued.scopes.iter().map(ToString::to_string).collect()
}

/// The digest moves with the realm's digest key; a token of before the rotation works, and
/// so does what it gave.
pub(crate) async fn a_rotation_of_the_digest_key_loses_no_session(store: StoreHandle) {
    let world = world(store, RefreshMode::Rotate, 10).await;
    let ada = Person::sign_in(&world, "ada", None).await;
    keys::rotate(world.ctx(), &OPERATOR, KeyPurpose::Digest, keys::Pace::Now)
        .await
        .unwrap();
    let child = next(&world, &ada.token).await;
    next(&world, &ada.token).await;
    let (store, realm) = (world.store(), world.realm.id);
    let session = ada.session;
    let found = reading!(store, realm, [], |tx| tx.find_session(session).await);
    let family = found.unwrap().unwrap().refresh.unwrap();
    assert_eq!(family.number, 1);
    keys::rotate(world.ctx(), &OPERATOR, KeyPurpose::Digest, keys::Pace::Now)
        .await
        .unwrap();
    next(&world, &child).await;
    let found = reading!(store, realm, [], |tx| tx.find_session(session).await);
    let moved = found.unwrap().unwrap().refresh.unwrap();
    assert_eq!(moved.number, 2);
    assert_ne!(moved.digest_key, family.digest_key);
    assert_ne!(moved.digest, family.digest);
}

/// Whoever holds a token goes on for ever else, and each use writes.
pub(crate) async fn a_session_is_refreshed_so_often_and_no_more(store: StoreHandle) {
    let world = World::with(store, |settings| {
        settings.sessions.refresh = RefreshMode::Rotate;
        settings.sessions.reuse_interval = seconds(30);
        settings.sessions.refresh_rate = Quota::new(3, seconds(60), 3).unwrap();
    })
    .await;
    let ada = Person::sign_in(&world, "ada", None).await;
    let second = Person::again(&world, ada.id, "ada").await;
    let rotated = next(&world, &ada.token).await;
    // The same answer again is one too, whichever number it is asked by.
    assert_eq!(next(&world, &ada.token).await.expose(), rotated.expose());
    let last = next(&world, &rotated).await;
    let rows = world.audit().await.len();
    assert_eq!(refused(&world, &last).await, RefreshRefusal::TooOften(20));
    assert_eq!(refused(&world, &last).await.code(), ErrorCode::RateLimited);
    assert_eq!(world.audit().await.len(), rows, "a flood fills no log");
    // Nobody else waits, and it goes on when it was said.
    let _ = next(&world, &second.token).await;
    let _ = next(&world.at(20), &last).await;
}
