//! HTML pages, with the headers that every page of ours has, set in this one place. The
//! policy for content names no nonce and allows no inline script or style: scripts and
//! styles are files of this origin. Not here: the templates, which are their surfaces'.

use crate::Refusal;
use crate::body::{self, Body};
use crate::redirect::Destination;
use askama::Template;
use doorward_base::ErrorCode;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Response, StatusCode};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' \
     data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // `no-referrer` would turn the `Origin` of our own forms into `null`.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// A page.
#[derive(Clone, Debug)]
pub struct Page<T> {
    template: T,
    status: StatusCode,
    forms_lead_to: Option<String>,
}

impl<T: Template> Page<T> {
    /// A page that is answered with 200.
    #[must_use]
    pub const fn new(template: T) -> Self {
        Self {
            template,
            status: StatusCode::OK,
            forms_lead_to: None,
        }
    }

    /// Answered with another status.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its forms may end, after a redirect, at this address too: browsers apply
    /// `form-action` to what a form's answer redirects to.
    #[must_use]
    pub fn leading_to(mut self, destination: &Destination) -> Self {
        let origin = destination.origin();
        // A source without an authority is its scheme; what could end the directive is none.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-+:/[]_".contains(&b);
        self.forms_lead_to = origin.bytes().all(plain).then(|| origin.to_owned());
        self
    }

    /// The answer. A template that fails is a defect.
    #[must_use]
    pub fn answer(&self) -> Response<Body> {
        let Ok(html) = self.template.render() else {
            return Refusal::new(ErrorCode::Internal).into_answer();
        };
        let mut response = Response::new(body::full(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let also = self.forms_lead_to.as_deref().unwrap_or_default();
        let policy = format!("{POLICY}; form-action 'self' {also}");
        if let Ok(policy) = HeaderValue::from_str(policy.trim_end()) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

#[cfg(feature = "axum")]
impl<T: Template> axum::response::IntoResponse for Page<T> {
    fn into_response(self) -> axum::response::Response {
        self.answer().map(axum::body::Body::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[derive(Template)]
    #[template(source = "<p>{{ name }}</p>", ext = "html")]
    struct Hello<'a> {
        name: &'a str,
    }

    #[tokio::test]
    async fn a_page_is_escaped_and_has_every_header() {
        let name = "<script>alert(\"x\")</script>";
        let page = Page::new(Hello { name }).with_status(StatusCode::BAD_REQUEST);
        let (parts, body) = page.answer().into_parts();
        assert_eq!(parts.status, 400);
        let policy = parts.headers["content-security-policy"].to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(
                policy.split("; ").any(|given| given == directive),
                "{directive}"
            );
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("nonce"),
            "{policy}"
        );
        for (name, value) in HEADERS {
            assert_eq!(parts.headers[*name], value);
        }
        let html = body.collect().await.unwrap().to_bytes();
        let html = String::from_utf8(html.to_vec()).unwrap();
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn forms_may_lead_to_one_more_origin_and_no_directive() {
        for (to, expected) in [
            (
                "https://a.example:8443/cb?x",
                "form-action 'self' https://a.example:8443",
            ),
            ("com.example.app:/cb", "form-action 'self' com.example.app:"),
            ("https://a;script-src.example/", "form-action 'self'"),
        ] {
            let destination = Destination::parse(to).unwrap();
            let answer = Page::new(Hello { name: "" })
                .leading_to(&destination)
                .answer();
            let policy = answer.headers()["content-security-policy"]
                .to_str()
                .unwrap();
            assert_eq!(policy.split("; ").last(), Some(expected));
        }
    }
}
