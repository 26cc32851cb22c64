//! Audit rows held against the answers.

use crate::check::testing::*;
use crate::check::*;

#[test]
fn every_acknowledgement_has_one_audit_row_and_every_row_a_request() {
    let story = || {
        let mut story = Story::begin();
        story.exchange("t", exchanged(1, 0)).revoke("t", done());
        story
    };
    let mut dropped = story();
    let _ = dropped.rows.pop();
    assert_eq!(dropped.kinds(), [Kind::AuditMissing]);
    let mut doubled = story();
    let last = doubled.rows.last().unwrap().clone();
    doubled.rows.push(last.clone());
    assert_eq!(doubled.kinds(), [Kind::AuditTwice]);
    let mut strange = story();
    strange.rows.push(AuditRow {
        request: name("?"),
        ..last.clone()
    });
    // Keys are made on their own, and several at once.
    let key = AuditRow {
        request: name("?"),
        action: "key.create".to_owned(),
        ..last.clone()
    };
    strange.rows.extend([key.clone(), key]);
    assert_eq!(strange.kinds(), [Kind::AuditUnexplained]);
    let mut elsewhere = story();
    elsewhere.rows.last_mut().unwrap().realm = 1;
    assert_eq!(elsewhere.kinds(), [Kind::CrossedBoundary]);
    let mut by_hand = story();
    by_hand.rows.push(AuditRow {
        request: name("?"),
        operator: true,
        ..last
    });
    assert_eq!(by_hand.kinds(), []);
}

#[test]
fn a_row_without_an_answer_is_explained_once_by_each_operation_of_unknown_end() {
    let row = |request: &str| AuditRow {
        realm: 0,
        request: name(request),
        action: "token.revoke".to_owned(),
        success: true,
        operator: false,
    };
    let mut story = Story::begin();
    story.revoke("t", unknown());
    story.rows.push(row("lost"));
    assert_eq!(story.kinds(), []);
    story.rows.push(row("lost"));
    assert_eq!(story.kinds(), [Kind::AuditTwice]);
    story.rows.push(row("another"));
    assert_eq!(story.kinds().len(), 2);
}

#[test]
fn a_refusal_with_a_row_of_success_is_found() {
    let mut story = Story::begin();
    story.revoke("t", refused(404));
    let request = story.events.last().unwrap().request.clone().unwrap();
    story.rows.push(AuditRow {
        realm: 0,
        request,
        action: "token.revoke".to_owned(),
        success: true,
        operator: false,
    });
    assert_eq!(story.kinds(), [Kind::AuditContradicts]);
}
