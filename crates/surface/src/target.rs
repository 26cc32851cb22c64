//! How the gate calls a local target: with the request, and with everything it
//! found out about it as an argument. Nothing about the caller is read from a header.

use crate::Body;
use doorward_base::{CredentialKind, Effects, Principal, RealmName, RequestId, Timestamp};
use http::{Extensions, Request, Response};
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the process keeps of one realm, one value for each type: each port and each
/// local target finds its own, and is itself made once for all realms.
#[derive(Clone, Default)]
pub struct RealmParts(Extensions);

impl RealmParts {
    /// With this part; an earlier one of its type is replaced.
    #[must_use]
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, part: T) -> Self {
        self.0.insert(part);
        self
    }
}

impl fmt::Debug for RealmParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RealmParts")
    }
}

/// A realm as requests carry it.
#[derive(Debug)]
pub struct RealmHandle {
    name: RealmName,
    parts: RealmParts,
}

impl RealmHandle {
    /// A realm of this name with its parts.
    #[must_use]
    pub const fn new(name: RealmName, parts: RealmParts) -> Self {
        Self { name, parts }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &RealmName {
        &self.name
    }

    /// Its part of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.parts.0.get()
    }
}

/// What the gate knows of one request.
#[derive(Clone, Debug)]
pub struct Context {
    /// The realm, by the request's authority.
    pub realm: Arc<RealmHandle>,
    /// The verified caller; `None` where the mount lets anyone in.
    pub principal: Option<Arc<Principal>>,
    /// How the caller presented itself, if it did.
    pub credential: Option<CredentialKind>,
    /// The request's id.
    pub request: RequestId,
    /// The one clock value of this request.
    pub now: Timestamp,
    /// The client's address, by the trusted-proxy rules.
    pub peer: IpAddr,
    /// Whether the client's connection is TLS, by the same rules.
    pub secure: bool,
    /// Where the use-cases that answer the request say what they did.
    pub effects: Effects,
}

/// A target inside this process: a dialect, the data API, the console.
pub trait Local: Send + Sync {
    /// Answers one request that the gate let through. A refusal is answered by
    /// [`crate::Refusal::into_answer`] and written by the gate.
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>>;
}
