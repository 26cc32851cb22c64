//! The feed on a SQLite store that can be held back.

use super::*;
use crate::adapter::FeedNews;
use crate::config::RealmConfig;
use crate::engine::open_realm;
use crate::live::RealmLive;
use crate::realms::Served;
use crate::system::SystemClock;
use crate::testing::{Held, PLENTY, call, loaded, make_token, mint_token, revoke, until};
use doorward_base::principal::{CredentialId, Epoch};
use doorward_base::{
    ApiTokenId, ClientId, Clock as _, Effects, ErrorCode, RealmName, SessionId, SubjectId,
};
use doorward_identity::act::keys::{Pace, rotate};
use doorward_identity::act::{
    Caller, Context, ExchangeRequest, Failure, Realm, exchange, introspect,
};
use doorward_identity::decide::refusal::UseRefusal;
use doorward_identity::model::{Change, ChangeSeq, KeyPurpose};
use doorward_identity::port::Store as _;
use doorward_identity::settings::Presentation;
use std::time::Instant;

struct World {
    directory: tempfile::TempDir,
    store: Arc<Held>,
    identity: Arc<Identity>,
    realms: Arc<Realms>,
    feed: Arc<Feed>,
}

const REALMS: &str = "[realm.a]\nhosts = [\"a\"]\ndialects = [\"oauth\"]\n[realm.a.api_tokens.service]\nkinds = [\"service\"]\nprefix = \"a_\"\nexpiry = \"optional\"\n[realm.b]\nhosts = [\"b\"]";

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Held::new(directory.path());
        let identity = store.identity();
        let loaded = loaded(directory.path(), REALMS);
        let mut served = Vec::new();
        for config in &loaded.settings.realms {
            served.push(serve(&identity, config).await);
        }
        let realms = Arc::new(Realms::default());
        realms.replace(served);
        let feed = Feed::open(Arc::clone(&identity), Arc::clone(&realms), Arc::default()).await;
        let feed = Arc::new(feed.unwrap());
        feed.catch_up().await.unwrap();
        Self {
            directory,
            store,
            identity,
            realms,
            feed,
        }
    }

    fn served(&self, realm: &str) -> Arc<Served> {
        self.realms.get(&RealmName::new(realm).unwrap()).unwrap()
    }

    /// Appends changes of a realm, as another process would.
    async fn change(&self, realm: &str, changes: Vec<Change>) {
        let written = self
            .identity
            .store
            .write(self.served(realm).live.id, move |tx| {
                let changes = changes.clone();
                Box::pin(async move {
                    for change in changes {
                        tx.append_change(change).await?;
                    }
                    Ok(())
                })
            });
        written.await.unwrap();
    }

    async fn token(&self) -> (ApiTokenId, SubjectId) {
        make_token(&self.identity, &self.served("a").realm).await
    }

    async fn revoke(&self, token: ApiTokenId) {
        revoke(&self.identity, &self.served("a").realm, token).await;
    }

    fn is_revoked(&self, realm: &str, token: ApiTokenId) -> bool {
        let credential = CredentialId::ApiToken(token);
        self.served(realm)
            .live
            .is_revoked(&credential, SystemClock.now())
    }
}

async fn serve(identity: &Identity, config: &RealmConfig) -> Arc<Served> {
    let realm = open_realm(identity, config).await.unwrap();
    Arc::new(Served {
        live: Arc::new(RealmLive::new(realm.id)),
        realm,
        data: None,
        longest_life: config.longest_life(),
    })
}

const TOKEN: ApiTokenId = ApiTokenId::from_bytes([1; 16]);

