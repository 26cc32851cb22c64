//! Mail from its queueing to its end.

use super::world::{NOW, World, after};
use crate::conformance::fixture::{subject_id, tenant_id};
use crate::conformance::writing;
use async_trait::async_trait;
use doorward_base::{Email, ErrorCode, MailId, Secret, Timestamp};
use doorward_identity::act::mail::{Delivered, MailRefusal, deliver, prepare};
use doorward_identity::model::{MailCount, MailDraft, MailKind, QueuedMail, TenantOrigin};
use doorward_identity::port::{Letter, Mailer, MailerError, StoreError, StoreHandle};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

const SECRET: &str = "https://example.org/accept?t=s3cr3t";

/// A mailer that keeps what it gets and answers as it is told.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) letters: Mutex<Vec<Letter>>,
    fails: Mutex<Option<MailerError>>,
}

#[async_trait]
impl Mailer for Recorder {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        self.letters.lock().unwrap().push(letter.clone());
        self.fails.lock().unwrap().map_or(Ok(()), Err)
    }
}

impl Recorder {
    fn failing(error: MailerError) -> Self {
        Self {
            fails: Mutex::new(Some(error)),
            ..Self::default()
        }
    }

    fn count(&self) -> usize {
        self.letters.lock().unwrap().len()
    }
}

fn draft(to: &str) -> MailDraft {
    MailDraft {
        to: Email::new(to).unwrap(),
        subject: Some(subject_id(1)),
        maker: None,
        tenant: None,
        kind: MailKind::Invitation,
        language: Some("de".to_owned()),
        variables: BTreeMap::from([("tenant", "Acme".to_owned())]),
        secrets: BTreeMap::from([("link", Secret::new(SECRET.to_owned()))]),
        expires_at: NOW.plus(Duration::from_secs(7 * 86_400)),
    }
}

async fn queue(world: &World, draft: MailDraft) -> QueuedMail {
    let mail = prepare(&world.identity, &world.realm, draft, world.call.now);
    let mail = mail.await.unwrap();
    put(world, &mail).await.unwrap();
    mail
}

async fn put(world: &World, mail: &QueuedMail) -> Result<(), StoreError> {
    let (store, realm, mail) = (world.store(), world.realm.id, mail.clone());
    writing!(store, realm, [mail], |tx| tx.put_mail(&mail).await)
}

async fn send(world: &World, mailer: &Recorder, now: Timestamp) -> Delivered {
    deliver(&world.identity, mailer, now).await.unwrap()
}

async fn counted(world: &World) -> MailCount {
    world.store().engine().count_mail().await.unwrap()
}

const SENT: Delivered = Delivered {
    claimed: 1,
    sent: 1,
};
const FAILED: Delivered = Delivered {
    claimed: 1,
    sent: 0,
};
const NOTHING: Delivered = Delivered {
    claimed: 0,
    sent: 0,
};

pub(crate) async fn a_mail_is_sealed_until_it_is_sent_and_then_gone(store: StoreHandle) {
    let world = World::new(store).await;
    let mail = queue(&world, draft("ann@example.org")).await;
    let sealed = mail.sealed.clone().unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"s3cr3t"));
    assert!(!format!("{mail:?}").contains("s3cr3t"));
    // Another realm does nothing to it.
    let (two, id) = (world.other_realm("two").await, mail.id);
    let (store, other) = (two.store(), two.realm.id);
    let ended = writing!(store, other, [], |tx| {
        tx.end_mail(id).await?;
        tx.put_mail_off(id, after(9000)).await?;
        tx.bury_mail(id, "mistaken", NOW).await
    });
    ended.unwrap();
    let mailer = Recorder::default();
    assert_eq!(send(&world, &mailer, NOW).await, SENT);
    let letter = mailer.letters.lock().unwrap().remove(0);
    let told = (
        letter.id,
        letter.realm.as_str(),
        letter.to.as_str(),
        letter.kind,
    );
    assert_eq!(
        told,
        (mail.id, "one", "ann@example.org", MailKind::Invitation)
    );
    assert_eq!(letter.language.as_deref(), Some("de"));
    let variables: Vec<_> = letter
        .variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(variables, [("link", SECRET), ("tenant", "Acme")]);
    assert_eq!(send(&world, &mailer, after(3600)).await, NOTHING);
    assert_eq!(counted(&world).await, MailCount::default());
}

pub(crate) async fn what_is_rolled_back_is_not_sent(store: StoreHandle) {
    let world = World::new(store).await;
    let mail = prepare(&world.identity, &world.realm, draft("ann@example.org"), NOW);
    let mail = mail.await.unwrap();
    let (store, realm) = (world.store(), world.realm.id);
    let failed: Result<(), _> = writing!(store, realm, [mail], |tx| {
        tx.put_mail(&mail).await?;
        Err(StoreError::Conflict("something else"))
    });
    assert!(failed.is_err());
    assert_eq!(send(&world, &Recorder::default(), after(60)).await, NOTHING);
}

pub(crate) async fn a_failure_is_tried_again_with_growing_pauses_and_given_up(store: StoreHandle) {
    let world = World::new(store).await;
    queue(&world, draft("ann@example.org")).await;
    let mailer = Recorder::failing(MailerError::Deferred(451));
    let (mut now, mut tried) = (0, Vec::new());
    while counted(&world).await.waiting > 0 {
        match send(&world, &mailer, after(now)).await {
            FAILED => tried.push(now),
            other => assert_eq!(other, NOTHING),
        }
        now += if now < 600 { 15 } else { 300 };
    }
    assert_eq!((tried.len(), mailer.count()), (8, 8));
    let pauses: Vec<u64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert_eq!(
        counted(&world).await,
        MailCount {
            waiting: 0,
            dead: 1
        }
    );
    *mailer.fails.lock().unwrap() = None;
    assert_eq!(send(&world, &mailer, after(30 * 86_400)).await, NOTHING);
}

