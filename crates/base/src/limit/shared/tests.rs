//! One node, spoken to by hand. What several do is simulated (`simulate`).

use super::*;
use crate::limit::Ledger;
use std::collections::HashMap;
use std::thread;

const KEY: u128 = 7;

fn quota(count: u32, burst: u32) -> Quota {
    Quota::new(count, Duration::from_secs(1), burst).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000_000 + millis * 1000)
}

fn node() -> SharedBuckets {
    let node = SharedBuckets::new(1000, Duration::from_millis(250));
    node.connect(1);
    node
}

fn pass(node: &SharedBuckets, quota: &Quota, tries: usize, now: Timestamp) -> usize {
    (0..tries)
        .filter(|_| node.check(KEY, quota, now).0.allowed)
        .count()
}

fn said(node: &SharedBuckets, now: Timestamp) -> Vec<Entry> {
    let mut batch = Vec::new();
    node.sweep();
    node.collect(&mut batch, 1000, now);
    batch
}

/// Lists are no longer than twice what their shard may hold, for what is pressing (a
/// burst of one) and for what is not.
#[test]
fn memory_is_bounded_also_while_nobody_listens() {
    for (burst, lists) in [(100, (32, 0)), (1, (0, 32))] {
        let node = SharedBuckets::new(64 * 16, Duration::from_millis(250));
        let quota = quota(10, burst);
        for key in 0..100_000 {
            node.check(key, &quota, at(0));
            node.check(key, &quota, at(0));
        }
        for number in 0..SHARDS {
            let shard = node.buckets.shard(number);
            assert!(shard.map.len() <= 16);
            assert_eq!((shard.side.soon.len(), shard.side.now.len()), lists);
        }
    }
}

#[test]
fn a_flood_of_new_keys_frees_none_that_is_used_up() {
    let node = SharedBuckets::new(64 * 16, Duration::from_millis(250));
    assert_eq!(pass(&node, &quota(10, 20), 30, at(0)), 20);
    for key in 8..10_000 {
        node.check(key, &quota(10, 20), at(0));
    }
    assert_eq!(pass(&node, &quota(10, 20), 1, at(0)), 0);
}

#[test]
fn what_is_given_back_passes_once_more() {
    let (node, quota) = (node(), quota(2, 2));
    assert_eq!(pass(&node, &quota, 3, at(0)), 2);
    node.give_back(KEY, &quota, at(0));
    assert_eq!(pass(&node, &quota, 3, at(0)), 1);
}

#[test]
fn what_is_given_back_before_it_was_said_is_never_said() {
    let (node, quota) = (node(), quota(200, 200));
    assert_eq!(pass(&node, &quota, 2, at(0)), 2);
    node.give_back(KEY, &quota, at(0));
    let batch = said(&node, at(0));
    assert_eq!((batch[0].delta, batch[0].lead), (5000, 5000));
}

/// Else whoever gives back more than was taken would raise the limit of all nodes.
#[test]
fn what_was_never_taken_is_not_given_back() {
    let (node, quota) = (node(), quota(200, 200));
    node.give_back(KEY, &quota, at(0));
    assert_eq!(said(&node, at(0)), []);
}

#[test]
fn what_is_given_back_after_it_was_said_is_said_at_once() {
    for used in [1, 201] {
        let (node, quota) = (node(), quota(200, 200));
        pass(&node, &quota, used, at(0));
        let batch = said(&node, at(0));
        node.apply(&Ledger::new().merge(&batch, at(0).as_micros()), at(0));
        node.sweep();
        assert!(!node.is_due(), "{used}: nothing is left to say");
        let wake = node.give_back(KEY, &quota, at(0));
        // One that is short has no room for others to hear of at once.
        let expected = [Wake::Sender, Wake::Nobody][usize::from(used > 200)];
        assert_eq!(wake, expected, "{used}");
        assert_eq!(said(&node, at(0))[0].delta, -5000, "{used}");
    }
}

#[test]
fn a_sender_is_woken_once_for_what_is_pressing() {
    let (node, quota) = (node(), quota(200, 200));
    let wakes: Vec<usize> = (0..60)
        .filter(|_| node.check(KEY, &quota, at(0)).1 == Wake::Sender)
        .collect();
    assert_eq!(wakes, [22]);
    assert!(node.is_due());
    let batch = said(&node, at(0));
    assert_eq!((batch.len(), batch[0].delta), (1, 60 * 5000));
    assert!(!node.is_due());
    assert_eq!(said(&node, at(0)), []);
}

#[test]
fn a_key_is_on_a_list_once() {
    let (node, quota) = (node(), quota(200, 200));
    assert_eq!(pass(&node, &quota, 5, at(0)), 5);
    let number = usize::try_from(KEY).unwrap();
    assert_eq!(node.buckets.shard(number).side.soon, [KEY]);
}

