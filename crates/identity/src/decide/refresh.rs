//! What becomes of a refresh token that is presented: another one, the same again, or the
//! end of its session. Not here: finding the session and telling a token of ours from a
//! made-up one (`act`), and what the access token carries (`issue`).

use super::refusal::RefreshRefusal;
use crate::model::{ApiToken, RefreshFamily, Session, SessionState, Subject};
use crate::settings::{RefreshMode, SessionSettings};
use doorward_base::limit::Verdict;
use doorward_base::{ClientId, TenantId, Timestamp};

/// A refresh token that was made here, with what is known of its session.
#[derive(Clone, Copy, Debug)]
pub struct RefreshInput<'a> {
    pub session: &'a Session,
    /// Whose it is.
    pub subject: &'a Subject,
    /// The tenants the subject is a member of.
    pub member_of: &'a [TenantId],
    /// The number of the token that was presented.
    pub number: u32,
    /// The client that presents it.
    pub client: Option<ClientId>,
    /// The API token that the session was begun by, if it is there.
    pub token: Option<&'a ApiToken>,
    /// The realm's rules.
    pub settings: &'a SessionSettings,
    pub now: Timestamp,
}

/// What to do. The number is that of the token that the answer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// The session goes on with this number; the presented one is used up, unless it is
    /// the same.
    On {
        number: u32,
        /// When the session ends unless it is refreshed again.
        idle_until: Option<Timestamp>,
    },
    /// The token was used just now, perhaps by another tab or before a lost answer: the
    /// answer is given again, and nothing changes.
    Again { number: u32 },
}

/// What becomes of a refresh token that a limiter was asked about: each use of one writes,
/// also where it gives the same answer again, and whoever holds one could go on for ever.
/// It says so of the session, whatever the token is worth: a flood costs no look-up.
///
/// # Errors
/// [`RefreshRefusal::TooOften`].
pub fn admit(verdict: &Verdict) -> Result<(), RefreshRefusal> {
    match verdict.allowed {
        true => Ok(()),
        false => Err(RefreshRefusal::TooOften(verdict.retry_after_seconds())),
    }
}

/// Decides. A token that was used up before is in two hands, and nobody knows which of
/// them is the subject's: [`RefreshRefusal::Replayed`] says that the session must end.
///
/// # Errors
/// [`RefreshRefusal`].
pub fn refresh(input: &RefreshInput<'_>) -> Result<Refreshed, RefreshRefusal> {
    let (session, settings) = (input.session, input.settings);
    let family = check(input)?;
    if input.number > family.number {
        // Of a store that was since put back to an older state.
        return Err(RefreshRefusal::Ahead);
    }
    if input.number == family.number {
        let number = match settings.refresh {
            RefreshMode::Rotate => family.number.checked_add(1),
            RefreshMode::Reuse | RefreshMode::Off => Some(family.number),
        };
        return Ok(Refreshed::On {
            number: number.ok_or(RefreshRefusal::SessionExpired)?,
            idle_until: settings.idle_ttl.map(|idle| input.now.plus(idle)),
        });
    }
    // Without an interval there is none, also for a request that began before the use that
    // came before it.
    let again_until = session
        .refreshed_at
        .filter(|_| !settings.reuse_interval.is_zero())
        .map(|at| at.plus(settings.reuse_interval));
    let is_parent = family.number - input.number == 1;
    if is_parent && again_until.is_some_and(|until| input.now < until) {
        return Ok(Refreshed::Again {
            number: family.number,
        });
    }
    Err(RefreshRefusal::Replayed)
}

