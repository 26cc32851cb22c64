//! Notices of keys that expire: one digest for a tenant, once, and a webhook that is tried
//! again without holding up anything.

use super::world::*;
use async_trait::async_trait;
use doorward_identity::act::*;
use doorward_identity::model::{AuditAction, Ceiling, MailKind, TokenKind};
use doorward_identity::port::{Courier, CourierError, Parcel, StoreHandle};
use doorward_identity::settings::{NoticeSettings, RealmSettings, WebhookKey, WebhookSettings};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

const DAY: u64 = 86_400;
const EDIT: &str = "platform.users.service-accounts.access-tokens.edit";

fn told(settings: &mut RealmSettings) {
    settings.notices = NoticeSettings {
        mail: true,
        webhook: Some(WebhookSettings {
            url: "https://hooks.example/doorward".parse().unwrap(),
            key: WebhookKey::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(),
        }),
    };
}

async fn key(world: &World, tenant: &str, name: &str, days: u64) -> MintedToken {
    let new = CreateToken {
        name: Some(name.to_owned()),
        expires_at: Some(after(days * DAY)),
        ceiling: ceiling(Some(tenant), &["read"]),
        ..new_token(TokenKind::Key, OwnerRef::Tenant(tenant.parse().unwrap()))
    };
    create_token(world.ctx(), &OPERATOR, new).await.unwrap()
}

/// A webhook that answers as it is told, and remembers what came.
#[derive(Default)]
struct Hook {
    answers: Mutex<VecDeque<CourierError>>,
    came: Mutex<Vec<Parcel>>,
}

#[async_trait]
impl Courier for Hook {
    async fn deliver(&self, parcel: &Parcel) -> Result<(), CourierError> {
        self.came.lock().unwrap().push(parcel.clone());
        let answer = self.answers.lock().unwrap().pop_front();
        answer.map_or(Ok(()), Err)
    }
}

impl Hook {
    fn answering(answers: &[CourierError]) -> Self {
        Self {
            answers: Mutex::new(answers.iter().copied().collect()),
            came: Mutex::default(),
        }
    }

    fn take(&self) -> Vec<Parcel> {
        std::mem::take(&mut *self.came.lock().unwrap())
    }
}

async fn notify_at(world: &World, seconds: u64) -> u64 {
    let now = after(seconds);
    notify(&world.identity, &world.realm, now).await.unwrap()
}

async fn deliver_at(world: &World, hook: &Hook, seconds: u64) -> u64 {
    let now = after(seconds);
    let delivered = webhook::deliver(&world.identity, &world.realm, hook, now).await;
    delivered.unwrap()
}

/// The names of the tokens that a message tells of, with the days.
fn names(parcel: &Parcel) -> (String, Vec<(String, u64)>) {
    let said: Value = serde_json::from_str(&parcel.body).unwrap();
    assert_eq!(said["type"], "api_token.expiring");
    let tokens = said["data"]["tokens"].as_array().unwrap().iter();
    let tokens = tokens.map(|token| {
        let days = token["days"].as_u64().unwrap();
        (token["name"].as_str().unwrap().to_owned(), days)
    });
    let tenant = said["data"]["tenant"].as_str().unwrap().to_owned();
    let mut tokens: Vec<_> = tokens.collect();
    tokens.sort_unstable();
    (tenant, tokens)
}

pub(crate) async fn fl_48_one_digest_for_each_tenant_30_7_and_1_days_before(store: StoreHandle) {
    let world = World::with(store, told).await;
    for tenant in ["acme", "globex"] {
        world.tenant(tenant).await;
    }
    let boss = world.user("boss", Some("acme"), &[EDIT]).await;
    world.user("member", Some("acme"), &["read"]).await;
    let first = key(&world, "acme", "first", 40).await;
    key(&world, "acme", "second", 17).await;
    key(&world, "globex", "third", 40).await;
    // Nobody is told of these.
    let replaced = key(&world, "acme", "replaced", 40).await;
    revoke_token(world.ctx(), &OPERATOR, TokenRef::Id(replaced.token.id))
        .await
        .unwrap();
    let ada = world.user("ada", Some("acme"), &[]).await;
    let own = CreateToken {
        expires_at: Some(after(40 * DAY)),
        ceiling: Ceiling::default(),
        ..new_token(TokenKind::Personal, OwnerRef::Subject(ada))
    };
    create_token(world.ctx(), &OPERATOR, own).await.unwrap();

    let hook = Hook::default();
    assert_eq!(notify_at(&world, 9 * DAY - 12 * 3600).await, 0);
    let acme = |names: &[(&str, u64)]| {
        let names = names.iter().map(|(name, days)| ((*name).to_owned(), *days));
        ("acme".to_owned(), names.collect::<Vec<_>>())
    };
    for (day, digests, expected) in [
        (10, 2, acme(&[("first", 30), ("second", 7)])),
        (16, 1, acme(&[("second", 1)])),
        (33, 2, acme(&[("first", 7)])),
        (39, 2, acme(&[("first", 1)])),
    ] {
        assert_eq!(notify_at(&world, day * DAY).await, digests, "day {day}");
        assert_eq!(
            notify_at(&world, day * DAY + 60).await,
            0,
            "day {day} again"
        );
        assert_eq!(deliver_at(&world, &hook, day * DAY + 60).await, digests);
        let came: Vec<_> = hook.take().iter().map(names).collect();
        assert!(came.contains(&expected), "day {day}: {came:?}");
    }
    assert_eq!(notify_at(&world, 41 * DAY).await, 0);
    let engine = world.store().engine();
    let claimed = engine
        .claim_mail(after(39 * DAY), std::time::Duration::from_secs(60), 100)
        .await
        .unwrap();
    // One letter a digest of acme, to the one who may replace keys; globex has nobody.
    assert_eq!(claimed.len(), 4);
    for one in &claimed {
        assert_eq!(one.mail.kind, MailKind::TokensExpiring);
        assert_eq!(one.mail.subject, Some(boss));
        assert_eq!(one.mail.to, email("boss"));
    }
    let lines = &claimed[0].mail.variables;
    let line = format!("first | {} | ", first.token.id);
    let mut shown = ["token_1", "token_2"].iter().map(|name| &lines[*name]);
    assert!(shown.any(|shown| shown.starts_with(&line)), "{lines:?}");
    assert_eq!(lines["count"], "2");
    let rows = world.audit().await;
    let notices = rows
        .iter()
        .filter(|row| row.event.action == AuditAction::TokenNotice);
    assert_eq!(notices.count(), 7);
}

