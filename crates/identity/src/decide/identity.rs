//! Which identities at other logins a subject may link and unlink. Not here: signing in
//! by one, and what the other login must have proven (the dialects' ports).

use super::manage::ManagementCaller;
use super::proof::{Account, Issuer, Named, Purpose, Showing, Taking, show};
use super::refusal::ManageRefusal;
use crate::model::{Contact, Delivery, LinkedIdentity, Subject};
use doorward_base::{Email, IdentityId, SubjectId, Timestamp};

/// The most identities of one subject.
pub const MAX_IDENTITIES: usize = 16;
/// The longest name at another login, in bytes (OpenID Connect Core §2: 255 characters of
/// ASCII).
pub const MAX_SUB: usize = 255;

/// What speaks for an identity being this subject's.
#[derive(Clone, Copy, Debug)]
pub enum Ground<'a> {
    /// The person's own session asks for it.
    Caller(&'a ManagementCaller),
    /// The other login has verified this address. Whether that is enough: `proof`.
    Address(&'a Email),
}

/// Checks that an identity may be linked to a subject that has `linked` ones. Nobody links
/// for somebody else: a linked identity is a way in.
///
/// # Errors
/// [`ManageRefusal::NotFound`], [`ManageRefusal::SessionNeeded`] or
/// [`ManageRefusal::TooManyIdentities`].
pub fn may_link(
    ground: Ground<'_>,
    subject: &Subject,
    linked: &[LinkedIdentity],
    now: Timestamp,
) -> Result<(), ManageRefusal> {
    let missing = ManageRefusal::NotFound("subject");
    let Some(contact) = subject.identifier.contact() else {
        return Err(missing);
    };
    match ground {
        Ground::Caller(caller) => demand_own_session(caller, subject.id)?,
        Ground::Address(verified) => {
            let own = contact.email.as_ref();
            let is_its = own.is_some_and(|own| own.value() == verified);
            let shown = show(&Showing {
                purpose: Purpose::Linking,
                issuer: Issuer::Other,
                // The other login had it shown there, and to nobody else.
                delivery: Delivery::Mail,
                account: Account::of(is_its.then_some(subject), now),
                own_session: false,
                named: Named::Secret,
            });
            if shown != Ok(Taking::Enter) {
                return Err(missing);
            }
        }
    }
    if linked.len() < MAX_IDENTITIES {
        Ok(())
    } else {
        Err(ManageRefusal::TooManyIdentities(MAX_IDENTITIES))
    }
}

fn demand_own_session(caller: &ManagementCaller, subject: SubjectId) -> Result<(), ManageRefusal> {
    let ManagementCaller::Subject(manager) = caller else {
        return Err(ManageRefusal::SessionNeeded);
    };
    if manager.subject != subject {
        return Err(ManageRefusal::NotFound("subject"));
    }
    caller.demand_session()
}

/// By what a person comes in.
#[derive(Clone, Copy, Debug)]
pub struct WaysIn<'a> {
    /// Its addresses.
    pub contact: &'a Contact,
    /// Whether it has a password.
    pub has_password: bool,
    /// Its identities.
    pub linked: &'a [LinkedIdentity],
}

impl WaysIn<'_> {
    /// Whether anything lets the person in, without one of the identities if it is named.
    /// A password counts with an address to type it beside; an address alone does not,
    /// because whether mail goes out is the realm's matter and may end.
    #[must_use]
    pub fn is_any(&self, without: Option<IdentityId>) -> bool {
        let has_address = self.contact.email.is_some() || self.contact.phone.is_some();
        self.linked.iter().any(|one| Some(one.id) != without) || (self.has_password && has_address)
    }
}

/// Checks that a way in is left without this identity.
///
/// # Errors
/// [`ManageRefusal::NotFound`] or [`ManageRefusal::LastWayIn`].
pub fn may_unlink(ways: &WaysIn<'_>, identity: IdentityId) -> Result<(), ManageRefusal> {
    if !ways.linked.iter().any(|one| one.id == identity) {
        return Err(ManageRefusal::NotFound("identity"));
    }
    if ways.is_any(Some(identity)) {
        Ok(())
    } else {
        Err(ManageRefusal::LastWayIn)
    }
}