#[tokio::test]
async fn calls_that_wait_share_a_catch_up_that_began_after_them() {
    let world = World::new().await;
    let store = &world.store;
    store.questions.store(0, Ordering::SeqCst);
    store.room.forget_permits(PLENTY);
    let running = tokio::spawn({
        let feed = Arc::clone(&world.feed);
        async move { feed.catch_up().await }
    });
    until(|| store.questions.load(Ordering::SeqCst) == 1).await;
    // The running one has asked already: it may not know of this.
    world.change("a", vec![Change::ApiToken(TOKEN)]).await;
    let asked = world.feed.asked.load(Ordering::SeqCst);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let feed = Arc::clone(&world.feed);
        waiting.spawn(async move { feed.catch_up().await });
    }
    until(|| world.feed.asked.load(Ordering::SeqCst) == asked + 50).await;
    store.room.add_permits(PLENTY);
    running.await.unwrap().unwrap();
    for outcome in waiting.join_all().await {
        outcome.unwrap();
    }
    assert!(world.is_revoked("a", TOKEN));
    assert_eq!(store.questions.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn contact_is_as_old_as_the_question() {
    let world = World::new().await;
    world.store.room.forget_permits(PLENTY);
    world.store.questions.store(0, Ordering::SeqCst);
    let asking = tokio::spawn({
        let feed = Arc::clone(&world.feed);
        async move { feed.catch_up().await }
    });
    until(|| world.store.questions.load(Ordering::SeqCst) == 1).await;
    let (asked, pause) = (Instant::now(), Duration::from_millis(30));
    until(|| asked.elapsed() >= pause).await;
    world.store.room.add_permits(PLENTY);
    asking.await.unwrap().unwrap();
    assert!(world.feed.silence() >= pause);
}

#[tokio::test]
async fn a_batch_is_one_read_for_each_realm_and_stays_in_it() {
    let world = World::new().await;
    let (token, owner) = world.token().await;
    world.feed.catch_up().await.unwrap();
    let session = SessionId::from_bytes([5; 16]);
    let bumped = world
        .identity
        .store
        .write(world.served("a").live.id, move |tx| {
            Box::pin(async move { tx.bump_epoch(owner, None, SystemClock.now()).await })
        });
    let epoch = bumped.await.unwrap();
    let mut changes = vec![Change::Subject(owner), Change::ApiToken(token)];
    changes.extend((10..60).map(|byte| Change::ApiToken(ApiTokenId::from_bytes([byte; 16]))));
    changes.push(Change::Session(session));
    world.change("a", changes).await;
    world.change("b", vec![Change::ApiToken(TOKEN)]).await;
    world.store.reads.store(0, Ordering::SeqCst);
    world.feed.catch_up().await.unwrap();
    assert_eq!(world.store.reads.load(Ordering::SeqCst), 2);
    let (a, b) = (world.served("a"), world.served("b"));
    assert_eq!(a.live.epoch(owner, None), epoch);
    assert_eq!(b.live.epoch(owner, None), Epoch(0));
    assert!(!world.is_revoked("a", token), "it is there, and active");
    let gone = ApiTokenId::from_bytes([10; 16]);
    assert!(world.is_revoked("a", gone) && !world.is_revoked("b", gone));
    assert!(world.is_revoked("b", TOKEN) && !world.is_revoked("a", TOKEN));
    let ended = CredentialId::Session(session);
    assert!(a.live.is_revoked(&ended, SystemClock.now()));
    assert!(!b.live.is_revoked(&ended, SystemClock.now()));
}

#[tokio::test]
async fn a_catch_up_that_is_dropped_loses_nothing() {
    let world = World::new().await;
    world.change("a", vec![Change::ApiToken(TOKEN)]).await;
    world.store.lists.forget_permits(PLENTY);
    let given_up = tokio::time::timeout(Duration::from_millis(20), world.feed.catch_up()).await;
    assert!(given_up.is_err(), "the listing was held back");
    world.store.lists.add_permits(PLENTY);
    world.feed.catch_up().await.unwrap();
    assert!(world.is_revoked("a", TOKEN));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_given_up_and_nobody_waits_twice() {
    let world = World::new().await;
    world.store.room.forget_permits(PLENTY);
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let feed = Arc::clone(&world.feed);
        waiting.spawn(async move { feed.catch_up().await });
    }
    for outcome in waiting.join_all().await {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    }
    let took = began.elapsed();
    assert!(took >= PATIENCE && took <= PATIENCE * 3, "{took:?}");
    world.store.room.add_permits(PLENTY);
    world.feed.catch_up().await.unwrap();
}

#[tokio::test]
async fn a_log_that_was_pruned_past_the_position_is_made_up_for_by_a_snapshot() {
    let world = World::new().await;
    let (token, owner) = world.token().await;
    world.feed.catch_up().await.unwrap();
    let before = world.feed.position();
    let generation = world.served("a").live.key_generation();
    world.revoke(token).await;
    world.store.pruned.store(2_000_000, Ordering::SeqCst);
    world.feed.catch_up().await.unwrap();
    assert!(world.is_revoked("a", token));
    assert!(world.feed.position().seq.0 > before.seq.0 + 2_000_000);
    let served = world.served("a");
    assert!(served.live.is_stale(TOKEN, owner, before));
    assert!(!served.live.is_stale(TOKEN, owner, world.feed.position()));
    assert!(served.live.key_generation() > generation);
}

#[tokio::test]
async fn a_log_that_was_set_back_is_made_up_for_by_a_snapshot() {
    let world = World::new().await;
    // It had read further than the copy goes that it finds.
    let before = Position {
        era: 0,
        seq: ChangeSeq(500),
    };
    world.feed.cursor.lock().await.after = before;
    let (token, owner) = world.token().await;
    world.revoke(token).await;
    world.feed.catch_up().await.unwrap();
    assert!(world.is_revoked("a", token));
    let position = world.feed.position();
    assert_eq!(position.seq, world.store.inner.last_change().await.unwrap());
    let served = world.served("a");
    assert!(served.live.is_stale(token, owner, before));
    assert!(!served.live.is_stale(token, owner, position));
}

#[tokio::test]
async fn a_change_that_is_heard_of_is_applied_before_the_interval_and_outages_are_outlived() {
    let world = World::new().await;
    let following = tokio::spawn(Arc::clone(&world.feed).follow());
    let questions = || world.store.questions.load(Ordering::SeqCst);
    world.store.deaf.store(true, Ordering::SeqCst);
    world.store.heard.notify_one();
    let before = questions();
    until(|| questions() >= before + 2).await;
    world.store.deaf.store(false, Ordering::SeqCst);
    until(|| world.feed.silence() < Duration::from_millis(50)).await;
    world.change("a", vec![Change::ApiToken(TOKEN)]).await;
    world.store.heard.notify_one();
    until(|| world.is_revoked("a", TOKEN)).await;
    following.abort();
}

#[tokio::test]
async fn a_key_put_to_use_elsewhere_is_known_after_catching_up() {
    let world = World::new().await;
    let served = world.served("a");
    // Another process: it shares the store and nothing else.
    let loaded = loaded(world.directory.path(), REALMS);
    let elsewhere = serve(&world.identity, &loaded.settings.realms[0]).await;
    let call = call();
    let ctx = Context {
        identity: &world.identity,
        realm: &elsewhere.realm,
        call: &call,
        effects: &Effects::undeclared(),
    };
    rotate(ctx, &Caller::Operator, KeyPurpose::Access, Pace::Now)
        .await
        .unwrap();
    let kid = |served: &Served| served.realm.keyring().access().kid().to_owned();
    let (new, generation) = (kid(&elsewhere), served.live.key_generation());
    let knows = || served.realm.keyring().inbound().find(&new).is_some();
    assert!(!knows());
    world.feed.catch_up().await.unwrap();
    assert!(knows());
    assert!(served.live.key_generation() > generation);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_made_up_for_by_a_snapshot() {
    let world = World::new().await;
    let (token, _) = world.token().await;
    world.revoke(token).await;
    world.store.garbled.store(true, Ordering::SeqCst);
    world.feed.catch_up().await.unwrap();
    assert!(world.is_revoked("a", token));
    world.store.garbled.store(false, Ordering::SeqCst);
    world.change("b", vec![Change::ApiToken(TOKEN)]).await;
    world.feed.catch_up().await.unwrap();
    assert!(world.is_revoked("b", TOKEN));
}

#[tokio::test]
async fn realms_that_cannot_be_learned_do_not_come_in_force() {
    let world = World::new().await;
    let loaded = loaded(world.directory.path(), REALMS);
    let before = world.served("a");
    let other = async || vec![serve(&world.identity, &loaded.settings.realms[0]).await];
    let served = other().await;
    world.store.unreadable.store(true, Ordering::SeqCst);
    assert!(world.feed.adopt(served).await.is_err());
    assert!(Arc::ptr_eq(&world.served("a"), &before));
    assert_eq!(world.realms.all().len(), 2);
    world.store.unreadable.store(false, Ordering::SeqCst);
    world.feed.adopt(other().await).await.unwrap();
    assert!(!Arc::ptr_eq(&world.served("a"), &before));
    assert_eq!(world.realms.all().len(), 1);
}

#[tokio::test]
async fn a_token_that_moved_to_a_key_this_process_has_not_heard_of_is_found() {
    let world = World::new().await;
    let here = Arc::clone(&world.served("a").realm);
    here.hear_from(Arc::new(FeedNews::new(Arc::clone(&world.feed))));
    let secret = mint_token(&world.identity, &here).await.secret;
    let loaded = loaded(world.directory.path(), REALMS);
    let there = open_realm(&world.identity, &loaded.settings.realms[0]);
    let there = there.await.unwrap();
    let call = call();
    let effects = Effects::undeclared();
    let at = |realm| Context {
        identity: &world.identity,
        realm,
        call: &call,
        effects: &effects,
    };
    let asking = || ExchangeRequest {
        secret: secret.clone(),
        duration: None,
        scope: None,
        tenant: None,
        role: None,
        audience: None,
    };
    let move_on = async || {
        rotate(at(&there), &Caller::Operator, KeyPurpose::Digest, Pace::Now)
            .await
            .unwrap();
        exchange(at(&there), asking()).await.unwrap();
    };
    move_on().await;
    exchange(at(&here), asking()).await.unwrap();
    move_on().await;
    let seen = introspect(at(&here), &secret, &Presentation::Exchange).await;
    assert!(!matches!(seen, Err(Failure::Refused(UseRefusal::Unknown))));
    // Cut off from the change log it cannot know, and does not say that it does.
    move_on().await;
    world.store.deaf.store(true, Ordering::SeqCst);
    let refused = exchange(at(&here), asking()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::StoreUnavailable);
    let seen = introspect(at(&here), &secret, &Presentation::Exchange).await;
    assert_eq!(seen.unwrap_err().code(), ErrorCode::StoreUnavailable);
}

/// Puts another access key of realm `a` to use, as another process would.
async fn rotate_elsewhere(world: &World) {
    let loaded = loaded(world.directory.path(), REALMS);
    let elsewhere = serve(&world.identity, &loaded.settings.realms[0]).await;
    let call = call();
    let ctx = Context {
        identity: &world.identity,
        realm: &elsewhere.realm,
        call: &call,
        effects: &Effects::undeclared(),
    };
    rotate(ctx, &Caller::Operator, KeyPurpose::Access, Pace::Now)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_reload_reads_nothing_again_and_keeps_the_newest_keys() {
    let world = World::new().await;
    let before = world.served("a");
    let (old, settings) = (before.realm.keyring(), before.realm.settings.clone());
    let next = |longest_life| {
        Arc::new(Served {
            realm: Arc::new(Realm::new(
                before.realm.id,
                settings.clone(),
                Arc::clone(&old),
            )),
            live: Arc::clone(&before.live),
            data: None,
            longest_life,
        })
    };
    let reloaded = next(before.longest_life);
    // Between the reading of a configuration and its coming into force.
    rotate_elsewhere(&world).await;
    world.feed.catch_up().await.unwrap();
    let newest = before.realm.keyring();
    assert!(!Arc::ptr_eq(&newest, &old));
    let reads = || world.store.reads.load(Ordering::SeqCst);
    let had = reads();
    world.feed.adopt(vec![reloaded]).await.unwrap();
    assert_eq!(reads(), had);
    assert!(Arc::ptr_eq(&world.served("a").realm.keyring(), &newest));
    // Whose tokens live longer from now on must be known further back.
    let longer = next(before.longest_life + Duration::from_secs(1));
    world.feed.adopt(vec![longer]).await.unwrap();
    assert!(reads() > had);
}

#[tokio::test]
async fn keys_are_not_read_before_one_of_them_is_over() {
    let world = World::new().await;
    assert_eq!(world.served("a").realm.keyring().next_change(), None);
    rotate_elsewhere(&world).await;
    world.feed.catch_up().await.unwrap();
    let next = world.served("a").realm.keyring().next_change();
    assert!(next > Some(SystemClock.now()));
    let reads = world.store.reads.load(Ordering::SeqCst);
    assert_eq!(world.feed.forget_what_is_over().await, Ok(0));
    assert_eq!(world.store.reads.load(Ordering::SeqCst), reads);
}

#[tokio::test]
async fn a_client_that_was_revoked_elsewhere_is_dead_here() {
    let world = World::new().await;
    let (here, elsewhere) = (world.served("a"), world.served("b"));
    let id = ClientId::from_bytes([5; 16]);
    let credential = CredentialId::Client(id);
    assert!(!here.live.is_revoked(&credential, SystemClock.now()));
    world.change("a", vec![Change::Client(id)]).await;
    world.feed.catch_up().await.unwrap();
    assert!(here.live.is_revoked(&credential, SystemClock.now()));
    assert!(!elsewhere.live.is_revoked(&credential, SystemClock.now()));
}