/// Where a realm tells nobody, nothing is lost: it begins with what is due when it does.
pub(crate) async fn fl_48_nothing_is_told_unless_the_realm_says_so(store: StoreHandle) {
    let world = World::new(store).await;
    world.tenant("acme").await;
    key(&world, "acme", "first", 40).await;
    assert_eq!(notify_at(&world, 12 * DAY).await, 0);
    let world = world.reconfigured(told);
    assert_eq!(notify_at(&world, 34 * DAY).await, 1);
    let hook = Hook::default();
    assert_eq!(deliver_at(&world, &hook, 34 * DAY).await, 1);
    let came = hook.take();
    assert_eq!(came.len(), 1);
    assert_eq!(names(&came[0]).1, [("first".to_owned(), 7)]);
}

pub(crate) async fn fl_48_of_eight_that_tell_at_once_one_does(store: StoreHandle) {
    let world = World::with(store, told).await;
    world.tenant("acme").await;
    for n in 0..5 {
        key(&world, "acme", &format!("key {n}"), 40).await;
    }
    let mut telling = JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        telling.spawn(async move { notify_at(&world, 10 * DAY).await });
    }
    assert_eq!(telling.join_all().await.into_iter().sum::<u64>(), 1);
    let hook = Arc::new(Hook::default());
    let mut delivering = JoinSet::new();
    for _ in 0..8 {
        let (world, hook) = (world.clone(), Arc::clone(&hook));
        delivering.spawn(async move { deliver_at(&world, &hook, 10 * DAY).await });
    }
    assert_eq!(delivering.join_all().await.into_iter().sum::<u64>(), 1);
    assert_eq!(hook.take().len(), 1);
}

pub(crate) async fn a_webhook_is_tried_again_under_its_id_and_given_up(store: StoreHandle) {
    let world = World::with(store, told).await;
    for tenant in ["acme", "globex"] {
        world.tenant(tenant).await;
        key(&world, tenant, "first", 40).await;
    }
    let begin = 10 * DAY;
    assert_eq!(notify_at(&world, begin).await, 2);
    let down = CourierError::Answered(503);
    let hook = Hook::answering(&[down, CourierError::Failed("timed_out")]);
    // The second message is not tried where the first was not taken.
    assert_eq!(deliver_at(&world, &hook, begin).await, 0);
    let first = hook.take();
    assert_eq!(first.len(), 1);
    assert_eq!(deliver_at(&world, &hook, begin + 14).await, 0);
    assert_eq!(hook.take().len(), 0);
    assert_eq!(deliver_at(&world, &hook, begin + 15).await, 0);
    let again = hook.take();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, first[0].id);
    // The pauses grow; the other message goes as soon as it is tried.
    assert_eq!(deliver_at(&world, &hook, begin + 74).await, 1);
    let other = hook.take();
    assert_ne!(other[0].id, first[0].id);
    assert_eq!(deliver_at(&world, &hook, begin + 75).await, 1);
    let last = hook.take();
    assert_eq!((last.len(), &last[0].id), (1, &first[0].id));
    assert_eq!(last[0].body, first[0].body);
    assert_ne!(last[0].signature, first[0].signature);
    // Nobody is there any more: it is not tried again.
    key(&world, "acme", "other", 50).await;
    assert_eq!(notify_at(&world, 20 * DAY).await, 1);
    let hook = Hook::answering(&[CourierError::Answered(410)]);
    assert_eq!(deliver_at(&world, &hook, 20 * DAY).await, 0);
    assert_eq!(deliver_at(&world, &hook, 21 * DAY).await, 0);
    assert_eq!(hook.take().len(), 1);
}

/// It is tried nine times in a day, and then no more.
pub(crate) async fn a_dead_webhook_is_given_up(store: StoreHandle) {
    let world = World::with(store, told).await;
    world.tenant("acme").await;
    key(&world, "acme", "first", 40).await;
    assert_eq!(notify_at(&world, 10 * DAY).await, 1);
    let hook = Hook::answering(&[CourierError::Failed("unreachable"); 99]);
    for step in 0..2 * 24 * 6 {
        deliver_at(&world, &hook, 10 * DAY + step * 600).await;
    }
    assert_eq!(hook.take().len(), 9);
}
