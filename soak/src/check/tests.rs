//! Good and bad histories by hand: each rule finds what breaks it, and nothing in what
//! merely looks like it.

use super::testing::*;
use super::*;
use crate::history::{Action, Effect, Outcome, Reach, Standing};

#[test]
fn a_quiet_life_breaks_no_rule() {
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .use_it(jwt(1, "t"), passed("owner"));
    story.use_it(token("t"), passed("owner"));
    story.revoke("t", done()).exchange("t", refused(401));
    story
        .use_it(token("t"), refused(401))
        .use_it(jwt(1, "t"), refused(401));
    story.create("u").exchange("u", exchanged(2, 0));
    story.list(&[("t", Standing::Ended), ("u", Standing::Active)]);
    assert_eq!(story.kinds(), []);
}

#[test]
fn an_exchange_after_an_acknowledged_revocation_is_found_on_any_node_at_once() {
    for node in [0, 1] {
        let mut story = Story::begin();
        story.revoke("t", done()).at(node).after(1);
        assert_eq!(
            story.exchange("t", exchanged(1, 0)).kinds(),
            [Kind::AcceptedAfterEnd]
        );
    }
}

#[test]
fn an_exchange_that_overlaps_the_revocation_may_go_either_way() {
    let mut story = Story::begin();
    story
        .revoke("t", done())
        .meanwhile()
        .exchange("t", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    let mut story = Story::begin();
    story
        .revoke("t", done())
        .meanwhile()
        .exchange("t", refused(401));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_gate_elsewhere_has_the_lease_and_a_second_and_no_more() {
    for credential in [token("t"), jwt(1, "t")] {
        for (node, wait, wanted) in [
            (0, 1, vec![Kind::AcceptedAfterEnd]),
            (1, ELSEWHERE, vec![]),
            (1, ELSEWHERE + 1, vec![Kind::AcceptedAfterEnd]),
        ] {
            let mut story = Story::begin();
            story.exchange("t", exchanged(1, 0)).revoke("t", done());
            story
                .at(node)
                .after(wait)
                .use_it(credential.clone(), passed("owner"));
            assert_eq!(
                story.kinds(),
                wanted,
                "{credential:?} on node {node} after {wait}"
            );
        }
    }
}

#[test]
fn a_node_whose_look_into_the_store_refused_may_not_have_heard_at_its_gate() {
    for (wait, wanted) in [(1, vec![]), (ELSEWHERE + 1, vec![Kind::AcceptedAfterEnd])] {
        let mut story = Story::begin();
        story.exchange("t", exchanged(1, 0)).revoke("t", done());
        story.at(1).after(1).exchange("t", refused(401));
        story.after(wait).use_it(jwt(1, "t"), passed("owner"));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
}

#[test]
fn an_access_token_of_an_expiry_realm_lives_on_and_its_api_token_does_not() {
    let mut story = Story::begin();
    story
        .west()
        .create("x")
        .exchange("x", exchanged(1, 1))
        .revoke("x", done());
    story.use_it(jwt(1, "x"), passed("west-owner"));
    assert_eq!(story.kinds(), []);
    story.use_it(token("x"), passed("west-owner"));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn an_access_token_of_an_expiry_realm_must_not_be_refused() {
    let mut story = Story::begin();
    story
        .west()
        .create("x")
        .exchange("x", exchanged(1, 1))
        .revoke("x", done());
    assert_eq!(
        story.use_it(jwt(1, "x"), refused(401)).kinds(),
        [Kind::LiveRefused]
    );
}

#[test]
fn a_revocation_nobody_knows_the_end_of_excuses_both_answers_until_the_store_has_spoken() {
    let mut story = Story::begin();
    story.revoke("t", unknown()).exchange("t", exchanged(1, 0));
    story.exchange("t", refused(401));
    assert_eq!(story.kinds(), []);
    story.exchange("t", exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn a_revocation_that_was_refused_ended_nothing() {
    let mut story = Story::begin();
    story
        .revoke("t", refused(404))
        .exchange("t", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", refused(401)).kinds(),
        [Kind::LiveRefused]
    );
}

#[test]
fn a_token_refused_right_after_it_was_made_is_found_and_a_5xx_is_no_refusal() {
    let mut story = Story::begin();
    story
        .exchange("t", unknown())
        .use_it(token("t"), refused(429));
    assert_eq!(story.kinds(), []);
    story.use_it(token("t"), refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
}

#[test]
fn regeneration_ends_the_old_token_and_gives_the_new_one_its_owner() {
    let mut story = Story::begin();
    let (by, token) = (name("s"), name("t"));
    let minted = Outcome::Ok(Effect::Minted(name("u")));
    story.tell(Action::Regenerate { by, token }, minted);
    story.exchange("u", exchanged(1, 0));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", exchanged(2, 0)).kinds()[0],
        Kind::AcceptedAfterEnd
    );
}

#[test]
fn two_tokens_that_surely_lived_at_once_are_found_only_where_one_may() {
    let mut story = Story::begin();
    story
        .create("u")
        .exchange("u", exchanged(1, 0))
        .exchange("t", exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::TwoActive]);
    let mut story = Story::begin();
    story.west().create("x").create("y");
    story
        .exchange("x", exchanged(1, 1))
        .exchange("y", exchanged(2, 1));
    assert_eq!(story.kinds(), []);
    // The first was last seen before the second was made.
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .create("u")
        .exchange("u", exchanged(2, 0));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_listing_tells_of_lost_and_of_doubled_tokens() {
    let listed = |tokens: &[(&str, Standing)]| Story::begin().list(tokens).kinds();
    assert_eq!(listed(&[]), [Kind::LostWrite]);
    assert_eq!(listed(&[("t", Standing::Ended)]), [Kind::LostWrite]);
    let two = [("t", Standing::Active), ("?", Standing::Active)];
    assert_eq!(listed(&two), [Kind::TwoActive]);
    let mut story = Story::begin();
    story.revoke("t", done()).list(&[("t", Standing::Active)]);
    assert_eq!(story.kinds(), [Kind::LostWrite]);
}

#[test]
fn a_session_manages_nothing_after_its_end_and_until_then_is_not_refused() {
    let session = || Action::SignOut { session: name("s") };
    let mut story = Story::begin();
    story
        .tell(session(), done())
        .at(1)
        .after(1)
        .revoke("t", done());
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    assert_eq!(story.revoke("t", refused(401)).kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    story.tell(session(), unknown()).revoke("t", refused(401));
    assert_eq!(story.kinds(), []);
}

fn wide(token: &str) -> Action {
    Action::Exchange {
        token: name(token),
        reach: Reach::Write,
    }
}

#[test]
fn a_permission_is_there_from_its_grant_to_its_removal() {
    let mut story = Story::begin();
    story
        .tell(wide("t"), refused(400))
        .grant(done())
        .tell(wide("t"), exchanged(1, 0));
    story.take_away(done()).tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), []);
    story.tell(wide("t"), exchanged(2, 0));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
}

#[test]
fn a_permission_that_was_granted_must_not_be_refused_and_one_never_granted_not_accepted() {
    let mut story = Story::begin();
    story.grant(done()).tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), [], "it was made without the permission");
    story.create("x").tell(wide("x"), refused(400));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    assert_eq!(
        story.tell(wide("t"), exchanged(1, 0)).kinds(),
        [Kind::AcceptedAfterEnd]
    );
}

#[test]
fn an_unknown_removal_may_take_effect_late_but_a_grant_after_it_counts_again() {
    let mut story = Story::begin();
    story.grant(done()).take_away(unknown());
    story
        .tell(wide("t"), exchanged(1, 0))
        .tell(wide("t"), refused(400));
    story.grant(done()).tell(wide("t"), exchanged(2, 0));
    // The first removal may still have been under way.
    story.tell(wide("t"), refused(400));
    assert_eq!(story.kinds(), []);
}

#[test]
fn what_the_store_says_of_a_permission_is_held_against_the_history() {
    let read = |held| {
        (
            Action::ReadGrant { owner: OWNER },
            Outcome::Ok(Effect::Held(held)),
        )
    };
    for (held, wanted) in [(true, vec![]), (false, vec![Kind::LostWrite])] {
        let mut story = Story::begin();
        let (action, outcome) = read(held);
        assert_eq!(story.grant(done()).tell(action, outcome).kinds(), wanted);
    }
    let mut story = Story::begin();
    let (action, outcome) = read(true);
    story.grant(done()).take_away(done()).tell(action, outcome);
    assert_eq!(story.kinds(), [Kind::LostWrite]);
}

#[test]
fn a_permission_taken_away_outdates_access_tokens_of_an_immediate_realm() {
    let mut story = Story::begin();
    story.grant(done()).exchange("t", exchanged(1, 0));
    story.take_away(done()).use_it(jwt(1, "t"), refused(401));
    assert_eq!(story.kinds(), []);
    story.use_it(jwt(1, "t"), passed("owner"));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    story
        .exchange("t", exchanged(1, 0))
        .take_away(Outcome::Ok(Effect::Unchanged))
        .use_it(jwt(1, "t"), passed("owner"));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_permission_given_may_outdate_access_tokens_and_need_not() {
    for outcome in [refused(401), passed("owner")] {
        let mut story = Story::begin();
        story.exchange("t", exchanged(1, 0)).grant(done());
        assert_eq!(story.use_it(jwt(1, "t"), outcome).kinds(), []);
    }
}

#[test]
fn nothing_of_one_realm_is_accepted_in_another() {
    let mut story = Story::begin();
    story
        .west()
        .exchange("t", refused(401))
        .use_it(token("t"), refused(401));
    assert_eq!(story.kinds(), []);
    assert_eq!(
        story.exchange("t", exchanged(1, 1)).kinds(),
        [Kind::CrossedBoundary]
    );
    let mut story = Story::begin();
    story.west().use_it(token("t"), passed("owner"));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
    let mut story = Story::begin();
    assert_eq!(
        story.west().revoke("t", done()).kinds(),
        [Kind::CrossedBoundary]
    );
}

#[test]
fn nobody_is_taken_for_somebody_else() {
    let mut story = Story::begin();
    assert_eq!(
        story.exchange("t", exchanged(1, 1)).kinds(),
        [Kind::CrossedBoundary]
    );
    let mut story = Story::begin();
    assert_eq!(
        story.use_it(token("t"), passed("other")).kinds(),
        [Kind::CrossedBoundary]
    );
}

#[test]
fn a_manager_of_one_tenant_handles_nothing_of_another() {
    let create = || Action::Create {
        by: name("s"),
        owner: OTHER,
    };
    let mut story = Story::begin();
    story.tell(create(), refused(404));
    assert_eq!(story.kinds(), []);
    story.tell(create(), Outcome::Ok(Effect::Minted(name("u"))));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
}

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

#[test]
fn a_report_shows_the_events_in_the_order_of_time() {
    let mut story = Story::begin();
    story.revoke("t", done()).exchange("t", exchanged(1, 0));
    let found = check(&world(), &story.events, &story.rows);
    let report = Report {
        violation: &found[0],
        events: &story.events,
    };
    let text = report.to_string();
    let place = |what: &str| text.find(what).unwrap();
    assert!(place("Create") < place("Revoke"), "{text}");
    assert!(place("Revoke") < place("Exchange"), "{text}");
    assert!(text.starts_with("AcceptedAfterEnd: token t"), "{text}");
}

#[test]
fn a_refresh_token_works_once() {
    let mut story = Story::begin();
    story.refresh(0, refreshed(1)).refresh(1, refreshed(2));
    assert_eq!(story.kinds(), []);
    // At once or much later, also side by side: with no interval one alone may win.
    for wait in [1, 60 * SECOND] {
        let mut story = Story::begin();
        story
            .refresh(0, refreshed(1))
            .after(wait)
            .refresh(0, refreshed(1));
        assert_eq!(story.kinds(), [Kind::ReplayAccepted], "after {wait}");
    }
    let mut story = Story::begin();
    story
        .refresh(0, refreshed(1))
        .meanwhile()
        .refresh(0, refreshed(1));
    assert_eq!(story.kinds(), [Kind::ReplayAccepted]);
}

#[test]
fn a_reuse_interval_gives_the_same_answer_for_so_long_and_to_the_parent_alone() {
    for (wait, wanted) in [
        (1, vec![]),
        (2 * SECOND, vec![]),
        (2 * SECOND + 1, vec![Kind::ReplayAccepted]),
    ] {
        let mut story = Story::begin();
        story.west().refresh(0, refreshed(1));
        story.after(wait).refresh(0, refreshed(1));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
    let mut story = Story::begin();
    story
        .west()
        .refresh(0, refreshed(1))
        .after(1)
        .refresh(1, refreshed(2));
    story.after(1).refresh(0, refreshed(2));
    assert_eq!(story.kinds(), [Kind::ReplayAccepted]);
}

#[test]
fn what_is_over_is_not_refreshed() {
    let mut story = Story::begin();
    story.sign_out(done()).after(1).refresh(0, refreshed(1));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    // A replay that was refused has ended the session.
    let mut story = Story::begin();
    story
        .refresh(0, refreshed(1))
        .after(1)
        .refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
    story.after(1).refresh(1, refreshed(2));
    assert_eq!(story.kinds(), [Kind::AcceptedAfterEnd]);
    let mut story = Story::begin();
    story.sign_out(done()).meanwhile().refresh(0, refreshed(1));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_refresh_token_that_nobody_used_is_not_refused() {
    let mut story = Story::begin();
    story.refresh(0, refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    let mut story = Story::begin();
    story.refresh(0, refreshed(1)).refresh(1, refused(401));
    assert_eq!(story.kinds(), [Kind::LiveRefused]);
    // Within the interval, nor one that was used.
    for (wait, wanted) in [(SECOND, vec![Kind::LiveRefused]), (2 * SECOND, vec![])] {
        let mut story = Story::begin();
        story.west().refresh(0, refreshed(1));
        story.after(wait).refresh(0, refused(401));
        assert_eq!(story.kinds(), wanted, "after {wait}");
    }
    // Nobody knows of one without an answer whether it was first.
    let mut story = Story::begin();
    story.refresh(0, unknown()).refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
    let mut story = Story::begin();
    story.sign_out(unknown()).refresh(0, refused(401));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_refresh_token_is_none_in_another_realm_and_ends_nothing_there() {
    let mut story = Story::begin();
    let elsewhere = || Action::Refresh {
        session: name("s"),
        number: 0,
    };
    story.west().tell(elsewhere(), refused(401));
    story.east().refresh(0, refreshed(1));
    assert_eq!(story.kinds(), []);
    story.west().tell(elsewhere(), refreshed(1));
    assert_eq!(story.kinds(), [Kind::CrossedBoundary]);
}