#[test]
fn keys_of_all_shards_are_collected_by_batches_of_their_size() {
    let (node, quota) = (node(), quota(200, 200));
    for key in [3, 3 + 64, 5, 9] {
        node.check(key, &quota, at(0));
    }
    node.sweep();
    let batches = [3, 1, 0].map(|expected| {
        let mut batch = Vec::new();
        assert_eq!(node.is_due(), expected > 0);
        node.collect(&mut batch, 3, at(0));
        assert_eq!(batch.len(), expected);
        batch.into_iter().map(|entry| entry.key).collect::<Vec<_>>()
    });
    let mut keys = batches.concat();
    keys.sort_unstable();
    assert_eq!(keys, [3, 5, 9, 67]);
}

#[test]
fn what_was_not_answered_is_said_again() {
    let (node, quota) = (node(), quota(10, 100));
    assert_eq!(pass(&node, &quota, 3, at(0)), 3);
    let first = said(&node, at(0));
    assert_eq!(pass(&node, &quota, 2, at(1)), 2);
    assert_eq!(said(&node, at(1)), [], "one merge of a key at a time");
    node.fail(&first, at(2));
    let again = said(&node, at(2));
    assert_eq!(again[0].delta, 5 * 100_000);
    let reply = Ledger::new().merge(&again, at(9).as_micros());
    node.apply(&reply, at(2));
    assert_eq!(node.peek(KEY, &quota, at(2)).remaining, 95);
    assert_eq!(said(&node, at(3)), []);
}

#[test]
fn a_refused_key_spends_what_it_was_granted_and_gives_the_rest_back() {
    let (node, quota, mut ledger) = (node(), quota(200, 200), Ledger::new());
    assert_eq!(pass(&node, &quota, 201, at(0)), 200);
    let mut merge = |now: Timestamp| {
        let batch = said(&node, now);
        node.apply(&ledger.merge(&batch, now.as_micros()), now);
        batch
    };
    assert_eq!(merge(at(0))[0].delta, 1_000_000);
    assert_eq!(
        pass(&node, &quota, 4, at(100)),
        0,
        "nothing was granted yet"
    );
    let asked = merge(at(100));
    assert_eq!((asked[0].delta, asked[0].want), (0, 9 * 5000));
    assert_eq!(pass(&node, &quota, 5, at(101)), 5);
    // Three are left, of which the target makes it ask for more; nobody comes.
    merge(at(102));
    let held = node.peek(KEY, &quota, at(103)).remaining;
    let back = merge(at(400));
    assert!(back[0].delta < 0 && back[0].want == 0, "{back:?}");
    assert_eq!(pass(&node, &quota, 1, at(401)), 0);
    assert!(held > 0);
}

/// A key whose last burst is spent, and a grant of all that has refilled since.
fn granted() -> (SharedBuckets, Quota) {
    let (node, quota, mut ledger) = (node(), quota(200, 200), Ledger::new());
    for (tries, now) in [(201, at(0)), (10, at(100))] {
        pass(&node, &quota, tries, now);
        let batch = said(&node, now);
        node.apply(&ledger.merge(&batch, now.as_micros()), now);
    }
    (node, quota)
}

#[test]
fn what_was_granted_may_pass_though_nothing_else_is_left() {
    let (node, quota) = granted();
    let before = node.peek(KEY, &quota, at(100));
    assert_eq!((before.allowed, before.remaining), (true, 20));
    assert_eq!(before.reset_after, Duration::from_secs(1));
    assert_eq!(pass(&node, &quota, 30, at(100)), 20);
    assert!(!node.peek(KEY, &quota, at(100)).allowed);
}

#[test]
fn what_was_granted_to_a_node_passes_also_when_it_is_alone() {
    let (node, quota) = granted();
    node.disconnect();
    assert_eq!(pass(&node, &quota, 30, at(100)), 20);
}

#[test]
fn a_refused_key_asks_at_once_only_when_there_is_something_to_be_granted() {
    let (node, quota) = (node(), quota(20, 20));
    assert_eq!(pass(&node, &quota, 21, at(0)), 20);
    let batch = said(&node, at(0));
    node.apply(&Ledger::new().merge(&batch, at(0).as_micros()), at(0));
    let wakes = [20, 40, 50].map(|millis| node.check(KEY, &quota, at(millis)).1);
    assert_eq!(wakes, [Wake::Nobody, Wake::Nobody, Wake::Sender]);
}

#[test]
fn a_node_holds_no_more_than_a_quarter_of_the_capacity() {
    let (node, quota) = (node(), quota(200, 20));
    assert_eq!(pass(&node, &quota, 60, at(0)), 20);
    assert_eq!(said(&node, at(0))[0].want, 5 * 5000);
}

