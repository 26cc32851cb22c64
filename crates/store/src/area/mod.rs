//! The SQL of each area of the port with the form of its rows, once for both engines:
//! what a row means ([`crate::row::Record`]), what an `INSERT` binds, and the statements.
//! Where the engines' SQL differs, both texts stand side by side. Not here: what an engine
//! does in its own way (look-ups that are served together, the change log, claiming mail).

pub(crate) mod api_token;
pub(crate) mod audit;
pub(crate) mod ceiling;
pub(crate) mod challenge;
pub(crate) mod change;
pub(crate) mod client;
pub(crate) mod dossier;
pub(crate) mod ending;
pub(crate) mod erase;
pub(crate) mod factor;
pub(crate) mod grant;
pub(crate) mod identity;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod mail;
mod notice;
pub(crate) mod session;
pub(crate) mod subject;
pub(crate) mod tenant;
mod token_use;
mod webhook;
