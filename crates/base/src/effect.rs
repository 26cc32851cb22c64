//! What a use-case does to what a gate goes by, and the strongest of it while one
//! request was answered. An answer is held back for the change feed by this and by
//! nothing else: a revocation that was acknowledged is never followed by an accept.
//! Not here: the holding back (`server`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a use-case does to what a gate goes by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effect {
    /// Nothing that a gate remembers.
    Nothing,
    /// It can only begin something. An answer that was thrown away would leave it there
    /// all the same, and a gate that has not heard of it yet looks it up.
    Begins,
    /// It ends something that a gate may have in memory: a token, a session, a right.
    Ends,
}

/// The strongest effect of the use-cases that answered one request. Clones share it.
#[derive(Clone, Debug)]
pub struct Effects(Arc<AtomicU8>);

impl Effects {
    /// Nothing has declared itself yet.
    #[must_use]
    pub fn undeclared() -> Self {
        Self(Arc::new(AtomicU8::new(0)))
    }

    /// A use-case came to an end, and this is what it did.
    pub fn declare(&self, effect: Effect) {
        let strength = match effect {
            Effect::Nothing => 1,
            Effect::Begins => 2,
            Effect::Ends => 3,
        };
        self.0.fetch_max(strength, Ordering::AcqRel);
    }

    /// The strongest that was declared; `None` if no use-case came to an end.
    #[must_use]
    pub fn strongest(&self) -> Option<Effect> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Effect::Nothing),
            2 => Some(Effect::Begins),
            _ => Some(Effect::Ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_stays_whatever_comes_after_it() {
        let effects = Effects::undeclared();
        let clone = effects.clone();
        assert_eq!(effects.strongest(), None);
        for (declared, strongest) in [
            (Effect::Nothing, Effect::Nothing),
            (Effect::Begins, Effect::Begins),
            (Effect::Nothing, Effect::Begins),
            (Effect::Ends, Effect::Ends),
            (Effect::Begins, Effect::Ends),
        ] {
            clone.declare(declared);
            assert_eq!(effects.strongest(), Some(strongest));
        }
    }
}
