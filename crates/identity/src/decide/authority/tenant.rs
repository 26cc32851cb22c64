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