#[test]
fn a_key_too_slow_for_grants_asks_for_none() {
    let (node, quota) = (node(), quota(5, 2));
    assert_eq!(pass(&node, &quota, 5, at(0)), 2);
    assert_eq!(said(&node, at(0))[0].want, 0);
}

/// A node holds five here at most, so that eleven are clearly more.
#[test]
fn a_refused_key_is_open_again_when_there_is_clearly_more_room_than_grants() {
    let (node, quota) = (node(), quota(20, 200));
    assert_eq!(pass(&node, &quota, 201, at(0)), 200);
    assert_eq!(pass(&node, &quota, 1, at(549)), 0);
    assert_eq!(pass(&node, &quota, 20, at(550)), 11);
}

fn take(node: &SharedBuckets, quota: &Quota, ledger: &mut Ledger) -> bool {
    let question = node.ask(KEY, quota, at(0));
    let reply = ledger.merge(&[question], at(0).as_micros());
    let taken = node.take((KEY, quota), &reply, at(0));
    taken.unwrap().0.allowed
}

#[test]
fn a_question_is_answered_by_what_all_nodes_used() {
    let (nodes, quota, mut ledger) = ([node(), node()], quota(1, 2), Ledger::new());
    let allowed = [0, 1, 0, 1].map(|number: usize| take(&nodes[number], &quota, &mut ledger));
    assert_eq!(allowed, [true, true, false, false]);
    let nothing = ledger.merge(&[], at(0).as_micros());
    assert!(nodes[0].take((KEY, &quota), &nothing, at(0)).is_none());
}

/// A shared side that was restarted empty grants what the node knows to be used up.
#[test]
fn a_question_is_not_granted_by_who_has_forgotten_what_was_used_up() {
    for (used, expected) in [(1, [true, false]), (2, [false, false])] {
        let (node, quota, mut ledger) = (node(), quota(1, 2), Ledger::new());
        for _ in 0..used {
            assert!(take(&node, &quota, &mut ledger));
        }
        ledger.forget();
        let allowed = [(); 2].map(|()| take(&node, &quota, &mut ledger));
        assert_eq!(allowed, expected, "{used} used");
    }
}

/// What is being said reaches the shared side by itself.
#[test]
fn a_question_restores_nothing_that_is_said_already() {
    let (node, quota) = (node(), quota(200, 200));
    assert_eq!(pass(&node, &quota, 3, at(0)), 3);
    assert_eq!(said(&node, at(0)).len(), 1);
    assert_eq!(node.ask(KEY, &quota, at(0)).floor, 0);
}

#[test]
fn the_quota_of_the_request_holds_after_a_reload() {
    let node = node();
    assert_eq!(pass(&node, &quota(10, 100), 200, at(0)), 100);
    assert_eq!(pass(&node, &quota(10, 110), 200, at(0)), 10);
    assert_eq!(pass(&node, &quota(10, 5), 1, at(0)), 0);
    assert_eq!(pass(&node, &quota(10, 5), 10, at(800)), 3);
}

#[test]
fn alone_a_node_grants_the_full_limit_at_once() {
    let (node, quota) = (node(), quota(200, 200));
    assert_eq!(pass(&node, &quota, 300, at(0)), 200);
    assert_eq!(pass(&node, &quota, 300, at(300)), 0, "strict");
    assert!(node.disconnect());
    assert_eq!(pass(&node, &quota, 300, at(300)), 60);
    assert!(!node.disconnect());
}

/// Whatever threads and merges interleave, nothing that passed is said twice or lost.
#[test]
fn all_use_is_said_exactly_once() {
    const EACH: u64 = 50_000;
    let (node, quota) = (node(), quota(1000, 4_000_000));
    let (mut ledger, mut told) = (Ledger::new(), HashMap::<u128, i64>::new());
    let mut round = |node: &SharedBuckets, n: usize| {
        let mut batch = Vec::new();
        node.sweep();
        node.collect(&mut batch, 3, at(0));
        if n.is_multiple_of(3) {
            node.fail(&batch, at(0));
            return;
        }
        for entry in &batch {
            *told.entry(entry.key).or_default() += entry.delta / 1000;
        }
        node.apply(&ledger.merge(&batch, at(0).as_micros()), at(0));
    };
    thread::scope(|scope| {
        let users: Vec<_> = (0..4)
            .map(|_| {
                let (node, quota) = (&node, &quota);
                scope.spawn(move || {
                    for n in 0..EACH {
                        assert!(node.check(u128::from(n % 5), quota, at(0)).0.allowed);
                    }
                })
            })
            .collect();
        let mut n = 0;
        while !users.iter().all(thread::ScopedJoinHandle::is_finished) {
            round(&node, n);
            n += 1;
        }
    });
    for n in 0..30 {
        round(&node, n);
    }
    assert_eq!(told.len(), 5);
    assert!(told.values().all(|told| *told == 4 * 10_000), "{told:?}");
}
