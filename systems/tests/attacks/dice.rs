//! Choices that fall alike for the same seed, and the seed of those that a test failed by. Not
//! here: what is chosen.

use std::env;
use std::thread;

/// Where the rounds of every run begin.
const SEEDS: [u64; 3] = [1, 2, 20_261_129];
const SEED: &str = "DOORWARD_SEED";

/// The choices of one round (SplitMix64). If the test fails while they are in use, they say
/// how to repeat it.
pub(crate) struct Seeded {
    seed: u64,
    state: u64,
}

/// So many rounds, each of a seed of its own; or the one of the seed in `DOORWARD_SEED`.
pub(crate) fn rounds(count: usize) -> impl Iterator<Item = Seeded> {
    let named = env::var_os(SEED).map(|text| text.to_str().unwrap().parse().unwrap());
    let each = count.div_ceil(SEEDS.len());
    let fixed = SEEDS.into_iter().flat_map(move |seed| {
        let mut seeds = Seeded::new(seed);
        (0..each).map(move |_| seeds.next()).collect::<Vec<_>>()
    });
    let (named, fixed) = match named {
        Some(seed) => (Some(seed), None),
        None => (None, Some(fixed.take(count))),
    };
    named
        .into_iter()
        .chain(fixed.into_iter().flatten())
        .map(Seeded::new)
}

impl Seeded {
    const fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn of<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// Each of them or not.
    pub(crate) fn some<'n>(&mut self, names: &[&'n str]) -> Vec<&'n str> {
        let chosen = names.iter().copied();
        chosen.filter(|_| self.one_in(2)).collect()
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{SEED}={} repeats this round", self.seed);
        }
    }
}
