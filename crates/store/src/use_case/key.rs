//! Making, rotating and forgetting a realm's keys.

use super::world::*;
use crate::conformance::fixture::tenant_id;
use crate::conformance::{reading, writing};
use doorward_base::Effects;
use doorward_identity::act::keys::{KeysError, Pace, Rotated, ensure, load, rotate};
use doorward_identity::act::*;
use doorward_identity::model::{AuditAction, Change, KeyPurpose, KeyRecord, KeyState, TokenKind};
use doorward_identity::port::{StoreHandle, TokenKey};
use doorward_identity::settings::{Algorithm, Presentation};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The key that signs access tokens is verified this long after it signed last: the
/// longest life, and as long as a verifier may keep a JWKS.
const RETIREMENT: u64 = 3600 + 300;

async fn records(world: &World) -> Vec<KeyRecord> {
    let (store, realm) = (world.store(), world.realm.id);
    reading!(store, realm, [], |tx| tx.list_keys().await).unwrap()
}

async fn rotated(world: &World, purpose: KeyPurpose, pace: Pace) -> Rotated {
    rotate(world.ctx(), &OPERATOR, purpose, pace).await.unwrap()
}

fn published(keyring: &Keyring) -> usize {
    keyring.jwks()["keys"].as_array().unwrap().len()
}

/// Another process over the same store: the same master key, other randomness.
fn process(world: &World, seed: u64) -> Arc<Identity> {
    let mut other = identity(world.store().clone(), seed);
    other.master = MasterKey::from_text(world.identity.master.to_text().expose()).unwrap();
    Arc::new(other)
}

pub(crate) async fn two_processes_end_with_the_same_keys(store: StoreHandle) {
    let world = World::new(store).await;
    let mut settings = world.realm.settings.clone();
    settings.name = "two".parse().unwrap();
    let id = world
        .store()
        .engine()
        .open_realm(&settings.name)
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    for seed in 0..8 {
        let (identity, settings) = (process(&world, seed), settings.clone());
        let call = world.call;
        tasks.spawn(async move {
            let keys = ensure(&identity, id, &settings, &call).await.unwrap();
            let realm = Arc::new(Realm::new(id, settings, keys));
            World {
                identity,
                realm,
                call,
                effects: Effects::undeclared(),
            }
        });
    }
    let worlds = tasks.join_all().await;
    let first = &worlds[0];
    let ada = first.user("ada", None, &[]).await;
    let token = first.mint(TokenKind::Personal, ada).await;
    for world in &worlds {
        let (own, firsts) = (world.realm.keyring(), first.realm.keyring());
        assert_eq!(own.jwks(), firsts.jwks());
        assert_eq!(own.access().kid(), firsts.access().kid());
        exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    }
    assert_eq!(records(first).await.len(), 3);
    let rows = first.audit().await;
    let made =
        |row: &&doorward_identity::model::AuditRow| row.event.action == AuditAction::KeyCreate;
    assert_eq!(rows.iter().filter(made).count(), 3);
}

pub(crate) async fn a_missing_key_is_made_and_no_other(store: StoreHandle) {
    let world = World::new(store).await;
    let before = world.realm.keyring();
    let (engine, realm) = (world.store(), world.realm.id);
    let kid = before.internal().kid().to_owned();
    let done = writing!(engine, realm, [kid], |tx| tx.delete_key(&kid).await);
    done.unwrap();
    let missing = load(&world.identity, realm, NOW).await;
    assert!(matches!(missing, Err(KeysError::Missing("internal"))));
    let (settings, call) = (&world.realm.settings, &world.call);
    let keys = ensure(&world.identity, realm, settings, call)
        .await
        .unwrap();
    assert_ne!(keys.internal().kid(), kid);
    assert_eq!(keys.access().kid(), before.access().kid());
    assert_eq!(records(&world).await.len(), 3);
}

pub(crate) async fn another_algorithm_makes_another_key(store: StoreHandle) {
    let world = World::new(store).await;
    let old = world.realm.keyring().access().kid().to_owned();
    let world = world.reconfigured(|settings| settings.tokens.algorithm = Algorithm::EdDSA);
    let (settings, call) = (&world.realm.settings, &world.call);
    for _ in 0..2 {
        let keys = ensure(&world.identity, world.realm.id, settings, call).await;
        let keys = keys.unwrap();
        assert_ne!(keys.access().kid(), old);
        assert!(keys.inbound().find(&old).is_some());
        assert_eq!((keys.inbound().len(), published(&keys)), (2, 3));
        world.realm.set_keyring(keys);
    }
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let issued = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
    assert_eq!(decoded(&issued.jwt).0["alg"], "EdDSA");
}

