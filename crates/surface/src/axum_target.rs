//! An axum router, or the handlers of one path, as a local target: the request's
//! [`Context`] goes in; refusals come out as values, to be written by the caller. A
//! target is made once for all realms; the realm is in the context.
//!
//! An axum handler has no argument but the request, so the context travels in a
//! request extension. Its type is private to this crate: nobody but
//! [`AxumLocal::call`] can set it, and nobody but [`crate::extract::Ctx`] reads it.
//!
//! Not here: panics, which the gate catches for all of its targets.

use crate::target::BoxFuture;
use crate::{Body, Context, Local, Refusal};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use doorward_base::ErrorCode;
use http::{Request, Uri};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Handlers as a local target.
#[derive(Clone, Debug)]
pub struct AxumLocal(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Router(axum::Router),
    Endpoint(Box<MethodRouter>),
}

/// The context on its way through axum.
#[derive(Clone)]
pub(crate) struct Carried(pub(crate) Context);

impl AxumLocal {
    /// Wraps a router. Paths and methods that it does not know are answered with
    /// `not_found` and `method_not_allowed`.
    #[must_use]
    pub fn new(router: axum::Router) -> Self {
        Self(Inner::Router(
            router
                .fallback(async || Refusal::new(ErrorCode::NotFound))
                .method_not_allowed_fallback(async || Refusal::new(ErrorCode::MethodNotAllowed)),
        ))
    }

    /// Wraps the handlers of one path, wherever it is mounted: the gate found the path
    /// already, and nothing looks for it again.
    #[must_use]
    pub fn endpoint(methods: MethodRouter) -> Self {
        Self(Inner::Endpoint(Box::new(methods.fallback(async || {
            Refusal::new(ErrorCode::MethodNotAllowed)
        }))))
    }
}

impl Local for AxumLocal {
    fn call(
        &self,
        request: Request<Body>,
        context: Context,
    ) -> BoxFuture<'_, http::Response<Body>> {
        let mut request = request.map(axum::body::Body::new);
        if let Some(uri) = without_slash(request.uri()) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(Carried(context));
        let inner = self.0.clone();
        Box::pin(async move {
            let answered = match inner {
                Inner::Router(router) => router.oneshot(request).await,
                Inner::Endpoint(methods) => methods.oneshot(request).await,
            };
            match answered {
                Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
                Err(never) => match never {},
            }
        })
    }
}

/// The URI without the slash at the end of its path, if there is one: the gate takes the
/// two paths for one, and so does a router.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let bare = uri
        .path()
        .strip_suffix('/')
        .filter(|bare| !bare.is_empty())?;
    let target = match uri.query() {
        Some(query) => format!("{bare}?{query}"),
        None => bare.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Inside a router a refusal is a value in the response's extensions.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.into_answer().map(axum::body::Body::new)
    }
}
