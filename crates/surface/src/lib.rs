//! What every HTTP surface shares, on `http` types: how the gate calls a local
//! target, how refusals are rendered, how denials are read back, and (feature
//! `axum`) the extractors of the control plane's routers.
//!
//! Not here: rules, use-cases, enforcement.

#![warn(missing_docs)]

#[cfg(feature = "axum")]
pub mod axum_target;
pub mod body;
pub mod cookie;
pub mod csrf;
pub mod denial;
#[cfg(feature = "axum")]
pub mod extract;
pub mod form;
pub mod json;
pub mod page;
pub mod paging;
pub mod pairs;
pub mod redirect;
pub mod refusal;
pub mod setting;
pub mod target;
pub mod template;

pub use body::Body;
pub use denial::{Denial, DenialLog};
pub use form::{Form, RequestFacts};
pub use refusal::Refusal;
pub use target::{Context, Local, RealmHandle, RealmParts};
pub use template::{Template, Worded, Wording};
