//! How long an API token lives, how it is replaced, and when it may be used.

use crate::decide::manage::ManagementCaller;
use crate::decide::refusal::{TokenRefusal, UseRefusal};
use crate::model::{ApiToken, Subject, TokenLife, TokenState};
use crate::settings::{ExpiryRule, Presentation, TokenClass};
use doorward_base::{TenantId, Timestamp};
use std::time::Duration;

/// No token is given a life longer than this: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The end of year 9999 but for a day and two hours, from where on times are written as
/// "never" (RFC 3339 has four digits for the year, and its offsets need room).
const UNWRITABLE: Timestamp = Timestamp::from_seconds(253_402_207_200);

/// The expiry of a new token.
///
/// # Errors
/// [`TokenRefusal`] when the class demands one, sets it itself, or it is out of bounds.
pub fn expiry(
    rule: ExpiryRule,
    asked: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, TokenRefusal> {
    let (asked, max) = match (rule, asked) {
        (ExpiryRule::Policy(life), None) => return Ok(Some(now.plus(life))),
        (ExpiryRule::Policy(_), Some(_)) => return Err(TokenRefusal::ExpiryNotChosen),
        (ExpiryRule::Optional { ttl, .. }, None) => return Ok(ttl.map(|life| now.plus(life))),
        (ExpiryRule::Required { .. }, None) => return Err(TokenRefusal::ExpiryMissing),
        (ExpiryRule::Optional { max, .. } | ExpiryRule::Required { max }, Some(asked)) => {
            (asked, max)
        }
    };
    if asked <= now {
        return Err(TokenRefusal::ExpiryPast);
    }
    let end = now.plus(max.map_or(LONGEST, |max| max.min(LONGEST)));
    if asked > end || asked >= UNWRITABLE {
        return Err(TokenRefusal::ExpiryTooFar);
    }
    Ok(Some(asked))
}

/// How long a token that was made counts in a class's `max_hourly`.
const HOUR: Duration = Duration::from_secs(3600);

/// Whether one more token may be made for its owner now, where `nth_newest` was made last
/// but as many as the class allows in an hour. Those that were revoked count: otherwise
/// whoever makes and revokes them in turn fills the store. Operators have the store.
///
/// # Errors
/// [`TokenRefusal::TooOften`].
pub fn check_rate(
    caller: &ManagementCaller,
    nth_newest: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), TokenRefusal> {
    let (ManagementCaller::Subject(_), Some(made_at)) = (caller, nth_newest) else {
        return Ok(());
    };
    let over = made_at.plus(HOUR);
    if over <= now {
        return Ok(());
    }
    // A clock that was set back makes nobody wait for longer.
    let wait = over.since(now).min(HOUR);
    Err(TokenRefusal::TooOften(wait.as_secs().max(1)))
}

/// What becomes of a token that is regenerated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regenerated {
    /// The old token's state.
    pub old: TokenState,
    /// The new token's expiry.
    pub expires_at: Option<Timestamp>,
}

/// Decides how a token is replaced. The old one frees its place, so `max_active` does not
/// apply. It goes on working for the class's grace, or for an overlap that is asked for and
/// no longer.
///
/// # Errors
/// [`TokenRefusal::Dead`] for a token that does not work any more or was replaced
/// already; [`TokenRefusal::OverlapTooLong`]; the expiry's refusals.
pub fn regenerate(
    token: &ApiToken,
    class: &TokenClass,
    asked: Option<Timestamp>,
    overlap: Option<Duration>,
    now: Timestamp,
) -> Result<Regenerated, TokenRefusal> {
    if token.state != TokenState::Active || !token.is_live(now) {
        return Err(TokenRefusal::Dead);
    }
    let expires_at = if class.regenerate_keeps_expiry {
        if asked.is_some() {
            return Err(TokenRefusal::ExpiryNotChosen);
        }
        token.expires_at
    } else {
        expiry(class.expiry, asked, now)?
    };
    let overlap = overlap.unwrap_or(class.grace);
    if overlap > class.grace {
        return Err(TokenRefusal::OverlapTooLong(class.grace.as_secs()));
    }
    let old = if overlap.is_zero() {
        TokenState::Revoked { at: now }
    } else {
        TokenState::Retiring {
            until: now.plus(overlap),
        }
    };
    Ok(Regenerated { old, expires_at })
}

/// When a token stops by itself: at its expiry or the end of its grace.
#[must_use]
pub fn ends_at(token: &ApiToken) -> Option<Timestamp> {
    match token.state {
        TokenState::Retiring { until } => {
            Some(token.expires_at.map_or(until, |end| end.min(until)))
        }
        TokenState::Active | TokenState::Revoked { .. } => token.expires_at,
    }
}

/// The class that holds a token, by its name and kind, as configured now.
#[must_use]
pub fn class_of<'a>(classes: &'a [TokenClass], token: &ApiToken) -> Option<&'a TokenClass> {
    classes
        .iter()
        .find(|class| class.name == token.class && class.kinds.contains(&token.kind))
}

/// One use of a token.
#[derive(Clone, Copy, Debug)]
pub struct UseInput<'a> {
    pub token: &'a ApiToken,
    /// Its owner, if there still is one.
    pub owner: Option<&'a Subject>,
    /// The owner's memberships.
    pub member_of: &'a [TenantId],
    /// The realm's classes.
    pub classes: &'a [TokenClass],
    /// How it arrived.
    pub via: &'a Presentation,
    pub now: Timestamp,
}

/// Decides whether it may be used, and returns its class and owner.
///
/// # Errors
/// [`UseRefusal`].
pub fn usable<'a>(input: &UseInput<'a>) -> Result<(&'a TokenClass, &'a Subject), UseRefusal> {
    match input.token.life(input.now) {
        TokenLife::Revoked => return Err(UseRefusal::Revoked),
        TokenLife::Expired => return Err(UseRefusal::Expired),
        TokenLife::Active | TokenLife::Retiring => {}
    }
    let owner = input.owner.ok_or(UseRefusal::OwnerDisabled)?;
    if !owner.status.allows(input.now) {
        return Err(UseRefusal::OwnerDisabled);
    }
    if let Some(tenant) = &input.token.ceiling.tenant
        && !input.member_of.contains(tenant)
    {
        return Err(UseRefusal::MembershipEnded);
    }
    let class = class_of(input.classes, input.token).ok_or(UseRefusal::ClassUnknown)?;
    if !class.presentations.contains(input.via) {
        return Err(UseRefusal::Presentation);
    }
    Ok((class, owner))
}
