//! The dialect of Nhost Auth (`/v1`, and the same without the prefix): its routes, wire
//! types and error bodies over the use-cases of `identity`, one file per endpoint.
//!
//! Not here: any rule about who may sign in or for how long a token lives, any store
//! call, and any other dialect.

mod auth;
mod graphql;
#[cfg(test)]
mod testing;

pub use auth::NhostForm;
pub use graphql::GraphQlForm;
