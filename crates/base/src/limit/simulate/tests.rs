//! Nodes beside the one bucket they stand for. Bounds are those of the algorithm, not
//! of a run: see each.

use super::*;

const MS: Duration = Duration::from_millis(1);
const ROUND_TRIP: Duration = MS;

fn cluster(nodes: usize, quota: Quota) -> Cluster {
    Cluster {
        nodes,
        quota,
        merge_every: 250 * MS,
        round_trip: ROUND_TRIP,
        troubles: vec![],
    }
}

fn quota(count: u32, per: u64, burst: u32) -> Quota {
    Quota::new(count, Duration::from_secs(per), burst).unwrap()
}

fn run(cluster: &Cluster, requests: impl IntoIterator<Item = (Duration, usize)>) -> Outcome {
    simulate(cluster, requests).unwrap()
}

/// What the other nodes can let through before a node hears of it: one request that is
/// pressing, and what arrives while a batch is under way and the next one is.
fn unheard(nodes: usize, per_second: u32) -> u64 {
    let each = u64::from(per_second) / nodes as u64;
    let arriving = (each * 2 * ROUND_TRIP.as_micros() as u64).div_ceil(1_000_000);
    (nodes as u64 - 1) * (1 + arriving)
}

#[test]
fn requests_of_a_flood_come_at_an_even_rate_to_the_nodes_in_turn() {
    let requests: Vec<_> = flood(2, 4, 1500 * MS).collect();
    let nodes = [0, 1, 0, 1, 0, 1];
    let expected = (0..).map(|n| 250 * n * MS).zip(nodes).collect::<Vec<_>>();
    assert_eq!(requests, expected);
}

#[test]
fn the_error_is_a_part_of_what_one_bucket_admits() {
    for admitted in [75, 125] {
        let outcome = Outcome {
            admitted,
            ideal: 100,
            ..Outcome::default()
        };
        assert_eq!(outcome.error(), 0.25);
    }
}

#[test]
fn a_flood_over_several_nodes_is_admitted_like_one_over_one() {
    for nodes in [1, 2, 4] {
        for per_second in [250, 1000, 2000, 5000, 10_000, 20_000] {
            let cluster = cluster(nodes, quota(200, 1, 200));
            let outcome = run(&cluster, flood(nodes, per_second, 10_000 * MS));
            let what = format!("{nodes} nodes, {per_second}/s: {outcome:?}");
            assert!(outcome.error() <= 0.01, "{what}");
            assert!(outcome.most_over <= unheard(nodes, per_second), "{what}");
            assert!(outcome.most_under <= 20, "{what}");
        }
    }
}

#[test]
fn thousands_a_second_overshoot_a_burst_by_two_in_a_hundred() {
    for (nodes, per_second) in [(2, 4000), (4, 2000)] {
        let cluster = cluster(nodes, quota(200, 1, 200));
        let outcome = run(&cluster, flood(nodes, per_second, 1000 * MS));
        assert!(outcome.most_over <= 4, "{nodes}: {outcome:?}");
    }
}

#[test]
fn a_flood_that_stays_with_one_node_is_admitted_exactly() {
    for per_second in [250, 5000, 20_000] {
        let outcome = run(
            &cluster(4, quota(200, 1, 200)),
            flood(1, per_second, 10_000 * MS),
        );
        assert_eq!(outcome.most_over, 0, "{outcome:?}");
        assert!(outcome.error() <= 0.002, "{outcome:?}");
    }
}

/// A quota too slow for grants: what nodes let through at the same moment is paid back,
/// so that they are ahead by one request each, however long it lasts.
#[test]
fn a_slow_quota_is_exceeded_by_one_request_per_further_node() {
    for nodes in [1, 2, 4] {
        let outcome = run(
            &cluster(nodes, quota(100, 60, 200)),
            flood(nodes, 500, 600_000 * MS),
        );
        let ahead = outcome.admitted - outcome.ideal;
        assert!(ahead < nodes as u64, "{nodes}: {outcome:?}");
        assert!(
            outcome.most_over <= unheard(nodes, 500),
            "{nodes}: {outcome:?}"
        );
    }
}

#[test]
fn who_stays_below_the_rate_is_never_refused() {
    for nodes in [1, 2, 4] {
        for (count, burst, pace) in [(200, 200, 190), (200, 10, 190), (20, 5, 18), (5, 2, 4)] {
            let cluster = cluster(nodes, quota(count, 1, burst));
            let outcome = run(&cluster, flood(nodes, pace, 30_000 * MS));
            assert_eq!(outcome.last_wrong_refusal, None, "{nodes} {count}/s");
            assert_eq!(outcome.admitted, outcome.ideal);
        }
    }
}

