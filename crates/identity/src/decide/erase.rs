//! Who may delete a subject or a tenant for good. Not here: what goes with it (`act`, and
//! the store's sweep).

use super::manage::{ManagementCaller, ManagementPermission};
use super::refusal::ManageRefusal;
use crate::model::{Identifier, Subject};
use doorward_base::Timestamp;
use std::time::Duration;

/// How old a sign-in may be that stands for a person without a password.
pub const RECENT: Duration = Duration::from_secs(600);

/// What a person shows beside its session to delete itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// It gave its current password.
    Password,
    /// Why that is not shown.
    Wrong(ManageRefusal),
    /// It has no password, and signed in then.
    SignedIn(Timestamp),
}

/// Checks that a caller may delete a subject. A person deletes itself, by a session of its
/// own and its password; without one, by a sign-in of a moment ago. Somebody else needs
/// the permission over the whole realm: nothing brings a deleted subject back. A tenant's
/// key subject goes with its tenant.
///
/// # Errors
/// [`ManageRefusal`].
pub fn may_delete(
    caller: &ManagementCaller,
    subject: Option<&Subject>,
    proof: Option<&Proof>,
    now: Timestamp,
) -> Result<(), ManageRefusal> {
    let missing = ManageRefusal::NotFound("subject");
    let Some(subject) = subject else {
        // Who may delete nobody learns of nobody.
        caller.demand_realm(ManagementPermission::UsersEdit)?;
        return Err(missing);
    };
    if caller.subject() != Some(subject.id) {
        // Whoever may delete nobody learns of nobody, and of no kind.
        let users = caller.demand_realm(ManagementPermission::UsersEdit);
        if caller
            .demand_realm(ManagementPermission::ServiceAccountsEdit)
            .is_err()
        {
            users?;
        }
    }
    let needed = match &subject.identifier {
        Identifier::User(_) | Identifier::External { .. } => ManagementPermission::UsersEdit,
        Identifier::Service { .. } => ManagementPermission::ServiceAccountsEdit,
        Identifier::TenantKeys { .. } => {
            caller.demand_realm(ManagementPermission::ServiceAccountsEdit)?;
            return Err(missing);
        }
    };
    if caller.subject() != Some(subject.id) {
        return caller.demand_realm(needed);
    }
    caller.demand_session()?;
    match proof {
        Some(Proof::Password) => Ok(()),
        Some(Proof::Wrong(refusal)) => Err(refusal.clone()),
        Some(Proof::SignedIn(at)) if now < at.plus(RECENT) => Ok(()),
        Some(Proof::SignedIn(_)) => Err(ManageRefusal::SignInTooOld),
        None => Err(ManageRefusal::PasswordWrong),
    }
}

/// Checks that a caller may delete tenants.
///
/// # Errors
/// [`ManageRefusal::NotRealmWide`].
pub fn may_delete_tenant(caller: &ManagementCaller) -> Result<(), ManageRefusal> {
    caller.demand_realm(ManagementPermission::TenantsEdit)
}

#[cfg(test)]
mod tests {
    use super::super::manage::{Manager, Through};
    use super::super::testing::{NOW, has, id, key_owner, service, tenant, user};
    use super::*;
    use crate::model::Grant;
    use doorward_base::ApiTokenId;

    fn holding(through: Through, grants: Vec<Grant>) -> ManagementCaller {
        ManagementCaller::Subject(Box::new(Manager {
            subject: id(1),
            through,
            grants,
            member_of: vec![tenant("acme")],
            roles: vec![],
            tenant_roles: vec![],
            ceilings: vec![],
        }))
    }

    fn not_realm_wide(needed: &'static str) -> ManageRefusal {
        ManageRefusal::NotRealmWide {
            needed,
            caller: id(1),
        }
    }

    #[test]
    fn a_person_deletes_itself_by_session_and_password() {
        let token = Through::ApiToken(ApiTokenId::from_bytes([7; 16]));
        let ago = |seconds| Proof::SignedIn(NOW.minus(Duration::from_secs(seconds)));
        let wrong = Proof::Wrong(ManageRefusal::TooManyGuesses(90));
        for (through, proof, expected) in [
            (Through::SignIn, Some(Proof::Password), Ok(())),
            (Through::SignIn, Some(ago(599)), Ok(())),
            (
                Through::SignIn,
                Some(ago(600)),
                Err(ManageRefusal::SignInTooOld),
            ),
            (
                Through::SignIn,
                Some(wrong),
                Err(ManageRefusal::TooManyGuesses(90)),
            ),
            (Through::SignIn, None, Err(ManageRefusal::PasswordWrong)),
            (
                token,
                Some(Proof::Password),
                Err(ManageRefusal::SessionNeeded),
            ),
        ] {
            let caller = holding(through, vec![]);
            let outcome = may_delete(&caller, Some(&user(1)), proof.as_ref(), NOW);
            assert_eq!(outcome, expected, "{through:?} {proof:?}");
        }
    }

    #[test]
    fn another_is_deleted_by_the_permission_over_the_whole_realm() {
        let none = not_realm_wide;
        let users = "platform.users.edit";
        let services = "platform.users.service-accounts.edit";
        for (grants, whom, expected) in [
            (vec![has(users, None)], user(2), Ok(())),
            (vec![has(users, Some("acme"))], user(2), Err(none(users))),
            (vec![], user(2), Err(none(users))),
            (vec![has(services, None)], user(2), Err(none(users))),
            (vec![has(services, None)], service(2), Ok(())),
            (vec![has(users, None)], service(2), Err(none(services))),
            (
                vec![has(users, None), has(services, None)],
                key_owner(2, "acme"),
                Err(ManageRefusal::NotFound("subject")),
            ),
        ] {
            let caller = holding(Through::SignIn, grants.clone());
            let outcome = may_delete(&caller, Some(&whom), None, NOW);
            assert_eq!(outcome, expected, "{grants:?} {whom:?}");
        }
        let operator = may_delete(&ManagementCaller::Operator, Some(&user(2)), None, NOW);
        assert_eq!(operator, Ok(()));
        for (grants, expected) in [
            (vec![has(users, None)], ManageRefusal::NotFound("subject")),
            (vec![], none(users)),
        ] {
            let outcome = may_delete(&holding(Through::SignIn, grants), None, None, NOW);
            assert_eq!(outcome, Err(expected));
        }
    }

    #[test]
    fn a_tenant_is_deleted_by_the_realm_and_not_by_itself() {
        let name = "platform.tenants.edit";
        for (grants, expected) in [
            (vec![has(name, None)], Ok(())),
            (vec![has(name, Some("acme"))], Err(not_realm_wide(name))),
            (vec![], Err(not_realm_wide(name))),
        ] {
            assert_eq!(
                may_delete_tenant(&holding(Through::SignIn, grants)),
                expected
            );
        }
    }
}
