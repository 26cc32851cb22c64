//! Tests of what proves what.

use super::super::manage::{Manager, Through};
use super::super::testing::*;
use super::*;
use crate::model::{Contact, Mailbox, SubjectStatus};
use doorward_base::{Email, Phone};
use serde_json::json;

const DELIVERIES: [Delivery; 3] = [Delivery::Mail, Delivery::Answer, Delivery::Nobody];

/// Mail goes out by the word of somebody who can be found.
#[test]
fn who_sends_mail_is_answered_for() {
    let caller = |subject: &Subject, of: Option<&str>| {
        ManagementCaller::Subject(Box::new(Manager {
            subject: subject.id,
            through: Through::SignIn,
            grants: vec![has("platform.memberships.edit", of)],
            member_of: vec![tenant("acme")],
            roles: vec![],
            tenant_roles: vec![],
            ceilings: vec![],
        }))
    };
    let email = Email::new("user1@example.org").unwrap();
    let self_made = subject(1, Identifier::user(Address::confirmed(email.clone(), NOW)));
    let stand_in = subject(
        1,
        Identifier::User(Contact {
            email: Some(Mailbox::In(tenant("acme"), email)),
            ..Contact::default()
        }),
    );
    let (own, nobody) = (
        Err(ManageRefusal::OwnAddressUnproven),
        Err(ManageRefusal::NobodyAnswers),
    );
    // In a tenant that was made, and in one that who signed up got; realm-wide in that one.
    for (maker, expected) in [
        (user(1), [Ok(()), Ok(()), Ok(())]),
        (self_made, [own.clone(), own.clone(), own]),
        (stand_in, [Ok(()), nobody.clone(), Ok(())]),
        (service(1), [Ok(()), nobody, Ok(())]),
    ] {
        let (made, signed_up) = (TenantOrigin::Made, TenantOrigin::SignedUp);
        let local = caller(&maker, Some("acme"));
        let wide = caller(&maker, None);
        let done = [
            may_mail(&local, Some(&maker), made),
            may_mail(&local, Some(&maker), signed_up),
            may_mail(&wide, Some(&maker), signed_up),
        ];
        assert_eq!(done, expected, "{:?}", maker.identifier);
    }
    let operator = ManagementCaller::Operator;
    assert_eq!(may_mail(&operator, None, TenantOrigin::SignedUp), Ok(()));
}

