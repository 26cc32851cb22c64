//! The audit log.

use super::fixture::{all, event, realm, session_id, subject_id, tenant_id, token_id};
use super::{reading, writing};
use crate::area::audit::LOOKED_AT;
use doorward_base::{ErrorCode, RealmId};
use doorward_identity::model::{Actor, AuditAction, AuditEvent, AuditRow, Outcome};
use doorward_identity::port::{AuditFilter, Page, StoreHandle};
use serde_json::{Map, json};

async fn append(store: &StoreHandle, realm: RealmId, events: Vec<AuditEvent>) {
    writing!(store, realm, [events], |tx| {
        for event in &events {
            tx.append_audit(event).await?;
        }
        Ok(())
    })
    .unwrap();
}

pub(crate) async fn events_come_back_as_they_were(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let mut full = event(1, AuditAction::TokenExchange);
    full.actor = Actor::Subject(subject_id(4));
    full.outcome = Outcome::Refused(ErrorCode::InvalidScope);
    full.subject = Some(subject_id(5));
    // None of these exists: an audit row speaks of what was tried.
    full.tenant = Some(tenant_id("nowhere"));
    full.token = Some(token_id(6));
    full.session = Some(session_id(7));
    full.peer = Some("2001:db8::1".parse().unwrap());
    full.detail = Map::from_iter([("scope".to_owned(), json!({"asked": ["é", null, 1.5]}))]);
    let events: Vec<_> = [Actor::Operator, Actor::Anonymous, Actor::System]
        .into_iter()
        .map(|actor| {
            let mut event = event(2, AuditAction::SignIn);
            event.actor = actor;
            event.peer = Some("192.0.2.7".parse().unwrap());
            event
        })
        .chain([full])
        .collect();
    append(&store, realm, events.clone()).await;
    let rows = reading!(store, realm, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await)
    .unwrap();
    let read_back: Vec<_> = rows.iter().rev().map(|row| row.event.clone()).collect();
    assert_eq!(read_back, events);
    assert!(rows.is_sorted_by(|newer, older| newer.seq > older.seq));
}

pub(crate) async fn every_action_can_be_read_back(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let events: Vec<_> = AuditAction::ALL.iter().map(|&a| event(1, a)).collect();
    append(&store, realm, events).await;
    let rows = reading!(store, realm, [], |tx| tx
        .list_audit(&AuditFilter::default(), all())
        .await)
    .unwrap();
    let actions: Vec<_> = rows.iter().rev().map(|row| row.event.action).collect();
    assert_eq!(actions, AuditAction::ALL);
}

fn about(n: u8, subject: Option<u8>, tenant: Option<&str>, action: AuditAction) -> AuditEvent {
    let mut event = event(n, action);
    event.subject = subject.map(subject_id);
    event.tenant = tenant.map(tenant_id);
    event
}

fn filter(subject: Option<u8>, tenant: Option<&str>, action: Option<&str>) -> AuditFilter {
    AuditFilter {
        subject: subject.map(subject_id),
        tenant: tenant.map(tenant_id),
        action: action.map(str::to_owned),
    }
}

async fn list(
    store: &StoreHandle,
    realm: RealmId,
    filter: &AuditFilter,
    page: Page<i64>,
) -> Vec<AuditRow> {
    let filter = filter.clone();
    reading!(store, realm, [filter], |tx| tx
        .list_audit(&filter, page)
        .await)
    .unwrap()
}

