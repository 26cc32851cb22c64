//! How the gate calls a local target: with the request, and with everything it
//! found out about it as an argument. Nothing about the caller is read from a header.

use crate::Body;
use doorward_base::{Principal, RealmName, RequestId, Timestamp};
use http::{Request, Response};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the gate knows of one request.
#[derive(Clone, Debug)]
pub struct Context {
    /// The realm, by the request's authority.
    pub realm: RealmName,
    /// The verified caller; `None` where the mount lets anyone in.
    pub principal: Option<Arc<Principal>>,
    /// The request's id.
    pub request: RequestId,
    /// The one clock value of this request.
    pub now: Timestamp,
    /// The client's address, by the trusted-proxy rules.
    pub peer: IpAddr,
    /// Whether the client's connection is TLS, by the same rules.
    pub secure: bool,
}

/// A target inside this process: a dialect, the data API, the console.
pub trait Local: Send + Sync {
    /// Answers one request that the gate let through.
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>>;
}
