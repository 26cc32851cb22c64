//! Whose refusals are counted together, and what a flood takes out of nobody else's.

use super::*;
use doorward_base::{RequestId, SubjectId};
use serde_json::Map;
use std::net::{IpAddr, Ipv4Addr};

const REALM: RealmId = RealmId(1);
const OTHER: RealmId = RealmId(2);
const ADA: Actor = Actor::Subject(SubjectId::from_bytes([1; 16]));
const EVE: Actor = Actor::Subject(SubjectId::from_bytes([2; 16]));

fn refused(actor: Actor, tenant: Option<&str>, detail: &[(&str, &str)]) -> AuditEvent {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), json!(value));
    AuditEvent {
        at: Timestamp::from_seconds(1_800_000_000),
        request: RequestId::from_bytes([1; 16]),
        actor,
        action: AuditAction::ClientCreate,
        outcome: Outcome::Refused(ErrorCode::NotFound),
        subject: None,
        tenant: tenant.map(|id| id.parse().unwrap()),
        token: None,
        session: None,
        peer: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        detail: detail.iter().map(text).collect::<Map<_, _>>(),
    }
}

/// From the block of this number.
fn from(number: usize, event: AuditEvent) -> AuditEvent {
    let [.., a, b] = u32::try_from(number).unwrap().to_be_bytes();
    AuditEvent {
        peer: Some(IpAddr::V4(Ipv4Addr::new(10, a, b, 1))),
        ..event
    }
}

fn rows(strangers: &Strangers) -> Vec<AuditEvent> {
    lock(&strangers.counts).kinds.values().map(row).collect()
}

fn told(row: &AuditEvent) -> u64 {
    row.detail["count"].as_u64().unwrap()
}

#[test]
fn what_is_in_one_log_is_not_counted_in_anothers() {
    let strangers = Strangers::default();
    for (tenant, detail) in [
        (Some("acme"), &[][..]),
        (Some("acme"), &[]),
        (Some("globex"), &[]),
        (None, &[("asked_tenant", "acme")]),
        (None, &[("asked_tenant", "globex")]),
        (Some("acme"), &[("invitation", "one")]),
        (Some("acme"), &[("invitation", "two")]),
    ] {
        strangers.count(REALM, refused(ADA, tenant, detail));
    }
    let rows = rows(&strangers);
    assert_eq!(rows.len(), 6);
    let of = |tenant: &str| {
        let tenant = tenant.parse().unwrap();
        let of = rows
            .iter()
            .filter(|row| row.tenant.as_ref() == Some(&tenant));
        of.map(told).sum::<u64>()
    };
    assert_eq!((of("acme"), of("globex")), (4, 1));
}

/// Whoever probes fills few rows of its own, and takes the name out of nobody's.
#[test]
fn who_asks_for_ever_is_counted_with_itself_alone() {
    const TIMES: usize = 5000;
    let strangers = Strangers::default();
    for number in 0..TIMES {
        let tenant = format!("probe{number}");
        let event = refused(EVE, None, &[("asked_tenant", &tenant), ("client", &tenant)]);
        strangers.count(REALM, from(number, event));
        let event = refused(Actor::Anonymous, None, &[("client", &tenant)]);
        strangers.count(REALM, event);
    }
    strangers.count(REALM, refused(ADA, Some("acme"), &[("client", "one")]));
    let rows = rows(&strangers);
    for (actor, kinds) in [(EVE, ABOUT + 1), (Actor::Anonymous, ABOUT + 1), (ADA, 1)] {
        let own: Vec<_> = rows.iter().filter(|row| row.actor == actor).collect();
        assert_eq!(own.len(), kinds, "{actor:?}");
        let all: u64 = own.iter().map(|row| told(row)).sum();
        let expected = if actor == ADA { 1 } else { TIMES };
        assert_eq!(all, u64::try_from(expected).unwrap(), "{actor:?}");
        let of_many = own.iter().filter(|row| told(row) > 1);
        for row in of_many {
            assert_eq!(row.detail.get("client"), None);
            assert_eq!(row.detail.get("asked_tenant"), None);
        }
    }
    let of_ada = rows.iter().find(|row| row.actor == ADA).unwrap();
    assert_eq!(of_ada.tenant, Some("acme".parse().unwrap()));
    assert_eq!(of_ada.detail["client"], "one");
    // It came from everywhere, and the row names no place.
    let spread = rows.iter().find(|row| row.actor == EVE && told(row) > 1);
    let spread = spread.unwrap();
    assert_eq!((spread.peer, &spread.detail["from"]), (None, &json!(null)));
}

#[test]
fn a_flood_from_everywhere_stays_in_its_realm_and_names_the_log() {
    let strangers = Strangers::default();
    for number in 0..MOST + 50 {
        let event = refused(Actor::Anonymous, Some("acme"), &[]);
        strangers.count(REALM, from(number, event));
    }
    let before = rows(&strangers);
    assert_eq!(before.len(), MOST + 1);
    let acme = Some("acme".parse().unwrap());
    assert!(before.iter().all(|row| row.tenant == acme));
    let together: Vec<_> = before.iter().filter(|row| told(row) > 1).collect();
    assert_eq!(together.len(), 1);
    assert_eq!((told(together[0]), together[0].peer), (50, None));
    // Who is known is told by name, and so are strangers of another realm.
    strangers.count(REALM, refused(ADA, None, &[("client", "one")]));
    strangers.count(OTHER, refused(Actor::Anonymous, None, &[("client", "two")]));
    let rows = rows(&strangers);
    for client in ["one", "two"] {
        let is_told = |row: &AuditEvent| row.detail.get("client") == Some(&json!(client));
        assert!(rows.iter().any(is_told), "{client}");
    }
    assert!(rows.iter().any(|row| row.actor == ADA));
}

#[test]
fn each_realm_has_its_own_room_for_rows() {
    let strangers = Strangers::default();
    for number in 0..=MOST {
        let event = from(number, refused(Actor::Anonymous, None, &[]));
        strangers.was_written(REALM, &event);
    }
    let event = refused(ADA, None, &[]);
    assert!(!strangers.has_room(REALM, &event));
    assert!(strangers.has_room(OTHER, &event));
}
