//! Every rule of identity as plain functions of values: no store, no clock, no HTTP,
//! no waiting. What they decide, `act` carries out.

pub mod audit;
pub mod authority;
pub mod bounds;
pub mod challenge;
pub mod claims;
pub mod client;
pub mod erase;
pub mod exchange;
pub mod factor;
pub mod identity;
pub mod invitation;
pub mod issue;
pub mod manage;
pub mod metadata;
pub mod notice;
pub mod password;
pub mod proof;
pub mod refresh;
pub mod refusal;
pub mod retention;
pub mod sign_in;
pub mod sign_up;
pub mod standing;
pub mod token;

#[cfg(test)]
mod exact;
#[cfg(test)]
mod testing;
