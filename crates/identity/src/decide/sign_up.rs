//! What a sign-up does: whether an account is made, and in which tenant. The tenant never
//! comes from whoever signs up. Not here: what an invitation proves (`invitation`), and the
//! password's rules (`password`).

use super::proof::{Account, Taking};
use super::refusal::{ManageRefusal, SignUpRefusal};
use crate::settings::{Enrolment, RealmSettings, SignUpMode, SignUpSettings};
use doorward_base::RoleName;

/// A sign-up, and what is known of its address.
#[derive(Clone, Debug)]
pub struct SignUpInput<'a> {
    /// What the realm says.
    pub settings: &'a SignUpSettings,
    /// The account of the address in the whole realm.
    pub account: Account,
    /// What the invitation whose secret was presented does for the account; `None` where
    /// none was presented.
    pub shown: Option<Result<Taking, ManageRefusal>>,
    /// Whether an invitation waits that the address alone takes.
    pub is_awaited: bool,
}

/// How the new account enrols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enrolling {
    /// By the invitation that was presented, which proves the address.
    Shown,
    /// Likewise, and what somebody else made under the address is erased before.
    Claim,
    /// By the invitation that waits for the address, which proves nothing.
    Address,
    /// In a tenant of its own.
    OwnTenant,
    /// Nowhere yet.
    Nowhere,
}

impl Enrolling {
    /// How the audit log calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shown | Self::Claim => "proven",
            Self::Address => "invited_address",
            Self::OwnTenant => "own_tenant",
            Self::Nowhere => "none",
        }
    }
}

/// Whether anybody may sign up.
///
/// # Errors
/// [`SignUpRefusal::Closed`].
pub const fn check_open(settings: &SignUpSettings) -> Result<(), SignUpRefusal> {
    match settings.mode {
        SignUpMode::Open => Ok(()),
        SignUpMode::Closed => Err(SignUpRefusal::Closed),
    }
}

/// The roles that whoever signs up asks for: fewer than every new user is granted, never more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AskedRoles {
    /// Those that it wants; without, all of them.
    pub allowed: Option<Vec<RoleName>>,
    /// The one in force where a request selects none. It is the realm's to say: another is
    /// refused, and so is going without it.
    pub default: Option<RoleName>,
}

/// The roles that a new user is granted, realm-wide.
///
/// # Errors
/// [`SignUpRefusal::Role`], [`SignUpRefusal::DefaultRole`].
pub fn roles_of(
    asked: &AskedRoles,
    settings: &RealmSettings,
) -> Result<Vec<RoleName>, SignUpRefusal> {
    allowed_of(
        asked,
        &settings.default_roles,
        settings.default_role.as_ref(),
    )
}

fn allowed_of(
    asked: &AskedRoles,
    given: &[RoleName],
    in_force: Option<&RoleName>,
) -> Result<Vec<RoleName>, SignUpRefusal> {
    let allowed = asked.allowed.as_deref().unwrap_or(given);
    if !allowed.iter().all(|role| given.contains(role)) {
        return Err(SignUpRefusal::Role);
    }
    if let Some(default) = &asked.default {
        if !allowed.contains(default) {
            return Err(SignUpRefusal::DefaultRole);
        }
        if in_force != Some(default) {
            return Err(SignUpRefusal::Role);
        }
    }
    let is_left_out = |role: &RoleName| given.contains(role) && !allowed.contains(role);
    if in_force.is_some_and(is_left_out) {
        return Err(SignUpRefusal::DefaultRole);
    }
    Ok(allowed.to_vec())
}

/// Decides. An account that is there is not touched, but for one that nobody had proven
/// when its owner comes with a proof.
///
/// # Errors
/// [`SignUpRefusal::Closed`]; [`SignUpRefusal::Exists`], which tells of the account, as the
/// products do that let somebody in at once; [`SignUpRefusal::Manage`] with
/// [`ManageRefusal::InvitationInvalid`].
pub fn sign_up(input: &SignUpInput<'_>) -> Result<Enrolling, SignUpRefusal> {
    check_open(input.settings)?;
    match (&input.shown, input.account) {
        (Some(Ok(Taking::Make)), Account::Missing) => Ok(Enrolling::Shown),
        (Some(Ok(Taking::Claim)), Account::Unproven) => Ok(Enrolling::Claim),
        // The account is its person's, who signs in and takes it there.
        (
            Some(
                Ok(_)
                | Err(
                    ManageRefusal::SessionNeeded
                    | ManageRefusal::MailNeeded
                    | ManageRefusal::SecretNeeded
                    | ManageRefusal::Unused(_),
                ),
            ),
            _,
        )
        | (
            None,
            Account::Unproven | Account::Said | Account::Proven | Account::Shut | Account::Unfit,
        ) => Err(SignUpRefusal::Exists),
        (Some(Err(refusal)), _) => Err(refusal.clone().into()),
        (None, Account::Missing) => Ok(enrolling(input.settings, input.is_awaited)),
    }
}

