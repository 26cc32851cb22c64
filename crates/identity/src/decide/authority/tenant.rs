//! The tenant that a new token acts in. Not here: what it may do there.

use super::AuthorityRefusal;
use doorward_base::TenantId;

/// The tenant a new token is fixed to: the one its ceiling names, else the requested
/// one, else the only one there is.
///
/// # Errors
/// [`AuthorityRefusal::Tenant`] when the request names a tenant that is not the
/// ceiling's or not the subject's.
pub fn active_tenant(
    requested: Option<&TenantId>,
    bound: Option<&TenantId>,
    member_of: &[TenantId],
) -> Result<Option<TenantId>, AuthorityRefusal> {
    match (bound, requested) {
        (Some(bound), Some(requested)) if bound != requested => Err(AuthorityRefusal::Tenant),
        (Some(tenant), _) | (None, Some(tenant)) => {
            if member_of.contains(tenant) {
                Ok(Some(tenant.clone()))
            } else {
                Err(AuthorityRefusal::Tenant)
            }
        }
        (None, None) => Ok(match member_of {
            [only] => Some(only.clone()),
            _ => None,
        }),
    }
}

/// Where a session acts that names no tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unnamed {
    /// In the only tenant there is; in none, where there are several.
    OnlyOne,
    /// At home: in the tenant that the subject has been in for the longest time. Whoever takes
    /// it into another does not take it away from there.
    Home,
    /// In none.
    Nowhere,
}

/// The tenant a new session is fixed to, of those that its subject is a member of, the oldest
/// membership first.
///
/// # Errors
/// [`AuthorityRefusal::Tenant`] when the request names a tenant that is not the subject's.
pub fn tenant_of_session(
    requested: Option<&TenantId>,
    unnamed: Unnamed,
    member_of: &[TenantId],
) -> Result<Option<TenantId>, AuthorityRefusal> {
    match (requested, unnamed) {
        (Some(_), _) | (None, Unnamed::OnlyOne) => active_tenant(requested, None, member_of),
        (None, Unnamed::Home) => Ok(member_of.first().cloned()),
        (None, Unnamed::Nowhere) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_membership_takes_nobody_away_from_home() {
        let name = |name: &str| TenantId::new(name).unwrap();
        let (acme, globex) = (name("acme"), name("globex"));
        let both = [globex.clone(), acme.clone()];
        let foreign = name("initech");
        for (member_of, unnamed, expected) in [
            (&[][..], Unnamed::Home, None),
            (&both[..1], Unnamed::Home, Some(&globex)),
            (&both, Unnamed::Home, Some(&globex)),
            (&[], Unnamed::OnlyOne, None),
            (&both[..1], Unnamed::OnlyOne, Some(&globex)),
            (&both, Unnamed::OnlyOne, None),
            (&both[..1], Unnamed::Nowhere, None),
            (&both, Unnamed::Nowhere, None),
        ] {
            let chosen = tenant_of_session(None, unnamed, member_of);
            assert_eq!(chosen, Ok(expected.cloned()), "{unnamed:?} {member_of:?}");
            let refused = tenant_of_session(Some(&foreign), unnamed, member_of);
            assert_eq!(refused, Err(AuthorityRefusal::Tenant), "{unnamed:?}");
        }
        for unnamed in [Unnamed::Home, Unnamed::OnlyOne, Unnamed::Nowhere] {
            let named = tenant_of_session(Some(&acme), unnamed, &both);
            assert_eq!(named, Ok(Some(acme.clone())), "{unnamed:?}");
        }
    }
}
