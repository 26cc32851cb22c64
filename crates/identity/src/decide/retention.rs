//! Until when what is over is kept. Not here: removing it (`act::prune`).

use crate::settings::RetentionSettings;
use doorward_base::Timestamp;
use std::time::Duration;

/// How much longer than its life something is remembered: the clocks of nodes differ.
pub const MARGIN: Duration = Duration::from_secs(3600);

/// What was over before these moments is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cutoffs {
    /// Audit rows.
    pub audit: Timestamp,
    /// Revoked and replaced API tokens, and revoked clients.
    pub tombstones: Timestamp,
    /// Ended sessions.
    pub sessions: Timestamp,
    /// Expired challenges.
    pub challenges: Timestamp,
    /// Mails, and messages to webhooks, that were given up.
    pub mail: Timestamp,
    /// Epochs: no access token that is older lives.
    pub epochs: Timestamp,
}

/// The moments, where no access token lives longer than `longest_life`. What ends access
/// tokens is kept until the last of them is over, whatever the settings say: a node that
/// starts must still learn of it.
#[must_use]
pub fn cutoffs(settings: &RetentionSettings, longest_life: Duration, now: Timestamp) -> Cutoffs {
    let life = longest_life.saturating_add(MARGIN);
    Cutoffs {
        audit: now.minus(settings.audit),
        tombstones: now.minus(settings.tombstones.max(life)),
        sessions: now.minus(settings.sessions.max(life)),
        challenges: now.minus(settings.challenges),
        mail: now.minus(settings.mail),
        epochs: now.minus(life),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::NOW;
    use super::*;

    #[test]
    fn what_ends_access_tokens_outlives_them() {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        let settings = RetentionSettings {
            audit: hours(2),
            tombstones: hours(3),
            sessions: hours(1),
            challenges: hours(1),
            mail: hours(4),
        };
        let ago = |n| NOW.minus(hours(n));
        let short = cutoffs(&settings, hours(1), NOW);
        let expected = Cutoffs {
            audit: ago(2),
            tombstones: ago(3),
            sessions: ago(2),
            challenges: ago(1),
            mail: ago(4),
            epochs: ago(2),
        };
        assert_eq!(short, expected);
        let long = cutoffs(&settings, hours(24), NOW);
        assert_eq!(
            (long.tombstones, long.sessions, long.epochs),
            (ago(25), ago(25), ago(25))
        );
        assert_eq!((long.audit, long.challenges), (ago(2), ago(1)));
    }
}