/// The operator staged a key, then changed the algorithm: the staged key is not the
/// one to sign with.
pub(crate) async fn a_staged_key_of_an_older_algorithm_never_signs(store: StoreHandle) {
    let world = World::new(store).await;
    let staged = rotated(&world, KeyPurpose::Access, Pace::Staged).await;
    let Rotated::Published { kid: stale, .. } = staged else {
        panic!("{staged:?}");
    };
    let world = world.reconfigured(|settings| settings.tokens.algorithm = Algorithm::EdDSA);
    let (settings, call) = (&world.realm.settings, &world.call);
    let keys = ensure(&world.identity, world.realm.id, settings, call).await;
    let active = keys.unwrap().access().kid().to_owned();
    let world = world.at(300);
    let staged = rotated(&world, KeyPurpose::Access, Pace::Staged).await;
    let Rotated::Published { kid: fresh, .. } = staged else {
        panic!("{staged:?}");
    };
    let keyring = world.realm.keyring();
    assert_eq!(keyring.access().kid(), active);
    assert!(keyring.inbound().find(&stale).is_none());
    assert!(keyring.inbound().find(&fresh).is_some());
    assert_ne!(fresh, stale);
}

pub(crate) async fn a_staged_rotation_publishes_before_it_signs(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let token = world.mint(TokenKind::Personal, ada).await;
    let old = world.realm.keyring().access().kid().to_owned();
    let usable_from = after(300);
    let first = rotated(&world, KeyPurpose::Access, Pace::Staged).await;
    let Rotated::Published { kid, .. } = first.clone() else {
        panic!("{first:?}");
    };
    let expected = Rotated::Published {
        kid: kid.clone(),
        usable_from,
    };
    assert_eq!(first, expected);
    for (seconds, expected, signs) in [
        (0, Rotated::Waiting { usable_from }, &old),
        (299, Rotated::Waiting { usable_from }, &old),
        (300, Rotated::Activated { kid: kid.clone() }, &kid),
    ] {
        let world = world.at(seconds);
        assert_eq!(
            rotated(&world, KeyPurpose::Access, Pace::Staged).await,
            expected
        );
        let keyring = world.realm.keyring();
        // Both are verified and published all the time.
        assert!(keyring.inbound().find(&old).is_some());
        assert!(keyring.inbound().find(&kid).is_some());
        assert_eq!(published(&keyring), 3);
        let issued = exchange(world.ctx(), asking(&token.secret)).await.unwrap();
        assert_eq!(decoded(&issued.jwt).0["kid"], **signs);
    }
}

pub(crate) async fn an_immediate_rotation_signs_at_once(store: StoreHandle) {
    let world = World::new(store).await;
    for purpose in [KeyPurpose::Access, KeyPurpose::Internal] {
        let signing = |world: &World| {
            let keyring = world.realm.keyring();
            match purpose {
                KeyPurpose::Access => keyring.access().kid().to_owned(),
                _ => keyring.internal().kid().to_owned(),
            }
        };
        let (old, before) = (signing(&world), published(&world.realm.keyring()));
        let done = rotated(&world, purpose, Pace::Now).await;
        let kid = signing(&world);
        assert_eq!(done, Rotated::Activated { kid: kid.clone() });
        assert_ne!(kid, old);
        assert_eq!(published(&world.realm.keyring()), before + 1);
        // A key that was published and waits is the one put in use.
        let staged = rotated(&world, purpose, Pace::Staged).await;
        let Rotated::Published { kid, .. } = staged else {
            panic!("{staged:?}");
        };
        let done = rotated(&world, purpose, Pace::Now).await;
        assert_eq!(done, Rotated::Activated { kid });
    }
}

pub(crate) async fn a_retired_key_is_forgotten_when_its_time_is_over(store: StoreHandle) {
    let world = World::new(store).await;
    let old = world.realm.keyring().access().kid().to_owned();
    rotated(&world, KeyPurpose::Access, Pace::Now).await;
    for (seconds, is_verified) in [(0, true), (RETIREMENT - 1, true), (RETIREMENT, false)] {
        let keys = load(&world.identity, world.realm.id, after(seconds)).await;
        let keys = keys.unwrap();
        assert_eq!(
            keys.inbound().find(&old).is_some(),
            is_verified,
            "{seconds}"
        );
        assert_eq!(published(&keys), 2 + usize::from(is_verified));
    }
    let is_stored = |records: Vec<KeyRecord>| records.iter().any(|record| record.kid == old);
    assert!(is_stored(records(&world).await));
    rotated(&world.at(RETIREMENT), KeyPurpose::Access, Pace::Staged).await;
    assert!(!is_stored(records(&world).await));
}

