//! Limit: counts the request against every limit that applies, and says so in the
//! answer. Not here: the arithmetic and the buckets (`base::limit`).

use super::{Passed, Stop};
use crate::limit::KeyMaker;
use crate::policy::compiled::{Limit, Realm};
use crate::policy::spec::LimitKey;
use doorward_base::limit::{Limiter, Quota, Verdict};
use doorward_base::{ErrorCode, Principal, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;
use std::sync::Arc;

/// What refusals of this stage are called in traces.
pub(crate) const STAGE: &str = "limit";

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");

/// The most restrictive of the limits that applied, for the answer's headers.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    name: Arc<str>,
    quota: Quota,
    verdict: Verdict,
}

/// Counts the request against `limits`; the first refusal stops.
pub(crate) fn count<'l>(
    limits: impl Iterator<Item = &'l Limit>,
    limiter: &dyn Limiter,
    keys: &KeyMaker,
    caller: (Option<&Principal>, IpAddr),
    now: Timestamp,
) -> Result<Option<Note>, (Box<Stop>, Note)> {
    let mut tightest: Option<Note> = None;
    for limit in limits {
        let quota = caller
            .0
            .and_then(|principal| principal.tenant.as_ref())
            .and_then(|tenant| limit.overrides.get(tenant))
            .unwrap_or(&limit.quota);
        let verdict = limiter.check(holder(limit, keys, caller), quota, now);
        let note = |verdict| Note {
            name: Arc::clone(&limit.name),
            quota: *quota,
            verdict,
        };
        if !verdict.allowed {
            let mut stop = Stop::new(ErrorCode::RateLimited, STAGE, "quota");
            stop.refusal.retry_after = Some(verdict.retry_after_seconds());
            stop.required = vec![limit.name.to_string()];
            return Err((stop, note(verdict)));
        }
        if tightest
            .as_ref()
            .is_none_or(|known| verdict.remaining < known.verdict.remaining)
        {
            tightest = Some(note(verdict));
        }
    }
    Ok(tightest)
}

/// The bucket: by what the limit is keyed, falling back to the next wider holder, so
/// that a caller without a tenant is limited too.
fn holder(limit: &Limit, keys: &KeyMaker, (principal, ip): (Option<&Principal>, IpAddr)) -> u128 {
    let address = || keys.address(&limit.label, ip);
    let Some(principal) = principal else {
        return address();
    };
    let subject = || {
        keys.key(
            &limit.label,
            &[b"s", principal.issuer.as_bytes(), principal.sub.as_bytes()],
        )
    };
    match limit.key {
        LimitKey::Address => address(),
        LimitKey::Tenant => match &principal.tenant {
            Some(tenant) => keys.key(&limit.label, &[b"t", tenant.as_str().as_bytes()]),
            None => subject(),
        },
        LimitKey::Subject => subject(),
        LimitKey::Credential => match principal.credential.as_bytes() {
            Some(id) => keys.key(&limit.label, &[b"c", id]),
            None => subject(),
        },
    }
}

/// Whether the address may try another password at all: unlike a token, it can be
/// guessed, and costs much to look at.
pub(crate) fn check_failures(
    realm: &Realm,
    limiter: &dyn Limiter,
    keys: &KeyMaker,
    ip: IpAddr,
    now: Timestamp,
) -> Passed<()> {
    let verdict = limiter.peek(failures(realm, keys, ip), &realm.failed_credentials, now);
    if verdict.allowed {
        return Ok(());
    }
    Err(too_many_failures(&verdict))
}

/// Counts a credential that failed. An address that failed too often is told to wait
/// and not what was wrong; a credential that verifies is never refused over the failures
/// of a neighbour at the same address.
pub(crate) fn failed(
    stop: Box<Stop>,
    realm: &Realm,
    limiter: &dyn Limiter,
    keys: &KeyMaker,
    ip: IpAddr,
    now: Timestamp,
) -> Box<Stop> {
    let verdict = limiter.check(failures(realm, keys, ip), &realm.failed_credentials, now);
    if verdict.allowed {
        return stop;
    }
    too_many_failures(&verdict)
}

fn too_many_failures(verdict: &Verdict) -> Box<Stop> {
    let mut stop = Stop::new(ErrorCode::RateLimited, "guard", "failed_credentials");
    stop.refusal.retry_after = Some(verdict.retry_after_seconds());
    stop
}

fn failures(realm: &Realm, keys: &KeyMaker, ip: IpAddr) -> u128 {
    keys.address(realm.name.as_str(), ip)
}

/// Writes `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers-11), and on request the older
/// `X-RateLimit-*`, whose reset is in seconds from now.
pub(crate) fn write(headers: &mut HeaderMap, note: &Note, legacy: bool) {
    let Note {
        name,
        quota,
        verdict,
    } = note;
    // A string of structured fields (RFC 9651 §3.3.3) has neither quote nor backslash.
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
        .collect();
    let (window, reset) = (quota.per().as_secs(), verdict.reset_after_seconds());
    let mut put = |header: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    };
    put(
        POLICY.clone(),
        format!("\"{name}\";q={};w={window}", quota.count()),
    );
    put(
        STATE.clone(),
        format!("\"{name}\";r={};t={reset}", verdict.remaining),
    );
    if legacy {
        put(
            HeaderName::from_static("x-ratelimit-limit"),
            quota.count().to_string(),
        );
        put(
            HeaderName::from_static("x-ratelimit-remaining"),
            verdict.remaining.to_string(),
        );
        put(
            HeaderName::from_static("x-ratelimit-reset"),
            reset.to_string(),
        );
    }
}
