//! Who may see and remove whose factors. Not here: enrolling and proving (the dialects'
//! flows).

use super::manage::{Belonging, ManagementCaller, ManagementPermission};
use super::refusal::ManageRefusal;
use crate::model::Factor;
use doorward_base::authn::AssuranceLevel;
use doorward_base::{FactorId, SubjectId};

/// Whose factors, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct FactorsOf<'a> {
    /// Who asks.
    pub caller: &'a ManagementCaller,
    /// Whose they are.
    pub owner: SubjectId,
    /// Whose the owner is.
    pub belonging: Belonging<'a>,
}

impl FactorsOf<'_> {
    fn is_own(&self) -> bool {
        self.caller.subject() == Some(self.owner)
    }

    /// Whether the caller may see them: its own from a session; others' with
    /// `platform.users.read` over all that the owner is.
    ///
    /// # Errors
    /// [`ManageRefusal`].
    pub fn may_list(&self) -> Result<(), ManageRefusal> {
        self.within(ManagementPermission::UsersRead)
    }

    fn within(&self, needed: ManagementPermission) -> Result<(), ManageRefusal> {
        if self.is_own() {
            return self.caller.demand_session();
        }
        let reach = self.caller.reach(needed)?;
        self.caller.demand_session()?;
        // A factor strengthens every sign-in of its owner, in whatever tenant.
        if reach.covers_whole(&self.belonging) {
            Ok(())
        } else {
            Err(ManageRefusal::NotFound("subject"))
        }
    }

    /// Decides whether the factor may be removed, and returns what goes with it: with the
    /// last one that strengthens a sign-in, the recovery codes that stand in for it.
    ///
    /// An own factor that was shown to work takes a session that a factor strengthened:
    /// whoever has only the password, or finds an open session, must not take the second
    /// lock away. Whoever lost every factor asks an administrator
    /// (`platform.users.edit` over all that the owner is).
    ///
    /// # Errors
    /// [`ManageRefusal`].
    pub fn may_delete(
        &self,
        factors: &[Factor],
        id: FactorId,
        session: AssuranceLevel,
    ) -> Result<Vec<FactorId>, ManageRefusal> {
        self.within(ManagementPermission::UsersEdit)?;
        let factor = factors
            .iter()
            .find(|factor| factor.id == id && factor.subject == self.owner)
            .ok_or(ManageRefusal::NotFound("factor"))?;
        if self.is_own() && factor.is_verified() && session == AssuranceLevel::Aal1 {
            return Err(ManageRefusal::FactorNeeded);
        }
        let left = factors
            .iter()
            .any(|other| other.id != id && other.is_verified() && other.kind.stands_alone());
        let mut gone = vec![id];
        if !left {
            let stand_ins = factors
                .iter()
                .filter(|other| other.id != id && !other.kind.stands_alone());
            gone.extend(stand_ins.map(|other| other.id));
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::manage::{Manager, Through};
    use super::super::testing::*;
    use super::*;
    use crate::model::{FactorData, FactorKind, FactorState, Grant, Metadata};

    fn factor(n: u8, kind: FactorKind, verified: bool) -> Factor {
        Factor {
            id: FactorId::from_bytes([n; 16]),
            subject: id(1),
            kind,
            state: if verified {
                FactorState::Verified { at: NOW }
            } else {
                FactorState::Unverified
            },
            name: None,
            data: FactorData::Public(Metadata::new()),
            counter: None,
            created_at: NOW,
            last_used_at: None,
        }
    }

    fn caller(n: u8, grants: &[Grant], member_of: &[&str]) -> ManagementCaller {
        ManagementCaller::Subject(Box::new(Manager {
            subject: id(n),
            through: Through::SignIn,
            grants: grants.to_vec(),
            member_of: member_of.iter().map(|name| tenant(name)).collect(),
            roles: Vec::new(),
            tenant_roles: Vec::new(),
            ceilings: Vec::new(),
        }))
    }

    fn of<'a>(
        caller: &'a ManagementCaller,
        member_of: &'a [doorward_base::TenantId],
    ) -> FactorsOf<'a> {
        FactorsOf {
            caller,
            owner: id(1),
            belonging: Belonging {
                member_of,
                is_realms: false,
            },
        }
    }

    fn ids(list: &[u8]) -> Vec<FactorId> {
        list.iter()
            .map(|n| FactorId::from_bytes([*n; 16]))
            .collect()
    }

    #[test]
    fn the_last_factor_takes_its_stand_ins_along() {
        use FactorKind::{Passkey, RecoveryCodes, Totp};
        let codes = factor(9, RecoveryCodes, true);
        let own = caller(1, &[], &[]);
        for (factors, gone) in [
            (vec![factor(1, Totp, true), codes.clone()], vec![1, 9]),
            (
                vec![
                    factor(1, Totp, true),
                    factor(2, Passkey, true),
                    codes.clone(),
                ],
                vec![1],
            ),
            (
                vec![
                    factor(1, Totp, true),
                    factor(2, Passkey, false),
                    codes.clone(),
                ],
                vec![1, 9],
            ),
            (
                vec![
                    factor(1, Totp, false),
                    factor(2, Passkey, true),
                    codes.clone(),
                ],
                vec![1],
            ),
            (vec![factor(1, Totp, true)], vec![1]),
        ] {
            let done = of(&own, &[]).may_delete(&factors, ids(&[1])[0], AssuranceLevel::Aal2);
            assert_eq!(done, Ok(ids(&gone)));
        }
        // The codes alone leave the factor where it is.
        let both = [factor(1, Totp, true), codes];
        let done = of(&own, &[]).may_delete(&both, ids(&[9])[0], AssuranceLevel::Aal2);
        assert_eq!(done, Ok(ids(&[9])));
    }

    #[test]
    fn an_own_factor_that_works_takes_more_than_the_password() {
        let own = caller(1, &[], &[]);
        let one = ids(&[1])[0];
        for (verified, session, expected) in [
            (true, AssuranceLevel::Aal1, Err(ManageRefusal::FactorNeeded)),
            (true, AssuranceLevel::Aal2, Ok(vec![one])),
            (false, AssuranceLevel::Aal1, Ok(vec![one])),
        ] {
            let factors = [factor(1, FactorKind::Totp, verified)];
            let done = of(&own, &[]).may_delete(&factors, one, session);
            assert_eq!(done, expected, "{verified} {session:?}");
        }
        // Nor do the codes go by the password alone.
        let codes = [factor(1, FactorKind::RecoveryCodes, true)];
        let done = of(&own, &[]).may_delete(&codes, one, AssuranceLevel::Aal1);
        assert_eq!(done, Err(ManageRefusal::FactorNeeded));
    }

    #[test]
    fn who_removes_a_factor_names_one_of_its_owner() {
        let own = caller(1, &[], &[]);
        let others = Factor {
            subject: id(2),
            ..factor(1, FactorKind::Totp, true)
        };
        let factors = [others, factor(2, FactorKind::Totp, true)];
        for (n, expected) in [
            (1, Err(ManageRefusal::NotFound("factor"))),
            (2, Ok(ids(&[2]))),
            (3, Err(ManageRefusal::NotFound("factor"))),
        ] {
            let done = of(&own, &[]).may_delete(&factors, ids(&[n])[0], AssuranceLevel::Aal2);
            assert_eq!(done, expected, "{n}");
        }
    }

    #[test]
    fn anothers_factors_take_the_permission_over_all_that_the_owner_is() {
        let edit = ManagementPermission::UsersEdit.as_str();
        let acme = [tenant("acme")];
        let both = [tenant("acme"), tenant("globex")];
        let stranger = caller(2, &[], &["acme"]);
        let local = caller(2, &[has(edit, Some("acme"))], &["acme"]);
        let realm = caller(2, &[has(edit, None)], &[]);
        let factors = [factor(1, FactorKind::Totp, true)];
        let one = ids(&[1])[0];
        for (caller, member_of, expected) in [
            (&stranger, &acme[..], Err(ManageRefusal::NotPermitted(edit))),
            (&local, &acme[..], Ok(vec![one])),
            (&local, &both[..], Err(ManageRefusal::NotFound("subject"))),
            (&realm, &both[..], Ok(vec![one])),
            (&ManagementCaller::Operator, &both[..], Ok(vec![one])),
        ] {
            let done = of(caller, member_of).may_delete(&factors, one, AssuranceLevel::Aal1);
            assert_eq!(done, expected);
        }
    }

    #[test]
    fn a_token_sees_and_removes_no_factor() {
        let ManagementCaller::Subject(mut manager) = caller(1, &[], &[]) else {
            panic!("a subject");
        };
        manager.through = Through::ApiToken(doorward_base::ApiTokenId::from_bytes([3; 16]));
        let by_token = ManagementCaller::Subject(manager);
        let factors = [factor(1, FactorKind::Totp, false)];
        let listed = of(&by_token, &[]).may_list();
        assert_eq!(listed, Err(ManageRefusal::SessionNeeded));
        let done = of(&by_token, &[]).may_delete(&factors, ids(&[1])[0], AssuranceLevel::Aal2);
        assert_eq!(done, Err(ManageRefusal::SessionNeeded));
    }
}
