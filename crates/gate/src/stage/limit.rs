//! Limit: counts the request against every limit that applies, the narrower holder first,
//! and says so in the answer. What a later limit refuses is given back to the earlier ones:
//! a refused request uses up nothing. Not here: the arithmetic and the buckets
//! (`base::limit`).

use super::{Passed, Stop};
use crate::limit::{KeyMaker, LimitCounters};
use crate::policy::compiled::{Limit, Realm};
use crate::policy::spec::{LimitKey, OverLimit};
use crate::port::Plans;
use doorward_base::limit::{Allowance, InFlight, InFlightSlot, Limiter, Measure, Quota, Verdict};
use doorward_base::{ErrorCode, Principal, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

/// What refusals of this stage are called in traces.
pub(crate) const STAGE: &str = "limit";

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");
static OBSERVED: HeaderName = HeaderName::from_static("x-ratelimit-observed");

/// The most limits of one request whose counts can be given back.
const MOST: usize = 64;

/// The most restrictive of the limits that applied, for the answer's headers.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    name: Arc<str>,
    measure: Measure,
    verdict: Verdict,
}

/// What counting came to.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) note: Option<Note>,
    /// The places of the request among those in flight.
    pub(crate) slots: Vec<InFlightSlot>,
    /// The limits that would have refused it.
    pub(crate) observed: Vec<Arc<str>>,
}

/// What the counts are kept in.
#[derive(Clone, Copy)]
pub(crate) struct Counts<'c> {
    pub(crate) limiter: &'c dyn Limiter,
    pub(crate) in_flight: &'c Arc<InFlight>,
    pub(crate) plans: &'c dyn Plans,
    pub(crate) keys: &'c KeyMaker,
    pub(crate) reached: &'c LimitCounters,
}

/// Whose request is counted.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'w> {
    pub(crate) realm: &'w Realm,
    pub(crate) principal: Option<&'w Principal>,
    pub(crate) ip: IpAddr,
    pub(crate) now: Timestamp,
}

/// Counts the request against `limits`; the first refusal stops.
pub(crate) async fn count(
    limits: &[Arc<Limit>],
    counts: Counts<'_>,
    whose: Whose<'_>,
) -> Result<Counted, (Box<Stop>, Note)> {
    let mut counted = Counted::default();
    let mut takings = Takings {
        limits,
        counts,
        whose,
        taken: 0,
    };
    for (at, limit) in limits.iter().enumerate() {
        let measure = counts.measure(limit, whose);
        let (verdict, slot) = match counts.take(limit, &measure, whose).await {
            Taken::Verdict(verdict) => (verdict, None),
            Taken::Slot(verdict, slot) => (verdict, slot),
            Taken::Nothing => continue,
        };
        let note = |verdict| Note {
            name: Arc::clone(&limit.name),
            measure,
            verdict,
        };
        if !verdict.allowed {
            counts.reached.count(&whose.realm.name, limit);
            if limit.over == OverLimit::Observe {
                counted.observed.push(Arc::clone(&limit.name));
                continue;
            }
            return Err((refusal(limit, &measure, &verdict), note(verdict)));
        }
        if at < MOST {
            takings.taken |= 1 << at;
        }
        counted.slots.extend(slot);
        let is_told = limit.over != OverLimit::Observe && !matches!(measure, Measure::InFlight(_));
        let is_tighter = counted
            .note
            .as_ref()
            .is_none_or(|known| verdict.remaining < known.verdict.remaining);
        if is_told && is_tighter {
            counted.note = Some(note(verdict));
        }
    }
    takings.taken = 0;
    Ok(counted)
}

/// What was counted of a request that has not passed yet. It is given back when it is dropped
/// so: another limit refused the request, or its client went away while one was looked up.
struct Takings<'t> {
    limits: &'t [Arc<Limit>],
    counts: Counts<'t>,
    whose: Whose<'t>,
    /// A bit for each limit that counted it.
    taken: u64,
}

impl Drop for Takings<'_> {
    fn drop(&mut self) {
        if self.taken == 0 {
            return;
        }
        for (at, limit) in self.limits.iter().enumerate().take(MOST) {
            if self.taken >> at & 1 == 1 {
                self.counts.give_back(limit, self.whose);
            }
        }
    }
}

/// What one limit said.
enum Taken {
    Verdict(Verdict),
    Slot(Verdict, Option<InFlightSlot>),
    /// It does not count this caller, or cannot now.
    Nothing,
}