pub(crate) async fn events_are_filtered(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let events = vec![
        about(1, Some(1), Some("acme"), AuditAction::SignIn),
        about(2, Some(1), None, AuditAction::SignIn),
        about(3, Some(2), Some("acme"), AuditAction::TokenCreate),
        about(4, None, Some("globex"), AuditAction::TokenCreate),
        about(5, Some(1), Some("acme"), AuditAction::TokenCreate),
    ];
    append(&store, realm, events).await;
    for (asked, expected) in [
        (filter(None, None, None), vec![5, 4, 3, 2, 1]),
        (filter(Some(1), None, None), vec![5, 2, 1]),
        (filter(None, Some("acme"), None), vec![5, 3, 1]),
        (filter(None, None, Some("token.create")), vec![5, 4, 3]),
        (filter(Some(1), Some("acme"), None), vec![5, 1]),
        (
            filter(Some(1), Some("acme"), Some("session.sign_in")),
            vec![1],
        ),
        (filter(None, Some("acme"), Some("token.create")), vec![5, 3]),
        (filter(Some(1), None, Some("token.create")), vec![5]),
        (filter(Some(9), None, None), vec![]),
        (filter(None, None, Some("' OR 1=1 --")), vec![]),
    ] {
        let rows = list(&store, realm, &asked, all()).await;
        let seconds: Vec<_> = rows.iter().map(|row| row.event.at.as_seconds()).collect();
        assert_eq!(seconds, expected, "{asked:?}");
    }
}

/// D2: a search that finds nothing gives up after so many rows, and says where to go on.
pub(crate) async fn a_search_looks_at_a_bounded_number_of_events(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let sought = about(1, Some(1), Some("acme"), AuditAction::TokenCreate);
    let others = about(2, Some(1), Some("acme"), AuditAction::SignIn);
    let looked_at = i64::from(LOOKED_AT);
    append(&store, realm, vec![sought]).await;
    for _ in 0..2 {
        append(&store, realm, vec![others.clone(); LOOKED_AT as usize / 2]).await;
    }
    let asked = filter(None, Some("acme"), Some("token.create"));
    let horizon = |asked: &AuditFilter, after| {
        let (store, asked) = (store.clone(), asked.clone());
        async move {
            reading!(store, realm, [asked], |tx| tx
                .find_audit_horizon(&asked, after)
                .await)
            .unwrap()
        }
    };
    let newest = list(&store, realm, &filter(None, None, None), all()).await[0].seq;
    assert_eq!(list(&store, realm, &asked, all()).await, []);
    let on = horizon(&asked, None).await;
    assert_eq!(on, Some(newest - looked_at + 1));
    let page = Page {
        after: on,
        limit: 9,
    };
    assert_eq!(list(&store, realm, &asked, page).await.len(), 1);
    assert_eq!(horizon(&asked, on).await, None);
    // What most events are has no index of its own.
    let frequent = filter(None, None, Some("session.sign_in"));
    assert_eq!(horizon(&frequent, None).await, Some(newest - looked_at + 1));
    let rare = filter(None, None, Some("token.create"));
    assert_eq!(horizon(&rare, None).await, None);
    // An index serves one condition: its page ends it.
    assert_eq!(horizon(&filter(None, Some("acme"), None), None).await, None);
    assert_eq!(horizon(&filter(None, None, None), None).await, None);
}

pub(crate) async fn events_are_paged(store: StoreHandle) {
    let realm = realm(&store, "a").await;
    let events = [Some(1), Some(2), Some(1), None, Some(1)];
    let events = (1..).zip(events);
    let events = events.map(|(n, subject)| about(n, subject, None, AuditAction::SignIn));
    append(&store, realm, events.collect()).await;
    for (asked, expected) in [
        (
            filter(None, None, None),
            vec![vec![5, 4], vec![3, 2], vec![1]],
        ),
        (filter(Some(1), None, None), vec![vec![5, 3], vec![1]]),
    ] {
        let mut after = None;
        for expected in expected {
            let rows = list(&store, realm, &asked, Page { after, limit: 2 }).await;
            let seconds: Vec<_> = rows.iter().map(|row| row.event.at.as_seconds()).collect();
            assert_eq!(seconds, expected, "{asked:?}");
            after = rows.last().map(|row| row.seq);
        }
        let rows = list(&store, realm, &asked, Page { after, limit: 2 }).await;
        assert_eq!(rows, []);
    }
}
