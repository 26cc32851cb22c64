//! What several endpoints answer: a user and a session, as Supabase Auth writes them. Not
//! here: refusals (`gotrue`).

mod session;
mod user;

pub(crate) use session::SessionView;
pub(crate) use user::UserView;