/// The whole table: what each purpose does, for each account, when what is shown proves the
/// address, and when it does not; by a stranger, and by a session of the account's own.
#[test]
fn what_proves_what() {
    use Account::{Missing, Proven, Said, Shut, Unfit, Unproven};
    use Purpose::{AddressChange, Invitation, Linking, MagicLink, Recovery};
    let no = Err(Barred::Account);
    let nothing = Err(Barred::Unproven);
    let session = Err(Barred::SessionNeeded);
    let mail = Err(Barred::MailNeeded);
    let (make, claim, enter) = (Ok(Taking::Make), Ok(Taking::Claim), Ok(Taking::Enter));
    let (open, prove) = (Ok(Taking::Open), Ok(Taking::Prove));
    // proven by a stranger, proven in an own session, unproven by a stranger, unproven in
    // an own session.
    for (purpose, account, expected) in [
        (Invitation, Missing, [make, make, nothing, nothing]),
        (Invitation, Unproven, [claim, prove, nothing, nothing]),
        (Recovery, Missing, [no, no, nothing, nothing]),
        (Recovery, Unproven, [claim, prove, nothing, nothing]),
        (Recovery, Said, [enter, enter, nothing, nothing]),
        (Recovery, Proven, [enter, enter, nothing, nothing]),
        (Recovery, Shut, [enter, enter, nothing, nothing]),
        (MagicLink, Missing, [make, make, nothing, nothing]),
        (MagicLink, Unproven, [claim, prove, nothing, nothing]),
        (MagicLink, Said, [enter, enter, nothing, nothing]),
        (MagicLink, Proven, [enter, enter, nothing, nothing]),
        (MagicLink, Shut, [enter, enter, nothing, nothing]),
        (AddressChange, Missing, [session, enter, nothing, nothing]),
        (AddressChange, Unproven, [session, claim, nothing, nothing]),
        (AddressChange, Said, [no, no, nothing, nothing]),
        (AddressChange, Proven, [no, no, nothing, nothing]),
        (AddressChange, Shut, [no, no, nothing, nothing]),
        (Linking, Missing, [no, no, nothing, nothing]),
        (Linking, Unproven, [no, no, nothing, nothing]),
        (Linking, Said, [enter, enter, nothing, nothing]),
        (Linking, Proven, [enter, enter, nothing, nothing]),
        (Linking, Shut, [enter, enter, nothing, nothing]),
    ] {
        for issuer in Issuer::ALL {
            for delivery in DELIVERIES {
                let proven = proves(issuer, delivery);
                let at = if proven { 0 } else { 2 };
                for own_session in [false, true] {
                    let showing = Showing {
                        purpose,
                        issuer,
                        delivery,
                        account,
                        own_session,
                        named: Named::Secret,
                    };
                    let expected = expected[at + usize::from(own_session)];
                    assert_eq!(show(&showing), expected, "{showing:?}");
                }
            }
        }
    }
    // A person's own account joins by its session, or by the word of who vouches. One that
    // nothing lets in gets a password by what came to its address.
    for (issuer, delivery, proven, shut) in [
        (Issuer::Operator, Delivery::Mail, enter, open),
        (Issuer::Operator, Delivery::Answer, enter, open),
        (Issuer::Operator, Delivery::Nobody, nothing, nothing),
        (Issuer::Vouching, Delivery::Mail, enter, open),
        (Issuer::Vouching, Delivery::Answer, enter, mail),
        (Issuer::Vouching, Delivery::Nobody, nothing, nothing),
        (Issuer::Other, Delivery::Mail, session, open),
        (Issuer::Other, Delivery::Answer, nothing, nothing),
        (Issuer::Other, Delivery::Nobody, nothing, nothing),
    ] {
        for (account, own_session, expected) in [
            (Said, false, proven),
            (Said, true, enter),
            (Proven, false, proven),
            (Proven, true, enter),
            (Shut, false, shut),
            (Shut, true, enter),
        ] {
            let showing = Showing {
                purpose: Invitation,
                issuer,
                delivery,
                account,
                own_session,
                named: Named::Secret,
            };
            assert_eq!(show(&showing), expected, "{showing:?}");
        }
    }
    for purpose in Purpose::ALL {
        for issuer in Issuer::ALL {
            for delivery in DELIVERIES {
                let showing = Showing {
                    purpose,
                    issuer,
                    delivery,
                    account: Unfit,
                    own_session: true,
                    named: Named::Secret,
                };
                assert_eq!(show(&showing), no, "{showing:?}");
            }
        }
    }
}

/// Whoever gave his word for an address may have made its account to take what waits there.
#[test]
fn what_was_mailed_is_taken_by_who_reads_it() {
    use Account::{Proven, Said, Shut};
    for issuer in Issuer::ALL {
        for delivery in DELIVERIES {
            for account in [Said, Proven, Shut] {
                for named in [Named::Secret, Named::Id] {
                    let showing = Showing {
                        purpose: Purpose::Invitation,
                        issuer,
                        delivery,
                        account,
                        own_session: true,
                        named,
                    };
                    let waits = (account, delivery, named) == (Said, Delivery::Mail, Named::Id);
                    let expected = if waits {
                        Err(Barred::SecretNeeded)
                    } else {
                        Ok(Taking::Enter)
                    };
                    assert_eq!(show(&showing), expected, "{showing:?}");
                }
            }
        }
    }
}

#[test]
fn an_address_is_shown_by_what_was_mailed_there_into_the_account() {
    use Taking::{Claim, Enter, Make, Open, Prove};
    for delivery in DELIVERIES {
        for named in [Named::Secret, Named::Id] {
            for taking in [Make, Claim, Prove, Open, Enter] {
                for own_session in [false, true] {
                    let expected = delivery == Delivery::Mail
                        && named == Named::Secret
                        // Another's session says nothing of the account.
                        && (own_session || taking != Enter);
                    let shows = shows_address(delivery, named, own_session, taking);
                    assert_eq!(shows, expected, "{delivery:?} {named:?} {taking:?}");
                }
            }
        }
    }
}

