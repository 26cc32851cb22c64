//! The dialect of Nhost Auth (`/v1`, and the same without the prefix): its routes, wire
//! types and error bodies over the use-cases of `identity`, one file per endpoint.
//!
//! Not here: any rule about who may sign in or for how long a token lives, any store
//! call, and any other dialect.

mod auth;
mod check_token;
mod create_pat;
mod desk;
mod graphql;
mod moment;
mod off;
mod openapi;
mod parts;
mod refresh;
mod refuse;
mod set_password;
mod show_meta;
mod show_user;
mod sign_in;
mod sign_in_pat;
mod sign_out;
mod sign_up;
#[cfg(test)]
mod testing;
mod webhook;
mod wire;

pub use auth::NhostForm;
pub use graphql::GraphQlForm;
pub use openapi::openapi;
pub use parts::{NhostTargets, OFF_PATHS, PREFIXES};