fn enrolling(settings: &SignUpSettings, is_awaited: bool) -> Enrolling {
    if is_awaited && settings.enrols_by(Enrolment::InvitedAddress) {
        Enrolling::Address
    } else if settings.enrols_by(Enrolment::OwnTenant) {
        Enrolling::OwnTenant
    } else {
        Enrolling::Nowhere
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::role;
    use super::*;

    fn open(enrolment: &[Enrolment]) -> SignUpSettings {
        SignUpSettings {
            mode: SignUpMode::Open,
            enrolment: enrolment.to_vec(),
            own_tenant_roles: Vec::new(),
        }
    }

    #[test]
    fn fewer_roles_may_be_asked_for_and_no_others() {
        let roles = |names: &[&str]| -> Vec<RoleName> { names.iter().map(|n| role(n)).collect() };
        for (given, default, allowed, asked, expected) in [
            (&["a", "b"][..], Some("a"), None, None, Ok(&["a", "b"][..])),
            (&["a", "b"], Some("a"), Some(&["a"][..]), None, Ok(&["a"])),
            (&["a", "b"], Some("a"), Some(&["a"]), Some("a"), Ok(&["a"])),
            (&["a", "b"], None, Some(&[]), None, Ok(&[])),
            (&["a", "b"], Some("c"), Some(&["b"]), None, Ok(&["b"])),
            (
                &["a", "b"],
                Some("a"),
                Some(&["a", "c"]),
                None,
                Err(SignUpRefusal::Role),
            ),
            (
                &["a", "b"],
                Some("a"),
                None,
                Some("b"),
                Err(SignUpRefusal::Role),
            ),
            (
                &["a", "b"],
                Some("a"),
                None,
                Some("c"),
                Err(SignUpRefusal::DefaultRole),
            ),
            (
                &["a", "b"],
                Some("a"),
                Some(&["b"]),
                Some("a"),
                Err(SignUpRefusal::DefaultRole),
            ),
            (
                &["a", "b"],
                Some("a"),
                Some(&["b"]),
                None,
                Err(SignUpRefusal::DefaultRole),
            ),
        ] {
            let asked = AskedRoles {
                allowed: allowed.map(roles),
                default: asked.map(role),
            };
            let granted = allowed_of(&asked, &roles(given), default.map(role).as_ref());
            assert_eq!(
                granted,
                expected.map(roles),
                "{given:?} {default:?} {asked:?}"
            );
        }
    }

    #[test]
    fn where_sign_up_is_closed_nobody_signs_up() {
        let closed = SignUpSettings::default();
        for shown in [None, Some(Ok(Taking::Make))] {
            let input = SignUpInput {
                settings: &closed,
                account: Account::Missing,
                shown,
                is_awaited: true,
            };
            assert_eq!(sign_up(&input), Err(SignUpRefusal::Closed));
        }
    }

    #[test]
    fn who_is_not_invited_enrols_as_the_realm_says() {
        use Enrolment::{InvitedAddress, OwnTenant, Proven};
        for (enrolment, is_awaited, expected) in [
            (&[][..], false, Enrolling::Nowhere),
            (&[], true, Enrolling::Nowhere),
            (&[Proven], true, Enrolling::Nowhere),
            (&[InvitedAddress], true, Enrolling::Address),
            (&[InvitedAddress], false, Enrolling::Nowhere),
            (&[OwnTenant], true, Enrolling::OwnTenant),
            (&[OwnTenant], false, Enrolling::OwnTenant),
            (&[OwnTenant, InvitedAddress], true, Enrolling::Address),
            (&[InvitedAddress, OwnTenant], false, Enrolling::OwnTenant),
        ] {
            let settings = open(enrolment);
            let input = SignUpInput {
                settings: &settings,
                account: Account::Missing,
                shown: None,
                is_awaited,
            };
            assert_eq!(sign_up(&input), Ok(expected), "{enrolment:?} {is_awaited}");
        }
    }

    #[test]
    fn an_account_that_is_there_is_taken_by_nobody_without_a_proof() {
        let settings = open(&[Enrolment::InvitedAddress, Enrolment::OwnTenant]);
        for account in Account::ALL {
            let input = SignUpInput {
                settings: &settings,
                account,
                shown: None,
                is_awaited: true,
            };
            let exists = account != Account::Missing;
            let refused = sign_up(&input) == Err(SignUpRefusal::Exists);
            assert_eq!(refused, exists, "{account:?}");
        }
    }

    #[test]
    fn a_presented_invitation_makes_claims_or_is_refused() {
        use ManageRefusal::{InvitationInvalid, MailNeeded, SessionNeeded, Unused};
        let settings = open(&[Enrolment::OwnTenant]);
        let invalid = || SignUpRefusal::Manage(InvitationInvalid);
        for (account, shown, expected) in [
            (Account::Missing, Ok(Taking::Make), Ok(Enrolling::Shown)),
            (Account::Unproven, Ok(Taking::Claim), Ok(Enrolling::Claim)),
            (Account::Missing, Err(InvitationInvalid), Err(invalid())),
            (Account::Unproven, Err(InvitationInvalid), Err(invalid())),
            (Account::Proven, Err(InvitationInvalid), Err(invalid())),
            (Account::Unfit, Err(InvitationInvalid), Err(invalid())),
            (
                Account::Proven,
                Err(SessionNeeded),
                Err(SignUpRefusal::Exists),
            ),
            (
                Account::Proven,
                Err(Unused("x")),
                Err(SignUpRefusal::Exists),
            ),
            (
                Account::Proven,
                Ok(Taking::Enter),
                Err(SignUpRefusal::Exists),
            ),
            (Account::Shut, Ok(Taking::Open), Err(SignUpRefusal::Exists)),
            (Account::Shut, Err(MailNeeded), Err(SignUpRefusal::Exists)),
        ] {
            let input = SignUpInput {
                settings: &settings,
                account,
                shown: Some(shown.clone()),
                is_awaited: true,
            };
            assert_eq!(sign_up(&input), expected, "{account:?} {shown:?}");
        }
    }

    #[test]
    fn the_audit_log_says_how_a_membership_began() {
        use Enrolling::{Address, Claim, Nowhere, OwnTenant, Shown};
        let all = [Shown, Claim, Address, OwnTenant, Nowhere].map(Enrolling::as_str);
        let expected = ["proven", "proven", "invited_address", "own_tenant", "none"];
        assert_eq!(all, expected);
    }
}
