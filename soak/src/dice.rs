//! Seeded choices: the same seed makes the same choices. Not here: what is chosen.

/// A generator of choices (SplitMix64; Steele, Lea and Flood 2014). Nothing secret is
/// drawn from it.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The choices of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Choices of its own for the part `number` of a run.
    #[must_use]
    pub fn part(&self, number: u64) -> Self {
        Self(Self(self.0 ^ number.wrapping_mul(0xA24B_AED4_963E_E407)).next())
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub const fn below(&mut self, end: u64) -> u64 {
        match self.next().checked_rem(end) {
            Some(number) => number,
            None => 0,
        }
    }

    /// Whether a chance of so many in a hundred came up.
    pub const fn chance(&mut self, in_hundred: u64) -> bool {
        self.below(100) < in_hundred
    }

    /// One of the items; none of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let place = self.below(items.len() as u64);
        items.get(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_its_parts_differ() {
        let draw = |mut dice: Dice| (0..8).map(|_| dice.below(1000)).collect::<Vec<_>>();
        let dice = Dice::new(7);
        assert_eq!(draw(dice.clone()), draw(Dice::new(7)));
        assert_ne!(draw(dice.clone()), draw(Dice::new(8)));
        assert_ne!(draw(dice.part(0)), draw(dice.part(1)));
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
