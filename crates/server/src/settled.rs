//! A local target whose answers leave only after this process has applied what they
//! changed: a revocation acknowledged here is never followed by an accept here.

use crate::feed::Feed;
use doorward_base::ErrorCode;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, ErrorTemplate, Local, Refusal};
use http::{Request, Response};
use std::sync::Arc;

/// Wraps a target that may change what the gate goes by.
pub(crate) struct Settled {
    inner: Arc<dyn Local>,
    feed: Arc<Feed>,
    errors: ErrorTemplate,
}

impl Settled {
    /// Wraps `inner`, which writes its refusals in the form `errors`.
    pub(crate) fn new(inner: Arc<dyn Local>, feed: Arc<Feed>, errors: ErrorTemplate) -> Self {
        Self {
            inner,
            feed,
            errors,
        }
    }
}

impl Local for Settled {
    fn call(&self, request: Request<Body>, context: Context) -> BoxFuture<'_, Response<Body>> {
        let reads_only = request.method().is_safe();
        let (id, now) = (context.request, context.now);
        Box::pin(async move {
            let response = self.inner.call(request, context).await;
            if reads_only || !response.status().is_success() {
                return response;
            }
            let Err(error) = self.feed.catch_up().await else {
                return response;
            };
            // The write is committed, but this process may go on accepting what it
            // ended until the store answers the poll. It must not be acknowledged.
            tracing::warn!(%error, "a change could not be applied at once");
            let refusal = Refusal::new(ErrorCode::StoreUnavailable);
            let mut rendered = refusal.render(self.errors, id, now);
            rendered.extensions_mut().insert(refusal);
            rendered
        })
    }
}
