//! What every HTTP surface shares, on `http` types: how the gate calls a local
//! target, how refusals are rendered, how denials are read back, and (feature
//! `axum`) the extractors of the control plane's routers.
//!
//! Not here: rules, use-cases, enforcement.

#[cfg(feature = "axum")]
pub mod axum_target;
pub mod body;
pub mod denial;
pub mod error;
#[cfg(feature = "axum")]
pub mod extract;
pub mod json;
pub mod paging;
pub mod setting;
pub mod target;

pub use body::Body;
pub use denial::{Denial, DenialLog};
pub use error::{ErrorTemplate, Refusal};
pub use target::{Context, Local, RealmHandle, RealmParts};