/// An operator may set anybody's password: its word is no less than what it could do.
#[test]
fn who_edits_users_does_not_say_that_an_address_was_shown() {
    let email: Email = "user1@example.org".parse().unwrap();
    let editor = ManagementCaller::Subject(Box::new(Manager {
        subject: id(9),
        through: Through::SignIn,
        grants: vec![has("platform.users.edit", None)],
        member_of: vec![],
        roles: vec![],
        tenant_roles: vec![],
        ceilings: vec![],
    }));
    for (made, by_operator, by_editor) in [
        (
            Address::said(email.clone()),
            Account::Unproven,
            Account::Unproven,
        ),
        (Address::proven(email, NOW), Account::Proven, Account::Said),
    ] {
        let made = Identifier::user(made);
        for (caller, expected) in [
            (&ManagementCaller::Operator, by_operator),
            (&editor, by_editor),
        ] {
            let found = subject(1, by_word(caller, made.clone()));
            assert_eq!(Account::of(Some(&found), NOW), expected, "{found:?}");
        }
    }
    assert_eq!(
        by_word(&editor, service(1).identifier),
        service(1).identifier
    );
}

/// The rule that all else stands on.
#[test]
fn nobody_proves_by_what_it_issued_and_received() {
    for issuer in Issuer::ALL {
        assert!(proves(issuer, Delivery::Mail));
        assert!(!proves(issuer, Delivery::Nobody));
    }
    assert!(proves(Issuer::Operator, Delivery::Answer));
    assert!(proves(Issuer::Vouching, Delivery::Answer));
    assert!(!proves(Issuer::Other, Delivery::Answer));
}

#[test]
fn an_account_is_its_persons_by_its_proven_address_alone() {
    let with = |address| subject(1, Identifier::user(address));
    let email: Email = "user1@example.org".parse().unwrap();
    let mut disabled = with(Address::shown(email.clone(), NOW));
    disabled.status = SubjectStatus::Disabled { at: NOW };
    for (found, expected) in [
        (None, Account::Missing),
        (Some(with(Address::said(email.clone()))), Account::Unproven),
        (
            Some(with(Address::confirmed(email.clone(), NOW))),
            Account::Unproven,
        ),
        (
            Some(with(Address::proven(email.clone(), NOW))),
            Account::Said,
        ),
        (
            Some(with(Address::shown(email.clone(), NOW))),
            Account::Proven,
        ),
        (Some(disabled), Account::Unfit),
        (Some(service(1)), Account::Unfit),
        (Some(key_owner(1, "acme")), Account::Unfit),
    ] {
        assert_eq!(Account::of(found.as_ref(), NOW), expected, "{found:?}");
    }
}

#[test]
fn only_a_persons_account_is_shut() {
    for account in Account::ALL {
        assert_eq!(account.with_way_in(true), account);
        let shut = match account {
            Account::Said | Account::Proven => Account::Shut,
            other => other,
        };
        assert_eq!(account.with_way_in(false), shut);
    }
}

/// What a tenant's administrator says of an address takes it from nobody.
#[test]
fn an_address_counts_where_somebody_answers_for_it() {
    let email: Email = "user1@example.org".parse().unwrap();
    let phone: Phone = "+15550100".parse().unwrap();
    let acme = tenant("acme");
    let known = |mailbox| {
        Identifier::User(Contact {
            email: Some(mailbox),
            phone: Some(Address::said(phone.clone())),
            anonymous: false,
        })
    };
    let wide = known(Address::said(email.clone()).into());
    let inside = known(Mailbox::In(acme.clone(), email.clone()));
    for (vouches, at, expected) in [
        (true, None, &wide),
        (true, Some(&acme), &wide),
        (false, Some(&acme), &inside),
    ] {
        assert_eq!(
            placed(wide.clone(), vouches, at),
            *expected,
            "{vouches} {at:?}"
        );
    }
    let nobody = Identifier::User(Contact::default());
    assert_eq!(placed(nobody.clone(), false, Some(&acme)), nobody);
    for vouches in [false, true] {
        for home in [None, Some(&acme)] {
            let made = placed(service(1).identifier, vouches, home);
            assert_eq!(made.home(), home);
        }
    }
    let stand_in = subject(1, inside);
    assert_eq!(Account::of(Some(&stand_in), NOW), Account::Unproven);
    assert_eq!(stand_in.identifier.wide_email(), None);
    assert_eq!(stand_in.identifier.proven_email(), None);
    assert_eq!(stand_in.identifier.email(), Some(&email));
}