pub(crate) async fn a_final_refusal_an_expiry_and_a_foreign_seal_end_a_mail(store: StoreHandle) {
    let world = World::new(store).await;
    let refusing = Recorder::failing(MailerError::Refused(550));
    let dead = queue(&world, draft("nobody@example.org")).await;
    assert_eq!(send(&world, &refusing, NOW).await, FAILED);
    let late = MailDraft {
        expires_at: after(60),
        ..draft("late@example.org")
    };
    queue(&world, late).await;
    let mailer = Recorder::default();
    assert_eq!(send(&world, &mailer, after(60)).await, FAILED);
    let mut other = queue(&world.other_realm("two").await, draft("ann@example.org")).await;
    other.id = MailId::from_bytes([3; 16]);
    put(&world, &other).await.unwrap();
    assert_eq!(
        send(&world, &mailer, after(61)).await,
        Delivered {
            claimed: 2,
            sent: 1
        }
    );
    assert_eq!(
        mailer.count(),
        1,
        "what is sealed for another mail is not sent"
    );
    assert_eq!(
        counted(&world).await,
        MailCount {
            waiting: 0,
            dead: 3
        }
    );
    // Those given up are forgotten with time, and by their own realm.
    let (store, realm) = (world.store(), world.realm.id);
    let two = world.other_realm("two").await.realm.id;
    let removed = writing!(store, two, [], |tx| tx.prune_mail(after(90), 10).await);
    assert_eq!(removed, Ok(0));
    let removed = writing!(store, realm, [], |tx| tx.prune_mail(after(30), 10).await);
    assert_eq!(removed, Ok(1), "the first one");
    let removed = writing!(store, realm, [], |tx| tx.prune_mail(after(90), 1).await);
    assert_eq!(removed, Ok(1), "one of two");
    assert_ne!(dead.id, other.id);
}

pub(crate) async fn an_address_gets_so_many_mails_and_no_more(store: StoreHandle) {
    let world = World::new(store).await;
    for _ in 0..6 {
        queue(&world, draft("ann@example.org")).await;
    }
    let ask = async |world: &World, to: &str| {
        let prepared = prepare(&world.identity, &world.realm, draft(to), world.call.now);
        prepared.await.map(drop)
    };
    let refused = ask(&world, "Ann@Example.ORG").await.unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (MailRefusal::TooMany(300), ErrorCode::RateLimited)
    );
    assert_eq!(ask(&world, "bob@example.org").await, Ok(()));
    assert_eq!(
        ask(&world.other_realm("two").await, "ann@example.org").await,
        Ok(())
    );
    assert_eq!(ask(&world.at(300), "ann@example.org").await, Ok(()));
    let mut long = draft("eve@example.org");
    long.variables.insert("tenant", "x".repeat(5000));
    let refused = prepare(&world.identity, &world.realm, long, NOW).await;
    assert_eq!(refused, Err(MailRefusal::TooLong));
}

/// Tenants that anybody gets by signing up use up none of what an address gets from others.
pub(crate) async fn who_signed_up_leaves_room_for_the_mail_of_others(store: StoreHandle) {
    let world = World::new(store).await;
    let sent = async |tenant: &str, origin| {
        let mut sent = 0;
        for _ in 0..6 {
            let draft = MailDraft {
                tenant: Some((tenant_id(tenant), origin)),
                ..draft("ann@example.org")
            };
            let prepared = prepare(&world.identity, &world.realm, draft, NOW).await;
            sent += usize::from(prepared.is_ok());
        }
        sent
    };
    let mut by_strangers = 0;
    for tenant in ["one", "two", "three", "four", "five"] {
        by_strangers += sent(tenant, TenantOrigin::SignedUp).await;
    }
    assert_eq!(by_strangers, 12);
    for tenant in ["acme", "globex"] {
        assert_eq!(sent(tenant, TenantOrigin::Made).await, 6, "{tenant}");
    }
}

pub(crate) async fn a_mail_is_one_processs_and_comes_back_if_that_one_dies(store: StoreHandle) {
    let world = World::new(store).await;
    let mut queued = BTreeSet::new();
    for number in 0..40 {
        let to = format!("user{number}@example.org");
        queued.insert(queue(&world, draft(&to)).await.id);
    }
    let mailer = std::sync::Arc::new(Recorder::default());
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (world, mailer) = (world.clone(), std::sync::Arc::clone(&mailer));
        sending.spawn(async move { while send(&world, &mailer, NOW).await != NOTHING {} });
    }
    while let Some(done) = sending.join_next().await {
        done.unwrap();
    }
    let letters: Vec<MailId> = mailer
        .letters
        .lock()
        .unwrap()
        .iter()
        .map(|l| l.id)
        .collect();
    assert_eq!(letters.len(), 40, "each once");
    assert_eq!(letters.into_iter().collect::<BTreeSet<_>>(), queued);
    queue(&world, draft("ann@example.org")).await;
    let engine = world.store().engine();
    let claimed = engine
        .claim_mail(NOW, Duration::from_secs(300), 10)
        .await
        .unwrap();
    assert_eq!((claimed.len(), claimed[0].mail.attempts), (1, 1));
    assert_eq!(send(&world, &mailer, after(299)).await, NOTHING);
    assert_eq!(send(&world, &mailer, after(300)).await, SENT);
}
