//! Every rule of identity as plain functions of values: no store, no clock, no HTTP,
//! no waiting. What they decide, `act` carries out.

pub mod authority;
pub mod bounds;
pub mod claims;
pub mod erase;
pub mod exchange;
pub mod identity;
pub mod issue;
pub mod manage;
pub mod refresh;
pub mod refusal;
pub mod sign_in;
pub mod token;

#[cfg(test)]
mod systems_tests;
#[cfg(test)]
mod testing;