/// Whether the session can be refreshed at all.
fn check<'a>(input: &RefreshInput<'a>) -> Result<&'a RefreshFamily, RefreshRefusal> {
    let session = input.session;
    if session.state != SessionState::Active {
        return Err(RefreshRefusal::SessionEnded);
    }
    if input.settings.refresh == RefreshMode::Off {
        return Err(RefreshRefusal::Off);
    }
    if input.client != session.client {
        return Err(RefreshRefusal::OtherClient);
    }
    if input.now >= session.ends_at() {
        return Err(RefreshRefusal::SessionExpired);
    }
    if !input.subject.status.allows(input.now) {
        return Err(RefreshRefusal::SubjectDisabled);
    }
    if let Some(tenant) = &session.ceiling.tenant
        && !input.member_of.contains(tenant)
    {
        return Err(RefreshRefusal::MembershipEnded);
    }
    if session.made_from.is_some() && !input.token.is_some_and(|token| token.is_live(input.now)) {
        return Err(RefreshRefusal::TokenEnded);
    }
    session.refresh.as_ref().ok_or(RefreshRefusal::Unknown)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::{SubjectStatus, TokenKind, TokenState};
    use doorward_base::secret::TokenDigest;
    use std::time::Duration;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    struct Case {
        session: Session,
        subject: Subject,
        member_of: Vec<TenantId>,
        token: Option<ApiToken>,
        settings: SessionSettings,
    }

    /// A session of an hour, refreshed ten seconds ago for the third time.
    fn case() -> Case {
        let subject = user(1);
        let mut session = session(&subject);
        session.created_at = NOW;
        session.refreshed_at = Some(NOW.plus(seconds(90)));
        session.refresh = Some(RefreshFamily {
            digest: TokenDigest::from_bytes([1; 32]),
            digest_key: "k".to_owned(),
            number: 3,
        });
        Case {
            session,
            subject,
            member_of: Vec::new(),
            token: None,
            settings: SessionSettings {
                refresh: RefreshMode::Rotate,
                reuse_interval: seconds(30),
                ..session_settings()
            },
        }
    }

    impl Case {
        /// The token of this number, so many seconds after [`NOW`].
        fn present(&self, number: u32, after: u64) -> Result<Refreshed, RefreshRefusal> {
            self.present_as(None, number, after)
        }

        fn present_as(
            &self,
            client: Option<ClientId>,
            number: u32,
            after: u64,
        ) -> Result<Refreshed, RefreshRefusal> {
            refresh(&RefreshInput {
                session: &self.session,
                subject: &self.subject,
                member_of: &self.member_of,
                number,
                client,
                token: self.token.as_ref(),
                settings: &self.settings,
                now: NOW.plus(seconds(after)),
            })
        }
    }

    /// DX-34.
    #[test]
    fn what_an_api_token_began_goes_on_while_the_token_works() {
        let mut case = case();
        let mut made = token(TokenKind::Personal, &case.subject);
        case.session.made_from = Some(made.id);
        let over = Err(RefreshRefusal::TokenEnded);
        assert_eq!(case.present(3, 100), over);
        made.expires_at = Some(NOW.plus(seconds(101)));
        case.token = Some(made.clone());
        assert_eq!(case.present(3, 100), on(4));
        assert_eq!(case.present(3, 101), over);
        let until = NOW.plus(seconds(50));
        made.state = TokenState::Retiring { until };
        case.token = Some(made.clone());
        assert_eq!(case.present(3, 49), on(4));
        assert_eq!(case.present(3, 50), over);
        made.state = TokenState::Revoked { at: NOW };
        case.token = Some(made);
        assert_eq!(case.present(3, 1), over);
    }

    const fn on(number: u32) -> Result<Refreshed, RefreshRefusal> {
        Ok(Refreshed::On {
            number,
            idle_until: None,
        })
    }

    const AGAIN: Result<Refreshed, RefreshRefusal> = Ok(Refreshed::Again { number: 3 });
    const REPLAYED: Result<Refreshed, RefreshRefusal> = Err(RefreshRefusal::Replayed);

    #[test]
    fn a_number_works_once_and_its_parent_for_a_while() {
        for (mode, interval, number, after, expected) in [
            (RefreshMode::Rotate, 30, 3, 100, on(4)),
            // The parent, within and after the interval that began with the rotation.
            (RefreshMode::Rotate, 30, 2, 90, AGAIN),
            (RefreshMode::Rotate, 30, 2, 119, AGAIN),
            (RefreshMode::Rotate, 30, 2, 120, REPLAYED),
            (RefreshMode::Rotate, 0, 2, 90, REPLAYED),
            // Whoever has an older one waits for nothing.
            (RefreshMode::Rotate, 30, 1, 90, REPLAYED),
            (RefreshMode::Rotate, 30, 0, 90, REPLAYED),
            (RefreshMode::Rotate, 30, 4, 100, Err(RefreshRefusal::Ahead)),
            // The request began before the use, and came after it.
            (RefreshMode::Rotate, 0, 2, 89, REPLAYED),
            (RefreshMode::Rotate, 30, 2, 89, AGAIN),
            // Not rotating, the same again and again; but none that was used up while
            // the realm still rotated.
            (RefreshMode::Reuse, 30, 3, 100, on(3)),
            (RefreshMode::Reuse, 0, 3, 3000, on(3)),
            (RefreshMode::Reuse, 30, 2, 119, AGAIN),
            (RefreshMode::Reuse, 30, 2, 120, REPLAYED),
            (RefreshMode::Off, 30, 3, 100, Err(RefreshRefusal::Off)),
        ] {
            let mut case = case();
            case.settings.refresh = mode;
            case.settings.reuse_interval = seconds(interval);
            let got = case.present(number, after);
            assert_eq!(got, expected, "{mode:?} {interval} {number} {after}");
        }
    }

    #[test]
    fn who_refreshes_too_often_is_told_when_to_come_again() {
        let verdict = |allowed| Verdict {
            allowed,
            remaining: 0,
            retry_after: Duration::from_millis(1500),
            reset_after: seconds(300),
        };
        assert_eq!(admit(&verdict(true)), Ok(()));
        let refused = Err(RefreshRefusal::TooOften(2));
        assert_eq!(admit(&verdict(false)), refused);
    }

    #[test]
    fn the_first_number_has_no_parent() {
        let mut case = case();
        case.session.refreshed_at = None;
        if let Some(family) = &mut case.session.refresh {
            family.number = 0;
        }
        assert_eq!(case.present(0, 0), on(1));
        assert_eq!(case.present(1, 0), Err(RefreshRefusal::Ahead));
    }

    #[test]
    fn the_last_number_is_the_last() {
        let mut case = case();
        if let Some(family) = &mut case.session.refresh {
            family.number = u32::MAX;
        }
        let refused = Err(RefreshRefusal::SessionExpired);
        assert_eq!(case.present(u32::MAX, 100), refused);
    }

    #[test]
    fn an_idle_end_moves_and_an_absolute_one_does_not() {
        let mut case = case();
        case.settings.idle_ttl = Some(seconds(1000));
        let moved = Ok(Refreshed::On {
            number: 4,
            idle_until: Some(NOW.plus(seconds(1100))),
        });
        // A session of before the setting has none yet.
        assert_eq!(case.present(3, 100), moved);
        case.session.idle_until = Some(NOW.plus(seconds(101)));
        assert_eq!(case.present(3, 100), moved);
        let over = Err(RefreshRefusal::SessionExpired);
        assert_eq!(case.present(3, 101), over);
        assert_eq!(case.present(2, 101), over);
        case.session.idle_until = Some(NOW.plus(seconds(9999)));
        assert!(case.present(3, 3599).is_ok());
        assert_eq!(case.present(3, 3600), over);
    }

    #[test]
    fn what_stands_behind_the_session_must_stand() {
        let acme = tenant("acme");
        let client = ClientId::from_bytes([7; 16]);
        let mut ended = case();
        ended.session.state = SessionState::Ended { at: NOW };
        let mut disabled = case();
        disabled.subject.status = SubjectStatus::Disabled { at: NOW };
        let mut left = case();
        left.session.ceiling.tenant = Some(acme.clone());
        left.member_of = vec![tenant("globex")];
        let mut never = case();
        never.session.refresh = None;
        let mut of_client = case();
        of_client.session.client = Some(client);
        for (case, expected) in [
            (&ended, RefreshRefusal::SessionEnded),
            (&disabled, RefreshRefusal::SubjectDisabled),
            (&left, RefreshRefusal::MembershipEnded),
            (&never, RefreshRefusal::Unknown),
            (&of_client, RefreshRefusal::OtherClient),
        ] {
            // The same for a token that was used up: nothing is ended twice.
            for number in [0, 3] {
                assert_eq!(case.present(number, 100), Err(expected.clone()));
            }
        }
        assert_eq!(of_client.present_as(Some(client), 3, 100), on(4));
        let stranger = Some(ClientId::from_bytes([8; 16]));
        let refused = Err(RefreshRefusal::OtherClient);
        assert_eq!(of_client.present_as(stranger, 3, 100), refused);
        assert_eq!(case().present_as(stranger, 3, 100), refused);
        left.member_of.push(acme);
        assert_eq!(left.present(3, 100), on(4));
    }
}
