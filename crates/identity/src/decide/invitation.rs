//! Who may be given an invitation's secret, and what taking an invitation does. What it
//! proves: `proof`. Not here: who may invite (`manage`), and finding the invitation
//! (`act`).

use super::manage::{ManagementCaller, ManagementPermission};
use super::proof::{Account, Barred, Issuer, Named, Purpose, Showing, Taking, show};
use super::refusal::ManageRefusal;
use crate::model::{Delivery, Grant, Granted, Invitation};
use doorward_base::{TenantId, Timestamp};
use std::time::Duration;

/// Whom an invitation's secret is given to. Unless it is said, it goes to the address, but
/// for who vouches, who gets it. It goes to nobody where that is said: an account that
/// exists takes the invitation by a session of its own. Whether there is one is not asked:
/// the answer would tell.
///
/// # Errors
/// [`ManageRefusal::NotVouching`] when who does not vouch wants it in the answer;
/// [`ManageRefusal::NoMail`] when it would be mailed and no mail is sent here.
pub fn delivery(
    asked: Option<Delivery>,
    vouches: bool,
    mail_is_on: bool,
) -> Result<Delivery, ManageRefusal> {
    match (asked, vouches, mail_is_on) {
        (Some(Delivery::Answer | Delivery::SignUp), false, _) => Err(ManageRefusal::NotVouching),
        (Some(Delivery::Mail), _, false) | (None, false, false) => Err(ManageRefusal::NoMail),
        (Some(asked), _, _) => Ok(asked),
        (None, true, _) => Ok(Delivery::Answer),
        (None, false, true) => Ok(Delivery::Mail),
    }
}

/// The shortest and the longest life of an invitation.
const LIVES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(7 * 86_400)];
/// How long one can be taken by the address alone: unless it is said, and at most.
const BY_ADDRESS: [Duration; 2] = [Duration::from_secs(3600), Duration::from_secs(86_400)];

/// How long an invitation can be taken; `None` is as long as its kind. What the address alone
/// takes is short-lived: it waits for whoever comes first.
///
/// # Errors
/// [`ManageRefusal::Invalid`].
pub fn life(
    asked: Option<Duration>,
    delivery: Delivery,
) -> Result<Option<Duration>, ManageRefusal> {
    let ([least, longest], [usual, briefly]) = (LIVES, BY_ADDRESS);
    let (asked, most) = match delivery {
        Delivery::SignUp => (Some(asked.unwrap_or(usual)), briefly),
        Delivery::Mail | Delivery::Answer | Delivery::Nobody => (asked, longest),
    };
    match asked {
        Some(life) if !(least..=most).contains(&life) => {
            Err(ManageRefusal::Invalid("the invitation's life"))
        }
        fits => Ok(fits),
    }
}

/// How many invitations of one maker may wait in one tenant: they end together with its
/// membership, in one statement.
pub const MAX_WAITING: u32 = 1000;

/// The longest name of a tenant that a mail says, in characters.
const MAX_NAME: usize = 64;

/// What a mail calls a tenant: by its display name, or by its id where that could be an
/// advertisement. Who names a tenant is not who answers for our mail, and it goes to
/// strangers: no name that a mail program could make a link or a number of.
#[must_use]
pub fn name_in_mail(tenant: &TenantId, name: Option<&str>) -> String {
    let plain = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '&' | ',');
    let fits = |name: &&str| {
        let digits = name.chars().filter(char::is_ascii_digit).count();
        let mut rest = name.split('.').skip(1);
        name.chars().count() <= MAX_NAME
            && name.chars().any(char::is_alphabetic)
            && digits <= 4
            && name.chars().all(|c| plain(c) || c == '.' || c.is_ascii_digit())
            // "Acme Inc." and "E. Ample", and no host.
            && rest.all(|after| after.is_empty() || after.starts_with([' ', ',']))
    };
    name.filter(fits).unwrap_or(tenant.as_str()).to_owned()
}

/// An invitation that somebody takes.
#[derive(Clone, Copy, Debug)]
pub struct TakeInput<'a> {
    /// The invitation.
    pub invitation: &'a Invitation,
    /// What whoever made it may do now; `None` if it may nothing any more.
    pub maker: Option<&'a ManagementCaller>,
    /// The account of its address.
    pub account: Account,
    /// Whether a session of that account takes it.
    pub own_session: bool,
    /// How it is named.
    pub named: Named,
    /// Whether whoever takes it sets a password; or shows its own, where the account is kept.
    pub sets_password: bool,
    /// Whether whoever takes it gives a name.
    pub gives_name: bool,
    /// Now.
    pub now: Timestamp,
}

