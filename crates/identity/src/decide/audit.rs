//! What a refusal leaves in the audit log, and in whose. Not here: writing it.

use crate::model::{Actor, AuditEvent, Outcome};
use doorward_base::TenantId;
use doorward_base::network::site;
use serde_json::json;
use std::fmt;
use std::net::IpAddr;

/// Addresses that count as one place in a log: /24 of IPv4, the site (/48) of IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Block(IpAddr);

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { 24 } else { 48 };
        write!(f, "{}/{bits}", self.0)
    }
}

#[must_use]
pub fn block_of(address: IpAddr) -> Block {
    Block(match site(address) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        v6 @ IpAddr::V6(_) => v6,
    })
}

/// Whether an event tells of nothing but that somebody unknown was refused: such ones are
/// counted together.
#[must_use]
pub const fn is_of_a_stranger(event: &AuditEvent) -> bool {
    matches!(event.outcome, Outcome::Refused(_))
        && matches!(event.actor, Actor::Anonymous)
        && event.subject.is_none()
        && event.tenant.is_none()
        && event.token.is_none()
        && event.session.is_none()
}

/// The tenant that a refused event names though its actor may have nothing to do with it.
#[must_use]
pub const fn tenant_asked_for(event: &AuditEvent) -> Option<&TenantId> {
    match (event.outcome, event.actor) {
        (Outcome::Refused(_), Actor::Subject(_)) => event.tenant.as_ref(),
        _ => None,
    }
}

/// Whether the refusal of a credential is told by the credential's name. One that is bound
/// to a tenant its owner has left is a stranger's there: its refusals are counted, and
/// nobody who was sent away goes on writing into the tenant's log.
#[must_use]
pub fn is_at_home(bound_to: Option<&TenantId>, member_of: &[TenantId]) -> bool {
    bound_to.is_none_or(|tenant| member_of.contains(tenant))
}

/// Takes a refused event out of the log of a tenant that its actor is not a member of:
/// nobody writes into a log of others by asking for what it does not get. The realm's own
/// log keeps it, and which tenant was meant.
pub fn disown(event: &mut AuditEvent) {
    if let Some(tenant) = event.tenant.take() {
        let tenant = json!(tenant.as_str());
        event.detail.insert("asked_tenant".to_owned(), tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_one_holder_has() {
        for (address, block) in [
            ("198.51.100.7", "198.51.100.0/24"),
            ("::ffff:198.51.100.7", "198.51.100.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(block_of(address).to_string(), block);
        }
    }
}
