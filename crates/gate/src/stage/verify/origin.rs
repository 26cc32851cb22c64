//! Which page makes a browser send a request. What a browser adds by itself (a cookie, the
//! Basic credential that its user once typed) is not meant by whoever sends from elsewhere.

use super::STAGE;
use crate::authority;
use crate::stage::{Passed, Stop, cors};
use doorward_base::ErrorCode;
use http::header::{ORIGIN, UPGRADE};
use http::request::Parts;

/// Whether our own page sends the request: by `Sec-Fetch-Site`, and from browsers that do
/// not send it by `Origin`, which all of them send with unsafe methods.
pub(super) fn is_own_page(parts: &Parts, secure: bool) -> bool {
    if let Some(site) = parts.headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Ok(authority) = authority::read(parts) else {
        return false;
    };
    let scheme = if secure { "https" } else { "http" };
    let origin = parts.headers.get(ORIGIN);
    origin.is_some_and(|origin| origin.as_bytes() == format!("{scheme}://{authority}").as_bytes())
}

/// Refuses what a page of another site makes a browser do with a Basic credential: by an
/// unsafe method, or by a WebSocket, which no browser asks about first. Programs say
/// nothing of pages; a listed origin's page may.
pub(crate) fn check_basic(parts: &Parts, secure: bool, page: Option<&cors::Allowed>) -> Passed<()> {
    let acts = !parts.method.is_safe() || parts.headers.contains_key(UPGRADE);
    let elsewhere = match parts.headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => parts.headers.contains_key(ORIGIN) && !is_own_page(parts, secure),
    };
    if acts && elsewhere && !page.is_some_and(cors::Allowed::is_with_credentials) {
        return Err(Stop::new(ErrorCode::RequestForged, STAGE, "basic_page"));
    }
    Ok(())
}
