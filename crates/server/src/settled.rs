//! A local target whose answers leave only after this process has applied what they
//! changed: a revocation acknowledged here is never followed by an accept here. What only
//! begins something is acknowledged also when that could not be done: thrown away, it
//! would be there all the same and nobody would have it.

use crate::feed::Feed;
use doorward_base::ErrorCode;
use doorward_surface::target::BoxFuture;
use doorward_surface::{Body, Context, ErrorTemplate, Local, Refusal};
use http::{Method, Request, Response};
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
        let begins = only_begins(request.method(), request.uri().path());
        let (id, now) = (context.request, context.now);
        Box::pin(async move {
            let response = self.inner.call(request, context).await;
            if reads_only || !response.status().is_success() {
                return response;
            }
            let Err(error) = self.feed.catch_up().await else {
                return response;
            };
            tracing::warn!(%error, "a change could not be applied at once");
            if begins {
                return response;
            }
            // The write is committed, but this process may go on accepting what it
            // ended until the store answers the poll. It must not be acknowledged.
            let refusal = Refusal::new(ErrorCode::StoreUnavailable);
            let mut rendered = refusal.render(self.errors, id, now);
            rendered.extensions_mut().insert(refusal);
            rendered
        })
    }
}

/// Whether a request can only begin something. What is not known here may end
/// something.
fn only_begins(method: &Method, path: &str) -> bool {
    const BEGIN: &[&str] = &[
        doorward_console::SIGN_IN_PATH,
        "/me/v1/tokens",
        "/admin/v1/users",
        "/admin/v1/service-accounts",
        "/admin/v1/tenants",
        "/admin/v1/memberships",
        "/admin/v1/invitations",
        "/admin/v1/grants",
        "/admin/v1/tokens",
    ];
    *method == Method::POST && BEGIN.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_end_anything_is_taken_for_a_beginning() {
        for path in ["/me/v1/session", "/me/v1/tokens", "/admin/v1/grants"] {
            assert!(only_begins(&Method::POST, path), "{path}");
        }
        for (method, path) in [
            (Method::DELETE, "/me/v1/session"),
            (Method::DELETE, "/admin/v1/grants"),
            (Method::DELETE, "/admin/v1/memberships"),
            (Method::DELETE, "/admin/v1/tokens/1"),
            (Method::PUT, "/me/v1/password"),
            (Method::POST, "/me/v1/tokens/1/regenerate"),
            (Method::POST, "/admin/v1/tokens/1/regenerate"),
            (Method::POST, "/admin/v1/users/1/disable"),
            // Taking an invitation may end the sessions of whoever had the address.
            (Method::POST, "/me/v1/invitations/accept"),
            (Method::POST, "/admin/v1/unheard-of"),
        ] {
            assert!(!only_begins(&method, path), "{method} {path}");
        }
    }
}
