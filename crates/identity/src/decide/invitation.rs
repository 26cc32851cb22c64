//! Who may be given an invitation's secret, and what taking an invitation does. What it
//! proves: `proof`. Not here: who may invite (`manage`), and finding the invitation
//! (`act`).

use super::manage::{ManagementCaller, ManagementPermission};
use super::proof::{Account, Barred, Issuer, Purpose, Showing, Taking, show};
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
    });
    match taking {
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
mod tests {
    use super::super::manage::{Manager, Through};
    use super::super::testing::*;
    use super::*;
    use crate::model::{Address, Identifier, MadeThrough, SubjectStatus};
    use doorward_base::{ChallengeId, Email};
    use std::time::Duration;

    const EDIT: &str = "platform.memberships.edit";
    const USERS: &str = "platform.users.edit";

    fn invitation(delivery: Delivery, roles: &[&str]) -> Invitation {
        Invitation {
            id: ChallengeId::from_bytes([1; 16]),
            email: Email::new("user1@example.org").unwrap(),
            tenant: tenant("acme"),
            roles: roles.iter().map(|name| role(name)).collect(),
            made_by: Some(id(9)),
            through: MadeThrough {
                vouched: true,
                ..MadeThrough::default()
            },
            delivery,
            created_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(10)),
        }
    }

    fn manager(grants: Vec<Grant>) -> ManagementCaller {
        ManagementCaller::Subject(Box::new(Manager {
            subject: id(9),
            through: Through::SignIn,
            grants,
            member_of: vec![tenant("acme")],
            roles: vec![gives("boss", &["read"])],
            tenant_roles: vec![],
            ceilings: vec![],
        }))
    }

    #[test]
    fn who_invites_gets_no_secret_unless_its_word_stands_for_addresses() {
        use Delivery::{Answer, Mail, Nobody};
        let denied = Err(ManageRefusal::NotVouching);
        let no_mail = Err(ManageRefusal::NoMail);
        for (asked, vouches, mail_is_on, expected) in [
            (None, true, true, Ok(Answer)),
            (None, true, false, Ok(Answer)),
            (None, false, true, Ok(Mail)),
            (None, false, false, no_mail.clone()),
            (Some(Answer), true, true, Ok(Answer)),
            (Some(Answer), false, true, denied.clone()),
            (Some(Answer), false, false, denied),
            (Some(Mail), true, true, Ok(Mail)),
            (Some(Mail), false, true, Ok(Mail)),
            (Some(Mail), true, false, no_mail.clone()),
            (Some(Mail), false, false, no_mail),
            (Some(Nobody), true, true, Ok(Nobody)),
            (Some(Nobody), false, false, Ok(Nobody)),
        ] {
            let given = delivery(asked, vouches, mail_is_on);
            assert_eq!(given, expected, "{asked:?} {vouches} {mail_is_on}");
        }
    }

    #[test]
    fn a_mail_advertises_nothing() {
        for name in [
            "Acme",
            "Müller & Söhne",
            "Acme Inc.",
            "E. Ample, Sons",
            "Studio 54",
            "山田",
        ] {
            assert_eq!(name_in_mail(&tenant("acme"), Some(name)), name);
        }
        let long = "a".repeat(65);
        for name in [
            "evil.com",
            "Win at evil.com now",
            "https://evil",
            "a@evil",
            "Call 0900 12345",
            "12",
            "<b>",
            "",
            &long,
        ] {
            assert_eq!(name_in_mail(&tenant("acme"), Some(name)), "acme", "{name}");
        }
        assert_eq!(name_in_mail(&tenant("acme"), None), "acme");
    }

    /// A word for addresses seats nobody in a tenant that the voucher is given by another.
    #[test]
    fn who_vouches_seats_nobody_unless_it_seats_anybody() {
        let handed = invitation(Delivery::Answer, &[]);
        let decided = |maker: &ManagementCaller, account, own_session| {
            take(&TakeInput {
                invitation: &handed,
                maker: Some(maker),
                account,
                own_session,
                sets_password: account != Account::Proven,
                gives_name: false,
                now: NOW,
            })
        };
        let needed = Err(ManageRefusal::SessionNeeded);
        let (here, everywhere) = (has(EDIT, Some("acme")), has(EDIT, None));
        let voucher = |edit| manager(vec![has(USERS, None), edit]);
        for (maker, expected) in [
            (voucher(here), needed),
            (voucher(everywhere), Ok(Taking::Enter)),
            (ManagementCaller::Operator, Ok(Taking::Enter)),
        ] {
            assert_eq!(decided(&maker, Account::Proven, false), expected);
            let by_itself = decided(&maker, Account::Proven, true);
            assert_eq!(by_itself, Ok(Taking::Enter));
            // Its word for the address is as good as before.
            let made = decided(&maker, Account::Missing, false);
            assert_eq!(made, Ok(Taking::Make));
        }
    }

    #[test]
    fn an_account_is_made_joined_or_claimed() {
        use ManageRefusal::{InvitationInvalid, PasswordNeeded, SessionNeeded, Unused};
        let proven = user(1);
        let email = Email::new("user1@example.org").unwrap();
        let unproven = subject(1, Identifier::user(Address::said(email)));
        let mut disabled = user(1);
        disabled.status = SubjectStatus::Disabled { at: NOW };
        let bot = service(1);
        let local = manager(vec![has(EDIT, Some("acme"))]);
        let (mailed, handed) = (Delivery::Mail, Delivery::Answer);
        for (delivery, maker, account, own, password, name, expected) in [
            (mailed, &local, None, false, true, true, Ok(Taking::Make)),
            (
                mailed,
                &local,
                None,
                false,
                false,
                false,
                Err(PasswordNeeded),
            ),
            (
                mailed,
                &local,
                Some(&unproven),
                false,
                true,
                true,
                Ok(Taking::Claim),
            ),
            (
                mailed,
                &local,
                Some(&unproven),
                false,
                false,
                true,
                Err(PasswordNeeded),
            ),
            (
                mailed,
                &local,
                Some(&proven),
                false,
                false,
                false,
                Err(SessionNeeded),
            ),
            (
                mailed,
                &local,
                Some(&proven),
                true,
                false,
                false,
                Ok(Taking::Enter),
            ),
            (
                mailed,
                &local,
                Some(&proven),
                true,
                true,
                false,
                Err(Unused("a password")),
            ),
            (
                mailed,
                &local,
                Some(&proven),
                true,
                false,
                true,
                Err(Unused("a name")),
            ),
            (
                mailed,
                &local,
                Some(&disabled),
                true,
                true,
                false,
                Err(InvitationInvalid),
            ),
            (
                mailed,
                &local,
                Some(&bot),
                true,
                true,
                false,
                Err(InvitationInvalid),
            ),
            // What its maker got proves nothing, but for who vouches.
            (
                handed,
                &local,
                None,
                false,
                true,
                false,
                Err(InvitationInvalid),
            ),
            (
                handed,
                &local,
                Some(&unproven),
                false,
                true,
                false,
                Err(InvitationInvalid),
            ),
            (
                handed,
                &local,
                Some(&proven),
                false,
                false,
                false,
                Err(InvitationInvalid),
            ),
            (
                handed,
                &local,
                Some(&proven),
                true,
                false,
                false,
                Ok(Taking::Enter),
            ),
            (
                handed,
                &ManagementCaller::Operator,
                Some(&proven),
                false,
                false,
                false,
                Ok(Taking::Enter),
            ),
            (
                handed,
                &ManagementCaller::Operator,
                Some(&unproven),
                false,
                true,
                false,
                Ok(Taking::Claim),
            ),
        ] {
            let invitation = invitation(delivery, &[]);
            let input = TakeInput {
                invitation: &invitation,
                maker: Some(maker),
                account: Account::of(account, NOW),
                own_session: own,
                sets_password: password,
                gives_name: name,
                now: NOW,
            };
            assert_eq!(take(&input), expected, "{input:?}");
            let late = TakeInput {
                now: invitation.expires_at,
                ..input
            };
            assert_eq!(take(&late), Err(InvitationInvalid));
            let orphan = TakeInput {
                maker: None,
                ..input
            };
            assert_eq!(take(&orphan), Err(InvitationInvalid));
        }
    }

    /// An account that its person cannot come into is given a password by what came to its
    /// address, and by nobody who could not set one.
    #[test]
    fn an_account_that_nothing_lets_in_is_opened() {
        use ManageRefusal::{InvitationInvalid, MailNeeded, PasswordNeeded, Unused};
        let (mail, answer, nobody) = (Delivery::Mail, Delivery::Answer, Delivery::Nobody);
        let operator = ManagementCaller::Operator;
        let voucher = manager(vec![has(EDIT, None), has(USERS, None)]);
        let local = manager(vec![has(EDIT, Some("acme")), has(USERS, Some("acme"))]);
        let open = Ok(Taking::Open);
        for (delivery, maker, password, name, expected) in [
            (mail, &local, true, false, open.clone()),
            (mail, &voucher, true, false, open.clone()),
            (answer, &operator, true, false, open),
            (mail, &local, false, false, Err(PasswordNeeded)),
            (answer, &operator, false, false, Err(PasswordNeeded)),
            (mail, &local, true, true, Err(Unused("a name"))),
            (answer, &voucher, true, false, Err(MailNeeded)),
            (answer, &voucher, false, false, Err(MailNeeded)),
            (answer, &local, true, false, Err(InvitationInvalid)),
            (nobody, &local, true, false, Err(InvitationInvalid)),
        ] {
            let invitation = invitation(delivery, &[]);
            let input = TakeInput {
                invitation: &invitation,
                maker: Some(maker),
                account: Account::Shut,
                own_session: false,
                sets_password: password,
                gives_name: name,
                now: NOW,
            };
            assert_eq!(take(&input), expected, "{input:?}");
        }
    }

    /// A5: what it gives is what its maker may give now.
    #[test]
    fn an_invitation_gives_what_its_maker_may_still_give() {
        let (acme, globex) = (Some("acme"), Some("globex"));
        for (grants, expected) in [
            (vec![has(EDIT, acme), has_role("boss", acme)], true),
            (vec![has(EDIT, None), has_role("boss", None)], true),
            (vec![has(EDIT, acme)], false),
            (vec![has_role("boss", acme)], false),
            (vec![has(EDIT, globex), has_role("boss", acme)], false),
            (vec![], false),
        ] {
            let maker = manager(grants.clone());
            let invitation = invitation(Delivery::Mail, &["boss"]);
            let taken = take(&TakeInput {
                invitation: &invitation,
                maker: Some(&maker),
                account: Account::Missing,
                own_session: false,
                sets_password: true,
                gives_name: false,
                now: NOW,
            });
            assert_eq!(taken.is_ok(), expected, "{grants:?}");
        }
    }

    /// Who vouched when it got the secret, and does not any more, vouches for nobody; nor
    /// who did not then, and does now.
    #[test]
    fn a_word_that_stands_no_more_proves_nothing() {
        let invalid = || Err(ManageRefusal::InvitationInvalid);
        let wide = || vec![has(EDIT, None), has(USERS, None)];
        for (grants, vouched, expected) in [
            (wide(), true, Ok(Taking::Make)),
            (wide(), false, invalid()),
            (
                vec![has(EDIT, None), has(USERS, Some("acme"))],
                true,
                invalid(),
            ),
        ] {
            let maker = manager(grants);
            let mut invitation = invitation(Delivery::Answer, &[]);
            invitation.through.vouched = vouched;
            let taken = take(&TakeInput {
                invitation: &invitation,
                maker: Some(&maker),
                account: Account::Missing,
                own_session: false,
                sets_password: true,
                gives_name: false,
                now: NOW,
            });
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn an_invitation_lives_as_long_as_its_kind_may() {
        let seconds = |n| Some(Duration::from_secs(n));
        let wrong = Err(ManageRefusal::Invalid("the invitation's life"));
        for delivery in [Delivery::Mail, Delivery::Answer, Delivery::Nobody] {
            for fits in [None, seconds(60), seconds(604_800)] {
                assert_eq!(life(fits, delivery), Ok(fits), "{delivery:?}");
            }
            for no in [seconds(59), seconds(604_801)] {
                assert_eq!(life(no, delivery), wrong, "{delivery:?} {no:?}");
            }
        }
        assert_eq!(life(None, Delivery::SignUp), Ok(seconds(3600)));
        for fits in [seconds(60), seconds(86_400)] {
            assert_eq!(life(fits, Delivery::SignUp), Ok(fits));
        }
        for no in [seconds(59), seconds(86_401)] {
            assert_eq!(life(no, Delivery::SignUp), wrong, "{no:?}");
        }
    }

    #[test]
    fn an_address_takes_alone_what_was_made_so_by_whose_word_proves_it() {
        let made = invitation(Delivery::SignUp, &["boss"]);
        let voucher = manager(vec![
            has(EDIT, Some("acme")),
            has(USERS, None),
            has_role("boss", Some("acme")),
            has("read", Some("acme")),
        ]);
        let operator = ManagementCaller::Operator;
        for maker in [&operator, &voucher] {
            assert!(is_taken_by_address(&made, Some(maker), NOW), "{maker:?}");
            let last = made.expires_at.minus(Duration::from_micros(1));
            assert!(is_taken_by_address(&made, Some(maker), last));
            for late in [
                made.expires_at,
                made.expires_at.plus(Duration::from_secs(1)),
            ] {
                assert!(!is_taken_by_address(&made, Some(maker), late));
            }
            for other in [Delivery::Mail, Delivery::Answer, Delivery::Nobody] {
                let other = invitation(other, &["boss"]);
                assert!(!is_taken_by_address(&other, Some(maker), NOW));
            }
        }
        assert!(!is_taken_by_address(&made, None, NOW));
        let mut unvouched = made.clone();
        unvouched.through.vouched = false;
        assert!(!is_taken_by_address(&unvouched, Some(&voucher), NOW));
        // Who vouches no more, who may seat nobody there, and who may not give the role.
        for grants in [
            vec![has(EDIT, Some("acme")), has_role("boss", Some("acme"))],
            vec![has(USERS, None)],
            vec![has(EDIT, Some("acme")), has(USERS, None)],
        ] {
            let maker = manager(grants);
            assert!(!is_taken_by_address(&made, Some(&maker), NOW), "{maker:?}");
        }
    }
}