#[cfg(test)]
mod tests {
    use super::super::manage::{Manager, Through};
    use super::super::testing::{NOW, id, service, subject, user};
    use super::*;
    use crate::model::{Address, Identifier, Metadata};
    use doorward_base::ApiTokenId;

    fn linked(n: u8) -> LinkedIdentity {
        LinkedIdentity {
            id: IdentityId::from_bytes([n; 16]),
            subject: id(1),
            provider: "github".parse().unwrap(),
            sub: format!("{n}").into(),
            data: Metadata::new(),
            created_at: NOW,
            last_used_at: None,
        }
    }

    fn caller(n: u8, through: Through) -> ManagementCaller {
        ManagementCaller::Subject(Box::new(Manager {
            subject: id(n),
            through,
            grants: vec![],
            member_of: vec![],
            roles: vec![],
            tenant_roles: vec![],
            ceilings: vec![],
        }))
    }

    #[test]
    fn only_a_persons_own_session_links() {
        let token = Through::ApiToken(ApiTokenId::from_bytes([7; 16]));
        let own = caller(1, Through::SignIn);
        let link = |caller: &ManagementCaller, to: &Subject| {
            may_link(Ground::Caller(caller), to, &[], NOW)
        };
        assert_eq!(link(&own, &user(1)), Ok(()));
        assert_eq!(
            link(&caller(1, token), &user(1)),
            Err(ManageRefusal::SessionNeeded)
        );
        assert_eq!(
            link(&ManagementCaller::Operator, &user(1)),
            Err(ManageRefusal::SessionNeeded)
        );
        assert_eq!(
            link(&own, &user(2)),
            Err(ManageRefusal::NotFound("subject"))
        );
        assert_eq!(
            link(&caller(3, Through::SignIn), &service(3)),
            Err(ManageRefusal::NotFound("subject"))
        );
        let many: Vec<_> = (0..16).map(linked).collect();
        assert_eq!(
            may_link(Ground::Caller(&own), &user(1), &many, NOW),
            Err(ManageRefusal::TooManyIdentities(16))
        );
    }

    #[test]
    fn an_address_links_where_it_is_proven_on_both_sides() {
        let verified: Email = "user1@example.org".parse().unwrap();
        let other: Email = "user2@example.org".parse().unwrap();
        let with = |address| subject(1, Identifier::user(address));
        for (address, links) in [
            (Address::proven(verified.clone(), NOW), true),
            (Address::confirmed(verified.clone(), NOW), false),
            (Address::said(verified.clone()), false),
            (Address::proven(other, NOW), false),
        ] {
            let to = with(address.clone());
            let outcome = may_link(Ground::Address(&verified), &to, &[], NOW);
            assert_eq!(outcome.is_ok(), links, "{address:?}");
        }
        let nobody = subject(1, Identifier::User(Contact::default()));
        assert!(may_link(Ground::Address(&verified), &nobody, &[], NOW).is_err());
    }

    #[test]
    fn the_last_way_in_stays() {
        let Identifier::User(reachable) = user(1).identifier else {
            unreachable!("a user")
        };
        let unreachable = Contact::default();
        let (one, two) = ([linked(1)], [linked(1), linked(2)]);
        for (contact, has_password, linked, goes) in [
            (&reachable, true, &one[..], true),
            (&reachable, false, &one[..], false),
            (&unreachable, true, &one[..], false),
            (&unreachable, false, &two[..], true),
        ] {
            let ways = WaysIn {
                contact,
                has_password,
                linked,
            };
            let outcome = may_unlink(&ways, IdentityId::from_bytes([1; 16]));
            let expected = if goes {
                Ok(())
            } else {
                Err(ManageRefusal::LastWayIn)
            };
            assert_eq!(outcome, expected, "{ways:?}");
            assert!(ways.is_any(None));
            let bare = WaysIn {
                linked: &[],
                ..ways
            };
            let has_address = contact.email.is_some();
            assert_eq!(bare.is_any(None), has_password && has_address);
            assert_eq!(
                may_unlink(&ways, IdentityId::from_bytes([9; 16])),
                Err(ManageRefusal::NotFound("identity"))
            );
        }
    }
}
