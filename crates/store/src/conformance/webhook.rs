//! Messages that wait for webhooks.

use super::fixture::{at, people, realm, tenant, webhook, webhook_id};
use super::{reading, writing};
use doorward_identity::model::QueuedWebhook;
use doorward_identity::port::StoreHandle;
use tokio::task::JoinSet;

pub(crate) async fn messages_are_claimed_put_off_and_given_up(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    let (first, second) = (webhook(1, Some("acme")), webhook(2, None));
    writing!(store, realm, [first, second], |tx| {
        tx.put_webhook(&second).await?;
        tx.put_webhook(&first).await
    })
    .unwrap();
    let is_due = |second| {
        let store = store.clone();
        async move { reading!(store, realm, [], |tx| tx.is_webhook_due(at(second)).await).unwrap() }
    };
    let claim = |second, until, limit| {
        let store = store.clone();
        async move {
            let claimed = writing!(store, realm, [], |tx| tx
                .claim_webhooks(at(second), at(until), limit)
                .await);
            claimed.unwrap()
        }
    };
    assert!(!is_due(0).await);
    assert!(is_due(1).await);
    assert_eq!(claim(2, 50, 1).await, std::slice::from_ref(&first));
    assert_eq!(claim(2, 50, 9).await, std::slice::from_ref(&second));
    assert!(!is_due(49).await);
    // Who claimed it did not come back.
    assert_eq!(claim(50, 60, 9).await, [first.clone(), second.clone()]);
    writing!(store, realm, [], |tx| {
        tx.put_webhook_off(webhook_id(1), at(80), 1).await?;
        tx.end_webhook(webhook_id(2)).await
    })
    .unwrap();
    assert_eq!(claim(79, 90, 9).await, []);
    let again = QueuedWebhook {
        attempts: 1,
        ..first
    };
    assert_eq!(claim(80, 90, 9).await, [again]);
    writing!(store, realm, [], |tx| tx
        .bury_webhook(webhook_id(1), "status_500", at(90))
        .await)
    .unwrap();
    assert_eq!(claim(999, 999, 9).await, []);
    let prune = |second| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| tx
                .prune_webhooks(at(second), 9)
                .await)
        }
    };
    assert_eq!(prune(90).await, Ok(0));
    assert_eq!(prune(91).await, Ok(1));
}

/// Where nobody delivers any more, what waits is forgotten too.
pub(crate) async fn messages_of_no_use_are_pruned_and_those_of_a_deleted_tenant_go(
    store: StoreHandle,
) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    writing!(store, realm, [], |tx| {
        tx.insert_tenant(&tenant("initech")).await?;
        tx.put_webhook(&webhook(1, Some("initech"))).await?;
        tx.put_webhook(&webhook(2, Some("acme"))).await?;
        tx.erase_tenant(&"initech".parse().unwrap(), at(3)).await?;
        tx.sweep_tenant(&"initech".parse().unwrap(), at(4), 100)
            .await
    })
    .unwrap();
    let pruned = |second| {
        let store = store.clone();
        async move {
            writing!(store, realm, [], |tx| tx
                .prune_webhooks(at(second), 9)
                .await)
        }
    };
    assert_eq!(pruned(1000).await, Ok(0));
    assert_eq!(pruned(1001).await, Ok(1));
}

pub(crate) async fn a_message_is_claimed_by_one(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    people(&store, realm).await;
    writing!(store, realm, [], |tx| tx
        .put_webhook(&webhook(1, None))
        .await)
    .unwrap();
    let mut claiming = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        claiming.spawn(async move {
            let claimed = writing!(store, realm, [], |tx| tx
                .claim_webhooks(at(9), at(99), 9)
                .await);
            claimed.unwrap().len()
        });
    }
    assert_eq!(claiming.join_all().await.into_iter().sum::<usize>(), 1);
}
