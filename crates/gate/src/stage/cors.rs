//! CORS: which origins a browser may call from. Exact comparison with the list of the
//! mount or the realm; nothing is reflected that is not on it (G28), and where every
//! origin may call, it calls without the credentials of the browser. Not here: whose
//! list it is (`route`).

use super::route;
use crate::policy::compiled::Realm;
use crate::policy::spec::{CorsSpec, Origins};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// Headers of the gate's own that every page may read.
const EXPOSED: &str = "x-request-id, retry-after, ratelimit, ratelimit-policy, www-authenticate";

/// That the page which asked may read the answer.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    /// Its origin; `None` stands for every one.
    origin: Option<HeaderValue>,
    credentials: bool,
    exposed: HeaderValue,
    max_age: u64,
}

impl Allowed {
    /// Whether the page is of a listed origin, which calls with what the browser knows.
    pub(crate) fn is_with_credentials(&self) -> bool {
        self.credentials
    }
}

/// What the request's origin may do, if it is listed.
fn allowed(cors: &CorsSpec, headers: &HeaderMap) -> Option<Allowed> {
    let origin = headers.get(ORIGIN)?;
    let origin = match &cors.origins {
        Origins::Any => None,
        Origins::Listed(listed) => {
            let mut listed = listed.iter();
            listed.find(|listed| listed.as_bytes() == origin.as_bytes())?;
            Some(origin.clone())
        }
    };
    let exposed = cors
        .exposed
        .iter()
        .fold(EXPOSED.to_owned(), |list, name| format!("{list}, {name}"));
    Some(Allowed {
        credentials: cors.credentials && origin.is_some(),
        origin,
        exposed: HeaderValue::from_str(&exposed).unwrap_or(HeaderValue::from_static(EXPOSED)),
        max_age: cors.max_age.as_secs(),
    })
}

/// What the page that asks may do here, if a page asks.
pub(crate) fn of(realm: &Realm, path: &str, parts: &Parts) -> Option<Allowed> {
    if !parts.headers.contains_key(ORIGIN) {
        return None;
    }
    allowed(route::cors(realm, path, parts)?, &parts.headers)
}

/// The answer to a preflight of a page that may call.
pub(crate) fn preflight<B: Default>(
    parts: &Parts,
    allowed: Option<&Allowed>,
) -> Option<Response<B>> {
    let allowed = allowed?;
    if parts.method != Method::OPTIONS {
        return None;
    }
    let method = parts.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(wanted) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(allowed.max_age));
    Some(response)
}

/// Where the answer depends on the origin, every answer says so, also one to a request
/// without an origin: caches would hand it to a page.
pub(crate) fn vary(headers: &mut HeaderMap) {
    let said = headers.get_all(VARY).iter().any(|line| {
        let mut names = line.as_bytes().split(|&byte| byte == b',');
        names.any(|name| {
            let name = name.trim_ascii();
            name == b"*" || name.eq_ignore_ascii_case(b"origin")
        })
    });
    if !said {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// Lets the page read the answer. An upstream's word on who may read is replaced; what
/// it exposes is exposed together with the gate's own fields.
pub(crate) fn allow(headers: &mut HeaderMap, allowed: Allowed) {
    headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    if allowed.credentials {
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
    let exposed = merged(&allowed.exposed, headers);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    let origin = allowed.origin.unwrap_or(HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
}

/// The gate's list and the upstream's, each name once.
fn merged(own: &HeaderValue, headers: &HeaderMap) -> HeaderValue {
    let upstream = headers.get_all(ACCESS_CONTROL_EXPOSE_HEADERS).iter();
    let names = std::iter::once(own)
        .chain(upstream)
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty());
    let mut exposed: Vec<&[u8]> = Vec::new();
    for name in names {
        if !exposed.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            exposed.push(name);
        }
    }
    HeaderValue::from_bytes(&exposed.join(&b", "[..])).unwrap_or_else(|_| own.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_along_with_pages_of_listed_origins_where_the_policy_says_so() {
        let page = HeaderValue::from_static("https://page.test");
        let headers = HeaderMap::from_iter([(ORIGIN, page)]);
        let listed = || Origins::Listed(vec!["https://page.test".to_owned()]);
        for (origins, credentials, expected) in [
            (listed(), true, true),
            (listed(), false, false),
            (Origins::Any, true, false),
            (Origins::Any, false, false),
        ] {
            let cors = CorsSpec {
                origins,
                credentials,
                exposed: Vec::new(),
                max_age: std::time::Duration::ZERO,
            };
            let allowed = allowed(&cors, &headers).unwrap();
            assert_eq!(allowed.is_with_credentials(), expected, "{cors:?}");
        }
    }

    #[test]
    fn an_upstreams_list_is_read_together_with_the_gates() {
        let cors = CorsSpec::listed(vec!["https://app.test".to_owned()]);
        let mut asked = HeaderMap::new();
        asked.insert(ORIGIN, HeaderValue::from_static("https://app.test"));
        let mut answer = HeaderMap::new();
        for line in ["X-Total-Count, Retry-After", "Link"] {
            answer.append(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(line),
            );
        }
        allow(&mut answer, allowed(&cors, &asked).unwrap());
        let lines: Vec<_> = answer
            .get_all(ACCESS_CONTROL_EXPOSE_HEADERS)
            .iter()
            .collect();
        assert_eq!(lines, [&format!("{EXPOSED}, X-Total-Count, Link")]);
    }

    #[test]
    fn vary_is_said_once() {
        for (said, wanted) in [
            (&[][..], &["origin"][..]),
            (&["Accept"], &["Accept", "origin"]),
            (&["Accept, Origin"], &["Accept, Origin"]),
            (&["*"], &["*"]),
        ] {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append(VARY, HeaderValue::from_static(line));
            }
            vary(&mut headers);
            let lines: Vec<_> = headers.get_all(VARY).iter().collect();
            assert_eq!(lines, wanted);
        }
    }
}
