//! Several nodes and one limit, while Redis comes and goes.

use crate::support::*;
use doorward_base::Secret;
use doorward_base::limit::{Limiter, LocalLimiter, StrictLimiter};
use doorward_outbound::limit::{LimitsError, SharedLimits, SharedSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

const KEY: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

/// What the nodes let through, and what one bucket would have.
#[derive(Default)]
struct Count {
    admitted: AtomicU64,
    ideal: AtomicU64,
}

/// Ten clients of one key, half of them at each node, a thousand requests a second each.
async fn flood(nodes: &[Arc<SharedLimits>], lasting: Duration) -> (f64, f64) {
    let quota = quota(200, 1, 200);
    let (count, ideal) = (
        Arc::new(Count::default()),
        Arc::new(LocalLimiter::new(1000)),
    );
    let mut clients = JoinSet::new();
    let end = Instant::now() + lasting;
    for client in 0..10 {
        let (node, ideal) = (Arc::clone(&nodes[client % nodes.len()]), Arc::clone(&ideal));
        let count = Arc::clone(&count);
        clients.spawn(async move {
            let mut tick = interval(Duration::from_millis(1));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while Instant::now() < end {
                tick.tick().await;
                let now = now();
                let allowed = node.check(KEY, &quota, now).allowed;
                count.admitted.fetch_add(allowed.into(), Ordering::SeqCst);
                let allowed = ideal.check(KEY, &quota, now).allowed;
                count.ideal.fetch_add(allowed.into(), Ordering::SeqCst);
            }
        });
    }
    clients.join_all().await;
    let read = |number: &AtomicU64| number.load(Ordering::SeqCst) as f64;
    (read(&count.admitted), read(&count.ideal))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_over_two_nodes_are_admitted_as_by_one_bucket() {
    let redis = Redis::start().await;
    let nodes = [redis.node().await, redis.node().await];
    let (admitted, ideal) = flood(&nodes, Duration::from_secs(5)).await;
    let error = (admitted - ideal).abs() / ideal;
    println!(
        "admitted {admitted}, ideal {ideal}, error {:.2} %",
        error * 100.0
    );
    for node in &nodes {
        println!("{:?}", node.health());
        assert!(node.health().connected && node.health().lost == 0);
    }
    assert!(ideal > 1000.0);
    assert!(error <= 0.02, "admitted {admitted}, ideal {ideal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_gone_each_node_grants_the_full_limit() {
    let mut redis = Redis::start().await;
    let nodes = [redis.node().await, redis.node().await];
    let running = nodes.clone();
    let running = tokio::spawn(async move { flood(&running, Duration::from_secs(4)).await });
    until("the burst is used up", || async {
        !nodes[0].peek(KEY, &quota(200, 1, 200), now()).allowed
    })
    .await;
    let gone = Instant::now();
    redis.kill();
    for node in &nodes {
        until("the loss is noticed", || async { !node.health().connected }).await;
    }
    let mut ticks = interval(Duration::from_millis(500));
    ticks.tick().await;
    ticks.tick().await;
    redis.run().await;
    for node in &nodes {
        until("a node is back", || async { node.health().connected }).await;
    }
    let gone = gone.elapsed().as_secs_f64();
    let (admitted, ideal) = running.await.unwrap();
    println!("admitted {admitted}, ideal {ideal}, gone {gone}");
    for node in &nodes {
        assert_eq!(node.health().lost, 1);
    }
    assert!(
        admitted >= 0.95 * ideal,
        "admitted {admitted}, ideal {ideal}"
    );
    // The second node's own refill, and what may differ as long as both are connected.
    let most = ideal + 200.0 * gone + 0.02 * ideal;
    assert!(
        admitted <= most,
        "admitted {admitted}, ideal {ideal}, gone {gone}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_at_the_same_time_on_two_nodes_is_counted_once() {
    let redis = Redis::start().await;
    let nodes = [redis.node().await, redis.node().await];
    let quota = quota(10, 900, 10);
    let mut takers = JoinSet::new();
    for taker in 0..64 {
        let node = Arc::clone(&nodes[taker % 2]);
        takers.spawn(async move { node.take(KEY, quota, now()).await.allowed });
    }
    let taken = takers.join_all().await;
    assert_eq!(taken.iter().filter(|allowed| **allowed).count(), 10);
    let refused = nodes[1].take(KEY, quota, now()).await;
    assert!(refused.retry_after > Duration::from_secs(80), "{refused:?}");
    // Another key is not touched by it.
    assert!(nodes[1].take(KEY + 1, quota, now()).await.allowed);

    nodes[0].give_back(KEY, quota, now());
    until("what was given back is there on the other node", || async {
        nodes[1].take(KEY, quota, now()).await.allowed
    })
    .await;
    assert!(!nodes[0].take(KEY, quota, now()).await.allowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_knows_survives_a_redis_that_forgot_or_is_gone() {
    let mut redis = Redis::start().await;
    let nodes = [redis.node().await, redis.node().await];
    let quota = quota(10, 900, 10);
    for _ in 0..10 {
        assert!(nodes[0].take(KEY, quota, now()).await.allowed);
    }
    for node in &nodes {
        assert!(!node.take(KEY, quota, now()).await.allowed);
    }
    redis.command(&["FLUSHALL"]).await;
    for node in &nodes {
        assert!(!node.take(KEY, quota, now()).await.allowed);
        assert!(!node.check(KEY, &quota, now()).allowed);
    }
    redis.kill();
    for node in &nodes {
        let asked = Instant::now();
        assert!(!node.take(KEY, quota, now()).await.allowed);
        let fresh = node.take(KEY + 1, quota, now()).await;
        assert!(fresh.allowed);
        assert!(
            asked.elapsed() < Duration::from_secs(1),
            "{:?}",
            asked.elapsed()
        );
    }
    // A node that knows nothing learns it from those that do.
    redis.run().await;
    for node in &nodes {
        until("a node is back", || async { node.health().connected }).await;
        assert!(!node.take(KEY, quota, now()).await.allowed);
    }
    let third = redis.node().await;
    assert!(!third.take(KEY, quota, now()).await.allowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_come_later_than_its_nodes() {
    let mut redis = Redis::absent();
    let node = redis.node().await;
    let quota = quota(10, 900, 10);
    let passed = (0..20).filter(|_| node.check(KEY, &quota, now()).allowed);
    assert_eq!(passed.count(), 10);
    until("the absence is noticed", || async {
        node.health().lost == 1
    })
    .await;
    redis.run().await;
    until("the node connects", || async { node.health().connected }).await;
    let other = redis.node().await;
    until("the other node knows", || async {
        !other.take(KEY, quota, now()).await.allowed
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_are_hashes_that_expire_and_closing_writes_the_rest() {
    let redis = Redis::start().await;
    let node = redis.node().await;
    let quota = quota(60, 60, 100);
    assert!(node.check(KEY, &quota, now()).allowed);
    node.close().await;
    let name = format!("dw:l:{KEY:032x}");
    let left = match redis.command(&["PTTL", &name]).await {
        redis::Value::Int(left) => left,
        other => panic!("{other:?}"),
    };
    assert!((1..=1000).contains(&left), "{left}");
    until("only the marker is left", || async {
        let keys = redis.command(&["KEYS", "*"]).await;
        keys == redis::Value::Array(vec![redis::Value::BulkString(b"dw:l:life".to_vec())])
    })
    .await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_without_repeating_them() {
    let start = |url: &str, merge_every| {
        let settings = SharedSettings {
            url: Secret::new(url.to_owned()),
            merge_every,
            max_keys: 1000,
        };
        SharedLimits::start(&settings, Arc::new(WallClock)).map(|limits| limits.health())
    };
    let every = SharedSettings::MERGE_EVERY;
    for url in [
        "",
        "http://secret@host",
        "redis://",
        "secret",
        "redis://h:secret/",
    ] {
        let error = start(url, every).unwrap_err();
        assert!(matches!(error, LimitsError::Url(_)), "{url}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for wrong in [Duration::ZERO, Duration::from_secs(11)] {
        let refused = start("redis://127.0.0.1/", wrong);
        assert_eq!(refused.unwrap_err(), LimitsError::MergeEvery);
    }
    for url in [
        "redis://127.0.0.1:1/2",
        "rediss://u:p@127.0.0.1:1",
        "valkey://127.0.0.1:1",
        "valkeys://127.0.0.1:1",
    ] {
        assert!(!start(url, every).unwrap().connected, "{url}");
    }
}