#[test]
fn only_who_vouches_says_that_an_address_is_proven_or_what_the_realm_says() {
    let email: Email = "user1@example.org".parse().unwrap();
    let phone: Phone = "+15550100".parse().unwrap();
    let said = subject(1, Identifier::user(Address::said(email.clone())));
    let proven = subject(1, Identifier::user(Address::proven(email, NOW)));
    let called = subject(
        1,
        Identifier::User(Contact {
            phone: Some(Address::proven(phone, NOW)),
            ..Contact::default()
        }),
    );
    let mut named = said.clone();
    named.user_metadata.insert("a".to_owned(), json!(1));
    let mut marked = service(1);
    marked
        .app_metadata
        .insert("role".to_owned(), json!("service_role"));
    let users = "platform.users.edit";
    let by = |grants| {
        ManagementCaller::Subject(Box::new(Manager {
            subject: id(9),
            through: Through::SignIn,
            grants,
            member_of: vec![tenant("acme")],
            roles: vec![],
            tenant_roles: vec![],
            ceilings: vec![],
        }))
    };
    for (caller, vouches) in [
        (ManagementCaller::Operator, true),
        (by(vec![has(users, None)]), true),
        (by(vec![has(users, Some("acme"))]), false),
        (by(vec![has("platform.memberships.edit", None)]), false),
    ] {
        for (made, needs_word) in [
            (&said, false),
            (&named, false),
            (&proven, true),
            (&called, true),
            (&marked, true),
        ] {
            let expected = if needs_word && !vouches {
                Err(ManageRefusal::NotVouching)
            } else {
                Ok(())
            };
            assert_eq!(may_say(&caller, made), expected, "{made:?}");
        }
    }
}

#[test]
fn who_has_its_address_in_one_tenant_is_given_nothing_beyond() {
    let [acme, globex] = [tenant("acme"), tenant("globex")];
    let email: Email = "user1@example.org".parse().unwrap();
    let stand_in = Identifier::User(Contact {
        email: Some(Mailbox::In(acme.clone(), email.clone())),
        ..Contact::default()
    });
    let service = |home| Identifier::Service {
        email: email.clone(),
        home,
    };
    // In the whole realm, at home, and in another tenant.
    for (identifier, expected) in [
        (user(1).identifier, [true, true, true]),
        (stand_in, [false, true, false]),
        (service(None), [true, true, true]),
        (service(Some(acme.clone())), [false, true, true]),
    ] {
        let subject = subject(1, identifier);
        let given = [None, Some(&acme), Some(&globex)].map(|of| stays_home(&subject, of));
        let expected = expected.map(|ok| ok.then_some(()).ok_or(ManageRefusal::StandIn));
        assert_eq!(given, expected, "{:?}", subject.identifier);
    }
}

/// A person whom a name or an address means is never one whom a squatter made for himself.
#[test]
fn who_made_an_account_for_himself_is_not_whom_anybody_means() {
    let email = || Email::new("user1@example.org").unwrap();
    let self_made = subject(1, Identifier::user(Address::confirmed(email(), NOW)));
    assert!(is_self_made(&self_made));
    assert_eq!(
        check_meant(&self_made),
        Err(ManageRefusal::SelfMade(self_made.id))
    );
    let nameless = subject(1, Identifier::User(Contact::default()));
    let said = subject(1, Identifier::user(Address::said(email())));
    for meant in [user(1), said, nameless, service(1)] {
        assert!(!is_self_made(&meant), "{:?}", meant.identifier);
        assert_eq!(check_meant(&meant), Ok(()));
    }
}
