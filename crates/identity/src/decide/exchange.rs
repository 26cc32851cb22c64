//! How long an access token lives that an API token is exchanged for. Not here: its
//! scopes (`authority::narrow`), whether the API token may be used (`token::usable`).

use doorward_base::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// The bounds of one exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Life unless asked otherwise.
    pub access_ttl: Duration,
    /// The longest life that can be asked for.
    pub max_ttl: Duration,
    /// When the API token itself stops, by expiry or by the end of its grace.
    pub ends_at: Option<Timestamp>,
}

/// When an access token begins and ends, in whole seconds; `exp` − `iat` is exactly
/// the duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// The whole seconds between.
    pub seconds: u64,
}

/// Why there is no such life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifeRefusal {
    /// The duration asked for is not a whole number of seconds of at least 1, or is
    /// longer than the cap or than what is left of the API token.
    #[error("the duration is outside the bounds")]
    Duration,
    /// Less than a second is left of the API token.
    #[error("the token has expired")]
    Expired,
}

/// Decides the life. A default is clamped to what is left of the API token; what was
/// asked for is never bent.
///
/// # Errors
/// [`LifeRefusal`].
pub fn life(asked: Option<&Value>, bounds: &Bounds, now: Timestamp) -> Result<Life, LifeRefusal> {
    let begins = now.as_seconds();
    let left = match bounds.ends_at {
        Some(end) => u64::try_from(end.as_seconds() - begins).unwrap_or(0),
        None => u64::MAX,
    };
    if left == 0 {
        return Err(LifeRefusal::Expired);
    }
    let seconds = match asked {
        None => bounds.access_ttl.as_secs().max(1).min(left),
        Some(value) => {
            // `as_u64` refuses negative, fractional (also 60.0) and non-numbers.
            let seconds = value.as_u64().ok_or(LifeRefusal::Duration)?;
            if seconds == 0 || seconds > bounds.max_ttl.as_secs() || seconds > left {
                return Err(LifeRefusal::Duration);
            }
            seconds
        }
    };
    let issued_at = now.floor_to_second();
    Ok(Life {
        issued_at,
        expires_at: issued_at.plus(Duration::from_secs(seconds)),
        seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_900_000);

    fn witboost(left: Option<u64>) -> Bounds {
        Bounds {
            access_ttl: Duration::from_secs(300),
            max_ttl: Duration::from_secs(3600),
            ends_at: left.map(|left| NOW.plus(Duration::from_secs(left))),
        }
    }

    /// WB-17, WB-19, WB-20, WB-40.
    #[test]
    fn wb_20_exp_minus_iat_is_exactly_the_duration() {
        for (asked, left, seconds) in [
            (None, None, 300),
            (None, Some(100), 100),
            (None, Some(301), 300),
            (Some(json!(1)), None, 1),
            (Some(json!(3600)), None, 3600),
            (Some(json!(100)), Some(100), 100),
        ] {
            let life = life(asked.as_ref(), &witboost(left), NOW).unwrap();
            assert_eq!(life.seconds, seconds, "{asked:?} {left:?}");
            let (iat, exp) = (life.issued_at.as_seconds(), life.expires_at.as_seconds());
            assert_eq!(exp - iat, i64::try_from(seconds).unwrap());
            assert_eq!(iat, 1_700_000_000);
        }
    }

    #[test]
    fn a_duration_that_was_asked_for_is_never_bent() {
        for bad in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!(60.0),
            json!("60"),
            json!(null),
            json!(true),
            json!([60]),
            json!(3601),
            json!(u64::MAX),
            json!(1e300),
        ] {
            assert_eq!(
                life(Some(&bad), &witboost(None), NOW),
                Err(LifeRefusal::Duration),
                "{bad}"
            );
        }
        assert_eq!(
            life(Some(&json!(101)), &witboost(Some(100)), NOW),
            Err(LifeRefusal::Duration)
        );
    }

    #[test]
    fn nothing_is_made_of_a_token_that_ends_within_the_second() {
        let bounds = Bounds {
            ends_at: Some(NOW.plus(Duration::from_millis(50))),
            ..witboost(None)
        };
        assert_eq!(life(None, &bounds, NOW), Err(LifeRefusal::Expired));
        assert_eq!(
            life(Some(&json!(1)), &bounds, NOW),
            Err(LifeRefusal::Expired)
        );
    }
}
