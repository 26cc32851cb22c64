//! What a gate is made of, and what it is told of a connection. Not here: what it does
//! with either (`gate`).

use crate::options::GateOptions;
use crate::port::{AccessLog, Introspect, IssuerKeys, Minter, Plans, Revocations};
use crate::stage::{Passed, Stop};
use crate::stream::Streams;
use doorward_base::limit::Limiter;
use doorward_base::{Clock, Entropy, ErrorCode};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a gate is made of.
pub struct GateParts {
    /// Looks API tokens up.
    pub introspect: Arc<dyn Introspect>,
    /// Knows what was revoked.
    pub revocations: Arc<dyn Revocations>,
    /// Mints what upstreams see instead of Basic.
    pub minter: Arc<dyn Minter>,
    /// Our own verification keys.
    pub keys: Arc<dyn IssuerKeys>,
    /// The buckets.
    pub limiter: Arc<dyn Limiter>,
    /// What tenants were given, and what they used.
    pub plans: Arc<dyn Plans>,
    /// Writes down who was let through and who was not, where a realm wants it.
    pub access: Arc<dyn AccessLog>,
    /// The secret under which holders become keys of buckets: the same on all nodes.
    pub limit_seed: [u8; 32],
    /// The clock; read once per request.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// The open streams; whoever knows of a change tells them.
    pub streams: Arc<Streams>,
    /// Settings of the process.
    pub options: GateOptions,
}

/// The other end of a connection, as the listener knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Whether the connection is TLS.
    pub secure: bool,
    /// The listener it came to, by the address it was configured with.
    pub listener: Option<SocketAddr>,
    /// Whether this request's header section had more than one framing.
    pub ambiguous_framing: bool,
    /// Whether there is no place for this request beside those of its connection that
    /// are open.
    pub crowded: bool,
}

impl Peer {
    /// Whether its connection may bring a request at all.
    pub(super) fn check(&self) -> Passed<()> {
        if self.ambiguous_framing {
            return Err(Stop::new(ErrorCode::FramingAmbiguous, "guard", "framing"));
        }
        if self.crowded {
            return Err(Stop::new(ErrorCode::Busy, "guard", "streams"));
        }
        Ok(())
    }
}