impl Counts<'_> {
    /// What the limit counts for this caller: the operator's word for its tenant goes before
    /// the configuration's.
    fn measure(&self, limit: &Limit, whose: Whose<'_>) -> Measure {
        let tenant = whose
            .principal
            .and_then(|principal| principal.tenant.as_ref());
        let Some(tenant) = tenant.filter(|_| limit.key != LimitKey::Realm) else {
            return limit.measure;
        };
        let given = self.plans.given(&whose.realm.handle, tenant, &limit.name);
        let amount = given.or_else(|| limit.overrides.get(tenant).copied());
        amount.map_or(limit.measure, |amount| limit.measure.with(amount))
    }

    async fn take(&self, limit: &Limit, measure: &Measure, whose: Whose<'_>) -> Taken {
        match measure {
            Measure::Rate(quota) => {
                let key = bucket(limit, measure, self.keys, whose);
                Taken::Verdict(self.limiter.check(key, quota, whose.now))
            }
            Measure::InFlight(most) => {
                let key = holder(limit, self.keys, whose);
                let (verdict, slot) = self.in_flight.take(key, *most);
                Taken::Slot(verdict, slot)
            }
            // What a stranger uses is not written down.
            Measure::Calendar(_) if whose.principal.is_none() => Taken::Nothing,
            Measure::Calendar(allowance) => self.take_calendar(limit, allowance, whose).await,
        }
    }

    async fn take_calendar(&self, limit: &Limit, allowance: &Allowance, whose: Whose<'_>) -> Taken {
        let (realm, now) = (&whose.realm.handle, whose.now);
        let holder = holder(limit, self.keys, whose);
        if let Some(verdict) = self.plans.take(realm, holder, allowance, now) {
            return Taken::Verdict(verdict);
        }
        self.plans.learn(realm, holder, allowance, now).await;
        let verdict = self.plans.take(realm, holder, allowance, now);
        verdict.map_or(Taken::Nothing, Taken::Verdict)
    }

    /// Takes back what was counted; a place among those in flight goes by itself.
    fn give_back(&self, limit: &Limit, whose: Whose<'_>) {
        let measure = self.measure(limit, whose);
        match &measure {
            Measure::Rate(quota) => {
                let key = bucket(limit, &measure, self.keys, whose);
                self.limiter.give_back(key, *quota, whose.now);
            }
            Measure::InFlight(_) => {}
            Measure::Calendar(allowance) => {
                let (realm, key) = (&whose.realm.handle, holder(limit, self.keys, whose));
                self.plans.give_back(realm, key, allowance, whose.now);
            }
        }
    }
}

fn refusal(limit: &Limit, measure: &Measure, verdict: &Verdict) -> Box<Stop> {
    let code = match limit.over {
        OverLimit::RequirePayment => ErrorCode::PaymentRequired,
        OverLimit::Refuse | OverLimit::Observe => ErrorCode::RateLimited,
    };
    let name = &limit.name;
    let (check, message) = match measure {
        Measure::Rate(_) => ("rate", format!("Too many requests: limit {name}")),
        Measure::InFlight(_) => (
            "in_flight",
            format!("Too many requests at once: limit {name}"),
        ),
        Measure::Calendar(_) => ("quota", format!("The quota is used up: limit {name}")),
    };
    let mut stop = Stop::new(code, STAGE, check);
    stop.refusal.retry_after = Some(verdict.retry_after_seconds());
    stop.refusal.limit = Some(name.to_string());
    stop.refusal.message = Some(message);
    stop.required = vec![name.to_string()];
    stop
}

/// The bucket of a rate: the holder's, and a new one where the holder was given another
/// rate. A bucket knows how long it takes to refill and not how many requests that is: one
/// that was used up at a lower rate would stay so at a higher one.
fn bucket(limit: &Limit, measure: &Measure, keys: &KeyMaker, whose: Whose<'_>) -> u128 {
    let key = holder(limit, keys, whose);
    match measure {
        Measure::Rate(quota) if *measure != limit.measure => {
            let (count, burst) = (quota.count().to_le_bytes(), quota.burst().to_le_bytes());
            let per = quota.per().as_micros().to_le_bytes();
            keys.key(&limit.label, &[&key.to_le_bytes(), &count, &per, &burst])
        }
        _ => key,
    }
}

/// Who is counted: by what the limit is keyed, falling back to the next wider holder, so
/// that a caller without a tenant is limited too.
fn holder(limit: &Limit, keys: &KeyMaker, whose: Whose<'_>) -> u128 {
    if limit.key == LimitKey::Realm {
        return keys.key(&limit.label, &[b"r"]);
    }
    let address = || keys.address(&limit.label, whose.ip);
    let Some(principal) = whose.principal else {
        return address();
    };
    let subject = || {
        keys.key(
            &limit.label,
            &[b"s", principal.issuer.as_bytes(), principal.sub.as_bytes()],
        )
    };
    match limit.key {
        LimitKey::Address | LimitKey::Realm => address(),
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
        measure,
        verdict,
    } = note;
    let name = plain(name);
    let reset = verdict.reset_after_seconds();
    let (most, policy) = match measure {
        Measure::Rate(quota) => rate_policy(quota),
        Measure::InFlight(most) => (
            most.to_string(),
            format!("q={most};qu=\"concurrent-requests\""),
        ),
        Measure::Calendar(allowance) => calendar_policy(allowance),
    };
    let mut put = |header: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    };
    put(POLICY.clone(), format!("\"{name}\";{policy}"));
    put(
        STATE.clone(),
        format!("\"{name}\";r={};t={reset}", verdict.remaining),
    );
    if legacy {
        put(HeaderName::from_static("x-ratelimit-limit"), most);
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

fn rate_policy(quota: &Quota) -> (String, String) {
    let count = quota.count();
    (
        count.to_string(),
        format!("q={count};w={}", quota.per().as_secs()),
    )
}

/// A month is as long as it is: what is told of a quota is how much of it there is.
fn calendar_policy(allowance: &Allowance) -> (String, String) {
    let most = allowance.most();
    (most.to_string(), format!("q={most}"))
}

/// Says which limits would have refused the request, were they in force.
pub(crate) fn write_observed(headers: &mut HeaderMap, observed: &[Arc<str>]) {
    let mut text = String::new();
    for name in observed {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}\"{}\"", plain(name));
    }
    if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
        headers.insert(OBSERVED.clone(), value);
    }
}

/// A string of structured fields (RFC 9651 §3.3.3) has neither quote nor backslash.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'))
        .collect()
}
