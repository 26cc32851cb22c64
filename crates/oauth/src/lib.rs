//! OAuth 2 and OpenID Connect over Doorward's use-cases: the exchange of API tokens for
//! access tokens at a path and with names that a realm configures, the realm's key set
//! and its metadata.
//!
//! Will live here: the authorization, token, introspection, revocation and userinfo
//! endpoints. Not here: rules (`identity`), signatures (`jose`), routing and limits
//! (`gate`).

mod discovery;
mod errors;
mod exchange;
mod form;
mod jwks;
mod openapi;
mod parts;
mod resource;
mod reuse;
pub mod settings;

pub use discovery::{JWKS_PATH, paths as metadata_paths};
pub use form::OAuthForm;
pub use openapi::openapi;
pub use parts::{ExchangeMount, OAuthRealm, OAuthTargets};
pub use resource::{Resource, path as resource_path, url as resource_url};
