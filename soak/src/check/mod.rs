//! The checker: what a history says that must not be. Pure: a history, what is known of
//! the world, the audit rows, and out come violations. An operation of which nobody
//! knows how it ended counts as done and as not done, whichever is innocent. Not here:
//! making histories (`run`).

mod audit;
mod boundary;
mod index;
mod life;
mod refresh;
mod single;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use crate::history::{Event, Micros, Name, RealmNo, World};
use index::Index;
use std::collections::BTreeSet;
use std::fmt;

/// How long a node may go on accepting what another one revoked: the lease of an
/// `immediate` realm and one second, microseconds.
pub const ELSEWHERE: Micros = 6_000_000;

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// What was ended, or taken away, was accepted.
    AcceptedAfterEnd,
    /// What nobody ended was refused.
    LiveRefused,
    /// The store does not know an acknowledged write.
    LostWrite,
    /// A refresh token that was used up was accepted.
    ReplayAccepted,
    /// Two tokens of one owner lived at once where one may.
    TwoActive,
    /// Something of one realm or tenant was accepted in another.
    CrossedBoundary,
    /// An acknowledged operation has no audit row.
    AuditMissing,
    /// One request has two audit rows of one action.
    AuditTwice,
    /// An audit row tells of a success that was refused.
    AuditContradicts,
    /// An audit row tells of something that no client did.
    AuditUnexplained,
}

/// One audit row, as the checker needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// The realm whose audit it is in.
    pub realm: RealmNo,
    /// In which request it was written.
    pub request: Name,
    /// The action's stable text.
    pub action: String,
    /// Whether it tells of a success.
    pub success: bool,
    /// Whether somebody at the command line did it.
    pub operator: bool,
}

/// One thing that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    pub kind: Kind,
    /// In words.
    pub what: String,
    /// The events that show it, by their place in the history.
    pub events: Vec<usize>,
}

/// Everything that is wrong with a history, each thing once.
#[must_use]
pub fn check(world: &World, events: &[Event], rows: &[AuditRow]) -> Vec<Violation> {
    let index = Index::of(world, events);
    let mut found = Vec::new();
    life::check(&index, &mut found);
    refresh::check(&index, &mut found);
    single::check(&index, &mut found);
    boundary::check(&index, &mut found);
    audit::check(&index, rows, &mut found);
    found
}

/// A violation with its events in the order of time.
#[derive(Debug)]
pub struct Report<'a> {
    pub violation: &'a Violation,
    /// The history.
    pub events: &'a [Event],
}

/// The most events printed for one violation.
const SHOWN: usize = 40;

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}: {}", self.violation.kind, self.violation.what)?;
        let places: BTreeSet<usize> = self.violation.events.iter().copied().collect();
        let left_out = places.len().saturating_sub(SHOWN);
        if left_out > 0 {
            writeln!(f, "    … {left_out} earlier events")?;
        }
        for place in places.into_iter().skip(left_out) {
            if let Some(event) = self.events.get(place) {
                writeln!(f, "    {event}")?;
            }
        }
        Ok(())
    }
}
