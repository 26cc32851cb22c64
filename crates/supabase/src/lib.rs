//! The dialect of Supabase Auth (`/auth/v1`): its routes, wire types and error bodies
//! over the use-cases of `identity`, one file per endpoint.
//!
//! Not here: any rule about who may sign in or for how long a token lives, any store
//! call, and any other dialect.

mod body;
mod desk;
mod gotrue;
mod log_out;
mod off;
mod openapi;
mod parts;
mod postgrest;
mod refuse;
pub mod settings;
mod show_health;
mod show_settings;
mod show_user;
mod sign_up;
#[cfg(test)]
mod testing;
mod token;
mod update_user;
mod version;
mod wire;

pub use gotrue::GoTrueForm;
pub use openapi::openapi;
pub use parts::{SupabaseMount, SupabaseRealm, SupabaseTargets};
pub use postgrest::PostgRestForm;
