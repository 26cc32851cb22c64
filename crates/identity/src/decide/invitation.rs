//! What taking an invitation does: the one place that says what an invitation proves, by
//! who issued it and how its secret came to whoever takes it. Not here: who may invite
//! (`manage`), and finding the invitation (`act`).

use super::refusal::ManageRefusal;
use crate::model::{Address, Identifier, Invitation, Subject};
use doorward_base::Timestamp;

/// What becomes of the account when the invitation is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taking {
    /// There is none yet: it is made, with a proven address.
    Make,
    /// It is the invited person's own, as it is.
    Join,
    /// Nobody has shown that its address is theirs, so somebody else may have made it and
    /// wait in it: everything they left is thrown out, and the new password set.
    Claim,
}

/// An invitation that somebody presents the secret of.
#[derive(Clone, Copy, Debug)]
pub struct TakeInput<'a> {
    /// The invitation.
    pub invitation: &'a Invitation,
    /// The account of its address.
    pub account: Option<&'a Subject>,
    /// Whether whoever takes it sets a password.
    pub sets_password: bool,
    /// Now.
    pub now: Timestamp,
}

/// Decides.
///
/// # Errors
/// [`ManageRefusal::InvitationInvalid`], which says nothing of the account;
/// [`ManageRefusal::PasswordNeeded`], after which it can be tried again.
pub fn take(input: &TakeInput<'_>) -> Result<Taking, ManageRefusal> {
    if input.invitation.expires_at <= input.now {
        return Err(ManageRefusal::InvitationInvalid);
    }
    let Some(account) = input.account else {
        return Ok(Taking::Make);
    };
    let Identifier::User(contact) = &account.identifier else {
        return Err(ManageRefusal::InvitationInvalid);
    };
    if !account.status.allows(input.now) {
        return Err(ManageRefusal::InvitationInvalid);
    }
    let proven = contact.email.as_ref().is_some_and(Address::is_proven);
    match (proven, input.sets_password) {
        (true, _) => Ok(Taking::Join),
        (false, true) => Ok(Taking::Claim),
        (false, false) => Err(ManageRefusal::PasswordNeeded),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::SubjectStatus;
    use doorward_base::{ChallengeId, Email};
    use std::time::Duration;

    fn invitation() -> Invitation {
        Invitation {
            id: ChallengeId::from_bytes([1; 16]),
            email: Email::new("user1@example.org").unwrap(),
            tenant: tenant("acme"),
            roles: Vec::new(),
            made_by: None,
            created_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(10)),
        }
    }

    #[test]
    fn an_account_is_made_joined_or_claimed() {
        use ManageRefusal::{InvitationInvalid, PasswordNeeded};
        let proven = user(1);
        let mut unproven = user(1);
        if let Identifier::User(contact) = &mut unproven.identifier {
            contact.email = Some(Address::said(Email::new("user1@example.org").unwrap()));
        }
        let mut disabled = user(1);
        disabled.status = SubjectStatus::Disabled { at: NOW };
        let bot = service(1);
        for (account, sets_password, expected) in [
            (None, false, Ok(Taking::Make)),
            (None, true, Ok(Taking::Make)),
            (Some(&proven), false, Ok(Taking::Join)),
            (Some(&proven), true, Ok(Taking::Join)),
            (Some(&unproven), true, Ok(Taking::Claim)),
            (Some(&unproven), false, Err(PasswordNeeded)),
            (Some(&disabled), true, Err(InvitationInvalid)),
            (Some(&bot), true, Err(InvitationInvalid)),
        ] {
            let invitation = invitation();
            let input = TakeInput {
                invitation: &invitation,
                account,
                sets_password,
                now: NOW,
            };
            assert_eq!(take(&input), expected, "{account:?} {sets_password}");
            let late = TakeInput {
                now: invitation.expires_at,
                ..input
            };
            assert_eq!(take(&late), Err(InvitationInvalid));
        }
    }
}
