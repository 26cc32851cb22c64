//! Tests of who gets an invitation's secret, how long it lives, and what taking it does.

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
            named: Named::Secret,
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
            named: Named::Secret,
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
            named: Named::Secret,
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
            named: Named::Secret,
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
            named: Named::Secret,
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
