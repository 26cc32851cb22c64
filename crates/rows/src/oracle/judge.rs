//! What two states of the data answered, and whether it is the same. Not here: running.

use crate::engine::{Flavour, ResultSet};
use crate::fault::{Fault, FaultKind};
use std::fmt::Write as _;

/// What two answers say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The same, byte for byte.
    Same,
    /// Something that only another tenant's rows can have made.
    Differs,
    /// One of them was cut short by the time or by other work.
    Unclear,
}

/// An answer as one text: columns, rows, what changed; or the fault with all that it says.
///
/// On PostgreSQL the order of rows that no ORDER BY fixes is the planner's to choose, and so
/// is which of several wrong rows a statement stumbles over: rows are sorted, and the details
/// of a refusal count only where the statement is `exact`.
#[must_use]
pub fn answer(outcome: &Result<Vec<ResultSet>, Fault>, flavour: Flavour, exact: bool) -> String {
    let mut text = String::new();
    match outcome {
        Ok(results) => {
            for result in results {
                let rows = result.rows.iter();
                let mut rows: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
                if flavour == Flavour::Postgres {
                    rows.sort();
                }
                let _ = writeln!(
                    text,
                    "{:?}, {} rows, {} changed\n{}",
                    result.columns,
                    rows.len(),
                    result.affected,
                    rows.join("\n")
                );
            }
        }
        Err(fault) => {
            let details = fault.details.as_deref().filter(|_| exact);
            let _ = write!(
                text,
                "{:?} {:?} at {:?}: {}\n{:?}\n{:?}",
                fault.kind,
                fault.state.map(|state| state.as_str().to_owned()),
                fault.position,
                fault.message,
                details,
                fault.hint
            );
        }
    }
    text
}

/// Judges two outcomes of one statement.
#[must_use]
pub fn verdict(
    outcomes: [&Result<Vec<ResultSet>, Fault>; 2],
    flavour: Flavour,
    exact: bool,
) -> Verdict {
    let cut = |outcome: &Result<Vec<ResultSet>, Fault>| {
        let kind = outcome.as_ref().err().map(|fault| fault.kind);
        matches!(kind, Some(FaultKind::TimedOut | FaultKind::Contended))
    };
    let [left, right] = outcomes;
    if cut(left) || cut(right) {
        return Verdict::Unclear;
    }
    match answer(left, flavour, exact) == answer(right, flavour, exact) {
        true => Verdict::Same,
        false => Verdict::Differs,
    }
}
