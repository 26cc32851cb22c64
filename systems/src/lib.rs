//! The five published systems as realm configurations. The files are the content of
//! this package; the tests beside it hold each to its guide. Not here: any behaviour.

/// Dxtra: personal access tokens exchanged for JWTs with Hasura roles.
pub const DXTRA: &str = include_str!("../dxtra.toml");
/// Flotac: sessions and company API keys.
pub const FLOTAC: &str = include_str!("../flotac.toml");
/// HeliosDB Nano: its own issuer, three presentations, a tenant per query.
pub const HELIOSDB: &str = include_str!("../heliosdb.toml");
/// The HOLE Foundation: an external issuer, scopes by endpoint category.
pub const THEHOLEFOUNDATION: &str = include_str!("../theholefoundation.toml");
/// Witboost: access tokens exchanged for short-lived JWTs, or presented by Basic.
pub const WITBOOST: &str = include_str!("../witboost.toml");
