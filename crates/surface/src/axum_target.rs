//! An axum router, or the handlers of one path, as a local target: the request's
//! [`Context`] goes in, and every refusal that comes out is rendered here, in the body
//! form of the mount. A target is made once for all realms; the realm is in the context.
//!
//! An axum handler has no argument but the request, so the context travels in a
//! request extension. Its type is private to this crate: nobody but
//! [`AxumLocal::call`] can set it, and nobody but [`crate::extract::Call`] reads it.
//!
//! Not here: panics, which the gate catches for all of its targets.

use crate::target::BoxFuture;
use crate::{Body, Context, ErrorTemplate, Local, Refusal};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use doorward_base::{ErrorCode, RequestId, Timestamp};
use http::header::ALLOW;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// Handlers whose refusals are rendered in the body form of the mount.
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
        let (id, now, errors) = (context.request, context.now, context.errors);
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Carried(context));
        let inner = self.0.clone();
        Box::pin(async move {
            let answered = match inner {
                Inner::Router(router) => router.oneshot(request).await,
                Inner::Endpoint(methods) => methods.oneshot(request).await,
            };
            match answered {
                Ok(response) => finish(response, errors, id, now),
                Err(never) => match never {},
            }
        })
    }
}

/// Inside a router a refusal is a value in the response's extensions; the body is
/// written once, by the adapter. The value stays there, so that whoever logs and
/// counts the answer need not read its body.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status());
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

fn finish(
    mut response: Response,
    template: ErrorTemplate,
    request: RequestId,
    now: Timestamp,
) -> http::Response<Body> {
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        return response.map(|body| body.map_err(Into::into).boxed_unsync());
    };
    let mut rendered = refusal.render(template, request, now);
    if let Some(methods) = response.headers_mut().remove(ALLOW) {
        rendered.headers_mut().insert(ALLOW, methods);
    }
    rendered.extensions_mut().insert(refusal);
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    /// Memory of this process that is not backed by a file, KiB.
    fn memory() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    fn dialect() -> AxumLocal {
        let router = (0..200).fold(axum::Router::new(), |router, number| {
            router.route(&format!("/v1/part{number}/{{id}}"), get(async || "stub"))
        });
        AxumLocal::new(router)
    }

    /// Prints what a dialect of 200 stub paths costs 1,000 realms: with a router for each,
    /// and with one for all.
    #[test]
    #[ignore = "a measurement"]
    fn what_a_thousand_realms_pay_for_two_hundred_paths() {
        let before = memory();
        let one = dialect();
        let shared = memory() - before;
        let each: Vec<AxumLocal> = (0..1000).map(|_| dialect()).collect();
        let apart = memory() - before - shared;
        println!("one router for all: {shared} KiB; one for each of 1,000 realms: {apart} KiB");
        assert!(apart > shared);
        drop((one, each));
    }
}
