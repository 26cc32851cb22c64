//! Whether whoever calls stands: its subject may act, and the session it came by goes on.
//! Not here: what it may do (`manage`), and API tokens, which stand as `token` says.

use super::refusal::ManageRefusal;
use crate::model::{Session, SessionState, Subject};
use doorward_base::{SubjectId, Timestamp};

/// The subject, if it is there and may act.
///
/// # Errors
/// [`ManageRefusal::CallerGone`], [`ManageRefusal::CallerBanned`].
pub fn acting(found: Option<&Subject>, now: Timestamp) -> Result<(), ManageRefusal> {
    match found {
        None => Err(ManageRefusal::CallerGone),
        Some(subject) if subject.status.allows(now) => Ok(()),
        Some(_) => Err(ManageRefusal::CallerBanned),
    }
}

/// The session, if it is the subject's and goes on.
///
/// # Errors
/// [`ManageRefusal::SessionEnded`], also where it is not known; where it ended by itself,
/// [`ManageRefusal::SessionExpired`].
pub fn going_on(
    found: Option<Session>,
    subject: SubjectId,
    now: Timestamp,
) -> Result<Session, ManageRefusal> {
    let own = found.filter(|session| session.subject == subject);
    let session = own.ok_or(ManageRefusal::SessionEnded)?;
    if session.state != SessionState::Active {
        return Err(ManageRefusal::SessionEnded);
    }
    if !session.is_live(now) {
        return Err(ManageRefusal::SessionExpired);
    }
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::SubjectStatus;
    use std::time::Duration;

    #[test]
    fn who_is_gone_and_who_may_not_act_are_told_apart() {
        let mut subject = user(1);
        assert_eq!(acting(None, NOW), Err(ManageRefusal::CallerGone));
        assert_eq!(acting(Some(&subject), NOW), Ok(()));
        subject.status = SubjectStatus::Disabled { at: NOW };
        let banned = Err(ManageRefusal::CallerBanned);
        assert_eq!(acting(Some(&subject), NOW), banned);
        let until = NOW.plus(Duration::from_secs(60));
        subject.status = SubjectStatus::Banned { until };
        assert_eq!(acting(Some(&subject), NOW), banned);
        assert_eq!(acting(Some(&subject), until), Ok(()));
    }

    #[test]
    fn a_session_is_over_when_it_was_ended_or_had_its_time() {
        let subject = user(1);
        let own = session(&subject);
        let over = |found: Option<Session>, now| going_on(found, subject.id, now).err();
        assert_eq!(over(Some(own.clone()), own.created_at), None);
        let ended = Session {
            state: SessionState::Ended { at: NOW },
            ..own.clone()
        };
        let others = session(&user(2));
        for found in [None, Some(ended), Some(others)] {
            let refused = over(found, own.created_at);
            assert_eq!(refused, Some(ManageRefusal::SessionEnded));
        }
        let last = own.ends_at();
        assert_eq!(over(Some(own), last), Some(ManageRefusal::SessionExpired));
    }
}
