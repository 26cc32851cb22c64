//! The script does what `base`'s ledger does, so that what is simulated there is what
//! runs here.

use crate::support::*;
use doorward_base::entropy;
use doorward_base::limit::{Entry, Ledger};
use doorward_base::testing::SeededEntropy;

/// Redis's clock runs while the ledger's stands still: lengths are long, and differ by
/// less than this.
const PASSING: i64 = 5_000_000;
const UNIT: i64 = 60_000_000;

fn draw(entropy: &SeededEntropy, below: i64) -> i64 {
    i64::from(u32::from_be_bytes(entropy::bytes(entropy))) % below
}

#[tokio::test]
async fn the_script_counts_as_the_ledger_does() {
    let redis = Redis::start().await;
    let script = redis::Script::new(include_str!("../../src/limit/merge.lua"));
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let (mut ledger, entropy) = (Ledger::new(), SeededEntropy::new(11));
    for round in 0..200 {
        let entries: Vec<Entry> = (0..3)
            .map(|key| {
                // Half a unit off every edge, so that passing time rounds nothing.
                let delta = (draw(&entropy, 12) - 4) * UNIT;
                Entry {
                    key,
                    delta,
                    lead: (draw(&entropy, 3) * UNIT - UNIT / 2).clamp(0, delta.max(0)),
                    floor: [0, 0, 3 * UNIT + UNIT / 2][draw(&entropy, 3) as usize],
                    capacity: 10 * UNIT,
                    want: draw(&entropy, 5) * UNIT,
                    unit: UNIT,
                }
            })
            .collect();
        let mut call = script.key("life");
        for entry in &entries {
            call.key(entry.key.to_string());
            call.arg(&[entry.delta, entry.lead, entry.floor]);
            call.arg(&[entry.capacity, entry.want, entry.unit]);
        }
        let numbers: Vec<i64> = call.invoke_async(&mut connection).await.unwrap();
        let reply = ledger.merge(&entries, 1_000_000_000_000);
        assert_eq!(numbers.len(), 7);
        for (answer, got) in reply.answers.iter().zip(numbers[1..].chunks(2)) {
            let what = format!("round {round}: {entries:?} {answer:?} {got:?}");
            assert!((answer.backlog - got[0]).abs() <= PASSING, "{what}");
            assert_eq!(answer.granted, got[1], "{what}");
        }
    }
    let life: i64 = redis::cmd("GET")
        .arg("life")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(life > 1_600_000_000_000_000);
}