pub(crate) async fn a_rotated_digest_key_finds_and_moves_old_tokens(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    let ada = world.user("ada", None, &[]).await;
    let exchanged = world.mint(TokenKind::Personal, ada).await;
    let presented = world.mint(TokenKind::Personal, ada).await;
    let unused = world.mint(TokenKind::Personal, ada).await;
    let request = Invite {
        email: email("bob"),
        tenant: tenant_id("acme"),
        roles: vec![],
        life: None,
        delivery: None,
    };
    let invited = invite(world.ctx(), &OPERATOR, request).await.unwrap();
    // Every process knows a key before tokens move to it.
    let staged = rotated(&world, KeyPurpose::Digest, Pace::Staged).await;
    let usable_from = after(10);
    assert!(matches!(staged, Rotated::Published { usable_from: from, .. } if from == usable_from));
    let early = rotated(&world.at(9), KeyPurpose::Digest, Pace::Staged).await;
    assert_eq!(early, Rotated::Waiting { usable_from });
    let then = rotated(&world.at(10), KeyPurpose::Digest, Pace::Staged).await;
    assert!(matches!(then, Rotated::Activated { .. }), "{then:?}");
    // Once more, so that a token is found under a key before the last one.
    rotated(&world, KeyPurpose::Digest, Pace::Now).await;
    let year = world.at(365 * 86_400);
    let under_the_active = || {
        let (world, tokens) = (&world, [&exchanged, &presented, &unused]);
        async move {
            let ids = tokens.map(|token| token.token.id);
            let (keys, held) = reading!(world.store(), world.realm.id, [], |tx| {
                let mut held = Vec::new();
                for id in ids {
                    held.extend(tx.find_token_dossier(&TokenKey::Id(id)).await?);
                }
                Ok((tx.list_keys().await?, held))
            })
            .unwrap();
            let active = keys
                .iter()
                .find(|key| key.purpose == KeyPurpose::Digest && key.state == KeyState::Active);
            let kid = &active.unwrap().kid;
            Vec::from_iter(held.iter().map(|token| token.digest_key == *kid))
        }
    };
    assert_eq!(under_the_active().await, [false; 3]);
    for _ in 0..2 {
        exchange(year.ctx(), asking(&exchanged.secret))
            .await
            .unwrap();
        let seen = introspect(year.ctx(), &presented.secret, &Presentation::Basic).await;
        assert_eq!(seen.unwrap().principal.subject, Some(ada));
        assert_eq!(under_the_active().await, [true, true, false]);
    }
    let named = TokenRef::Secret(unused.secret.clone());
    revoke_token(year.ctx(), &OPERATOR, named).await.unwrap();
    let taking = AcceptInvitation {
        by: None,
        secret: invited.secret.unwrap(),
        password: Some(secret("correct horse")),
        name: None,
    };
    accept_invitation(world.ctx(), taking).await.unwrap();
}

pub(crate) async fn another_process_follows_a_rotation(store: StoreHandle) {
    let world = World::new(store).await;
    let ada = world.user("ada", None, &[]).await;
    let (identity, id) = (process(&world, 8), world.realm.id);
    let keys = load(&identity, id, NOW).await.unwrap();
    let settings = world.realm.settings.clone();
    let other = World {
        realm: Arc::new(Realm::new(id, settings, keys)),
        identity,
        call: world.call,
        effects: Effects::undeclared(),
    };
    let seq = world.last_change().await;
    for purpose in [KeyPurpose::Access, KeyPurpose::Internal, KeyPurpose::Digest] {
        rotated(&world, purpose, Pace::Now).await;
    }
    assert_eq!(other.changes_after(seq).await, [Change::Keys; 3]);
    let keys = load(&other.identity, id, NOW).await.unwrap();
    other.realm.set_keyring(keys);
    let (own, others) = (world.realm.keyring(), other.realm.keyring());
    assert_eq!(own.jwks(), others.jwks());
    assert_eq!(own.access().kid(), others.access().kid());
    let token = world.mint(TokenKind::Personal, ada).await;
    exchange(other.ctx(), asking(&token.secret)).await.unwrap();
}

pub(crate) async fn a_wrong_master_key_opens_nothing(store: StoreHandle) {
    let world = World::new(store.clone()).await;
    let wrong = identity(store, 8);
    let (id, call) = (world.realm.id, &world.call);
    let stored = records(&world).await;
    for result in [
        keys::check_master(&wrong).await.err(),
        load(&wrong, id, NOW).await.err(),
        ensure(&wrong, id, &world.realm.settings, call).await.err(),
    ] {
        assert!(
            matches!(result, Some(KeysError::WrongMasterKey)),
            "{result:?}"
        );
    }
    assert_eq!(records(&world).await, stored);
    keys::check_master(&world.identity).await.unwrap();
}
