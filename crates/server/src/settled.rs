//! A local target whose answers leave only after this process has applied what they
//! changed: a revocation acknowledged here is never followed by an accept here.

use crate::feed::Feed;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local};
use http::{Request, Response};
use std::sync::Arc;

/// Wraps a target that may change what the gate goes by.
pub(crate) struct Settled {
    inner: Arc<dyn Local>,
    feed: Arc<Feed>,
}

impl Settled {
    /// Wraps `inner`.
    pub(crate) fn new(inner: Arc<dyn Local>, feed: Arc<Feed>) -> Self {
        Self { inner, feed }
    }
}

impl Local for Settled {
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        let reads_only = request.method().is_safe();
        Box::pin(async move {
            let response = self.inner.call(request, context).await;
            if !reads_only && let Err(error) = self.feed.catch_up().await {
                // The write is committed; the poll applies it as soon as the store
                // answers, and the lease bounds what happens until then.
                tracing::warn!(%error, "a change could not be applied at once");
            }
            response
        })
    }
}
