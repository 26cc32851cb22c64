//! What a tenant's key carries that takes over from a person's or a service account's token:
//! no more than that token opens now, on no API where it opens less. Not here: who may make
//! the key, and that he must hold all of it himself (`token::create`).

use crate::decide::authority::{Held, Holdings, apply_ceilings, held};
use crate::decide::refusal::TokenRefusal;
use crate::model::{ApiToken, Ceiling, TokenKind};
use doorward_base::{Environment, Permission, RoleName, Timestamp};
use std::collections::BTreeSet;

/// The ceiling of the key. A key is the tenant's in which the token acts, so that one of no
/// tenant is not handed over; nor is a key, which is the tenant's already.
///
/// # Errors
/// [`TokenRefusal::Dead`], [`TokenRefusal::OwnerKind`] or [`TokenRefusal::TenantForbidden`].
pub fn hand_over(
    token: &ApiToken,
    holdings: &Holdings<'_>,
    environment: Option<&Environment>,
    now: Timestamp,
) -> Result<Ceiling, TokenRefusal> {
    if !token.is_live(now) {
        return Err(TokenRefusal::Dead);
    }
    if token.kind == TokenKind::Key {
        return Err(TokenRefusal::OwnerKind);
    }
    let tenant = token.ceiling.tenant.as_ref();
    if !tenant.is_some_and(|tenant| holdings.member_of.contains(tenant)) {
        return Err(TokenRefusal::TenantForbidden);
    }
    // A key's permissions are granted for every API that its ceiling allows.
    let opens = |audience| {
        let mut opened = held(holdings, tenant, audience);
        apply_ceilings(&mut opened, &[&token.ceiling]);
        opened
    };
    let opened: Vec<Held> = match &token.ceiling.audiences {
        None => vec![opens(None)],
        Some(audiences) => audiences.iter().map(|one| opens(Some(one))).collect(),
    };
    Ok(Ceiling {
        tenant: tenant.cloned(),
        roles: Some(common(opened.iter().map(roles))),
        permissions: Some(common(opened.iter().map(permissions))),
        audiences: token.ceiling.audiences.clone(),
        environment: environment.cloned(),
    })
}

fn roles(opened: &Held) -> BTreeSet<RoleName> {
    opened.roles.keys().cloned().collect()
}

fn permissions(opened: &Held) -> BTreeSet<Permission> {
    opened.all_permissions().cloned().collect()
}

/// What is in all of them.
fn common<T: Ord>(sets: impl Iterator<Item = BTreeSet<T>>) -> Vec<T> {
    let all = sets.reduce(|mut all, one| {
        all.retain(|known| one.contains(known));
        all
    });
    all.unwrap_or_default().into_iter().collect()
}
