//! Upstream applications that rely on Doorward: what a team's own API looks like behind the
//! gate. They know nothing of tokens; who calls is told by the headers that the gate sets.
//! Not here: anything that Doorward itself needs.

pub mod customers;
