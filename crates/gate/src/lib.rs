//! Enforcement: the listener and the stages every request passes: guard, route,
//! verify, limit, decide; then a local target, an upstream, or a refusal with a
//! trace.
//!
//! Not here: identity and stores; the gate asks for them through [`port`].

pub mod authority;
pub mod body;
mod case;
pub mod counters;
mod cure;
mod denials;
mod dispatch;
pub mod explain;
mod forward;
pub mod gate;
mod limit;
pub mod listener;
pub mod liveness;
pub mod options;
pub mod path;
pub mod policy;
pub mod port;
mod proxy;
mod scheme;
mod seldom;
mod slots;
mod stage;
mod stream;
mod through;

pub use body::{BodyFault, GateBody, Pace};
pub use counters::{GateCounters, LimitReached};
pub use denials::DenialRoom;
pub use explain::{DryOutcome, DryRun, dry_run};
pub use gate::{Gate, GateParts, Peer};
pub use listener::{Certificate, ListenerOptions, Pair, TlsError, serve, tls_config};
pub use options::GateOptions;
pub use policy::{Policies, PolicyError, lower};
pub use proxy::tls::{Roots, UpstreamTls};
pub use stream::{Mark, Streams};
