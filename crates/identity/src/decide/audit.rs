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

/// Where an event that was taken out of a tenant's log says which tenant was meant.
pub const ASKED_TENANT: &str = "asked_tenant";

/// Takes a refused event out of the log of a tenant that its actor is not a member of:
/// nobody writes into a log of others by asking for what it does not get. The realm's own
/// log keeps it, and which tenant was meant.
pub fn disown(event: &mut AuditEvent) {
    if let Some(tenant) = event.tenant.take() {
        let tenant = json!(tenant.as_str());
        event.detail.insert(ASKED_TENANT.to_owned(), tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, id, tenant};
    use super::*;
    use crate::model::AuditAction;
    use doorward_base::{ApiTokenId, ErrorCode, RequestId, SessionId};
    use serde_json::Map;

    fn refused(actor: Actor) -> AuditEvent {
        AuditEvent {
            at: NOW,
            request: RequestId::from_bytes([1; 16]),
            actor,
            action: AuditAction::TokenPresent,
            outcome: Outcome::Refused(ErrorCode::TokenInvalid),
            subject: None,
            tenant: None,
            token: None,
            session: None,
            peer: None,
            detail: Map::new(),
        }
    }

    #[test]
    fn a_stranger_is_who_was_refused_and_names_nothing() {
        let stranger = || refused(Actor::Anonymous);
        assert!(is_of_a_stranger(&stranger()));
        for event in [
            refused(Actor::Subject(id(1))),
            AuditEvent {
                outcome: Outcome::Success,
                ..stranger()
            },
            AuditEvent {
                subject: Some(id(1)),
                ..stranger()
            },
            AuditEvent {
                tenant: Some(tenant("acme")),
                ..stranger()
            },
            AuditEvent {
                token: Some(ApiTokenId::from_bytes([1; 16])),
                ..stranger()
            },
            AuditEvent {
                session: Some(SessionId::from_bytes([1; 16])),
                ..stranger()
            },
        ] {
            assert!(!is_of_a_stranger(&event), "{event:?}");
        }
    }

    #[test]
    fn a_tenant_is_only_asked_for_by_a_subject_that_was_refused() {
        let acme = tenant("acme");
        for (actor, done, expected) in [
            (Actor::Subject(id(1)), false, Some(&acme)),
            (Actor::Subject(id(1)), true, None),
            (Actor::Anonymous, false, None),
            (Actor::Operator, false, None),
        ] {
            let mut event = refused(actor);
            event.tenant = Some(acme.clone());
            if done {
                event.outcome = Outcome::Success;
            }
            assert_eq!(tenant_asked_for(&event), expected, "{actor:?} {done}");
        }
    }

    #[test]
    fn the_log_of_others_is_not_written_into() {
        let mut event = refused(Actor::Subject(id(1)));
        event.tenant = Some(tenant("acme"));
        disown(&mut event);
        assert_eq!(event.tenant, None);
        assert_eq!(event.detail.get("asked_tenant"), Some(&json!("acme")));
        let mut of_none = refused(Actor::Subject(id(1)));
        disown(&mut of_none);
        assert_eq!(of_none, refused(Actor::Subject(id(1))));
    }

    #[test]
    fn a_credential_is_at_home_where_its_owner_is_a_member() {
        let member_of = [tenant("acme"), tenant("globex")];
        let [acme, other] = [tenant("acme"), tenant("other")];
        for (bound_to, home) in [(None, true), (Some(&acme), true), (Some(&other), false)] {
            assert_eq!(is_at_home(bound_to, &member_of), home, "{bound_to:?}");
        }
    }

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
