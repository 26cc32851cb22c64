//! Seeded choices: the same seed makes the same choices. Not here: what is chosen.

/// A generator of choices (SplitMix64; Steele, Lea and Flood 2014). Nothing secret is drawn
/// from it.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The choices of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; 0 when there is none.
    pub const fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // Half of the bits, so that the number fits whatever a pointer's width is.
        match ((mixed >> 33) as usize).checked_rem(end) {
            Some(number) => number,
            None => 0,
        }
    }

    /// Whether a chance of so many in a hundred came up.
    pub const fn chance(&mut self, in_hundred: usize) -> bool {
        self.below(100) < in_hundred
    }

    /// One of the items; none of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(items.len());
        items.get(at)
    }

    /// One of these texts; empty of none.
    pub(super) fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_another_differs() {
        let draw = |mut dice: Dice| (0..8).map(|_| dice.below(1000)).collect::<Vec<_>>();
        assert_eq!(draw(Dice::new(7)), draw(Dice::new(7)));
        assert_ne!(draw(Dice::new(7)), draw(Dice::new(8)));
    }

    #[test]
    fn every_item_is_picked_sometimes_and_none_of_nothing() {
        let mut dice = Dice::new(1);
        for wanted in [1, 2, 3] {
            assert!((0..100).any(|_| dice.pick(&[1, 2, 3]) == Some(&wanted)));
        }
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
