//! The header section an upstream sees: hop-by-hop fields gone, credentials gone,
//! identity set. Reserved names were stripped on entry (`stage::reserved`).

use crate::policy::compiled::Realm;
use crate::policy::spec::CredentialKind;
use crate::stage::forwarded::Client;
use crate::stage::reserved::HOP_BY_HOP;
use crate::stage::verify::Verified;
use doorward_base::claims::ClaimPath;
use doorward_base::principal::CredentialId;
use doorward_base::{Principal, RequestId, Scope};
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::fmt::Display;

/// A value of the caller's identity cannot be written in a header. The request is
/// refused: an upstream must never see half an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwritable;

/// What the header section is made from.
pub(crate) struct Seen<'s> {
    /// Whether the client's `Authorization` is somebody else's and goes on as it came.
    pub(crate) passes_authorization: bool,
    pub(crate) realm: &'s Realm,
    pub(crate) principal: Option<&'s Principal>,
    pub(crate) verified: Option<&'s Verified>,
    pub(crate) client: &'s Client,
    pub(crate) authority: &'s str,
    pub(crate) request: RequestId,
}

/// Rewrites the client's headers into what the upstream gets.
pub(crate) fn prepare(headers: &mut HeaderMap, seen: &Seen<'_>) -> Result<(), Unwritable> {
    strip_hop_by_hop(headers);
    headers.remove(EXPECT);
    headers.remove(HOST);
    join_cookies(headers);
    set_authorization(headers, seen);
    for name in &seen.realm.credential_headers {
        headers.remove(name);
    }
    let proto = if seen.client.secure { "https" } else { "http" };
    headers.insert("x-forwarded-proto", HeaderValue::from_static(proto));
    put(
        headers,
        HeaderName::from_static("x-forwarded-for"),
        &seen.client.ip,
    )?;
    put(
        headers,
        HeaderName::from_static("x-forwarded-host"),
        &seen.authority,
    )?;
    put(
        headers,
        HeaderName::from_static("x-request-id"),
        &seen.request,
    )?;
    match seen.principal {
        Some(principal) => write_identity(headers, seen.realm, principal),
        None => write_nobody(headers, seen.realm),
    }
}

/// Removes the fields that end at this hop, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| {
            !HOP_BY_HOP.contains(&name.as_str()) && *name != AUTHORIZATION && *name != HOST
        })
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

/// HTTP/2 may split cookies; HTTP/1.1 must not (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().count() < 2 {
        return;
    }
    let joined = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect::<Vec<_>>()
        .join(&b"; "[..]);
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, value);
    }
}

/// A converted credential is set, an access token passes where the realm says so, and
/// nothing else does: an API token or a password never reaches an upstream (G29).
pub(crate) fn set_authorization(headers: &mut HeaderMap, seen: &Seen<'_>) {
    if seen.passes_authorization {
        return;
    }
    // A token that says another tenant than the headers, or more than the role that was
    // selected gives, is not passed on.
    let says_the_same = |verified: &Verified| {
        let acting = seen.principal;
        acting.is_none_or(|acting| acting.is_as_verified(&verified.principal))
    };
    let keep = seen.realm.identity.forward_jwt
        && seen.verified.is_some_and(|verified| {
            verified.kind == CredentialKind::Jwt && says_the_same(verified)
        });
    if !keep {
        headers.remove(AUTHORIZATION);
    }
    if let Some(converted) = seen
        .verified
        .filter(|verified| says_the_same(verified))
        .and_then(|verified| verified.converted.as_ref())
    {
        headers.insert(AUTHORIZATION, converted.authorization.clone());
    }
}

/// The names of the identity headers. Every one that [`write_identity`] may set is here.
const SUBJECT: HeaderName = HeaderName::from_static("x-doorward-subject");
const KIND: HeaderName = HeaderName::from_static("x-doorward-kind");
const ISSUER: HeaderName = HeaderName::from_static("x-doorward-issuer");
const TENANT: HeaderName = HeaderName::from_static("x-doorward-tenant");
const ROLE: HeaderName = HeaderName::from_static("x-doorward-role");
const SCOPES: HeaderName = HeaderName::from_static("x-doorward-scopes");
const CREDENTIAL: HeaderName = HeaderName::from_static("x-doorward-credential");
const IDENTITY: [HeaderName; 7] = [SUBJECT, KIND, ISSUER, TENANT, ROLE, SCOPES, CREDENTIAL];