/// Decides. What an invitation gives is what its maker may give when it is taken.
///
/// # Errors
/// [`ManageRefusal::InvitationInvalid`], which says nothing of the account;
/// [`ManageRefusal::SessionNeeded`], [`ManageRefusal::MailNeeded`],
/// [`ManageRefusal::SecretNeeded`],
/// [`ManageRefusal::PasswordNeeded`], [`ManageRefusal::OwnPasswordNeeded`] and
/// [`ManageRefusal::Unused`], after which it can be tried again: they are told to who has
/// shown that the address is theirs.
pub fn take(input: &TakeInput<'_>) -> Result<Taking, ManageRefusal> {
    let invalid = ManageRefusal::InvitationInvalid;
    if input.invitation.expires_at <= input.now {
        return Err(invalid);
    }
    let Some(maker) = input
        .maker
        .filter(|maker| may_give(maker, input.invitation))
    else {
        return Err(invalid);
    };
    let taking = show(&Showing {
        purpose: Purpose::Invitation,
        issuer: issuer(input.invitation, maker),
        delivery: input.invitation.delivery,
        account: input.account,
        own_session: input.own_session,
        named: input.named,
    });
    match taking {
        Err(Barred::SecretNeeded) => Err(ManageRefusal::SecretNeeded),
        Err(Barred::SessionNeeded) => Err(ManageRefusal::SessionNeeded),
        Err(Barred::MailNeeded) => Err(ManageRefusal::MailNeeded),
        Err(Barred::Unproven | Barred::Account) => Err(invalid),
        // It would be taken, and nobody could come in.
        Ok(Taking::Make | Taking::Claim | Taking::Open) if !input.sets_password => {
            Err(ManageRefusal::PasswordNeeded)
        }
        // A session alone may be one that somebody else put there, in wait for the owner.
        Ok(Taking::Prove) if !input.sets_password => Err(ManageRefusal::OwnPasswordNeeded),
        // Who vouches says whose the address is. That its person joins, unasked, is for who
        // could have made the membership.
        Ok(Taking::Enter) if !input.own_session && !may_seat(maker) => {
            Err(ManageRefusal::SessionNeeded)
        }
        Ok(Taking::Enter) if input.sets_password => Err(ManageRefusal::Unused("a password")),
        Ok(Taking::Enter | Taking::Open | Taking::Prove) if input.gives_name => {
            Err(ManageRefusal::Unused("a name"))
        }
        Ok(taking) => Ok(taking),
    }
}

/// Whether the first sign-up with its address takes an invitation, without its secret: only
/// one that was made so by somebody whose word proves addresses, and still does.
#[must_use]
pub fn is_taken_by_address(
    invitation: &Invitation,
    maker: Option<&ManagementCaller>,
    now: Timestamp,
) -> bool {
    let vouched = |maker: &ManagementCaller| match issuer(invitation, maker) {
        Issuer::Operator | Issuer::Vouching => true,
        Issuer::Other => false,
    };
    invitation.delivery == Delivery::SignUp
        && invitation.expires_at > now
        && maker.is_some_and(|maker| vouched(maker) && may_give(maker, invitation))
}

fn issuer(invitation: &Invitation, maker: &ManagementCaller) -> Issuer {
    match maker {
        ManagementCaller::Operator => Issuer::Operator,
        // Its word stood when it was given, and stands: what it got the secret by was no
        // less, and is no more.
        ManagementCaller::Subject(_) if invitation.through.vouched && maker.vouches() => {
            Issuer::Vouching
        }
        ManagementCaller::Subject(_) => Issuer::Other,
    }
}

/// Whether it makes memberships in any tenant, by its own word.
fn may_seat(maker: &ManagementCaller) -> bool {
    let may_anywhere = maker.demand_realm(ManagementPermission::MembershipsEdit);
    may_anywhere.is_ok()
}

fn may_give(maker: &ManagementCaller, invitation: &Invitation) -> bool {
    let tenant = &invitation.tenant;
    let may_invite = maker.demand(ManagementPermission::MembershipsEdit, Some(tenant));
    may_invite.is_ok()
        && invitation.roles.iter().all(|role| {
            let grant = Grant {
                tenant: Some(tenant.clone()),
                granted: Granted::Role(role.clone()),
            };
            maker.may_grant(&grant).is_ok()
        })
}

#[cfg(test)]
mod tests;
