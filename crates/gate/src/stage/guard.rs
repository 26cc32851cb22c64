//! Guard: what is refused before anyone asks who the caller is: framing, sizes,
//! methods, plain HTTP where TLS is demanded. Not here: who the client is when a trusted
//! proxy stands between (`forwarded`), and reserved names (`reserved`).

use super::forwarded::Client;
use super::{Passed, Stop};
use crate::policy::compiled::{Realm, is_common, is_never_served};
use crate::policy::spec::{RequireHttps, TenantHeaderSpec};
use doorward_base::{ErrorCode, RoleName, TenantId};
use http::header::{CONTENT_LENGTH, HOST, LOCATION, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

const STAGE: &str = "guard";

/// The longest request target, bytes.
pub(crate) const MAX_TARGET: usize = 8 * 1024;
/// The largest header section, names and values, bytes.
pub(crate) const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The most header fields.
pub(crate) const MAX_HEADERS: usize = 100;

/// What the caller asks to act as. The headers are taken out of the request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) role: Option<RoleName>,
    pub(crate) tenant: Option<TenantId>,
}

/// Refuses what cannot be read in one way, and what is too large.
pub(crate) fn screen(parts: &Parts, realm: Option<&Realm>) -> Passed<()> {
    let refuse = |code, check| Err(Stop::new(code, STAGE, check));
    screen_line(&parts.method, &parts.uri, realm)?;
    let bytes: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes > MAX_HEADER_BYTES || parts.headers.len() > MAX_HEADERS {
        return refuse(ErrorCode::HeadersTooLarge, "headers");
    }
    // HTTP/1.1 was trimmed when it was read; HTTP/2 forbids it (RFC 9113 §8.2.1), and
    // upstreams would read it trimmed.
    let is_padded = |value: &HeaderValue| value.as_bytes().trim_ascii() != value.as_bytes();
    if parts.version == Version::HTTP_2 && parts.headers.values().any(is_padded) {
        return refuse(ErrorCode::InvalidRequest, "field_value");
    }
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let plain = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        let twice = codings.next().is_some() || parts.headers.contains_key(CONTENT_LENGTH);
        if parts.version != Version::HTTP_11 || !plain || twice {
            return refuse(ErrorCode::FramingAmbiguous, "transfer_encoding");
        }
    }
    if parts.headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return refuse(ErrorCode::FramingAmbiguous, "content_length");
    }
    Ok(())
}

/// Refuses methods that no target of the realm has, and targets that are too long.
pub(crate) fn screen_line(method: &Method, uri: &Uri, realm: Option<&Realm>) -> Passed<()> {
    let refuse = |code, check| Err(Stop::new(code, STAGE, check));
    if is_never_served(method) {
        return refuse(ErrorCode::MethodNotAllowed, "method");
    }
    let named = || realm.is_some_and(|realm| realm.extra_methods.contains(method));
    if !is_common(method) && !named() {
        return refuse(ErrorCode::NotImplemented, "method");
    }
    let target = uri.path().len() + uri.query().map_or(0, str::len);
    if target > MAX_TARGET {
        return refuse(ErrorCode::UriTooLong, "target");
    }
    Ok(())
}

/// Takes the headers by which a caller selects a role or a tenant out of the request,
/// before everything of that kind is stripped.
pub(crate) fn take_asked(headers: &mut HeaderMap, realm: &Realm) -> Passed<Asked> {
    let role = match &realm.role_header {
        Some(header) => take_one(headers, header)?,
        None => None,
    };
    let tenant = match &realm.tenant_header {
        Some(TenantHeaderSpec { header, .. }) => take_one(headers, header)?,
        None => None,
    };
    let role = role.map(|text| {
        RoleName::new(&text).map_err(|_| Stop::new(ErrorCode::RoleNotAllowed, STAGE, "role_header"))
    });
    let tenant = tenant.map(|text| {
        TenantId::new(&text)
            .map_err(|_| Stop::new(ErrorCode::TenantForbidden, STAGE, "tenant_header"))
    });
    Ok(Asked {
        role: role.transpose()?,
        tenant: tenant.transpose()?,
    })
}

fn take_one(headers: &mut HeaderMap, name: &HeaderName) -> Passed<Option<String>> {
    if headers.get_all(name).iter().count() > 1 {
        return Err(Stop::new(
            ErrorCode::FramingAmbiguous,
            STAGE,
            "header_doubled",
        ));
    }
    Ok(headers
        .remove(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()))
}

/// Whether the realm answers by this kind of connection.
pub(crate) fn allows(realm: &Realm, secure: bool) -> bool {
    secure || realm.require_https == RequireHttps::Off
}

/// The realm's rule for plain HTTP.
pub(crate) fn check_https(realm: &Realm, parts: &Parts, client: &Client) -> Passed<()> {
    if allows(realm, client.secure) {
        return Ok(());
    }
    let mut stop = Stop::new(ErrorCode::HttpsRequired, STAGE, "https");
    let safe = matches!(parts.method, Method::GET | Method::HEAD);
    if realm.require_https == RequireHttps::Redirect && safe {
        let host = parts.uri.authority().map(http::uri::Authority::as_str);
        let host = host.or_else(|| parts.headers.get(HOST)?.to_str().ok());
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let host = crate::authority::host_of(host.unwrap_or_default());
        if let Ok(location) = HeaderValue::from_str(&format!("https://{host}{target}")) {
            stop.headers.push((LOCATION, location));
        }
    }
    Err(stop)
}

#[cfg(test)]
mod tests;
