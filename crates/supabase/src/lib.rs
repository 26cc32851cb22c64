//! The dialect of Supabase Auth (`/auth/v1`): its routes, wire types and error bodies
//! over the use-cases of `identity`, one file per endpoint.
//!
//! Not here: any rule about who may sign in or for how long a token lives, any store
//! call, and any other dialect.

mod gotrue;
mod postgrest;
#[cfg(test)]
mod testing;
mod version;

pub use gotrue::GoTrueForm;
pub use postgrest::PostgRestForm;