/// The names of all identity headers that the realm's upstreams may get.
pub(crate) fn identity_names(realm: &Realm) -> impl Iterator<Item = HeaderName> {
    let own = realm.identity.headers.then_some(IDENTITY);
    let mapped = realm.identity.mapped.iter().map(|(name, _)| name.clone());
    own.into_iter().flatten().chain(mapped)
}

/// The names of all headers that are taken out of a request on its way to an upstream.
pub(crate) fn taken_names(realm: &Realm) -> impl Iterator<Item = HeaderName> {
    let tenant = realm.tenant_header.as_ref().map(|tenant| &tenant.header);
    let selecting = realm.role_header.iter().chain(tenant);
    let presenting = realm.credential_headers.iter();
    let all = presenting.chain(selecting).chain(&realm.identity.strip);
    all.cloned()
}

/// Sets the identity headers of a caller.
pub(crate) fn write_identity(
    headers: &mut HeaderMap,
    realm: &Realm,
    principal: &Principal,
) -> Result<(), Unwritable> {
    if realm.identity.headers {
        put(headers, SUBJECT, &principal.sub)?;
        put(headers, KIND, &principal.kind)?;
        put(headers, ISSUER, &principal.issuer)?;
        if let Some(tenant) = &principal.tenant {
            put(headers, TENANT, tenant)?;
        }
        if let Some(role) = &principal.role {
            put(headers, ROLE, role)?;
        }
        if !principal.scopes.is_empty() {
            let scopes: Vec<&str> = principal.scopes.iter().map(Scope::as_str).collect();
            put(headers, SCOPES, &scopes.join(" "))?;
        }
        if let Some(id) = credential_id(&principal.credential) {
            put(headers, CREDENTIAL, &id)?;
        }
    }
    for (name, path) in &realm.identity.mapped {
        if let Some(text) = path
            .find(&principal.claims)
            .map(|value| claim_text(value, is_of_a_list(path)))
            .transpose()?
            .flatten()
        {
            put(headers, name.clone(), &text)?;
        }
    }
    Ok(())
}

/// Sets the role of whoever presents nothing, wherever the role of a caller of ours would be
/// written.
pub(crate) fn write_nobody(headers: &mut HeaderMap, realm: &Realm) -> Result<(), Unwritable> {
    let Some(role) = &realm.anonymous_role else {
        return Ok(());
    };
    if realm.identity.headers {
        put(headers, ROLE, role)?;
    }
    for (name, path) in &realm.identity.mapped {
        if realm.is_own_role(path) {
            put(headers, name.clone(), role)?;
        }
    }
    Ok(())
}

/// The id of the credential, never its text.
pub(crate) fn credential_id(credential: &CredentialId) -> Option<String> {
    credential.to_text()
}

/// Text as it is, an array of texts separated by commas, anything else as JSON. An array
/// whose elements a reader would tell apart in another way than they are is refused: one
/// with a comma would be two, one with white space around it or none at all another. So is
/// a text with a comma where there is a list as a rule: some issuers write a list of one so.
fn claim_text(value: &Value, in_a_list: bool) -> Result<Option<String>, Unwritable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if in_a_list && text.contains(',') => Err(Unwritable),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            let is_one =
                |text: &&str| !text.is_empty() && !text.contains(',') && text.trim() == *text;
            if texts.iter().all(is_one) {
                Ok(Some(texts.join(",")))
            } else {
                Err(Unwritable)
            }
        }
        other => Ok(Some(other.to_string())),
    }
}

/// Whether a claim of this name is a list of what its subject is or may (RFC 7643 §4.1.2,
/// RFC 9068 §2.2.3.1), by itself, as `cognito:groups` or as `https://a.example/roles`.
fn is_of_a_list(path: &ClaimPath) -> bool {
    const LISTS: [&str; 4] = ["entitlements", "groups", "permissions", "roles"];
    let name = path.name().rsplit([':', '/']).next();
    name.is_some_and(|name| LISTS.contains(&name))
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &dyn Display) -> Result<(), Unwritable> {
    let text = value.to_string();
    // Who reads it trims it, and reads somebody else.
    if text.trim() != text {
        return Err(Unwritable);
    }
    // Refuses control characters, so that a claim cannot end the line.
    let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Unwritable)?;
    headers.insert(name, value);
    Ok(())
}
