//! A local target whose answers leave only after this process has applied what they
//! ended: a revocation acknowledged here is never followed by an accept here. Whether an
//! answer ended something is what its use-cases declared. Not here: what they declare
//! (`identity`), and how changes are applied (`feed`).

use crate::feed::Feed;
use doorward_base::{Effect, ErrorCode};
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, Local, Refusal};
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
        let effects = context.effects.clone();
        let safe = request.method().is_safe();
        Box::pin(async move {
            let response = self.inner.call(request, context).await;
            let waits = match effects.strongest() {
                Some(effect) => effect == Effect::Ends,
                // A surface that hands its request's effects to no use-case is not
                // believed to have changed nothing.
                None => !safe && response.status().is_success(),
            };
            if !waits {
                return response;
            }
            let Err(error) = self.feed.catch_up().await else {
                return response;
            };
            tracing::warn!(%error, "a change could not be applied at once");
            // The write is committed, but this process may go on accepting what it
            // ended until the store answers the poll. It must not be acknowledged.
            Refusal::new(ErrorCode::StoreUnavailable).into_answer()
        })
    }
}

#[cfg(test)]
mod tests;