/// The strict mode that a flood leaves behind must not outlive it.
#[test]
fn who_stays_below_the_rate_after_a_flood_is_soon_refused_no_more() {
    for nodes in [1, 2, 4] {
        for (count, burst, pace) in [(200, 200, 195), (10, 100, 9), (5, 20, 4), (20, 20, 18)] {
            let drain: Vec<_> = flood(nodes, 3000, 300 * MS).collect();
            let after = flood(nodes, pace, 30_000 * MS).map(|(at, node)| (at + 301 * MS, node));
            let cluster = cluster(nodes, quota(count, 1, burst));
            let outcome = run(&cluster, drain.into_iter().chain(after));
            let last = outcome.last_wrong_refusal.unwrap_or_default();
            assert!(last < 2500 * MS, "{nodes} nodes, {count}/s: {outcome:?}");
        }
    }
}

/// `Retry-After` is at least a second, and is a promise.
#[test]
fn who_waits_as_long_as_it_was_told_is_let_through() {
    for nodes in [1, 2, 4] {
        for (count, burst) in [(200, 200), (10, 100), (4, 1000), (5, 20)] {
            let drain: Vec<_> = flood(nodes, 20_000, 300 * MS).collect();
            let polite = (1..60_u32).map(|n| (n * 1001 * MS + 300 * MS, n as usize % nodes));
            let cluster = cluster(nodes, quota(count, 1, burst));
            let outcome = run(&cluster, drain.into_iter().chain(polite));
            let last = outcome.last_wrong_refusal.unwrap_or_default();
            // Debt of the flood is paid back first, at the quota's rate.
            let debt = unheard(nodes, 20_000).min(u64::from(burst));
            let paid = Duration::from_secs(1 + debt / u64::from(count));
            assert!(
                last < 300 * MS + paid,
                "{nodes} nodes, {count}/s: {outcome:?}"
            );
        }
    }
}

#[test]
fn bursts_that_fit_pass_whole_on_whichever_node() {
    let bursts = (0..20_u32).flat_map(|second| {
        (0..150_u32).map(move |n| (second * 1000 * MS + n * MS / 5, second as usize % 4))
    });
    let outcome = run(&cluster(4, quota(200, 1, 200)), bursts);
    assert_eq!(outcome.admitted, 20 * 150);
}

#[test]
fn a_shared_side_that_forgets_gives_no_second_burst() {
    for nodes in [1, 2, 4] {
        let cluster = Cluster {
            troubles: vec![(5000 * MS, Trouble::Forget)],
            ..cluster(nodes, quota(200, 1, 200))
        };
        let outcome = run(&cluster, flood(nodes, 3000, 10_000 * MS));
        // The first batch of whoever notices may still be granted a quarter.
        let most = unheard(nodes, 3000) + 50;
        assert!(outcome.most_over <= most, "{nodes}: {outcome:?}");
        assert!(outcome.error() <= 0.02, "{nodes}: {outcome:?}");
    }
}

#[test]
fn without_the_shared_side_each_node_grants_the_full_limit_and_no_more() {
    for (nodes, forgets) in [(1, false), (2, false), (4, false), (2, true)] {
        let mut troubles = vec![(3000 * MS, Trouble::Down), (6000 * MS, Trouble::Up)];
        if forgets {
            troubles.insert(1, (5000 * MS, Trouble::Forget));
        }
        let cluster = Cluster {
            troubles,
            ..cluster(nodes, quota(200, 1, 200))
        };
        let outcome = run(&cluster, flood(nodes, 3000, 20_000 * MS));
        let alone = (nodes as u64 - 1) * 3 * 200;
        let most = alone + unheard(nodes, 3000) + 20;
        assert!(outcome.most_over <= most, "{nodes}: {outcome:?}");
        assert!(outcome.most_under <= 20, "{nodes}: {outcome:?}");
        // What was let through in excess is paid back, up to one capacity.
        let kept = alone.saturating_sub(200) + unheard(nodes, 3000) + 20;
        let ahead = outcome.admitted.saturating_sub(outcome.ideal);
        assert!(ahead <= kept, "{nodes}: {outcome:?}");
    }
}

/// A flood costs the shared side a bounded number of batches, an idle key none.
#[test]
fn batches_are_few() {
    let cluster = cluster(2, quota(200, 1, 200));
    let busy = run(&cluster, flood(2, 20_000, 10_000 * MS));
    assert!(busy.batches <= 2 * 10 * 150, "{busy:?}");
    let idle = run(&cluster, [(Duration::ZERO, 0), (60_000 * MS, 1)]);
    assert!(idle.batches <= 2, "{idle:?}");
}

#[test]
fn a_node_without_the_shared_side_sends_no_second_batch() {
    let cluster = Cluster {
        troubles: vec![(Duration::ZERO, Trouble::Down)],
        ..cluster(2, quota(200, 1, 200))
    };
    assert_eq!(run(&cluster, flood(2, 3000, 1000 * MS)).batches, 2);
}
