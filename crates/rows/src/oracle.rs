//! Statements by dice, and the judgement that a tenant's answers say nothing of another's
//! rows: two states of the data that differ in another tenant's rows alone must answer every
//! statement the same. Not here: where the statements run (`prove`, and tests).

mod dice;
mod generate;
mod judge;
#[cfg(test)]
mod tests;

pub use dice::Dice;
pub use generate::{Generated, Generator, Ground, Reach};
pub use judge::{Verdict, answer, verdict};

#[cfg(test)]
pub(crate) use tests::{test_database, test_rows};
